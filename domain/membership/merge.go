package membership

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
)

// Merged says that a party was found to be another. It keeps its history and its
// number, and nothing happens to it any more.
type Merged struct {
	Party domain.PartyID `json:"party"`
	Into  domain.PartyID `json:"into"`
	On    calendar.Date  `json:"on"`
}

func (e Merged) Evolve(m Member) Member {
	m.merged, m.member, m.decided = e, false, true
	return m
}

// Absorbed says the same of the other, which is known under those numbers too from
// then on.
type Absorbed struct {
	Party   domain.PartyID        `json:"party"`
	Merged  domain.PartyID        `json:"merged"`
	Numbers []domain.MemberNumber `json:"numbers,omitempty"`
	On      calendar.Date         `json:"on"`
}

func (e Absorbed) Evolve(m Member) Member {
	m.absorbed = append(m.absorbed[:len(m.absorbed):len(m.absorbed)], e)
	return m
}

// Merge makes one of two parties that were found to be one: of who is a member and who
// is none, into the member. Roles, mandates to act for it and being a founder go over;
// an application comes to an end. Shares, subscriptions and accounts are for others to
// move, by events of theirs; mandates by which the party acts for others are read as
// those of whom it was merged into.
type Merge struct {
	Party domain.PartyID // that is no more
	Into  domain.PartyID // that stays
	On    calendar.Date
}

func (c Merge) Streams() (party, into domain.Stream) { return StreamOf(c.Party), StreamOf(c.Into) }

func (c Merge) Decide(m, into Member) (ofParty, ofInto []event, err error) {
	if m.merged.Into == c.Into && c.Into != "" {
		return nil, nil, nil
	}
	if err := m.known(); err != nil {
		return nil, nil, err
	}
	if err := into.known(); err != nil {
		return nil, nil, err
	}
	_, dead := m.DiedOn()
	_, intoDead := into.DiedOn()
	switch {
	case c.Party == c.Into:
		return nil, nil, ErrSelf
	case c.On.IsZero():
		return nil, nil, ErrIncomplete.With("missing", "date")
	case m.kind != "" && into.kind != "" && m.kind != into.kind:
		return nil, nil, ErrKind
	case m.exclusion.open():
		return nil, nil, ErrProposed.With("on", m.exclusion.proposed.On)
	case dead != intoDead, (m.woundUp.Party == "") != (into.woundUp.Party == ""):
		return nil, nil, ErrOneGone
	case isOrWillBe(m, c.On) && !isOrWillBe(into, c.On):
		return nil, nil, ErrOtherWay
	}
	ofParty = m.offWaitingList(c.On)
	for _, g := range m.Grants() {
		ofParty = append(ofParty, RoleRevoked{c.Party, g.Role, g.For, c.On})
		if g.For != c.Into && !into.roles[g] {
			ofInto = append(ofInto, RoleGranted{c.Into, g.Role, g.For, c.On})
		}
	}
	for _, d := range m.mandates {
		if !d.reaches(c.On) {
			continue
		}
		ofParty = append(ofParty, MandateEnded{c.Party, d.ID, c.On.AddDays(-1)})
		if _, taken := into.mandate(d.ID); taken >= 0 || d.Agent == c.Into || d.Capacity.alone() && len(into.agents(d.Capacity, c.On)) > 0 {
			continue
		}
		from := d.Period.From
		if from.Before(c.On) {
			from = c.On
		}
		ofInto = append(ofInto, MandateGiven{c.Into, d.ID, d.Agent, d.Capacity, from, d.Period.Through, d.Proof})
	}
	if m.founder && !into.founder {
		ofInto = append(ofInto, FounderNamed{c.Into, c.On})
	}
	if isOrWillBe(m, c.On) {
		last := c.On
		if last.Before(m.admission.On) {
			last = m.admission.On.AddDays(-1) // which never began
		}
		ofParty = append(ofParty, Ended{Party: c.Party, Reason: Duplicate, On: last})
	}
	ofParty = append(ofParty, Merged(c))
	return ofParty, append(ofInto, Absorbed{c.Into, c.Party, m.Numbers(), c.On}), nil
}

// isOrWillBe reports whether a party is a member on a day, or was admitted from a
// later one.
func isOrWillBe(m Member, on calendar.Date) bool { return m.member || m.IsMember(on) }
