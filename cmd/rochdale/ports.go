package main

import (
	"context"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/processes"
	"rochdale/processes/access"
	"rochdale/projections"
)

// models answers what processes and access ask, from the read models. It is the
// one place that says which question of a port is which of the read models.
type models struct {
	*projections.Models
	today func() calendar.Date
	known *lru.Cache[domain.PartyID, person]
}

func newModels(m *projections.Models, today func() calendar.Date) models {
	known, _ := lru.New[domain.PartyID, person](1 << 14) // fails for sizes below 1 only
	return models{m, today, known}
}

// A person is one as it was found to be.
type person struct {
	access.Person
	at int64 // see [projections.Models.PartiesAt]
	on calendar.Date
}

var (
	_ processes.Payers     = models{}
	_ processes.Rolls      = models{}
	_ processes.Ballots    = models{}
	_ processes.Names      = models{}
	_ access.People        = models{}
	_ processes.FamilyBook = models{}
	_ access.Accounts      = models{}
)

// ByEmail is that of [access.People]. Who is no member gets in too: to their
// subscription, their invoices, their application.
func (m models) ByEmail(ctx context.Context, email string) (people []access.Person, err error) {
	found, err := m.MembersByEmail(ctx, email)
	for _, member := range found {
		if err != nil {
			break
		}
		if member.MergedInto != "" || !member.DiedOn.IsZero() { // the former has an address of their own
			continue
		}
		var p access.Person
		if p, err = m.person(ctx, member); err == nil {
			people = append(people, p)
		}
	}
	return people, err
}

// ByID is that of [access.People]. It is asked with every request, and reads again
// only what may have changed.
func (m models) ByID(ctx context.Context, party domain.PartyID) (access.Person, error) {
	at, on := m.PartiesAt(), m.today()
	if p, ok := m.known.Get(party); ok && p.at == at && p.on == on {
		return p.Person, nil
	}
	now, err := m.FoundToBe(ctx, party)
	if err != nil {
		return access.Person{Party: party}, err
	}
	member, known, err := m.Member(ctx, now)
	if err != nil || !known {
		return access.Person{Party: party}, err
	}
	p, err := m.person(ctx, member)
	if err == nil {
		m.known.Add(party, person{p, at, on})
	}
	return p, err
}

func (m models) person(ctx context.Context, member projections.Member) (access.Person, error) {
	p := access.Person{Party: member.ID, Name: member.Name, Language: member.Language, Email: member.Email, Died: !member.DiedOn.IsZero()}
	if member.IsMember(m.today()) {
		p.Roles = append(p.Roles, domain.RoleMember)
	}
	granted, err := m.Roles(ctx, member.ID)
	if err != nil {
		return p, err
	}
	if p.Was, err = m.Was(ctx, member.ID); err != nil {
		return p, err
	}
	for _, g := range granted {
		if !slices.Contains(p.Roles, g.Role) { // a delegate may be that of several
			p.Roles = append(p.Roles, g.Role)
		}
	}
	p.ActsFor, err = m.ActsFor(ctx, member.ID, m.today())
	if len(p.ActsFor) > 0 && !slices.Contains(p.Roles, domain.RoleDelegate) {
		p.Roles = append(p.Roles, domain.RoleDelegate)
	}
	return p, err
}

// AccountsHeld is that of [access.Accounts].
func (m models) AccountsHeld(ctx context.Context, party domain.PartyID) (held []access.Held, err error) {
	all, err := m.AccountsOf(ctx, party)
	for _, a := range all {
		if a.Address == a.Login {
			a.Address = ""
		}
		held = append(held, access.Held{Address: a.Address, ID: a.ID, Service: a.Service, Login: a.Login, Quota: a.Quota, Status: a.Status, Trouble: a.Trouble != nil})
	}
	return held, err
}

// LinkedOf is that of [processes.FamilyBook].
func (m models) LinkedOf(ctx context.Context, party domain.PartyID) (ids []domain.SubscriptionID, err error) {
	all, err := m.PartsOfParty(ctx, party)
	for _, p := range all {
		ids = append(ids, p.ID)
	}
	return ids, err
}

// PayersIn is that of [processes.Payers].
func (m models) PayersIn(ctx context.Context, month calendar.Month) (payers []processes.Payer, err error) {
	all, err := m.PaidIn(ctx, month) // in the order of payers
	for _, s := range all {
		if n := len(payers); n == 0 || payers[n-1].Party != s.Payer {
			payers = append(payers, processes.Payer{Party: s.Payer})
		}
		last := &payers[len(payers)-1]
		last.Subscriptions = append(last.Subscriptions, s.Subscription)
	}
	return payers, err
}

// RecipientOf is that of [processes.Payers]. A payer that was found to be another keeps
// its number and its reference; its invoices are made out to that one.
func (m models) RecipientOf(ctx context.Context, party domain.PartyID) (billing.Recipient, domain.Language, error) {
	now, err := m.FoundToBe(ctx, party)
	if err != nil {
		return billing.Recipient{}, "", err
	}
	p, _, err := m.Member(ctx, now)
	return billing.Recipient{
		Name: p.Name, Street: p.Street, PostalCode: p.PostalCode, City: p.City, Country: p.Country, Email: p.Email,
	}, p.Language, err
}

// MemberOn is that of [processes.Payers]: who was found to be a member pays as one.
func (m models) MemberOn(ctx context.Context, party domain.PartyID, day calendar.Date) (bool, error) {
	now, err := m.FoundToBe(ctx, party)
	if err != nil {
		return false, err
	}
	return m.Models.MemberOn(ctx, now, day)
}

// EntitledOn is that of [processes.Rolls].
func (m models) EntitledOn(ctx context.Context, day calendar.Date) (entitled []processes.Entitled, err error) {
	members, err := m.MembersAt(ctx, day, time.Time{})
	if err != nil {
		return nil, err
	}
	register, err := m.RegisterAt(ctx, day, time.Time{})
	if err != nil {
		return nil, err
	}
	held := map[domain.PartyID]map[domain.ClassID]int64{}
	for _, e := range register {
		if held[e.Party] == nil {
			held[e.Party] = map[domain.ClassID]int64{}
		}
		held[e.Party][e.Class] += e.Quantity
	}
	for _, member := range members {
		entitled = append(entitled, processes.Entitled{Party: member.Party, Shares: held[member.Party]})
	}
	return entitled, nil
}

// NamesOf is that of [processes.Names].
func (m models) NamesOf(ctx context.Context, party domain.PartyID) ([]string, error) {
	p, _, err := m.Member(ctx, party)
	if p.Organisation != "" {
		return []string{p.Organisation}, err
	}
	return []string{p.FirstName, p.LastName}, err
}
