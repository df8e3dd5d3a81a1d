package membership_test

import (
	"errors"
	"testing"
	"time"

	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
)

func TestBankAccounts(t *testing.T) {
	first := membership.BankAccount{IBAN: "BE68539007547034", BIC: "GKCCBEBB"}
	second := membership.BankAccount{IBAN: "NL91ABNA0417164300", Holder: "Sample family"}
	change := membership.ChangeBankAccount{Party: "ada", Account: first, On: day(time.April, 1), Statutes: nubo}
	with := func(alter func(*membership.ChangeBankAccount)) membership.ChangeBankAccount {
		return with(change, alter)
	}
	box := func(a membership.BankAccount) sealed.Box[membership.BankAccount] {
		return sealed.New("ada", sealed.Accounting, a)
	}
	changed := membership.BankAccountChanged{Party: "ada", Account: box(first), On: day(time.April, 1), UsableFrom: day(time.April, 11), StatutesVersion: 4}
	later := membership.BankAccountChanged{Party: "ada", Account: box(second), On: day(time.May, 1), UsableFrom: day(time.May, 11), StatutesVersion: 4}
	removed := membership.BankAccountRemoved{Party: "ada", On: day(time.May, 2)}
	spec.Check(t, []onMember{
		{Rule: "a party says where money is to go", Given: member, When: change, Then: spec.Events{changed}},
		{Rule: "whoever it is", Given: spec.Events{membership.IdentityChanged{Party: "ada", Kind: membership.Person, Identity: adaBox}}, When: change, Then: spec.Events{changed}},
		{Rule: "if known at all", When: change, Refused: membership.ErrUnknown},
		{Rule: "the same again is no change", Given: append(member[:2:2], changed), When: with(func(c *membership.ChangeBankAccount) { c.On = day(time.June, 1) })},
		{Rule: "another takes its place", Given: append(member[:2:2], changed), When: with(func(c *membership.ChangeBankAccount) { c.Account, c.On = second, day(time.May, 1) }), Then: spec.Events{later}},
		{Rule: "one that was removed is entered anew", Given: append(member[:2:2], changed, removed), When: change, Then: spec.Events{changed}},
		{Rule: "its number is checked", Given: member, When: with(func(c *membership.ChangeBankAccount) { c.Account.IBAN = "BE68539007547035" }), Refused: membership.ErrIBAN},
		{Rule: "and is there", Given: member, When: with(func(c *membership.ChangeBankAccount) { c.Account.IBAN = "" }), Refused: membership.ErrIBAN},
		{Rule: "the bank too, if named", Given: member, When: with(func(c *membership.ChangeBankAccount) { c.Account.BIC = "GKCC BE BB" }), Refused: membership.ErrIncomplete},
		{Rule: "on a day", Given: member, When: with(func(c *membership.ChangeBankAccount) { c.On = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "by statutes in force", Given: member, When: with(func(c *membership.ChangeBankAccount) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "the dead have none", Given: append(member[:2:2], membership.Died{Party: "ada", On: day(time.March, 3), LearntOn: day(time.March, 9)}), When: change, Refused: membership.ErrGone},
		{Rule: "an account is removed", Given: append(member[:2:2], changed, later), When: membership.RemoveBankAccount{Party: "ada", On: day(time.May, 2)}, Then: spec.Events{removed}},
		{Rule: "once", Given: append(member[:2:2], changed, removed), When: membership.RemoveBankAccount{Party: "ada", On: day(time.May, 3)}},
		{Rule: "if there is one", Given: member, When: membership.RemoveBankAccount{Party: "ada", On: day(time.May, 2)}},
		{Rule: "and on a day", Given: append(member[:2:2], changed), When: membership.RemoveBankAccount{Party: "ada"}, Refused: membership.ErrIncomplete},
	})

	both := after(applied, admitted, changed, later)
	for _, tt := range []struct {
		rule string
		m    membership.Member
		on   calendar.Date
		want membership.BankAccount
		no   error
	}{
		{"no account, no money", after(member...), day(time.April, 1), membership.BankAccount{}, membership.ErrNoAccount},
		{"a first account rests too", after(applied, changed), day(time.April, 10), membership.BankAccount{}, membership.ErrAccountRests},
		{"and then is paid to", after(applied, changed), day(time.April, 11), first, nil},
		{"while a new one rests, nothing goes to the old one", both, day(time.May, 10), membership.BankAccount{}, membership.ErrAccountRests},
		{"and after that never again", both, day(time.May, 11), second, nil},
		{"nothing goes to what was removed", after(applied, changed, later, removed), day(time.June, 1), membership.BankAccount{}, membership.ErrNoAccount},
		{"nor to what was erased", after(applied, changed, membership.PersonalDataErased{Party: "ada", Class: sealed.Accounting, Through: 1}), day(time.June, 1), membership.BankAccount{}, membership.ErrNoAccount},
	} {
		if got, err := tt.m.PayTo(tt.on); got != tt.want || !errors.Is(err, tt.no) {
			t.Errorf("%s: on %v it is %v, %v", tt.rule, tt.on, got, err)
		}
	}
	if history := both.BankAccounts(); len(history) != 2 || history[0].On != changed.On {
		t.Errorf("%d accounts were ever known", len(history))
	}
	atOnce := membership.ChangeBankAccount{Party: "ada", Account: first, On: day(time.April, 1), Statutes: inForce("nubo")}
	atOnce.Statutes.Membership.Particulars.AccountDays = 0
	events, err := atOnce.Decide(after(member...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := after(applied, events[0]).PayTo(day(time.April, 1)); err != nil {
		t.Errorf("where the statutes let nothing rest: %v", err)
	}
}
