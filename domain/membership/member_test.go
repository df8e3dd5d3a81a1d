package membership_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
	"rochdale/domain/statutes"
)

type (
	onMember = spec.Story[domain.Command[membership.Member]]
	onBoth   = spec.Story[domain.Command2[membership.Member, membership.Number]]
)

func day(month time.Month, d int) calendar.Date { return calendar.On(2026, month, d) }

func inForce(t testing.TB) statutes.Statutes {
	t.Helper()
	s, err := statutes.Preset("nubo")
	if err != nil {
		t.Fatal(err)
	}
	s.Version = 4
	return s
}

var (
	ada     = membership.Identity{FirstName: "Ada", LastName: "Sample", Street: "Rue Exemple 1", PostalCode: "1000", City: "Bruxelles", Country: "BE"}
	moved   = membership.Identity{FirstName: "Ada", LastName: "Sample", Street: "Voorbeeldstraat 2", PostalCode: "9000", City: "Gent", Country: "BE"}
	mill    = membership.Identity{Organisation: "Sample Mill", Country: "BE", EnterpriseNumber: "0123.456.749"}
	adaMail = membership.Contact{Email: "ada@example.org"}

	adaBox  = sealed.New("ada", sealed.Register, ada)
	movedTo = sealed.New("ada", sealed.Register, moved)
	mailBox = sealed.New("ada", sealed.Service, adaMail)

	apply    = membership.Apply{Party: "ada", Kind: membership.Person, Identity: ada, Contact: adaMail, Language: "fr", On: day(time.February, 1)}
	applied  = membership.Applied{Party: "ada", Kind: membership.Person, Identity: adaBox, Contact: mailBox, Language: "fr", On: day(time.February, 1)}
	admitted = membership.Admitted{Party: "ada", Number: 7, On: day(time.February, 3), StatutesVersion: 4}
	given    = membership.NumberGiven{Number: 7, Party: "ada", On: day(time.February, 3)}
	rejected = membership.Rejected{Party: "ada", On: day(time.February, 3)}
	resigned = membership.ResignationRequested{Party: "ada", On: day(time.March, 1), EffectiveOn: day(time.June, 30), StatutesVersion: 4}
	left     = membership.Ended{Party: "ada", Reason: membership.Resigned, On: day(time.June, 30)}

	member = spec.Events{applied, admitted}
)

func TestApplying(t *testing.T) {
	with := func(change func(*membership.Apply)) membership.Apply {
		c := apply
		change(&c)
		return c
	}
	again := with(func(c *membership.Apply) { c.On = day(time.September, 1) })
	appliedAgain := applied
	appliedAgain.On = again.On
	spec.Check(t, []onMember{
		{Rule: "anyone may apply", When: apply, Then: spec.Events{applied}},
		{
			Rule: "so may an organisation, without saying how to reach it",
			When: membership.Apply{Party: "mill", Kind: membership.Organisation, Identity: mill, On: day(time.February, 1)},
			Then: spec.Events{membership.Applied{Party: "mill", Kind: membership.Organisation, Identity: sealed.New("mill", sealed.Register, mill), On: day(time.February, 1)}},
		},
		{Rule: "one application at a time", Given: spec.Events{applied}, When: with(func(c *membership.Apply) { c.Language = "nl" }), Refused: membership.ErrApplied},
		{Rule: "an application sent again after the admission changes nothing", Given: member, When: apply},
		{Rule: "a member has no need to", Given: member, When: again, Refused: membership.ErrIsMember},
		{Rule: "nor has who leaves later", Given: spec.Events{applied, admitted, resigned, left}, When: with(func(c *membership.Apply) { c.On = day(time.June, 30) }), Refused: membership.ErrIsMember},
		{Rule: "who has left may apply again", Given: spec.Events{applied, admitted, resigned, left}, When: again, Then: spec.Events{appliedAgain}},
		{Rule: "so may who was rejected", Given: spec.Events{applied, rejected}, When: again, Then: spec.Events{appliedAgain}},
		{
			Rule: "and who is known without being a member", When: apply, Then: spec.Events{applied},
			Given: spec.Events{membership.IdentityChanged{Party: "ada", Kind: membership.Person, Identity: movedTo, On: day(time.January, 1)}},
		},
		{
			Rule: "a person does not apply as an organisation", Given: spec.Events{applied, rejected},
			When: membership.Apply{Party: "ada", Kind: membership.Organisation, Identity: mill, On: day(time.September, 1)}, Refused: membership.ErrKind,
		},
	})
	for rule, change := range map[string]func(*membership.Apply){
		"an id":                       func(c *membership.Apply) { c.Party = "" },
		"a kind":                      func(c *membership.Apply) { c.Kind = "robot" },
		"a name":                      func(c *membership.Apply) { c.Identity.FirstName, c.Identity.LastName = "", " " },
		"a name of its kind":          func(c *membership.Apply) { c.Kind = membership.Organisation },
		"a country by its code":       func(c *membership.Apply) { c.Identity.Country = "Belgium" },
		"a birth before it":           func(c *membership.Apply) { c.Identity.BirthDate = day(time.February, 2) },
		"an e-mail with a host":       func(c *membership.Apply) { c.Contact.Email = "ada@localhost" },
		"an e-mail with a local part": func(c *membership.Apply) { c.Contact.Email = "@example.org" },
		"one e-mail":                  func(c *membership.Apply) { c.Contact.Email = "a@example.org,b@example.org" },
		"no line break in an e-mail":  func(c *membership.Apply) { c.Contact.Email = "a@example.org\nBcc: x@example.org" },
		"a language of ours":          func(c *membership.Apply) { c.Language = "tlh" },
		"a day":                       func(c *membership.Apply) { c.On = calendar.Date{} },
	} {
		spec.Check(t, []onMember{{Rule: "an application has " + rule, When: with(change), Refused: membership.ErrIncomplete}})
	}
}

func TestAdmitting(t *testing.T) {
	s := inForce(t)
	admit := membership.Admit{Party: "ada", Number: 7, On: day(time.February, 3), Shares: 1, Statutes: s}
	with := func(change func(*membership.Admit)) membership.Admit {
		c := admit
		change(&c)
		return c
	}
	later := with(func(c *membership.Admit) { c.On = day(time.September, 2) })
	appliedAgain := applied
	appliedAgain.On = day(time.September, 1)
	returned := admitted
	returned.On = later.On
	spec.Check2(t, []onBoth{
		{Rule: "who has applied is admitted, with a number", Given: spec.Events{applied}, When: admit, Then: spec.Events{admitted, given}},
		{Rule: "who has not is not", When: admit, Refused: membership.ErrNotApplied},
		{Rule: "nor who was rejected", Given: spec.Events{applied, rejected}, When: admit, Refused: membership.ErrNotApplied},
		{Rule: "not before the application", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.On = day(time.January, 31) }), Refused: membership.ErrTooEarly},
		{Rule: "with the shares of the statutes", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Shares = 0 }), Refused: membership.ErrTooFewShares},
		{Rule: "by statutes in force", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "numbers begin at 1", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Number = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "a number is given once", Given: spec.Events{applied, membership.NumberGiven{Number: 7, Party: "bert"}}, When: admit, Refused: membership.ErrNumberTaken},
		{Rule: "a member is not admitted twice", Given: spec.Events{applied, admitted, given}, When: with(func(c *membership.Admit) { c.Number = 8 }), Refused: membership.ErrIsMember},
		{
			Rule: "who comes back may have their number back", When: later, Then: spec.Events{returned},
			Given: spec.Events{applied, admitted, given, resigned, left, appliedAgain},
		},
	})
}

func TestRejecting(t *testing.T) {
	reject := membership.Reject{Party: "ada", On: day(time.February, 3), Reason: "lives on the moon"}
	withReason := rejected
	withReason.Reason = sealed.New("ada", sealed.Register, "lives on the moon")
	spec.Check(t, []onMember{
		{Rule: "an application is rejected for a reason", Given: spec.Events{applied}, When: reject, Then: spec.Events{withReason}},
		{Rule: "a reason need not be written down", Given: spec.Events{applied}, When: membership.Reject{Party: "ada", On: day(time.February, 3)}, Then: spec.Events{rejected}},
		{Rule: "what was not applied for is not rejected", When: reject, Refused: membership.ErrNotApplied},
		{Rule: "nor what was accepted", Given: member, When: reject, Refused: membership.ErrNotApplied},
		{Rule: "not before the application", Given: spec.Events{applied}, When: membership.Reject{Party: "ada", On: day(time.January, 1)}, Refused: membership.ErrTooEarly},
	})
}

func TestChangingParticulars(t *testing.T) {
	on := day(time.April, 1)
	spec.Check(t, []onMember{
		{
			Rule: "a member moves", Given: member, When: membership.ChangeIdentity{Party: "ada", Identity: moved, On: on},
			Then: spec.Events{membership.IdentityChanged{Party: "ada", Kind: membership.Person, Identity: movedTo, On: on}},
		},
		{Rule: "to where they are is no move", Given: member, When: membership.ChangeIdentity{Party: "ada", Identity: ada, On: on}},
		{
			Rule: "who is no member can be known", When: membership.ChangeIdentity{Party: "ada", Identity: moved, On: on},
			Then: spec.Events{membership.IdentityChanged{Party: "ada", Kind: membership.Person, Identity: movedTo, On: on}},
		},
		{Rule: "a person does not become an organisation", Given: member, When: membership.ChangeIdentity{Party: "ada", Identity: mill, On: on}, Refused: membership.ErrKind},
		{Rule: "nobody loses their name", Given: member, When: membership.ChangeIdentity{Party: "ada", On: on}, Refused: membership.ErrIncomplete},
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
		{
			Rule: "a language changes", Given: member, When: membership.ChangeLanguage{Party: "ada", Language: "nl", On: on},
			Then: spec.Events{membership.LanguageChanged{Party: "ada", Language: "nl", On: on}},
		},
		{Rule: "to itself is no change", Given: member, When: membership.ChangeLanguage{Party: "ada", Language: "fr", On: on}},
		{Rule: "to one of ours", Given: member, When: membership.ChangeLanguage{Party: "ada", Language: "la", On: on}, Refused: membership.ErrIncomplete},
		{Rule: "on a day", Given: member, When: membership.ChangeLanguage{Party: "ada", Language: "nl"}, Refused: membership.ErrIncomplete},
		{Rule: "of somebody", When: membership.ChangeLanguage{Language: "nl", On: on}, Refused: membership.ErrIncomplete},
	})
}

func TestLeaving(t *testing.T) {
	s := inForce(t)
	resign := membership.Resign{Party: "ada", On: day(time.March, 1), Statutes: s}
	resigning := spec.Events{applied, admitted, resigned, left}
	ended := func(reason membership.Reason, on calendar.Date) membership.Ended {
		return membership.Ended{Party: "ada", Reason: reason, On: on}
	}
	for _, story := range []onMember{
		{Rule: "a member resigns, with effect as the statutes say", Given: member, When: resign, Then: spec.Events{resigned, left}},
		{
			Rule: "what comes after the window counts for the next year", Given: member,
			When: membership.Resign{Party: "ada", On: day(time.July, 1), Statutes: s},
			Then: spec.Events{
				membership.ResignationRequested{Party: "ada", On: day(time.July, 1), EffectiveOn: calendar.On(2027, time.June, 30), StatutesVersion: 4},
				ended(membership.Resigned, calendar.On(2027, time.June, 30)),
			},
		},
		{Rule: "once is enough", Given: resigning, When: membership.Resign{Party: "ada", On: day(time.March, 2), Statutes: s}, Refused: membership.ErrResigned},
		{Rule: "who has left does not", Given: resigning, When: membership.Resign{Party: "ada", On: day(time.July, 1), Statutes: s}, Refused: membership.ErrNotMember},
		{Rule: "nor who never came", Given: spec.Events{applied}, When: resign, Refused: membership.ErrNotMember},
		{Rule: "nor before they came", Given: member, When: membership.Resign{Party: "ada", On: day(time.February, 2), Statutes: s}, Refused: membership.ErrNotMember},
		{Rule: "by statutes in force", Given: member, When: membership.Resign{Party: "ada", On: day(time.March, 1)}, Refused: membership.ErrIncomplete},
		{
			Rule: "a member is excluded, on grounds", Given: member, When: membership.Exclude{Party: "ada", On: day(time.May, 1), Why: "took the till"},
			Then: spec.Events{membership.Ended{Party: "ada", Reason: membership.Excluded, On: day(time.May, 1), Why: sealed.New("ada", sealed.Register, "took the till")}},
		},
		{Rule: "even one who has resigned", Given: resigning, When: membership.Exclude{Party: "ada", On: day(time.May, 1)}, Then: spec.Events{ended(membership.Excluded, day(time.May, 1))}},
		{Rule: "but not one who has left", Given: resigning, When: membership.Exclude{Party: "ada", On: day(time.July, 1)}, Refused: membership.ErrNotMember},
		{Rule: "an exclusion has a day", Given: member, When: membership.Exclude{Party: "ada"}, Refused: membership.ErrIncomplete},
		{Rule: "a death ends a membership on its day", Given: member, When: membership.Decease{Party: "ada", On: day(time.February, 20)}, Then: spec.Events{ended(membership.Deceased, day(time.February, 20))}},
		{Rule: "also after a resignation", Given: resigning, When: membership.Decease{Party: "ada", On: day(time.April, 1)}, Then: spec.Events{ended(membership.Deceased, day(time.April, 1))}},
		{Rule: "a death after the end changes nothing in the register", Given: resigning, When: membership.Decease{Party: "ada", On: day(time.August, 1)}, Refused: membership.ErrNotMember},
		{
			Rule: "an organisation is dissolved", When: membership.Decease{Party: "mill", On: day(time.April, 1)},
			Given: spec.Events{
				membership.Applied{Party: "mill", Kind: membership.Organisation, Identity: sealed.New("mill", sealed.Register, mill), On: day(time.January, 2)},
				membership.Admitted{Party: "mill", Number: 8, On: day(time.January, 3)},
			},
			Then: spec.Events{membership.Ended{Party: "mill", Reason: membership.Dissolved, On: day(time.April, 1)}},
		},
	} {
		spec.Check(t, []onMember{story})
	}
	var m membership.Member
	for _, e := range resigning {
		m = e.(domain.Event[membership.Member]).Evolve(m)
	}
	for on, is := range map[calendar.Date]bool{
		day(time.February, 2): false, day(time.February, 3): true, day(time.June, 30): true, day(time.July, 1): false,
	} {
		if m.IsMember(on) != is {
			t.Errorf("on %v: a member: %t", on, !is)
		}
	}
}

func TestRoles(t *testing.T) {
	on := day(time.April, 1)
	board := membership.RoleGranted{Party: "ada", Role: domain.RoleBoard, On: on}
	delegate := membership.RoleGranted{Party: "ada", Role: domain.RoleDelegate, For: "mill", On: on}
	spec.Check(t, []onMember{
		{Rule: "a member joins the board", Given: member, When: membership.GrantRole(board), Then: spec.Events{board}},
		{Rule: "who is no member may act for one", When: membership.GrantRole(delegate), Then: spec.Events{delegate}},
		{
			Rule: "or for several", Given: spec.Events{delegate}, When: membership.GrantRole{Party: "ada", Role: domain.RoleDelegate, For: "forge", On: on},
			Then: spec.Events{membership.RoleGranted{Party: "ada", Role: domain.RoleDelegate, For: "forge", On: on}},
		},
		{Rule: "a delegate is somebody's", When: membership.GrantRole{Party: "ada", Role: domain.RoleDelegate, On: on}, Refused: membership.ErrRoleFor},
		{Rule: "not their own", When: membership.GrantRole{Party: "ada", Role: domain.RoleDelegate, For: "ada", On: on}, Refused: membership.ErrRoleFor},
		{Rule: "a board is nobody's", When: membership.GrantRole{Party: "ada", Role: domain.RoleBoard, For: "mill", On: on}, Refused: membership.ErrRoleFor},
		{Rule: "membership is not granted like that", When: membership.GrantRole{Party: "ada", Role: domain.RoleMember, On: on}, Refused: membership.ErrRole},
		{Rule: "nor are roles that do not exist", When: membership.GrantRole{Party: "ada", Role: "king", On: on}, Refused: membership.ErrRole},
		{Rule: "a role has a day", When: membership.GrantRole{Party: "ada", Role: domain.RoleBoard}, Refused: membership.ErrIncomplete},
		{Rule: "and a bearer", When: membership.GrantRole{Role: domain.RoleBoard, On: on}, Refused: membership.ErrIncomplete},
		{
			Rule: "one role ends, the other stays", Given: spec.Events{board, delegate}, When: membership.RevokeRole(board),
			Then: spec.Events{membership.RoleRevoked(board)},
		},
		{Rule: "who has no role loses none", Given: spec.Events{delegate}, When: membership.RevokeRole(board)},
		{Rule: "the end of a role has a day", Given: spec.Events{board}, When: membership.RevokeRole{Party: "ada", Role: domain.RoleBoard}, Refused: membership.ErrIncomplete},
	})
	m := membership.RoleRevoked(board).Evolve(delegate.Evolve(board.Evolve(membership.Member{})))
	if g := m.Grants(); len(g) != 1 || g[0] != (membership.Grant{Role: domain.RoleDelegate, For: "mill"}) {
		t.Errorf("roles in force: %v", g)
	}
}

func TestErasing(t *testing.T) {
	on := day(time.December, 1)
	erase := func(class sealed.Class) membership.ErasePersonalData {
		return membership.ErasePersonalData{Party: "ada", Class: class, Through: 1, On: on}
	}
	erased := func(class sealed.Class) membership.PersonalDataErased {
		return membership.PersonalDataErased{Party: "ada", Class: class, Through: 1, On: on}
	}
	with := func(c membership.ErasePersonalData, change func(*membership.ErasePersonalData)) membership.ErasePersonalData {
		change(&c)
		return c
	}
	spec.Check(t, []onMember{
		{Rule: "how to reach someone can be erased", Given: member, When: erase(sealed.Service), Then: spec.Events{erased(sealed.Service)}},
		{Rule: "who was a member stays in the register", Given: spec.Events{applied, admitted, resigned, left}, When: erase(sealed.Register), Refused: membership.ErrRegisterKept},
		{Rule: "so does who has applied", Given: spec.Events{applied}, When: erase(sealed.Register), Refused: membership.ErrRegisterKept},
		{Rule: "who was rejected can be forgotten", Given: spec.Events{applied, rejected}, When: erase(sealed.Register), Then: spec.Events{erased(sealed.Register)}},
		{
			Rule: "what is still needed is kept", Given: member, When: with(erase(sealed.Accounting), func(c *membership.ErasePersonalData) { c.KeptThrough = on }),
			Refused: membership.ErrStillNeeded,
		},
		{
			Rule: "and no longer", Given: member, When: with(erase(sealed.Accounting), func(c *membership.ErasePersonalData) { c.KeptThrough = on.AddDays(-1) }),
			Then: spec.Events{erased(sealed.Accounting)},
		},
		{
			Rule: "what came under a later key is erased anew", Given: spec.Events{applied, admitted, erased(sealed.Service)},
			When: with(erase(sealed.Service), func(c *membership.ErasePersonalData) { c.Through = 2 }),
			Then: spec.Events{membership.PersonalDataErased{Party: "ada", Class: sealed.Service, Through: 2, On: on}},
		},
		{Rule: "a key has a version", When: with(erase(sealed.Service), func(c *membership.ErasePersonalData) { c.Through = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "an erasure has a day", When: with(erase(sealed.Service), func(c *membership.ErasePersonalData) { c.On = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "and somebody it is about", When: with(erase(sealed.Service), func(c *membership.ErasePersonalData) { c.Party = "" }), Refused: membership.ErrIncomplete},
	})
	m := erased(sealed.Register).Evolve(erased(sealed.Service).Evolve(applied.Evolve(membership.Member{})))
	_, named := m.Identity()
	if _, reached := m.Contact(); named || reached {
		t.Error("what was erased is still known")
	}
}

var enter = membership.Enter{
	Party: "ada", Number: 7, Kind: membership.Person, Identity: ada, Contact: adaMail, Language: "fr",
	AppliedOn: day(time.January, 20), AdmittedOn: day(time.February, 3), On: day(time.November, 1),
}

func TestEntering(t *testing.T) {
	with := func(change func(*membership.Enter)) membership.Enter {
		c := enter
		change(&c)
		return c
	}
	before := applied
	before.On = enter.AppliedOn
	old := admitted
	old.StatutesVersion = 0
	entered := spec.Events{before, old, given}
	sameDay := applied
	sameDay.On = enter.AdmittedOn
	gone := membership.Ended{Party: "ada", Reason: membership.Resigned, On: day(time.June, 30)}
	spec.Check2(t, []onBoth{
		{Rule: "a member comes from an older register with number and days", When: enter, Then: entered},
		{
			Rule: "where the day of the application is not known, it is that of admission",
			When: with(func(c *membership.Enter) { c.AppliedOn = calendar.Date{} }), Then: spec.Events{sameDay, old, given},
		},
		{
			Rule: "so does who has left since",
			When: with(func(c *membership.Enter) { c.EndedOn, c.EndReason = gone.On, gone.Reason }), Then: spec.Events{before, old, gone, given},
		},
		{Rule: "who has applied here is admitted", Given: spec.Events{applied}, When: enter, Then: spec.Events{old, given}},
		{Rule: "entered twice changes nothing", Given: entered, When: enter},
		{
			Rule: "with other particulars it corrects them", Given: entered,
			When: with(func(c *membership.Enter) {
				c.Identity, c.Contact.Phone, c.Language = moved, "+32 2 000 00 00", "nl"
				c.EndedOn, c.EndReason = gone.On, gone.Reason
			}),
			Then: spec.Events{
				membership.IdentityChanged{Party: "ada", Kind: membership.Person, Identity: movedTo, On: enter.On},
				membership.ContactChanged{Party: "ada", Contact: sealed.New("ada", sealed.Service, membership.Contact{Email: adaMail.Email, Phone: "+32 2 000 00 00"}), On: enter.On},
				membership.LanguageChanged{Party: "ada", Language: "nl", On: enter.On},
				gone,
			},
		},
		{Rule: "what the register leaves out stays", Given: entered, When: with(func(c *membership.Enter) { c.Contact, c.Language = membership.Contact{}, "" })},
		{Rule: "never the number", Given: entered, When: with(func(c *membership.Enter) { c.Number = 8 }), Refused: membership.ErrNumber},
		{Rule: "never the day of admission", Given: entered, When: with(func(c *membership.Enter) { c.AdmittedOn = day(time.February, 4) }), Refused: membership.ErrAdmittedOn},
		{Rule: "a number is one member's", Given: spec.Events{membership.NumberGiven{Number: 7, Party: "bert"}}, When: enter, Refused: membership.ErrNumberTaken},
		{Rule: "numbers begin at 1", When: with(func(c *membership.Enter) { c.Number = -1 }), Refused: membership.ErrIncomplete},
		{Rule: "there is a day of admission", When: with(func(c *membership.Enter) { c.AdmittedOn = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "after the application", When: with(func(c *membership.Enter) { c.AppliedOn = day(time.March, 1) }), Refused: membership.ErrTooEarly},
		{Rule: "and before the end", When: with(func(c *membership.Enter) { c.EndedOn, c.EndReason = day(time.January, 1), membership.Resigned }), Refused: membership.ErrTooEarly},
		{Rule: "an end has a reason", When: with(func(c *membership.Enter) { c.EndedOn = gone.On }), Refused: membership.ErrIncomplete},
		{Rule: "one that is known", When: with(func(c *membership.Enter) { c.EndedOn, c.EndReason = gone.On, "bored" }), Refused: membership.ErrIncomplete},
		{Rule: "and a reason a day", When: with(func(c *membership.Enter) { c.EndReason = membership.Resigned }), Refused: membership.ErrIncomplete},
		{Rule: "it has a name", When: with(func(c *membership.Enter) { c.Identity = membership.Identity{} }), Refused: membership.ErrIncomplete},
		{
			Rule: "a person is not entered as an organisation", Given: entered,
			When: with(func(c *membership.Enter) { c.Kind, c.Identity = membership.Organisation, mill }), Refused: membership.ErrKind,
		},
	})
}

// TestEveryRowIsEnteredOnce enters registers whose rows repeat and correct each
// other: whatever came before, a row entered twice changes nothing.
func TestEveryRowIsEnteredOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m membership.Member
		var n membership.Number
		execute := func(c membership.Enter) (events int) {
			as, bs, err := c.Decide(m, n)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range as {
				m = e.Evolve(m)
			}
			for _, e := range bs {
				n = e.Evolve(n)
			}
			return len(as) + len(bs)
		}
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			c := enter
			c.Identity = rapid.SampledFrom([]membership.Identity{ada, moved}).Draw(t, "identity")
			c.Contact = rapid.SampledFrom([]membership.Contact{{}, adaMail, {Phone: "1"}}).Draw(t, "contact")
			c.Language = rapid.SampledFrom([]domain.Language{"", "fr", "de"}).Draw(t, "language")
			if rapid.Bool().Draw(t, "left") {
				c.EndedOn, c.EndReason = day(time.June, rapid.IntRange(1, 30).Draw(t, "day")), membership.Resigned
			}
			execute(c)
			if again := execute(c); again != 0 {
				t.Fatalf("%d events when entered again", again)
			}
			if i, _ := m.Identity(); i != c.Identity || n.Party() != "ada" || m.Number() != 7 {
				t.Fatalf("%+v is not what was entered", i)
			}
		}
	})
}

func TestStreams(t *testing.T) {
	if got := membership.NumberStream(12); got != "member-number/12" {
		t.Error(got)
	}
	if got := membership.StreamOf("a/b"); got != "member/a%2Fb" {
		t.Error(got)
	}
	for _, c := range []domain.Command[membership.Member]{
		apply, membership.Reject{Party: "ada"}, membership.ChangeIdentity{Party: "ada"}, membership.ChangeContact{Party: "ada"},
		membership.ChangeLanguage{Party: "ada"}, membership.Resign{Party: "ada"}, membership.Exclude{Party: "ada"}, membership.Decease{Party: "ada"},
		membership.GrantRole{Party: "ada", For: "mill"}, membership.RevokeRole{Party: "ada", For: "mill"}, membership.ErasePersonalData{Party: "ada"},
	} {
		if c.Stream() != "member/ada" {
			t.Errorf("%T is of %s", c, c.Stream())
		}
	}
	for _, c := range []domain.Command2[membership.Member, membership.Number]{enter, membership.Admit{Party: "ada", Number: 7}} {
		if m, n := c.Streams(); m != "member/ada" || n != "member-number/7" {
			t.Errorf("%T is of %s and %s", c, m, n)
		}
	}
	if ada.Name() != "Ada Sample" || mill.Name() != "Sample Mill" || mill.Kind() != membership.Organisation {
		t.Error("names of a person and of an organisation")
	}
}
