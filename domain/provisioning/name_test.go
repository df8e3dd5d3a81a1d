package provisioning

import (
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
)

var (
	use      = LoginUse(domain.Mail, address)
	nameHeld = NameHeld{"anna", address.local, use, may1, calendar.Date{}}
	rests    = may1.AddDays(730)
	freed    = LoginFreed{subject, address.digest, may1, rests}
	annas    = func(l Login) sealed.Box[Login] { return sealed.New("anna", sealed.Service, l) }
)

func TestNames(t *testing.T) {
	hold := HoldName{address, "anna", use, may1, calendar.Date{}}
	elsewhere := HoldName{Login("anna.lee@example.net").Named(digests), "anna", "mail/x", may1, calendar.Date{}}
	other := HoldName{Login("anna.lee@example.net").Named(digests), "zoe", "mail/y", may1.AddDays(1), calendar.Date{}}
	later := other
	later.On = rests
	wished := NameHeld{"anna", address.local, WishUse("anna"), may1, may1.AddDays(30)}
	wish := HoldName{address, "anna", WishUse("anna"), may1, may1.AddDays(30)}
	after := other
	after.On = may1.AddDays(31)
	free := FreeName{address, "anna", use, may1, rests}
	nameFreed := NameFreed{"anna", address.local, use, may1, rests}
	spec.Check(t, []spec.Story[domain.Command[Name]]{
		{Rule: "a name is one party's", When: hold, Then: spec.Events{nameHeld}},
		{Rule: "which is said once for each use", Given: spec.Events{nameHeld}, When: hold},
		{Rule: "in another domain of the co-op it is theirs too", Given: spec.Events{nameHeld}, When: elsewhere, Then: spec.Events{NameHeld{"anna", address.local, "mail/x", may1, calendar.Date{}}}},
		{Rule: "and nobody else's, lest they pose as them", Given: spec.Events{nameHeld}, When: other, Refused: ErrNameTaken},
		{Rule: "who wishes for a name has it kept for a while", When: wish, Then: spec.Events{wished}},
		{Rule: "nobody else has it then", Given: spec.Events{wished}, When: other, Refused: ErrNameTaken},
		{Rule: "and somebody else may, after that", Given: spec.Events{wished}, When: after, Then: spec.Events{NameHeld{"zoe", address.local, "mail/y", after.On, calendar.Date{}}}},
		{Rule: "it is freed", Given: spec.Events{nameHeld}, When: free, Then: spec.Events{nameFreed}},
		{Rule: "once", Given: spec.Events{nameHeld, nameFreed}, When: free},
		{Rule: "and not by others", Given: spec.Events{nameHeld}, When: FreeName{address, "zoe", use, may1, rests}},
		{Rule: "then it rests", Given: spec.Events{nameHeld, nameFreed}, When: other, Refused: ErrLoginResting},
		{Rule: "who had it has it back at once", Given: spec.Events{nameHeld, nameFreed}, When: hold, Then: spec.Events{nameHeld}},
		{Rule: "and somebody else once it has rested", Given: spec.Events{nameHeld, nameFreed}, When: later, Then: spec.Events{NameHeld{"zoe", address.local, "mail/y", rests, calendar.Date{}}}},
		{Rule: "while one use is left, it does not rest but stays", Given: spec.Events{nameHeld, NameHeld{"anna", address.local, "mail/x", may1, calendar.Date{}}, nameFreed}, When: later, Refused: ErrNameTaken},
		{Rule: "a name is held by somebody, for something, from a day on", When: HoldName{Login: address}, Refused: ErrIncomplete},
		{Rule: "and freed on a day", Given: spec.Events{nameHeld}, When: FreeName{Login: address, Party: "anna", Use: use}, Refused: ErrIncomplete},
	})
}

func TestLoginsAreFreedAndRest(t *testing.T) {
	theirs := Subject{"a2", "mail/s2", "zoe", domain.Mail}
	again := Subject{"a2", "mail/s2", "anna", domain.Mail}
	ask := func(of Subject, on calendar.Date) RequestAccount {
		return RequestAccount{of.Account, of.Entitlement, of.Party, domain.Mail, address, domain.GB, on}
	}
	given := func(of Subject, on calendar.Date) spec.Events {
		box := sealed.New(of.Party, sealed.Service, login)
		return spec.Events{AccountRequested{of, box, domain.GB, on}, LoginBound{of, box}}
	}
	spec.Check2(t, []spec.Story[domain.Command2[Account, Binding]]{
		{Rule: "a login that was freed is given to nobody else for a while", Given: spec.Events{bound, freed}, When: ask(theirs, rests.AddDays(-1)), Refused: ErrLoginResting},
		{Rule: "then it is", Given: spec.Events{bound, freed}, When: ask(theirs, rests), Then: given(theirs, rests)},
		{Rule: "who had it may have it back at once", Given: spec.Events{bound, freed}, When: ask(again, may1), Then: given(again, may1)},
		{Rule: "that of an account that was let be is nobody's", Given: spec.Events{bound, freed, ForeignLeft{domain.Mail, address.digest, "", may1}}, When: ask(again, may1), Refused: ErrLoginTaken},
	})
	spec.Check(t, []spec.Story[domain.Command[Binding]]{
		{Rule: "a login is freed from its account", Given: spec.Events{bound}, When: FreeLogin{"a1", domain.Mail, address, may1, rests}, Then: spec.Events{freed}},
		{Rule: "once", Given: spec.Events{bound, freed}, When: FreeLogin{"a1", domain.Mail, address, may1, rests}},
		{Rule: "and from no other", Given: spec.Events{bound}, When: FreeLogin{"a2", domain.Mail, address, may1, rests}},
		{Rule: "on a day", Given: spec.Events{bound}, When: FreeLogin{Account: "a1", Service: domain.Mail, Login: address}, Refused: ErrIncomplete},
		{Rule: "an account that has taken a freed login past us may be let be", Given: spec.Events{bound, freed}, When: LeaveForeign{domain.Mail, "", address, may1}, Then: spec.Events{ForeignLeft{domain.Mail, address.digest, "", may1}}},
	})
	if _, has := freed.Evolve(bound.Evolve(Binding{})).Account(); has {
		t.Error("a freed login is still that of its account")
	}
}

func TestWishes(t *testing.T) {
	wished := LoginWished{"anna", annas(login), may1, may1.AddDays(30)}
	spec.Check(t, []spec.Story[domain.Command[Wish]]{
		{Rule: "a party says which login they want", When: WishLogin{"anna", login, may1, may1.AddDays(30)}, Then: spec.Events{wished}},
		{Rule: "once", Given: spec.Events{wished}, When: WishLogin{"anna", login, may1, may1.AddDays(30)}},
		{Rule: "or another", Given: spec.Events{wished}, When: WishLogin{"anna", "anna@example.org", may1, may1.AddDays(30)}, Then: spec.Events{LoginWished{"anna", annas("anna@example.org"), may1, may1.AddDays(30)}}},
		{Rule: "nobody wishes to be the postmaster", When: WishLogin{"anna", "postmaster@example.org", may1, may1}, Refused: ErrReserved},
		{Rule: "a wish is kept through a day", When: WishLogin{"anna", login, may1, may1.AddDays(-1)}, Refused: ErrIncomplete},
	})
}
