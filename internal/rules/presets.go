package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// A section says some of the settings of statutes.
type section struct {
	title string
	path  string // whose comment opens it
	items []item
}

// An item is a sentence, and the settings that it says.
type item struct {
	text  string
	paths []string
}

func writePresets(b *bytes.Buffer) error {
	b.WriteString("\n## By statutes\n")
	for _, name := range statutes.Presets() {
		s, err := statutes.Preset(name)
		if err != nil {
			return err
		}
		file, err := statutes.PresetFile(name)
		if err != nil {
			return err
		}
		if err := writePreset(b, name, s, string(file)); err != nil {
			return fmt.Errorf("preset %s: %w", name, err)
		}
	}
	return nil
}

func writePreset(b *bytes.Buffer, name string, s statutes.Statutes, file string) error {
	about, all := settings(file)
	said := map[string]bool{}
	comments := func(paths ...string) (list []string) {
		for _, l := range all {
			if slices.ContainsFunc(paths, func(p string) bool { return l.path == p || strings.HasPrefix(l.path, p+".") }) {
				if said[l.path] {
					continue
				}
				said[l.path] = true
				if l.comment != "" && !plain[l.comment] {
					list = append(list, l.comment)
				}
			}
		}
		return list
	}
	fmt.Fprintf(b, "\n### %s\n\n%s\n", name, about)
	for _, part := range sections(s) {
		fmt.Fprintf(b, "\n**%s**\n\n", part.title)
		for _, l := range all {
			if l.path == part.path {
				said[l.path] = true
				if l.comment != "" {
					fmt.Fprintf(b, "%s\n\n", stop(sentence(l.comment)))
				}
			}
		}
		for _, i := range part.items {
			if i.text == "" {
				continue
			}
			fmt.Fprintf(b, "- %s.", sentence(i.text))
			for _, c := range comments(i.paths...) {
				b.WriteString(" *" + stop(sentence(c)) + "*")
			}
			b.WriteByte('\n')
		}
	}
	for _, l := range all {
		if !said[l.path] && (l.value != "" || l.comment != "") {
			return fmt.Errorf("no sentence says %s: %s: write one in sections", l.path, l.value)
		}
	}
	return nil
}

// plain are comments that tell who edits a file what the sentence says anyway.
var plain = map[string]bool{
	"January": true, "of shares on which a call is overdue": true, "the first is for those who chose none": true, "open bills": true,
}

// stop ends a sentence.
func stop(s string) string {
	if strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// sections says what statutes say.
func sections(s statutes.Statutes) []section {
	m, sh := s.Membership, s.Shares
	return []section{
		{"The co-op", "", []item{
			{fmt.Sprintf("%s (%s) lives under the law of %s, and counts in %s", s.Name, s.LegalForm, country(s.Jurisdiction), s.Currency), []string{"name", "legal_form", "jurisdiction", "currency"}},
			{"it writes in " + languages(s.Languages), []string{"languages"}},
			{fmt.Sprintf("its fiscal year begins on 1 %s, and its days are those of %s", s.FiscalYearStart, s.TimeZone), []string{"fiscal_year_start", "time_zone"}},
		}},
		{"Becoming a member", "membership.admission", admission(s)},
		{"Resigning", "membership.resignation", resignation(m.Resignation, "membership.resignation")},
		{"Being excluded", "membership.exclusion", exclusion(m)},
		{"Death, and the number of members", "membership.death", []item{
			{fmt.Sprintf("by death a membership ends %s", effect(cmp.Or(m.Death.Effect, statutes.AtOnce), "of the death")), []string{"membership.death.effect"}},
			{choose(m.Death.Heirs == statutes.MayJoin, "heirs may take the shares over once they are admitted", "heirs are paid the value of the shares"), []string{"membership.death.heirs"}},
			{
				when(m.Minimum.Members > 0, "there must be %s at least: a resignation that would leave fewer is %s", count(m.Minimum.Members, "member"),
					choose(m.Minimum.Below == statutes.Block, "refused", "taken, and marked")), []string{"membership.minimum"},
			},
		}},
		{"Minors, particulars and personal data", "", []item{
			{fmt.Sprintf("one is of age at %d", cmp.Or(m.Minors.Majority, 18)), []string{"membership.minors.majority"}},
			{"the vote of a minor is cast by " + minors(m.Minors.Vote), []string{"membership.minors"}},
			{fmt.Sprintf("a new e-mail address is confirmed by way of the old one within %s", count(cmp.Or(m.Particulars.ContactDays, 14), "day")), []string{"membership.particulars.contact_days"}},
			{
				choose(m.Particulars.AccountDays > 0, fmt.Sprintf("a new bank account rests for %s before money is paid out to it", count(m.Particulars.AccountDays, "day")), "money may go to a new bank account at once"),
				[]string{"membership.particulars"},
			},
			{fmt.Sprintf("the register is kept as long as the co-op lives, and for %s after its liquidation is closed", count(cmp.Or(m.Retention.RegisterYears, 5), "year")), []string{"membership.retention.register_years"}},
			{when(m.Retention.AccountingYears > 0, "the books are kept for %s after the fiscal year of an entry", count(m.Retention.AccountingYears, "year")), []string{"membership.retention.accounting_years"}},
			{when(m.Retention.ServiceDays > 0, "how to reach somebody is kept for %s after their last service has ended", count(m.Retention.ServiceDays, "day")), []string{"membership.retention.service_days"}},
			{when(m.Retention.ApplicationMonths > 0, "an application that was declined or withdrawn is kept for %s", count(m.Retention.ApplicationMonths, "month")), []string{"membership.retention"}},
		}},
		{"Shares", "", holdings(s)},
		{"Giving shares back", "shares.exit", append([]item{
			{choose(sh.ExitValue == statutes.NetAssets, "who gives shares back is owed their part of the net assets", "who gives shares back is owed at most what was paid on them"), []string{"shares.exit_value"}},
			{choose(sh.PartialExit, "one may give some shares back and keep others", "one gives back all of one's shares, or none"), []string{"shares.partial_exit"}},
		}, exit(sh)...)},
		{"Refunds", "shares.refunds", refunds(sh.Refunds)},
		{"Dividends", "shares.dividend", dividend(sh.Dividend)},
		{"The general assembly", "assembly", assembly(s)},
		{"What carries a decision", "assembly.decisions", decisions(s.Assembly.Decisions)},
		{"Bills", "billing", []item{
			{when(s.Billing.Series != "", "invoices are numbered in the series %s", s.Billing.Series), []string{"billing.series"}},
			{fmt.Sprintf("an invoice is due %s after its date", count(s.Billing.PaymentDays, "day")), []string{"billing.payment_days"}},
			{when(len(s.Billing.Reminders) > 0, "who has not paid is reminded %s days after that", list(s.Billing.Reminders)), []string{"billing.reminders"}},
		}},
	}
}

func admission(s statutes.Statutes) []item {
	a, at := s.Membership.Admission, "membership.admission."
	return []item{
		{choose(a.By == statutes.Automatically, "whoever meets the conditions is admitted", "the "+string(a.By)+" admits members"), []string{at + "by"}},
		{
			choose(a.MinShares > 0, fmt.Sprintf("a candidate subscribes first to %s of class %s", count(a.MinShares, "share"), a.Class), "a candidate need not hold any shares"),
			[]string{at + "class", at + "min_shares"},
		},
		{when(len(a.Texts) > 0, "a candidate accepts the present version of: %s", strings.Join(a.Texts, ", ")), []string{at + "texts"}},
		{
			choose(a.WithdrawalDays > 0, fmt.Sprintf("for %s after the application a candidate may withdraw, even if admitted meanwhile", count(a.WithdrawalDays, "day")), "a candidate may withdraw until admitted"),
			[]string{at + "withdrawal_days"},
		},
		{when(a.Minutes, "a decision names the minutes that have it"), []string{at + "minutes"}},
		{choose(a.Reasons, "a refusal gives its reasons", "a refusal need not give its reasons"), []string{at + "reasons"}},
	}
}

func resignation(r statutes.Resignation, at string) []item {
	notice := []string{}
	if r.NoticeMonths > 0 {
		notice = append(notice, count(r.NoticeMonths, "month"))
	}
	if r.NoticeDays > 0 {
		notice = append(notice, count(r.NoticeDays, "day"))
	}
	return []item{
		{
			choose(r.WindowMonths > 0, fmt.Sprintf("notice is given in the first %s of the fiscal year; what comes later counts for the next year", count(r.WindowMonths, "month")), "notice may be given at any time"),
			[]string{at + ".window_months"},
		},
		{choose(len(notice) > 0, "the time of notice is "+strings.Join(notice, " and "), "there is no time of notice"), []string{at + ".notice_months", at + ".notice_days"}},
		{"it takes effect " + effect(r.Effect, ""), []string{at + ".effect"}},
		{when(r.FoundersFromYear > 0, "founders may from the %s fiscal year on", ordinal(r.FoundersFromYear)), []string{at + ".founders_from_year"}},
		{choose(r.Withdrawable, "a resignation may be taken back before it takes effect", "a resignation is not taken back"), []string{at + ".withdrawable"}},
	}
}

func exclusion(m statutes.Membership) []item {
	e, at := m.Exclusion, "membership.exclusion."
	answer := []string{}
	if e.AnswerMonths > 0 {
		answer = append(answer, count(e.AnswerMonths, "month"))
	}
	if e.AnswerDays > 0 {
		answer = append(answer, count(e.AnswerDays, "day"))
	}
	return []item{
		{fmt.Sprintf("the %s decides on an exclusion", m.ExcludedBy()), []string{at + "by"}},
		{
			choose(len(answer) > 0, fmt.Sprintf("the member has %s from the proposal to answer it and to ask to be heard", strings.Join(answer, " and ")), "no proposal need be sent to the member first"),
			[]string{at + "answer_months", at + "answer_days"},
		},
		{when(e.NoticeDays > 0, "the member is told of the decision within %s", count(e.NoticeDays, "day")), []string{at + "notice_days"}},
		{"an exclusion takes effect " + effect(cmp.Or(e.Effect, statutes.AtOnce), "of the decision"), []string{at + "effect"}},
	}
}

func holdings(s statutes.Statutes) (items []item) {
	sh := s.Shares
	for _, c := range sh.Classes {
		at := "shares.classes." + string(c.ID)
		text := fmt.Sprintf("a share of class %s (%s) costs %s", c.ID, c.Name.In(s.Language(domain.English)), price(c.Price))
		if c.MinHolding > 1 {
			text += fmt.Sprintf("; who holds any holds at least %d", c.MinHolding)
		}
		if c.MaxHolding > 0 {
			text += fmt.Sprintf("; nobody holds more than %d", c.MaxHolding)
		}
		if c.Votes > 0 {
			text += "; it has " + count(c.Votes, "vote")
		}
		if c.Unavailable {
			text += "; what is contributed on it cannot be distributed without changing the statutes"
		}
		for _, v := range c.Converts {
			text += fmt.Sprintf("; %d of them can be changed into %d of class %s", v.Take, v.Give, v.To)
		}
		items = append(items, item{text, []string{at}})
	}
	return append(items,
		item{choose(sh.IssueWhenPaid.String() == "1", "shares are issued when they are paid in full", choose(sh.IssueWhenPaid.IsZero(), "shares are issued before they are paid", "shares are issued when "+part(sh.IssueWhenPaid)+" of their price is paid")), []string{"shares.issue_when_paid"}},
		item{choose(sh.MaxContribution.IsZero(), "there is no limit to what one party subscribes to", "the shares of one party cost "+price(sh.MaxContribution)+" at most"), []string{"shares.max_contribution"}},
		item{when(sh.CallDays > 0, "what is unpaid is due %s after it is called, or later", count(sh.CallDays, "day")), []string{"shares.call_days"}},
		item{when(sh.SuspendVotes, "shares on which a call is overdue have no vote"), []string{"shares.suspend_votes"}},
		item{when(sh.Transfers.Signed, "a transfer is signed by both sides"), []string{"shares.transfers.signed"}},
		item{choose(sh.Transfers.Approved, "a transfer needs a decision", "a transfer between members needs no decision"), []string{"shares.transfers"}},
		item{when(sh.Backing.PerUnit > 0, "who books a service holds %s of class %s for each unit of it", count(sh.Backing.PerUnit, "share"), sh.Backing.Class), []string{"shares.backing"}},
	)
}

func exit(sh statutes.Shares) []item {
	e, at := sh.Exit, "shares.exit."
	var items []item
	if e.Window == (statutes.Resignation{}) {
		items = []item{{"shares leave as their holder resigns", nil}}
	} else {
		items = resignation(e.Window, at+"window")[:3]
	}
	return append(items,
		item{"they are valued by the annual accounts " + choose(e.Accounts == statutes.YearOfExit, "of the fiscal year in which they leave", "that were approved last"), []string{at + "accounts"}},
		item{when(e.NetAssetsCap, "no more is owed for them than their part of the net assets"), []string{at + "net_assets_cap"}},
		item{when(e.Losses, "their part of the losses is taken off"), []string{at + "losses"}},
		item{when(!e.CapitalCap.IsZero(), "at most %s of the contributions leave in a fiscal year; the rest waits for the next", part(e.CapitalCap)), []string{at + "capital_cap"}},
		item{when(!e.MembersCap.IsZero(), "at most %s of the members leave in a fiscal year; the rest waits for the next", part(e.MembersCap)), []string{at + "members_cap"}},
	)
}

func refunds(r statutes.Refunds) []item {
	at := "shares.refunds."
	return []item{
		{when(r.NetAssetsTest != "", "money leaves once the %s has certified that the net assets bear it", r.NetAssetsTest), []string{at + "net_assets_test"}},
		{when(r.LiquidityTest != "", "money leaves once the %s has certified that debts can be paid for twelve months", r.LiquidityTest), []string{at + "liquidity_test"}},
		{when(r.NetAssetsTest+r.LiquidityTest == "", "no test need be certified before money leaves"), nil},
		{when(r.TestDays > 0, "a certificate holds for %s", count(r.TestDays, "day")), []string{at + "test_days"}},
		{"shares that left earlier come first; " + choose(r.Short == statutes.InOrder, "where there is too little for all of one day, they are refunded one after the other, as notice was given", "where there is too little for all of one day, each is refunded in proportion"), []string{at + "short"}},
		{choose(r.SetOff != "", fmt.Sprintf("open bills are set off where the %s decides so", r.SetOff), "open bills are not set off"), []string{at + "set_off"}},
		{when(!r.MinimumCapital.IsZero(), "contributions never fall below %s by a refund", price(r.MinimumCapital)), []string{at + "minimum_capital"}},
		{when(!r.MinimumPart.IsZero(), "contributions never fall below %s of the highest that they ever were by a refund", part(r.MinimumPart)), []string{at + "minimum_part"}},
		{choose(r.Limitation > 0, fmt.Sprintf("what nobody collected is time-barred after %s", count(r.Limitation, "year")), "nothing is time-barred"), []string{at + "limitation_years"}},
	}
}

func dividend(d statutes.Dividend) []item {
	at := "shares.dividend."
	if d.None {
		return []item{{"shares earn no dividend", []string{at + "none"}}}
	}
	return []item{
		{choose(d.MaxRate.IsZero(), "there is no limit to a dividend", "a dividend is at most "+part(d.MaxRate)+" of what is paid up, in a year"), []string{at + "max_rate"}},
		{when(d.AfterRefunds, "there is none while something is owed for shares that have left"), []string{at + "after_refunds"}},
		{choose(d.Limitation > 0, fmt.Sprintf("one that nobody collected is time-barred after %s", count(d.Limitation, "year")), "none is time-barred"), []string{at + "limitation_years"}},
	}
}

func assembly(s statutes.Statutes) []item {
	a, at := s.Assembly, "assembly."
	return []item{
		{fmt.Sprintf("members are called %s ahead", count(a.NoticeDays, "day")), []string{at + "notice_days"}},
		{when(a.SecondCallNoticeDays > 0, "to a second sitting they are called %s ahead", count(a.SecondCallNoticeDays, "day")), []string{at + "second_call_notice_days"}},
		{choose(a.RecordDays > 0, fmt.Sprintf("who may vote is settled %s before the assembly", count(a.RecordDays, "day")), "who may vote is settled on the day of the assembly"), []string{at + "record_days"}},
		{choose(a.Votes.Per == statutes.PerShare, "votes are counted by share", "each member has one vote"), []string{at + "votes.per", at + "votes"}},
		{when(!a.Votes.Cap.IsZero(), "nobody's votes count beyond %s of all votes present or represented", part(a.Votes.Cap)), []string{at + "votes.cap"}},
		{proxies(a.Proxies), []string{at + "proxies"}},
	}
}

func proxies(p statutes.Proxies) string {
	text := fmt.Sprintf("one may vote for %s", count(p.Max, "other member"))
	switch {
	case p.Max == 0:
		text = "nobody votes for another"
	case p.Max >= 1_000_000:
		text = "one may vote for any number of other members"
	}
	if p.SecondCallMax > 0 {
		text += fmt.Sprintf(", and for %d in a second sitting", p.SecondCallMax)
	}
	return text
}

func decisions(d statutes.Decisions) (items []item) {
	names := map[statutes.Decision]string{
		statutes.Ordinary: "an ordinary decision", statutes.StatutesChange: "a change of the statutes",
		statutes.PurposeChange: "a change of the object, the purpose or the values", statutes.Dissolution: "the dissolution",
	}
	for _, kind := range statutes.AllDecisions {
		r, _ := d.Rule(kind)
		var votes string
		switch r.Majority {
		case statutes.Simple:
			votes = "more votes for it than against"
		case statutes.Absolute:
			votes = "more than half of the votes"
		case statutes.Unanimity:
			votes = "all votes"
		default:
			fraction, err := statutes.ParseFraction(r.Majority.String())
			votes = r.Majority.String() + " of the votes"
			if err == nil {
				votes = part(fraction) + " of the votes"
			}
		}
		text := fmt.Sprintf("%s needs %s; abstentions %s", names[kind], votes, choose(r.Abstentions == statutes.Counted, "count as votes that are not for it", "do not count"))
		of := choose(r.QuorumOf == statutes.OfMembers, "the members", "all votes")
		switch {
		case r.Quorum.IsZero():
			text += "; it may be taken by whoever comes"
		case r.SecondCallQuorum.IsZero():
			text += fmt.Sprintf("; %s of %s must take part, or in a second sitting whoever comes", part(r.Quorum), of)
		default:
			text += fmt.Sprintf("; %s of %s must take part, or in a second sitting %s", part(r.Quorum), of, part(r.SecondCallQuorum))
		}
		items = append(items, item{text, []string{"assembly.decisions." + string(kind)}})
	}
	return items
}

// effect says when something takes effect.
func effect(e statutes.Effect, of string) string {
	switch e {
	case statutes.WindowEnd:
		return "at the end of those months"
	case statutes.YearEnd:
		return "at the end of the fiscal year"
	case statutes.NoticeEnd:
		return "when the notice has run out"
	case statutes.WhenNoticed:
		return "on the day on which the member is told"
	case statutes.AtOnce:
	}
	return strings.TrimSpace("on the day " + of)
}

func minors(v statutes.MinorsVote) string {
	switch v {
	case statutes.Themselves:
		return "the minor"
	case statutes.Nobody:
		return "nobody"
	case statutes.ByGuardian:
	}
	return "the guardian"
}

var parts = map[string]string{
	"1/2": "half", "1/3": "a third", "2/3": "two thirds", "1/4": "a quarter", "3/4": "three quarters", "1/5": "a fifth", "4/5": "four fifths", "1/10": "a tenth",
}

// part says a fraction in words where there are such, or in hundredths.
func part(f statutes.Fraction) string {
	if words, known := parts[f.String()]; known {
		return words
	}
	if hundredths, is := strings.CutSuffix(f.String(), "/100"); is {
		return hundredths + " %"
	}
	return f.String()
}

func price(m money.Money) string { return catalogue.Money(domain.English, m) }

func country(code string) string {
	return cmp.Or(map[string]string{"BE": "Belgium", "DE": "Germany", "FR": "France", "NL": "the Netherlands"}[code], code)
}

func languages(all []domain.Language) string {
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = map[domain.Language]string{domain.French: "French", domain.Dutch: "Dutch", domain.English: "English", domain.German: "German"}[l]
	}
	text := strings.Join(names, ", ")
	if len(all) > 1 {
		text += fmt.Sprintf(", and in %s to who chose none", names[0])
	}
	return text
}

func ordinal(n int) string {
	return cmp.Or(map[int]string{1: "first", 2: "second", 3: "third"}[n], fmt.Sprintf("%dth", n))
}

func list(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	if last := len(words) - 1; last > 0 {
		return strings.Join(words[:last], ", ") + " and " + words[last]
	}
	return words[0]
}

func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func choose(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// when says a sentence only where it holds.
func when(is bool, text string, args ...any) string {
	if !is {
		return ""
	}
	return fmt.Sprintf(text, args...)
}
