package statutes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/domain/money"
)

// A Problem is a setting that breaks a rule or contradicts another.
type Problem struct {
	Field string // like "shares.classes[0].price"
	Rule  string // what is wrong and what to do
}

func (p Problem) String() string { return p.Field + ": " + p.Rule }

type problems []Problem

func (p *problems) check(holds bool, field, rule string, args ...any) {
	if !holds {
		*p = append(*p, Problem{field, fmt.Sprintf(rule, args...)})
	}
}

// Problems returns every rule that the statutes break; none, and they can be adopted.
func (s Statutes) Problems() []Problem {
	var p problems
	p.check(strings.TrimSpace(s.Name) != "", "name", "give the name of the co-op")
	p.check(strings.TrimSpace(s.LegalForm) != "", "legal_form", "give the legal form as its country abbreviates it, like SC or eG")
	p.check(len(s.Jurisdiction) == 2 && capitals(s.Jurisdiction), "jurisdiction", "give the country whose law applies in two capitals, like BE (ISO 3166-1)")
	p.check(s.Currency.Valid(), "currency", "give the code of a currency in three capitals, like EUR (ISO 4217)")
	p.check(zoneLike(s.TimeZone), "time_zone", "give the time zone by its name, like Europe/Brussels (IANA)")
	p.check(len(s.Languages) > 0, "languages", "give at least one language, of %v", domain.Languages)
	for i, l := range s.Languages {
		p.check(l.Valid() && slices.Index(s.Languages, l) == i, fmt.Sprintf("languages[%d]", i), "name each language once, of %v", domain.Languages)
	}
	p.check(s.FiscalYearStart >= time.January && s.FiscalYearStart <= time.December, "fiscal_year_start", "give the month from 1 to 12 in which the fiscal year begins")
	s.Shares.problems(&p, s)
	s.Membership.problems(&p, s)
	s.Assembly.problems(&p)
	s.Billing.problems(&p)
	s.Legal.problems(&p)
	return p
}

func (m Membership) problems(p *problems, s Statutes) {
	a, field := m.Admission, "membership.admission"
	p.check(a.By.Valid(), field+".by", "say who admits members: board, assembly, or automatic if the conditions are enough")
	p.check(between(a.MinShares, 0, maxShares), field+".min_shares", "give a number of shares, or leave it out if none need be held")
	switch class, known := s.Class(a.Class); {
	case a.MinShares == 0:
		p.check(a.Class == "", field+".class", "a class is only named with min_shares: give both or leave both out")
	case !known:
		p.check(false, field+".class", "there is no class %q among shares.classes: name the class of which %d must be subscribed", a.Class, a.MinShares)
	default:
		p.check(a.MinShares >= class.MinHolding, field+".min_shares", "%d contradicts the min_holding of class %s, which is %d: ask for as many", a.MinShares, class.ID, class.MinHolding)
		p.check(class.MaxHolding == 0 || a.MinShares <= class.MaxHolding, field+".min_shares", "%d contradicts the max_holding of class %s, which is %d: nobody could be admitted", a.MinShares, class.ID, class.MaxHolding)
	}
	for i, text := range a.Texts {
		p.check(strings.TrimSpace(text) != "" && slices.Index(a.Texts, text) == i, fmt.Sprintf("%s.texts[%d]", field, i), "name each text once that a candidate must accept")
	}
	p.check(between(a.WithdrawalDays, 0, 366), field+".withdrawal_days", "give a number of days of at most 366, or leave it out if nobody who is admitted may withdraw")
	m.Resignation.problems(p, "membership.resignation")
	p.check(between(m.Resignation.FoundersFromYear, 0, 10), "membership.resignation.founders_from_year", "give the fiscal year from which founders may resign, like 3 for the third, or leave it out if they are like everybody")
	m.endings(p)
	m.keeping(p)
}

// problems checks when notice may be given, of a membership or of shares.
func (r Resignation) problems(p *problems, field string) {
	p.check(between(r.WindowMonths, 0, 12), field+".window_months", "give the months of the fiscal year in which one may resign, from 1 to 12, or leave it out for any time")
	p.check(between(r.NoticeMonths, 0, 120), field+".notice_months", "give a number of months of at most 120, or leave it out")
	p.check(between(r.NoticeDays, 0, 366), field+".notice_days", "give a number of days of at most 366, or leave it out")
	switch r.Effect {
	case WindowEnd:
		p.check(r.WindowMonths > 0, field+".effect", "window_end needs window_months: give both, or another effect")
		p.check(r.NoticeMonths == 0 && r.NoticeDays == 0, field+".effect", "window_end contradicts a notice: leave notice_months and notice_days out, or say year_end or notice_end")
	case YearEnd, NoticeEnd:
	default:
		p.check(false, field+".effect", "say when a resignation takes effect: window_end, year_end or notice_end")
	}
}

// endings checks how memberships end that were not resigned.
func (m Membership) endings(p *problems) {
	e, field := m.Exclusion, "membership.exclusion"
	p.check(e.By == "" || e.By == Board || e.By == Assembled, field+".by", "say who excludes members: board or assembly")
	p.check(between(e.AnswerMonths, 0, 12), field+".answer_months", "give a number of months of at most 12, or leave it out")
	p.check(between(e.AnswerDays, 0, 366), field+".answer_days", "give a number of days of at most 366, or leave it out")
	p.check(between(e.NoticeDays, 0, 366), field+".notice_days", "give a number of days of at most 366, or leave it out if there is no term")
	p.check(e.Effect == "" || e.Effect == AtOnce || e.Effect == WhenNoticed || e.Effect == YearEnd, field+".effect", "say when an exclusion takes effect: at_once, notice or year_end")
	d, field := m.Death, "membership.death"
	p.check(d.Effect == "" || d.Effect == AtOnce || d.Effect == YearEnd, field+".effect", "say when a membership ends by death: at_once or year_end")
	p.check(d.Heirs == "" || d.Heirs == PaidOut || d.Heirs == MayJoin, field+".heirs", "say what heirs may have: paid_out or may_join")
	n, field := m.Minimum, "membership.minimum"
	p.check(between(n.Members, 0, maxShares), field+".members", "give the least number of members, or leave it out for any number")
	if n.Members == 0 {
		p.check(n.Below == "", field+".below", "there is no number to be below: leave it out, or give members")
		return
	}
	p.check(n.Below == Warn || n.Below == Block, field+".below", "say what becomes of a resignation that would leave fewer than %d: warn or block", n.Members)
}

// keeping checks how particulars are kept and changed.
func (m Membership) keeping(p *problems) {
	c, field := m.Particulars, "membership.particulars"
	p.check(between(c.ContactDays, 0, 366), field+".contact_days", "give a number of days of at most 366, or leave it out for 14")
	p.check(between(c.AccountDays, 0, 366), field+".account_days", "give a number of days of at most 366, or leave it out if money may go to a new account at once")
	n, field := m.Minors, "membership.minors"
	p.check(n.Majority == 0 || between(n.Majority, 14, 25), field+".majority", "give the age from which one acts for oneself, from 14 to 25, or leave it out for 18")
	p.check(n.Vote == "" || n.Vote == ByGuardian || n.Vote == Themselves || n.Vote == Nobody, field+".vote", "say who casts the vote of a minor: guardian, themselves or nobody")
	r, field := m.Retention, "membership.retention"
	p.check(between(r.RegisterYears, 0, 100), field+".register_years", "give a number of years of at most 100, or leave it out for 5")
	p.check(between(r.AccountingYears, 0, 100), field+".accounting_years", "give a number of years of at most 100, or leave it out if nothing is kept")
	p.check(between(r.ServiceDays, 0, 3660), field+".service_days", "give a number of days of at most 3660, or leave it out if nothing is kept")
	p.check(between(r.ApplicationMonths, 0, 120), field+".application_months", "give a number of months of at most 120, or leave it out if nothing is kept")
}

// maxShares bounds what statutes say of numbers of shares and of votes, so that
// no sum of them overflows.
const maxShares = 1_000_000_000

func (sh Shares) problems(p *problems, s Statutes) {
	p.check(len(sh.Classes) > 0, "shares.classes", "give at least one class of shares")
	votes := 0
	for i, c := range sh.Classes {
		field := fmt.Sprintf("shares.classes[%d]", i)
		p.check(strings.TrimSpace(string(c.ID)) != "" && len(c.ID) <= 32, field+".id", "give the class an id of at most 32 characters, like A")
		p.check(slices.IndexFunc(sh.Classes, func(d Class) bool { return d.ID == c.ID }) == i, field+".id", "another class has the id %q: give each its own", c.ID)
		for _, l := range s.Languages {
			p.check(c.Name.Has(l), field+".name", "the name is missing in %s, which is one of the languages: add it", l)
		}
		p.check(c.Price.IsPositive(), field+".price", "give the price of a share, like 25.00 EUR")
		p.check(c.Price.IsZero() || c.Price.Currency() == s.Currency, field+".price", "%v contradicts the currency, which is %s: give the price in it", c.Price, s.Currency)
		p.check(c.Price.Compare(money.New(1_000_000_00, c.Price.Currency())) <= 0, field+".price", "a share costs at most a million")
		p.check(between(c.MinHolding, 1, maxShares), field+".min_holding", "give the least number that one holds, from 1")
		p.check(c.MaxHolding == 0 || between(c.MaxHolding, max(c.MinHolding, 1), maxShares), field+".max_holding", "%d contradicts min_holding, which is %d: give at least as many, or leave it out for no limit", c.MaxHolding, c.MinHolding)
		p.check(between(c.Votes, 0, 1000), field+".votes", "give the votes of a share, at most 1000")
		p.check(c.Votes == 0 || s.Assembly.Votes.Per == PerShare, field+".votes", "votes of a share contradict assembly.votes.per, which is %s: leave them out, or say share there", s.Assembly.Votes.Per)
		votes += c.Votes
		c.converts(p, field, s)
	}
	p.check(votes > 0 || len(sh.Classes) == 0 || s.Assembly.Votes.Per != PerShare, "shares.classes", "votes are per share and no class has any: give at least one class votes")
	p.check(sh.ExitValue == Paid || sh.ExitValue == NetAssets, "shares.exit_value", "say what is owed at most for shares given back: paid or net_assets")
	p.check(between(sh.CallDays, 0, 366), "shares.call_days", "give a number of days of at most 366, or leave it out if a call may be due at once")
	p.amount(sh.MaxContribution, "shares.max_contribution", s)
	sh.Exit.problems(p, sh)
	sh.Refunds.problems(p, s)
	sh.Dividend.problems(p)
	b, field := sh.Backing, "shares.backing"
	p.check(between(b.PerUnit, 0, maxShares), field+".per_unit", "give how many shares back a unit of a service, or leave it out if none need")
	_, known := s.Class(b.Class)
	p.check(known || b == (Backing{}), field+".class", "there is no class %q among shares.classes: name the class that backs services", b.Class)
	p.check(b.PerUnit > 0 || b.Class == "", field+".per_unit", "say how many shares of class %s back a unit of a service", b.Class)
}

// amount checks an amount that may be left out.
func (p *problems) amount(m money.Money, field string, s Statutes) {
	p.check(m.Sign() >= 0, field, "give more than nothing, or leave it out")
	p.check(m.IsZero() || m.Currency() == s.Currency, field, "%v contradicts the currency, which is %s: give the amount in it", m, s.Currency)
}

// converts checks into which other classes the shares of one are changed.
func (c Class) converts(p *problems, field string, s Statutes) {
	for i, v := range c.Converts {
		field := fmt.Sprintf("%s.converts[%d]", field, i)
		_, known := s.Class(v.To)
		p.check(known && v.To != c.ID, field+".to", "there is no other class %q among shares.classes: name one", v.To)
		p.check(slices.IndexFunc(c.Converts, func(w Conversion) bool { return w.To == v.To }) == i, field+".to", "say once into what shares of class %s are changed those of class %s", v.To, c.ID)
		p.check(between(v.Take, 1, 1000), field+".take", "give how many shares of class %s are taken, from 1 to 1000", c.ID)
		p.check(between(v.Give, 1, 1000), field+".give", "give how many shares of class %s are given for them, from 1 to 1000", v.To)
	}
}

func (e Exit) problems(p *problems, sh Shares) {
	field := "shares.exit"
	if w := e.Window; w != (Resignation{}) {
		w.problems(p, field+".window")
		p.check(w.FoundersFromYear == 0, field+".window.founders_from_year", "founders wait as membership.resignation says: leave it out here")
		p.check(!w.Withdrawable, field+".window.withdrawable", "it is as membership.resignation says: leave it out here")
	}
	p.check(e.Accounts == "" || e.Accounts == LastApproved || e.Accounts == YearOfExit, field+".accounts", "say which annual accounts value the shares: last or year")
	p.check(!e.NetAssetsCap || sh.ExitValue == Paid, field+".net_assets_cap", "it contradicts exit_value, which is net_assets already: leave it out")
	p.check(!e.Losses || e.Accounts == YearOfExit, field+".losses", "they are of the fiscal year in which shares leave: say year under accounts")
	p.check(!e.Losses || sh.ExitValue == Paid, field+".losses", "it contradicts exit_value, which is net_assets: these are less the losses already")
}

func (r Refunds) problems(p *problems, s Statutes) {
	field := "shares.refunds"
	decides := func(by Body, name string) {
		p.check(by == "" || by == Board || by == Assembled, field+name, "say who decides, board or assembly, or leave it out")
	}
	decides(r.NetAssetsTest, ".net_assets_test")
	decides(r.LiquidityTest, ".liquidity_test")
	decides(r.SetOff, ".set_off")
	p.check(between(r.TestDays, 0, 3660), field+".test_days", "give a number of days of at most 3660, or leave it out if a certificate holds until it is used up")
	p.check(r.TestDays == 0 || r.NetAssetsTest+r.LiquidityTest != "", field+".test_days", "there is no test for it to be of: leave it out, or say who certifies")
	p.check(r.Short == "" || r.Short == ProRata || r.Short == InOrder, field+".short", "say who is refunded where there is too little: pro_rata or in_order")
	p.amount(r.MinimumCapital, field+".minimum_capital", s)
	p.check(between(r.Limitation, 0, 100), field+".limitation_years", "give a number of years of at most 100, or leave it out if nothing is time-barred")
}

func (d Dividend) problems(p *problems) {
	field := "shares.dividend"
	p.check(!d.None || d.MaxRate.IsZero(), field+".max_rate", "it contradicts none: leave one of them out")
	p.check(between(d.Limitation, 0, 100), field+".limitation_years", "give a number of years of at most 100, or leave it out if nothing is time-barred")
}

func (a Assembly) problems(p *problems) {
	p.check(between(a.NoticeDays, 1, 366), "assembly.notice_days", "give the days from the convocation to the assembly, from 1 to 366")
	p.check(between(a.SecondCallNoticeDays, 0, 366), "assembly.second_call_notice_days", "give a number of days of at most 366, or leave it out to have as many as for the first sitting")
	p.check(between(a.RecordDays, 0, max(a.NoticeDays, 0)), "assembly.record_days", "%d contradicts notice_days, which is %d: the roll is frozen after the convocation", a.RecordDays, a.NoticeDays)
	p.check(a.Votes.Per == PerMember || a.Votes.Per == PerShare, "assembly.votes.per", "say member for one member one vote, or share")
	p.check(a.Votes.Cap.IsZero() || a.Votes.Per != PerMember, "assembly.votes.cap", "a cap contradicts one member one vote: leave it out, or say share under per")
	p.check(between(a.Proxies.Max, 0, 1_000_000), "assembly.proxies.max", "give how many others one may vote for; 0 for none, 1000000 for any number")
	p.check(a.Proxies.SecondCallMax == 0 || between(a.Proxies.SecondCallMax, a.Proxies.Max, 1_000_000), "assembly.proxies.second_call_max", "%d contradicts max, which is %d: give at least as many, or leave it out", a.Proxies.SecondCallMax, a.Proxies.Max)
	for _, kind := range AllDecisions {
		r, _ := a.Decisions.Rule(kind)
		field := "assembly.decisions." + string(kind)
		p.check(!r.Majority.IsZero(), field+".majority", "say how many must agree: simple, absolute, unanimity, or a fraction like 3/4")
		p.check(r.Abstentions == Ignored || r.Abstentions == Counted, field+".abstentions", "say ignored if abstaining is not voting, or counted if it is voting without agreeing")
		if r.Quorum.IsZero() {
			p.check(r.QuorumOf == "", field+".quorum_of", "there is no quorum for it to be of: leave it out, or give quorum")
			p.check(r.SecondCallQuorum.IsZero(), field+".second_call_quorum", "it contradicts a first sitting without quorum: leave it out, or give quorum")
			continue
		}
		p.check(r.QuorumOf == OfMembers || r.QuorumOf == OfVotes, field+".quorum_of", "say of what %v is the quorum: members or votes", r.Quorum)
		p.check(r.SecondCallQuorum.Compare(r.Quorum) <= 0, field+".second_call_quorum", "%v contradicts quorum, which is %v: a second sitting needs no more than the first", r.SecondCallQuorum, r.Quorum)
	}
}

func (l Legal) problems(p *problems) {
	p.check(l.Country == "" || len(l.Country) == 2 && capitals(l.Country), "legal.country", "give the country in two capitals, like BE (ISO 3166-1)")
	p.check(l.IBAN == "" || domain.IBAN(l.IBAN).Valid(), "legal.iban", "this is no IBAN: its check digits do not match; write it without spaces, like BE68539007547034")
}

func (b Billing) problems(p *problems) {
	p.check(len(b.Series) <= 8 && strings.Trim(b.Series, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "", "billing.series", "give the series of invoices in at most 8 capitals and digits, like A")
	p.check(between(b.PaymentDays, 1, 366), "billing.payment_days", "give the days that one has to pay, from 1 to 366")
	for i, days := range b.Reminders {
		after := 0
		if i > 0 {
			after = b.Reminders[i-1]
		}
		p.check(between(days, after+1, 366), fmt.Sprintf("billing.reminders[%d]", i), "give the days in rising order, from 1 to 366: %d does not come after %d", days, after)
	}
}

func between(n, least, most int) bool { return n >= least && n <= most }

func capitals(s string) bool { return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" }

// zoneLike reports whether it has the form of a zone's name. Whether there is
// such a zone is for whoever has the database of zones.
func zoneLike(s string) bool {
	area, place, found := strings.Cut(s, "/")
	return s == "UTC" || found && area != "" && place != "" && !strings.ContainsAny(s, " .\\")
}
