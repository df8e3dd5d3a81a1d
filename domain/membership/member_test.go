package membership_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

// inForce returns the statutes of a preset, changed, as version 4.
func inForce(preset string, changes ...func(*statutes.Statutes)) statutes.Statutes {
	s, err := statutes.Preset(preset)
	if err != nil {
		panic(err)
	}
	s.Version = 4
	for _, change := range changes {
		change(&s)
	}
	return s
}

// with returns a command that is changed in something.
func with[C any](c C, change func(*C)) C {
	change(&c)
	return c
}

// after returns a party to whom all that has happened.
func after(events ...any) (m membership.Member) {
	for _, e := range events {
		m = e.(domain.Event[membership.Member]).Evolve(m)
	}
	return m
}

var (
	ada     = membership.Identity{FirstName: "Ada", LastName: "Sample", Street: "Rue Exemple 1", PostalCode: "1000", City: "Bruxelles", Country: "BE"}
	moved   = membership.Identity{FirstName: "Ada", LastName: "Sample", Street: "Voorbeeldstraat 2", PostalCode: "9000", City: "Gent", Country: "BE"}
	mill    = membership.Identity{Organisation: "Sample Mill", Country: "BE", EnterpriseNumber: "0123.456.749"}
	adaMail = membership.Contact{Email: "ada@example.org"}

	adaBox  = sealed.New("ada", sealed.Register, ada)
	movedTo = sealed.New("ada", sealed.Register, moved)
	mailBox = sealed.New("ada", sealed.Service, adaMail)

	nubo    = inForce("nubo")
	byBoard = membership.Decision{By: statutes.Board, On: day(time.February, 2), Minutes: "2026/3"}

	apply   = membership.Apply{Party: "ada", Kind: membership.Person, Identity: ada, Contact: adaMail, Language: "fr", On: day(time.February, 1), Statutes: nubo}
	applied = membership.Applied{
		Party: "ada", Kind: membership.Person, Identity: adaBox, Contact: mailBox, Language: "fr", On: day(time.February, 1),
		WithdrawableThrough: day(time.February, 15), StatutesVersion: 4,
	}
	admitted = membership.Admitted{Party: "ada", Number: 7, On: day(time.February, 3), Decision: byBoard, StatutesVersion: 4}
	given    = membership.NumberGiven{Number: 7, Party: "ada", On: day(time.February, 3)}
	rejected = membership.Rejected{Party: "ada", On: day(time.February, 3), Reason: sealed.New("ada", sealed.Register, "lives on the moon"), Decision: byBoard, StatutesVersion: 4}
	resigned = membership.ResignationRequested{Party: "ada", On: day(time.March, 1), EffectiveOn: day(time.June, 30), StatutesVersion: 4}
	left     = membership.Ended{Party: "ada", Reason: membership.Resigned, On: day(time.June, 30)}

	member = spec.Events{applied, admitted}
)

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
			Rule: "a language changes", Given: member, When: membership.ChangeLanguage{Party: "ada", Language: "nl", On: on},
			Then: spec.Events{membership.LanguageChanged{Party: "ada", Language: "nl", On: on}},
		},
		{Rule: "to itself is no change", Given: member, When: membership.ChangeLanguage{Party: "ada", Language: "fr", On: on}},
		{Rule: "to one of ours", Given: member, When: membership.ChangeLanguage{Party: "ada", Language: "la", On: on}, Refused: membership.ErrIncomplete},
		{Rule: "on a day", Given: member, When: membership.ChangeLanguage{Party: "ada", Language: "nl"}, Refused: membership.ErrIncomplete},
		{Rule: "of somebody", When: membership.ChangeLanguage{Language: "nl", On: on}, Refused: membership.ErrIncomplete},
	})
}

func TestRoles(t *testing.T) {
	on := day(time.April, 1)
	board := membership.RoleGranted{Party: "ada", Role: domain.RoleBoard, On: on}
	delegate := membership.RoleGranted{Party: "ada", Role: domain.RoleDelegate, For: "mill", On: on}
	knownAs := membership.IdentityChanged{Party: "ada", Kind: membership.Person, Identity: adaBox, On: on}
	spec.Check(t, []onMember{
		{Rule: "a member joins the board", Given: member, When: membership.GrantRole(board), Then: spec.Events{board}},
		{Rule: "who is no member may act for one", Given: spec.Events{knownAs}, When: membership.GrantRole(delegate), Then: spec.Events{delegate}},
		{Rule: "nobody grants a role to who is unknown", When: membership.GrantRole(board), Refused: membership.ErrUnknown},
		{
			Rule: "or for several", Given: spec.Events{knownAs, delegate}, When: membership.GrantRole{Party: "ada", Role: domain.RoleDelegate, For: "forge", On: on},
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
	forge := membership.RoleGranted{Party: "ada", Role: domain.RoleDelegate, For: "forge", On: on}
	if g := after(delegate, board, forge).Grants(); len(g) != 3 || g[0].Role != domain.RoleBoard || g[1].For != "forge" {
		t.Errorf("roles in no order: %v", g)
	}
	if g := m.Grants(); len(g) != 1 || g[0] != (membership.Grant{Role: domain.RoleDelegate, For: "mill"}) {
		t.Errorf("roles in force: %v", g)
	}
}

var enter = membership.Enter{
	Party: "ada", Number: 7, Kind: membership.Person, Identity: ada, Contact: adaMail, Language: "fr",
	AppliedOn: day(time.January, 20), AdmittedOn: day(time.February, 3), On: day(time.November, 1),
}

func TestEntering(t *testing.T) {
	with := func(change func(*membership.Enter)) membership.Enter { return with(enter, change) }
	before := membership.Applied{Party: "ada", Kind: membership.Person, Identity: adaBox, Contact: mailBox, Language: "fr", On: enter.AppliedOn}
	old := membership.Admitted{Party: "ada", Number: 7, On: enter.AdmittedOn}
	entered := spec.Events{before, old, given}
	sameDay := before
	sameDay.On = enter.AdmittedOn
	gone := membership.Ended{Party: "ada", Reason: membership.Resigned, On: day(time.June, 30)}
	asCouple := membership.Enter{
		Party: "couple", Number: 7, Kind: membership.Joint, Identity: couple, Holders: []domain.PartyID{"ada", "bert"},
		AppliedOn: enter.AppliedOn, AdmittedOn: enter.AdmittedOn, On: enter.On,
	}
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
		{Rule: "that is past", When: with(func(c *membership.Enter) { c.AdmittedOn = enter.On.AddDays(1) }), Refused: membership.ErrTooLate},
		{Rule: "after the application", When: with(func(c *membership.Enter) { c.AppliedOn = day(time.March, 1) }), Refused: membership.ErrTooEarly},
		{Rule: "and before the end", When: with(func(c *membership.Enter) { c.EndedOn, c.EndReason = day(time.January, 1), membership.Resigned }), Refused: membership.ErrTooEarly},
		{Rule: "an end has a reason", When: with(func(c *membership.Enter) { c.EndedOn = gone.On }), Refused: membership.ErrIncomplete},
		{Rule: "one that is known", When: with(func(c *membership.Enter) { c.EndedOn, c.EndReason = gone.On, "bored" }), Refused: membership.ErrIncomplete},
		{Rule: "and a reason a day", When: with(func(c *membership.Enter) { c.EndReason = membership.Resigned }), Refused: membership.ErrIncomplete},
		{Rule: "it has a name", When: with(func(c *membership.Enter) { c.Identity = membership.Identity{} }), Refused: membership.ErrIncomplete},
		{
			Rule: "founders are entered as such", When: with(func(c *membership.Enter) { c.Founder = true }),
			Then: spec.Events{before, old, membership.FounderNamed{Party: "ada", On: enter.On}, given},
		},
		{Rule: "and stay it", Given: append(entered[:3:3], membership.FounderNamed{Party: "ada"}), When: enter},
		{
			Rule: "joint holders are entered as such", When: asCouple,
			Then: spec.Events{
				membership.JointFormed{Party: "couple", Holders: asCouple.Holders, On: enter.AdmittedOn},
				membership.Applied{Party: "couple", Kind: membership.Joint, Identity: sealed.New("couple", sealed.Register, couple), On: enter.AppliedOn},
				membership.Admitted{Party: "couple", Number: 7, On: enter.AdmittedOn},
				membership.NumberGiven{Number: 7, Party: "couple", On: enter.AdmittedOn},
			},
		},
		{
			Rule: "and others take their place", Given: spec.Events{joint, membership.Admitted{Party: "couple", Number: 7, On: enter.AdmittedOn}, membership.IdentityChanged{Party: "couple", Kind: membership.Joint, Identity: sealed.New("couple", sealed.Register, couple)}},
			When: func() membership.Enter { c := asCouple; c.Holders = []domain.PartyID{"ada", "eve"}; return c }(),
			Then: spec.Events{membership.HoldersChanged{Party: "couple", Holders: []domain.PartyID{"ada", "eve"}, On: enter.On}},
		},
		{Rule: "joint holders are several", When: func() membership.Enter { c := asCouple; c.Holders = nil; return c }(), Refused: membership.ErrHolders},
		{Rule: "an estate is no member", When: with(func(c *membership.Enter) { c.Kind, c.Identity = membership.Estate, couple }), Refused: membership.ErrEstate},
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

// typeName names a command by its type.
func typeName(command any) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", command), "membership.")
}

func TestStreams(t *testing.T) {
	if got := membership.NumberStream(12); got != "member-number/12" {
		t.Error(got)
	}
	if got := membership.StreamOf("a/b"); got != "member/a%2Fb" {
		t.Error(got)
	}
	if got := membership.HouseholdStream("h/1"); got != "household/h%2F1" {
		t.Error(got)
	}
	erase := membership.ErasePersonalData{Party: "ada"}
	if got := erase.Stream(); got != "member/ada" {
		t.Error(got)
	}
	if ada.Name() != "Ada Sample" || mill.Name() != "Sample Mill" || couple.Name() != "Ada and Bert Sample" || mill.Kind() != membership.Organisation {
		t.Error("names of a person, of an organisation and of joint holders")
	}
}

// TestOldEditions reads events as they were written before there was more to say.
func TestOldEditions(t *testing.T) {
	var r domain.Registry
	membership.Register(&r)
	const party = `"party":"ada"`
	for _, tt := range []struct {
		kind, data string
		want       any
	}{
		{"applied", `"kind":"person","identity":null,"language":"fr","on":"2026-02-01"`, membership.Applied{Party: "ada", Kind: membership.Person, Language: "fr", On: day(time.February, 1)}},
		{"admitted", `"number":7,"on":"2026-02-03","statutes_version":4`, membership.Admitted{Party: "ada", Number: 7, On: day(time.February, 3), StatutesVersion: 4}},
		{"rejected", `"on":"2026-02-03"`, membership.Rejected{Party: "ada", On: day(time.February, 3)}},
		{"resignation_requested", `"on":"2026-03-01","effective_on":"2026-06-30","statutes_version":4`, resigned},
		{"ended", `"reason":"resigned","on":"2026-06-30"`, left},
	} {
		got, err := r.Decode(domain.Encoded{Type: "membership." + tt.kind, Edition: 1, Data: []byte("{" + party + "," + tt.data + "}")})
		if diff := cmp.Diff(tt.want, got, cmp.Exporter(func(reflect.Type) bool { return true })); err != nil || diff != "" {
			t.Errorf("%s: %v %s", tt.kind, err, diff)
		}
	}
}
