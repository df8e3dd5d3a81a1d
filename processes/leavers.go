package processes

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
)

// Claims is what leaving asks the read models.
type Claims interface {
	// WaitFor returns once they have reached a position.
	WaitFor(ctx context.Context, position int64) error
	// RequestedExits returns the claims of a party whose shares have not left yet.
	RequestedExits(ctx context.Context, party domain.PartyID) ([]shares.ClaimID, error)
}

// leaving begins the ids of claims that a membership's end has made.
const leaving = "leaving-"

// leaver returns why shares go back to the co-op when a membership ends, or "" if they
// do not: those of the deceased may go to the heirs, where the statutes have it so, and
// those of an organisation that was merged to its successor; those of who withdraws were
// not issued. What becomes of them is for people to say.
func leaver(m membership.Member, rules statutes.Statutes) shares.ExitReason {
	switch m.End().Reason {
	case membership.Resigned:
		return shares.Resigned
	case membership.Excluded:
		return shares.Excluded
	case membership.Deceased:
		if rules.Membership.Death.Heirs != statutes.MayJoin {
			return shares.Deceased
		}
	case membership.Dissolved:
		if end, _ := m.WoundUp(); end.How != membership.ByMerger {
			return shares.Dissolved
		}
	case membership.Withdrawn, membership.Duplicate:
	}
	return ""
}

// Leavers has members who leave give back their shares, on the last day of their
// membership; and keep them, if it does not end after all before then. Shares that they
// give back already go by the claim that there is.
func Leavers(s *eventstore.Store, claims Claims) Process {
	open := func(ctx context.Context, rec eventstore.Record, party domain.PartyID) (ids []shares.ClaimID, err error) {
		if err = claims.WaitFor(ctx, rec.Position); err == nil {
			ids, err = claims.RequestedExits(ctx, party)
		}
		return ids, err
	}
	stay := func(ctx context.Context, rec eventstore.Record, party domain.PartyID, on calendar.Date) error {
		ids, err := open(ctx, rec, party)
		for _, id := range ids {
			if err == nil && strings.HasPrefix(string(id), leaving) {
				_, err = eventstore.Execute(ctx, s, shares.WithdrawExit{Claim: id, On: on})
				err = unlessRefused(err) // it took effect meanwhile, and is for people to reverse
			}
		}
		return err
	}
	return Process{
		Name:  "leavers",
		Wants: []any{membership.Ended{}, membership.ResignationWithdrawn{}, membership.EndRevoked{}},
		Handle: func(ctx context.Context, rec eventstore.Record, event any) error {
			switch e := event.(type) {
			case membership.Ended:
				ids, err := open(ctx, rec, e.Party)
				if err != nil {
					return err
				}
				_, err = eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error { return leaveIn(tx, rec, e, ids) })
				return err
			case membership.ResignationWithdrawn:
				return stay(ctx, rec, e.Party, e.On)
			case membership.EndRevoked:
				return stay(ctx, rec, e.Party, e.On)
			}
			return nil
		},
	}
}

// leaveIn claims what a member who leaves holds, class by class. A claim that an
// earlier end has made, and that this one takes the place of, is withdrawn.
func leaveIn(tx *eventstore.Tx, rec eventstore.Record, e membership.Ended, open []shares.ClaimID) error {
	member, _, err := eventstore.Load[membership.Member](tx, membership.StreamOf(e.Party))
	if err != nil {
		return err
	}
	if now := member.End(); now.On != e.On || now.Reason != e.Reason {
		return nil // it ended otherwise since, or not at all
	}
	history, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
	if err != nil {
		return err
	}
	on := given(e, member, rec)
	rules, _ := history.At(on)
	mine := func(class domain.ClassID) shares.ClaimID {
		return shares.ClaimID(leaving + uuid.NewSHA1(rec.ID, []byte(class)).String())
	}
	going := map[domain.ClassID]bool{} // all of it, by a claim of the member's own
	for _, id := range open {
		claim, _, err := eventstore.Load[shares.Claim](tx, shares.ExitStream(id))
		if err != nil {
			return err
		}
		r := claim.Requested()
		switch {
		case claim.State() != shares.ClaimRequested || id == mine(r.Class):
		case strings.HasPrefix(string(id), leaving):
			if err := eventstore.Do(tx, shares.WithdrawExit{Claim: id, On: later(r.On, on)}); err != nil {
				return err
			}
		case r.Quantity == 0:
			going[r.Class] = true
		}
	}
	reason := leaver(member, rules)
	if reason == "" {
		return nil
	}
	for _, class := range rules.Shares.Classes {
		holding, _, err := eventstore.Load[shares.Holding](tx, shares.StreamOf(e.Party, class.ID))
		if err != nil {
			return err
		}
		if holding.Held() == 0 || going[class.ID] {
			continue
		}
		err = eventstore.Do2(tx, shares.RequestExit{
			Claim: mine(class.ID), Party: e.Party, Class: class.ID, Reason: reason, On: on, EffectiveOn: e.On, Statutes: rules,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// given returns the day on which a member gave notice, or on which the co-op decided or
// learnt that the membership ended.
func given(e membership.Ended, m membership.Member, rec eventstore.Record) calendar.Date {
	switch {
	case e.Reason == membership.Resigned && !m.Resignation().On.IsZero():
		return m.Resignation().On
	case !e.LearntOn.IsZero():
		return e.LearntOn
	}
	return calendar.Of(rec.RecordedAt)
}
