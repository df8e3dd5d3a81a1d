package projections

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/eventstore/lite"
)

var membershipProjection = projection{
	module: "membership",
	wants: []any{
		membership.Applied{}, membership.ApplicationWithdrawn{}, membership.Admitted{}, membership.Rejected{}, membership.Merged{},
		membership.IdentityChanged{}, membership.ContactChanged{}, membership.LanguageChanged{},
		membership.ResignationRequested{}, membership.ResignationWithdrawn{}, membership.Ended{}, membership.EndRevoked{},
		membership.RoleGranted{}, membership.RoleRevoked{}, membership.PersonalDataErased{},
	},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case membership.Applied:
			return t.applied(e)
		case membership.Admitted:
			err := t.Exec(`update party set applied_on = null, admitted_on = ?1, resigns_on = null, ended_on = null, end_reason = null, number = ?2, by_number = ?2
				where id = ?3`, e.On, int64(e.Number), e.Party)
			if err != nil {
				return err
			}
			return t.Exec(`insert into member_movement values (?, ?, ?, 'admitted', ?, ?)`,
				t.position, e.Party, int64(e.Number), e.On, t.recordedAt)
		case membership.Rejected:
			return t.decided(e.Party)
		case membership.ApplicationWithdrawn:
			return t.decided(e.Party)
		case membership.Merged:
			return t.decided(e.Party)
		case membership.IdentityChanged:
			return t.identity(e.Party, e.Kind, e.Identity)
		case membership.ContactChanged:
			return t.contact(e.Party, e.Contact)
		case membership.LanguageChanged:
			return t.Exec(`insert into party (id, language) values (?, ?) on conflict do update set language = excluded.language`, e.Party, e.Language)
		case membership.ResignationRequested:
			return t.Exec(`update party set resigns_on = ? where id = ?`, e.EffectiveOn, e.Party)
		case membership.ResignationWithdrawn:
			if err := t.Exec(`update party set resigns_on = null where id = ?`, e.Party); err != nil {
				return err
			}
			return t.endsByResignation(e.Party)
		case membership.Ended:
			if err := t.Exec(`update party set ended_on = ?, end_reason = ? where id = ?`, e.On, e.Reason, e.Party); err != nil {
				return err
			}
			return t.ended(e.Party)
		case membership.EndRevoked:
			if e.Reason == "" { // none had been recorded
				return nil
			}
			return t.endsByResignation(e.Party)
		case membership.RoleGranted:
			return t.Exec(`insert into role values (?, ?, ?) on conflict do nothing`, e.Party, e.Role, e.For)
		case membership.RoleRevoked:
			return t.Exec(`delete from role where party = ? and role = ? and acts_for = ?`, e.Party, e.Role, e.For)
		case membership.PersonalDataErased:
			return t.forget(e)
		}
		return nil
	},
	finish: allWords,
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
	return t.Exec(`update party set applied_on = ?, language = coalesce(?, language) where id = ?`, e.On, null(string(e.Language)), e.Party)
}

// decided ends an application.
func (t *table) decided(party domain.PartyID) error {
	return t.Exec(`update party set applied_on = null where id = ?`, party)
}

// endsByResignation ends a membership by what was given notice of, if that is so, and
// by nothing else.
func (t *table) endsByResignation(party domain.PartyID) error {
	err := t.Exec(`update party set ended_on = resigns_on, end_reason = iif(resigns_on is null, null, ?) where id = ?`, membership.Resigned, party)
	if err != nil {
		return err
	}
	return t.ended(party)
}

// ended notes when the last membership of a party ends, as is known now.
func (t *table) ended(party domain.PartyID) error {
	return t.Exec(`insert into member_movement select ?, id, null, 'ended', ended_on, ? from party where id = ?`, t.position, t.recordedAt, party)
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
	return t.Exec(`insert into party (id, kind, first_name, last_name, organisation, name, sort_name, street, postal_code, city, country,
			birth_date, national_number, enterprise_number) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		on conflict do update set kind = excluded.kind, first_name = excluded.first_name, last_name = excluded.last_name,
			organisation = excluded.organisation, name = excluded.name, sort_name = excluded.sort_name, street = excluded.street,
			postal_code = excluded.postal_code, city = excluded.city, country = excluded.country, birth_date = excluded.birth_date,
			national_number = excluded.national_number, enterprise_number = excluded.enterprise_number`,
		party, kind, null(i.FirstName), null(i.LastName), null(i.Organisation), null(name), sortName, null(i.Street), null(i.PostalCode),
		null(i.City), null(i.Country), null(i.BirthDate.String()), null(i.NationalNumber), null(i.EnterpriseNumber))
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
		return erase(`update party set first_name = null, last_name = null, organisation = null, name = null, sort_name = '',
			street = null, postal_code = null, city = null, country = null, birth_date = null, national_number = null,
			enterprise_number = null where id = ? and name is not null`, e.Party)
	case sealed.Service:
		if err := t.words(e.Party, e.Class, ""); err != nil {
			return err
		}
		err := erase(`update party set email = null, phone = null where id = ? and coalesce(email, phone) is not null`, e.Party)
		if err != nil {
			return err
		}
		return t.whenIndexed(func() error {
			return erase(`update account set login = null where party = ? and login is not null and position < ?`, e.Party, position)
		})
	case sealed.Accounting:
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
	StatusMember    MemberStatus = "member"
	StatusFormer    MemberStatus = "former" // was a member
)

// Member is a party whom the co-op knows, member or not. What was erased is empty.
type Member struct {
	ID               domain.PartyID
	Kind             membership.Kind
	Language         domain.Language
	Number           domain.MemberNumber // 0: none
	AppliedOn        calendar.Date
	AdmittedOn       calendar.Date
	EndedOn          calendar.Date
	EndReason        membership.Reason
	FirstName        string
	LastName         string
	Organisation     string
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
	case m.IsMember(on):
		return StatusMember
	case !m.AppliedOn.IsZero():
		return StatusApplicant
	case !m.EndedOn.IsZero() && on.After(m.EndedOn):
		return StatusFormer
	}
	return StatusKnown
}

// statuses are the same in SQL, where ?1 is the day.
var statuses = map[MemberStatus]string{
	StatusMember:    "admitted_on <= ?1 and (ended_on is null or ended_on >= ?1)",
	StatusApplicant: "applied_on is not null and (admitted_on is null or admitted_on > ?1 or ended_on < ?1)",
	StatusFormer:    "applied_on is null and ended_on < ?1",
	StatusKnown:     "applied_on is null and (admitted_on is null or admitted_on > ?1) and (ended_on is null or ended_on >= ?1)",
}

// IsMember reports whether the party is a member on a day, by the last membership.
func (m Member) IsMember(on calendar.Date) bool {
	return !m.AdmittedOn.IsZero() && !on.Before(m.AdmittedOn) && (m.EndedOn.IsZero() || !on.After(m.EndedOn))
}

const memberColumns = `id, kind, language, number, applied_on, admitted_on, ended_on, end_reason, first_name, last_name, organisation,
	name, street, postal_code, city, country, birth_date, national_number, enterprise_number, email, phone`

func scanMember(r lite.Row) (Member, error) {
	d := days{r: r}
	return Member{
		ID: domain.PartyID(r.Text(0)), Kind: membership.Kind(r.Text(1)), Language: domain.Language(r.Text(2)),
		Number: domain.MemberNumber(r.Int(3)), AppliedOn: d.at(4), AdmittedOn: d.at(5), EndedOn: d.at(6), EndReason: membership.Reason(r.Text(7)),
		FirstName: r.Text(8), LastName: r.Text(9), Organisation: r.Text(10), Name: r.Text(11), Street: r.Text(12),
		PostalCode: r.Text(13), City: r.Text(14), Country: r.Text(15), BirthDate: d.at(16), NationalNumber: r.Text(17), EnterpriseNumber: r.Text(18),
		Email: r.Text(19), Phone: r.Text(20),
	}, d.err
}

// Member returns a party, and whether it is known.
func (m *Models) Member(ctx context.Context, party domain.PartyID) (Member, bool, error) {
	return one(ctx, m, `select `+memberColumns+` from party where id = ?`, scanMember, party)
}

// MemberByNumber returns the member with a number, and whether there is one.
func (m *Models) MemberByNumber(ctx context.Context, number domain.MemberNumber) (Member, bool, error) {
	return one(ctx, m, `select `+memberColumns+` from party where by_number = ? limit 1`, scanMember, int64(number))
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
	if filter.Status == StatusMember { // in order they are found by an index, counted by another
		q.where, q.counted = "+"+q.where, q.where
	}
	if filter.Status == StatusKnown { // which there is an index for, unless somebody is to be admitted later
		_, later, err := one(ctx, m, `select true from party where admitted_on > ? limit 1`, func(r lite.Row) (bool, error) { return true, nil }, filter.On)
		if err != nil {
			return q, err
		}
		if !later {
			q.where, q.args = "applied_on is null and admitted_on is null", nil
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
// order of the list until there are enough, instead of being gathered and sorted.
const common = 5000

// search returns the condition on those who are searched for.
func (m *Models) search(ctx context.Context, search string) (condition string, args []any, err error) {
	words := wordsOf(search)
	counts := make(map[string]int, len(words))
	for _, word := range words {
		counts[word], _, err = one(ctx, m, `select count(*) from (select 1 from word where word >= ? and word < ? limit ?)`,
			func(r lite.Row) (int, error) { return int(r.Int(0)), nil }, word, word+lastRune, common)
		if err != nil {
			return "", nil, err
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
		condition, args = "("+condition+" or id in (select id from party where by_number = ?))", append(args, number)
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
		members, _, err = membersAt(c, day, known)
		return err
	})
	return members, err
}

// membersAt returns besides the last number of each party that had one by then.
func membersAt(c *lite.Conn, day calendar.Date, known time.Time) (members []Known, numbers map[domain.PartyID]domain.MemberNumber, err error) {
	type membership struct {
		Known
		over bool // another has begun, later than the day: what ends, ends that one
	}
	last := map[domain.PartyID]*membership{}
	numbers = map[domain.PartyID]domain.MemberNumber{}
	err = c.Query(`select party, number, kind, on_date from member_movement where recorded_at <= ? order by position`, func(r lite.Row) error {
		var on calendar.Date
		if err := r.Into(3, &on); err != nil {
			return err
		}
		party, was := domain.PartyID(r.Raw(0)), last[domain.PartyID(r.Raw(0))]
		switch admitted := string(r.Raw(2)) == "admitted"; {
		case admitted && on.After(day):
			numbers[party] = domain.MemberNumber(r.Int(1))
			if was != nil {
				was.over = true
			}
		case admitted:
			number := domain.MemberNumber(r.Int(1))
			numbers[party] = number
			last[party] = &membership{Known: Known{Party: party, Number: number, AdmittedOn: on}}
		case was != nil && !was.over:
			was.EndedOn = on
		}
		return nil
	}, instant(known))
	for _, v := range last {
		if v.EndedOn.IsZero() || !day.After(v.EndedOn) {
			members = append(members, v.Known)
		}
	}
	slices.SortFunc(members, func(a, b Known) int { return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Party, b.Party)) })
	return members, numbers, err
}

// instant is when something was known, where the zero instant is now.
func instant(known time.Time) int64 {
	if known.IsZero() {
		return math.MaxInt64
	}
	return known.UnixMicro()
}
