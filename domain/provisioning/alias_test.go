package provisioning

import (
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
)

func TestAliases(t *testing.T) {
	const short = Login("anna@example.org")
	named := short.Named(digests)
	add := AddAlias{"a1", domain.Mail, named, 2, may1}
	added := AliasAdded{subject, named.digest, annas(short), may1}
	shortBound := LoginBound{subject, annas(short)}
	removed := AliasRemoved{subject, named.digest, annas(short), may1}
	shortFreed := LoginFreed{subject, named.digest, may1, rests}
	chosen := AddressChosen{subject, named.digest, annas(short), may1}
	more := func(l Login) AliasAdded { return AliasAdded{subject, l.Named(digests).digest, annas(l), may1} }
	given := func(events ...any) spec.Events { return append(spec.Events{requested}, events...) }
	with := func(change func(*AddAlias)) AddAlias {
		c := add
		change(&c)
		return c
	}
	remove := RemoveAlias{"a1", domain.Mail, named, may1, rests}
	folder := Subject{"a1", "storage/s1", "anna", domain.Storage}
	spec.Check2(t, []spec.Story[domain.Command2[Account, Binding]]{
		{Rule: "a mailbox has a further address", Given: given(there), When: add, Then: spec.Events{added, shortBound}},
		{Rule: "before it is there, too", Given: given(), When: add, Then: spec.Events{added, shortBound}},
		{Rule: "once", Given: given(added, shortBound), When: add},
		{Rule: "its login is one already", Given: given(), When: with(func(c *AddAlias) { c.Alias = address })},
		{Rule: "an address that is another's is none of it", Given: given(LoginBound{Subject{"a2", "mail/s2", "zoe", domain.Mail}, annas(short)}), When: add, Refused: ErrLoginTaken},
		{Rule: "nor is one that was another's lately", Given: given(LoginBound{Subject{"a2", "mail/s2", "zoe", domain.Mail}, annas(short)}, shortFreed), When: add, Refused: ErrLoginResting},
		{Rule: "nobody poses as the postmaster", Given: given(), When: with(func(c *AddAlias) { c.Alias = Login("abuse@example.org").Named(digests) }), Refused: ErrReserved},
		{Rule: "there are so many at most", Given: given(more("a@example.org"), more("b@example.org")), When: add, Refused: ErrTooManyAliases},
		{Rule: "one that was removed makes room", Given: given(more("a@example.org"), added, shortBound, removed, shortFreed), When: add, Then: spec.Events{added, shortBound}},
		{Rule: "only a mailbox has any", Given: spec.Events{AccountRequested{folder, annas(login), domain.GB, may1}}, When: with(func(c *AddAlias) { c.Service = domain.Storage }), Refused: ErrNoAliases},
		{Rule: "it is added on a day", Given: given(), When: with(func(c *AddAlias) { c.On = calendar.Date{} }), Refused: ErrIncomplete},
		{Rule: "what is deleted has none", Given: given(there, gone), When: add, Refused: ErrDeleted},
		{Rule: "nor does that of who has died get another", Given: given(AccountHeld{subject, may1, rests}), When: add, Refused: ErrHeld},
		{Rule: "nor has what nobody requested", When: add, Refused: ErrUnknown},

		{Rule: "an address is removed, and rests", Given: given(added, shortBound), When: remove, Then: spec.Events{removed, shortFreed}},
		{Rule: "once", Given: given(added, shortBound, removed, shortFreed), When: remove},
		{Rule: "but not the one that the account goes by", Given: given(added, shortBound, chosen), When: remove, Refused: ErrAddressChosen},
		{Rule: "it is removed on a day", Given: given(added, shortBound), When: RemoveAlias{Account: "a1", Service: domain.Mail, Alias: named}, Refused: ErrIncomplete},
		{Rule: "from what is deleted nothing is removed", Given: given(added, shortBound, gone), When: remove, Refused: ErrDeleted},
	})
	spec.Check(t, []spec.Story[domain.Command[Account]]{
		{Rule: "an account goes by one of its addresses", Given: given(added), When: ChooseAddress{"a1", named, may1}, Then: spec.Events{chosen}},
		{Rule: "once", Given: given(added, chosen), When: ChooseAddress{"a1", named, may1}},
		{Rule: "or by its login again", Given: given(added, chosen), When: ChooseAddress{"a1", address, may1}, Then: spec.Events{AddressChosen{subject, address.digest, annas(login), may1}}},
		{Rule: "which it does at first", Given: given(), When: ChooseAddress{"a1", address, may1}},
		{Rule: "but by no other", Given: given(), When: ChooseAddress{"a1", named, may1}, Refused: ErrNotAnAddress},
		{Rule: "from a day on", Given: given(added), When: ChooseAddress{Account: "a1", Address: named}, Refused: ErrIncomplete},
		{Rule: "what is deleted goes by none", Given: given(added, there, gone), When: ChooseAddress{"a1", named, may1}, Refused: ErrDeleted},
	})
	a := chosen.Evolve(added.Evolve(requested.Evolve(Account{})))
	if address, _ := a.Address(); address != short || len(a.Aliases()) != 1 {
		t.Errorf("it goes by %s, of %v", address, a.Aliases())
	}
	if Account := requested.Evolve(Account{}); Account.Aliases() != nil {
		t.Error("of an account that never had aliases, none are wanted, and not that there be none")
	}
	if left := removed.Evolve(a).Aliases(); left == nil || len(left) != 0 {
		t.Errorf("after the last is removed, %v are wanted", left)
	}
	erased := AliasAdded{subject, named.digest, sealed.Box[Login]{}, may1}.Evolve(requested.Evolve(Account{}))
	if all := erased.Aliases(); all == nil || len(all) != 0 {
		t.Errorf("what was erased is %v", all)
	}
	if !gone.Evolve(there.Evolve(requested.Evolve(Account{}))).Gone() || there.Evolve(requested.Evolve(Account{})).Gone() {
		t.Error("gone is not what is deleted")
	}
}
