package subscription

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// The rules by which those who share a quota are told no.
var (
	ErrLinked    = domain.Refusal{Code: "subscription.linked", Reason: "this party has a part of the subscription already: change that"}
	ErrNotLinked = domain.Refusal{Code: "subscription.not_linked", Reason: "nobody has such a part of a subscription"}
	ErrOffered   = domain.Refusal{Code: "subscription.offered", Reason: "this part of a subscription is only offered: its party accepts it first"}
	ErrPart      = domain.Refusal{Code: "subscription.part", Reason: "say how many GB the other shall have: at least 1"}
	ErrParts     = domain.Refusal{Code: "subscription.parts", Reason: "of {gb} GB others have {given}, and who pays keeps at least 1: enlarge the subscription, or give less"}
	ErrDeclined  = domain.Refusal{Code: "subscription.declined", Reason: "this offer was declined or withdrawn: have it made anew"}
	ErrPartOver  = domain.Refusal{Code: "subscription.part_over", Reason: "this part of a subscription is over since {ends}: subscribe"}
)

// A Part of a subscription's size is what a linked party has: somebody with a login
// and accounts of their own, whom the payer lets have some of what is paid for.
type Part struct {
	// Link is the id of the part, and of the subscription of their own that the
	// linked party may go on with: so all that follows from either is the same.
	Link  domain.SubscriptionID
	Party domain.PartyID
	GB    int
	From  calendar.Date
	Ends  calendar.Date // the last day; zero as long as it goes on
	// Offered is that the party has not accepted it yet. It is counted all the same,
	// so that it is there when they do.
	Offered bool
}

func (p Part) runs(on calendar.Date) bool {
	return !on.Before(p.From) && (p.Ends.IsZero() || !on.After(p.Ends))
}

// PartGiven lets a party have part of the size, from a day on. Given again, it is of
// another size, and goes on if it was to end.
type PartGiven struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Link         domain.SubscriptionID `json:"link"`  // of the part, and of what it may become
	Party        domain.PartyID        `json:"party"` // who has it
	Payer        domain.PartyID        `json:"payer"`
	GB           int                   `json:"gb"`
	Offered      bool                  `json:"offered,omitempty"` // it begins when the party accepts it
	On           calendar.Date         `json:"on"`                // also the first day
}

func (e PartGiven) Evolve(s Subscription) Subscription {
	return s.withPart(e.Link, func(p Part) Part {
		if p.Link == "" {
			p = Part{Link: e.Link, Party: e.Party, From: e.On, Offered: e.Offered}
		}
		p.GB, p.Ends = e.GB, calendar.Date{}
		return p
	})
}

// PartAccepted begins a part that was offered.
type PartAccepted struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Link         domain.SubscriptionID `json:"link"`
	Party        domain.PartyID        `json:"party"`
	Payer        domain.PartyID        `json:"payer"`
	On           calendar.Date         `json:"on"` // also the first day
}

func (e PartAccepted) Evolve(s Subscription) Subscription {
	return s.withPart(e.Link, func(p Part) Part {
		p.Offered, p.From = false, e.On
		return p
	})
}

// PartEnds sets the last day of a part.
type PartEnds struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Link         domain.SubscriptionID `json:"link"`
	Party        domain.PartyID        `json:"party"`
	Payer        domain.PartyID        `json:"payer"`
	TakenOver    bool                  `json:"taken_over"` // since the party goes on with a subscription of their own
	On           calendar.Date         `json:"on"`
	Ends         calendar.Date         `json:"ends"` // the last day
}

func (e PartEnds) Evolve(s Subscription) Subscription {
	return s.withPart(e.Link, func(p Part) Part {
		p.Ends = e.Ends
		return p
	})
}

func (s Subscription) withPart(link domain.SubscriptionID, change func(Part) Part) Subscription {
	s.parts = slices.Clone(s.parts)
	i := slices.IndexFunc(s.parts, func(p Part) bool { return p.Link == link })
	if i < 0 {
		s.parts, i = append(s.parts, Part{}), len(s.parts)
	}
	s.parts[i] = change(s.parts[i])
	return s
}

// Linked is the beginning of a subscription that is part of another's: it has no
// price and no size but that which the other gives it.
type Linked struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Of           domain.SubscriptionID `json:"of"`
	Party        domain.PartyID        `json:"party"`
	Payer        domain.PartyID        `json:"payer"`
	On           calendar.Date         `json:"on"`
}

func (e Linked) Evolve(s Subscription) Subscription {
	s.linked = e
	return s
}

// LinkedTo returns of what it is a part, or was before it became one of its own, and
// whether it is or was one.
func (s Subscription) LinkedTo() (Linked, bool) { return s.linked, s.linked.Subscription != "" }

// Parts returns those that others have or had, in the order in which they were given.
func (s Subscription) Parts() []Part { return slices.Clone(s.parts) }

// Part returns one.
func (s Subscription) Part(link domain.SubscriptionID) (Part, bool) {
	for _, p := range s.parts {
		if p.Link == link {
			return p, true
		}
	}
	return Part{}, false
}

// Given returns how many GB others have of it on a day; the rest is for who uses it.
func (s Subscription) Given(on calendar.Date) (gb int) {
	for _, p := range s.parts {
		if p.runs(on) {
			gb += p.GB
		}
	}
	return gb
}

// PartStatus returns what a part gives on a day. Where the subscription has ended, or
// is suspended, it goes on for so many days of grace: it is not the fault of who has it.
func (s Subscription) PartStatus(link domain.SubscriptionID, on calendar.Date, grace int) Status {
	p, ok := s.Part(link)
	ends := s.partEnds(p, grace)
	switch {
	case !ok || !ends.IsZero() && on.After(ends):
		return StatusEnded
	case p.Offered || on.Before(latest(p.From, s.started.From)):
		return StatusPending
	case slices.ContainsFunc(s.pauses, func(p pause) bool {
		return !on.Before(p.from.AddDays(grace)) && (!p.over() || on.Before(p.until))
	}):
		return StatusSuspended
	}
	return StatusActive
}

// partEnds is the last day on which a part gives something, or no day.
func (s Subscription) partEnds(p Part, grace int) calendar.Date {
	ends := p.Ends
	if !s.ends.IsZero() {
		last := s.ends.AddDays(grace)
		if s.ends.Before(s.started.From) { // it never began
			last = s.ends
		}
		if ends.IsZero() || last.Before(ends) {
			ends = last
		}
	}
	return ends
}

// PartThrough returns the last day on which a part gives something, as is known on a
// day, or no day.
func (s Subscription) PartThrough(link domain.SubscriptionID, on calendar.Date, grace int) calendar.Date {
	p, _ := s.Part(link)
	through := s.partEnds(p, grace)
	for _, pause := range s.pauses {
		if last := pause.from.AddDays(grace - 1); !pause.over() && !on.Before(pause.from) && (through.IsZero() || last.Before(through)) {
			through = last
		}
	}
	return through
}

// least is the smallest size from a day on, as far as is known.
func (s Subscription) least(from calendar.Date) int {
	size := s.GB(from)
	for _, c := range s.changes {
		if c.From.After(from) {
			size = min(size, c.GB)
		}
	}
	return size
}

// leaves reports, as a refusal if not, whether some size is left where others have so
// much of it.
func (s Subscription) leaves(size, given int) error {
	if given > 0 && size-given < 1 {
		return ErrParts.With("gb", size).With("given", given)
	}
	return nil
}

// Link lets a party have part of a subscription, with accounts of their own, or offers
// it. Its price is the same.
type Link struct {
	Subscription domain.SubscriptionID
	Link         domain.SubscriptionID // drawn for the purpose
	Party        domain.PartyID
	GB           int
	Offered      bool // who links does not speak for the party
	On           calendar.Date
}

func (c Link) Streams() (subscription, link domain.Stream) {
	return StreamOf(c.Subscription), StreamOf(c.Link)
}

func (c Link) Decide(s, l Subscription) (ofOne, ofOther []event, err error) {
	now, known := s.Part(c.Link)
	switch {
	case !s.exists():
		return nil, nil, ErrUnknown
	case known && now.Party == c.Party:
		return nil, nil, nil // its size may have changed since, and it may have ended
	case known || l.exists() || l.linked.Subscription != "" || c.Link == "":
		return nil, nil, ErrStarted
	case c.Party == "":
		return nil, nil, ErrIncomplete.With("missing", "party")
	case c.On.IsZero():
		return nil, nil, ErrIncomplete.With("missing", "date")
	case c.Party == s.started.Party, slices.ContainsFunc(s.parts, func(p Part) bool { return p.Party == c.Party && p.runs(c.On) }):
		return nil, nil, ErrLinked
	case c.GB < 1:
		return nil, nil, ErrPart
	case c.On.Before(s.started.On):
		return nil, nil, ErrBackdated.With("earliest", s.started.On)
	case s.Status(c.On) == StatusEnded:
		return nil, nil, ErrEnded.With("ends", s.ends)
	}
	if err := s.leaves(s.least(c.On), s.Given(c.On)+c.GB); err != nil {
		return nil, nil, err
	}
	return []event{PartGiven{c.Subscription, c.Link, c.Party, s.started.Payer, c.GB, c.Offered, c.On}},
		[]event{Linked{c.Link, c.Subscription, c.Party, s.started.Payer, c.On}}, nil
}

// ChangePart makes a part smaller or larger, and has it go on if it was to end.
type ChangePart struct {
	Subscription domain.SubscriptionID
	Link         domain.SubscriptionID
	GB           int
	On           calendar.Date
}

func (c ChangePart) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c ChangePart) Decide(s Subscription) ([]event, error) {
	now, known := s.Part(c.Link)
	switch {
	case !known:
		return nil, ErrNotLinked
	case now.GB == c.GB && now.Ends.IsZero():
		return nil, nil
	case c.GB < 1:
		return nil, ErrPart
	case !now.runs(c.On):
		return nil, ErrPartOver.With("ends", now.Ends)
	case s.Status(c.On) == StatusEnded:
		return nil, ErrEnded.With("ends", s.ends)
	}
	if err := s.leaves(s.least(c.On), s.Given(c.On)-now.GB+c.GB); err != nil {
		return nil, err
	}
	return []event{PartGiven{c.Subscription, c.Link, now.Party, s.started.Payer, c.GB, now.Offered, c.On}}, nil
}

// AcceptPart begins a part that was offered, for its party to say.
type AcceptPart struct {
	Subscription domain.SubscriptionID
	Link         domain.SubscriptionID
	On           calendar.Date
}

func (c AcceptPart) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c AcceptPart) Decide(s Subscription) ([]event, error) {
	now, known := s.Part(c.Link)
	switch {
	case !known:
		return nil, ErrNotLinked
	case !now.Offered:
		return nil, nil
	case !now.Ends.IsZero():
		return nil, ErrDeclined
	case c.On.Before(now.From):
		return nil, ErrBackdated.With("earliest", now.From)
	case s.Status(c.On) == StatusEnded:
		return nil, ErrEnded.With("ends", s.ends)
	}
	return []event{PartAccepted{c.Subscription, c.Link, now.Party, s.started.Payer, c.On}}, nil
}

// Unlink sets the last day of a part, which is counted to what others have until then.
// It may be set to an earlier one.
type Unlink struct {
	Subscription domain.SubscriptionID
	Link         domain.SubscriptionID
	On           calendar.Date
	Ends         calendar.Date
}

func (c Unlink) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c Unlink) Decide(s Subscription) ([]event, error) {
	now, known := s.Part(c.Link)
	switch {
	case !known:
		return nil, ErrNotLinked
	case !now.Ends.IsZero() && !c.Ends.Before(now.Ends):
		return nil, nil
	case c.On.IsZero() || c.Ends.Before(c.On):
		return nil, ErrBackdated.With("earliest", c.On)
	}
	return []event{PartEnds{c.Subscription, c.Link, now.Party, s.started.Payer, false, c.On, c.Ends}}, nil
}

// Detach turns a part into a subscription of its party's own, from the day on: it has
// the id of the part, so that whoever has accounts by it goes on with them.
type Detach struct {
	Subscription domain.SubscriptionID
	Link         domain.SubscriptionID
	GB           int
	Terms        Terms
	On           calendar.Date
	Grace        int // days for which a part outlives what it is part of
}

func (c Detach) Streams() (subscription, link domain.Stream) {
	return StreamOf(c.Subscription), StreamOf(c.Link)
}

func (c Detach) Decide(s, l Subscription) (ofOne, ofOther []event, err error) {
	part, known := s.Part(c.Link)
	started := Started{c.Link, part.Party, part.Party, s.started.Plan, c.GB, c.Terms, c.On, c.On}
	switch {
	case !known || l.linked.Of != c.Subscription:
		return nil, nil, ErrNotLinked
	case l.started == started:
		return nil, nil, nil
	case l.exists():
		return nil, nil, ErrStarted
	case part.Offered:
		return nil, nil, ErrOffered
	case c.On.IsZero() || !c.Terms.valid():
		return nil, nil, ErrIncomplete.With("missing", "terms")
	case !c.Terms.allows(c.GB):
		return nil, nil, ErrSize.With("least", c.Terms.LeastGB).With("most", c.Terms.MostGB)
	case c.On.Before(part.From):
		return nil, nil, ErrBackdated.With("earliest", part.From)
	case s.PartStatus(c.Link, c.On, c.Grace) == StatusEnded:
		return nil, nil, ErrPartOver.With("ends", s.partEnds(part, c.Grace))
	}
	return []event{PartEnds{c.Subscription, c.Link, part.Party, s.started.Payer, true, c.On, c.On.AddDays(-1)}}, []event{started}, nil
}
