package membership_test

import (
	"testing"
	"time"

	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
	"rochdale/domain/statutes"
)

func TestChangingContact(t *testing.T) {
	on := day(time.April, 1)
	spec.Check(t, []onMember{
		{
			Rule: "an address of e-mail changes", Given: member, When: membership.ChangeContact{Party: "ada", Contact: membership.Contact{Email: "ada@example.net"}, On: on},
			Then: spec.Events{membership.ContactChanged{Party: "ada", Contact: sealed.New("ada", sealed.Service, membership.Contact{Email: "ada@example.net"}), On: on}},
		},
		{
			Rule: "or goes", Given: member, When: membership.ChangeContact{Party: "ada", On: on},
			Then: spec.Events{membership.ContactChanged{Party: "ada", Contact: sealed.New("ada", sealed.Service, membership.Contact{}), On: on}},
		},
		{Rule: "where there was none, none is no change", When: membership.ChangeContact{Party: "ada", On: on}},
		{Rule: "nor the same", Given: member, When: membership.ChangeContact{Party: "ada", Contact: adaMail, On: on}},
		{Rule: "it looks like one", Given: member, When: membership.ChangeContact{Party: "ada", Contact: membership.Contact{Email: "ada"}, On: on}, Refused: membership.ErrIncomplete},
		{Rule: "a change of contact has a day", When: membership.ChangeContact{Party: "ada", Contact: adaMail}, Refused: membership.ErrIncomplete},
		{Rule: "and is somebody's", When: membership.ChangeContact{Contact: adaMail, On: on}, Refused: membership.ErrIncomplete},
	})
}

var (
	newMail   = membership.Contact{Email: "ada@example.net", Phone: "+32 2 000 00 00"}
	newBox    = sealed.New("ada", sealed.Service, newMail)
	ask       = membership.RequestContactChange{Party: "ada", Request: "r1", Contact: newMail, On: day(time.April, 1), Statutes: nubo}
	asked     = membership.ContactChangeRequested{Party: "ada", Request: "r1", Contact: newBox, On: day(time.April, 1), ExpiresAfter: day(time.April, 15), StatutesVersion: 4}
	confirmed = membership.ContactChangeConfirmed{Party: "ada", Request: "r1", By: membership.OldChannel, On: day(time.April, 2)}
	changed   = membership.ContactChanged{Party: "ada", Contact: newBox, On: day(time.April, 2)}
	declined  = membership.ContactChangeDeclined{Party: "ada", Request: "r1", By: membership.OldChannel, On: day(time.April, 2)}
)

func TestAskingForAnotherContact(t *testing.T) {
	with := func(change func(*membership.RequestContactChange)) membership.RequestContactChange {
		return with(ask, change)
	}
	phone := membership.Contact{Email: "Ada@Example.org", Phone: "+32 2 000 00 00"}
	second := asked
	second.Request, second.On, second.ExpiresAfter = "r2", day(time.April, 3), day(time.April, 17)
	bare := membership.IdentityChanged{Party: "ada", Kind: membership.Person, Identity: adaBox, On: day(time.January, 1)}
	old := inForce("nubo", func(s *statutes.Statutes) { s.Membership.Particulars = statutes.Particulars{} })
	spec.Check(t, []onMember{
		{Rule: "a new address waits to be confirmed", Given: member, When: ask, Then: spec.Events{asked}},
		{Rule: "for some days in old statutes too", Given: member, When: with(func(c *membership.RequestContactChange) { c.Statutes = old }), Then: spec.Events{asked}},
		{Rule: "so does the first one", Given: spec.Events{bare}, When: ask, Then: spec.Events{asked}},
		{
			Rule: "a new telephone does not", Given: member, When: with(func(c *membership.RequestContactChange) { c.Contact = phone }),
			Then: spec.Events{membership.ContactChanged{Party: "ada", Contact: sealed.New("ada", sealed.Service, phone), On: ask.On}},
		},
		{Rule: "what is known already is no change", Given: member, When: with(func(c *membership.RequestContactChange) { c.Contact = adaMail })},
		{
			Rule: "a later request takes the place of the one before", Given: append(member[:2:2], asked),
			When: with(func(c *membership.RequestContactChange) { c.Request, c.On = "r2", second.On }), Then: spec.Events{second},
		},
		{Rule: "under an id of its own", Given: append(member[:2:2], asked), When: with(func(c *membership.RequestContactChange) { c.Contact = phone }), Refused: membership.ErrRequestID},
		{Rule: "that no request before had", Given: append(member[:2:2], asked, declined), When: ask, Refused: membership.ErrRequestID},
		{Rule: "what is confirmed need not be asked for again", Given: append(member[:2:2], asked, confirmed, changed), When: ask},
		{Rule: "two may have the same address", Given: member, When: with(func(c *membership.RequestContactChange) { c.Contact.Email = "family@example.org" }), Then: spec.Events{func() membership.ContactChangeRequested {
			e := asked
			e.Contact = sealed.New("ada", sealed.Service, membership.Contact{Email: "family@example.org", Phone: newMail.Phone})
			return e
		}()}},
		{Rule: "a request has an id", Given: member, When: with(func(c *membership.RequestContactChange) { c.Request = "" }), Refused: membership.ErrIncomplete},
		{Rule: "and a day", Given: member, When: with(func(c *membership.RequestContactChange) { c.On = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "and statutes", Given: member, When: with(func(c *membership.RequestContactChange) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "it looks like an address", Given: member, When: with(func(c *membership.RequestContactChange) { c.Contact.Email = "ada" }), Refused: membership.ErrIncomplete},
		{Rule: "of somebody who is known", When: ask, Refused: membership.ErrUnknown},
	})
	m := after(applied, admitted, asked)
	if c, _ := m.Contact(); c != adaMail {
		t.Error("what waits to be confirmed holds already")
	}
	if r, waits := m.ContactRequest(); !waits || r.Request != "r1" {
		t.Error("nothing waits")
	}
}

func TestConfirmingAContact(t *testing.T) {
	confirm := membership.ConfirmContactChange{Party: "ada", Request: "r1", By: membership.OldChannel, On: day(time.April, 2)}
	decline := membership.DeclineContactChange{Party: "ada", Request: "r1", By: membership.OldChannel, On: day(time.April, 2)}
	with := func(change func(*membership.ConfirmContactChange)) membership.ConfirmContactChange {
		return with(confirm, change)
	}
	bySecretary := with(func(c *membership.ConfirmContactChange) { c.By, c.Reason = membership.BySecretary, "showed a passport" })
	past := append(member[:2:2], asked)
	bare := spec.Events{membership.IdentityChanged{Party: "ada", Kind: membership.Person, Identity: adaBox, On: day(time.January, 1)}, asked}
	secretary := spec.Events{
		membership.ContactChangeConfirmed{Party: "ada", Request: "r1", By: membership.BySecretary, Reason: sealed.New("ada", sealed.Service, "showed a passport"), On: confirm.On},
		changed,
	}
	erased := membership.PersonalDataErased{Party: "ada", Class: sealed.Service, Through: 1, On: day(time.April, 2)}
	spec.Check(t, []onMember{
		{Rule: "who reads the old address confirms the new one", Given: past, When: confirm, Then: spec.Events{confirmed, changed}},
		{Rule: "on the last day too", Given: past, When: with(func(c *membership.ConfirmContactChange) { c.On = day(time.April, 15) }), Then: spec.Events{
			membership.ContactChangeConfirmed{Party: "ada", Request: "r1", By: membership.OldChannel, On: day(time.April, 15)},
			membership.ContactChanged{Party: "ada", Contact: newBox, On: day(time.April, 15)},
		}},
		{Rule: "not after it", Given: past, When: with(func(c *membership.ConfirmContactChange) { c.On = day(time.April, 16) }), Refused: membership.ErrTooLate},
		{Rule: "nor before it was asked for", Given: past, When: with(func(c *membership.ConfirmContactChange) { c.On = day(time.March, 31) }), Refused: membership.ErrTooEarly},
		{Rule: "nor what was not", Given: member, When: confirm, Refused: membership.ErrNoRequest},
		{Rule: "nor what another request has replaced", Given: past, When: with(func(c *membership.ConfirmContactChange) { c.Request = "r0" }), Refused: membership.ErrNoRequest},
		{Rule: "nor what was declined", Given: append(past[:3:3], declined), When: confirm, Refused: membership.ErrNoRequest},
		{Rule: "nor what the secretary has changed meanwhile", Given: append(past[:3:3], membership.ContactChanged{Party: "ada", Contact: mailBox, On: confirm.On}), When: confirm, Refused: membership.ErrNoRequest},
		{Rule: "nor what was erased", Given: append(past[:3:3], erased), When: confirm, Refused: membership.ErrNoRequest},
		{Rule: "where the old address is dead, the secretary does, and says how they made sure", Given: past, When: bySecretary, Then: secretary},
		{Rule: "and must say so", Given: past, When: with(func(c *membership.ConfirmContactChange) { c.By = membership.BySecretary }), Refused: membership.ErrIncomplete},
		{Rule: "where there was none, only they can", Given: bare, When: confirm, Refused: membership.ErrNoChannel},
		{Rule: "and do", Given: bare, When: bySecretary, Then: secretary},
		{Rule: "nobody else", Given: past, When: with(func(c *membership.ConfirmContactChange) { c.By = "friend" }), Refused: membership.ErrIncomplete},
		{Rule: "who reads the old address may decline", Given: past, When: decline, Then: spec.Events{declined}},
		{Rule: "also when its time is over", Given: past, When: membership.DeclineContactChange{Party: "ada", Request: "r1", By: membership.BySecretary, On: day(time.May, 1)}, Then: spec.Events{
			membership.ContactChangeDeclined{Party: "ada", Request: "r1", By: membership.BySecretary, On: day(time.May, 1)},
		}},
		{Rule: "not what is confirmed", Given: append(past[:3:3], confirmed, changed), When: decline, Refused: membership.ErrNoRequest},
		{Rule: "nor what nobody asked for", Given: member, When: decline, Refused: membership.ErrNoRequest},
	})
	if c, _ := after(append(past[:3:3], confirmed, changed)...).Contact(); c != newMail {
		t.Error("what was confirmed does not hold")
	}
}
