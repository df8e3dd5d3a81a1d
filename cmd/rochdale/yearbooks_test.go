package main

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// A tally is what somebody with a pencil keeps of a co-op: who holds what, and what
// changed on which day and was written down when. It shares no code with the register,
// counts in whole cents and is told what is done, not what is recorded.
type tally struct {
	holdings map[holdingOf][]parcel
	moves    []move
	booked   []booking
	members  []spell
}

// A parcel is shares that were taken together, as far as one holds them.
type parcel struct {
	of                           string // whose subscription, and which
	taken                        calendar.Date
	price                        int64
	count, paid, called, charged int64
}

// worth is what stands in the books for a parcel: paid, or called before that, less
// what was lost.
func (p parcel) worth() int64 { return max(p.paid, p.called) - p.charged }

// A move is a line of the pencil register.
type move struct {
	holdingOf
	of          string
	price       int64
	taken       calendar.Date // of shares that come
	count, paid int64         // more or less
	on          calendar.Date
	at          time.Time
}

// A booking changes what is contributed on the shares of a class.
type booking struct {
	class domain.ClassID
	cents int64
	on    calendar.Date
	at    time.Time
}

// A spell of membership begins or ends or, with neither day, goes on after all.
type spell struct {
	party        domain.PartyID
	first, last  calendar.Date
	at           time.Time
	neverReached bool // the end was revoked
}

func newTally() *tally { return &tally{holdings: map[holdingOf][]parcel{}} }

func (t *tally) held(h holdingOf) (n int64) {
	for _, p := range t.holdings[h] {
		n += p.count
	}
	return n
}

// worth is what stands in the books for a holding.
func (t *tally) worth(h holdingOf) (cents int64) {
	for _, p := range t.holdings[h] {
		cents += p.worth()
	}
	return cents
}

// change makes a change to holdings, and books what it makes of their worth.
func (t *tally) change(on calendar.Date, at time.Time, make func(), holdings ...holdingOf) {
	before := map[holdingOf]int64{}
	for _, h := range holdings {
		before[h] = t.worth(h)
	}
	make()
	for _, h := range slices.SortedFunc(maps.Keys(before), func(a, b holdingOf) int {
		return cmp.Or(cmp.Compare(a.party, b.party), cmp.Compare(a.class, b.class))
	}) {
		if by := t.worth(h) - before[h]; by != 0 {
			t.booked = append(t.booked, booking{h.class, by, on, at})
		}
	}
}

// put adds a parcel to a holding, to what is left of the same.
func (t *tally) put(h holdingOf, p parcel) {
	all := t.holdings[h]
	for i := range all {
		if q := &all[i]; q.of == p.of && q.taken == p.taken && q.price == p.price {
			q.count, q.paid, q.called, q.charged = q.count+p.count, q.paid+p.paid, q.called+p.called, q.charged+p.charged
			return
		}
	}
	all = append(all, p)
	slices.SortStableFunc(all, func(a, b parcel) int { return a.taken.Compare(b.taken) })
	t.holdings[h] = all
}

// take takes so many shares from a holding, the oldest first.
func (t *tally) take(h holdingOf, count int64) (taken []parcel) {
	var rest []parcel
	for _, p := range t.holdings[h] {
		n := min(count, p.count)
		if n == 0 {
			rest = append(rest, p)
			continue
		}
		count -= n
		if n == p.count {
			taken = append(taken, p)
			continue
		}
		part := p
		part.count, part.paid, part.charged = n, n*p.price, p.charged*n/p.count
		p.count, p.paid, p.charged = p.count-part.count, p.paid-part.paid, p.charged-part.charged
		taken, rest = append(taken, part), append(rest, p)
	}
	t.holdings[h] = rest
	return taken
}

// without takes away the very shares that came.
func (t *tally) without(h holdingOf, parcels []parcel) {
	for _, gone := range parcels {
		all := t.holdings[h]
		i := slices.IndexFunc(all, func(p parcel) bool { return p.of == gone.of && p.taken == gone.taken && p.price == gone.price })
		p := &all[i]
		p.count, p.paid, p.charged = p.count-gone.count, p.paid-gone.paid, p.charged-gone.charged
		if p.count == 0 {
			t.holdings[h] = slices.Delete(all, i, i+1)
		}
	}
}

// write enters parcels that come (1) or go (-1).
func (t *tally) write(h holdingOf, parcels []parcel, sign int64, on calendar.Date, at time.Time) {
	for _, p := range parcels {
		t.moves = append(t.moves, move{h, p.of, p.price, p.taken, sign * p.count, sign * p.paid, on, at})
	}
}

// A known is a day, at whose end a register is read, and the instant at which it was
// known so.
type known struct {
	on calendar.Date
	at time.Time
}

func (k known) has(on calendar.Date, at time.Time) bool { return !on.After(k.on) && !at.After(k.at) }

// line is what a register has of a holder: shares of a class that were taken on a day
// at a price.
type line struct {
	holdingOf
	taken calendar.Date
	price int64
}

type counted struct{ count, paid int64 }

// register counts all over again.
func (t *tally) register(k known) map[line]counted {
	type lot struct {
		holdingOf
		of    string
		price int64
	}
	lots, taken := map[lot]counted{}, map[lot]calendar.Date{}
	for _, m := range t.moves {
		if !k.has(m.on, m.at) {
			continue
		}
		id := lot{m.holdingOf, m.of, m.price}
		c := lots[id]
		lots[id] = counted{c.count + m.count, c.paid + m.paid}
		if m.count > 0 {
			taken[id] = m.taken
		}
	}
	lines := map[line]counted{}
	for id, c := range lots {
		if c.count != 0 {
			l := line{id.holdingOf, taken[id], id.price}
			lines[l] = counted{lines[l].count + c.count, lines[l].paid + c.paid}
		}
	}
	return lines
}

// contributed adds up what was booked, in cents by class.
func (t *tally) contributed(k known) map[domain.ClassID]int64 {
	sum := map[domain.ClassID]int64{}
	for _, b := range t.booked {
		if k.has(b.on, b.at) {
			sum[b.class] += b.cents
		}
	}
	return sum
}

// membersAt counts the members.
func (t *tally) membersAt(k known) []domain.PartyID {
	last := map[domain.PartyID][]spell{}
	for _, s := range t.members {
		if s.at.After(k.at) {
			continue
		}
		all := last[s.party]
		switch {
		case !s.first.IsZero():
			all = append(all, s)
		case len(all) > 0 && s.neverReached:
			all[len(all)-1].last = calendar.Date{}
		case len(all) > 0:
			all[len(all)-1].last = s.last
		}
		last[s.party] = all
	}
	var members []domain.PartyID
	for party, all := range last {
		if slices.ContainsFunc(all, func(s spell) bool {
			return !s.first.After(k.on) && (s.last.IsZero() || !s.last.Before(k.on))
		}) {
			members = append(members, party)
		}
	}
	slices.Sort(members)
	return members
}

// differ reports what is not the same on both sides, by key.
func differ[K comparable, V comparable](t *testing.T, what string, register, recount map[K]V) {
	t.Helper()
	var told int
	for k, v := range recount {
		if w, ok := register[k]; (!ok || w != v) && told < 10 {
			t.Errorf("%s: %+v is %+v in the register, and %+v by hand", what, k, w, v)
			told++
		}
	}
	for k, v := range register {
		if _, ok := recount[k]; !ok && told < 10 {
			t.Errorf("%s: %+v is %+v in the register, and nothing by hand", what, k, v)
			told++
		}
	}
}
