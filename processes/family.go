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

// The kinds of notice to who has part of another's subscription. None says why.
const (
	noticePartOffered membership.NoticeKind = "part_offered"
	noticePartEnds    membership.NoticeKind = "part_ends"
	noticePartPaused  membership.NoticeKind = "part_paused"
	noticePartLast    membership.NoticeKind = "part_last" // it is withheld already, and can only be gone on with
	noticePartGoesOn  membership.NoticeKind = "part_goes_on"
	noticePartUnsure  membership.NoticeKind = "part_unsure" // who pays is no member any more, or has died
	noticePaidUnsure  membership.NoticeKind = "paid_unsure" // the same, to who uses all of a subscription
)

func init() {
	const pages = "https://coop.example/services"
	samples[noticePartOffered] = domain.Args{"payer": "Bert Sample", "gb": 5, "pages": pages}
	samples[noticePartEnds] = domain.Args{"payer": "Bert Sample", "through": calendar.On(2026, time.March, 31), "pages": pages}
	samples[noticePartPaused], samples[noticePartLast] = samples[noticePartEnds], samples[noticePartEnds]
	samples[noticePartGoesOn] = domain.Args{"payer": "Bert Sample"}
	samples[noticePaidUnsure] = domain.Args{"payer": "Bert Sample"}
	samples[noticePartUnsure] = domain.Args{"payer": "Bert Sample", "days": 30, "pages": pages}
}

// linked says which parts of subscriptions an event tells their parties of: that one is
// offered to them; through which day they have it, where it ends, or that of which it is
// part ends or is suspended; that this goes on; or that who pays may not for ever.
func (n Notices) linked(ctx context.Context, event any, rec eventstore.Record) (told []notice, err error) {
	switch e := event.(type) {
	case subscription.PartGiven:
		if !e.Offered {
			return nil, nil
		}
		payer, err := n.party(ctx, e.Payer, eventstore.Record{})
		return []notice{{
			id: membership.NoticeID(e.Link), kind: noticePartOffered, party: e.Party,
			args: domain.Args{"payer": payer.name, "gb": e.GB, "on": e.On, "pages": n.Pages},
		}}, err
	case subscription.PartEnds:
		if e.TakenOver {
			return nil, nil
		}
		return n.parts(ctx, noticePartEnds, e.Subscription, e.On, func(_ subscription.Subscription, p subscription.Part) bool { return p.Link == e.Link })
	case subscription.Cancelled:
		return n.parts(ctx, noticePartEnds, e.Subscription, e.On, every)
	case subscription.Suspended:
		sub, _, err := read[subscription.Subscription](ctx, n.Store, subscription.StreamOf(e.Subscription))
		if err != nil {
			return nil, err
		}
		kind := noticePartPaused
		if started, _ := sub.Started(); e.Reason == subscription.Unpaid || e.Reason == subscription.Death && started.Payer == e.Party {
			kind = noticePartEnds // unless somebody sees to it
		}
		return n.parts(ctx, kind, e.Subscription, e.On, every)
	case subscription.Resumed:
		return n.parts(ctx, noticePartGoesOn, e.Subscription, e.On, every)
	case membership.Ended:
		if e.Reason != membership.Resigned && e.Reason != membership.Excluded && e.Reason != membership.Withdrawn {
			return nil, nil
		}
		return n.unsure(ctx, e.Party, rec, every)
	case membership.WoundUp: // a member or not
		return n.unsure(ctx, e.Party, rec, every)
	case membership.Died: // what the dead used themselves is suspended, which is told then
		return n.unsure(ctx, e.Party, rec, func(s subscription.Subscription, _ subscription.Part) bool {
			started, _ := s.Started()
			return started.Party != e.Party
		})
	}
	return nil, nil
}

func every(subscription.Subscription, subscription.Part) bool { return true }

// unsure tells who uses what a party pays, or has part of it, that this may end.
func (n Notices) unsure(ctx context.Context, payer domain.PartyID, rec eventstore.Record, which func(subscription.Subscription, subscription.Part) bool) (told []notice, err error) {
	if n.Book == nil {
		return nil, nil
	}
	if err := n.Book.WaitFor(ctx, rec.Position); err != nil {
		return nil, err
	}
	on := n.Today()
	paid, err := n.Book.BookedBy(ctx, payer, on)
	for _, id := range paid {
		if err != nil {
			break
		}
		var some []notice
		if some, err = n.parts(ctx, noticePartUnsure, id, on, which); err != nil {
			break
		}
		told = append(told, some...)
		some, err = n.paidFor(ctx, id, on)
		told = append(told, some...)
	}
	return told, err
}

// paidFor tells who uses a subscription that somebody else pays that this may end.
func (n Notices) paidFor(ctx context.Context, id domain.SubscriptionID, on calendar.Date) ([]notice, error) {
	sub, _, err := read[subscription.Subscription](ctx, n.Store, subscription.StreamOf(id))
	started, _ := sub.Started()
	if err != nil || started.Party == started.Payer || sub.Status(on) == subscription.StatusEnded {
		return nil, err
	}
	user, err := n.party(ctx, started.Party, eventstore.Record{})
	if err != nil {
		return nil, err
	}
	payer, err := n.party(ctx, started.Payer, eventstore.Record{})
	if err != nil || user.id == payer.id {
		return nil, err
	}
	return []notice{{id: membership.NoticeID(id), kind: noticePaidUnsure, party: started.Party, args: domain.Args{"payer": payer.name, "on": on}}}, nil
}

// parts says the same of the parts of a subscription that are had now, as far as it
// concerns them.
func (n Notices) parts(ctx context.Context, kind membership.NoticeKind, id domain.SubscriptionID, on calendar.Date, which func(subscription.Subscription, subscription.Part) bool) (told []notice, err error) {
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
		through := sub.PartThrough(p.Link, on, list.Grace())
		ends := kind == noticePartEnds || kind == noticePartPaused
		if p.Offered || !which(sub, p) || ends == through.IsZero() {
			continue
		}
		to := notice{id: membership.NoticeID(p.Link), kind: kind, party: p.Party, args: domain.Args{"payer": payer.name, "on": on, "pages": n.Pages}}
		switch ended := sub.PartStatus(p.Link, on, list.Grace()) == subscription.StatusEnded; {
		case !ends:
			to.args["days"] = list.Grace()
		case !through.Before(on):
			to.args["through"] = through
		case kind == noticePartEnds && !ended && !sub.Ends().IsZero():
			to.kind, to.args["through"] = noticePartLast, sub.Ends().AddDays(list.Grace())
		default: // they were told when it ended
			continue
		}
		told = append(told, to)
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
