package processes

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/offering"
	"rochdale/domain/provisioning"
	"rochdale/domain/statutes"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes/access"
)

// The rules by which nobody is found to offer part of a subscription to.
var (
	ErrNobody  = domain.Refusal{Code: "subscription.nobody", Reason: "the co-op knows nobody of this name with this e-mail address: ask how they are known there"}
	ErrSeveral = domain.Refusal{Code: "subscription.several", Reason: "several people of this name have this e-mail address: give the first name and the last name"}
)

// Families lets those who share a subscription say how: who pays, and who has part of
// it. Whom a command is not for is told that there is no such thing.
type Families struct {
	Store      *eventstore.Store
	From       Bookings
	Reconciler *Reconciler
	Naming     Naming
	Book       FamilyBook // for who is shown what they share, or does not know the id of a party
}

// FamilyBook is what families ask of the read models.
type FamilyBook interface {
	Names
	// ByEmail returns the parties with an address, whatever its capitals.
	ByEmail(ctx context.Context, email string) ([]access.Person, error)
	// LinkedOf returns the ids of what a party has or had of others' subscriptions.
	LinkedOf(ctx context.Context, party domain.PartyID) ([]domain.SubscriptionID, error)
}

// Speaks tells for whom somebody speaks.
type Speaks func(domain.PartyID) bool

// Link lets a party have part of a subscription, or offers it where who pays does not
// speak for them.
func (f Families) Link(tx *eventstore.Tx, by Speaks, of, link domain.SubscriptionID, party domain.PartyID, gb int, today calendar.Date) error {
	sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(of))
	if err != nil {
		return err
	}
	if started, known := sub.Started(); !known || !by(started.Payer) {
		return subscription.ErrUnknown
	}
	who, err := Known(tx, party)
	if err != nil {
		return err
	}
	if err := eventstore.Do2(tx, subscription.Link{Subscription: of, Link: link, Party: who, GB: gb, Offered: !by(who), On: today}); err != nil {
		return err
	}
	return f.Fit(tx, today, of)
}

// Known returns a party that the co-op knows, or the one that it was found to be.
func Known(tx *eventstore.Tx, party domain.PartyID) (domain.PartyID, error) {
	state, _, err := eventstore.Load[membership.Member](tx, membership.StreamOf(party))
	switch into := state.MergedInto(); {
	case err == nil && into != "":
		return Known(tx, into)
	case err == nil && state.Party() == "":
		err = membership.ErrUnknown
	}
	return party, err
}

// Fit refuses what makes accounts smaller at once than what they hold.
func (f Families) Fit(tx *eventstore.Tx, today calendar.Date, subscriptions ...domain.SubscriptionID) error {
	for _, id := range subscriptions {
		smaller, err := Smaller(tx, id, today)
		if err == nil && len(smaller) > 0 {
			err = f.Reconciler.Fits(tx.Context(), id, smaller)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A linkedTo is part of a subscription, as it is for who speaks of it.
type linkedTo struct {
	subscription.Linked
	of         subscription.Subscription
	part       subscription.Part
	plan       domain.PlanID
	list       offering.PriceList
	version    int
	pays, uses bool // whether they speak for who does
}

// linked looks at part of a subscription.
func (f Families) linked(tx *eventstore.Tx, by Speaks, link domain.SubscriptionID, today calendar.Date) (l linkedTo, err error) {
	state, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(link))
	if err != nil {
		return l, err
	}
	l.Linked, _ = state.LinkedTo()
	if l.of, _, err = eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(l.Of)); err != nil {
		return l, err
	}
	started, _ := l.of.Started()
	l.plan = started.Plan
	l.part, _ = l.of.Part(link)
	l.pays, l.uses = by(started.Payer), by(l.Party)
	if !l.pays && !l.uses {
		return l, subscription.ErrNotLinked
	}
	prices, _, err := eventstore.Load[offering.Offering](tx, offering.Stream)
	l.list, l.version = prices.At(today)
	return l, err
}

// used is [Families.linked] for who uses the part alone.
func (f Families) used(tx *eventstore.Tx, by Speaks, link domain.SubscriptionID, today calendar.Date) (l linkedTo, err error) {
	l, err = f.linked(tx, by, link, today)
	if err == nil && !l.uses {
		err = subscription.ErrNotLinked
	}
	return l, err
}

// Accept begins what was offered, for its user to say, and under which login its accounts
// are to be made; by default, one of their names.
func (f Families) Accept(tx *eventstore.Tx, by Speaks, link domain.SubscriptionID, login provisioning.Login, today calendar.Date) error {
	l, err := f.used(tx, by, link, today)
	if err != nil {
		return err
	}
	if login != "" && l.part.Offered {
		if err := f.Naming.Wish(tx, l.Party, login); err != nil {
			return err
		}
	}
	return eventstore.Do(tx, subscription.AcceptPart{Subscription: l.Of, Link: link, On: today})
}

// Change makes a part larger or smaller, for its payer to say, and has it go on if it
// was to end.
func (f Families) Change(tx *eventstore.Tx, by Speaks, link domain.SubscriptionID, gb int, today calendar.Date) error {
	l, err := f.linked(tx, by, link, today)
	switch {
	case err != nil:
		return err
	case !l.pays:
		return subscription.ErrNotLinked
	}
	if err := eventstore.Do(tx, subscription.ChangePart{Subscription: l.Of, Link: link, GB: gb, On: today}); err != nil {
		return err
	}
	return f.Fit(tx, today, l.Of, link)
}

// Unlink ends a part: its payer takes it back after the days of grace, or at once what
// was only offered; its user gives it back with today, and declines so what was offered.
func (f Families) Unlink(tx *eventstore.Tx, by Speaks, link domain.SubscriptionID, today calendar.Date) error {
	l, err := f.linked(tx, by, link, today)
	if err != nil {
		return err
	}
	ends := today
	if l.pays && !l.part.Offered {
		ends = ends.AddDays(l.list.Grace())
	}
	return eventstore.Do(tx, subscription.Unlink{Subscription: l.Of, Link: link, On: today, Ends: ends})
}

// Detach goes on with a part as a subscription of its user's own, for them to say: of
// so many GB or, if none are given, of no less than before.
func (f Families) Detach(tx *eventstore.Tx, by Speaks, link domain.SubscriptionID, gb *int, today calendar.Date) error {
	l, err := f.used(tx, by, link, today)
	if err != nil {
		return err
	}
	plan, known := l.list.Plan(l.plan)
	if !known {
		return l.list.NoSuchPlan(l.plan)
	}
	least, most := plan.Limits()
	size := max(least, l.part.GB)
	if gb != nil {
		size = *gb
	}
	history, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
	if err != nil {
		return err
	}
	rules, _ := history.At(today)
	if err := MayBook(tx, f.Store, f.From, rules, l.Party, today); err != nil {
		return err
	}
	err = eventstore.Do2(tx, subscription.Detach{
		Subscription: l.Of, Link: link, GB: size, On: today, Grace: l.list.Grace(),
		Terms: subscription.Terms{PriceList: l.version, LeastGB: least, MostGB: most},
	})
	if err != nil {
		return err
	}
	return f.Fit(tx, today, link)
}

// EndAddOn sets the last day of what was booked on top of a subscription, for who pays it
// to say. What an account holds it is not taken with today: on a later day it may be put
// off ([Reconciler.Postpone]).
func (f Families) EndAddOn(tx *eventstore.Tx, by Speaks, of domain.SubscriptionID, id subscription.AddOnID, today, ends calendar.Date) error {
	sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(of))
	if err != nil {
		return err
	}
	booked, known := sub.AddOn(id)
	if !known || !by(booked.Payer) {
		return subscription.ErrNoAddOn
	}
	if err := eventstore.Do(tx, subscription.EndAddOn{Subscription: of, AddOn: id, On: today, Ends: ends}); err != nil {
		return err
	}
	if ends != today || !booked.Ends.IsZero() && !ends.Before(booked.Ends) {
		return nil
	}
	smaller, err := Smaller(tx, of, today.AddDays(1))
	if err != nil {
		return err
	}
	smaller = slices.DeleteFunc(smaller, func(q offering.Quota) bool { return q.Service != booked.Service })
	return f.Reconciler.Fits(tx.Context(), of, smaller)
}

// Offer offers part of a subscription to whom the co-op knows by an e-mail address and
// a name, of which the first or the last will do where nobody else with the address has
// it: nobody learns so of a stranger. What was declined or withdrawn is offered anew.
func (f Families) Offer(ctx context.Context, by Speaks, of domain.SubscriptionID, email, name string, gb int, today calendar.Date) error {
	party, err := f.find(ctx, email, name)
	if err != nil {
		return err
	}
	return f.Do(ctx, func(tx *eventstore.Tx) error {
		sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(of))
		if err != nil {
			return err
		}
		for _, p := range sub.Parts() {
			if p.Party == party && p.Offered && !p.Ends.IsZero() && !today.After(p.Ends) {
				return f.Change(tx, by, p.Link, gb, today)
			}
		}
		link, err := uuid.NewV7()
		if err != nil {
			return err
		}
		return f.Link(tx, by, of, domain.SubscriptionID(link.String()), party, gb, today)
	})
}

// Do carries something out, and returns once it is seen by [Families.Of].
func (f Families) Do(ctx context.Context, do func(*eventstore.Tx) error) error {
	position, err := eventstore.Transact(ctx, f.Store, do)
	if err == nil {
		err = f.From.WaitFor(ctx, position)
	}
	return err
}

func (f Families) find(ctx context.Context, email, name string) (party domain.PartyID, err error) {
	people, err := f.Book.ByEmail(ctx, strings.TrimSpace(email))
	if err != nil {
		return "", err
	}
	said := strings.Fields(strings.ToLower(name))
	for _, p := range people {
		known := strings.Fields(strings.ToLower(p.Name))
		switch {
		case len(said) == 0 || slices.ContainsFunc(said, func(word string) bool { return !slices.Contains(known, word) }):
		case party != "":
			return "", ErrSeveral
		default:
			party = p.Party
		}
	}
	if party == "" {
		err = ErrNobody
	}
	return party, err
}

// A Shared is a subscription whose payer may let others have part of it.
type Shared struct {
	ID     domain.SubscriptionID
	User   string // who uses it, where that is not who asks
	GB     int
	Rest   int // that its user has
	Others []Part
	Grace  int // days for which others keep what they are taken
}

// A Part is what somebody has of another's subscription, or is offered.
type Part struct {
	ID      domain.SubscriptionID
	Other   string // the name of its user, for who pays; of who pays, for its user
	User    string // of its user, where who asks speaks for them
	GB      int
	Offered bool
	From    calendar.Date
	Through calendar.Date // the last day, if it is known
	Choices []Choice      // for its user: of a subscription of their own
	Own     bool          // its user pays a subscription besides
	Grace   int           // days for which it outlives what it is part of
}

// A Choice is a size of a subscription, and what a month of it costs.
type Choice struct {
	GB      int
	Monthly money.Money
	Now     bool // no less than before
}

// Of returns what somebody shares with others, under each id that the co-op has known
// them by, and what those share for whom they act: the subscriptions that they pay, and
// what they have of others', or are offered.
func (f Families) Of(ctx context.Context, self, others []domain.PartyID, today calendar.Date) (shared []Shared, has []Part, err error) {
	_, err = eventstore.Transact(ctx, f.Store, func(tx *eventstore.Tx) (err error) {
		shared, has, err = f.all(tx, self, others, today)
		return err
	})
	return shared, has, err
}

func (f Families) all(tx *eventstore.Tx, self, others []domain.PartyID, today calendar.Date) (shared []Shared, has []Part, err error) {
	prices, _, err := eventstore.Load[offering.Offering](tx, offering.Stream)
	if err != nil {
		return nil, nil, err
	}
	list, _ := prices.At(today)
	name := func(party domain.PartyID) (string, error) {
		if slices.Contains(self, party) {
			return "", nil
		}
		names, err := f.Book.NamesOf(tx.Context(), party)
		return strings.TrimSpace(strings.Join(names, " ")), err
	}
	for _, party := range slices.Concat(self, others) {
		paid, err := f.From.BookedBy(tx.Context(), party, today)
		if err != nil {
			return nil, nil, err
		}
		for _, id := range paid {
			s, err := shareOf(tx, id, list, today, name)
			if err != nil {
				return nil, nil, err
			}
			shared = append(shared, s)
		}
		parts, err := f.Book.LinkedOf(tx.Context(), party)
		if err != nil {
			return nil, nil, err
		}
		for _, id := range parts {
			if slices.ContainsFunc(has, func(p Part) bool { return p.ID == id }) {
				continue // it was the other's whom they were found to be
			}
			p, there, err := partOf(tx, id, party, list, today, name)
			if err != nil {
				return nil, nil, err
			}
			if there {
				p.Own = len(paid) > 0
				has = append(has, p)
			}
		}
	}
	return shared, has, nil
}

// shareOf shows a subscription to who pays it.
func shareOf(tx *eventstore.Tx, id domain.SubscriptionID, list offering.PriceList, today calendar.Date, name func(domain.PartyID) (string, error)) (s Shared, err error) {
	sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
	if err != nil {
		return s, err
	}
	started, _ := sub.Started()
	s = Shared{ID: id, GB: sub.GB(today), Rest: sub.GB(today) - sub.Given(today), Grace: list.Grace()}
	if started.Party != started.Payer {
		if s.User, err = name(started.Party); err != nil {
			return s, err
		}
	}
	for _, part := range sub.Parts() {
		p := shown(sub, part, today, list)
		if !p.there(today) {
			continue
		}
		if p.Other, err = name(part.Party); err != nil {
			return s, err
		}
		s.Others = append(s.Others, p.Part)
	}
	return s, nil
}

// partOf shows to a party what it has of a subscription, or is offered, if it does.
func partOf(tx *eventstore.Tx, id domain.SubscriptionID, party domain.PartyID, list offering.PriceList, today calendar.Date, name func(domain.PartyID) (string, error)) (p Part, there bool, err error) {
	link, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
	if err != nil {
		return p, false, err
	}
	linked, _ := link.LinkedTo()
	sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(linked.Of))
	if err != nil {
		return p, false, err
	}
	part, known := sub.Part(id)
	_, detached := link.Started()
	s := shown(sub, part, today, list)
	if !known || detached || !s.there(today) {
		return p, false, err
	}
	started, _ := sub.Started()
	p = s.Part
	if p.Other, err = name(started.Payer); err != nil {
		return p, false, err
	}
	if p.User, err = name(party); err != nil {
		return p, false, err
	}
	if !p.Offered {
		p.Choices, err = choices(tx, started.Plan, part.GB, party, list, today)
	}
	return p, true, err
}

// choices are the sizes of which somebody may choose one for a subscription of their own.
func choices(tx *eventstore.Tx, id domain.PlanID, gb int, party domain.PartyID, list offering.PriceList, today calendar.Date) (all []Choice, err error) {
	plan, known := list.Plan(id)
	if !known {
		return nil, nil
	}
	_, member, err := isMember(tx, party, today)
	if err != nil {
		return nil, err
	}
	least, most := plan.Limits()
	now := max(least, gb)
	sizes := []int{least, now}
	for _, size := range []int{5, 10, 20, 50, 100, 200} {
		if size > least && size <= most {
			sizes = append(sizes, size)
		}
	}
	slices.Sort(sizes)
	for _, size := range slices.Compact(sizes) {
		monthly, err := list.Price(id, size, member)
		if err != nil {
			return nil, err
		}
		all = append(all, Choice{size, monthly, size == now})
	}
	return all, nil
}

// A shownPart is one as it is on a day.
type shownPart struct {
	Part
	withdrawn bool
}

func shown(sub subscription.Subscription, part subscription.Part, today calendar.Date, list offering.PriceList) shownPart {
	return shownPart{Part{
		ID: part.Link, GB: part.GB, Offered: part.Offered, From: part.From, Through: sub.PartThrough(part.Link, today, list.Grace()), Grace: list.Grace(),
	}, part.Offered && !part.Ends.IsZero()}
}

// there reports whether there is anything to show of it.
func (p shownPart) there(today calendar.Date) bool {
	return !p.withdrawn && (p.Through.IsZero() || !today.After(p.Through))
}
