package processes

import (
	"context"
	"errors"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/offering"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

// The kinds of notice to who has part of another's subscription.
const (
	noticePartOffered membership.NoticeKind = "part_offered"
	noticePartEnds    membership.NoticeKind = "part_ends"
)

func init() {
	samples[noticePartOffered] = domain.Args{"payer": "Bert Sample", "gb": 5}
	samples[noticePartEnds] = domain.Args{"payer": "Bert Sample", "through": calendar.On(2026, time.March, 31)}
}

// linked says which parts of a subscription an event tells their parties of: that one
// is offered to them, or through which day they have it, where it ends, or that of which
// it is part ends or is suspended.
func (n Notices) linked(ctx context.Context, event any) (told []notice, err error) {
	var id domain.SubscriptionID
	var on calendar.Date
	var last func(p subscription.Part, grace int) calendar.Date
	switch e := event.(type) {
	case subscription.PartGiven:
		if !e.Offered {
			return nil, nil
		}
		payer, err := n.party(ctx, e.Payer, eventstore.Record{})
		return []notice{{
			id: membership.NoticeID(e.Link), kind: noticePartOffered, party: e.Party, args: domain.Args{"payer": payer.name, "gb": e.GB, "on": e.On},
		}}, err
	case subscription.PartEnds:
		if e.TakenOver {
			return nil, nil
		}
		id, on = e.Subscription, e.On
		last = func(p subscription.Part, _ int) calendar.Date {
			if p.Link != e.Link {
				return calendar.Date{}
			}
			return e.Ends
		}
	case subscription.Cancelled:
		id, on = e.Subscription, e.On
		last = func(_ subscription.Part, grace int) calendar.Date { return e.Ends.AddDays(grace) }
	case subscription.Suspended:
		id, on = e.Subscription, e.On
		last = func(_ subscription.Part, grace int) calendar.Date { return e.On.AddDays(grace - 1) }
	default:
		return nil, nil
	}
	sub, _, err := read[subscription.Subscription](ctx, n.Store, subscription.StreamOf(id))
	if err != nil || len(sub.Parts()) == 0 {
		return nil, err
	}
	prices, _, err := read[offering.Offering](ctx, n.Store, offering.Stream)
	if err != nil {
		return nil, err
	}
	list, _ := prices.At(on)
	started, _ := sub.Started()
	payer, err := n.party(ctx, started.Payer, eventstore.Record{})
	if err != nil {
		return nil, err
	}
	for _, p := range sub.Parts() {
		through := last(p, list.Grace())
		if through.IsZero() || p.Offered || !p.Ends.IsZero() && p.Ends.Before(through) {
			continue
		}
		told = append(told, notice{
			id: membership.NoticeID(p.Link), kind: noticePartEnds, party: p.Party, args: domain.Args{"payer": payer.name, "through": through, "on": on},
		})
	}
	return told, nil
}

// tellLinked tells each of them, and who acts for them.
func (n Notices) tellLinked(ctx context.Context, all []notice, rec eventstore.Record) (err error) {
	for _, told := range all {
		told.id = membership.NoticeID(rec.ID.String()) + "-" + told.id
		party, failed := n.party(ctx, told.party, rec)
		if failed != nil {
			return errors.Join(err, failed)
		}
		err = errors.Join(err, n.tell(ctx, told, party, party.email), n.tellAgents(ctx, told, party, rec))
	}
	return err
}
