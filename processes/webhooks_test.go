package processes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/processes"
	"rochdale/processes/feed"
)

// An endpoint answers as it is told to, and remembers what it took.
type endpoint struct {
	mu      sync.Mutex
	answer  func(url string, e feed.CloudEvent) (int, time.Duration, error)
	taken   map[string][]string // by URL: "stream type"
	tries   map[string]int
	secrets int // of the last
	at      []time.Time
}

func (e *endpoint) Send(_ context.Context, url, id string, _ time.Time, secrets [][]byte, body []byte) (int, time.Duration, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var event feed.CloudEvent
	if err := json.Unmarshal(body, &event); err != nil || event.ID.String() != id {
		return 0, 0, errors.New("no event")
	}
	e.secrets = len(secrets)
	e.tries[url]++
	e.at = append(e.at, time.Now())
	status, after, err := 200, time.Duration(0), error(nil)
	if e.answer != nil {
		status, after, err = e.answer(url, event)
	}
	if status == 200 {
		e.taken[url] = append(e.taken[url], event.Subject+" "+event.Type)
	}
	return status, after, err
}

func (e *endpoint) says(answer func(url string, e feed.CloudEvent) (int, time.Duration, error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}

func (e *endpoint) took(url string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.taken[url])
}

func (e *endpoint) tried(url string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tries[url]
}

// telling is a node that tells endpoints events.
func (f fixture) telling(s *eventstore.Store, to *endpoint) *processes.Webhooks {
	f.t.Helper()
	var err error
	if s.Keys, err = eventstore.NewKeys(f.driver, make([]byte, 32)); err != nil {
		f.t.Fatal(err)
	}
	return &processes.Webhooks{Store: s, Sender: to, Log: quiet, Private: true, Schedule: []time.Duration{
		5 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 5 * time.Minute, 6 * time.Minute, 7 * time.Minute,
	}}
}

func (f fixture) add(w *processes.Webhooks, hook processes.Webhook) string {
	f.t.Helper()
	made, secret, err := w.Add(eventstore.As(context.Background(), "operator"), hook, 0)
	if err != nil || len(secret) != len("whsec_")+44 {
		f.t.Fatal(made, secret, err)
	}
	return made.ID
}

func (f fixture) answer(s *eventstore.Store, from, to int) {
	f.t.Helper()
	for n := from; n <= to; n++ {
		if _, err := eventstore.Execute(eventstore.As(context.Background(), "test"), s, answer{n}); err != nil {
			f.t.Fatal(err)
		}
	}
}

func newEndpoint() *endpoint { return &endpoint{taken: map[string][]string{}, tries: map[string]int{}} }

func refusing(status int, subjects ...string) func(string, feed.CloudEvent) (int, time.Duration, error) {
	return func(_ string, e feed.CloudEvent) (int, time.Duration, error) {
		if len(subjects) == 0 || slices.Contains(subjects, e.Subject) {
			return status, 0, nil
		}
		return 200, 0, nil
	}
}

// A teller is a node that tells events to one endpoint.
type teller struct {
	fixture
	s  *eventstore.Store
	to *endpoint
	w  *processes.Webhooks
	r  *processes.Runner
	id string // of the endpoint
}

// toldOne has a node tell events, while a test goes on in a bubble, to an endpoint that answers
// so, or takes all where answer is nil.
func toldOne(t *testing.T, answer func(url string, e feed.CloudEvent) (int, time.Duration, error), test func(t *testing.T, n teller)) {
	synctest.Test(t, func(t *testing.T) {
		f, to := fixture{t, new(eventstore.Memory)}, newEndpoint()
		s := f.node()
		w := f.telling(s, to)
		to.says(answer)
		id := f.add(w, processes.Webhook{URL: "https://one.example/"})
		r := processes.NewRunner(s, quiet)
		r.Tell(w)
		stop := start(r)
		test(t, teller{f, s, to, w, r, id})
		stop()
		_ = s.Log.Close()
		synctest.Wait()
	})
}

// TestWebhooksKeepOrder: an event that is not taken holds up its own stream alone, becomes
// a dead letter in the end, and is tried once more when somebody asks for it.
func TestWebhooksKeepOrder(t *testing.T) {
	toldOne(t, refusing(422, "thing/2"), func(t *testing.T, n teller) {
		n.make(n.s, 1, 3)
		n.answer(n.s, 1, 3)
		time.Sleep(time.Minute)
		if got := n.to.took("https://one.example/"); len(got) != 4 || slices.Contains(got, "thing/2 rochdale.thing.answered.v1") {
			t.Errorf("taken: %v", got)
		}
		all, err := n.w.All(t.Context())
		if err != nil || len(all) != 1 || all[0].Waiting != 2 || all[0].Position != 6 || all[0].Outage != "" || all[0].Secrets != nil {
			t.Errorf("%+v, %v", all, err)
		}
		time.Sleep(80 * time.Minute) // both events of the stream are given up, one after the other
		letters, err := n.r.DeadLetters(t.Context(), "webhook/"+n.id)
		if err != nil || len(letters) != 2 || letters[0].Position != 2 || letters[1].Position != 5 || n.to.tried("https://one.example/") != 4+2*10 {
			t.Errorf("%+v, %v after %d tries", letters, err, n.to.tried("https://one.example/"))
		}
		journal, err := n.w.Journal(t.Context(), n.id, 100)
		if err != nil || len(journal) != 24 || journal[0].Attempt != 10 || journal[0].Status != 422 || journal[0].Error == "" {
			t.Errorf("%+v, %v", journal, err)
		}
		n.to.says(nil)
		for _, position := range []int64{2, 5} {
			if err := n.w.Retry(t.Context(), n.id, position); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
		got := n.to.took("https://one.example/")
		if want := []string{"thing/2 rochdale.thing.made.v1", "thing/2 rochdale.thing.answered.v1"}; len(got) != 6 || !slices.Equal(got[4:], want) {
			t.Errorf("taken: %v", got)
		}
		if err := n.w.Retry(t.Context(), n.id, 2); !errors.Is(err, processes.ErrNoSuchLetter) {
			t.Errorf("retried again: %v", err)
		}
		if err := n.w.Replay(t.Context(), n.id, 4); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if got := n.to.took("https://one.example/"); len(got) != 8 {
			t.Errorf("after a replay: %v", got)
		}
		if err := n.w.Remove(t.Context(), n.id); err != nil {
			t.Error(err)
		}
		if rest, err := n.driver.Range(t.Context(), "webhook", "", 10); err != nil || len(rest) != 0 {
			t.Errorf("left behind: %v, %v", rest, err)
		}
	})
}

// TestWebhooksLoseNothingByAReplay: what waits from before it is told, and before what comes
// after it in its stream.
func TestWebhooksLoseNothingByAReplay(t *testing.T) {
	toldOne(t, refusing(422, "thing/2"), func(t *testing.T, n teller) {
		n.make(n.s, 1, 3)
		n.answer(n.s, 1, 3)
		time.Sleep(time.Minute)
		n.to.says(nil)
		if err := n.w.Replay(t.Context(), n.id, 3); err != nil { // the second event of thing/2 is told anew, and the first waits
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		of := slices.DeleteFunc(n.to.took("https://one.example/"), func(text string) bool { return !strings.HasPrefix(text, "thing/2 ") })
		if want := []string{"thing/2 rochdale.thing.made.v1", "thing/2 rochdale.thing.answered.v1"}; !slices.Equal(of, want) {
			t.Errorf("of thing/2 is told %v", of)
		}
		if all, err := n.w.All(t.Context()); err != nil || all[0].Waiting != 0 || all[0].Position != 6 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// TestWebhooksReplayLetters: what a replay tells anew is no dead letter any more, unless it is not
// taken again; letters from before it stay.
func TestWebhooksReplayLetters(t *testing.T) {
	toldOne(t, refusing(422, "thing/1", "thing/2", "thing/3"), func(t *testing.T, n teller) {
		n.make(n.s, 1, 4)
		letters := func() (at []int64) {
			all, err := n.r.DeadLetters(t.Context(), "webhook/"+n.id)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range all {
				at = append(at, l.Position)
			}
			return at
		}
		time.Sleep(80 * time.Minute)
		if got := letters(); !slices.Equal(got, []int64{1, 2, 3}) {
			t.Fatalf("dead letters: %v", got)
		}
		n.to.says(refusing(422, "thing/3"))
		if err := n.w.Replay(t.Context(), n.id, 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(80 * time.Minute)
		if got, all := letters(), n.to.took("https://one.example/"); !slices.Equal(got, []int64{1, 3}) || !slices.Contains(all, "thing/2 rochdale.thing.made.v1") {
			t.Errorf("dead letters after a replay: %v, taken: %v", got, all)
		}
	})
}

// TestWebhooksThatAreAway: an endpoint that takes nothing is tried by the schedule with
// one event and disabled at last; nothing is lost, and others are told meanwhile.
func TestWebhooksThatAreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, to := fixture{t, new(eventstore.Memory)}, newEndpoint()
		s := f.node()
		w := f.telling(s, to)
		const away, gone, busy, well = "https://away.example/", "https://gone.example/", "https://busy.example/", "https://well.example/"
		to.says(func(url string, _ feed.CloudEvent) (int, time.Duration, error) {
			switch url {
			case away:
				return 0, 0, errors.New("no route to host")
			case gone:
				return 410, 0, nil
			case busy:
				return 503, 2 * time.Minute, nil
			}
			return 200, 0, nil
		})
		for _, url := range []string{away, gone, busy, well} {
			f.add(w, processes.Webhook{URL: url, Types: feed.Types{"thing.made"}})
		}
		r := processes.NewRunner(s, quiet)
		r.Tell(w)
		stop := start(r)
		f.make(s, 1, 300)
		f.answer(s, 1, 10)
		time.Sleep(time.Minute)
		if got := to.took(well); len(got) != 300 {
			t.Errorf("who is well took %d", len(got))
		}
		if n := to.tried(away); n > 32+2 { // those that were under way, and one more after 5 s and 30 s each
			t.Errorf("who is away was tried %d times in a minute", n)
		}
		time.Sleep(40 * time.Minute)
		all, err := w.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		state := map[string]processes.HookStatus{}
		for _, h := range all {
			state[h.URL] = h
		}
		if state[away].Disabled == "" || state[gone].Disabled == "" || state[busy].Disabled != "" || state[busy].Outage == "" || state[well].Outage != "" {
			t.Errorf("%+v", all)
		}
		if n := to.tried(away); n > 32+9 {
			t.Errorf("who is away was tried %d times", n)
		}
		if n := to.tried(busy); n < 15 || n > 32+22 { // every two minutes
			t.Errorf("who is busy was tried %d times", n)
		}
		to.says(nil)
		for _, h := range all {
			if err := w.Enable(t.Context(), h.ID); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(3 * time.Minute)
		for _, url := range []string{away, gone, busy, well} {
			if got := to.took(url); len(got) != 300 {
				t.Errorf("%s took %d", url, len(got))
			}
		}
		stop()
		_ = s.Log.Close()
		synctest.Wait()
	})
}

// TestWebhooksForgetOldTries: of the journal the last hundred pages are kept, here of one try each.
func TestWebhooksForgetOldTries(t *testing.T) {
	toldOne(t, nil, func(t *testing.T, n teller) {
		const tries = 110
		for i := 1; i <= tries; i++ {
			n.make(n.s, i, i)
			time.Sleep(2 * time.Second)
		}
		journal, err := n.w.Journal(t.Context(), n.id, 1000)
		if err != nil || len(journal) != 100 || journal[0].Position != tries || journal[99].Position != tries-99 || n.to.tried("https://one.example/") != tries {
			t.Errorf("after %d tries %d are in the journal, %v", n.to.tried("https://one.example/"), len(journal), err)
		}
	})
}

// TestWebhooksOnSeveralNodes: each endpoint is told by one node, and by another when that
// one dies; what was not known to be taken comes again, and nothing is left out.
func TestWebhooksOnSeveralNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, to := fixture{t, new(eventstore.Memory)}, newEndpoint()
		var nodes []*eventstore.Store
		var stops []func()
		for range 3 {
			s := f.node()
			r := processes.NewRunner(s, quiet)
			r.Tell(f.telling(s, to))
			nodes, stops = append(nodes, s), append(stops, start(r))
		}
		w := f.telling(nodes[0], to)
		for i := range 6 {
			f.add(w, processes.Webhook{URL: fmt.Sprintf("https://e%d.example/", i)})
		}
		f.make(nodes[0], 1, 100)
		time.Sleep(time.Minute)
		stops[0]()
		f.make(nodes[1], 101, 200)
		time.Sleep(time.Minute)
		stops[1]()
		f.make(nodes[2], 201, 300)
		time.Sleep(time.Minute)
		for i := range 6 {
			if got := to.took(fmt.Sprintf("https://e%d.example/", i)); len(got) != 300 {
				t.Errorf("endpoint %d took %d", i, len(got))
			}
		}
		stops[2]()
		for _, s := range nodes {
			_ = s.Log.Close()
		}
		synctest.Wait()
	})
}

func TestWebhooksAreEntered(t *testing.T) {
	f, to := fixture{t, new(eventstore.Memory)}, newEndpoint()
	s := f.node()
	w := f.telling(s, to)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s.Now = func() time.Time { return now }
	w.Private = false
	for _, url := range []string{"http://plain.example/", "https://user:word@example.org/", "ftp://example.org", "https://", "example.org/hook"} {
		if _, _, err := w.Add(t.Context(), processes.Webhook{URL: url}, 0); !errors.Is(err, processes.ErrHookURL) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, _, err := w.Add(t.Context(), processes.Webhook{URL: "https://example.org/", Types: feed.Types{"thing.lost"}}, 0); !errors.Is(err, feed.ErrUnknownType) {
		t.Error(err)
	}
	if _, _, err := w.Add(t.Context(), processes.Webhook{URL: "https://example.org/"}, 1); !errors.Is(err, processes.ErrHookPosition) {
		t.Error(err)
	}
	made, first, err := w.Add(t.Context(), processes.Webhook{ID: "mine", URL: "https://example.org/"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, again, err := w.Add(t.Context(), processes.Webhook{ID: "mine", URL: "https://example.org/"}, 0); again != first || err != nil {
		t.Errorf("entered again: %v", err)
	}
	_, second, err := w.Rotate(t.Context(), made.ID, "", time.Hour)
	if err != nil || second == first {
		t.Errorf("rotated: %v", err)
	}
	for _, want := range []int{2, 1} {
		if d, err := w.Test(t.Context(), made.ID); err != nil || d.Status != 200 || to.secrets != want {
			t.Errorf("%+v, %v, by %d secrets of %d", d, err, to.secrets, want)
		}
		now = now.Add(time.Hour)
	}
	// However often a secret is rotated, few sign at once, and one that others know ends at once all the same.
	for range 3 {
		if _, _, err := w.Rotate(t.Context(), made.ID, "", 720*time.Hour); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	_, _, err = w.Rotate(t.Context(), made.ID, "", 720*time.Hour)
	if no, _ := errors.AsType[domain.Refusal](err); no.Code != processes.ErrHookSecrets.Code || no.Args["most"] != 4 || no.Args["hours"] != 717 {
		t.Errorf("rotated once more: %v %v", err, no.Args)
	}
	if d, err := w.Test(t.Context(), made.ID); err != nil || d.Status != 200 || to.secrets != 4 {
		t.Errorf("%+v, %v, by %d secrets", d, err, to.secrets)
	}
	if _, _, err := w.Rotate(t.Context(), made.ID, "", 0); err != nil {
		t.Error(err)
	}
	if d, err := w.Test(t.Context(), made.ID); err != nil || d.Status != 200 || to.secrets != 1 {
		t.Errorf("%+v, %v, by %d secrets after all others have ended", d, err, to.secrets)
	}
	for e, err := range eventstore.Entries(t.Context(), f.driver, "webhook") {
		if text := string(e.Value); err != nil || strings.Contains(text, first[6:]) || strings.Contains(text, second[6:]) {
			t.Errorf("a secret is kept as it is: %s, %v", text, err)
		}
	}
	for _, err := range []error{
		w.Remove(t.Context(), "none"), w.Replay(t.Context(), "none", 0), w.Enable(t.Context(), "none"), w.Disable(t.Context(), "none", ""),
	} {
		if no, ok := errors.AsType[domain.Refusal](err); !ok || no.Code != processes.ErrNoSuchHook.Code {
			t.Error(err)
		}
	}
}
