package projections_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/documents"
	"rochdale/domain/membership"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
	"rochdale/projections"
)

// founded returns a co-op with some members, whose log is in memory.
func founded(t testing.TB, members int) (*eventstore.Memory, *eventstore.Store) {
	t.Helper()
	d := new(eventstore.Memory)
	s := nodeOf(d, &clock{began})
	populate(t, s, members, false)
	return d, s
}

func open(t testing.TB, dir string, s *eventstore.Store) *projections.Models {
	t.Helper()
	m, err := projections.Open(t.Context(), dir, s, quiet)
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return m
}

// run has read models follow the log until it is told to stop, or the test ends.
func run(t testing.TB, m *projections.Models) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// speak has a party choose a language, which takes an event each time that it is
// another one, and returns its position.
func speak(t testing.TB, s *eventstore.Store, n int, l domain.Language) int64 {
	t.Helper()
	position, err := eventstore.Execute(as(t.Context()), s, membership.ChangeLanguage{Party: partyN(n), Language: l, On: day})
	must(t, err)
	return position
}

// enter enters the nth member, and returns the position.
func enter(t testing.TB, s *eventstore.Store, n int) int64 {
	t.Helper()
	position, err := eventstore.Execute2(as(t.Context()), s, membership.Enter{
		Party: partyN(n), Number: domain.MemberNumber(n + 1), Kind: membership.Person, Identity: identityN(n),
		Contact: membership.Contact{Email: emailN(n)}, AdmittedOn: day, On: day,
	})
	must(t, err)
	return position
}

// other is a language that is not the nth member's yet, alternately.
func other(round int) domain.Language {
	return []domain.Language{domain.German, domain.English}[round%2]
}

// soon waits until something holds. It is patient: after a file was looked after, that
// rests for ten times as long as it took, which on a busy disk may be minutes.
func soon(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Minute); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("in vain was it waited until " + what)
		}
	}
}

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// verified makes sure that read models are what the log says.
func verified(t testing.TB, m *projections.Models) {
	t.Helper()
	differences, err := m.Verify(bounded(t), nil)
	if err != nil || len(differences) > 0 {
		t.Errorf("verified: %v %v", differences, err)
	}
}

func TestReadersNoticeNothingOfRebuilds(t *testing.T) {
	_, s := founded(t, 300)
	m := open(t, t.TempDir(), s)
	run(t, m)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	var answers atomic.Int64
	for reader := range 4 {
		wg.Go(func() {
			position := int64(0)
			for ctx.Err() == nil {
				before := m.Position()
				list, err := m.Members(t.Context(), projections.MemberFilter{}, projections.ByNumber, projections.Page{First: 10})
				if err != nil || list.Total != 300 || len(list.Items) != 10 {
					t.Errorf("reader %d got %d of %d: %v", reader, len(list.Items), list.Total, err)
					return
				}
				if before < position {
					t.Errorf("reader %d was thrown back from %d to %d", reader, position, before)
					return
				}
				position = before
				answers.Add(1)
			}
		})
	}
	paths := map[string]bool{m.Path(): true}
	for round := range 5 {
		at := answers.Load()
		var last int64
		err := m.Rebuild(t.Context(), func(done, of int64) {
			if done > of || done <= 0 {
				t.Errorf("%d of %d", done, of)
			}
			last = done
		})
		must(t, err)
		if last == 0 {
			t.Error("nothing was told of progress")
		}
		paths[m.Path()] = true
		must(t, m.WaitFor(bounded(t), speak(t, s, 7, other(round))))
		soon(t, "readers have read from the new file", func() bool { return answers.Load() > at+20 || t.Failed() })
	}
	stop()
	wg.Wait()
	if len(paths) != 6 {
		t.Errorf("five rebuilds used the files %v", paths)
	}
	verified(t, m)
	soon(t, "only the last file is left", func() bool {
		files, _ := filepath.Glob(filepath.Join(filepath.Dir(m.Path()), "*.db*"))
		for _, f := range files {
			if !strings.HasPrefix(f, m.Path()) || strings.HasSuffix(f, ".tmp") {
				return false
			}
		}
		return true
	})
}

// gated is a log of which the first who reads it from its beginning is kept waiting.
type gated struct {
	*eventstore.Memory
	reached, gate chan struct{}
	once          sync.Once
}

func (g *gated) All(ctx context.Context, after int64) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		for r, err := range g.Memory.All(ctx, after) {
			if after == 0 && r.Position == 20 && g.gate != nil {
				g.once.Do(func() {
					close(g.reached)
					<-g.gate
				})
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func TestTheOldFileFollowsTheLogUntilTheNewOneIsThere(t *testing.T) {
	g := &gated{Memory: new(eventstore.Memory)}
	s := nodeOf(g, &clock{began})
	populate(t, s, 20, false)
	m := open(t, t.TempDir(), s)
	run(t, m)
	g.reached, g.gate = make(chan struct{}), make(chan struct{})
	rebuilt := make(chan error)
	go func() { rebuilt <- m.Rebuild(t.Context(), nil) }()
	<-g.reached
	before := m.Path()
	position := speak(t, s, 3, domain.German)
	must(t, m.WaitFor(bounded(t), position))
	if p, _, err := m.Member(t.Context(), partyN(3)); err != nil || p.Language != domain.German || m.Path() != before {
		t.Errorf("while a rebuild goes on: %q, %v", p.Language, err)
	}
	close(g.gate)
	must(t, <-rebuilt)
	if p, _, err := m.Member(t.Context(), partyN(3)); err != nil || p.Language != domain.German || m.Path() == before || m.Position() < position {
		t.Errorf("after it: %q at %d in %s, %v", p.Language, m.Position(), m.Path(), err)
	}
	verified(t, m)
}

func TestARebuildThatIsCutShortLeavesAllAsItIs(t *testing.T) {
	g := &gated{Memory: new(eventstore.Memory)}
	s := nodeOf(g, &clock{began})
	populate(t, s, 20, false)
	m := open(t, t.TempDir(), s)
	g.reached, g.gate = make(chan struct{}), make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	rebuilt := make(chan error)
	go func() { rebuilt <- m.Rebuild(ctx, nil) }()
	<-g.reached
	stop()
	close(g.gate)
	if err := <-rebuilt; !errors.Is(err, context.Canceled) {
		t.Errorf("cut short: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(m.Path()), "*.tmp*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	verified(t, m)
}

// damages are ways in which a file comes to be no good.
var damages = []struct {
	what   string
	damage func(t testing.TB, path string)
}{
	{"is truncated", func(t testing.TB, path string) {
		size, err := os.Stat(path)
		must(t, err)
		must(t, os.Truncate(path, size.Size()/2))
	}},
	{"is emptied", func(t testing.TB, path string) { must(t, os.Truncate(path, 0)) }},
	{"is of something else", func(t testing.TB, path string) {
		must(t, os.WriteFile(path, bytes.Repeat([]byte("warp and weft "), 10_000), 0o600))
	}},
	{"is overwritten here and there", func(t testing.TB, path string) { scribble(t, path) }},
	{"is of another schema", func(t testing.TB, path string) {
		c, err := lite.Open(path, lite.Live)
		must(t, err)
		must(t, errors.Join(c.Script(`drop table checkpoint; create table checkpoint (position integer)`), c.Close()))
	}},
	{"is deleted", func(t testing.TB, path string) { must(t, os.Remove(path)) }},
}

// scribble leaves the first page of a database alone, and no other.
func scribble(t testing.TB, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	size, err := f.Stat()
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, int(size.Size())-4096), 4096)
	must(t, err)
}

func TestAFileThatIsNoGoodIsMadeAgain(t *testing.T) {
	_, s := founded(t, 200)
	for _, d := range damages {
		t.Run("one that "+d.what, func(t *testing.T) {
			dir := t.TempDir()
			m, err := projections.Open(t.Context(), dir, s, quiet)
			must(t, err)
			path := m.Path()
			must(t, m.Close())
			d.damage(t, path)
			m = open(t, dir, s)
			run(t, m)
			soon(t, "all are there", func() bool {
				list, err := m.Members(t.Context(), projections.MemberFilter{}, projections.ByName, projections.Page{First: 200})
				return err == nil && len(list.Items) == 200
			})
			verified(t, m)
		})
	}
}

func TestAFileThatIsBrokenOrDeletedWhileInUseIsMadeAgain(t *testing.T) {
	_, s := founded(t, 300)
	for round, d := range damages {
		if d.what == "is of another schema" { // nobody does so by accident
			continue
		}
		t.Run("one that "+d.what, func(t *testing.T) {
			var log safeBuffer
			dir := t.TempDir()
			m, err := projections.Open(t.Context(), dir, s, slog.New(slog.NewTextHandler(&log, nil)))
			must(t, err)
			t.Cleanup(func() { must(t, m.Close()) })
			run(t, m)
			before := m.Path()
			d.damage(t, before)
			soon(t, "another file is in use", func() bool {
				_, _ = m.Members(t.Context(), projections.MemberFilter{}, projections.ByName, projections.Page{First: 1000})
				_, _ = m.RegisterAt(t.Context(), day, time.Time{})
				return m.Path() != before
			})
			must(t, m.WaitFor(bounded(t), speak(t, s, 5, other(round))))
			soon(t, "nothing is in the way any more", func() bool { return m.Trouble() == nil })
			verified(t, m)
			soon(t, "somebody is told", func() bool { return strings.Contains(log.String(), "broken or gone") })
		})
	}
}

// safeBuffer is written to and read by whoever wants to.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestFilesOfOtherCodeStayAsLongAsItRuns(t *testing.T) {
	_, s := founded(t, 10)
	dir := t.TempDir()
	old := func(name string) string { return filepath.Join(dir, "views-00000000cafe"+name) }
	names := []string{"-4.db", "-4.db-wal", "-4.db-shm", "-5.db.tmp"}
	for _, name := range names {
		must(t, os.WriteFile(old(name), []byte("of other code"), 0o600))
	}
	bystander := filepath.Join(dir, "notes.txt")
	must(t, os.WriteFile(bystander, nil, 0o600))
	lock, err := os.Create(old(".lock"))
	must(t, err)
	must(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))

	m, err := projections.Open(t.Context(), dir, s, quiet)
	must(t, err)
	must(t, m.CatchUp(t.Context()))
	must(t, m.Close())
	for _, name := range names {
		if _, err := os.Stat(old(name)); err != nil {
			t.Errorf("of code that runs: %v", err)
		}
	}
	must(t, lock.Close())
	must(t, os.Remove(m.Path())) // as if this were code of its own, too
	m = open(t, dir, s)
	if left, _ := filepath.Glob(old("*")); len(left) > 0 {
		t.Errorf("of code that runs no more %v is left", left)
	}
	if _, err := os.Stat(bystander); err != nil {
		t.Errorf("what is not ours: %v", err)
	}
	verified(t, m)
}

func TestWhatAnEndedProcessLeftIsSweptAway(t *testing.T) {
	_, s := founded(t, 10)
	dir := t.TempDir()
	m, err := projections.Open(t.Context(), dir, s, quiet)
	must(t, err)
	path := m.Path()
	must(t, m.Close())
	stale := strings.Replace(path, "-1.db", "-9.db", 1)
	for _, name := range []string{stale + "-wal", stale + ".tmp", strings.Replace(path, "-1.db", "-0.db", 1)} {
		must(t, os.WriteFile(name, []byte("stale"), 0o600))
	}
	m = open(t, dir, s)
	if m.Path() != path {
		t.Errorf("%s is used instead of %s", m.Path(), path)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*-[09].db*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	verified(t, m)
}

// TestAStaleJournalIsNotTakenForThatOfAnotherFile: SQLite would apply what it finds.
func TestAStaleJournalIsNotTakenForThatOfAnotherFile(t *testing.T) {
	_, s := founded(t, 50)
	dir := t.TempDir()
	m, err := projections.Open(t.Context(), dir, s, quiet)
	must(t, err)
	must(t, m.Writer(func(c *lite.Conn) error { return c.Script(`update party set city = 'Atlantis'`) }))
	wal, err := os.ReadFile(m.Path() + "-wal")
	must(t, err)
	if len(wal) == 0 {
		t.Fatal("there is no journal to be left")
	}
	path := m.Path()
	must(t, m.Close())
	must(t, os.Remove(path))
	must(t, os.WriteFile(path+"-wal", wal, 0o600))
	m = open(t, dir, s)
	if m.Path() != path {
		t.Errorf("the new file is %s", m.Path())
	}
	verified(t, m)
}

func TestWaitingIsBounded(t *testing.T) {
	_, s := founded(t, 5)
	m := open(t, t.TempDir(), s)
	position := speak(t, s, 1, domain.German)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := m.WaitFor(ctx, position)
	refusal, ok := errors.AsType[domain.Refusal](err)
	if !ok || refusal.Code != projections.ErrBehind.Code || refusal.Args["asked"] != position || refusal.Args["position"] != position-1 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody applies anything: %v", err)
	}
	must(t, m.WaitFor(t.Context(), position-1))
	waited := make(chan error)
	go func() { waited <- m.WaitFor(bounded(t), position) }()
	must(t, m.CatchUp(t.Context()))
	must(t, <-waited)
}

func TestWhatCannotBeAppliedIsToldAndTriedAgain(t *testing.T) {
	f := &faulty{new(eventstore.Memory), -1}
	s := nodeOf(f, &clock{began})
	populate(t, s, 5, false)
	m := open(t, t.TempDir(), s)
	f.after = 0
	stop := run(t, m)
	position := speak(t, nodeOf(f, nil), 1, domain.German) // another process, so that it has to be read
	soon(t, "there is trouble", func() bool { return m.Trouble() != nil })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := m.WaitFor(ctx, position); !errors.Is(err, errFaulty) || errors.Is(err, projections.ErrBehind) {
		t.Errorf("it is said to be %v", err)
	}
	stop()
	f.after = -1
	run(t, m)
	must(t, m.WaitFor(bounded(t), position))
	soon(t, "there is no trouble any more", func() bool { return m.Trouble() == nil })
	verified(t, m)
}

// TestNothingIsAppliedTwice though a transaction was committed that seemed to fail.
func TestNothingIsAppliedTwice(t *testing.T) {
	_, s := founded(t, 5)
	m := open(t, t.TempDir(), s)
	filed := documents.File{
		Document: "d", Kind: documents.Other, Title: "Pattern", SHA256: documents.Digest(strings.Repeat("0a", 32)), Size: 1, MediaType: "text/plain", On: day,
	}
	position, err := eventstore.Execute(as(t.Context()), s, filed)
	must(t, err)
	must(t, m.Writer(func(c *lite.Conn) error {
		digest := strings.Repeat("0a", 32)
		return c.Script(fmt.Sprintf(`insert into document values ('d', 'other', 'Pattern', '', '%s', 1, 'text/plain', '%v', '', %[3]d);
			update checkpoint set position = %[3]d`, digest, day, position))
	}))
	if err := m.CatchUp(t.Context()); err == nil || m.Position() != position {
		t.Errorf("at %d, %v", m.Position(), err)
	}
	speak(t, s, 1, domain.German)
	must(t, m.CatchUp(t.Context()))
	verified(t, m)
}

func TestTwoWhoShareAFolder(t *testing.T) {
	d, s := founded(t, 50)
	dir := t.TempDir()
	first, err := projections.Open(t.Context(), dir, s, quiet)
	must(t, err)
	stop := run(t, first)
	second := open(t, dir, nodeOf(d, nil))
	run(t, second)
	if !first.Writes() || second.Writes() {
		t.Fatal("it is not the first who writes")
	}
	if err := second.Rebuild(t.Context(), nil); !errors.Is(err, projections.ErrElsewhere) {
		t.Errorf("the second rebuilds: %v", err)
	}
	must(t, second.WaitFor(bounded(t), speak(t, s, 1, domain.German)))
	before := second.Path()
	must(t, first.Rebuild(t.Context(), nil))
	soon(t, "the second uses the new file", func() bool { return second.Path() != before && second.Path() == first.Path() })
	must(t, second.WaitFor(bounded(t), speak(t, s, 1, domain.English)))
	verified(t, second)

	removed := first.Path()
	must(t, os.Remove(removed)) // whoever does so
	soon(t, "both use another", func() bool { return second.Path() == first.Path() && first.Path() != removed })
	must(t, second.WaitFor(bounded(t), speak(t, s, 1, domain.German)))

	stop()
	must(t, first.Close())
	must(t, second.WaitFor(bounded(t), speak(t, s, 1, domain.English)))
	if !second.Writes() {
		t.Error("nobody has taken over")
	}
	must(t, second.Rebuild(t.Context(), nil))
	verified(t, second)
}

// TestOneWhoOnlyReadsGetsABrokenFileMadeAgain: whoever writes may never look at the
// page that is broken.
func TestOneWhoOnlyReadsGetsABrokenFileMadeAgain(t *testing.T) {
	d, s := founded(t, 300)
	dir := t.TempDir()
	first := open(t, dir, s)
	run(t, first)
	second := open(t, dir, nodeOf(d, nil))
	run(t, second)
	before := first.Path()
	scribble(t, before)
	soon(t, "both use another file", func() bool {
		_, _ = second.RegisterAt(t.Context(), day, time.Time{})
		return first.Path() != before && second.Path() == first.Path()
	})
	verified(t, second)
}

// TestOneWaitsForTheFirstFileOfAnother, and makes it if that one gives up.
func TestOneWaitsForTheFirstFileOfAnother(t *testing.T) {
	g := &gated{Memory: new(eventstore.Memory), reached: make(chan struct{}), gate: make(chan struct{})}
	s := nodeOf(g, &clock{began})
	populate(t, s, 20, false)
	dir := t.TempDir()
	ctx, giveUp := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() {
		_, err := projections.Open(ctx, dir, s, quiet)
		first <- err
	}()
	<-g.reached
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := projections.Open(impatient, dir, nodeOf(g, nil), quiet); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one who does not want to wait: %v", err)
	}
	var m *projections.Models
	go func() {
		var err error
		m, err = projections.Open(t.Context(), dir, nodeOf(g, nil), quiet)
		second <- err
	}()
	giveUp()
	close(g.gate)
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	must(t, <-second)
	t.Cleanup(func() { must(t, m.Close()) })
	verified(t, m)
}

func TestOneWhoIsStoppedWhileOpeningLeavesTheFileAlone(t *testing.T) {
	_, s := founded(t, 20)
	dir := t.TempDir()
	m, err := projections.Open(t.Context(), dir, s, quiet)
	must(t, err)
	path := m.Path()
	must(t, m.Close())
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := projections.Open(ctx, dir, s, quiet); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if m = open(t, dir, s); m.Path() != path {
		t.Errorf("%s is used instead of %s", m.Path(), path)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	verified(t, m)
}

func TestAFolderOfAnyName(t *testing.T) {
	_, s := founded(t, 5)
	m := open(t, filepath.Join(t.TempDir(), "[co-op] *?%41 & the weavers"), s)
	must(t, m.Rebuild(t.Context(), nil))
	verified(t, m)
}

func TestClosedOnes(t *testing.T) {
	_, s := founded(t, 5)
	m, err := projections.Open(t.Context(), t.TempDir(), s, quiet)
	must(t, err)
	must(t, m.Close())
	must(t, m.Close())
	m.Run(t.Context()) // returns
	if _, _, err := m.Member(t.Context(), partyN(1)); !errors.Is(err, lite.ErrClosed) {
		t.Errorf("asked after it was closed: %v", err)
	}
	if err := m.CatchUp(t.Context()); err == nil {
		t.Error("what is closed caught up")
	}
	if err := m.Rebuild(t.Context(), nil); err == nil {
		t.Error("what is closed was rebuilt")
	}
}

func TestVerifyFindsEveryDifference(t *testing.T) {
	_, s := founded(t, 30)
	m := open(t, t.TempDir(), s)
	differ := func(what, sql string, want ...projections.Difference) {
		t.Helper()
		verified(t, m)
		must(t, m.Writer(func(c *lite.Conn) error { return c.Script(sql) }))
		got, err := m.Verify(t.Context(), nil)
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		must(t, m.Rebuild(t.Context(), nil))
	}
	holding := func(n, quantity int) string {
		return fmt.Sprintf(`["%s","A",%d,7500,"EUR"]`, partyN(n), quantity)
	}
	differ("a row that is otherwise", `update holding set quantity = 4 where party = '`+string(partyN(3))+`'`,
		projections.Difference{Table: "holding", Here: holding(3, 4), Again: holding(3, 3)})
	differ("a row that is missing", `delete from holding where party = '`+string(partyN(4))+`'`,
		projections.Difference{Table: "holding", Again: holding(4, 3)})
	differ("a row too many", `insert into holding values ('nobody', 'A', 1, 2, 'EUR')`,
		projections.Difference{Table: "holding", Here: `["nobody","A",1,2,"EUR"]`})
	phone := func(n int) string { return fmt.Sprintf(`"%s","+32 2 000 00 00"]`, emailN(n)) }
	must(t, m.Writer(func(c *lite.Conn) error {
		return c.Script(`update party set phone = '' where by_number = 5; update party set phone = null where by_number = 6`)
	}))
	got, err := m.Verify(t.Context(), nil)
	if err != nil || len(got) != 2 || !strings.HasSuffix(got[0].Here, `,""]`) || !strings.HasSuffix(got[0].Again, phone(4)) ||
		!strings.HasSuffix(got[1].Here, `,null]`) || !strings.HasSuffix(got[1].Again, phone(5)) {
		t.Errorf("no text and nothing: %v, %v", got, err)
	}
	must(t, m.Rebuild(t.Context(), nil))
	differ("an index that is missing", `drop index party_email`,
		projections.Difference{Table: "sqlite_schema", Again: `["party_email","CREATE INDEX party_email on party (lower(email)) where email is not null"]`})
	differ("a table too many", `create table loom (warp text) strict`,
		projections.Difference{Table: "sqlite_schema", Here: `["loom","CREATE TABLE loom (warp text) strict"]`})
}
