package eventstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
)

// A jar is the least there is to decide about: how much is in it, and who filled it.
type jar struct {
	n  int
	by string
}

func jarStream(name string) domain.Stream { return domain.StreamOf("jar", name) }

type filled struct {
	Jar string             `json:"jar"`
	N   int                `json:"n"`
	By  sealed.Box[string] `json:"by,omitzero"`
}

// Evolve is that of [domain.Event].
func (f filled) Evolve(j jar) jar {
	j.n += f.N
	j.by, _ = f.By.Reveal()
	return j
}

// fill adds to a jar, which holds ten. The same key again adds nothing.
type fill struct {
	jar string
	n   int
	by  domain.PartyID
}

var errFull = domain.Refusal{Code: "jar.full", Reason: "jar {jar} holds ten"}

func (f fill) Stream() domain.Stream { return jarStream(f.jar) }

func (f fill) Decide(j jar) ([]domain.Event[jar], error) {
	if j.n+f.n > 10 {
		return nil, errFull.With("jar", f.jar)
	}
	if f.n == 0 {
		return nil, nil
	}
	e := filled{Jar: f.jar, N: f.n}
	if f.by != "" {
		e.By = sealed.New(f.by, sealed.Service, "filled by "+string(f.by))
	}
	return []domain.Event[jar]{e}, nil
}

// pour moves from one jar to another.
type pour struct {
	from, to string
	n        int
}

func (p pour) Streams() (domain.Stream, domain.Stream) { return jarStream(p.from), jarStream(p.to) }

func (p pour) Decide(from, to jar) ([]domain.Event[jar], []domain.Event[jar], error) {
	if to.n+p.n > 10 || from.n < p.n {
		return nil, nil, errFull.With("jar", p.to)
	}
	if p.n == 0 {
		return nil, nil, nil
	}
	return []domain.Event[jar]{filled{Jar: p.from, N: -p.n}}, []domain.Event[jar]{filled{Jar: p.to, N: p.n}}, nil
}

func jars() *domain.Registry {
	r := new(domain.Registry)
	domain.Register[filled](r, "jar.filled")
	return r
}

var master = make([]byte, 32)

func storeOn(t *testing.T, d eventstore.Driver) *eventstore.Store {
	t.Helper()
	keys, err := eventstore.NewKeys(d, master)
	if err != nil {
		t.Fatal(err)
	}
	s := eventstore.New(eventstore.NewLog(d), jars(), keys)
	t.Cleanup(func() { _ = s.Log.Close() })
	return s
}

func contents(t *testing.T, s *eventstore.Store, name string) (j jar) {
	t.Helper()
	for rec, err := range s.Log.Stream(t.Context(), jarStream(name), 0) {
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Decode(t.Context(), rec)
		if err != nil {
			t.Fatal(err)
		}
		j = e.(filled).Evolve(j)
	}
	return j
}

func headOf(t *testing.T, s *eventstore.Store) int64 {
	t.Helper()
	head, err := s.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func TestSomebodyMustAct(t *testing.T) {
	s := storeOn(t, new(eventstore.Memory))
	if _, err := eventstore.Execute(t.Context(), s, fill{jar: "a", n: 1}); err == nil {
		t.Error("nobody in particular filled a jar")
	}
}

func TestExecute(t *testing.T) {
	ctx, s := eventstore.As(t.Context(), "ada"), storeOn(t, new(eventstore.Memory))
	for i, step := range []struct {
		do       func() (int64, error)
		position int64
		refused  error
		a, b     int
	}{
		{func() (int64, error) { return eventstore.Execute(ctx, s, fill{jar: "a", n: 4}) }, 1, nil, 4, 0},
		{func() (int64, error) { return eventstore.Execute(ctx, s, fill{jar: "a"}) }, 1, nil, 4, 0}, // nothing to do: where it has taken effect
		{func() (int64, error) { return eventstore.Execute(ctx, s, fill{jar: "a", n: 7}) }, 0, errFull, 4, 0},
		{func() (int64, error) { return eventstore.Execute2(ctx, s, pour{"a", "b", 3}) }, 3, nil, 1, 3},
		{func() (int64, error) { return eventstore.Execute2(ctx, s, pour{"a", "b", 3}) }, 0, errFull, 1, 3},
		{func() (int64, error) {
			return eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
				if err := eventstore.Do(tx, fill{jar: "a", n: 9}); err != nil { // full now
					return err
				}
				if j, version, err := eventstore.Load[jar](tx, jarStream("a")); err != nil || j.n != 10 || version != 3 || tx.Events() != 1 {
					t.Errorf("in the transaction: %+v at %d, %v", j, version, err)
				}
				return eventstore.Do2(tx, pour{"a", "b", 7})
			})
		}, 6, nil, 3, 10},
		{func() (int64, error) {
			return eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
				if err := eventstore.Do(tx, fill{jar: "a", n: 1}); err != nil {
					return err
				}
				return eventstore.Do(tx, fill{jar: "b", n: 1}) // refused: nothing of it is written
			})
		}, 0, errFull, 3, 10},
	} {
		position, err := step.do()
		if position != step.position || !errors.Is(err, step.refused) {
			t.Errorf("step %d: position %d, %v", i, position, err)
		}
		if a, b := contents(t, s, "a").n, contents(t, s, "b").n; a != step.a || b != step.b {
			t.Errorf("step %d: a %d, b %d", i, a, b)
		}
	}
}

// TestOrigin: what one request leads to is correlated, and what answers it names it.
func TestOrigin(t *testing.T) {
	s := storeOn(t, new(eventstore.Memory))
	if _, err := eventstore.Execute2(eventstore.As(t.Context(), "ada"), s, pour{"a", "b", 0}); err != nil {
		t.Fatal(err)
	}
	if _, err := eventstore.Execute(eventstore.As(t.Context(), "ada"), s, fill{jar: "a", n: 4}); err != nil {
		t.Fatal(err)
	}
	var first eventstore.Record
	for r := range s.Log.All(t.Context(), 0) {
		first = r
	}
	answer := eventstore.AnswerTo(t.Context(), first, "process/pouring")
	if _, err := eventstore.Execute2(answer, s, pour{"a", "b", 2}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for r := range s.Log.All(t.Context(), 1) {
		n++
		if r.Actor != "process/pouring" || r.Causation != first.ID || r.Correlation != first.Correlation || r.ID == first.ID || r.ID.Version() != 7 {
			t.Errorf("%+v does not answer %v", r, first.ID)
		}
	}
	if n != 2 || first.Actor != "ada" || first.Causation != uuid.Nil || first.Correlation != first.ID {
		t.Errorf("%d answers to %+v", n, first)
	}
}

// overtaken is a driver on which somebody else gets there first, once.
type overtaken struct {
	eventstore.Memory
	by atomic.Pointer[func()]
}

// Write is that of [eventstore.Driver].
func (o *overtaken) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	if by := o.by.Swap(nil); by != nil {
		(*by)()
	}
	return o.Memory.Write(ctx, units)
}

func TestDecidesAfreshWhenOvertaken(t *testing.T) {
	ctx, d := eventstore.As(t.Context(), "ada"), new(overtaken)
	s, other := storeOn(t, d), storeOn(t, d)
	if _, err := eventstore.Execute(ctx, s, fill{jar: "a", n: 2}); err != nil {
		t.Fatal(err)
	}
	overtake := func(n int) func() {
		return func() {
			if _, err := eventstore.Execute(ctx, other, fill{jar: "a", n: n}); err != nil {
				t.Error(err)
			}
		}
	}
	by := overtake(4)
	d.by.Store(&by)
	if position, err := eventstore.Execute(ctx, s, fill{jar: "a", n: 3}); err != nil || position != 3 || contents(t, s, "a").n != 9 {
		t.Errorf("position %d, %v, %d in it", position, err, contents(t, s, "a").n)
	}
	by = overtake(1)
	d.by.Store(&by)
	if _, err := eventstore.Execute(ctx, s, fill{jar: "a", n: 1}); !errors.Is(err, errFull) || contents(t, s, "a").n != 10 {
		t.Errorf("%v, %d in it", err, contents(t, s, "a").n)
	}
	// What is only checked must not move on either.
	by = func() { _, _ = eventstore.Execute(ctx, other, fill{jar: "a", n: -5}) }
	d.by.Store(&by)
	runs := 0
	_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
		runs++
		j, _, err := eventstore.Load[jar](tx, jarStream("a"))
		if err != nil {
			return err
		}
		return eventstore.Do(tx, fill{jar: "copy", n: j.n})
	})
	if err != nil || runs != 2 || contents(t, s, "copy").n != 5 {
		t.Errorf("%v after %d runs, %d copied", err, runs, contents(t, s, "copy").n)
	}
}

// TestRecall holds that what is remembered, and old, leads nobody astray.
func TestRecall(t *testing.T) {
	ctx, d := eventstore.As(t.Context(), "ada"), new(eventstore.Memory)
	s, other := storeOn(t, d), storeOn(t, d)
	put := func(s *eventstore.Store, jar string, n int) {
		t.Helper()
		if _, err := eventstore.Execute(ctx, s, fill{jar: jar, n: n}); err != nil {
			t.Fatal(err)
		}
	}
	put(s, "a", 2)
	put(s, "b", 9)
	put(other, "a", 3) // s does not know
	put(other, "b", -5)
	runs := 0
	recall := func(then func(tx *eventstore.Tx, a jar) error) error {
		runs = 0
		_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
			runs++
			a, _, err := eventstore.Recall[jar](tx, jarStream("a"))
			if err != nil {
				return err
			}
			return then(tx, a)
		})
		return err
	}
	err := recall(func(tx *eventstore.Tx, a jar) error { return eventstore.Do(tx, fill{jar: "copy", n: a.n}) })
	if got := contents(t, other, "copy").n; err != nil || runs != 2 || got != 5 {
		t.Errorf("what is old was copied: %v after %d runs, %d copied", err, runs, got)
	}
	err = recall(func(tx *eventstore.Tx, a jar) error { return eventstore.Do(tx, fill{jar: "another", n: a.n}) })
	if err != nil || runs != 1 {
		t.Errorf("what is so: %v after %d runs", err, runs)
	}
	err = recall(func(tx *eventstore.Tx, _ jar) error { return eventstore.Do(tx, fill{jar: "b", n: 3}) })
	if got := contents(t, other, "b").n; err != nil || runs != 2 || got != 7 {
		t.Errorf("what is old was refused: %v after %d runs, %d in it", err, runs, got)
	}
	put(other, "a", -5)
	err = recall(func(_ *eventstore.Tx, a jar) error {
		if a.n > 0 {
			return errFull
		}
		return nil
	})
	if err != nil || runs != 2 {
		t.Errorf("refused for what is old: %v after %d runs", err, runs)
	}
	put(other, "a", 8)
	var seen int
	if err = recall(func(_ *eventstore.Tx, a jar) error { seen = a.n; return nil }); err != nil || seen != 8 {
		t.Errorf("what is old was shown: %v, %d in it", err, seen)
	}
}

// TestNobodyGetsInTwice: of many who ask on two nodes for the same last place, the
// right number gets it.
func TestNobodyGetsInTwice(t *testing.T) {
	ctx, d := eventstore.As(t.Context(), "crowd"), new(eventstore.Memory)
	nodes := []*eventstore.Store{storeOn(t, d), storeOn(t, d)}
	var in, out atomic.Int64
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			for {
				switch _, err := eventstore.Execute(ctx, nodes[i%2], fill{jar: "a", n: 1}); {
				case err == nil:
					in.Add(1)
				case errors.Is(err, errFull):
					out.Add(1)
				case errors.As(err, new(eventstore.Conflict)):
					continue // sixteen times in a row
				default:
					t.Error(err)
				}
				return
			}
		})
	}
	wg.Wait()
	if in.Load() != 10 || out.Load() != 30 || contents(t, nodes[0], "a").n != 10 {
		t.Errorf("%d in, %d out, %d there", in.Load(), out.Load(), contents(t, nodes[0], "a").n)
	}
}

func TestRequestIsMadeOnce(t *testing.T) {
	d := new(eventstore.Memory)
	s, other := storeOn(t, d), storeOn(t, d)
	request := func(s *eventstore.Store, id, fingerprint string, cmd fill) (int64, error) {
		ctx := eventstore.WithRequest(eventstore.As(t.Context(), "ada"), id, fingerprint)
		return eventstore.Execute(ctx, s, cmd)
	}
	first, err := request(s, "r1", "fill a 6", fill{jar: "a", n: 6})
	if err != nil || first != 2 { // the event, and that it was asked for
		t.Fatalf("position %d, %v", first, err)
	}
	for _, node := range []*eventstore.Store{s, other} {
		// Refused by now, if it were decided afresh.
		if again, err := request(node, "r1", "fill a 6", fill{jar: "a", n: 6}); err != nil || again != first {
			t.Errorf("again: position %d, %v", again, err)
		}
		if _, err := request(node, "r1", "fill a 1", fill{jar: "a", n: 1}); !errors.Is(err, eventstore.ErrRequestReused) {
			t.Errorf("another under the same id: %v", err)
		}
	}
	if _, err := request(s, "r2", "fill a 6", fill{jar: "a", n: 6}); !errors.Is(err, errFull) {
		t.Errorf("another request for the same: %v", err)
	}
	if _, err := request(s, "r2", "fill a 6", fill{jar: "a", n: 6}); !errors.Is(err, errFull) {
		t.Errorf("a refused request, again: %v", err)
	}
	nothing, err := request(s, "r3", "fill a 0", fill{jar: "a"})
	if again, err2 := request(other, "r3", "fill a 0", fill{jar: "a"}); err != nil || err2 != nil || again != nothing {
		t.Errorf("a request that changes nothing: %d, %v; again %d, %v", nothing, err, again, err2)
	}
	var ids []uuid.UUID
	for range 2 { // what is new has the same id whenever the request is made
		_, _ = eventstore.Transact(eventstore.WithRequest(eventstore.As(t.Context(), "ada"), "r4", ""), s, func(tx *eventstore.Tx) error {
			ids = append(ids, tx.NewID(), tx.NewID())
			return errFull
		})
	}
	if ids[0] == ids[1] || ids[0] != ids[2] || ids[1] != ids[3] {
		t.Errorf("ids: %v", ids)
	}
	if contents(t, s, "a").n != 6 {
		t.Errorf("%d in it", contents(t, s, "a").n)
	}
}

// TestWhatARequestTold: its answer is kept with it, for all nodes.
func TestWhatARequestTold(t *testing.T) {
	d := new(eventstore.Memory)
	s, other := storeOn(t, d), storeOn(t, d)
	ctx := eventstore.WithRequest(eventstore.As(t.Context(), "ada"), "r1", "fill a 1")
	if _, _, made, err := eventstore.Made(ctx, s); made || err != nil {
		t.Errorf("before it is made: %t, %v", made, err)
	}
	tell := func(s *eventstore.Store, said string) (int64, error) {
		return eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
			return errors.Join(tx.Answer(map[string]string{"said": said}), eventstore.Do(tx, fill{jar: "a", n: 1}))
		})
	}
	first, err := tell(s, "one")
	if again, err2 := tell(other, "two"); err != nil || err2 != nil || again != first {
		t.Errorf("made twice: %d, %v; %d, %v", first, err, again, err2)
	}
	position, answer, made, err := eventstore.Made(ctx, other)
	if position != first || string(answer) != `{"said":"one"}` || !made || err != nil {
		t.Errorf("%d %s %t, %v", position, answer, made, err)
	}
	if _, _, _, err := eventstore.Made(eventstore.WithRequest(ctx, "r1", "fill a 2"), s); !errors.Is(err, eventstore.ErrRequestReused) {
		t.Errorf("another under the same id: %v", err)
	}
	if _, _, made, err := eventstore.Made(eventstore.As(t.Context(), "ada"), s); made || err != nil {
		t.Errorf("without an id: %t, %v", made, err)
	}
}

// TestSampleOfRequest reads the sample of the one event that is the store's own.
func TestSampleOfRequest(t *testing.T) {
	data, err := os.ReadFile("../schema/events/request.recorded/1.json")
	if err != nil {
		t.Fatal(err)
	}
	s := storeOn(t, new(eventstore.Memory))
	event, err := s.Registry.Decode(domain.Encoded{Type: "request.recorded", Edition: 1, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	again, err := s.Registry.Encode(event)
	if err := errors.Join(err, json.Compact(&want, data)); err != nil || string(again.Data) != want.String() || again.Edition != 1 {
		t.Errorf("%s became %s, %v", data, again.Data, err)
	}
}

// lossy is a driver whose answers are lost: after the commit, or before it.
type lossy struct {
	eventstore.Memory
	mu    sync.Mutex
	fates []string // of the next writes
}

var errLost = errors.New("the connection is lost")

// Write is that of [eventstore.Driver].
func (l *lossy) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	l.mu.Lock()
	fate := ""
	if len(l.fates) > 0 {
		fate, l.fates = l.fates[0], l.fates[1:]
	}
	l.mu.Unlock()
	if fate == "before" {
		return nil, eventstore.NewAmbiguous(errLost)
	}
	results, err := l.Memory.Write(ctx, units)
	if fate == "after" && err == nil {
		return nil, eventstore.NewAmbiguous(errLost)
	}
	return results, err
}

func TestLostAnswersAreSettled(t *testing.T) {
	for _, fates := range [][]string{{"after"}, {"before"}, {"before", "after"}, {"before", "before"}} {
		t.Run(fmt.Sprint(fates), func(t *testing.T) {
			d := &lossy{fates: fates}
			s := storeOn(t, d)
			ctx := eventstore.As(t.Context(), "ada")
			position, err := eventstore.Execute2(ctx, s, pour{"a", "b", 0})
			if err != nil || position != 0 {
				t.Fatal(position, err)
			}
			position, err = eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
				return errors.Join(eventstore.Do(tx, fill{jar: "a", n: 3}), eventstore.Do(tx, fill{jar: "b", n: 2}))
			})
			if err != nil || position != 2 || headOf(t, s) != 2 || contents(t, s, "a").n != 3 || contents(t, s, "b").n != 2 {
				t.Errorf("position %d of %d, %v", position, headOf(t, s), err)
			}
		})
	}
}

// slow takes a second for a transaction, and has no place for one stream.
type slow struct {
	eventstore.Memory
	transactions atomic.Int64
}

var errPoison = errors.New("no place for this stream")

// Write is that of [eventstore.Driver].
func (s *slow) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	time.Sleep(time.Second)
	s.transactions.Add(1)
	for _, u := range units {
		if u[0].Stream == "poison" {
			return nil, errPoison
		}
	}
	return s.Memory.Write(ctx, units)
}

// TestRead: several streams are read as they are now, whoever has written them, and
// what was read is what commands begin with, if they are told so.
func TestRead(t *testing.T) {
	ctx := eventstore.As(t.Context(), "anna")
	driver := new(eventstore.Memory)
	ours, theirs := storeOn(t, driver), storeOn(t, driver)
	for _, cmd := range []fill{{jar: "a", n: 1}, {jar: "a", n: 2}, {jar: "b", n: 3}} {
		if _, err := eventstore.Execute(ctx, ours, cmd); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := eventstore.Execute(ctx, theirs, fill{jar: "a", n: 4}); err != nil {
		t.Fatal(err)
	}
	a, b, none := eventstore.Reading[jar]{Stream: jarStream("a")}, eventstore.Reading[jar]{Stream: jarStream("b")}, eventstore.Reading[jar]{Stream: jarStream("none")}
	for range 2 {
		if err := eventstore.Read(ctx, ours, &none, &a, &b); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(a.State.n, a.Version, a.Position, b.State.n, b.Version, b.Position, none.State.n, none.Version, none.Position)
		if want := fmt.Sprint(7, int64(3), int64(4), 3, int64(1), int64(3), 0, int64(0), int64(0)); got != want {
			t.Errorf("read %s, want %s", got, want)
		}
	}
	a.Remember(ours)
	_, err := eventstore.Transact(ctx, ours, func(tx *eventstore.Tx) error {
		state, version, err := eventstore.Recall[jar](tx, jarStream("a"))
		if state.n != 7 || version != 3 {
			t.Errorf("recalled %+v at version %d", state, version)
		}
		return errors.Join(err, eventstore.Do(tx, fill{jar: "a", n: 1}))
	})
	if err != nil {
		t.Error(err)
	}
	wrong := eventstore.Reading[int]{Stream: jarStream("a")}
	if err := eventstore.Read(ctx, ours, &wrong); err == nil {
		t.Error("a jar was read as a number")
	}
}

// TestForgottenIsNotRemembered: a state that was made of personal data is made anew when
// that is erased.
func TestForgottenIsNotRemembered(t *testing.T) {
	ctx := eventstore.As(t.Context(), "anna")
	s := storeOn(t, new(eventstore.Memory))
	if _, err := eventstore.Execute(ctx, s, fill{jar: "a", n: 1, by: "ada"}); err != nil {
		t.Fatal(err)
	}
	by := func() (recalled, read string) {
		_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
			state, _, err := eventstore.Recall[jar](tx, jarStream("a"))
			recalled = state.by
			return err
		})
		a := eventstore.Reading[jar]{Stream: jarStream("a")}
		if err := errors.Join(err, eventstore.Read(ctx, s, &a)); err != nil {
			t.Fatal(err)
		}
		return recalled, a.State.by
	}
	if recalled, read := by(); recalled != "filled by ada" || read != recalled {
		t.Errorf("recalled %q, read %q", recalled, read)
	}
	s.Keys.Forget("ada", sealed.Service, 1)
	if recalled, read := by(); recalled != "" || read != "" {
		t.Errorf("once it is forgotten, recalled %q, read %q", recalled, read)
	}
}
