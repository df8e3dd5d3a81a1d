package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
	"rochdale/eventstore/lite"
)

var membershipProjection = projection{
	module: "membership",
	wants: []any{
		membership.Applied{},
		membership.ApplicationWithdrawn{},
		membership.Admitted{},
		membership.Rejected{},
		membership.Merged{},
		membership.IdentityChanged{},
		membership.ContactChanged{},
		membership.LanguageChanged{},
		membership.ResignationRequested{},
		membership.ResignationWithdrawn{},
		membership.Ended{},
		membership.EndRevoked{},
		membership.RoleGranted{},
		membership.RoleRevoked{},
		membership.PersonalDataErased{},
		membership.WaitingListJoined{},
		membership.WaitingListLeft{},
		membership.FounderNamed{},
		membership.Absorbed{},
		membership.ContactChangeRequested{},
		membership.ContactChangeDeclined{},
		membership.BankAccountChanged{},
		membership.BankAccountRemoved{},
		membership.JointFormed{},
		membership.HoldersChanged{},
		membership.EstateOpened{},
		membership.LeftEstate{},
		membership.MandateGiven{},
		membership.MandateEnded{},
		membership.Died{},
		membership.WoundUp{},
		membership.ExclusionProposed{},
		membership.ExclusionAnswered{},
		membership.HearingHeld{},
		membership.ExclusionDecided{},
		membership.ExclusionNotified{},
		membership.HouseholdJoined{},
		membership.HouseholdLeft{},
	},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case membership.IdentityChanged:
			return t.identity(e.Party, e.Kind, e.Identity)
		case membership.ContactChanged:
			if err := t.Exec(`delete from contact_request where party = ?`, e.Party); err != nil {
				return err
			}
			return t.contact(e.Party, e.Contact)
		case membership.ContactChangeRequested:
			c, _ := e.Contact.Reveal() // nothing, if it was erased since
			return t.Exec(`insert or replace into contact_request values (?, ?, ?, ?, ?, ?)`,
				e.Party, e.Request, null(c.Email), null(c.Phone), e.On, e.ExpiresAfter)
		case membership.ContactChangeDeclined:
			return t.Exec(`delete from contact_request where party = ?`, e.Party)
		case membership.BankAccountChanged:
			a, _ := e.Account.Reveal() // nothing, if it was erased since
			return t.Exec(`insert or replace into bank_account values (?, ?, ?, ?, ?, ?)`,
				e.Party, null(string(a.IBAN)), null(a.BIC), null(a.Holder), e.On, e.UsableFrom)
		case membership.BankAccountRemoved:
			return t.Exec(`delete from bank_account where party = ?`, e.Party)
		case membership.LanguageChanged:
			return t.set(e.Party, `language = ?1`, e.Language)
		case membership.RoleGranted:
			return t.Exec(`insert into role values (?, ?, ?) on conflict do nothing`, e.Party, e.Role, e.For)
		case membership.RoleRevoked:
			return t.Exec(`delete from role where party = ? and role = ? and acts_for = ?`, e.Party, e.Role, e.For)
		case membership.HouseholdJoined:
			return t.Exec(`insert into household values (?, ?, ?)`, e.Household, e.Party, e.On)
		case membership.HouseholdLeft:
			return t.Exec(`delete from household where id = ? and party = ?`, e.Household, e.Party)
		case membership.PersonalDataErased:
			return t.forget(e)
		}
		for _, apply := range []func(*table, any) error{(*table).admission, (*table).others, (*table).ending, (*table).exclusion} {
			if err := apply(t, event); err != nil {
				return err
			}
		}
		return nil
	},
	finish: allWords,
}

// set changes columns of a party, of whom nothing may be known yet. The party is the
// parameter after those that are given.
func (t *table) set(party domain.PartyID, assignments string, args ...any) error {
	if err := t.Exec(`insert into party (id) values (?) on conflict do nothing`, party); err != nil {
		return err
	}
	return t.Exec(fmt.Sprintf(`update party set %s where id = ?%d`, assignments, len(args)+1), append(args, party)...)
}

// admission keeps applications, and what becomes of them.
func (t *table) admission(event any) error {
	switch e := event.(type) {
	case membership.Applied:
		return t.applied(e)
	case membership.WaitingListJoined:
		return t.set(e.Party, `waiting_on = ?1, waiting_at = ?2`, e.On, t.position)
	case membership.WaitingListLeft:
		return t.set(e.Party, `waiting_on = null, waiting_at = null`)
	case membership.Admitted:
		if err := t.decided(e.Party, "admitted", e.On, e.Decision, ""); err != nil {
			return err
		}
		if err := t.Exec(`update exclusion set over = 1, due = '9999' where party = ?`, e.Party); err != nil {
			return err
		}
		err := t.Exec(`update party set admitted_on = ?1, resigns_on = null, ended_on = null, end_reason = null, end_learnt_on = null,
			number = ?2, by_number = ?2 where id = ?3`, e.On, int64(e.Number), e.Party)
		if err != nil {
			return err
		}
		return t.Exec(`insert into member_movement values (?, ?, ?, 'admitted', ?, ?)`,
			t.position, e.Party, int64(e.Number), e.On, t.recordedAt)
	case membership.Rejected:
		reason, _ := e.Reason.Reveal() // nothing, if it was erased since
		return t.decided(e.Party, "rejected", e.On, e.Decision, reason)
	case membership.ApplicationWithdrawn:
		return t.decided(e.Party, "withdrawn", e.On, membership.Decision{}, "")
	case membership.FounderNamed:
		return t.set(e.Party, `founder = 1`)
	case membership.Merged:
		if err := t.decided(e.Party, "merged", e.On, membership.Decision{}, ""); err != nil {
			return err
		}
		if err := t.set(e.Party, `merged_into = ?1, merged_on = ?2`, e.Into, e.On); err != nil {
			return err
		}
		return t.Exec(`update mandate set agent = ? where agent = ?`, e.Into, e.Party)
	case membership.Absorbed:
		for _, n := range e.Numbers {
			if err := t.Exec(`insert into also_number values (?, ?, ?)`, int64(n), t.position, e.Party); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *table) applied(e membership.Applied) error {
	if err := t.identity(e.Party, e.Kind, e.Identity); err != nil {
		return err
	}
	if !e.Contact.IsZero() {
		if err := t.contact(e.Party, e.Contact); err != nil {
			return err
		}
	}
	accepted, err := asJSON(e.Accepted)
	if err != nil {
		return err
	}
	wishes, err := asJSON(e.Shares)
	if err != nil {
		return err
	}
	err = t.Exec(`insert into application (party, position, on_date, accepted, wishes, heir_of, withdrawable_through) values (?, ?, ?, ?, ?, ?, ?)`,
		e.Party, t.position, e.On, accepted, wishes, null(string(e.HeirOf)), null(e.WithdrawableThrough.String()))
	if err != nil {
		return err
	}
	return t.Exec(`update party set applied_on = ?, language = coalesce(?, language), waiting_on = null, waiting_at = null where id = ?`,
		e.On, null(string(e.Language)), e.Party)
}

// decided says what became of the last application, if there was any.
func (t *table) decided(party domain.PartyID, outcome string, on calendar.Date, d membership.Decision, reason string) error {
	if err := t.Exec(`update party set applied_on = null where id = ?`, party); err != nil {
		return err
	}
	return t.Exec(`update application set outcome = ?2, outcome_on = ?3, body = ?4, minutes = ?5, reason = ?6
		where party = ?1 and position = (select max(position) from application where party = ?1) and (outcome is null or ?2 <> 'merged')`,
		party, outcome, on, null(string(d.By)), null(d.Minutes), null(reason))
}

// others keeps who holds, acts and stands for whom.
func (t *table) others(event any) error {
	switch e := event.(type) {
	case membership.JointFormed:
		if err := t.set(e.Party, `kind = ?1`, membership.Joint); err != nil {
			return err
		}
		return t.holders(e.Party, e.Holders)
	case membership.HoldersChanged:
		return t.holders(e.Party, e.Holders)
	case membership.EstateOpened:
		if err := t.set(e.Party, `kind = ?1, estate_of = ?2`, membership.Estate, e.Of); err != nil {
			return err
		}
		return t.holders(e.Party, e.Heirs)
	case membership.LeftEstate:
		return t.set(e.Party, `estate = ?1`, e.Estate)
	case membership.MandateGiven:
		return t.Exec(`insert into mandate values (?, ?, ?, ?, ?, ?, ?)`,
			e.Party, e.Mandate, e.Agent, e.Capacity, e.From, null(e.Through.String()), null(string(e.Proof)))
	case membership.MandateEnded:
		return t.Exec(`update mandate set through = ? where party = ? and id = ?`, e.On, e.Party, e.Mandate)
	}
	return nil
}

func (t *table) holders(party domain.PartyID, holders []domain.PartyID) error {
	if err := t.Exec(`delete from holder where party = ?`, party); err != nil {
		return err
	}
	for i, holder := range holders {
		if err := t.Exec(`insert into holder values (?, ?, ?)`, party, i, holder); err != nil {
			return err
		}
	}
	return nil
}

// ending keeps how memberships, and parties, come to their end.
func (t *table) ending(event any) error {
	switch e := event.(type) {
	case membership.ResignationRequested:
		return t.Exec(`update party set resigns_on = ? where id = ?`, e.EffectiveOn, e.Party)
	case membership.ResignationWithdrawn:
		if err := t.Exec(`update party set resigns_on = null where id = ?`, e.Party); err != nil {
			return err
		}
		return t.endsByResignation(e.Party)
	case membership.Ended:
		err := t.Exec(`update party set ended_on = ?, end_reason = ?, end_learnt_on = ? where id = ?`, e.On, e.Reason, null(e.LearntOn.String()), e.Party)
		if err != nil {
			return err
		}
		return t.ended(e.Party)
	case membership.Died:
		return t.set(e.Party, `died_on = ?1, died_learnt_on = ?2`, e.On, e.LearntOn)
	case membership.WoundUp:
		return t.set(e.Party, `wound_up = ?1, wound_up_on = ?2, wound_up_learnt_on = ?3, successor = ?4`, e.How, e.On, e.LearntOn, null(string(e.Successor)))
	case membership.EndRevoked:
		err := t.set(e.Party, `died_on = null, died_learnt_on = null, wound_up = null, wound_up_on = null, wound_up_learnt_on = null, successor = null`)
		if err != nil || e.Reason == "" { // none had been recorded of the membership
			return err
		}
		if err := t.Exec(`update exclusion set over = 1, due = '9999' where party = ?`, e.Party); err != nil {
			return err
		}
		return t.endsByResignation(e.Party)
	}
	return nil
}

// endsByResignation ends a membership by what was given notice of, if that is so, and
// by nothing else.
func (t *table) endsByResignation(party domain.PartyID) error {
	err := t.Exec(`update party set ended_on = resigns_on, end_reason = iif(resigns_on is null, null, ?), end_learnt_on = null where id = ?`,
		membership.Resigned, party)
	if err != nil {
		return err
	}
	return t.ended(party)
}

// ended notes when the last membership of a party ends, as is known now.
func (t *table) ended(party domain.PartyID) error {
	return t.Exec(`insert into member_movement select ?, id, null, 'ended', ended_on, ? from party where id = ?`, t.position, t.recordedAt, party)
}

// lastExclusion is the procedure that an event is part of.
const lastExclusion = ` where party = ?1 and position = (select max(position) from exclusion where party = ?1)`

// exclusion keeps the procedures of that.
func (t *table) exclusion(event any) error {
	switch e := event.(type) {
	case membership.ExclusionProposed:
		grounds, _ := e.Grounds.Reveal() // nothing, if it was erased since
		if err := t.Exec(`update exclusion set over = 1, due = '9999' where party = ?`, e.Party); err != nil {
			return err
		}
		return t.Exec(`insert into exclusion (party, position, proposed_on, grounds, answer_through, due) values (?1, ?2, ?3, ?4, ?5, ?5)`,
			e.Party, t.position, e.On, null(grounds), e.AnswerThrough)
	case membership.ExclusionAnswered:
		answer, _ := e.Answer.Reveal() // the same
		err := t.Exec(`insert into exclusion_answer select ?2, party, position, ?3, ?4, ?5, ?6 from exclusion`+lastExclusion,
			e.Party, t.position, e.On, null(answer), e.Hearing, e.Late)
		if err != nil {
			return err
		}
		return t.Exec(`update exclusion set hearing = hearing or ?2, due = '9999'`+lastExclusion, e.Party, e.Hearing && !e.Late)
	case membership.HearingHeld:
		return t.Exec(`update exclusion set heard_on = ?2, attended = ?3, hearing_minutes = ?4, due = '9999'`+lastExclusion,
			e.Party, e.On, e.Attended, null(e.Minutes))
	case membership.ExclusionDecided:
		// Without a proposal the decision begins a procedure, where the statutes ask for none.
		open := false
		_, err := t.One(`select over = 0 and decided_on is null from exclusion`+lastExclusion, func(r lite.Row) { open = r.Bool(0) }, e.Party)
		if err == nil && !open {
			err = t.Exec(`update exclusion set over = 1, due = '9999' where party = ?`, e.Party)
			if err == nil {
				err = t.Exec(`insert into exclusion (party, position) values (?, ?)`, e.Party, t.position)
			}
		}
		if err != nil {
			return err
		}
		reasons, _ := e.Reasons.Reveal() // nothing, if it was erased since
		return t.Exec(`update exclusion set decided_on = ?2, body = ?3, minutes = ?4, excluded = ?5, reasons = ?6, notice_by = ?7, last_day = ?8, due = coalesce(?7, '9999')`+lastExclusion,
			e.Party, e.Decision.On, e.Decision.By, null(e.Decision.Minutes), e.Excluded, null(reasons), null(e.NoticeBy.String()), null(e.LastDay.String()))
	case membership.ExclusionNotified:
		return t.Exec(`update exclusion set notified_on = ?2, notified_late = ?3, due = '9999'`+lastExclusion, e.Party, e.On, e.Late)
	}
	return nil
}

// identity says who a party is, of whom nothing may be known yet.
func (t *table) identity(party domain.PartyID, kind membership.Kind, box sealed.Box[membership.Identity]) error {
	i, _ := box.Reveal() // nothing, if it was erased since
	name := i.Name()
	sortName := fold(name)
	if i.LastName != "" {
		sortName = fold(i.LastName + " " + i.FirstName)
	}
	if err := t.words(party, sealed.Register, name); err != nil {
		return err
	}
	return t.Exec(`insert into party (id, kind, first_name, last_name, organisation, together, name, sort_name, street, postal_code, city, country,
			birth_date, national_number, enterprise_number) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		on conflict do update set kind = excluded.kind, first_name = excluded.first_name, last_name = excluded.last_name,
			organisation = excluded.organisation, together = excluded.together, name = excluded.name, sort_name = excluded.sort_name, street = excluded.street,
			postal_code = excluded.postal_code, city = excluded.city, country = excluded.country, birth_date = excluded.birth_date,
			national_number = excluded.national_number, enterprise_number = excluded.enterprise_number`,
		party, kind, null(i.FirstName), null(i.LastName), null(i.Organisation), null(i.Together), null(name), sortName,
		null(i.Street), null(i.PostalCode), null(i.City), null(i.Country), null(i.BirthDate.String()), null(i.NationalNumber), null(i.EnterpriseNumber))
}

// contact says how to reach a party, of whom nothing may be known yet.
func (t *table) contact(party domain.PartyID, box sealed.Box[membership.Contact]) error {
	c, _ := box.Reveal() // nothing, if it was erased since
	if err := t.words(party, sealed.Service, c.Email); err != nil {
		return err
	}
	return t.Exec(`insert into party (id, email, phone) values (?, ?, ?)
		on conflict do update set email = excluded.email, phone = excluded.phone`, party, null(c.Email), null(c.Phone))
}

// forget takes out of every table what was sealed under keys that are destroyed.
func (t *table) forget(e membership.PersonalDataErased) error {
	if err := t.Exec(`insert into erasure values (?, ?, ?, ?)`, t.position, e.Party, e.Class, e.Through); err != nil {
		return err
	}
	erase := func(sql string, args ...any) error {
		err := t.Exec(sql, args...)
		t.erased = t.erased || !t.filling || t.Changes() > 0
		return err
	}
	position := t.position
	switch e.Class {
	case sealed.Register:
		if err := t.words(e.Party, e.Class, ""); err != nil {
			return err
		}
		for _, sql := range []string{
			`update party set first_name = null, last_name = null, organisation = null, together = null, name = null, sort_name = '',
				street = null, postal_code = null, city = null, country = null, birth_date = null, national_number = null,
				enterprise_number = null where id = ? and name is not null`,
			`update application set reason = null where party = ? and reason is not null`,
			`update exclusion set grounds = null, reasons = null where party = ? and coalesce(grounds, reasons) is not null`,
		} {
			if err := erase(sql, e.Party); err != nil {
				return err
			}
		}
		return t.whenIndexed(func() error {
			return erase(`update exclusion_answer set answer = null where party = ? and answer is not null and position < ?`, e.Party, position)
		})
	case sealed.Service:
		if err := t.words(e.Party, e.Class, ""); err != nil {
			return err
		}
		err := erase(`update party set email = null, phone = null where id = ? and coalesce(email, phone) is not null`, e.Party)
		if err == nil {
			err = erase(`delete from contact_request where party = ?`, e.Party)
		}
		if err != nil {
			return err
		}
		return t.whenIndexed(func() error {
			err := erase(`update account set login = null where party = ? and login is not null and position < ?`, e.Party, position)
			if err != nil {
				return err
			}
			return erase(`delete from alias where party = ? and position < ?`, e.Party, position)
		})
	case sealed.Accounting:
		err := erase(`update bank_account set iban = null, bic = null, holder = null where party = ? and iban is not null`, e.Party)
		if err != nil {
			return err
		}
		return t.whenIndexed(func() error {
			return erase(`update invoice set recipient = null where payer = ? and recipient is not null and position < ?`, e.Party, position)
		})
	case sealed.Optional: // there is none in any table
	}
	return nil
}

// words has a party found by the words of its name or its address, and by no others.
// A file that is being filled gets them all at once.
func (t *table) words(party domain.PartyID, class sealed.Class, text string) error {
	if t.filling {
		return nil
	}
	if err := t.Exec(`delete from word where party = ? and class = ?`, party, class); err != nil {
		return err
	}
	for _, word := range wordsOf(text) {
		if err := t.Exec(`insert into word values (?, ?, ?)`, word, party, class); err != nil {
			return err
		}
	}
	return nil
}

// allWords has all parties found by the words of their names and addresses. They
// are entered in order, which is much faster than as they come.
func allWords(t *table) error {
	type entry struct {
		word, party string
		class       sealed.Class
	}
	var entries []entry
	err := t.Query(`select id, name, email from party`, func(r lite.Row) error {
		party := r.Text(0)
		for i, class := range []sealed.Class{sealed.Register, sealed.Service} {
			for _, word := range wordsOf(r.Text(1 + i)) {
				entries = append(entries, entry{word, party, class})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.word, b.word), cmp.Compare(a.party, b.party), cmp.Compare(a.class, b.class))
	})
	for _, e := range entries {
		if err := t.Exec(`insert into word values (?, ?, ?)`, e.word, e.party, string(e.class)); err != nil {
			return err
		}
	}
	return nil
}

// MemberStatus is what a party is to the co-op on a day.
type MemberStatus string

const (
	StatusKnown     MemberStatus = "known"     // no more than that
	StatusApplicant MemberStatus = "applicant" // waits for a decision
	StatusWaiting   MemberStatus = "waiting"   // the same, on the waiting list
	StatusMember    MemberStatus = "member"
	StatusResigning MemberStatus = "resigning" // the same, and has given notice
	StatusFormer    MemberStatus = "former"    // was a member
	StatusMerged    MemberStatus = "merged"    // was found to be another
)

// Member is a party whom the co-op knows, member or not. What was erased is empty.
type Member struct {
	ID               domain.PartyID
	Kind             membership.Kind
	Language         domain.Language
	Number           domain.MemberNumber // 0: none
	AppliedOn        calendar.Date
	WaitingSince     calendar.Date // on the waiting list
	AdmittedOn       calendar.Date
	EndedOn          calendar.Date
	EndReason        membership.Reason
	EndLearntOn      calendar.Date // no day: the co-op decided so, or nobody wrote it down
	Founder          bool
	MergedInto       domain.PartyID
	MergedOn         calendar.Date
	EstateOf         domain.PartyID
	Estate           domain.PartyID // that they left
	DiedOn           calendar.Date
	DiedLearntOn     calendar.Date
	WoundUp          membership.WindingUp
	WoundUpOn        calendar.Date
	WoundUpLearntOn  calendar.Date
	Successor        domain.PartyID // of an organisation that was merged
	FirstName        string
	LastName         string
	Organisation     string
	Together         string // how joint holders or an estate are called
	Name             string
	Street           string
	PostalCode       string
	City             string
	Country          string
	BirthDate        calendar.Date
	NationalNumber   string
	EnterpriseNumber string
	Email            string
	Phone            string
}

// Status returns what the party is on a day, by the last membership.
func (m Member) Status(on calendar.Date) MemberStatus {
	switch {
	case m.IsMember(on) && m.EndReason == membership.Resigned:
		return StatusResigning
	case m.IsMember(on):
		return StatusMember
	case !m.MergedOn.IsZero() && !on.Before(m.MergedOn):
		return StatusMerged
	case !m.AppliedOn.IsZero() && !m.WaitingSince.IsZero():
		return StatusWaiting
	case !m.AppliedOn.IsZero():
		return StatusApplicant
	case !m.EndedOn.IsZero() && on.After(m.EndedOn):
		return StatusFormer
	}
	return StatusKnown
}

// statuses are the same in SQL, where ?1 is the day. Who resigns is a member, and who
// waits is an applicant: they are found as both.
var statuses = map[MemberStatus]string{
	StatusMember:    isMember,
	StatusResigning: isMember + " and end_reason = 'resigned'",
	StatusApplicant: "applied_on is not null and (admitted_on is null or admitted_on > ?1 or ended_on < ?1)",
	StatusWaiting:   "waiting_at is not null and (admitted_on is null or admitted_on > ?1 or ended_on < ?1)",
	StatusFormer:    "applied_on is null and ended_on < ?1 and (merged_on is null or merged_on > ?1)",
	StatusKnown: "applied_on is null and (admitted_on is null or admitted_on > ?1) and (ended_on is null or ended_on >= ?1)" +
		" and (merged_on is null or merged_on > ?1)",
	StatusMerged: "merged_on <= ?1 and (admitted_on is null or admitted_on > ?1 or ended_on < ?1)",
}

const isMember = "admitted_on <= ?1 and (ended_on is null or ended_on >= ?1)"

// IsMember reports whether the party is a member on a day, by the last membership.
func (m Member) IsMember(on calendar.Date) bool {
	return !m.AdmittedOn.IsZero() && !on.Before(m.AdmittedOn) && (m.EndedOn.IsZero() || !on.After(m.EndedOn))
}

const memberColumns = `id, kind, language, number, applied_on, admitted_on, ended_on, end_reason, first_name, last_name, organisation,
	name, street, postal_code, city, country, birth_date, national_number, enterprise_number, email, phone,
	waiting_on, end_learnt_on, founder, merged_into, merged_on, estate_of, estate, died_on, died_learnt_on,
	wound_up, wound_up_on, wound_up_learnt_on, successor, together`

func scanMember(r lite.Row) (Member, error) {
	d := days{r: r}
	return Member{
		ID: domain.PartyID(r.Text(0)), Kind: membership.Kind(r.Text(1)), Language: domain.Language(r.Text(2)),
		Number: domain.MemberNumber(r.Int(3)), AppliedOn: d.at(4), AdmittedOn: d.at(5), EndedOn: d.at(6), EndReason: membership.Reason(r.Text(7)),
		FirstName: r.Text(8), LastName: r.Text(9), Organisation: r.Text(10), Name: r.Text(11), Street: r.Text(12),
		PostalCode: r.Text(13), City: r.Text(14), Country: r.Text(15), BirthDate: d.at(16), NationalNumber: r.Text(17), EnterpriseNumber: r.Text(18),
		Email: r.Text(19), Phone: r.Text(20), WaitingSince: d.at(21), EndLearntOn: d.at(22), Founder: r.Bool(23),
		MergedInto: domain.PartyID(r.Text(24)), MergedOn: d.at(25), EstateOf: domain.PartyID(r.Text(26)), Estate: domain.PartyID(r.Text(27)),
		DiedOn: d.at(28), DiedLearntOn: d.at(29), WoundUp: membership.WindingUp(r.Text(30)), WoundUpOn: d.at(31), WoundUpLearntOn: d.at(32),
		Successor: domain.PartyID(r.Text(33)), Together: r.Text(34),
	}, d.err
}

// Member returns a party, and whether it is known.
func (m *Models) Member(ctx context.Context, party domain.PartyID) (Member, bool, error) {
	return one(ctx, m, `select `+memberColumns+` from party where id = ?`, scanMember, party)
}

// MemberByNumber returns the member with a number, and whether there is one. By that
// of a party that was found to be another, it is the other.
func (m *Models) MemberByNumber(ctx context.Context, number domain.MemberNumber) (Member, bool, error) {
	return one(ctx, m, `select `+memberColumns+` from party where id = coalesce(
		(select party from also_number where number = ?1 order by position desc limit 1),
		(select id from party where by_number = ?1 limit 1))`, scanMember, int64(number))
}

// NumbersOf returns all numbers under which the register knows a party: its own first,
// and those of parties that were found to be the same.
func (m *Models) NumbersOf(ctx context.Context, party domain.PartyID) ([]domain.MemberNumber, error) {
	return rows(ctx, m, `select number from (
			select number, -1 as position from party where id = ?1 and number is not null
			union all select number, position from also_number where party = ?1)
		group by number order by min(position), number`,
		func(r lite.Row) (domain.MemberNumber, error) { return domain.MemberNumber(r.Int(0)), nil }, party)
}

// MembersByEmail returns the parties with an address, whatever its capitals.
func (m *Models) MembersByEmail(ctx context.Context, email string) ([]Member, error) {
	return rows(ctx, m, `select `+memberColumns+` from party where email is not null and lower(email) = lower(?) order by id`, scanMember, email)
}

// MemberFilter chooses among parties.
type MemberFilter struct {
	Status MemberStatus // on a day; empty: all
	On     calendar.Date
	// Search has the beginnings of words of the name or the address of e-mail, in any
	// order and whatever their capitals and accents, or a number; empty: all.
	Search string
}

// MemberOrder is how a list of parties is ordered.
type MemberOrder string

const (
	ByNumber MemberOrder = "number" // those who have none come last
	ByName   MemberOrder = "name"
)

// Members returns a part of the list of parties.
func (m *Models) Members(ctx context.Context, filter MemberFilter, by MemberOrder, p Page) (List[Member], error) {
	q, err := m.members(ctx, filter, by)
	if err != nil {
		return List[Member]{}, err
	}
	return page(ctx, m, q, p, scanMember)
}

func (m *Models) members(ctx context.Context, filter MemberFilter, by MemberOrder) (q query, err error) {
	q = query{columns: memberColumns, from: "party", key: "by_number", id: "id", where: "true"}
	if by == ByName {
		q.key = "sort_name"
	}
	if condition, ok := statuses[filter.Status]; ok {
		q.where, q.args = condition, []any{filter.On}
	}
	if filter.Status == StatusMember || filter.Status == StatusResigning { // in order they are found by an index, counted by another
		q.where, q.counted = "+"+q.where, q.where
	}
	if filter.Status == StatusKnown { // which there is an index for, unless somebody is to be admitted later
		_, later, err := one(ctx, m, `select true from party where admitted_on > ? limit 1`, func(r lite.Row) (bool, error) { return true, nil }, filter.On)
		if err != nil {
			return q, err
		}
		if !later {
			q.where = "applied_on is null and admitted_on is null and (merged_on is null or merged_on > ?1)"
		}
	}
	if search := strings.TrimSpace(filter.Search); search != "" {
		found, args, err := m.search(ctx, search)
		if err != nil {
			return q, err
		}
		q.where, q.counted, q.args = q.where+" and "+found, "", append(q.args, args...)
	}
	return q, nil
}

// common is how many parties have a word that is common: they are looked at in the
// order of the list until there are enough, instead of being gathered and sorted. Those
// who have a word that is rare are soon looked through, whatever else is asked for.
const (
	common = 5000
	rare   = 100
)

// search returns the condition on those who are searched for.
func (m *Models) search(ctx context.Context, search string) (condition string, args []any, err error) {
	words := wordsOf(search)
	counts := make(map[string]int, len(words))
	for _, limit := range []int{rare, common} { // the others are not counted through where one is rare
		fewest := limit
		for _, word := range words {
			counts[word], _, err = one(ctx, m, `select count(*) from (select 1 from word where word >= ? and word < ? limit ?)`,
				func(r lite.Row) (int, error) { return int(r.Int(0)), nil }, word, word+lastRune, limit)
			if err != nil {
				return "", nil, err
			}
			fewest = min(fewest, counts[word])
		}
		if fewest < limit {
			break
		}
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(counts[a], counts[b]) }) // the rarest first
	var all []string
	for i, word := range words {
		if i == 0 && counts[word] < common {
			all = append(all, "id in (select party from word where word >= ? and word < ?)")
		} else {
			all = append(all, "exists (select 1 from word where word.party = party.id and word >= ? and word < ?)")
		}
		args = append(args, word, word+lastRune)
	}
	if len(all) == 0 {
		return "false", nil, nil
	}
	condition = strings.Join(all, " and ")
	if number, err := strconv.ParseInt(search, 10, 64); err == nil {
		condition, args = "("+condition+" or id in (select id from party where by_number = ? union all select party from also_number where number = ?))", append(args, number, number)
	}
	return condition, args, nil
}

// lastRune comes after all others, so that it ends those that begin with a word.
const lastRune = "\U0010FFFF"

// CountMembers returns how many members there are on a day.
func (m *Models) CountMembers(ctx context.Context, on calendar.Date) (n int, err error) {
	n, _, err = one(ctx, m, `select count(*) from party where `+statuses[StatusMember],
		func(r lite.Row) (int, error) { return int(r.Int(0)), nil }, on)
	return n, err
}

// LastMemberNumber returns the highest number that was given.
func (m *Models) LastMemberNumber(ctx context.Context) (n domain.MemberNumber, err error) {
	n, _, err = one(ctx, m, `select by_number from party where by_number < 9007199254740991 order by by_number desc limit 1`,
		func(r lite.Row) (domain.MemberNumber, error) { return domain.MemberNumber(r.Int(0)), nil })
	return n, err
}

// Roles returns the roles that were granted to a party.
func (m *Models) Roles(ctx context.Context, party domain.PartyID) ([]membership.Grant, error) {
	return rows(ctx, m, `select role, acts_for from role where party = ? order by role, acts_for`, func(r lite.Row) (membership.Grant, error) {
		return membership.Grant{Role: domain.Role(r.Text(0)), For: domain.PartyID(r.Text(1))}, nil
	}, party)
}

// WaitingList returns a part of the list of candidates who wait for their turn, in the
// order of the list.
func (m *Models) WaitingList(ctx context.Context, p Page) (List[Member], error) {
	return page(ctx, m, query{columns: memberColumns, from: "party", key: "waiting_at", id: "id", where: "waiting_at is not null"}, p, scanMember)
}

// MergedFrom returns the parties that were found to be this one, in the order of their ids.
func (m *Models) MergedFrom(ctx context.Context, party domain.PartyID) ([]domain.PartyID, error) {
	return rows(ctx, m, `select id from party where merged_into = ? order by id`, scanParty, party)
}

// FoundToBe returns the party that one was found to be, and itself if it was found to be
// no other.
func (m *Models) FoundToBe(ctx context.Context, party domain.PartyID) (domain.PartyID, error) {
	now, _, err := one(ctx, m, `with recursive chain(id, depth) as (
			select ?1, 0 union select p.merged_into, c.depth + 1 from party p join chain c on p.id = c.id where p.merged_into is not null)
		select id from chain order by depth desc limit 1`, scanParty, party)
	return now, err
}

// Was returns the parties that were found to be this one, also by way of others.
func (m *Models) Was(ctx context.Context, party domain.PartyID) ([]domain.PartyID, error) {
	return rows(ctx, m, `select id from party where id in `+selves+` and id <> ?1 order by id`, scanParty, party)
}

// selves are the ids of a party, ?1, and of all that were found to be it: what those
// had, it has.
const selves = `(with recursive self(id) as (select ?1 union select p.id from party p join self s on p.merged_into = s.id) select id from self)`

func scanParty(r lite.Row) (domain.PartyID, error) { return domain.PartyID(r.Text(0)), nil }

// Application is one for membership, and what became of it.
type Application struct {
	Party               domain.PartyID
	On                  calendar.Date
	Accepted            []membership.Acceptance
	Shares              []membership.Wish
	HeirOf              domain.PartyID
	WithdrawableThrough calendar.Date // no day: until the decision
	Outcome             Outcome       // empty while it waits
	OutcomeOn           calendar.Date
	Decision            membership.Decision // empty where nobody decided, or it comes from an older register
	Reason              string              // of a rejection; empty once erased
}

// DecidedBy is the body that decided, or "".
func (a Application) DecidedBy() statutes.Body { return a.Decision.By }

// Minutes is how those of the decision are referred to.
func (a Application) Minutes() string { return a.Decision.Minutes }

// Outcome is what became of an application.
type Outcome string

const (
	OutcomeAdmitted  Outcome = "admitted"
	OutcomeRejected  Outcome = "rejected"
	OutcomeWithdrawn Outcome = "withdrawn" // maybe after the candidate was admitted
	OutcomeMerged    Outcome = "merged"    // the candidate was found to be another party
)

// ApplicationsOf returns all applications of a party, the last one first.
func (m *Models) ApplicationsOf(ctx context.Context, party domain.PartyID) ([]Application, error) {
	return rows(ctx, m, `select party, on_date, accepted, wishes, heir_of, withdrawable_through, outcome, outcome_on, body, minutes, reason
		from application where party = ? order by position desc`, func(r lite.Row) (a Application, err error) {
		d := days{r: r}
		a = Application{
			Party: domain.PartyID(r.Text(0)), On: d.at(1), HeirOf: domain.PartyID(r.Text(4)), WithdrawableThrough: d.at(5),
			Outcome: Outcome(r.Text(6)), OutcomeOn: d.at(7), Reason: r.Text(10),
		}
		if body := statutes.Body(r.Text(8)); body != "" {
			a.Decision = membership.Decision{By: body, On: a.OutcomeOn, Minutes: r.Text(9)}
		}
		if err := json.Unmarshal(r.Raw(2), &a.Accepted); err != nil {
			return a, err
		}
		if err := json.Unmarshal(r.Raw(3), &a.Shares); err != nil {
			return a, err
		}
		return a, d.err
	}, party)
}

// Mandate is that somebody acts for a party.
type Mandate struct {
	Party domain.PartyID // for whom
	membership.Mandate
}

// From is the first day of a mandate.
func (d Mandate) From() calendar.Date { return d.Period.From }

// Through is the last day, or no day as long as none is known.
func (d Mandate) Through() calendar.Date { return d.Period.Through }

const mandateColumns = `party, id, agent, capacity, from_date, through, proof`

func scanMandate(r lite.Row) (Mandate, error) {
	d := days{r: r}
	return Mandate{domain.PartyID(r.Text(0)), membership.Mandate{
		ID: membership.MandateID(r.Text(1)), Agent: domain.PartyID(r.Text(2)), Capacity: membership.Capacity(r.Text(3)),
		Period: calendar.Period{From: d.at(4), Through: d.at(5)}, Proof: domain.DocumentID(r.Text(6)),
	}}, d.err
}

// inForce is of a mandate on a day, where ?2 is the day; no day is any.
const inForce = ` and (?2 is null or from_date <= ?2 and (through is null or through >= ?2))`

// MandatesOf returns the mandates to act for a party that are in force on a day, or all
// there ever were where that is no day. An agent who was found to be another party is
// that one.
func (m *Models) MandatesOf(ctx context.Context, party domain.PartyID, on calendar.Date) ([]Mandate, error) {
	return rows(ctx, m, `select `+mandateColumns+` from mandate where party = ?1`+inForce+` order by from_date, id`, scanMandate, party, null(on.String()))
}

// MandatesHeld returns those by which a party acts for others.
func (m *Models) MandatesHeld(ctx context.Context, agent domain.PartyID, on calendar.Date) ([]Mandate, error) {
	return rows(ctx, m, `select `+mandateColumns+` from mandate where agent = ?1`+inForce+` order by party, from_date, id`, scanMandate, agent, null(on.String()))
}

// ActsFor returns for whom a party acts on a day: by a mandate in force, or by the role
// of a delegate.
func (m *Models) ActsFor(ctx context.Context, party domain.PartyID, on calendar.Date) ([]domain.PartyID, error) {
	return rows(ctx, m, `select party from mandate where agent = ?1`+inForce+` and party <> ?1
		union select acts_for from role where party = ?1 and acts_for <> '' order by 1`, scanParty, party, null(on.String()))
}

// Holders returns who hold together as one party: joint holders, or the heirs of an estate.
func (m *Models) Holders(ctx context.Context, party domain.PartyID) ([]domain.PartyID, error) {
	return rows(ctx, m, `select holder from holder where party = ? order by ordinal`, scanParty, party)
}

// HoldsIn returns the joint holders and the estates of which a party is one.
func (m *Models) HoldsIn(ctx context.Context, holder domain.PartyID) ([]domain.PartyID, error) {
	return rows(ctx, m, `select distinct party from holder where holder = ? order by 1`, scanParty, holder)
}

// ContactRequest is a change of how to reach a party that waits to be confirmed. What
// was erased is empty.
type ContactRequest struct {
	Party        domain.PartyID
	Request      membership.RequestID
	Email        string
	Phone        string
	On           calendar.Date
	ExpiresAfter calendar.Date
}

// ContactRequest returns the change of a party that waits, and whether there is one.
func (m *Models) ContactRequest(ctx context.Context, party domain.PartyID) (ContactRequest, bool, error) {
	return one(ctx, m, `select party, request, email, phone, on_date, expires_after from contact_request where party = ?`,
		func(r lite.Row) (ContactRequest, error) {
			d := days{r: r}
			return ContactRequest{domain.PartyID(r.Text(0)), membership.RequestID(r.Text(1)), r.Text(2), r.Text(3), d.at(4), d.at(5)}, d.err
		}, party)
}

// BankAccount is where a party wants money paid out to. What was erased is empty.
type BankAccount struct {
	Party domain.PartyID
	membership.BankAccount
	On         calendar.Date // from when it is theirs
	UsableFrom calendar.Date // the first day on which money may be paid out to it
}

// Ending is the last four characters of the number, by which who knows it knows which it is.
func (a BankAccount) Ending() string { return string(a.IBAN[max(0, len(a.IBAN)-4):]) }

// BankAccount returns that of a party, and whether there is one.
func (m *Models) BankAccount(ctx context.Context, party domain.PartyID) (BankAccount, bool, error) {
	return one(ctx, m, `select party, iban, bic, holder, on_date, usable_from from bank_account where party = ?`, func(r lite.Row) (BankAccount, error) {
		d := days{r: r}
		return BankAccount{
			domain.PartyID(r.Text(0)), membership.BankAccount{IBAN: domain.IBAN(r.Text(1)), BIC: r.Text(2), Holder: r.Text(3)}, d.at(4), d.at(5),
		}, d.err
	}, party)
}

// Exclusion is a procedure by which a member is to be excluded. What was erased is empty.
type Exclusion struct {
	Party          domain.PartyID
	Position       int64 // by which it is identified
	Over           bool  // nothing comes of it any more: another membership began, or it was annulled
	Step           membership.ExclusionStep
	Due            calendar.Date // by which the next thing is due: the answer, or to tell of the decision; no day: nothing is
	ProposedOn     calendar.Date // no day, where the statutes ask for no proposal
	Grounds        string
	AnswerThrough  calendar.Date
	Hearing        bool // was asked for in time
	HeardOn        calendar.Date
	Attended       bool
	HearingMinutes string
	Decision       membership.Decision // empty while there is none
	Excluded       bool
	Reasons        string
	LastDay        calendar.Date // of the membership; no day: that of the notice
	NotifiedOn     calendar.Date
	NotifiedLate   bool
}

// DecidedOn is the day of the decision, or no day.
func (x Exclusion) DecidedOn() calendar.Date { return x.Decision.On }

// DecidedBy is the body that decided, or "".
func (x Exclusion) DecidedBy() statutes.Body { return x.Decision.By }

// Minutes is how those of the decision are referred to.
func (x Exclusion) Minutes() string { return x.Decision.Minutes }

const exclusionColumns = `party, position, over, proposed_on, grounds, answer_through, hearing, heard_on, attended, hearing_minutes,
	decided_on, body, minutes, excluded, reasons, last_day, notified_on, notified_late,
	exists (select 1 from exclusion_answer a where a.party = exclusion.party and a.exclusion = exclusion.position),
	iif(due = '9999', null, due)`

func scanExclusion(r lite.Row) (Exclusion, error) {
	d := days{r: r}
	x := Exclusion{
		Party: domain.PartyID(r.Text(0)), Position: r.Int(1), Over: r.Bool(2), ProposedOn: d.at(3), Grounds: r.Text(4), AnswerThrough: d.at(5),
		Hearing: r.Bool(6), HeardOn: d.at(7), Attended: r.Bool(8), HearingMinutes: r.Text(9),
		Decision: membership.Decision{By: statutes.Body(r.Text(11)), On: d.at(10), Minutes: r.Text(12)},
		Excluded: r.Bool(13), Reasons: r.Text(14), LastDay: d.at(15), NotifiedOn: d.at(16), NotifiedLate: r.Bool(17), Due: d.at(19),
		Step: membership.Proposed,
	}
	switch {
	case !x.NotifiedOn.IsZero():
		x.Step = membership.Notified
	case !x.Decision.On.IsZero():
		x.Step = membership.Decided
	case !x.HeardOn.IsZero():
		x.Step = membership.Heard
	case r.Bool(18):
		x.Step = membership.Answered
	}
	return x, d.err
}

// ExclusionsOf returns the procedures of a party, the last one first.
func (m *Models) ExclusionsOf(ctx context.Context, party domain.PartyID) ([]Exclusion, error) {
	return rows(ctx, m, `select `+exclusionColumns+` from exclusion where party = ? order by position desc`, scanExclusion, party)
}

// ExclusionsOpen returns a part of the list of procedures in which something is still to
// be done, in the order in which it is due; what has no day comes last.
func (m *Models) ExclusionsOpen(ctx context.Context, p Page) (List[Exclusion], error) {
	return page(ctx, m, query{
		columns: exclusionColumns, from: "exclusion", key: "due", id: "party",
		where: "over = 0 and notified_on is null and (decided_on is null or excluded)",
	}, p, scanExclusion)
}

// ExclusionAnswer is what a member said to a proposal to exclude them.
type ExclusionAnswer struct {
	On      calendar.Date
	Answer  string // empty once erased
	Hearing bool   // they ask to be heard
	Late    bool
}

// AnswersTo returns the answers in a procedure, in the order in which they came.
func (m *Models) AnswersTo(ctx context.Context, x Exclusion) ([]ExclusionAnswer, error) {
	return rows(ctx, m, `select on_date, answer, hearing, late from exclusion_answer where party = ? and exclusion = ? order by position`,
		func(r lite.Row) (ExclusionAnswer, error) {
			d := days{r: r}
			return ExclusionAnswer{d.at(0), r.Text(1), r.Bool(2), r.Bool(3)}, d.err
		}, x.Party, x.Position)
}

// Household is parties that belong together.
type Household struct {
	ID      membership.HouseholdID
	Parties []domain.PartyID // in the order of their ids
}

// Households returns those to which a party belongs.
func (m *Models) Households(ctx context.Context, party domain.PartyID) (all []Household, err error) {
	err = m.readOne(ctx, func(c *lite.Conn) error {
		return c.Query(`select h.id, h.party from household h join household own on own.id = h.id and own.party = ? order by 1, 2`, func(r lite.Row) error {
			id := membership.HouseholdID(r.Text(0))
			if n := len(all); n == 0 || all[n-1].ID != id {
				all = append(all, Household{ID: id})
			}
			last := &all[len(all)-1]
			last.Parties = append(last.Parties, domain.PartyID(r.Text(1)))
			return nil
		}, party)
	})
	return all, err
}

// PaymentReference returns the structured communication by which payments of a party are
// known, and whether it has one.
func (m *Models) PaymentReference(ctx context.Context, party domain.PartyID) (domain.Communication, bool, error) {
	return one(ctx, m, `select communication from payer where party = ?`, func(r lite.Row) (domain.Communication, error) {
		return domain.Communication(r.Text(0)), nil
	}, party)
}

// Happening is something that happened to a party: on which day, and when and by whom it
// was recorded.
type Happening struct {
	Position   int64
	Type       string        // of the event
	On         calendar.Date // no day, where it has none
	RecordedAt time.Time
	By         string // a party, or like "process/billing"
}

// Happenings returns all that happened to a party as far as these read models have come,
// in the order in which it was recorded. It is read from the log, and tells nothing
// personal.
func (m *Models) Happenings(ctx context.Context, party domain.PartyID) (all []Happening, err error) {
	position := m.Position()
	for rec, err := range m.store.Log.Stream(ctx, membership.StreamOf(party), 0) {
		if err != nil || rec.Position > position {
			return all, err
		}
		var day struct{ On, From calendar.Date }
		if err := json.Unmarshal(rec.Data, &day); err != nil {
			return nil, fmt.Errorf("projections: event at %d: %w", rec.Position, err)
		}
		on := day.On
		if on.IsZero() {
			on = day.From
		}
		all = append(all, Happening{rec.Position, rec.Type, on, rec.RecordedAt, rec.Actor})
	}
	return all, nil
}

// Known is what the register says of a membership as at a day.
type Known struct {
	Party      domain.PartyID
	Number     domain.MemberNumber
	AdmittedOn calendar.Date
	EndedOn    calendar.Date // no day while no end is known
}

// MembersAt returns all who were members on a day, as far as was known at an
// instant; the zero instant is now. They are in the order of their numbers.
func (m *Models) MembersAt(ctx context.Context, day calendar.Date, known time.Time) (members []Known, err error) {
	err = m.readOne(ctx, func(c *lite.Conn) error {
		members, err = membersAt(c, day, known, "")
		return err
	})
	return members, err
}

// MemberOn reports whether a party was a member on a day, by whichever membership.
func (m *Models) MemberOn(ctx context.Context, party domain.PartyID, day calendar.Date) (is bool, err error) {
	err = m.readOne(ctx, func(c *lite.Conn) error {
		members, err := membersAt(c, day, time.Time{}, party)
		is = len(members) > 0
		return err
	})
	return is, err
}

// membersAt looks at one party, if one is given.
func membersAt(c *lite.Conn, day calendar.Date, known time.Time, only domain.PartyID) (members []Known, err error) {
	type membership struct {
		Known
		over bool // another has begun, later than the day: what ends, ends that one
	}
	last := map[domain.PartyID]*membership{}
	where, args := "", []any{instant(known)}
	if only != "" {
		where, args = "and party = ?", append(args, only)
	}
	err = c.Query(`select party, number, kind, on_date from member_movement where recorded_at <= ? `+where+` order by position`, func(r lite.Row) error {
		var on calendar.Date
		if err := r.Into(3, &on); err != nil {
			return err
		}
		party, was := domain.PartyID(r.Raw(0)), last[domain.PartyID(r.Raw(0))]
		switch admitted := string(r.Raw(2)) == "admitted"; {
		case admitted && on.After(day):
			if was != nil {
				was.over = true
			}
		case admitted:
			last[party] = &membership{Known: Known{Party: party, Number: domain.MemberNumber(r.Int(1)), AdmittedOn: on}}
		case was != nil && !was.over:
			was.EndedOn = on
		}
		return nil
	}, args...)
	for _, v := range last {
		if v.EndedOn.IsZero() || !day.After(v.EndedOn) {
			members = append(members, v.Known)
		}
	}
	slices.SortFunc(members, func(a, b Known) int { return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Party, b.Party)) })
	return members, err
}

// instant is when something was known, where the zero instant is now.
func instant(known time.Time) int64 {
	if known.IsZero() {
		return math.MaxInt64
	}
	return known.UnixMicro()
}
