package eventstore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rochdale/domain"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
	"rochdale/eventstore/sqlite"
)

// fillers returns what is known of who filled jar a, an entry per event.
func fillers(t *testing.T, s *eventstore.Store) (who []string) {
	t.Helper()
	for rec, err := range s.Log.Stream(t.Context(), jarStream("a"), 0) {
		if err != nil {
			t.Fatal(err)
		}
		event, err := s.Decode(t.Context(), rec)
		if err != nil {
			t.Fatal(err)
		}
		by, _ := event.(filled).By.Reveal()
		who = append(who, strings.TrimPrefix(by, "filled by "))
	}
	return who
}

func filledBy(t *testing.T, s *eventstore.Store, who ...domain.PartyID) {
	t.Helper()
	for _, by := range who {
		if _, err := eventstore.Execute(eventstore.As(t.Context(), "test"), s, fill{jar: "a", n: 1, by: by}); err != nil {
			t.Fatal(err)
		}
	}
}

func is(t *testing.T, s *eventstore.Store, when string, want ...string) {
	t.Helper()
	if got := strings.Join(fillers(t, s), " "); got != strings.Join(want, " ") {
		t.Errorf("%s: %q, want %q", when, got, want)
	}
}

// TestSealing follows personal data through its life: sealed, its key rotated and
// wrapped anew, erased on this node and on another one, and sealed again.
func TestSealing(t *testing.T) {
	dir := t.TempDir()
	d, err := sqlite.Open(t.Context(), filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	s, other := storeOn(t, d), storeOn(t, d)
	filledBy(t, s, "ada", "bob", "ada")
	is(t, s, "sealed", "ada", "bob", "ada")
	is(t, other, "on another node", "ada", "bob", "ada")

	ctx := t.Context()
	if err := s.Keys.Rotate(ctx, "ada", sealed.Service); err != nil {
		t.Fatal(err)
	}
	filledBy(t, s, "ada")
	is(t, other, "rotated", "ada", "bob", "ada", "ada")
	versions := map[int]int{}
	for rec, err := range s.Log.All(ctx, 0) {
		var data struct {
			By struct {
				Subject string `json:"subject"`
				Key     int    `json:"key"`
			} `json:"by"`
		}
		if err != nil || json.Unmarshal(rec.Data, &data) != nil {
			t.Fatal(err)
		}
		if data.By.Subject == "ada" {
			versions[data.By.Key]++
		}
		if bytes.Contains(rec.Data, []byte("filled by")) {
			t.Errorf("stored in clear: %s", rec.Data)
		}
	}
	if versions[1] != 2 || versions[2] != 1 {
		t.Errorf("events by version of ada's key: %v", versions)
	}

	next := bytes.Repeat([]byte{7}, 32)
	for range 2 { // it can be made again
		if err := s.Keys.Rewrap(ctx, next); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Keys.Check(ctx); err == nil || !strings.Contains(err.Error(), "another master key") {
		t.Errorf("the old master key still opens: %v", err)
	}
	keys, err := eventstore.NewKeys(d, next)
	if err != nil {
		t.Fatal(err)
	}
	rewrapped := eventstore.New(s.Log, jars(), keys)
	if err := errors.Join(keys.Check(ctx), keys.Warm(ctx)); err != nil {
		t.Error(err)
	}
	is(t, rewrapped, "under another master key", "ada", "bob", "ada", "ada")

	if err := keys.Destroy(ctx, "ada", sealed.Service, 2); err != nil {
		t.Fatal(err)
	}
	is(t, rewrapped, "erased", "", "bob", "", "")
	fresh, err := eventstore.NewKeys(d, next)
	if err != nil {
		t.Fatal(err)
	}
	is(t, eventstore.New(s.Log, jars(), fresh), "erased, for a node that starts", "", "bob", "", "")
	other.Keys.Forget("ada", sealed.Service, 2)
	is(t, other, "forgotten by a node that had it open", "", "bob", "", "")

	filledBy(t, rewrapped, "ada")
	is(t, rewrapped, "sealed again", "", "bob", "", "", "ada")
	if err := keys.Destroy(ctx, "ada", sealed.Service, 2); err != nil { // of the versions before only
		t.Fatal(err)
	}
	is(t, rewrapped, "erased again", "", "bob", "", "", "ada")
	if version, err := keys.Version(ctx, "ada", sealed.Service); version != 3 || err != nil {
		t.Errorf("ada's key is at version %d, %v", version, err)
	}
	for _, file := range []string{"log.db", "log.db-wal"} {
		if data, err := os.ReadFile(filepath.Join(dir, file)); err == nil && bytes.Contains(data, []byte("filled by")) {
			t.Errorf("%s has personal data in clear", file)
		}
	}
}

// TestKeysTravel: a log is restored elsewhere with its keys, and not without them.
func TestKeysTravel(t *testing.T) {
	ctx, s := t.Context(), storeOn(t, new(eventstore.Memory))
	filledBy(t, s, "ada", "bob")
	if err := s.Keys.Destroy(ctx, "bob", sealed.Service, 1); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := s.Keys.Export(ctx, &backup); err != nil {
		t.Fatal(err)
	}
	there := storeOn(t, new(eventstore.Memory))
	if _, err := there.Log.Restore(ctx, s.Log.All(ctx, 0), nil); err != nil {
		t.Fatal(err)
	}
	if v, err := there.Verify(ctx, nil); err != nil || len(v.Flaws) != 2 || !strings.Contains(v.Flaws[0].Says, "restore the keys") {
		t.Errorf("without keys: %+v, %v", v, err)
	}
	if err := there.CheckKeys(ctx); !errors.Is(err, eventstore.ErrNoKey) {
		t.Errorf("that keys are missing is not seen: %v", err)
	}
	if n, err := there.Keys.Import(ctx, strings.NewReader(backup.String())); n != 1 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
	if err := errors.Join(there.CheckKeys(ctx), s.CheckKeys(ctx)); err != nil { // one is destroyed
		t.Error(err)
	}
	if n, err := there.Keys.Import(ctx, strings.NewReader(backup.String())); n != 0 || err != nil {
		t.Errorf("again: %d keys, %v", n, err)
	}
	is(t, there, "with keys", "ada", "")
	if v, err := there.Verify(ctx, nil); err != nil || len(v.Flaws) != 0 || v.Events != 2 || v.Streams != 1 || v.Erased != 1 {
		t.Errorf("with keys: %+v, %v", v, err)
	}
	if err := there.Keys.Destroy(ctx, "ada", sealed.Service, 1); err != nil {
		t.Fatal(err)
	}
	if n, err := there.Keys.Import(ctx, strings.NewReader(backup.String())); n != 0 || err != nil {
		t.Errorf("what was destroyed came back: %d, %v", n, err)
	}
	is(t, there, "destroyed", "", "")

	// Where something was sealed before they came back, it is said of which keys there are others now.
	late := storeOn(t, new(eventstore.Memory))
	filledBy(t, late, "ada")
	if n, err := late.Keys.Import(ctx, strings.NewReader(backup.String())); n != 0 || err == nil || !strings.Contains(err.Error(), "key/service/ada, version 1, was made anew") {
		t.Errorf("late: %d keys, %v", n, err)
	}

	stranger, err := eventstore.NewKeys(new(eventstore.Memory), bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Import(ctx, strings.NewReader(backup.String())); err == nil || !strings.Contains(err.Error(), "another master key") {
		t.Errorf("under another master key: %v", err)
	}
	for _, wrong := range []string{"{", `{"key":"token/x"}`, `{"key":"key/service/ada","more":1}`, `[]`} {
		if _, err := there.Keys.Import(ctx, strings.NewReader(wrong)); err == nil {
			t.Errorf("took %s for a key", wrong)
		}
	}
}

// TestKeyIsMadeOnce: nodes that need a key at once agree on it.
func TestKeyIsMadeOnce(t *testing.T) {
	d := new(eventstore.Memory)
	nodes := []*eventstore.Store{storeOn(t, d), storeOn(t, d), storeOn(t, d)}
	var wg sync.WaitGroup
	for _, s := range nodes {
		for range 3 {
			wg.Go(func() {
				for {
					_, err := eventstore.Execute(eventstore.As(t.Context(), "test"), s, fill{jar: "a", n: 1, by: "ada"})
					if errors.As(err, new(eventstore.Conflict)) {
						continue
					}
					if err != nil {
						t.Error(err)
					}
					return
				}
			})
		}
	}
	wg.Wait()
	for _, s := range nodes {
		is(t, s, "on each node", strings.Fields(strings.Repeat("ada ", 9))...)
	}
}

func TestUnsealedIsNotWritten(t *testing.T) {
	d := new(eventstore.Memory)
	s := eventstore.New(eventstore.NewLog(d), jars(), nil)
	if _, err := eventstore.Execute(eventstore.As(t.Context(), "test"), s, fill{jar: "a", n: 1, by: "ada"}); err == nil || headOf(t, s) != 0 {
		t.Errorf("without a key ring: %v, head %d", err, headOf(t, s))
	}
}

func TestMasterKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	var wg sync.WaitGroup
	keys, makers := make([][]byte, 8), 0
	var mu sync.Mutex
	for i := range keys {
		wg.Go(func() {
			key, made, err := eventstore.MasterKey(path)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if keys[i] = key; made {
				makers++
			}
		})
	}
	wg.Wait()
	for _, key := range keys {
		if len(key) != 32 || !bytes.Equal(key, keys[0]) {
			t.Errorf("%x is not %x", key, keys[0])
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || makers != 1 {
		t.Errorf("%v, %v, made %d times", info, err, makers)
	}
	if err := os.WriteFile(path, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := eventstore.MasterKey(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken file: %v", err)
	}
}

// TestSums: the same of the same under one master key, and others under another.
func TestSums(t *testing.T) {
	sum := func(master byte, of string) string {
		keys, err := eventstore.NewKeys(new(eventstore.Memory), bytes.Repeat([]byte{master}, 32))
		if err != nil {
			t.Fatal(err)
		}
		return string(keys.Sum([]byte(of)))
	}
	first, again := sum(1, "ada@example.org"), sum(1, "ada@example.org")
	if first != again || len(first) != 32 {
		t.Error("a sum does not hold")
	}
	if first == sum(2, "ada@example.org") || first == sum(1, "eve@example.org") {
		t.Error("different sums are the same")
	}
}
