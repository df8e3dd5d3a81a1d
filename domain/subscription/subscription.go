// Package subscription is what people have subscribed to: a plan, of a size,
// from a day on.
//
//	Subscribe     → Started        subscription/<subscription>   once
//	ChangeQuota   → QuotaChanged   subscription/<subscription>   while it runs; replaces what was planned from that day on
//	Cancel        → Cancelled      subscription/<subscription>   once, with its last day
//	Suspend       → Suspended      subscription/<subscription>   as for bills unpaid
//	Resume        → Resumed        subscription/<subscription>   when suspended
//	Link          → PartGiven      subscription/<subscription>   lets somebody else have part of its size
//	                Linked         subscription/<link>           once: what that is part of
//	AcceptPart    → PartAccepted   subscription/<subscription>   when it was only offered
//	ChangePart    → PartGiven      subscription/<subscription>   of another size
//	Unlink        → PartEnds       subscription/<subscription>   with its last day
//	Detach        → PartEnds       subscription/<subscription>   the part goes on as
//	                Started        subscription/<link>           a subscription of its party's own
//	BookAddOn     → AddOnBooked    subscription/<subscription>   GB of a service on top of the plan, for a time
//	EndAddOn      → AddOnEnds      subscription/<subscription>   with its last day
//	ExtendAddOn   → AddOnEnds      subscription/<subscription>   with a later one
//
// Whoever uses it (the party), whoever pays for it (the payer) and whoever is a
// member of the co-op may be three. Days on which it is suspended are not
// charged. What was used in a month is [Subscription.Segments]; its price is for
// the price list to say.
package subscription

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// StreamOf returns the stream of one subscription.
func StreamOf(id domain.SubscriptionID) domain.Stream {
	return domain.StreamOf("subscription", string(id))
}

// Terms are what the price list of the day offered, as it was agreed to.
type Terms struct {
	PriceList int `json:"price_list"` // its version
	LeastGB   int `json:"least_gb"`
	MostGB    int `json:"most_gb"`
}

func (t Terms) valid() bool          { return t.PriceList >= 1 && t.LeastGB >= 1 && t.MostGB >= t.LeastGB }
func (t Terms) allows(size int) bool { return size >= t.LeastGB && size <= t.MostGB }

// Subscription is what must be known of a subscription in order to decide.
type Subscription struct {
	started Started
	changes []QuotaChanged // by the day from which they hold; no two from one day
	ends    calendar.Date  // the last day; zero as long as it goes on
	pauses  []pause        // in the order of their days
	linked  Linked         // of which it is a part, or was before it started
	parts   []Part         // that others have or had
	addOns  []AddOn        // in the order in which they were booked
}

// pause is a suspension: from a day until the day on which it was resumed, if it
// was, which is not part of it any more.
type pause struct {
	from, until calendar.Date
	reason      Reason
}

func (p pause) over() bool { return !p.until.IsZero() }

func (s Subscription) exists() bool { return s.started.Subscription != "" }

func (s Subscription) suspended() bool {
	return len(s.pauses) > 0 && !s.pauses[len(s.pauses)-1].over()
}

// SuspendedFor returns why it is suspended, or is to be, and whether it is.
func (s Subscription) SuspendedFor() (Reason, bool) {
	if !s.suspended() {
		return "", false
	}
	return s.pauses[len(s.pauses)-1].reason, true
}

// Started returns how it began, and whether it did.
func (s Subscription) Started() (Started, bool) { return s.started, s.exists() }

// Ends returns the last day, or no day as long as it goes on.
func (s Subscription) Ends() calendar.Date { return s.ends }

// Period returns the days from the first to the last. It is empty, the last day
// being before the first, where the subscription was cancelled before it began.
func (s Subscription) Period() calendar.Period {
	return calendar.Period{From: s.started.From, Through: s.ends}
}

// GB returns the size that holds on a day, whether it runs then or not.
func (s Subscription) GB(on calendar.Date) int {
	size := s.started.GB
	for _, c := range s.changes {
		if c.From.After(on) {
			break
		}
		size = c.GB
	}
	return size
}

// SizeSince returns the day from which the size of a day holds.
func (s Subscription) SizeSince(on calendar.Date) calendar.Date {
	since := s.started.From
	for _, c := range s.changes {
		if !c.From.After(on) {
			since = c.From
		}
	}
	return since
}

// Planned returns the sizes that are planned for after a day, in order.
func (s Subscription) Planned(after calendar.Date) []QuotaChanged {
	i := slices.IndexFunc(s.changes, func(c QuotaChanged) bool { return c.From.After(after) })
	if i < 0 {
		return nil
	}
	return slices.Clone(s.changes[i:])
}

// Status is what a subscription gives on a day.
type Status string

const (
	StatusPending   Status = "pending" // not yet begun
	StatusActive    Status = "active"
	StatusSuspended Status = "suspended"
	StatusEnded     Status = "ended"
)

// Status returns what it gives on a day, as far as is known.
func (s Subscription) Status(on calendar.Date) Status {
	switch {
	case !s.ends.IsZero() && on.After(s.ends):
		return StatusEnded
	case on.Before(s.started.From):
		return StatusPending
	case slices.ContainsFunc(s.pauses, func(p pause) bool {
		return !on.Before(p.from) && (!p.over() || on.Before(p.until))
	}):
		return StatusSuspended
	}
	return StatusActive
}

// Segment is a time during which a plan of one size was used.
type Segment struct {
	Period calendar.Period
	Plan   domain.PlanID
	GB     int
}

// Segments returns what was used in a month, in the order of its days: as few
// segments as there are sizes without a break.
func (s Subscription) Segments(m calendar.Month) []Segment {
	if !s.exists() {
		return nil
	}
	var segments []Segment
	for day := m.First(); !day.After(m.Last()); day = day.AddDays(1) {
		if s.Status(day) != StatusActive {
			continue
		}
		size, last := s.GB(day), len(segments)-1
		if last >= 0 && segments[last].GB == size && segments[last].Period.Through.AddDays(1) == day {
			segments[last].Period.Through = day
			continue
		}
		segments = append(segments, Segment{calendar.Period{From: day, Through: day}, s.started.Plan, size})
	}
	return segments
}
