package processes

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

// The kinds of notice about what becomes of an account: to who has it, and to who pays it where that is somebody else.
const (
	noticeUsage          membership.NoticeKind = "usage"
	noticeUsagePayer     membership.NoticeKind = "usage_payer"
	noticePostponed      membership.NoticeKind = "size_postponed"
	noticePostponedPayer membership.NoticeKind = "size_postponed_payer"
	noticeEnds           membership.NoticeKind = "service_ends"
	noticeEndsPartly     membership.NoticeKind = "service_ends_partly" // they go on with less
	noticeGivenEnds      membership.NoticeKind = "given_ends"          // what somebody has without a subscription
	noticeDeleted        membership.NoticeKind = "account_deleted"
)

func init() {
	sample := domain.Args{
		"login": provisioning.Login("ada.sample@coop.example"), "holder": "Ada Sample", "service": domain.Mail, "percent": 90,
		"used": domain.Bytes(4_600_000_000), "quota": 5 * domain.GB, "pages": "https://coop.example/services",
	}
	samples[noticeUsage], samples[noticeUsagePayer] = sample, sample
	sample = maps.Clone(sample)
	sample["quota"], sample["surplus"], sample["until"] = 3*domain.GB, domain.Bytes(1_600_000_000), calendar.On(2026, time.April, 1)
	sample["ends"], sample["kept"], sample["backups"] = calendar.On(2026, time.March, 31), calendar.On(2026, time.April, 30), calendar.On(2026, time.July, 30)
	samples[noticeEnds], samples[noticeEndsPartly], samples[noticeGivenEnds], samples[noticeDeleted] = sample, sample, sample, sample
	samples[noticePostponed], samples[noticePostponedPayer] = sample, sample
}

// ends tells who uses a subscription that was cancelled until when they log in, how they take along what is theirs, and
// until when it is kept; and who pays it.
func (n Notices) ends(ctx context.Context, e subscription.Cancelled, rec eventstore.Record) error {
	if n.Terms.Today == nil {
		return nil
	}
	paid, _, err := read[subscription.Subscription](ctx, n.Store, subscription.StreamOf(e.Subscription))
	if err != nil {
		return err
	}
	last, rest, err := n.remains(ctx, e.Subscription, e.Ends)
	if err != nil {
		return err
	}
	started, _ := paid.Started()
	told := notice{id: membership.NoticeID(rec.ID.String()), kind: noticeEnds, party: e.Party, args: n.leaving(e.On, last)}
	if rest {
		told.kind, told.args["ends"] = noticeEndsPartly, e.Ends
	}
	for _, party := range slices.Compact([]domain.PartyID{e.Party, started.Payer}) {
		to := told
		if to.args = maps.Clone(told.args); party != e.Party {
			to.id, to.party, to.args["ends"] = told.id+"-payer", party, e.Ends
		}
		addressee, err := n.party(ctx, party, rec)
		if err == nil {
			err = n.tell(ctx, to, addressee, addressee.email)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// remains reports through which day what a subscription entitled to is held by grace, and whether accounts go on by
// something else after it.
func (n Notices) remains(ctx context.Context, id domain.SubscriptionID, ends calendar.Date) (last calendar.Date, rest bool, err error) {
	_, err = eventstore.Transact(ctx, n.Store, func(tx *eventstore.Tx) error {
		sources, _, err := eventstore.Load[entitlement.Sources](tx, entitlement.SourcesOf(id))
		if err != nil {
			return err
		}
		last = later(ends, sources.Grace())
		after, _, err := stand(tx, id, "", last.AddDays(1))
		rest = slices.ContainsFunc(slices.Collect(maps.Keys(after.quota)), func(s domain.Service) bool { return !s.App() })
		return err
	})
	return last, rest, err
}

// leaving are the arguments of what is told on a day to whom something ends after another.
func (n Notices) leaving(on, ends calendar.Date) domain.Args {
	first := ends.AddDays(1) // without it
	return domain.Args{
		"on": on, "ends": ends, "kept": first.AddDays(n.Terms.Stay - 1), "backups": first.AddDays(n.Terms.Stay + n.Terms.Backups), "pages": n.Pages,
	}
}

// givenEnds tells who uses something by a gift, by grace or as a member, if an event says with which day that ends and
// nothing else stands for it then.
func (n Notices) givenEnds(ctx context.Context, event any, rec eventstore.Record) error {
	var id domain.SubscriptionID
	var ends calendar.Date
	var counts domain.PartyID
	switch e := event.(type) {
	case entitlement.Given:
		id, ends = e.Subscription, e.Until
	case entitlement.GiftEnds:
		id, ends = e.Subscription, e.Until
	case entitlement.GraceGiven:
		id, ends = e.Subscription, e.Until
	case membership.Ended:
		counts, ends = e.Party, e.On
	}
	if ends.IsZero() || n.Terms.Today == nil {
		return nil
	}
	var party domain.PartyID
	_, err := eventstore.Transact(ctx, n.Store, func(tx *eventstore.Tx) error {
		party = ""
		if counts != "" {
			counted, _, err := eventstore.Load[entitlement.Membership](tx, entitlement.MembershipOf(counts))
			if id, _ = counted.To(); err != nil || id == "" {
				return err
			}
		}
		before, sources, err := stand(tx, id, counts, ends)
		if err != nil {
			return err
		}
		had, _, err := eventstore.Load[entitlement.Entitlements](tx, entitlement.StreamOf(id))
		if err != nil {
			return err
		}
		ends = later(ends, sources.Grace())
		after, _, err := stand(tx, id, counts, ends.AddDays(1))
		if err != nil || !after.over || len(after.quota) > 0 {
			return err
		}
		for _, service := range domain.Services { // an app alone has no account, in which anything is
			_, stands := before.quota[service]
			if status := had[service].Status; !service.App() && (stands || status == entitlement.StatusActive || status == entitlement.StatusSuspended) {
				party = before.party
			}
		}
		return nil
	})
	if err != nil || party == "" {
		return err
	}
	addressee, err := n.party(ctx, party, rec)
	if err != nil {
		return err
	}
	told := notice{id: membership.NoticeID(rec.ID.String()) + "-given", kind: noticeGivenEnds, party: party, args: n.leaving(n.Today(), ends)}
	return errors.Join(n.tell(ctx, told, addressee, addressee.email), n.tellAgents(ctx, told, addressee, rec))
}

// deleted tells who had an account that it is gone, from the last target that knew of it.
func (n Notices) deleted(ctx context.Context, e provisioning.AccountDeleted, rec eventstore.Record) error {
	account, _, err := read[provisioning.Account](ctx, n.Store, provisioning.StreamOf(e.Account))
	login, known := account.Login()
	if err != nil || !known || !account.Gone() || e.On.IsZero() {
		return err
	}
	party, err := n.party(ctx, e.Party, rec)
	if err != nil {
		return err
	}
	return n.tell(ctx, notice{id: membership.NoticeID("deleted-" + string(e.Account)), kind: noticeDeleted, party: e.Party, args: domain.Args{
		"on": e.On, "login": login, "service": e.Service, "backups": e.Backups,
	}}, party, party.email)
}

// payers are the kinds of notice to who pays, by those to who has the account.
var payers = map[membership.NoticeKind]membership.NoticeKind{
	noticeUsage: noticeUsagePayer, noticePostponed: noticePostponedPayer,
}

// aboutAccount says what an event tells who has an account, and whether anything.
func aboutAccount(event any) (of provisioning.Subject, told notice, is bool) {
	switch e := event.(type) {
	case provisioning.UsagePassed:
		return e.Subject, notice{kind: noticeUsage, args: domain.Args{"on": e.On, "percent": e.Percent, "used": e.Used, "quota": e.Quota}}, true
	case provisioning.SizePostponed:
		return e.Subject, notice{kind: noticePostponed, args: domain.Args{
			"on": e.On, "used": e.Used, "quota": e.Quota, "surplus": e.Used - e.Quota, "until": e.Until,
		}}, true
	}
	return of, told, false
}

// tellHolder tells who has an account of it, each in their language, and who pays it. Who pays is told by name whose it
// is, and not under which login.
func (n Notices) tellHolder(ctx context.Context, of provisioning.Subject, told notice, rec eventstore.Record) error {
	account, _, err := read[provisioning.Account](ctx, n.Store, provisioning.StreamOf(of.Account))
	if err != nil {
		return err
	}
	asked, _ := account.Requested()
	login, known := asked.Login.Reveal()
	if !known {
		return nil // of nobody any more
	}
	told.id, told.party = membership.NoticeID(rec.ID.String()), of.Party
	told.args["login"], told.args["service"], told.args["pages"] = login, of.Service, n.Pages
	holder, err := n.party(ctx, of.Party, rec)
	if err != nil {
		return err
	}
	err = errors.Join(n.tell(ctx, told, holder, holder.email), n.tellAgents(ctx, told, holder, rec))
	id, _ := entitlement.Of(of.Entitlement)
	paid, _, failed := read[subscription.Subscription](ctx, n.Store, subscription.StreamOf(id))
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	by, err := n.payer(ctx, paid)
	if err != nil || by == "" || by == of.Party {
		return err
	}
	payer, err := n.party(ctx, by, rec)
	if err != nil {
		return err
	}
	to := told
	to.id, to.kind, to.party, to.args = told.id+"-payer", payers[told.kind], by, maps.Clone(told.args)
	to.args["holder"] = holder.name
	delete(to.args, "login")
	return n.tell(ctx, to, payer, payer.email)
}

// payer returns who pays a subscription, or that of which it is part; nobody where it is neither.
func (n Notices) payer(ctx context.Context, of subscription.Subscription) (domain.PartyID, error) {
	started, own := of.Started()
	if linked, part := of.LinkedTo(); part && !own {
		shared, _, err := read[subscription.Subscription](ctx, n.Store, subscription.StreamOf(linked.Of))
		if err != nil {
			return "", err
		}
		started, _ = shared.Started()
	}
	return started.Payer, nil
}
