package processes

import (
	"context"
	"slices"
	"time"

	"rochdale/domain"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
)

// look finds work, that of nodes which are dead included.
func (l *lane) look(ctx context.Context, state TargetState) error {
	began := time.Now()
	l.forget()
	all, err := worksOf(ctx, l.kv(), l.t.Name)
	if err != nil {
		return err
	}
	held := map[string]bool{}
	for _, p := range all {
		if p.Holder != "" && !l.held[p.key()] {
			held[p.Holder] = true
		}
	}
	dead, err := l.watch.dead(ctx, l.kv(), held)
	if err != nil {
		return err
	}
	stopped, err := l.question(ctx, state, all)
	if err != nil {
		return err
	}
	own := l.shift.name()
	l.pending = all[:0]
	others := map[string]int{}
	for _, p := range all {
		switch {
		case p.Parked || l.held[p.key()] || stopped && p.Ends && !p.Sure && (p.Wish == 0 || p.Wish > state.Sure):
		case p.Holder != "" && !dead[p.Holder] && p.Holder != own: // what is ours, and not held, could not be written
			others[p.Holder]++
		default:
			l.pending = append(l.pending, p)
		}
	}
	slices.SortStableFunc(l.pending, func(a, b piece) int { return a.Next.Compare(b.Next) })
	l.looked, l.looking, l.fresh = time.Now(), time.Since(began), false
	// As much as all nodes may ask at once: the others do, with what they hold, up to
	// their share.
	l.most = l.t.parallel()
	for _, n := range others {
		l.most -= min(n, (l.t.parallel()+len(others))/(len(others)+1))
	}
	l.most = max(1, l.most)
	l.mu.Lock()
	l.width = min(l.width, l.most)
	l.mu.Unlock()
	return nil
}

// offer has work done that this node has put down, which need not be looked for if
// nothing but its turn decides on it.
func (l *lane) offer(pieces []piece) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.working
	for _, p := range pieces {
		if all = all && !p.Ends && !p.Parked && p.Holder == ""; !all {
			l.Reconciler.wake(l.t.Name)
			return
		}
	}
	l.offered = append(l.offered, pieces...)
	l.tell()
}

// accept adds what was offered to what is pending. What is not due after all of that is
// looked for after all.
func (l *lane) accept() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.offered {
		if n := len(l.pending); n > 0 && p.Next.Before(l.pending[n-1].Next) {
			l.fresh = true
			break
		}
		l.pending = append(l.pending, p)
	}
	l.offered = nil
}

// forget keeps nothing in mind of what there is to do. It is looked for.
func (l *lane) forget() {
	l.pending, l.fresh = nil, true
	l.mu.Lock()
	defer l.mu.Unlock()
	l.offered = nil
}

// choose takes up to so many pieces out of those pending: some or, where that is nil,
// those that are due.
func (l *lane) choose(free int, some func(Work) bool) (take []piece) {
	now, left, taken := l.now(), l.pending[:0], map[string]bool{}
	take = make([]piece, 0, max(0, min(free, len(l.pending))))
	for i, p := range l.pending {
		due := !p.Next.After(now)
		switch {
		case len(take) >= free, some == nil && !due: // as are those after it
			if len(left) == 0 {
				l.pending = l.pending[i:]
			} else {
				l.pending = append(left, l.pending[i:]...)
			}
			return take
		case l.held[p.key()] || taken[p.key()]: // it was offered, and found
		case some == nil || some(p.Work):
			take = append(take, p)
			taken[p.key()] = true
		default:
			left = append(left, p)
		}
	}
	l.pending = left
	return take
}

// begin takes work for this node, and has it done. In the same transaction it writes
// what came of what was done before.
func (l *lane) begin(ctx context.Context, take []piece) (begun []piece, err error) {
	holder, working, err := l.shift.begin(ctx, len(take))
	if err != nil {
		return nil, err
	}
	claims := make([]eventstore.Change, len(take))
	for i := range take {
		take[i].Holder = holder
		if claims[i], err = take[i].change(); err != nil {
			l.shift.end(len(take))
			return nil, err
		}
	}
	n := len(take)
	err = l.settleDown(ctx, claims...)
	for eventstore.IsStale(err) { // some has changed, or another node was faster: the others are taken
		l.fresh, l.looked = true, time.Time{}
		if take, claims, err = l.unchanged(ctx, take, claims); err == nil && len(take) > 0 {
			err = l.kv().Put(ctx, claims...)
		}
	}
	if err != nil {
		take = nil
	}
	l.shift.end(n - len(take))
	for i := range take {
		take[i].revision = claims[i].Next()
		l.held[take[i].key()] = true
	}
	if len(take) > 0 {
		l.mu.Lock()
		l.coming += len(take)
		l.mu.Unlock()
		go l.enter(working, take)
	}
	return take, err
}

// unchanged returns the pieces that are as they were found, with their claims.
func (l *lane) unchanged(ctx context.Context, take []piece, claims []eventstore.Change) (same []piece, theirs []eventstore.Change, err error) {
	keys := make([]string, len(take))
	for i, p := range take {
		keys[i] = p.key()
	}
	entries, err := l.kv().Get(ctx, keys...)
	if err != nil {
		return nil, nil, err
	}
	for i, e := range entries {
		if e.Revision == take[i].revision {
			same, theirs = append(same, take[i]), append(theirs, claims[i])
		}
	}
	return same, theirs, nil
}

// enter has pieces done that were taken. What they need is read while the lane goes on.
func (l *lane) enter(ctx context.Context, taken []piece) {
	ready := l.prepare(ctx, taken)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.coming -= len(taken)
	l.queue = append(l.queue, ready...)
	l.fly()
	if l.trying == 0 {
		l.tell()
	}
}

// prepare reads by what accounts are wanted as they are, all together. Where that
// fails, each is read by itself when it is done, so that none fails for another.
func (l *lane) prepare(ctx context.Context, taken []piece) (ready []queued) {
	accounts := make([]domain.AccountID, len(taken))
	ready = make([]queued, len(taken))
	for i, p := range taken {
		accounts[i], ready[i] = p.Account, queued{piece: p, ctx: ctx}
		if p.Erased > 0 { // which this node may not have heard of yet
			l.Store.Keys.Forget(p.Party, sealed.Service, p.Erased)
		}
	}
	now := time.Now()
	defer func() { _ = recover() }() // it happens again to whose it is
	if bases, err := basesOf(ctx, l.Store, accounts...); err == nil {
		for i, b := range bases {
			b.account.Remember(l.Store)
			ready[i].basis, ready[i].read = b, now
		}
	}
	return ready
}
