package statutes_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/spec"
	"rochdale/domain/statutes"
)

func preset(t testing.TB, name string) statutes.Statutes {
	t.Helper()
	s, err := statutes.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPresets(t *testing.T) {
	want := []string{"be-sc", "de-eg", "fr-scic", "hostsharing", "nl-coop", "nubo"}
	if diff := cmp.Diff(want, statutes.Presets()); diff != "" {
		t.Fatal(diff)
	}
	for _, name := range want {
		s := preset(t, name)
		file, err := statutes.PresetFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Problems()) > 0 || !strings.HasPrefix(string(file), "# ") {
			t.Errorf("%s: %v", name, s.Problems())
		}
	}
	if _, err := statutes.Preset("uk-bencom"); err == nil || !strings.Contains(err.Error(), "nubo") {
		t.Errorf("a preset that is none: %v", err)
	}
}

// TestTheLawInThePresets holds the presets to what the law says in so many words.
func TestTheLawInThePresets(t *testing.T) {
	quorum := func(s statutes.Statutes, d statutes.Decision, second bool) string {
		r, _ := s.Assembly.Decisions.Rule(d)
		return fmt.Sprint(r.Majority, " ", r.QuorumFor(second), " ", r.QuorumOf)
	}
	be, nubo, fr, de, nl := preset(t, "be-sc"), preset(t, "nubo"), preset(t, "fr-scic"), preset(t, "de-eg"), preset(t, "nl-coop")
	host := preset(t, "hostsharing")
	for _, tt := range []struct{ law, got, want string }{
		{"CSA 6:85", quorum(be, statutes.StatutesChange, false), "3/4 1/2 votes"},
		{"CSA 6:85, second assembly", quorum(be, statutes.StatutesChange, true), "3/4 0 votes"},
		{"CSA 6:86", quorum(be, statutes.PurposeChange, false), "4/5 1/2 votes"},
		{"Nubo, December 2023", quorum(nubo, statutes.StatutesChange, false), "3/4 1/2 members"},
		{"Nubo, December 2023, second sitting", quorum(nubo, statutes.StatutesChange, true), "3/4 1/10 members"},
		{"Nubo, proxies", fmt.Sprint(nubo.Assembly.Proxies.Limit(false), nubo.Assembly.Proxies.Limit(true)), "2 10"},
		{"C. com. L225-96", quorum(fr, statutes.StatutesChange, false), "2/3 1/4 votes"},
		{"C. com. L225-96, second sitting", quorum(fr, statutes.StatutesChange, true), "2/3 1/5 votes"},
		{"C. com. R225-69", fmt.Sprint(fr.Assembly.Notice(false), fr.Assembly.Notice(true)), "15 10"},
		{"GenG §16(4)", quorum(de, statutes.StatutesChange, false), "3/4 0 "},
		{"GenG §46(1)", fmt.Sprint(de.Assembly.Notice(false), de.Assembly.Notice(true)), "14 14"},
		{"GenG §43(5)", fmt.Sprint(de.Assembly.Proxies.Limit(true)), "2"},
		{"BW 2:43(1)", quorum(nl, statutes.StatutesChange, false), "2/3 0 "},
		{"CSA 6:120", fmt.Sprint(be.Shares.ExitValue, " ", be.Shares.Exit.NetAssetsCap, be.Shares.PartialExit), "paid true false"},
		{"RD 1962 art. 1", fmt.Sprint(nubo.Shares.Dividend.MaxRate), "3/50"},
		{"47-1775 art. 13", fmt.Sprint(fr.Shares.Refunds.MinimumPart), "1/4"},
		{"GenG §73", fmt.Sprint(de.Shares.Exit.Accounts, " ", de.Shares.Exit.Losses), "year true"},
		{"Hostsharing, price and backing", fmt.Sprint(host.Shares.Classes[0].Price, host.Shares.Backing.PerUnit), "64.00 EUR 2"},
		{"BW 2:42(1)", fmt.Sprint(nl.Assembly.Notice(false)), "7"},
		{"CSA 6:120 §1, founders", be.FoundersMayResign(calendar.On(2024, time.May, 9)).String(), "2026-01-01"},
		{"CSA 6:123", excluded(be), "assembly 2026-04-01 true 15 at_once"}, // from 1 March, answered within the month
		{"GenG §68", excluded(de), "board 2026-03-15 true 7 year_end"},
		{"BW 2:35(4)", excluded(nl), "board 2026-03-01 false 7 at_once"},
		{"C. com. L231-6", excluded(fr), "assembly 2026-03-16 true 0 at_once"},
		{"CSA 6:121", be.LastDay(be.Membership.Death.Effect, calendar.On(2026, time.March, 3)).String(), "2026-03-03"},
		{"GenG §77", de.LastDay(de.Membership.Death.Effect, calendar.On(2026, time.March, 3)).String(), "2026-12-31"},
		{"CSA 6:126", fmt.Sprint(be.Membership.Minimum.Short(3), be.Membership.Minimum.Short(2)), "false true"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.law, tt.got, tt.want)
		}
	}
}

func excluded(s statutes.Statutes) string {
	through, asked := s.Membership.Exclusion.Answer(calendar.On(2026, time.March, 1))
	return fmt.Sprint(s.Membership.ExcludedBy(), " ", through, " ", asked, " ", s.Membership.Exclusion.NoticeDays, " ", s.Membership.Exclusion.Effect)
}

// TestWhatOldStatutesLeaveOut holds settings that came later to changing nothing
// for those who adopted statutes before.
func TestWhatOldStatutesLeaveOut(t *testing.T) {
	var s statutes.Statutes
	s.FiscalYearStart = time.January
	on := calendar.On(2026, time.March, 3)
	if s.FoundersMayResign(on) != on || s.LastDay("", on) != on || s.Membership.Minimum.Short(0) {
		t.Error("founders, deaths and numbers of members")
	}
	if _, asked := s.Membership.Exclusion.Answer(on); asked {
		t.Error("a proposal of exclusion")
	}
	for admits, excludes := range map[statutes.Body]statutes.Body{
		"": statutes.Board, statutes.Automatically: statutes.Board, statutes.Board: statutes.Board, statutes.Assembled: statutes.Assembled,
	} {
		s.Membership.Admission.By = admits
		if got := s.Membership.ExcludedBy(); got != excludes {
			t.Errorf("where %q admits, %q excludes", admits, got)
		}
	}
}

func TestComingOfAge(t *testing.T) {
	for _, tt := range []struct {
		born     string
		majority int
		of       string
	}{
		{"2010-05-31", 0, "2028-05-31"},
		{"2010-05-31", 21, "2031-05-31"},
		{"2008-02-29", 18, "2026-03-01"},
		{"2008-02-29", 20, "2028-02-29"},
	} {
		born, _ := calendar.ParseDate(tt.born)
		if got := (statutes.Minors{Majority: tt.majority}).MajorityOf(born); got.String() != tt.of {
			t.Errorf("born on %s and of age at %d: %v, want %s", tt.born, tt.majority, got, tt.of)
		}
	}
}

func TestResignationEnds(t *testing.T) {
	for _, tt := range []struct{ preset, given, ends string }{
		{"be-sc", "2026-01-01", "2026-06-30"},
		{"be-sc", "2026-06-30", "2026-06-30"},
		{"be-sc", "2026-07-01", "2027-06-30"}, // month 7: the next window, not refused
		{"be-sc", "2026-12-31", "2027-06-30"},
		{"de-eg", "2026-09-30", "2026-12-31"},
		{"de-eg", "2026-10-01", "2027-12-31"}, // less than three months are left
		{"nl-coop", "2026-12-03", "2026-12-31"},
		{"nl-coop", "2026-12-04", "2027-12-31"}, // less than four weeks are left
		{"fr-scic", "2026-05-04", "2026-05-04"},
	} {
		given, _ := calendar.ParseDate(tt.given)
		if ends := preset(t, tt.preset).ResignationEnds(given); ends.String() != tt.ends {
			t.Errorf("%s: given on %s it ends on %v, want %s", tt.preset, tt.given, ends, tt.ends)
		}
	}
	july := preset(t, "be-sc")
	july.FiscalYearStart = time.July
	for given, ends := range map[string]string{"2026-12-31": "2026-12-31", "2027-01-01": "2027-12-31", "2026-07-01": "2026-12-31"} {
		day, _ := calendar.ParseDate(given)
		if got := july.ResignationEnds(day); got.String() != ends {
			t.Errorf("a year from July: given on %s it ends on %v, want %s", given, got, ends)
		}
	}
}

func TestSharesLeave(t *testing.T) {
	own := preset(t, "be-sc")
	own.Shares.Exit.Window = statutes.Resignation{NoticeMonths: 6, Effect: statutes.YearEnd}
	for _, tt := range []struct {
		rules        statutes.Statutes
		given, leave string
	}{
		{preset(t, "be-sc"), "2026-06-30", "2026-06-30"}, // as members resign
		{preset(t, "be-sc"), "2026-07-01", "2027-06-30"},
		{preset(t, "hostsharing"), "2026-09-30", "2026-12-31"},
		{preset(t, "hostsharing"), "2026-10-01", "2027-12-31"},
		{own, "2026-06-30", "2026-12-31"}, // in a window of their own
		{own, "2026-07-01", "2027-12-31"},
	} {
		given, _ := calendar.ParseDate(tt.given)
		if leave := tt.rules.SharesLeave(given); leave.String() != tt.leave {
			t.Errorf("%s: given back by notice on %s they leave on %v, want %s", tt.rules.Name, tt.given, leave, tt.leave)
		}
	}
}

func TestBacking(t *testing.T) {
	if n, none := preset(t, "hostsharing").SharesFor(3), preset(t, "nubo").SharesFor(3); n != 6 || none != 0 {
		t.Errorf("three servers are backed by %d shares at Hostsharing and %d at Nubo", n, none)
	}
}

func TestNoMembershipEndsBeforeItsNotice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := statutes.Statutes{FiscalYearStart: time.Month(rapid.IntRange(1, 12).Draw(t, "start"))}
		s.Membership.Resignation = statutes.Resignation{
			WindowMonths: rapid.IntRange(1, 12).Draw(t, "window"),
			NoticeMonths: rapid.IntRange(0, 30).Draw(t, "months"),
			NoticeDays:   rapid.IntRange(0, 40).Draw(t, "days"),
			Effect:       rapid.SampledFrom([]statutes.Effect{statutes.WindowEnd, statutes.YearEnd, statutes.NoticeEnd}).Draw(t, "effect"),
		}
		given := calendar.On(2026, time.January, rapid.IntRange(1, 1500).Draw(t, "day"))
		year := s.FiscalYear(given)
		if !year.Contains(given) || year.From.Month().Month() != s.FiscalYearStart || year.From.AddMonths(12).AddDays(-1) != year.Through {
			t.Fatalf("%v lies in the fiscal year %v", given, year)
		}
		if ends := s.ResignationEnds(given); ends.Before(given) {
			t.Fatalf("%+v: given on %v it ends on %v", s.Membership.Resignation, given, ends)
		}
	})
}

func TestVotes(t *testing.T) {
	held := map[domain.ClassID]int64{"A": 3, "Z": 100}
	if be, nubo := preset(t, "be-sc").VotesOf(held), preset(t, "nubo").VotesOf(held); be != 3 || nubo != 1 {
		t.Errorf("three shares give %d votes by be-sc and %d by nubo", be, nubo)
	}
}

func TestLanguageOfWhoChoseNone(t *testing.T) {
	nubo := preset(t, "nubo")
	if a, b, c := nubo.Language(domain.Dutch), nubo.Language(domain.German), nubo.Language(""); a != "nl" || b != "fr" || c != "fr" {
		t.Errorf("nl, de and none are written to in %s, %s and %s", a, b, c)
	}
}

func TestFractions(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"0", "0"}, {"1", "1"}, {"2/4", "1/2"}, {"3/4", "3/4"}, {"4/4", "1"}, {"0/7", "0"}, {"1/1000", "1/1000"},
	} {
		f, err := statutes.ParseFraction(tt.text)
		if err != nil || f.String() != tt.want {
			t.Errorf("%s is read as %v, %v", tt.text, f, err)
		}
	}
	for _, text := range []string{"", "2", "5/4", "-1/2", "1/-2", "1/0", "0.5", "1/1001", "+1/2", "1/2/3", "½", " 1/2", "1/"} {
		if f, err := statutes.ParseFraction(text); err == nil {
			t.Errorf("%q is read as %v", text, f)
		}
	}
}

// TestFractionsAreExact compares with another way to reckon, and beyond what a
// float or 64 bits could tell apart.
func TestFractionsAreExact(t *testing.T) {
	threeQuarters := statutes.MustFraction("3/4")
	const large = 8_000_000_000_000_000_000
	if !threeQuarters.Reached(large/4*3, large) || threeQuarters.Reached(large/4*3-1, large) || threeQuarters.Exceeded(large/4*3, large) {
		t.Error("three quarters of a large number are not told from one less")
	}
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.Int64Range(1, 1000).Draw(t, "d")
		n := rapid.Int64Range(0, d).Draw(t, "n")
		part, whole := rapid.Int64Range(0, 1e6).Draw(t, "part"), rapid.Int64Range(0, 1e6).Draw(t, "whole")
		f, ok := statutes.Of(n, d)
		if !ok || f.Reached(part, whole) != (part*d >= n*whole) || f.Exceeded(part, whole) != (part*d > n*whole) || f.Floor(whole) != n*whole/d {
			t.Errorf("%d/%d is %v: %d of %d, %d", n, d, f, part, whole, f.Floor(whole))
		}
		if again := statutes.MustFraction(f.String()); again != f {
			t.Errorf("%v is read as %v", f, again)
		}
	})
}

func TestMajorities(t *testing.T) {
	for _, tt := range []struct {
		majority               string
		votesFor, against, abs int64
		ignored, counted       bool
	}{
		{"simple", 0, 0, 0, false, false},
		{"simple", 1, 0, 99, true, true},
		{"simple", 5, 5, 0, false, false},
		{"absolute", 5, 5, 0, false, false},
		{"absolute", 6, 5, 0, true, true},
		{"absolute", 6, 5, 1, true, false}, // 6 of 12 are not more than half
		{"2/3", 2, 1, 0, true, true},
		{"2/3", 2, 1, 1, true, false},
		{"2/3", 199, 100, 0, false, false},
		{"3/4", 3, 1, 0, true, true},
		{"3/4", 16, 4, 2, true, false}, // CSA: abstentions neither in the numerator nor in the denominator
		{"3/4", 74, 25, 0, false, false},
		{"4/5", 4, 1, 0, true, true},
		{"4/5", 79, 20, 0, false, false},
		{"unanimity", 7, 0, 0, true, true},
		{"unanimity", 7, 0, 1, true, false},
		{"unanimity", 7, 1, 0, false, false},
		{"unanimity", 0, 0, 3, false, false},
	} {
		m, err := statutes.ParseMajority(tt.majority)
		if err != nil {
			t.Fatal(err)
		}
		ignored := m.Carries(tt.votesFor, tt.against, tt.abs, statutes.Ignored)
		counted := m.Carries(tt.votesFor, tt.against, tt.abs, statutes.Counted)
		if ignored != tt.ignored || counted != tt.counted {
			t.Errorf("%s of %d for, %d against, %d abstaining: %t, and %t where these count", tt.majority, tt.votesFor, tt.against, tt.abs, ignored, counted)
		}
	}
	for _, text := range []string{"", "most", "1/2", "1/3", "1", "0", "5/4", "Simple"} {
		if m, err := statutes.ParseMajority(text); err == nil {
			t.Errorf("%q is read as %v", text, m)
		}
	}
	if (statutes.Majority{}).Carries(9, 0, 0, statutes.Ignored) {
		t.Error("no majority carries a motion")
	}
}

// TestMoreInFavourNeverHurts holds every majority to being monotone.
func TestMoreInFavourNeverHurts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, err := statutes.ParseMajority(rapid.SampledFrom([]string{"simple", "absolute", "2/3", "3/4", "4/5", "unanimity"}).Draw(t, "majority"))
		if err != nil {
			t.Fatal(err)
		}
		a := rapid.SampledFrom([]statutes.Abstentions{statutes.Ignored, statutes.Counted}).Draw(t, "abstentions")
		votes := rapid.Int64Range(0, 50)
		yes, no, abstain := votes.Draw(t, "for"), votes.Draw(t, "against"), votes.Draw(t, "abstain")
		if m.Carries(yes, no, abstain, a) && (!m.Carries(yes+1, no, abstain, a) || yes <= no) {
			t.Errorf("%v of %d, %d, %d (%s)", m, yes, no, abstain, a)
		}
	})
}

var (
	founded = calendar.On(2019, time.January, 28)
	later   = calendar.On(2026, time.May, 23)
)

func TestAdopting(t *testing.T) {
	first, second := preset(t, "nubo"), preset(t, "nubo")
	second.Assembly.NoticeDays = 21
	bad := second
	bad.Currency = "euro"
	deed := statutes.Adopt{Version: 1, On: later, InForceFrom: founded, By: "deed", Statutes: first}
	adopted := statutes.Adopted{Version: 1, On: later, InForceFrom: founded, By: "deed", Statutes: first}
	change := statutes.Adopt{Version: 2, On: later, InForceFrom: later, By: "poll-1", Statutes: second}
	changed := statutes.Adopted{Version: 2, On: later, InForceFrom: later, By: "poll-1", Statutes: second}
	with := func(c statutes.Adopt, change func(*statutes.Adopt)) statutes.Adopt {
		change(&c)
		return c
	}
	past := spec.Events{adopted}
	spec.Check(t, []spec.Story[domain.Command[statutes.History]]{
		{Rule: "the first statutes may hold since before they are entered", When: deed, Then: past},
		{Rule: "later ones are the next version", Given: past, When: change, Then: spec.Events{changed}},
		{Rule: "two people do not overtake each other", Given: spec.Events{adopted, changed}, When: with(change, func(c *statutes.Adopt) { c.By = "poll-2" }), Refused: statutes.ErrVersion},
		{Rule: "no version is left out", Given: past, When: with(change, func(c *statutes.Adopt) { c.Version = 3 }), Refused: statutes.ErrVersion},
		{Rule: "nor is there a version 0", When: with(deed, func(c *statutes.Adopt) { c.Version = 0 }), Refused: statutes.ErrVersion},
		{Rule: "later ones do not hold before they are adopted", Given: past, When: with(change, func(c *statutes.Adopt) { c.InForceFrom = later.AddDays(-1) }), Refused: statutes.ErrBackdated},
		{
			Rule: "nor before those that they replace", Given: spec.Events{adopted, statutes.Adopted{Version: 2, On: later, InForceFrom: later.AddDays(9), Statutes: second}},
			When: statutes.Adopt{Version: 3, On: later, InForceFrom: later.AddDays(8), Statutes: first}, Refused: statutes.ErrBackdated,
		},
		{Rule: "they have days", When: with(deed, func(c *statutes.Adopt) { c.On = calendar.Date{} }), Refused: statutes.ErrUndated},
		{Rule: "they contradict nothing", Given: past, When: with(change, func(c *statutes.Adopt) { c.Statutes = bad }), Refused: statutes.ErrInvalid},
	})
	var h statutes.History
	h = changed.Evolve(adopted.Evolve(h))
	for day, version := range map[calendar.Date]int{
		founded.AddDays(-1): 0, founded: 1, later.AddDays(-1): 1, later: 2, later.AddDays(999): 2,
	} {
		s, v := h.At(day)
		if v != version || s.Version != version {
			t.Errorf("on %v the version is %d and says %d, want %d", day, v, s.Version, version)
		}
	}
	if h.Version() != 2 || len(h.Versions()) != 2 {
		t.Errorf("%d versions", h.Version())
	}
}

// settings makes statutes at random; most contradict nothing.
func settings(t *rapid.T) statutes.Statutes {
	text := rapid.StringMatching(`[A-Za-zé:#'" {}\[\],&*!|>%@0-9-]{0,12}[a-z]`)
	name := func(label string) domain.Text {
		return domain.Text{FR: text.Draw(t, label), NL: text.Draw(t, label)}
	}
	fraction := func(label string) statutes.Fraction {
		d := rapid.Int64Range(1, 20).Draw(t, label)
		f, _ := statutes.Of(rapid.Int64Range(1, d).Draw(t, label), d)
		return f
	}
	rule := func() statutes.Rule {
		m := rapid.SampledFrom([]string{"simple", "absolute", "unanimity", "2/3", "501/1000"}).Draw(t, "majority")
		r := statutes.Rule{Abstentions: rapid.SampledFrom([]statutes.Abstentions{statutes.Ignored, statutes.Counted}).Draw(t, "abstentions")}
		r.Majority, _ = statutes.ParseMajority(m)
		if rapid.Bool().Draw(t, "quorate") {
			r.Quorum, r.QuorumOf, r.SecondCallQuorum = fraction("quorum"), statutes.OfVotes, fraction("second")
		}
		return r
	}
	s := statutes.Statutes{
		Name: text.Draw(t, "name"), LegalForm: "SC", Jurisdiction: "BE", Currency: "EUR", TimeZone: "Europe/Brussels",
		Languages: []domain.Language{"nl", "fr"}, FiscalYearStart: time.Month(rapid.IntRange(1, 12).Draw(t, "start")),
	}
	s.Membership.Admission.By = statutes.Automatically
	s.Membership.Admission.Texts = rapid.SliceOfNDistinct(text, 0, 2, rapid.ID).Draw(t, "texts")
	s.Membership.Admission.Reasons = rapid.Bool().Draw(t, "reasons")
	s.Membership.Resignation = statutes.Resignation{NoticeDays: rapid.IntRange(0, 366).Draw(t, "notice"), Effect: statutes.NoticeEnd, Withdrawable: rapid.Bool().Draw(t, "withdrawable")}
	s.Membership.Exclusion = statutes.Exclusion{By: statutes.Assembled, AnswerDays: rapid.IntRange(0, 40).Draw(t, "answer"), Effect: rapid.SampledFrom([]statutes.Effect{"", statutes.AtOnce, statutes.YearEnd}).Draw(t, "excluded")}
	s.Membership.Minimum = rapid.SampledFrom([]statutes.Minimum{{}, {Members: 3, Below: statutes.Block}}).Draw(t, "minimum")
	s.Membership.Minors.Majority = rapid.SampledFrom([]int{0, 18, 21}).Draw(t, "majority")
	for i := range rapid.IntRange(1, 3).Draw(t, "classes") {
		c := statutes.Class{ID: domain.ClassID(fmt.Sprint(i)), Name: name("class"), Price: money.New(rapid.Int64Range(1, 1e8).Draw(t, "price"), "EUR"), MinHolding: 1, Votes: rapid.IntRange(1, 9).Draw(t, "votes")}
		s.Shares.Classes = append(s.Shares.Classes, c)
	}
	if rapid.Bool().Draw(t, "shares") {
		s.Shares.Classes[0].Converts = []statutes.Conversion{{To: "1", Take: rapid.IntRange(0, 3).Draw(t, "take"), Give: 2}}
		s.Shares.Classes[0].Unavailable, s.Shares.SuspendVotes, s.Shares.CallDays = true, true, rapid.IntRange(0, 367).Draw(t, "call")
		s.Shares.MaxContribution = money.New(rapid.Int64Range(0, 1e8).Draw(t, "most"), "EUR")
		s.Shares.Transfers = statutes.Transfers{Signed: rapid.Bool().Draw(t, "signed"), Approved: rapid.Bool().Draw(t, "approved")}
		s.Shares.Exit = statutes.Exit{
			Window: statutes.Resignation{WindowMonths: rapid.IntRange(0, 12).Draw(t, "window"), Effect: statutes.WindowEnd}, Accounts: statutes.YearOfExit,
			CapitalCap: fraction("capital"), MembersCap: fraction("members"),
		}
		s.Shares.Refunds = statutes.Refunds{
			NetAssetsTest: statutes.Board, LiquidityTest: statutes.Assembled, TestDays: rapid.IntRange(0, 90).Draw(t, "test"), Short: statutes.InOrder,
			SetOff: statutes.Board, MinimumCapital: money.New(100, "EUR"), MinimumPart: fraction("minimum"), Limitation: rapid.IntRange(0, 101).Draw(t, "limit"),
		}
		s.Shares.Dividend = statutes.Dividend{MaxRate: fraction("rate"), AfterRefunds: true, None: rapid.Bool().Draw(t, "none")}
		s.Shares.Backing = statutes.Backing{Class: "0", PerUnit: rapid.IntRange(0, 2).Draw(t, "unit")}
	}
	s.Shares.IssueWhenPaid, s.Shares.ExitValue, s.Shares.PartialExit = fraction("issue"), statutes.NetAssets, rapid.Bool().Draw(t, "partial")
	s.Assembly = statutes.Assembly{NoticeDays: 15, RecordDays: rapid.IntRange(0, 15).Draw(t, "record"), Votes: statutes.Votes{Per: statutes.PerShare, Cap: fraction("cap")}}
	s.Assembly.Decisions = statutes.Decisions{Ordinary: rule(), StatutesChange: rule(), PurposeChange: rule(), Dissolution: rule()}
	s.Billing = statutes.Billing{PaymentDays: 30, Reminders: rapid.SampledFrom([][]int{nil, {1}, {7, 14}}).Draw(t, "reminders")}
	return s
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings(t)
		file, err := statutes.Format(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := statutes.Parse(file, "f.yaml")
		if problems := s.Problems(); len(problems) > 0 {
			if err == nil || !strings.Contains(err.Error(), problems[0].Rule) {
				t.Fatalf("%v, want %v\n%s", err, problems[0], file)
			}
			return
		}
		if err != nil || !got.Equal(s) {
			t.Fatalf("%v\n%s", err, file)
		}
	})
}
