package membership_test

import (
	"errors"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
)

func TestErasing(t *testing.T) {
	on := day(time.December, 1)
	erase := func(class sealed.Class, changes ...func(*membership.ErasePersonalData)) membership.ErasePersonalData {
		c := membership.ErasePersonalData{Party: "ada", Class: class, Through: 1, On: on, Statutes: nubo}
		for _, change := range changes {
			change(&c)
		}
		return c
	}
	erased := func(class sealed.Class) membership.PersonalDataErased {
		return membership.PersonalDataErased{Party: "ada", Class: class, Through: 1, On: on}
	}
	facts := func(f membership.Facts) func(*membership.ErasePersonalData) {
		return func(c *membership.ErasePersonalData) { c.Facts = f }
	}
	spec.Check(t, []onMember{
		{Rule: "how to reach someone can be erased", Given: member, When: erase(sealed.Service), Then: spec.Events{erased(sealed.Service)}},
		{Rule: "who was a member stays in the register", Given: spec.Events{applied, admitted, resigned, left}, When: erase(sealed.Register), Refused: membership.ErrRegisterKept},
		{Rule: "so does who has applied", Given: spec.Events{applied}, When: erase(sealed.Register), Refused: membership.ErrApplicationKept},
		{Rule: "who was rejected can be forgotten", Given: spec.Events{applied, rejected}, When: erase(sealed.Register), Then: spec.Events{erased(sealed.Register)}},
		{
			Rule: "what is still needed is kept", Given: member, When: erase(sealed.Accounting, facts(membership.Facts{KeptThrough: on})),
			Refused: membership.ErrStillNeeded,
		},
		{
			Rule: "and no longer", Given: member, When: erase(sealed.Accounting, facts(membership.Facts{KeptThrough: on.AddDays(-1)})),
			Then: spec.Events{erased(sealed.Accounting)},
		},
		{
			Rule: "what came under a later key is erased anew", Given: spec.Events{applied, admitted, erased(sealed.Service)},
			When: erase(sealed.Service, func(c *membership.ErasePersonalData) { c.Through = 2 }),
			Then: spec.Events{membership.PersonalDataErased{Party: "ada", Class: sealed.Service, Through: 2, On: on}},
		},
		{Rule: "a key has a version", When: erase(sealed.Service, func(c *membership.ErasePersonalData) { c.Through = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "an erasure has a day", When: erase(sealed.Service, func(c *membership.ErasePersonalData) { c.On = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "and statutes", When: erase(sealed.Service, func(c *membership.ErasePersonalData) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "and somebody it is about", When: erase(sealed.Service, func(c *membership.ErasePersonalData) { c.Party = "" }), Refused: membership.ErrIncomplete},
	})
}

// TestWhatStaysAndWhy tells for each class whether data may be erased and, if not, why
// and until when.
func TestWhatStaysAndWhy(t *testing.T) {
	on := day(time.December, 1)
	former := spec.Events{applied, admitted, resigned, left}
	acting := spec.Events{known("ada", membership.Person, ada), membership.RoleGranted{Party: "ada", Role: domain.RoleDelegate, For: "mill"}}
	late := rejected
	late.On = day(time.November, 3)
	withdrawn := membership.ApplicationWithdrawn{Party: "ada", On: day(time.October, 15)}
	german := inForce("de-eg")
	for _, tt := range []struct {
		rule    string
		past    spec.Events
		class   sealed.Class
		facts   membership.Facts
		kept    error
		through string
	}{
		{"the register is kept as long as the co-op lives", former, sealed.Register, membership.Facts{}, membership.ErrRegisterKept, ""},
		{"and five years after", former, sealed.Register, membership.Facts{Liquidated: day(time.June, 30)}, membership.ErrRegisterKept, "2031-06-30"},
		{"and no longer", former, sealed.Register, membership.Facts{Liquidated: calendar.On(2021, time.November, 30)}, nil, ""},
		{"also of who holds shares with others", nil, sealed.Register, membership.Facts{InRegister: true}, membership.ErrRegisterKept, ""},
		{"an application that waits is kept", spec.Events{applied}, sealed.Register, membership.Facts{}, membership.ErrApplicationKept, ""},
		{"and one that was refused lately", spec.Events{applied, late}, sealed.Register, membership.Facts{}, membership.ErrApplicationKept, "2027-05-03"},
		{"or withdrawn", spec.Events{applied, withdrawn}, sealed.Register, membership.Facts{}, membership.ErrApplicationKept, "2027-04-15"},
		{"not one of long ago", spec.Events{applied, rejected}, sealed.Register, membership.Facts{}, nil, ""},
		{"who has a role is known", acting, sealed.Register, membership.Facts{}, membership.ErrActs, ""},
		{"and who acts for others", nil, sealed.Register, membership.Facts{Acts: true}, membership.ErrActs, ""},
		{"who is just known can be forgotten", acting[:1], sealed.Register, membership.Facts{}, nil, ""},
		{"the books are kept ten years after the year", former, sealed.Accounting, membership.Facts{Booked: calendar.On(2019, time.May, 1)}, membership.ErrBooksKept, "2029-12-31"},
		{"and no longer", former, sealed.Accounting, membership.Facts{Booked: calendar.On(2015, time.May, 1)}, nil, ""},
		{"what was never booked is not kept", former, sealed.Accounting, membership.Facts{}, nil, ""},
		{"as long as money is owed an account is needed", former, sealed.Accounting, membership.Facts{Owed: true}, membership.ErrOwed, ""},
		{"a service needs to reach people", former, sealed.Service, membership.Facts{Served: true}, membership.ErrServed, ""},
		{"and so do its backups", former, sealed.Service, membership.Facts{ServedThrough: day(time.November, 30)}, membership.ErrServed, "2027-02-28"},
		{"until they are gone", former, sealed.Service, membership.Facts{ServedThrough: day(time.September, 1)}, nil, ""},
		{"a lawsuit keeps anything", former, sealed.Optional, membership.Facts{KeptThrough: calendar.On(2027, time.January, 1)}, membership.ErrStillNeeded, "2027-01-01"},
		{"what was given freely goes freely", former, sealed.Optional, membership.Facts{Owed: true, Served: true}, nil, ""},
	} {
		all := after(tt.past...).Retention(on, tt.facts, nubo)
		for i, r := range all {
			if r.Class != sealed.Classes[i] {
				t.Fatalf("%d is of class %s", i, r.Class)
			}
			if r.Class != tt.class {
				continue
			}
			if tt.kept == nil != r.Erasable() || tt.kept != nil && !errors.Is(r.Kept, tt.kept) || r.Through.String() != tt.through {
				t.Errorf("%s: %v through %v; want %v through %s", tt.rule, r.Kept, r.Through, tt.kept, tt.through)
			}
			if !r.Erasable() && r.Kept.Source == "" {
				t.Errorf("%s: kept by no source", tt.rule)
			}
		}
	}
	if r := after(former...).Retention(on, membership.Facts{Liquidated: day(time.June, 30)}, german)[0]; r.Through != calendar.On(2036, time.June, 30) {
		t.Errorf("in Germany the register is kept through %v", r.Through)
	}
}

// TestWhatIsErasedIsForgotten erases a party of whom everything is known: nothing of a
// class is left once it was erased, and all of the others is.
func TestWhatIsErasedIsForgotten(t *testing.T) {
	account := membership.BankAccountChanged{Party: "ada", Account: sealed.New("ada", sealed.Accounting, membership.BankAccount{IBAN: "BE68539007547034"}), UsableFrom: day(time.April, 11)}
	m := after(applied, admitted, asked, account, proposed, answered, decided, excluded)
	holds := map[sealed.Class]func(membership.Member) bool{
		sealed.Register:   func(m membership.Member) bool { _, known := m.Identity(); return known },
		sealed.Accounting: func(m membership.Member) bool { _, known := m.BankAccount(); return known },
		sealed.Service: func(m membership.Member) bool {
			_, reached := m.Contact()
			_, asked := m.ContactRequest()
			return reached && asked
		},
	}
	for _, class := range sealed.Classes {
		gone := membership.PersonalDataErased{Party: "ada", Class: class, Through: 1}.Evolve(m)
		for other, holds := range holds {
			if !holds(m) || holds(gone) != (other != class) {
				t.Errorf("after data of class %s was erased, that of class %s is there: %t", class, other, holds(gone))
			}
		}
	}
	a, _ := membership.PersonalDataErased{Party: "ada", Class: sealed.Register, Through: 1}.Evolve(m).Application()
	if _, known := a.Identity.Reveal(); known {
		t.Error("the application has still a name")
	}
}
