package membership

import (
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
)

// BankAccount is where a party wants money paid out to.
type BankAccount struct {
	IBAN   domain.IBAN `json:"iban"`
	BIC    string      `json:"bic,omitempty"`    // ISO 9362; within the Single Euro Payments Area none is needed
	Holder string      `json:"holder,omitempty"` // if it is in another name
}

// BankAccount returns the account that is known now, and whether there is one.
func (m Member) BankAccount() (BankAccount, bool) {
	if len(m.accounts) == 0 || m.removed.Party != "" {
		return BankAccount{}, false
	}
	return m.accounts[len(m.accounts)-1].Account.Reveal()
}

// BankAccounts returns what was said of accounts, oldest first.
func (m Member) BankAccounts() []BankAccountChanged { return slices.Clone(m.accounts) }

// PayTo returns the account to which money may be paid out on a day, or a refusal:
// none is known, or it has changed too lately to be trusted. That goes for the first
// one too. Money never goes to an account that was replaced.
func (m Member) PayTo(on calendar.Date) (BankAccount, error) {
	account, known := m.BankAccount()
	if !known {
		return account, ErrNoAccount
	}
	if from := m.accounts[len(m.accounts)-1].UsableFrom; on.Before(from) {
		return BankAccount{}, ErrAccountRests.With("from", from)
	}
	return account, nil
}

// BankAccountChanged says which account a party has from a day on.
type BankAccountChanged struct {
	Party           domain.PartyID          `json:"party"`
	Account         sealed.Box[BankAccount] `json:"account"` // of class accounting
	On              calendar.Date           `json:"on"`
	UsableFrom      calendar.Date           `json:"usable_from"` // the first day on which money may be paid out to it
	StatutesVersion int                     `json:"statutes_version"`
}

func (e BankAccountChanged) Evolve(m Member) Member {
	m.accounts, m.removed = append(slices.Clip(m.accounts), e), BankAccountRemoved{}
	return m
}

// BankAccountRemoved says that the account known is a party's no more, or never was.
type BankAccountRemoved struct {
	Party domain.PartyID `json:"party"`
	On    calendar.Date  `json:"on"`
}

func (e BankAccountRemoved) Evolve(m Member) Member {
	m.removed = e
	return m
}

// ChangeBankAccount says which account a party has now. Money is paid out to it once
// as many days have passed as the statutes say.
type ChangeBankAccount struct {
	Party    domain.PartyID
	Account  BankAccount
	On       calendar.Date
	Statutes statutes.Statutes
}

func (c ChangeBankAccount) Stream() domain.Stream { return StreamOf(c.Party) }

func (c ChangeBankAccount) Decide(m Member) ([]event, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	if err := m.gone(); err != nil {
		return nil, err
	}
	account, known := m.BankAccount()
	switch {
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case !c.Account.IBAN.Valid():
		return nil, ErrIBAN
	case c.Account.BIC != "" && !bicLike(c.Account.BIC):
		return nil, ErrIncomplete.With("missing", "BIC")
	case known && account == c.Account:
		return nil, nil
	}
	box := sealed.New(c.Party, sealed.Accounting, c.Account)
	usable := c.On.AddDays(c.Statutes.Membership.Particulars.AccountDays)
	return []event{BankAccountChanged{c.Party, box, c.On, usable, c.Statutes.Version}}, nil
}

// bicLike reports whether it has the form of a BIC: a bank in four characters, its
// country in two, its place in two, and a branch in three if any.
func bicLike(s string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return (len(s) == 8 || len(s) == 11) && strings.Trim(s, letters+"0123456789") == "" && strings.Trim(s[4:6], letters) == ""
}

// RemoveBankAccount has nothing paid out any more to the account known: it is
// closed, or the party never said it was theirs.
type RemoveBankAccount struct {
	Party domain.PartyID
	On    calendar.Date
}

func (c RemoveBankAccount) Stream() domain.Stream { return StreamOf(c.Party) }

func (c RemoveBankAccount) Decide(m Member) ([]event, error) {
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case len(m.accounts) == 0 || m.removed.Party != "":
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []event{BankAccountRemoved(c)}, nil
}
