package projections

import (
	"context"
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
		membership.Applied{}, membership.Admitted{}, membership.Rejected{}, membership.IdentityChanged{},
		membership.ContactChanged{}, membership.LanguageChanged{}, membership.Ended{},
		membership.RoleGranted{}, membership.RoleRevoked{}, membership.PersonalDataErased{},
	},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case membership.Applied:
			if err := t.known(e.Party); err != nil {
				return err
			}
			if err := t.identity(e.Party, e.Kind, e.Identity); err != nil {
				return err
			}
			if !e.Contact.IsZero() {
				if err := t.contact(e.Party, e.Contact); err != nil {
					return err
				}
			}
			return t.Exec(`update party set applied_on = ?, language = coalesce(?, language) where id = ?`, e.On, null(string(e.Language)), e.Party)
		case membership.Admitted:
			err := t.Exec(`update party set applied_on = null, admitted_on = ?, ended_on = null, end_reason = null, number = ? where id = ?`,
				e.On, int64(e.Number), e.Party)
			if err != nil {
				return err
			}
			return t.Exec(`insert into member_movement values (?, ?, ?, 'admitted', ?, ?)`,
				t.rec.Position, e.Party, int64(e.Number), e.On, t.rec.RecordedAt)
		case membership.Rejected:
			return t.Exec(`update party set applied_on = null where id = ?`, e.Party)
		case membership.IdentityChanged:
			if err := t.known(e.Party); err != nil {
				return err
			}
			return t.identity(e.Party, e.Kind, e.Identity)
		case membership.ContactChanged:
			if err := t.known(e.Party); err != nil {
				return err
			}
			return t.contact(e.Party, e.Contact)
		case membership.LanguageChanged:
			if err := t.known(e.Party); err != nil {
				return err
			}
			return t.Exec(`update party set language = ? where id = ?`, e.Language, e.Party)
		case membership.Ended:
			if err := t.Exec(`update party set ended_on = ?, end_reason = ? where id = ?`, e.On, e.Reason, e.Party); err != nil {
				return err
			}
			return t.Exec(`insert into member_movement values (?, ?, null, 'ended', ?, ?)`, t.rec.Position, e.Party, e.On, t.rec.RecordedAt)
		case membership.RoleGranted:
			return t.Exec(`insert into role values (?, ?, ?) on conflict do nothing`, e.Party, e.Role, e.For)
		case membership.RoleRevoked:
			return t.Exec(`delete from role where party = ? and role = ? and acts_for = ?`, e.Party, e.Role, e.For)
		case membership.PersonalDataErased:
			return t.forget(e)
		}
		return nil
	},
}

// known makes a party known that was not.
func (t *table) known(party domain.PartyID) error {
	return t.Exec(`insert into party (id) values (?) on conflict do nothing`, party)
}

func (t *table) identity(party domain.PartyID, kind membership.Kind, box sealed.Box[membership.Identity]) error {
	i, known := box.Reveal()
	if !known { // erased since
		return t.Exec(`update party set kind = ? where id = ?`, kind, party)
	}
	name := i.Name()
	sortName := strings.ToLower(name)
	if i.LastName != "" {
		sortName = strings.ToLower(i.LastName + " " + i.FirstName)
	}
	return t.Exec(`update party set kind = ?, first_name = ?, last_name = ?, organisation = ?, name = ?, sort_name = ?, street = ?,
		postal_code = ?, city = ?, country = ?, birth_date = ?, national_number = ?, enterprise_number = ? where id = ?`,
		kind, null(i.FirstName), null(i.LastName), null(i.Organisation), null(name), null(sortName), null(i.Street),
		null(i.PostalCode), null(i.City), null(i.Country), null(i.BirthDate.String()), null(i.NationalNumber), null(i.EnterpriseNumber), party)
}

func (t *table) contact(party domain.PartyID, box sealed.Box[membership.Contact]) error {
	c, _ := box.Reveal()
	return t.Exec(`update party set email = ?, phone = ? where id = ?`, null(c.Email), null(c.Phone), party)
}

// forget takes out of every table what was sealed under keys that are destroyed.
func (t *table) forget(e membership.PersonalDataErased) error {
	t.erased = true
	switch e.Class {
	case sealed.Register:
		return t.Exec(`update party set first_name = null, last_name = null, organisation = null, name = null, sort_name = null,
			street = null, postal_code = null, city = null, country = null, birth_date = null, national_number = null,
			enterprise_number = null where id = ?`, e.Party)
	case sealed.Service:
		if err := t.Exec(`update party set email = null, phone = null where id = ?`, e.Party); err != nil {
			return err
		}
		return t.Exec(`update account set login = null where party = ?`, e.Party)
	case sealed.Accounting:
		return t.Exec(`update invoice set recipient = null where payer = ?`, e.Party)
	case sealed.Optional:
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
	case !m.AdmittedOn.IsZero() && !m.EndedOn.IsZero():
		return StatusFormer
	}
	return StatusKnown
}

// IsMember reports whether the party is a member on a day, by the last membership.
func (m Member) IsMember(on calendar.Date) bool {
	return !m.AdmittedOn.IsZero() && !on.Before(m.AdmittedOn) && (m.EndedOn.IsZero() || !on.After(m.EndedOn))
}

const memberColumns = `id, kind, language, number, applied_on, admitted_on, ended_on, end_reason, first_name, last_name, organisation,
	name, street, postal_code, city, country, birth_date, national_number, enterprise_number, email, phone`

func scanMember(r lite.Row) (m Member, err error) {
	m = Member{
		ID: domain.PartyID(r.Text(0)), Kind: membership.Kind(r.Text(1)), Language: domain.Language(r.Text(2)),
		Number: domain.MemberNumber(r.Int(3)), EndReason: membership.Reason(r.Text(7)),
		FirstName: r.Text(8), LastName: r.Text(9), Organisation: r.Text(10), Name: r.Text(11), Street: r.Text(12),
		PostalCode: r.Text(13), City: r.Text(14), Country: r.Text(15), NationalNumber: r.Text(17), EnterpriseNumber: r.Text(18),
		Email: r.Text(19), Phone: r.Text(20),
	}
	return m, dates(r, map[int]*calendar.Date{4: &m.AppliedOn, 5: &m.AdmittedOn, 6: &m.EndedOn, 16: &m.BirthDate})
}

// dates reads columns of days; one that is null is no day.
func dates(r lite.Row, columns map[int]*calendar.Date) error {
	for i, d := range columns {
		if err := r.Into(i, d); err != nil {
			return err
		}
	}
	return nil
}

// Member returns a party, and whether it is known.
func (m *Models) Member(ctx context.Context, party domain.PartyID) (Member, bool, error) {
	return one(ctx, m, `select `+memberColumns+` from party where id = ?`, scanMember, party)
}

// MemberByNumber returns the member with a number, and whether there is one.
func (m *Models) MemberByNumber(ctx context.Context, number domain.MemberNumber) (Member, bool, error) {
	return one(ctx, m, `select `+memberColumns+` from party where number = ? limit 1`, scanMember, int64(number))
}

// MembersByEmail returns the parties with an address, whatever its capitals.
func (m *Models) MembersByEmail(ctx context.Context, email string) ([]Member, error) {
	return rows(ctx, m, `select `+memberColumns+` from party where email is not null and lower(email) = lower(?) order by id`, scanMember, email)
}

// MemberFilter chooses among parties.
type MemberFilter struct {
	Status MemberStatus // on a day; empty: all
	On     calendar.Date
	Search string // part of a name, an address or a number; empty: all
}

// MemberOrder is how a list of parties is ordered.
type MemberOrder string

const (
	ByNumber MemberOrder = "number" // those who have none come last
	ByName   MemberOrder = "name"
)

// Members returns a part of the list of parties.
func (m *Models) Members(ctx context.Context, filter MemberFilter, by MemberOrder, p Page) (List[Member], error) {
	q := query{columns: memberColumns, from: "party", key: "coalesce(number, 9007199254740991)", id: "id"}
	if by == ByName {
		q.key = "coalesce(sort_name, '')"
	}
	var where []string
	add := func(condition string, args ...any) {
		where, q.args = append(where, condition), append(q.args, args...)
	}
	switch filter.Status {
	case StatusMember:
		if by != ByName { // so that the index on numbers serves
			q.key = "number"
			add("number is not null")
		}
		add("admitted_on <= ? and (ended_on is null or ended_on >= ?)", filter.On, filter.On)
	case StatusApplicant:
		add("applied_on is not null")
	case StatusFormer:
		add("ended_on < ?", filter.On)
	case StatusKnown:
		add("admitted_on is null and applied_on is null")
	}
	if s := strings.ToLower(strings.TrimSpace(filter.Search)); s != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s) + "%"
		add(`(lower(name) like ? escape '\' or lower(email) like ? escape '\' or cast(number as text) = ?)`, like, like, s)
	}
	q.where = strings.Join(where, " and ")
	return page(ctx, m, q, p, scanMember)
}

// CountMembers returns how many members there are on a day.
func (m *Models) CountMembers(ctx context.Context, on calendar.Date) (n int, err error) {
	n, _, err = one(ctx, m, `select count(*) from party where admitted_on <= ? and (ended_on is null or ended_on >= ?)`,
		func(r lite.Row) (int, error) { return int(r.Int(0)), nil }, on, on)
	return n, err
}

// LastMemberNumber returns the highest number that was given.
func (m *Models) LastMemberNumber(ctx context.Context) (n domain.MemberNumber, err error) {
	n, _, err = one(ctx, m, `select max(number) from party`, func(r lite.Row) (domain.MemberNumber, error) { return domain.MemberNumber(r.Int(0)), nil })
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
func (m *Models) MembersAt(ctx context.Context, day calendar.Date, known time.Time) ([]Known, error) {
	return rows(ctx, m, `
		with seen as (select * from member_movement where recorded_at <= ?2),
		admitted as (
			select party, max(position) as position from seen where kind = 'admitted' and on_date <= ?1 group by party)
		select a.party, s.number, s.on_date, e.on_date
		from admitted a join seen s on s.position = a.position
		left join seen e on e.position = (
			select max(position) from seen x where x.party = a.party and x.kind = 'ended' and x.position > a.position
				and x.position < coalesce((select min(position) from seen y
					where y.party = a.party and y.kind = 'admitted' and y.position > a.position), 9223372036854775807))
		where e.on_date is null or e.on_date >= ?1
		order by s.number`,
		func(r lite.Row) (k Known, err error) {
			k.Party, k.Number = domain.PartyID(r.Text(0)), domain.MemberNumber(r.Int(1))
			return k, dates(r, map[int]*calendar.Date{2: &k.AdmittedOn, 3: &k.EndedOn})
		}, day, instant(known))
}

// instant is when something was known, where the zero instant is now.
func instant(known time.Time) int64 {
	if known.IsZero() {
		return 1<<63 - 1
	}
	return known.UnixMicro()
}
