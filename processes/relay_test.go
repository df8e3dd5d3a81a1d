package processes_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"rochdale/adapters/fault"
	"rochdale/eventstore"
	"rochdale/processes"
	"rochdale/processes/feed"
)

// A topicBroker keeps what is published to it, unless it is told otherwise.
type topicBroker struct {
	t    *testing.T
	mu   sync.Mutex
	kept []feed.CloudEvent // in the order in which they came, again and again if so
	turn func(e feed.CloudEvent) error
}

func (*topicBroker) Close() error { return nil }

// Publish is that of [message.Publisher].
func (b *topicBroker) Publish(topic string, messages ...*message.Message) error {
	for _, msg := range messages {
		var e feed.CloudEvent
		if err := json.Unmarshal(msg.Payload, &e); err != nil {
			b.t.Error(err)
		}
		b.mu.Lock()
		turn := b.turn
		b.mu.Unlock()
		if turn != nil {
			if err := turn(e); err != nil {
				return err
			}
		}
		// By its id a broker knows what comes again, by its key what is to be in order.
		if msg.UUID != e.ID.String() || msg.Metadata.Get("partitionkey") != e.Subject || msg.Metadata.Get("content-type") != feed.MediaType ||
			e.Type != "rochdale."+topic+".v1" || e.Source != "https://coop.example" {
			b.t.Errorf("to %s, %s %v: %s", topic, msg.UUID, msg.Metadata, msg.Payload)
		}
		b.mu.Lock()
		b.kept = append(b.kept, e)
		b.mu.Unlock()
	}
	return nil
}

func (b *topicBroker) turns(turn func(feed.CloudEvent) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn = turn
}

// has returns what was published, the first time each, by stream; and how often something
// came again.
func (b *topicBroker) has() (streams map[string][]string, again int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	streams, seen := map[string][]string{}, map[string]bool{}
	for _, e := range b.kept {
		if seen[e.ID.String()] {
			again++
			continue
		}
		seen[e.ID.String()] = true
		streams[e.Subject] = append(streams[e.Subject], e.Type)
	}
	return streams, again
}

func (b *topicBroker) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.kept)
}

// hasAll holds that each of some things was made and then answered, for the broker too.
func (b *topicBroker) hasAll(things, most int) {
	b.t.Helper()
	streams, again := b.has()
	want := []string{"rochdale.thing.made.v1", "rochdale.thing.answered.v1"}
	for n := 1; n <= things; n++ {
		if got := streams[fmt.Sprint("thing/", n)]; !slices.Equal(got, want) {
			b.t.Errorf("thing %d: %v", n, got)
		}
	}
	if len(streams) != things || again > most {
		b.t.Errorf("%d streams; %d came again, at most %d may", len(streams), again, most)
	}
}

func (b *topicBroker) relay(s *eventstore.Store) *processes.Runner {
	return processes.NewRunner(s, quiet, processes.Relay(s, "relay", b, feed.Envelope{URL: "https://coop.example"}, false))
}

// TestRelayWaitsForTheBroker: while it is away nothing is lost or given up, and when it is
// back each event comes once, those of a stream in order; an event that it will never take
// is a dead letter, and holds nothing up.
func TestRelayWaitsForTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, b := fixture{t, new(eventstore.Memory)}, &topicBroker{t: t}
		s := f.node()
		r := b.relay(s)
		stop := start(r)
		f.make(s, 1, 50)
		time.Sleep(time.Minute)
		if n := b.count(); n != 50 {
			t.Fatalf("%d of 50 were published", n)
		}
		b.turns(func(feed.CloudEvent) error { return fault.New(fault.Unavailable, "", "no route to host") })
		f.make(s, 51, 300)
		f.answer(s, 1, 300)
		time.Sleep(3 * time.Hour)
		if letters, err := r.DeadLetters(t.Context(), ""); err != nil || len(letters) != 0 || b.count() != 50 {
			t.Errorf("while it is away: %v, %v, %d were published", letters, err, b.count())
		}
		b.turns(nil)
		time.Sleep(2 * time.Minute)
		b.hasAll(300, 0)
		if status, err := r.Status(t.Context()); err != nil || status[0].Position != 600 || !status[0].Oldest.IsZero() {
			t.Errorf("%+v, %v", status, err)
		}

		b.turns(func(e feed.CloudEvent) error {
			if e.Subject == "thing/301" {
				return fault.New(fault.Invalid, "", "too large")
			}
			return nil
		})
		f.make(s, 301, 340)
		time.Sleep(time.Minute)
		letters, err := r.DeadLetters(t.Context(), "relay")
		if err != nil || len(letters) != 1 || letters[0].Position != 601 || letters[0].Class != string(fault.Invalid) || b.count() != 639 {
			t.Errorf("%+v, %v; %d were published", letters, err, b.count())
		}
		b.turns(nil)
		if _, err := r.Replay(t.Context(), "relay", 601); err != nil {
			t.Error(err)
		}
		if streams, again := b.has(); len(streams["thing/301"]) != 1 || again != 0 {
			t.Errorf("replayed: %v, %d again", streams["thing/301"], again)
		}
		stop()
		_ = s.Log.Close()
		synctest.Wait()
	})
}

// TestRelayThatIsKilled: whatever was published and not noted down comes again under the
// same id, a second's worth at most; nothing is left out, and whoever drops what they have
// seen has each stream in order.
func TestRelayThatIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, b := fixture{t, new(eventstore.Memory)}, &topicBroker{t: t}
		var mu sync.Mutex
		killed := map[int]bool{}
		dead := func(i int) bool {
			mu.Lock()
			defer mu.Unlock()
			return killed[i]
		}
		var stops []func()
		var stores []*eventstore.Store
		node := func(i int) {
			s := f.node()
			s.Log = eventstore.NewLog(&puts{f.driver, func(_ []string, put func() error) error {
				if dead(i) {
					return errDead
				}
				return put()
			}})
			relay := processes.Relay(s, "relay", mortal{b, func() bool { return dead(i) }}, feed.Envelope{URL: "https://coop.example"}, false)
			stops, stores = append(stops, start(processes.NewRunner(s, quiet, relay))), append(stores, s)
		}
		writer := f.node()
		f.make(writer, 1, 700)
		f.answer(writer, 1, 700)
		const perSecond, kills = 100, 3
		b.turns(func(feed.CloudEvent) error {
			time.Sleep(4 * time.Second / perSecond) // each of the four parts
			return nil
		})
		for i := range kills {
			node(i)
			for n := b.count(); b.count() < n+300; {
				time.Sleep(20 * time.Millisecond)
			}
			mu.Lock()
			killed[i] = true
			mu.Unlock()
		}
		b.turns(nil)
		node(kills)
		time.Sleep(2 * time.Minute)
		b.hasAll(700, kills*(perSecond+perSecond/5)) // a second's, and what was under way
		if _, again := b.has(); again == 0 {
			t.Error("nothing came again: no node was killed in the middle")
		}
		for i, stop := range stops {
			stop()
			_ = stores[i].Log.Close()
		}
		_ = writer.Log.Close()
		synctest.Wait()
	})
}

var errDead = errors.New("the node is dead")

// A mortal publisher says nothing any more once its node is dead.
type mortal struct {
	message.Publisher
	dead func() bool
}

// Publish is that of [message.Publisher].
func (m mortal) Publish(topic string, messages ...*message.Message) error {
	if m.dead() {
		return errDead
	}
	return m.Publisher.Publish(topic, messages...)
}
