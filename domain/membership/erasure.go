package membership

import (
	"cmp"
	"maps"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
)

// Facts are what others know of a party, by which its data must be kept.
type Facts struct {
	Liquidated    calendar.Date // that the liquidation of the co-op was closed; no day while it lives
	InRegister    bool          // the register of shares names it: as a holder once, one of several, or an heir
	Acts          bool          // for others, by a mandate in force
	Owed          bool          // money is owed, either way
	Booked        calendar.Date // the last entry in the books that concerns it
	Served        bool          // it uses a service
	ServedThrough calendar.Date // the last day on which it did
	KeptThrough   calendar.Date // the last day of any other duty to keep data of the class in question, like a lawsuit
}

// Retention says whether data of a class may be erased, or why it is kept.
type Retention struct {
	Class   sealed.Class
	Kept    domain.Refusal // its reason and source; without a code, if nothing needs the data
	Through calendar.Date  // the last day on which it is kept; no day: no end is known
}

// Erasable reports whether nothing needs the data any more.
func (r Retention) Erasable() bool { return r.Kept.Code == "" }

// Retention says for each class what becomes of the party's data if it is erased on a
// day: what goes, and what stays, why and until when.
func (m Member) Retention(on calendar.Date, f Facts, s statutes.Statutes) []Retention {
	all := make([]Retention, len(sealed.Classes))
	for i, class := range sealed.Classes {
		all[i] = m.retention(class, on, f, s)
	}
	return all
}

func (m Member) retention(class sealed.Class, on calendar.Date, f Facts, s statutes.Statutes) Retention {
	r := Retention{Class: class}
	switch class {
	case sealed.Register:
		r = m.ofRegister(on, f, s.Membership.Retention)
	case sealed.Accounting:
		r = ofBooks(on, f, s)
	case sealed.Service:
		r = ofService(on, f, s.Membership.Retention)
	case sealed.Optional: // as long as the party likes
	}
	if through := f.KeptThrough; r.Erasable() && !on.After(through) {
		r.Kept, r.Through = ErrStillNeeded.With("through", through), through
	}
	return r
}

// ofRegister is of who the party is, and what was decided on it.
func (m Member) ofRegister(on calendar.Date, f Facts, s statutes.Retention) Retention {
	_, ever := m.Period()
	r, years := Retention{Class: sealed.Register}, cmp.Or(s.RegisterYears, 5)
	decided := m.rejection.On
	if m.withdrawal.On.After(decided) {
		decided = m.withdrawal.On
	}
	applied := decided.AddMonths(s.ApplicationMonths)
	closed := f.Liquidated.AddMonths(12 * years)
	switch {
	case (ever || f.InRegister) && f.Liquidated.IsZero():
		r.Kept = ErrRegisterKept.With("years", years)
	case (ever || f.InRegister) && !on.After(closed):
		r.Kept, r.Through = ErrRegisterKept.With("years", years), closed
	case m.Applying():
		r.Kept = ErrApplicationKept.With("months", s.ApplicationMonths)
	case f.Acts || len(m.roles) > 0:
		r.Kept = ErrActs
	case !decided.IsZero() && s.ApplicationMonths > 0 && !on.After(applied):
		r.Kept, r.Through = ErrApplicationKept.With("months", s.ApplicationMonths), applied
	}
	return r
}

// ofBooks is of what invoices say, and of bank accounts.
func ofBooks(on calendar.Date, f Facts, s statutes.Statutes) Retention {
	r, years := Retention{Class: sealed.Accounting}, s.Membership.Retention.AccountingYears
	if f.Owed {
		r.Kept = ErrOwed
		return r
	}
	if f.Booked.IsZero() || years == 0 {
		return r
	}
	if through := s.FiscalYear(f.Booked).Through.AddMonths(12 * years); !on.After(through) {
		r.Kept, r.Through = ErrBooksKept.With("years", years), through
	}
	return r
}

// ofService is of how to reach the party, and of what its services need.
func ofService(on calendar.Date, f Facts, s statutes.Retention) Retention {
	r, through := Retention{Class: sealed.Service}, f.ServedThrough.AddDays(s.ServiceDays)
	switch {
	case f.Served:
		r.Kept = ErrServed.With("days", s.ServiceDays)
	case !f.ServedThrough.IsZero() && !on.After(through):
		r.Kept, r.Through = ErrServed.With("days", s.ServiceDays), through
	}
	return r
}

// PersonalDataErased says that the keys of a party's data of one class are to be
// destroyed, through a version, and that everyone forgets what they sealed.
type PersonalDataErased struct {
	Party   domain.PartyID `json:"party"`
	Class   sealed.Class   `json:"class"`
	Through int            `json:"through"` // the version of the key
	On      calendar.Date  `json:"on"`
}

func (e PersonalDataErased) Evolve(m Member) Member {
	m.party = e.Party
	m.erased = maps.Clone(m.erased)
	if m.erased == nil {
		m.erased = map[sealed.Class]PersonalDataErased{}
	}
	m.erased[e.Class] = e
	var text sealed.Box[string]
	switch e.Class {
	case sealed.Register:
		m.identity, m.application.Identity = sealed.Box[Identity]{}, sealed.Box[Identity]{}
		m.rejection.Reason, m.end.Why, m.revoked.Why = text, text, text
		m.exclusion.proposed.Grounds, m.exclusion.decided.Reasons = text, text
		m.exclusion.answers = slices.Clone(m.exclusion.answers)
		for i := range m.exclusion.answers {
			m.exclusion.answers[i].Answer = text
		}
	case sealed.Service:
		m.contact, m.application.Contact = sealed.Box[Contact]{}, sealed.Box[Contact]{}
		m.request = ContactChangeRequested{}
	case sealed.Accounting:
		m.accounts = slices.Clone(m.accounts)
		for i := range m.accounts {
			m.accounts[i].Account = sealed.Box[BankAccount]{}
		}
	case sealed.Optional:
	}
	return m
}

// Erased returns the last erasure of a class, and whether there was one.
func (m Member) Erased(class sealed.Class) (PersonalDataErased, bool) {
	e, was := m.erased[class]
	return e, was
}

// ErasePersonalData has everyone forget a party's data of one class, unless something
// needs it: see [Member.Retention]. Whoever executes it destroys the keys after it is
// recorded, so that it can be repeated. A party that was merged into another can be
// forgotten too.
type ErasePersonalData struct {
	Party    domain.PartyID
	Class    sealed.Class
	Through  int // the version of the key
	On       calendar.Date
	Facts    Facts
	Statutes statutes.Statutes
}

func (c ErasePersonalData) Stream() domain.Stream { return StreamOf(c.Party) }

func (c ErasePersonalData) Decide(m Member) ([]event, error) {
	switch {
	case c.Party == "":
		return nil, ErrIncomplete.With("missing", "party")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case c.Through < 1:
		return nil, ErrIncomplete.With("missing", "version of the key")
	case m.erased[c.Class].Through >= c.Through:
		return nil, nil
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	}
	if r := m.retention(c.Class, c.On, c.Facts, c.Statutes); !r.Erasable() {
		return nil, r.Kept
	}
	return []event{PersonalDataErased{c.Party, c.Class, c.Through, c.On}}, nil
}
