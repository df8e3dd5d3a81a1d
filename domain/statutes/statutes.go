// Package statutes is what the co-op's statutes say, as values that decisions are
// made with: no rule of a country or a co-op is written into the program.
//
//	Adopt → Adopted   statutes   the next version, in force from a day on
//
// Statutes are data, read from a file that people can read ([Parse]); a country
// is a preset of them ([Preset]). A decision is given the statutes in force on
// its day ([History.At]) and keeps their version in its event, so that it can be
// understood when they have long changed.
package statutes

import (
	"bytes"
	"cmp"
	"encoding/json"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// Statutes are the rules of one co-op, as far as the program applies them.
type Statutes struct {
	Version int `json:"-"` // under which they were adopted; 0 as long as they were not

	Name            string            `json:"name"`              // of the co-op
	LegalForm       string            `json:"legal_form"`        // as its country abbreviates it, like SC, SCIC or eG
	Jurisdiction    string            `json:"jurisdiction"`      // whose law applies: ISO 3166-1, like BE
	Currency        money.Currency    `json:"currency"`          // of shares
	TimeZone        string            `json:"time_zone"`         // in which days begin and end: IANA, like Europe/Brussels
	Languages       []domain.Language `json:"languages"`         // in which the co-op writes; the first where nobody chose
	FiscalYearStart time.Month        `json:"fiscal_year_start"` // the month on whose first day it begins

	Legal      Legal      `json:"legal,omitzero"`
	Membership Membership `json:"membership"`
	Shares     Shares     `json:"shares"`
	Assembly   Assembly   `json:"assembly"`
	Billing    Billing    `json:"billing"`
}

// Legal is how the co-op is registered, reached and paid: what stands on its
// letters and invoices (CSA 2:20; Directive 2006/112/EC art. 226(3) and (5)).
type Legal struct {
	Street           string `json:"street,omitempty"` // of the registered office, with the number
	PostalCode       string `json:"postal_code,omitempty"`
	City             string `json:"city,omitempty"`
	Country          string `json:"country,omitempty"`           // ISO 3166-1, two letters
	EnterpriseNumber string `json:"enterprise_number,omitempty"` // in the register of companies
	VATNumber        string `json:"vat_number,omitempty"`        // with the country's prefix
	Email            string `json:"email,omitempty"`
	Website          string `json:"website,omitempty"`
	IBAN             string `json:"iban,omitempty"` // ISO 13616, without spaces
	BIC              string `json:"bic,omitempty"`  // ISO 9362
}

// Membership is how one becomes a member, and ceases to be one. What it leaves
// out is as it was before there was such a setting.
type Membership struct {
	Admission   Admission   `json:"admission"`
	Particulars Particulars `json:"particulars,omitzero"`
	Minors      Minors      `json:"minors,omitzero"`
	Resignation Resignation `json:"resignation"`
	Exclusion   Exclusion   `json:"exclusion,omitzero"`
	Death       Death       `json:"death,omitzero"`
	Minimum     Minimum     `json:"minimum,omitzero"`
	Retention   Retention   `json:"retention,omitzero"`
}

// Admission is how one becomes a member.
type Admission struct {
	By        Body           `json:"by"`
	Class     domain.ClassID `json:"class,omitempty"`      // of which MinShares are subscribed first
	MinShares int            `json:"min_shares,omitempty"` // 0: nobody need hold any
	// Texts are what a candidate must have accepted, by the names under which the
	// co-op publishes them, like rules or risks.
	Texts []string `json:"texts,omitempty"`
	// WithdrawalDays is for how many days after the application the candidate may
	// withdraw, even if admitted meanwhile. Until a decision they always may.
	WithdrawalDays int  `json:"withdrawal_days,omitempty"`
	Minutes        bool `json:"minutes,omitempty"` // must decisions name the minutes that have them?
	Reasons        bool `json:"reasons,omitempty"` // must a refusal give reasons?
}

// Body is who decides.
type Body string

const (
	Board         Body = "board"
	Assembled     Body = "assembly"
	Automatically Body = "automatic" // whoever meets the conditions
)

// Valid reports whether it is one of these.
func (b Body) Valid() bool { return b == Board || b == Assembled || b == Automatically }

// Particulars is how changes of what is known of a party are made safe.
type Particulars struct {
	ContactDays int `json:"contact_days,omitempty"` // in which a new address of e-mail is confirmed by way of the old one; 0: 14
	AccountDays int `json:"account_days,omitempty"` // that a new bank account rests before money is paid out to it
}

// Minors is who acts for those who are not of age.
type Minors struct {
	Majority int        `json:"majority,omitempty"` // the age from which one acts for oneself; 0: 18
	Vote     MinorsVote `json:"vote,omitempty"`     // empty: guardian
}

// MinorsVote is who casts the vote of a minor.
type MinorsVote string

const (
	ByGuardian MinorsVote = "guardian"
	Themselves MinorsVote = "themselves"
	Nobody     MinorsVote = "nobody"
)

// Resignation is when members may leave of their own will.
type Resignation struct {
	// WindowMonths is how many months, from the start of the fiscal year,
	// notice may be given; what comes later counts as given when the next year
	// begins. 0 is at any time.
	WindowMonths int    `json:"window_months,omitempty"`
	NoticeMonths int    `json:"notice_months,omitempty"`
	NoticeDays   int    `json:"notice_days,omitempty"` // on top of the months
	Effect       Effect `json:"effect"`
	// FoundersFromYear is the fiscal year from which founders may resign, where
	// that of the founding is the first. 0: at once, like everybody.
	FoundersFromYear int  `json:"founders_from_year,omitempty"`
	Withdrawable     bool `json:"withdrawable,omitempty"` // may a resignation be taken back before it takes effect?
}

// Effect is the last day of a membership that ends.
type Effect string

const (
	WindowEnd   Effect = "window_end" // of the window in which notice was given
	YearEnd     Effect = "year_end"   // of the fiscal year in which the notice runs out, or in which it happened
	NoticeEnd   Effect = "notice_end" // the day on which the notice runs out
	AtOnce      Effect = "at_once"    // the day on which it happened or was decided
	WhenNoticed Effect = "notice"     // the day on which the member was told of the decision
)

// Exclusion is how members are excluded.
type Exclusion struct {
	By Body `json:"by,omitempty"` // empty: who admits members or, where nobody does, the board
	// AnswerMonths and AnswerDays on top of them are the time from the day on which
	// the proposal was sent, in which the member may answer and ask to be heard.
	// Where there is neither, none need be sent.
	AnswerMonths int    `json:"answer_months,omitempty"`
	AnswerDays   int    `json:"answer_days,omitempty"`
	NoticeDays   int    `json:"notice_days,omitempty"` // from the decision, within which the member is told of it; 0: no term
	Effect       Effect `json:"effect,omitempty"`      // at_once, notice or year_end; empty: at_once
}

// Death is what follows from the death of a member, or the end of one that is an
// organisation.
type Death struct {
	Effect Effect `json:"effect,omitempty"` // at_once or year_end; empty: at_once
	Heirs  Heirs  `json:"heirs,omitempty"`  // empty: paid_out
}

// Heirs is what heirs may have.
type Heirs string

const (
	PaidOut Heirs = "paid_out" // the value of the shares
	MayJoin Heirs = "may_join" // the shares themselves, once they are admitted
)

// Minimum is how many members there must be.
type Minimum struct {
	Members int   `json:"members,omitempty"` // 0: any number
	Below   Below `json:"below,omitempty"`   // with Members
}

// Below is what happens to a resignation that would leave too few.
type Below string

const (
	Warn  Below = "warn"  // it is taken, and marked
	Block Below = "block" // it is refused
)

// Retention is for how long data is kept once nothing else needs it.
type Retention struct {
	RegisterYears     int `json:"register_years,omitempty"`     // the register of members, after the co-op's liquidation is closed; 0: 5
	AccountingYears   int `json:"accounting_years,omitempty"`   // the books, after the fiscal year of an entry
	ServiceDays       int `json:"service_days,omitempty"`       // how to reach a party, after its last service has ended: as long as backups last
	ApplicationMonths int `json:"application_months,omitempty"` // an application that was declined or withdrawn
}

// Shares is what shares there are and what becomes of them.
type Shares struct {
	Classes []Class `json:"classes"`
	// IssueWhenPaid is the part of its price that must be paid before a share
	// is issued.
	IssueWhenPaid Fraction `json:"issue_when_paid"`
	// MaxContribution is what the shares that one party subscribes to, of all
	// classes, cost together at most: offers below such a limit need no
	// prospectus. Zero is no limit.
	MaxContribution money.Money `json:"max_contribution,omitzero"`
	CallDays        int         `json:"call_days,omitempty"`     // at least, from a call for what is unpaid to the day on which it is due
	SuspendVotes    bool        `json:"suspend_votes,omitempty"` // of shares on which a call is overdue
	Transfers       Transfers   `json:"transfers,omitzero"`
	ExitValue       ExitValue   `json:"exit_value"`
	PartialExit     bool        `json:"partial_exit"` // may one give back some shares and keep others?
	Exit            Exit        `json:"exit,omitzero"`
	Refunds         Refunds     `json:"refunds,omitzero"`
	Dividend        Dividend    `json:"dividend,omitzero"`
	Backing         Backing     `json:"backing,omitzero"`
}

// Class is a class of shares.
type Class struct {
	ID         domain.ClassID `json:"id"`
	Name       domain.Text    `json:"name"`
	Price      money.Money    `json:"price"`                 // of one share issued now
	MinHolding int            `json:"min_holding"`           // that one holds if any
	MaxHolding int            `json:"max_holding,omitempty"` // 0: no limit
	Votes      int            `json:"votes,omitempty"`       // of each share, where votes are per share
	// Unavailable is whether what is contributed on these shares cannot be
	// distributed without changing the statutes (in Belgium account 111, not 110).
	Unavailable bool         `json:"unavailable,omitempty"`
	Converts    []Conversion `json:"converts,omitempty"`
}

// Conversion is how shares of a class are changed into those of another: so many
// are taken for so many that are given.
type Conversion struct {
	To   domain.ClassID `json:"to"`
	Take int            `json:"take"`
	Give int            `json:"give"`
}

// Transfers is how shares pass from one holder to another.
type Transfers struct {
	Signed   bool `json:"signed,omitempty"`   // the register has the signatures of both
	Approved bool `json:"approved,omitempty"` // each needs a decision, besides the admission of who is no member yet
}

// Exit is how shares leave with whoever gives them back, and what they are worth.
type Exit struct {
	// Window is when shares may be given back; the zero value is as members resign.
	Window       Resignation `json:"window,omitzero"`
	Accounts     AccountsOf  `json:"accounts,omitempty"`       // that value them; empty: the last ones approved
	NetAssetsCap bool        `json:"net_assets_cap,omitempty"` // no more is owed than their part of the net assets
	Losses       bool        `json:"losses,omitempty"`         // their part of the losses is taken off
	// CapitalCap and MembersCap are the parts of the contributions and of the
	// members that may leave in a fiscal year by resignation; the rest waits for
	// the next window. Zero is no cap.
	CapitalCap Fraction `json:"capital_cap,omitzero"`
	MembersCap Fraction `json:"members_cap,omitzero"`
}

// AccountsOf is by which annual accounts shares that are given back are valued.
type AccountsOf string

const (
	LastApproved AccountsOf = "last" // those approved last by the day on which they are valued
	YearOfExit   AccountsOf = "year" // those of the fiscal year in which they leave
)

// Refunds is how what is owed for shares given back is paid.
type Refunds struct {
	NetAssetsTest  Body        `json:"net_assets_test,omitempty"`  // who certifies that the net assets bear it; empty: nobody need
	LiquidityTest  Body        `json:"liquidity_test,omitempty"`   // who certifies that debts can be paid for twelve months; empty: nobody need
	TestDays       int         `json:"test_days,omitempty"`        // for how long a certificate holds; 0: until it is used up
	Short          Short       `json:"short,omitempty"`            // who is refunded where there is too little for all; empty: pro_rata
	SetOff         Body        `json:"set_off,omitempty"`          // who decides that open bills are set off; empty: nobody may
	MinimumCapital money.Money `json:"minimum_capital,omitzero"`   // below which contributions never fall by a refund
	MinimumPart    Fraction    `json:"minimum_part,omitzero"`      // the same, as a part of the highest that they ever were
	Limitation     int         `json:"limitation_years,omitempty"` // after which what nobody collected is time-barred; 0: never
}

// Short is who is refunded where there is too little for all. Shares that left
// earlier always come first.
type Short string

const (
	ProRata Short = "pro_rata" // those of one day alike, in proportion
	InOrder Short = "in_order" // one after the other, as notice was given
)

// Dividend is what shares may earn.
type Dividend struct {
	None       bool     `json:"none,omitempty"`
	MaxRate    Fraction `json:"max_rate,omitzero"`          // of what is paid up, in a year; zero: no limit
	Limitation int      `json:"limitation_years,omitempty"` // as that of [Refunds]
	// AfterRefunds is whether there is none while something is owed for shares
	// that have left.
	AfterRefunds bool `json:"after_refunds,omitempty"`
}

// Backing is how many shares one holds who books units of a service, like servers.
type Backing struct {
	Class   domain.ClassID `json:"class,omitempty"`
	PerUnit int            `json:"per_unit,omitempty"` // 0: nobody need hold any
}

// ExitValue is what is owed, at most, for shares that are given back.
type ExitValue string

const (
	Paid      ExitValue = "paid"       // what was paid on them: there is no gain
	NetAssets ExitValue = "net_assets" // their part of the net assets, whatever was paid
)

// Assembly is how the general assembly meets and decides.
type Assembly struct {
	NoticeDays           int       `json:"notice_days"`                       // from the convocation to the day of the assembly
	SecondCallNoticeDays int       `json:"second_call_notice_days,omitempty"` // the same for a second sitting; 0: as for the first
	RecordDays           int       `json:"record_days,omitempty"`             // before the assembly that the roll is frozen
	Votes                Votes     `json:"votes"`
	Proxies              Proxies   `json:"proxies"`
	Decisions            Decisions `json:"decisions"`
}

// Votes is how votes are weighed.
type Votes struct {
	Per Per `json:"per"`
	// Cap is the part of all votes present or represented above which nobody's
	// votes count. Zero is no cap.
	Cap Fraction `json:"cap,omitzero"`
}

// Per is what votes are counted by.
type Per string

const (
	PerMember Per = "member" // one member, one vote
	PerShare  Per = "share"  // as many as the classes of one's shares give
)

// Proxies is how many others one may vote for.
type Proxies struct {
	Max           int `json:"max"`                       // 0: nobody votes for another
	SecondCallMax int `json:"second_call_max,omitempty"` // in a second sitting; 0: as in the first
}

// Decisions are the rules by which each kind of decision is taken.
type Decisions struct {
	Ordinary       Rule `json:"ordinary"`
	StatutesChange Rule `json:"statutes_change"`
	PurposeChange  Rule `json:"purpose_change"` // of the object, the purpose or the values
	Dissolution    Rule `json:"dissolution"`
}

// Decision is a kind of decision.
type Decision string

const (
	Ordinary       Decision = "ordinary"
	StatutesChange Decision = "statutes_change"
	PurposeChange  Decision = "purpose_change"
	Dissolution    Decision = "dissolution"
)

// AllDecisions are all kinds of decision.
var AllDecisions = []Decision{Ordinary, StatutesChange, PurposeChange, Dissolution}

// Rule is how many must take part in a decision, and how many agree.
type Rule struct {
	Majority         Majority    `json:"majority"`
	Abstentions      Abstentions `json:"abstentions"`
	Quorum           Fraction    `json:"quorum,omitzero"`             // that takes part; zero: whoever comes
	QuorumOf         QuorumOf    `json:"quorum_of,omitempty"`         // where there is a quorum
	SecondCallQuorum Fraction    `json:"second_call_quorum,omitzero"` // in a second sitting, once the first lacked its quorum
}

// QuorumOf is what a quorum is a part of.
type QuorumOf string

const (
	OfMembers QuorumOf = "members" // on the roll
	OfVotes   QuorumOf = "votes"   // that those on the roll have
)

// Abstentions is whether abstaining counts as voting where a majority is a part
// of the votes cast.
type Abstentions string

const (
	Ignored Abstentions = "ignored" // neither in the numerator nor in the denominator
	Counted Abstentions = "counted" // in the denominator: to abstain is not to agree
)

// Billing is how the co-op gets its money.
type Billing struct {
	Series      string `json:"series,omitempty"`    // of its invoices; empty: "A"
	PaymentDays int    `json:"payment_days"`        // from an invoice's date to the day on which it is due
	Reminders   []int  `json:"reminders,omitempty"` // days after that day on which to remind
}

// InvoiceSeries returns the series in which invoices are numbered.
func (b Billing) InvoiceSeries() string { return cmp.Or(b.Series, "A") }

// Class returns a class of shares, and whether there is one of that id.
func (s Statutes) Class(id domain.ClassID) (Class, bool) {
	for _, c := range s.Shares.Classes {
		if c.ID == id {
			return c, true
		}
	}
	return Class{}, false
}

// FiscalYear returns the fiscal year in which a day falls.
func (s Statutes) FiscalYear(d calendar.Date) calendar.Period {
	first := calendar.In(d.Year(), s.FiscalYearStart)
	if first.Compare(d.Month()) > 0 {
		first = first.Add(-12)
	}
	return calendar.Period{From: first.First(), Through: first.Add(11).Last()}
}

// ExcludedBy returns who decides on an exclusion.
func (m Membership) ExcludedBy() Body {
	switch by := cmp.Or(m.Exclusion.By, m.Admission.By); by {
	case Board, Assembled:
		return by
	case Automatically:
	}
	return Board
}

// Answer returns the last day on which a member may answer a proposal that was
// sent on a day, and whether one need be sent at all.
func (e Exclusion) Answer(sent calendar.Date) (through calendar.Date, asked bool) {
	return sent.AddMonths(e.AnswerMonths).AddDays(e.AnswerDays), e.AnswerMonths+e.AnswerDays > 0
}

// MajorityOf returns the first day on which who was born on a day is of age. Who was
// born on 29 February comes of age on 1 March where the year has no such day.
func (m Minors) MajorityOf(born calendar.Date) calendar.Date {
	return calendar.On(born.Year()+cmp.Or(m.Majority, 18), born.Month().Month(), born.Day())
}

// Short reports whether so many members are too few.
func (m Minimum) Short(members int) bool { return members < m.Members }

// LastDay returns the last day of a membership that ends by what happened on a day.
func (s Statutes) LastDay(e Effect, happened calendar.Date) calendar.Date {
	if e == YearEnd {
		return s.FiscalYear(happened).Through
	}
	return happened
}

// FoundersMayResign returns the first day on which those may give notice who
// founded the co-op on a day.
func (s Statutes) FoundersMayResign(founded calendar.Date) calendar.Date {
	years := s.Membership.Resignation.FoundersFromYear - 1
	if years < 1 {
		return founded
	}
	return s.FiscalYear(founded).From.AddMonths(12 * years)
}

// ResignationDeferred reports whether notice given on a day comes too late for the
// window of its fiscal year, so that it counts for the next.
func (s Statutes) ResignationDeferred(given calendar.Date) bool {
	months := s.Membership.Resignation.WindowMonths
	return months > 0 && given.After(s.FiscalYear(given).From.Month().Add(months-1).Last())
}

// ResignationEnds returns the last day of a membership of which notice is given
// on a day.
func (s Statutes) ResignationEnds(given calendar.Date) calendar.Date {
	return s.ends(s.Membership.Resignation, given)
}

// SharesLeave returns the day on which shares leave that are given back by notice
// on a day.
func (s Statutes) SharesLeave(given calendar.Date) calendar.Date {
	if w := s.Shares.Exit.Window; w != (Resignation{}) {
		return s.ends(w, given)
	}
	return s.ResignationEnds(given)
}

func (s Statutes) ends(r Resignation, given calendar.Date) calendar.Date {
	window := func(year calendar.Period) calendar.Date { return year.From.Month().Add(r.WindowMonths - 1).Last() }
	year := s.FiscalYear(given)
	if r.WindowMonths > 0 && given.After(window(year)) {
		given = year.Through.AddDays(1)
		year = s.FiscalYear(given)
	}
	noticed := given.AddMonths(r.NoticeMonths).AddDays(r.NoticeDays)
	switch r.Effect {
	case WindowEnd:
		return window(year)
	case YearEnd:
		return s.FiscalYear(noticed).Through
	case NoticeEnd, AtOnce, WhenNoticed:
	}
	return noticed
}

// SharesFor returns how many shares whoever books so many units of a service holds.
func (s Statutes) SharesFor(units int64) int64 { return units * int64(s.Shares.Backing.PerUnit) }

// Conversion returns how shares of the class are changed into those of another,
// and whether they may be.
func (c Class) Conversion(to domain.ClassID) (Conversion, bool) {
	for _, v := range c.Converts {
		if v.To == to {
			return v, true
		}
	}
	return Conversion{}, false
}

// VotesOf returns the votes of a member who holds so many shares of each class.
func (s Statutes) VotesOf(held map[domain.ClassID]int64) (votes int64) {
	if s.Assembly.Votes.Per == PerMember {
		return 1
	}
	for id, n := range held {
		if c, ok := s.Class(id); ok {
			votes += int64(c.Votes) * n
		}
	}
	return votes
}

// Notice returns the least number of days between convocation and assembly.
func (a Assembly) Notice(secondCall bool) int {
	if secondCall && a.SecondCallNoticeDays > 0 {
		return a.SecondCallNoticeDays
	}
	return a.NoticeDays
}

// Limit returns how many others one may vote for.
func (p Proxies) Limit(secondCall bool) int {
	if secondCall && p.SecondCallMax > 0 {
		return p.SecondCallMax
	}
	return p.Max
}

// Rule returns the rule for a kind of decision, and whether there is such a kind.
func (d Decisions) Rule(kind Decision) (Rule, bool) {
	switch kind {
	case Ordinary:
		return d.Ordinary, true
	case StatutesChange:
		return d.StatutesChange, true
	case PurposeChange:
		return d.PurposeChange, true
	case Dissolution:
		return d.Dissolution, true
	}
	return Rule{}, false
}

// QuorumFor returns the quorum that applies in a sitting.
func (r Rule) QuorumFor(secondCall bool) Fraction {
	if secondCall {
		return r.SecondCallQuorum
	}
	return r.Quorum
}

// Language returns the language in which the co-op writes to who chose one, or none.
func (s Statutes) Language(chosen domain.Language) domain.Language {
	for _, l := range s.Languages {
		if l == chosen {
			return l
		}
	}
	if len(s.Languages) > 0 {
		return s.Languages[0]
	}
	return domain.English
}

// Equal reports whether two statutes say the same, whatever their versions.
func (s Statutes) Equal(t Statutes) bool {
	a, errA := json.Marshal(s)
	b, errB := json.Marshal(t)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}
