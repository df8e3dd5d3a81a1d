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

// Membership is how one becomes a member, and ceases to be one.
type Membership struct {
	Admission   Admission   `json:"admission"`
	Resignation Resignation `json:"resignation"`
}

// Admission is how one becomes a member.
type Admission struct {
	By        Body           `json:"by"`
	Class     domain.ClassID `json:"class,omitempty"`      // of which MinShares are subscribed first
	MinShares int            `json:"min_shares,omitempty"` // 0: nobody need hold any
}

// Body is who decides.
type Body string

const (
	Board         Body = "board"
	Assembled     Body = "assembly"
	Automatically Body = "automatic" // whoever meets the conditions
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
}

// Effect is the last day of a membership that was resigned.
type Effect string

const (
	WindowEnd Effect = "window_end" // that of the window in which notice was given
	YearEnd   Effect = "year_end"   // that of the fiscal year in which the notice runs out
	NoticeEnd Effect = "notice_end" // the day on which the notice runs out
)

// Shares is what shares there are and what becomes of them.
type Shares struct {
	Classes []Class `json:"classes"`
	// IssueWhenPaid is the part of its price that must be paid before a share
	// is issued.
	IssueWhenPaid Fraction  `json:"issue_when_paid"`
	ExitValue     ExitValue `json:"exit_value"`
	PartialExit   bool      `json:"partial_exit"` // may one give back some shares and keep others?
}

// Class is a class of shares.
type Class struct {
	ID         domain.ClassID `json:"id"`
	Name       domain.Text    `json:"name"`
	Price      money.Money    `json:"price"`                 // of one share issued now
	MinHolding int            `json:"min_holding"`           // that one holds if any
	MaxHolding int            `json:"max_holding,omitempty"` // 0: no limit
	Votes      int            `json:"votes,omitempty"`       // of each share, where votes are per share
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

// ResignationEnds returns the last day of a membership of which notice is given
// on a day.
func (s Statutes) ResignationEnds(given calendar.Date) calendar.Date {
	r := s.Membership.Resignation
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
	case NoticeEnd:
	}
	return noticed
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
