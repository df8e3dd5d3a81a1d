package processes

import (
	"context"
	"slices"
	"sync"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
)

// A lane is the work of this node with one target.
type lane struct {
	*Reconciler
	t     Target
	woken chan struct{}
	watch watch

	alone sync.Mutex // held by who runs the lane

	pending []piece // as they were found when looked for last; not being done here
	looked  time.Time
	looking time.Duration   // took so long
	fresh   bool            // there may be more
	most    int             // how much may be asked at once, beside other nodes
	row     int             // how many have met trouble one after the other
	failed  error           // the first trouble met, for who settles
	held    map[string]bool // what this node is at: in the queue, being tried, or down

	mu      sync.Mutex // of what follows: who has tried a piece goes on with the next by himself
	width   int        // how much is asked at once, growing after the target was away
	working bool       // it does all that is due
	offered []piece    // put down by this node a moment ago
	coming  int        // taken, and not in the queue yet
	queue   []queued   // taken, and not begun: so that whoever is done need not wait for the database
	trying  int
	down    []landing     // tried, and not written yet
	since   time.Time     // when the first of these came down
	stalled bool          // there was trouble: nothing is begun before it is looked at
	landed  chan struct{} // told when there may be something to write, or to take
}

const (
	// glance is how often a node looks for work that others have put down.
	glance = time.Second
	// longestGlance is how often at the least, however much there is.
	longestGlance = 10 * time.Second
	// gathering is for how long what came of work waits for more, to be written with it.
	gathering = 50 * time.Millisecond
	// rounds is how much a node takes at once: so many times as much as it tries at once.
	rounds = 4
	// recent is for how long it is gone by what was read when a piece was taken. Where one
	// waits longer for its turn, that is read again.
	recent = 100 * time.Millisecond
)

// work does the work of the target until ctx ends.
func (l *lane) work(ctx context.Context) {
	l.alone.Lock()
	defer l.alone.Unlock()
	l.start()
	l.mu.Lock()
	l.working = true
	l.mu.Unlock()
	for ctx.Err() == nil {
		if _, err := l.turn(ctx, nil, false); err != nil && ctx.Err() == nil {
			l.Log.WarnContext(ctx, "reconciling interrupted", "target", l.t.Name, "err", err)
			_ = sleep(ctx, time.Second)
		}
		l.rest(ctx)
	}
	l.finish(ctx)
}

// settle does what is waiting, once each, and what fails is left for later. Only is
// which; nil is all. It returns the first trouble.
func (l *lane) settle(ctx context.Context, only func(Work) bool) error {
	l.alone.Lock()
	defer l.alone.Unlock()
	l.start()
	type wish struct {
		account domain.AccountID
		id      int64
	}
	began, tried := l.now(), map[wish]bool{}
	some := func(w Work) bool {
		return (only == nil || only(w)) && !tried[wish{w.Account, w.Wish}] && (w.Attempts == 0 || !w.Next.After(began))
	}
	for ctx.Err() == nil {
		begun, err := l.turn(ctx, some, true)
		if err != nil {
			l.finish(ctx)
			return err
		}
		for _, p := range begun {
			tried[wish{p.Account, p.Wish}] = true
		}
		if len(begun) == 0 && len(l.held) == 0 {
			break
		}
		if l.busy() {
			<-l.landed
		}
	}
	l.finish(ctx)
	if l.failed == nil {
		return context.Cause(ctx)
	}
	return l.failed
}

// turn takes note of what is done and begins as much as may be done, of some work or,
// where that is nil, of what is due. Pressing work is not put off by how long ago its
// event was recorded. It returns what was begun.
func (l *lane) turn(ctx context.Context, some func(Work) bool, pressing bool) (begun []piece, err error) {
	l.mu.Lock()
	stalled, ahead := l.stalled, l.ahead()
	free := rounds*l.width - ahead
	early := !stalled && !l.due() && ahead > 0 && free < rounds/2*l.width
	l.mu.Unlock()
	if early {
		return nil, nil
	}
	if stalled {
		_ = l.settleDown(ctx)
	}
	state, err := targetState(ctx, l.kv(), l.t.Name)
	if err != nil {
		return nil, err
	}
	open, err := l.open(ctx, state)
	if err != nil || !open {
		if !open && pressing && err == nil && l.failed == nil {
			l.failed = fault.New(fault.Unavailable, "", "target %s is %s: %s", l.t.Name, state.State, state.Reason)
		}
		l.giveBack()
		l.forget()
		_ = l.settleDown(ctx)
		return nil, err
	}
	l.mu.Lock()
	l.stalled = slices.ContainsFunc(l.down, func(out landing) bool { return out.err != nil }) // meanwhile
	l.fly()
	l.mu.Unlock()
	if limit := l.t.perMinute(); limit > 0 {
		state.pace(limit, l.now())
		free = min(free, limit-state.Writes-len(l.held))
	}
	l.accept()
	if l.untilLook() <= 0 {
		if err := l.look(ctx, state); err != nil {
			return nil, err
		}
	}
	if take := l.choose(free, some); len(take) > 0 {
		return l.begin(ctx, take)
	}
	l.mu.Lock()
	due := l.due()
	l.mu.Unlock()
	if due {
		_ = l.settleDown(ctx)
	}
	return nil, nil
}

func (l *lane) start() {
	l.pending, l.looked, l.fresh, l.failed, l.row = nil, time.Time{}, true, nil, 0
	l.held, l.most, l.width, l.stalled = map[string]bool{}, l.t.parallel(), l.t.parallel(), false
}

// finish waits for what is under way, and gives back the rest.
func (l *lane) finish(ctx context.Context) {
	l.mu.Lock()
	l.working, l.offered = false, nil
	l.mu.Unlock()
	l.giveBack()
	for l.busy() {
		<-l.landed
	}
	l.giveBack() // what was coming
	_ = l.settleDown(ctx)
}

// busy reports whether anything is being tried, or is about to be. When it is not any
// more, landed tells.
func (l *lane) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trying+l.coming > 0
}

// rest waits until there may be something to do.
func (l *lane) rest(ctx context.Context) {
	pause := glance
	l.mu.Lock()
	if len(l.down) > 0 {
		pause = gathering
	}
	l.mu.Unlock()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-l.woken:
		l.fresh = true
	case <-l.landed:
	}
}

// untilLook returns how long it is until work is looked for again: all of it is read,
// which shall take a tenth of the time at most. Who has nothing to do looks at once.
func (l *lane) untilLook() time.Duration {
	if len(l.pending) == 0 && l.fresh {
		return 0
	}
	pause := min(10*l.looking, longestGlance)
	if !l.fresh || !l.pending[0].Next.After(l.now()) {
		pause = max(pause, glance)
	}
	return pause - time.Since(l.looked)
}

// A queued is a piece of work that is this node's for as long as a context goes on.
type queued struct {
	piece
	ctx   context.Context
	basis *basis    // by what the account is wanted as it is, read with those of others
	read  time.Time // when it was
}

// fly begins what is in the queue, as far as the target bears it.
func (l *lane) fly() {
	for next, found := l.next(); found; next, found = l.next() {
		go l.try(next)
	}
}

// next returns what is to be begun now, if anything is.
func (l *lane) next() (next queued, found bool) {
	if l.stalled || l.trying >= l.width || len(l.queue) == 0 {
		return next, false
	}
	next, l.queue = l.queue[0], l.queue[1:]
	l.trying++
	return next, true
}

// try tries a piece, and whatever there is to be begun then.
func (l *lane) try(q queued) {
	for more := true; more; {
		out := l.do(q)
		l.mu.Lock()
		q, more = l.land(out)
		l.mu.Unlock()
	}
}

// land takes note of a piece that was tried, and returns the next.
func (l *lane) land(out landing) (next queued, found bool) {
	l.trying--
	if len(l.down) == 0 {
		l.since = time.Now()
	}
	l.down = append(l.down, out)
	l.stalled = l.stalled || out.err != nil
	next, found = l.next()
	if l.stalled || len(l.down) == 1 || l.due() || l.ahead() == (rounds-rounds/2)*l.width {
		l.tell()
	}
	return next, found
}

// ahead is how much is taken and not done.
func (l *lane) ahead() int { return l.coming + len(l.queue) + l.trying }

// due reports whether what came of work is to be written.
func (l *lane) due() bool {
	return len(l.down) > 0 && (l.trying+l.coming == 0 || len(l.down) >= rounds/2*l.width || time.Since(l.since) >= gathering)
}

// tell has the lane look at what there is.
func (l *lane) tell() {
	select {
	case l.landed <- struct{}{}:
	default:
	}
}

// giveBack gives back what was not begun. Nothing is, before it is looked at.
func (l *lane) giveBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = true
	for _, q := range l.queue {
		l.down = append(l.down, landing{piece: q.piece, holder: q.Holder, untried: true})
	}
	l.queue = nil
}
