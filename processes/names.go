package processes

import (
	"context"
	"errors"
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// Naming gives names to accounts: a login is one account's on its service, its part before the @ one party's on all
// services and in all domains of the co-op, and what is freed rests before somebody else has it.
type Naming struct {
	Store   *eventstore.Store
	Domains []string // of addresses; none: any
	Rest    int      // for how many days a name that was freed is given to nobody else
	Aliases int      // how many further addresses an account may have
	Today   func() calendar.Date
}

// wishDays is for how many days a name is kept that somebody wishes for.
const wishDays = 30

// ErrNotOurDomain refuses an address in a domain of somebody else.
var ErrNotOurDomain = domain.Refusal{Code: "provisioning.not_our_domain", Reason: "addresses are in {domains}: choose one there"}

// Check refuses what is no login, or is none of the co-op's to give.
func (n Naming) Check(login provisioning.Login) error {
	if _, err := provisioning.ParseLogin(string(login)); err != nil {
		return err
	}
	if len(n.Domains) > 0 && !slices.Contains(n.Domains, login.Domain()) {
		return ErrNotOurDomain.With("domains", strings.Join(n.Domains, ", "))
	}
	return nil
}

// Available refuses a login that a party cannot have, on whatever service.
func (n Naming) Available(ctx context.Context, party domain.PartyID, login provisioning.Login) error {
	if err := n.Check(login); err != nil {
		return err
	}
	_, err := eventstore.Transact(ctx, n.Store, func(tx *eventstore.Tx) error { return n.free(tx, party, login) })
	return err
}

// inLog returns a login as the log names it.
func inLog(tx *eventstore.Tx, login provisioning.Login) (provisioning.Named, error) {
	digests, err := tx.Digests()
	return login.Named(digests), err
}

func (n Naming) free(tx *eventstore.Tx, party domain.PartyID, login provisioning.Login) error {
	named, err := inLog(tx, login)
	if err != nil {
		return err
	}
	name, _, err := eventstore.Load[provisioning.Name](tx, named.NameStream())
	if err == nil {
		err = name.Free(login, party, n.Today())
	}
	if err != nil {
		return err
	}
	for _, service := range domain.Services {
		if service.App() {
			continue
		}
		binding, _, err := eventstore.Load[provisioning.Binding](tx, named.Stream(service))
		if err != nil {
			return err
		}
		if err := binding.Free(party, n.Today()); err != nil {
			return err
		}
	}
	return nil
}

// Wish has the accounts that a party does not have yet be made under a login, which is kept for them for a while.
func (n Naming) Wish(tx *eventstore.Tx, party domain.PartyID, login provisioning.Login) error {
	if err := n.Check(login); err != nil {
		return err
	}
	if err := n.free(tx, party, login); err != nil {
		return err
	}
	today := n.Today()
	through, use := today.AddDays(wishDays), provisioning.WishUse(party)
	before, _, err := eventstore.Load[provisioning.Wish](tx, provisioning.WishStream(party))
	if err != nil {
		return err
	}
	digests, err := tx.Digests()
	if err != nil {
		return err
	}
	if was, wished := before.Login(); wished && was.Local() != login.Local() {
		// It was used by nobody, so it does not rest.
		if err := eventstore.Do(tx, provisioning.FreeName{Login: was.Named(digests), Party: party, Use: use, On: today, Rests: today}); err != nil {
			return err
		}
	}
	if err := eventstore.Do(tx, provisioning.HoldName{Login: login.Named(digests), Party: party, Use: use, On: today, Through: through}); err != nil {
		return err
	}
	return eventstore.Do(tx, provisioning.WishLogin{Party: party, Login: login, On: today, Through: through})
}

// request asks for an account, and holds the name of its login for who has it.
func request(ctx context.Context, s *eventstore.Store, cmd provisioning.RequestAccount) error {
	_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
		if err := eventstore.Do2(tx, cmd); err != nil {
			return err
		}
		return eventstore.Do(tx, provisioning.HoldName{
			Login: cmd.Login, Party: cmd.Party, Use: provisioning.LoginUse(cmd.Service, cmd.Login), On: cmd.On,
		})
	})
	return err
}

// unavailable are why another login is tried.
func unavailable(err error) bool {
	return errors.Is(err, provisioning.ErrLoginTaken) || errors.Is(err, provisioning.ErrReserved) ||
		errors.Is(err, provisioning.ErrNameTaken) || errors.Is(err, provisioning.ErrLoginResting)
}

// wished returns the login that a party wishes for, or none.
func wished(ctx context.Context, s *eventstore.Store, party domain.PartyID) (provisioning.Login, error) {
	wish, _, err := read[provisioning.Wish](ctx, s, provisioning.WishStream(party))
	login, _ := wish.Login()
	return login, err
}

// AddAlias gives an account a further address.
func (n Naming) AddAlias(tx *eventstore.Tx, account domain.AccountID, alias provisioning.Login) error {
	if err := n.Check(alias); err != nil {
		return err
	}
	of, today, err := n.account(tx, account)
	if err != nil {
		return err
	}
	named, err := inLog(tx, alias)
	if err != nil {
		return err
	}
	if err := eventstore.Do2(tx, provisioning.AddAlias{Account: account, Service: of.Service, Alias: named, Most: n.Aliases, On: today}); err != nil {
		return err
	}
	return eventstore.Do(tx, provisioning.HoldName{Login: named, Party: of.Party, Use: provisioning.LoginUse(of.Service, named), On: today})
}

// RemoveAlias takes a further address from an account, and has it rest.
func (n Naming) RemoveAlias(tx *eventstore.Tx, account domain.AccountID, alias provisioning.Login) error {
	of, today, err := n.account(tx, account)
	if err != nil {
		return err
	}
	state, _, err := eventstore.Load[provisioning.Account](tx, provisioning.StreamOf(account))
	if login, _ := state.Login(); err != nil || login == alias {
		return errors.Join(err, provisioning.ErrAddressChosen)
	}
	named, err := inLog(tx, alias)
	if err != nil {
		return err
	}
	err = eventstore.Do2(tx, provisioning.RemoveAlias{Account: account, Service: of.Service, Alias: named, On: today, Rests: today.AddDays(n.Rest)})
	if err != nil {
		return err
	}
	return n.freeName(tx, of.Subject, named)
}

// Rename has an account go by another address, which becomes one of its own. Its login, and mail to what it was called
// before, stay.
func (n Naming) Rename(tx *eventstore.Tx, account domain.AccountID, address provisioning.Login) error {
	if err := n.AddAlias(tx, account, address); err != nil {
		return err
	}
	named, err := inLog(tx, address)
	if err != nil {
		return err
	}
	return eventstore.Do(tx, provisioning.ChooseAddress{Account: account, Address: named, On: n.Today()})
}

func (n Naming) account(tx *eventstore.Tx, account domain.AccountID) (of provisioning.AccountRequested, today calendar.Date, err error) {
	state, _, err := eventstore.Load[provisioning.Account](tx, provisioning.StreamOf(account))
	of, requested := state.Requested()
	if err == nil && !requested {
		err = provisioning.ErrUnknown
	}
	return of, n.Today(), err
}

func (n Naming) freeName(tx *eventstore.Tx, of provisioning.Subject, login provisioning.Named) error {
	today := n.Today()
	return eventstore.Do(tx, provisioning.FreeName{
		Login: login, Party: of.Party, Use: provisioning.LoginUse(of.Service, login), On: today, Rests: today.AddDays(n.Rest),
	})
}

// Process holds the names of logins that were given before names were held, and frees logins of accounts that are gone.
// Of who was erased nobody knows the logins any more: they are given to nobody.
func (n Naming) Process() Process {
	return Process{
		Name:  "names",
		Wants: []any{provisioning.LoginBound{}, provisioning.AccountDeleted{}},
		Handle: func(ctx context.Context, _ eventstore.Record, event any) error {
			switch e := event.(type) {
			case provisioning.LoginBound:
				return n.hold(ctx, e)
			case provisioning.AccountDeleted:
				return n.leave(ctx, e.Account)
			}
			return nil
		},
	}
}

func (n Naming) hold(ctx context.Context, e provisioning.LoginBound) error {
	login, known := e.Login.Reveal()
	if !known {
		return nil
	}
	_, err := eventstore.Transact(ctx, n.Store, func(tx *eventstore.Tx) error {
		named, err := inLog(tx, login)
		if err != nil {
			return err
		}
		binding, _, err := eventstore.Load[provisioning.Binding](tx, named.Stream(e.Service))
		if account, bound := binding.Account(); err != nil || !bound || account != e.Account {
			return err
		}
		return eventstore.Do(tx, provisioning.HoldName{Login: named, Party: e.Party, Use: provisioning.LoginUse(e.Service, named), On: n.Today()})
	})
	// Two may have had it before names were held: then the first keeps it, and both their logins.
	return Refused(err, provisioning.ErrNameTaken, provisioning.ErrLoginResting)
}

func (n Naming) leave(ctx context.Context, account domain.AccountID) error {
	_, err := eventstore.Transact(ctx, n.Store, func(tx *eventstore.Tx) error {
		state, _, err := eventstore.Load[provisioning.Account](tx, provisioning.StreamOf(account))
		if err != nil || !state.Gone() {
			return err
		}
		of, _ := state.Requested()
		logins := state.Aliases()
		if login, known := state.Login(); known {
			logins = append(logins, login)
		}
		today := n.Today()
		for _, login := range logins {
			named, err := inLog(tx, login)
			if err == nil {
				err = eventstore.Do(tx, provisioning.FreeLogin{Account: account, Service: of.Service, Login: named, On: today, Rests: today.AddDays(n.Rest)})
			}
			if err == nil {
				err = n.freeName(tx, of.Subject, named)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return err
}
