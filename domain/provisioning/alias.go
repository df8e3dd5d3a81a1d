package provisioning

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

// The rules of aliases.
var (
	ErrNoAliases      = domain.Refusal{Code: "provisioning.no_aliases", Reason: "only a mailbox has further addresses, and {service} has none"}
	ErrTooManyAliases = domain.Refusal{Code: "provisioning.too_many_aliases", Reason: "an account has at most {most} further addresses: remove one that you do not use"}
	ErrNotAnAddress   = domain.Refusal{Code: "provisioning.not_an_address", Reason: "this is no address of the account: add it first"}
	ErrAddressChosen  = domain.Refusal{Code: "provisioning.address_chosen", Reason: "this is the address that the account goes by: choose another first"}
)

// alias is a further address of an account.
type alias struct {
	digest string
	box    sealed.Box[Login]
}

// Login returns the login of an account; none once it is erased.
func (a Account) Login() (Login, bool) { return a.requested.Login.Reveal() }

// Aliases returns the further addresses of an account, oldest first. It is nil if there never was one, and empty once
// the last is removed; what was erased is left out.
func (a Account) Aliases() (all []Login) {
	if a.aliased {
		all = []Login{}
	}
	for _, alias := range a.aliases {
		if login, known := alias.box.Reveal(); known {
			all = append(all, login)
		}
	}
	return all
}

// Address returns the address that an account goes by: its login, until another is chosen.
func (a Account) Address() (Login, bool) {
	for _, alias := range a.aliases {
		if alias.digest == a.address {
			return alias.box.Reveal()
		}
	}
	return a.Login()
}

func (a Account) alias(login Named) bool {
	return slices.ContainsFunc(a.aliases, func(x alias) bool { return x.digest == login.digest })
}

// Gone reports whether the account is deleted from all targets that knew of it.
func (a Account) Gone() bool {
	for _, o := range a.outcomes {
		if o.Status != StatusDeleted {
			return false
		}
	}
	return len(a.outcomes) > 0
}

// AliasAdded gives an account a further address.
type AliasAdded struct {
	Subject
	Digest string            `json:"digest"` // as in the name of its stream
	Alias  sealed.Box[Login] `json:"alias"`
	On     calendar.Date     `json:"on"`
}

func (e AliasAdded) Evolve(a Account) Account {
	a.aliased, a.amended, a.aliases = true, true, append(slices.Clip(a.aliases), alias{e.Digest, e.Alias})
	return a
}

// AliasRemoved takes it away.
type AliasRemoved struct {
	Subject
	Digest string            `json:"digest"`
	Alias  sealed.Box[Login] `json:"alias"`
	On     calendar.Date     `json:"on"`
}

func (e AliasRemoved) Evolve(a Account) Account {
	a.amended, a.aliases = true, slices.DeleteFunc(slices.Clone(a.aliases), func(x alias) bool { return x.digest == e.Digest })
	return a
}

// AddressChosen says by which of its addresses an account goes.
type AddressChosen struct {
	Subject
	Digest  string            `json:"digest"`
	Address sealed.Box[Login] `json:"address"`
	On      calendar.Date     `json:"on"`
}

func (e AddressChosen) Evolve(a Account) Account {
	a.address = e.Digest
	return a
}

// AddAlias gives an account a further address that nobody has. Mail to it comes to the account.
type AddAlias struct {
	Account domain.AccountID
	Service domain.Service
	Alias   Named
	Most    int // further addresses that an account may have
	On      calendar.Date
}

func (c AddAlias) Streams() (account, login domain.Stream) {
	return StreamOf(c.Account), c.Alias.Stream(c.Service)
}

func (c AddAlias) Decide(a Account, b Binding) ([]accountEvent, []loginEvent, error) {
	if err := a.changeable(); err != nil {
		return nil, nil, err
	}
	login, _ := a.Login()
	switch {
	case c.Service != a.requested.Service || c.Service != domain.Mail:
		return nil, nil, ErrNoAliases.With("service", a.requested.Service)
	case a.alias(c.Alias) || c.Alias.login == login:
		return nil, nil, nil
	case len(a.aliases) >= c.Most:
		return nil, nil, ErrTooManyAliases.With("most", c.Most)
	case c.On.IsZero():
		return nil, nil, ErrIncomplete.With("missing", "date")
	}
	if _, err := ParseLogin(string(c.Alias.login)); err != nil {
		return nil, nil, err
	}
	if err := b.Free(a.requested.Party, c.On); err != nil {
		return nil, nil, err
	}
	box := sealed.New(a.requested.Party, sealed.Service, c.Alias.login)
	return []accountEvent{AliasAdded{a.requested.Subject, c.Alias.digest, box, c.On}}, []loginEvent{LoginBound{a.requested.Subject, box}}, nil
}

// RemoveAlias takes a further address away, which rests then.
type RemoveAlias struct {
	Account domain.AccountID
	Service domain.Service
	Alias   Named
	On      calendar.Date
	Rests   calendar.Date // the first day on which somebody else may have it
}

func (c RemoveAlias) Streams() (account, login domain.Stream) {
	return StreamOf(c.Account), c.Alias.Stream(c.Service)
}

func (c RemoveAlias) Decide(a Account, b Binding) ([]accountEvent, []loginEvent, error) {
	if err := a.changeable(); err != nil {
		return nil, nil, err
	}
	freed, err := FreeLogin{c.Account, c.Service, c.Alias, c.On, c.Rests}.Decide(b)
	switch {
	case !a.alias(c.Alias):
		return nil, nil, nil
	case a.address == c.Alias.digest:
		return nil, nil, ErrAddressChosen
	case c.On.IsZero():
		return nil, nil, ErrIncomplete.With("missing", "date")
	case err != nil:
		return nil, nil, err
	}
	box := sealed.New(a.requested.Party, sealed.Service, c.Alias.login)
	return []accountEvent{AliasRemoved{a.requested.Subject, c.Alias.digest, box, c.On}}, freed, nil
}

// ChooseAddress has an account go by one of its addresses. Who logs in does so by the login, as before.
type ChooseAddress struct {
	Account domain.AccountID
	Address Named
	On      calendar.Date
}

func (c ChooseAddress) Stream() domain.Stream { return StreamOf(c.Account) }

func (c ChooseAddress) Decide(a Account) ([]accountEvent, error) {
	if err := a.changeable(); err != nil {
		return nil, err
	}
	login, _ := a.Login()
	now, _ := a.Address()
	switch {
	case now == c.Address.login:
		return nil, nil
	case c.Address.login != login && !a.alias(c.Address):
		return nil, ErrNotAnAddress
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []accountEvent{AddressChosen{a.requested.Subject, c.Address.digest, sealed.New(a.requested.Party, sealed.Service, c.Address.login), c.On}}, nil
}

// changeable refuses to change an account that is not, or not any more.
func (a Account) changeable() error {
	if !a.exists() {
		return ErrUnknown
	}
	if _, known := a.Login(); !known || a.Gone() {
		return ErrDeleted
	}
	if _, held := a.Held(); held {
		return ErrHeld
	}
	return nil
}
