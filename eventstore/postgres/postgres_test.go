package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/postgres"
	"rochdale/eventstore/storetest"
	"rochdale/internal/pgtest"
)

// The server and the proxy are those of all tests that do not stop them.
var (
	server  = sync.OnceValue(func() *pgtest.Cluster { return pgtest.Start(&whole) })
	proxied = sync.OnceValue(func() func(string) string { return server().Bounce(&whole) })
	whole   run
)

// A run of all tests is what a server ends with that is for all.
type run struct{ cleanups []func() }

func (*run) Helper()                     {}
func (r *run) Cleanup(do func())         { r.cleanups = append(r.cleanups, do) }
func (*run) Error(args ...any)           { fmt.Fprintln(os.Stderr, args...) }
func (*run) Fatalf(f string, arg ...any) { panic(fmt.Sprintf(f, arg...)) }

func TestMain(m *testing.M) {
	code := m.Run()
	for _, do := range slices.Backward(whole.cleanups) {
		do()
	}
	os.Exit(code)
}

// through runs a test directly, and through the proxy.
func through(t *testing.T, test func(t *testing.T, empty func(*testing.T) (url string))) {
	t.Run("directly", func(t *testing.T) {
		test(t, func(t *testing.T) string { return server().NewDatabase(t) })
	})
	t.Run("through a proxy", func(t *testing.T) {
		test(t, func(t *testing.T) string { return proxied()(server().NewDatabase(t)) })
	})
}

func TestDriver(t *testing.T) {
	through(t, func(t *testing.T, empty func(*testing.T) string) {
		var mu sync.Mutex
		urls := map[*testing.T]string{}
		storetest.Run(t, func(t *testing.T) eventstore.Driver {
			mu.Lock()
			defer mu.Unlock()
			if urls[t] == "" {
				urls[t] = empty(t)
			}
			return open(t, urls[t])
		})
	})
}

func TestProcesses(t *testing.T) {
	through(t, func(t *testing.T, empty func(*testing.T) string) {
		storetest.Processes(t, empty, func(ctx context.Context, url string) (eventstore.Driver, error) { return postgres.Open(ctx, url) })
	})
}

func TestProxyIsNoticed(t *testing.T) {
	url := server().NewDatabase(t)
	if !open(t, url).Direct() {
		t.Error("a connection to the server is taken for one to a proxy")
	}
	if open(t, proxied()(url)).Direct() {
		t.Error("a connection to a proxy is taken for one to the server")
	}
}

// TestOpenAtOnce makes one new log from many sides.
func TestOpenAtOnce(t *testing.T) {
	through(t, func(t *testing.T, empty func(*testing.T) string) {
		for range 3 {
			url := empty(t)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					d, err := postgres.Open(t.Context(), url)
					if err != nil {
						t.Error(err)
						return
					}
					defer d.Close()
					if head, err := d.Head(t.Context()); err != nil || head != 0 {
						t.Error(head, err)
					}
				})
			}
			wg.Wait()
			if got := query(t, url, `select string_agg(version::text, ' ') from rochdale_log.migration`); got != "1 2" {
				t.Errorf("migrations %q were made", got)
			}
		}
	})
}

// TestNotALog opens what is none, which must say so, and leave it as it is.
func TestNotALog(t *testing.T) {
	for name, c := range map[string]struct{ make, want string }{
		"something else's": {`create schema rochdale_log; create table rochdale_log.event (x int)`, "is something else's: name another database"},
		"a newer one's": {
			`create schema rochdale_log; create table rochdale_log.migration (version int, made_at timestamptz); insert into rochdale_log.migration values (1), (1000)`,
			"was written by a newer program (schema 1000, this one knows 2): upgrade this one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := server().NewDatabase(t)
			query(t, url, c.make)
			const inventory = `select string_agg(relname || ' ' || xmin, ', ' order by relname) from pg_class where relnamespace = 'rochdale_log'::regnamespace`
			before := query(t, url, inventory)
			if err := failure(t, url); !strings.Contains(err, `"`+database(t, url)+`"`) || !strings.Contains(err, c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if after := query(t, url, inventory); after != before {
				t.Errorf("there was %s, and now %s", before, after)
			}
		})
	}
	t.Run("not in UTF-8", func(t *testing.T) {
		for _, statement := range []string{`drop database if exists latin`, `create database latin encoding 'LATIN1' template template0`} {
			_, err := server().SQL("postgres", statement)
			must(t, err)
		}
		if err := failure(t, server().URL("latin")); !strings.Contains(err, "is encoded in LATIN1: make one in UTF8") {
			t.Error(err)
		}
	})
	t.Run("beside others", func(t *testing.T) {
		url := server().NewDatabase(t)
		query(t, url, `create table event (x int); create table head (x int); create schema rochdale; create table rochdale.event (x int)`)
		log := eventstore.NewLog(open(t, url))
		_, err := log.Append(t.Context(), to("s", 0, one("noted")))
		must(t, err)
	})
}

// TestOwnerIsEnough works as a user who owns the database, and nothing else.
func TestOwnerIsEnough(t *testing.T) {
	u := as(t, server().NewDatabase(t), "plain", "secret-1")
	_, err := server().SQL("postgres", `drop role if exists plain; create role plain login password 'secret-1'; alter database `+database(t, u)+` owner to plain`)
	must(t, err)
	one, other := eventstore.NewLog(open(t, u)), eventstore.NewLog(open(t, u))
	appendTo(t, one, "s", 0, 3)
	must(t, one.KV().Put(t.Context(), eventstore.Change{Key: "k", Value: []byte("v")}))
	for r, err := range other.Follow(t.Context(), 0) {
		must(t, err)
		if r.Position == 3 {
			break
		}
	}
}

// TestAdvice brings about what an operator can do something about.
func TestAdvice(t *testing.T) {
	sql := func(statements string) {
		t.Helper()
		_, err := server().SQL("postgres", statements)
		must(t, err)
	}
	sql(`drop role if exists stranger, crowd; create role stranger login password 'secret-2'; create role crowd login password 'secret-3' connection limit 0`)
	there := server().NewDatabase(t)
	change := func(change func(u *url.URL)) string {
		u, err := url.Parse(there)
		must(t, err)
		change(u)
		return u.String()
	}
	for name, c := range map[string]struct{ url, want string }{
		"nobody there":           {"postgres://u:secret-4@127.0.0.1:1/db", `database "db" of u on 127.0.0.1:1 cannot be reached: start the server, or correct host and port in the URL: 127.0.0.1:1`},
		"no such host":           {"postgres://u:secret-4@nowhere.invalid./db", "cannot be reached: start the server, or correct host and port in the URL: "},
		"wrong password":         {as(t, there, server().User, "secret-5"), "the password is wrong: correct it in the URL, PGPASSWORD or .pgpass"},
		"no such user":           {as(t, there, "nobody", "secret-6"), "the password is wrong: correct it in the URL, PGPASSWORD or .pgpass"}, // the server does not tell which
		"no such database":       {change(func(u *url.URL) { u.Path = "/nowhere" }), "there is no such database: create it, or correct its name in the URL: database \"nowhere\" does not exist"},
		"not the owner":          {as(t, there, "stranger", "secret-2"), "the user of the URL must own the database: alter database … owner to …: permission denied for database"},
		"too many":               {as(t, there, "crowd", "secret-3"), "the server has no connection left: raise its max_connections, or put pool_max_conns, for each node, in the URL"},
		"no URL":                 {"postgres://u:sec/ret-7@host/db", "postgres: the URL is to be like postgres://user:password@host:5432/database"},
		"no port":                {"postgres://u:secret-8@host:port/db", "with %-escapes for signs in a password: invalid port"},
		"no number":              {"postgres://u:secret-8@host/db?pool_max_conns=many", "cannot parse pool_max_conns"},
		"an escape that is none": {"postgres://u:secret%-9@host/db", "with %-escapes for signs in a password: failed to parse as URL"},
		"another database's":     {"mysql://u:secret-9@host/db", "with %-escapes for signs in a password: failed to parse as keyword/value"},
	} {
		err := failure(t, c.url)
		if !strings.Contains(err, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", name, err, c.want)
		}
		if strings.Contains(err, "secret") || strings.Contains(err, "ret-7") || strings.Contains(err, "\n") {
			t.Errorf("%s tells too much: %q", name, err)
		}
		if _, err := postgres.OpenSQL(c.url); err != nil && strings.Contains(err.Error(), "ret-") {
			t.Errorf("%s tells too much: %q", name, err)
		}
	}

	d := open(t, there)
	log := eventstore.NewLog(d)
	appendTo(t, log, "s", 0, 1)
	d.Exec(t, `create function fill() returns trigger language plpgsql as 'begin raise exception using errcode = $$disk_full$$; end';
		create trigger fill before insert on rochdale_log.event execute function fill()`)
	_, err := log.Append(t.Context(), to("s", 1, one("noted")))
	if err == nil || !strings.Contains(err.Error(), "the disk of the server is full: nothing was acknowledged; make room on it") {
		t.Error(err)
	}
	d.Exec(t, `drop trigger fill on rochdale_log.event`)
	appendTo(t, log, "s", 1, 1)

	sql(`alter database ` + database(t, there) + ` set default_transaction_read_only = on`)
	d = open(t, there) // for those who read
	if head, err := d.Head(t.Context()); head != 2 || err != nil {
		t.Error(head, err)
	}
	_, err = d.Write(t.Context(), []eventstore.Unit{{to("s", 2, one("noted"))}})
	if err == nil || !strings.Contains(err.Error(), "it can only be read: name the primary server, or add target_session_attrs=read-write") {
		t.Error(err)
	}
}

// TestDurableWhateverTheDefault looks at what is committed how, where the server
// would not wait for the disk.
func TestDurableWhateverTheDefault(t *testing.T) {
	through(t, func(t *testing.T, empty func(*testing.T) string) {
		for given, want := range map[string]string{"off": "on", "local": "on", "remote_write": "on", "on": "on", "remote_apply": "remote_apply"} {
			url := empty(t)
			_, err := server().SQL("postgres", `alter database `+database(t, url)+` set synchronous_commit = '`+given+`'`)
			must(t, err)
			d := open(t, url)
			d.Exec(t, `create table seen (what text, how text);
				create function see() returns trigger language plpgsql as $$ begin insert into seen values (tg_table_name || tg_op, current_setting('synchronous_commit')); return null; end $$;
				create constraint trigger see after insert on rochdale_log.event initially deferred for each row execute function see(); -- at the commit
				create constraint trigger see after insert or delete on rochdale_log.entry initially deferred for each row execute function see()`)
			_, err = d.Write(t.Context(), []eventstore.Unit{{to("a", 0, one("noted"))}})
			must(t, err)
			_, err = d.Write(t.Context(), []eventstore.Unit{{to("b", 0, one("noted"), one("noted"))}})
			must(t, err)
			made := eventstore.Change{Key: "k", Value: []byte("v")}
			revision := made.Next()
			must(t, d.Put(t.Context(), made))
			must(t, d.Put(t.Context(), eventstore.Change{Key: "k", Revision: revision}))
			got := query(t, url, `select string_agg(what || ' ' || how, ', ') from seen`)
			if want := strings.ReplaceAll("eventINSERT x, eventINSERT x, eventINSERT x, entryINSERT x, entryDELETE x", "x", want); got != want {
				t.Errorf("with %s:\n got %s\nwant %s", given, got, want)
			}
		}
	})
}

// TestUpgrade opens a database that a program of before has made, and still uses: it takes
// it that entries begin at revision 1, and goes on with those that do not.
func TestUpgrade(t *testing.T) {
	url := server().NewDatabase(t)
	first, err := os.ReadFile("migrations/1.sql")
	must(t, err)
	query(t, url, "create schema rochdale_log;"+string(first)+"insert into rochdale_log.migration (version) values (1)")
	puts := func(key, value string, revision int64) {
		t.Helper()
		if stale := query(t, url, fmt.Sprintf(`select coalesce(rochdale_log.put(array['%s'], array[%s::bytea], array[%d::bigint]), 'put')`, key, value, revision)); stale != "put" {
			t.Errorf("%s at %d: %s is stale", key, revision, stale)
		}
	}
	puts("a", "'1'", 0)
	puts("b", "'1'", 0)

	d := open(t, url)
	must(t, d.Put(t.Context(), eventstore.Change{Key: "a", Value: []byte("2"), Revision: 1}, eventstore.Change{Key: "b", Revision: 1}))
	anew := eventstore.Change{Key: "b", Value: []byte("2")}
	revision := anew.Next()
	must(t, d.Put(t.Context(), anew))
	if err := d.Put(t.Context(), eventstore.Change{Key: "b", Value: []byte("1"), Revision: 1}); !eventstore.IsStale(err) {
		t.Errorf("what was of an entry before the upgrade was put: %v", err)
	}
	puts("a", "'3'", 2)
	puts("b", "'3'", revision)
	puts("c", "'3'", 0)
	entries, err := d.Get(t.Context(), "a", "b", "c")
	must(t, err)
	for i, want := range []int64{3, revision + 1, 1} {
		if e := entries[i]; string(e.Value) != "3" || e.Revision != want {
			t.Errorf("%s is %s at %d, want %d", e.Key, e.Value, e.Revision, want)
		}
	}
}

// TestIsolation has transactions see, by default, nothing that is committed after
// they began.
func TestIsolation(t *testing.T) {
	url := server().NewDatabase(t)
	open(t, url)
	_, err := server().SQL("postgres", `alter database `+database(t, url)+` set default_transaction_isolation = 'serializable'`)
	must(t, err)
	logs := []*eventstore.Log{eventstore.NewLog(open(t, url)), eventstore.NewLog(open(t, url))}
	var wg sync.WaitGroup
	for i, log := range logs {
		wg.Go(func() { appendTo(t, log, domain.StreamOf("s", fmt.Sprint(i)), 0, 100) })
	}
	wg.Wait()
	if err := failure(t, proxied()(url)); !strings.Contains(err, `are serializable by default`) || !strings.Contains(err, `alter role "rochdale" set default_transaction_isolation = 'read committed'`) {
		t.Error(err)
	}
}

// TestDataAsWritten keeps all that is JSON as it is.
func TestDataAsWritten(t *testing.T) {
	d := open(t, server().NewDatabase(t))
	all := []string{
		`{"b":1,"a":1,"a":2}`, `  [ 1 ,2 ]	`, `"\u0000\ud800\/\n"`, `1e400`, `-0`, `0.10`, `"é😀` + "\u007f\u2028" + `"`, `null`, `""`,
		strings.Repeat("[", 500) + strings.Repeat("]", 500), `"` + strings.Repeat("a", 100_000) + `"`, // which is compressed
	}
	unit := to("s", 0)
	for _, data := range all {
		r := one("noted")
		r.Data = []byte(data)
		unit.Records = append(unit.Records, r)
	}
	_, err := eventstore.NewLog(d).Append(t.Context(), unit)
	must(t, err)
	n := 0
	for r, err := range d.All(t.Context(), 0) {
		must(t, err)
		if string(r.Data) != all[n] {
			t.Errorf("%.80q was written, and %.80q read", all[n], r.Data)
		}
		n++
	}
	if n != len(all) {
		t.Errorf("read %d of %d", n, len(all))
	}
}

// TestCorrelations keeps those that are the record's own id, another's, and none.
func TestCorrelations(t *testing.T) {
	d := open(t, server().NewDatabase(t))
	own, other, none := one("noted"), one("noted"), one("noted")
	other.Correlation, other.Causation, none.Correlation = own.ID, own.ID, uuid.Nil
	for i, unit := range []eventstore.Unit{{to("a", 0, own)}, {to("b", 0, other, none)}, {to("c", 0, other)}, {to("d", 0, none)}} {
		_, err := d.Write(t.Context(), []eventstore.Unit{unit})
		must(t, err)
		for r, err := range d.Stream(t.Context(), unit[0].Stream, 0) {
			must(t, err)
			if w := unit[0].Records[r.Version-1]; r.Correlation != w.Correlation || r.Causation != w.Causation || r.ID != w.ID {
				t.Errorf("unit %d: %s, %s and %s, want %s, %s and %s", i, r.ID, r.Correlation, r.Causation, w.ID, w.Correlation, w.Causation)
			}
		}
	}
}

// TestPages reads records of all sizes, over the borders of pages of either kind.
func TestPages(t *testing.T) {
	through(t, func(t *testing.T, empty func(*testing.T) string) {
		d := open(t, empty(t))
		const n = 2200
		records := make([]eventstore.Record, n)
		for i := range records {
			records[i] = one("noted")
			records[i].Stream, records[i].Version = "s", int64(i)+1
			size := i % 1500
			if i > 600 && i < 620 || i > n-3 {
				size = eventstore.MaxData - 100
			}
			records[i].Data = fmt.Appendf(nil, `"%0*d"`, size, i)
		}
		results, err := d.Write(t.Context(), []eventstore.Unit{{to("s", 0, records...)}})
		must(t, err)
		if results[0].Position != n {
			t.Errorf("ended at %d", results[0].Position)
		}
		for _, after := range []int64{0, 1, 49, 50, 51, n - 501, n - 1, n, n + 1} {
			for name, read := range map[string]func(func(eventstore.Record, error) bool){
				"all": d.All(t.Context(), after), "stream": d.Stream(t.Context(), "s", after),
			} {
				next := after
				for r, err := range read {
					must(t, err)
					if next++; r.Position != next || r.Version != next || !bytes.Equal(r.Data, records[next-1].Data) {
						t.Fatalf("%s after %d: got %d where %d should be", name, after, r.Position, next)
					}
				}
				if next < n {
					t.Errorf("%s after %d ended at %d", name, after, next)
				}
			}
		}
	})
}

// TestPlans uses a log whose tables were small when the server last looked, in all
// ways: no table is ever searched from end to end.
func TestPlans(t *testing.T) {
	url := server().NewDatabase(t)
	d := open(t, url)
	log := eventstore.NewLog(d)
	appendTo(t, log, "s", 0, 2)
	made := eventstore.Change{Key: "k", Value: []byte("v")}
	revision := made.Next()
	must(t, d.Put(t.Context(), made))
	must(t, d.Close())
	for query(t, url, `select count(*) from pg_stat_activity where datname = current_database()`) != "1" {
		time.Sleep(time.Millisecond) // then all has been counted
	}
	query(t, url, `analyze; select pg_stat_reset()`)

	d = open(t, url)
	log = eventstore.NewLog(d)
	appendTo(t, log, "s", 2, 10)
	for i := range 10 {
		unit := []eventstore.StreamAppend{to("s", int64(12+i), one("noted")), to("other", int64(i), one("noted")), to("none", 0)}
		_, err := log.Append(t.Context(), unit...)
		must(t, err)
		_, err = log.Append(t.Context(), to("s", 0, one("noted")))
		_, conflict := errors.AsType[eventstore.Conflict](err)
		_, err = log.Append(t.Context(), to("s", 0, one("noted")), to("t", 0, one("noted")))
		if _, both := errors.AsType[eventstore.Conflict](err); !conflict || !both {
			t.Error("no conflict", err)
		}
		made := eventstore.Change{Key: fmt.Sprint("l", i), Value: []byte("v")}
		last := made.Next()
		must(t, d.Put(t.Context(), eventstore.Change{Key: "k", Value: []byte("v"), Revision: revision + int64(i)}, made))
		must(t, d.Put(t.Context(), eventstore.Change{Key: made.Key, Revision: last}))
		_, err = d.Get(t.Context(), "k", "l")
		must(t, err)
		_, err = d.Range(t.Context(), "k", "", 10)
		must(t, err)
		_, err = d.Head(t.Context())
		must(t, err)
		for _, read := range []func(func(eventstore.Record, error) bool){d.All(t.Context(), 5), d.Stream(t.Context(), "s", 5)} {
			for _, err := range read {
				must(t, err)
			}
		}
	}
	must(t, d.Close())
	for query(t, url, `select sum(idx_scan) > 100 from pg_stat_user_tables`) != "t" {
		time.Sleep(time.Millisecond)
	}
	if got := query(t, url, `select string_agg(relname || ' ' || seq_scan, ', ') from pg_stat_user_tables where seq_scan > 0 and relname <> 'migration'`); got != "" {
		t.Errorf("tables were searched from end to end: %s times", got)
	}
}

// TestRangeEnds lists by prefixes at the ends of what UTF-8 has.
func TestRangeEnds(t *testing.T) {
	d := open(t, server().NewDatabase(t))
	keys := []string{"a\U0010ffff", "a\U0010ffff\U0010ffffz", "b\ud7ff", "b\ud7ffz", "b\ue000", "\U0010ffff", "\U0010ffff\U0010ffff"} // in order
	for _, key := range keys {
		must(t, d.Put(t.Context(), eventstore.Change{Key: key, Value: []byte("v")}))
	}
	for prefix, want := range map[string][]string{
		"": keys, "a": keys[:2], "a\U0010ffff": keys[:2], "a\U0010ffff\U0010ffff": keys[1:2], "b\ud7ff": keys[2:4], "\U0010ffff": keys[5:],
	} {
		entries, err := d.Range(t.Context(), prefix, "", 10)
		must(t, err)
		var got []string
		for _, e := range entries {
			got = append(got, e.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("under %q there are %q, want %q", prefix, got, want)
		}
	}
}

// TestConcurrentChanges has many change several entries at once, each of them
// in an order of its own: nobody waits for another for ever.
func TestConcurrentChanges(t *testing.T) {
	url := server().NewDatabase(t)
	nodes := []*postgres.Driver{open(t, url), open(t, url)}
	const keys, writers, each = 6, 8, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			d := nodes[w%2]
			for done := 0; done < each; {
				var names []string
				for i := range keys {
					names = append(names, fmt.Sprint("k", (i*(w%3+1)+w)%keys, i*(w%3+1)/keys))
				}
				entries, err := d.Get(t.Context(), names...)
				if err != nil {
					t.Error(err)
					return
				}
				var changes []eventstore.Change
				for _, e := range entries {
					value := []byte("v")
					if e.Revision > 0 && done%2 == 0 {
						value = nil
					}
					changes = append(changes, eventstore.Change{Key: e.Key, Value: value, Revision: e.Revision})
				}
				if err := d.Put(t.Context(), changes...); err == nil {
					done++
				} else if !eventstore.IsStale(err) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestOpenSQL uses a database as others than the log do.
func TestOpenSQL(t *testing.T) {
	through(t, func(t *testing.T, empty func(*testing.T) string) {
		db, err := postgres.OpenSQL(empty(t) + "&pool_max_conns=3")
		must(t, err)
		defer db.Close()
		_, err = db.Exec(`create table box (address text primary key, quota bigint, active boolean, since timestamptz, extra jsonb)`)
		must(t, err)
		var wg sync.WaitGroup
		for w := range 12 {
			wg.Go(func() {
				for i := range 20 {
					address := fmt.Sprintf("%d-%d@example.org", w, i)
					if _, err := db.Exec(`insert into box values ($1, $2, $3, $4, $5)`, address, 5<<30, i%2 == 0, time.Now(), `{"a":1}`); err != nil {
						t.Error(err)
						return
					}
					tx, err := db.Begin()
					if err == nil {
						_, err = tx.Exec(`update box set quota = quota + $2 where address = $1`, address, 1)
					}
					if err == nil {
						err = tx.Commit()
					}
					var quota int64
					if err == nil {
						err = db.QueryRow(`select quota from box where address = $1 and since < $2`, address, time.Now().Add(time.Hour)).Scan(&quota)
					}
					if err != nil || quota != 5<<30+1 {
						t.Error(quota, err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

func open(tb testing.TB, url string) *postgres.Driver {
	tb.Helper()
	d, err := postgres.Open(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	return d
}

// failure is what is said where a log cannot be opened.
func failure(t *testing.T, url string) string {
	t.Helper()
	d, err := postgres.Open(t.Context(), url)
	if err == nil {
		_ = d.Close()
		t.Errorf("%s was opened", url)
		return ""
	}
	return err.Error()
}

func database(t *testing.T, of string) string {
	t.Helper()
	u, err := url.Parse(of)
	must(t, err)
	return strings.TrimPrefix(u.Path, "/")
}

func as(t *testing.T, of, user, password string) string {
	t.Helper()
	u, err := url.Parse(of)
	must(t, err)
	u.User = url.UserPassword(user, password)
	return u.String()
}

// query runs statements on the server of most tests.
func query(t *testing.T, url, statements string) string {
	t.Helper()
	out, err := server().SQL(database(t, url), statements)
	must(t, err)
	return out
}

func appendTo(t testing.TB, log *eventstore.Log, stream domain.Stream, version int64, n int) {
	t.Helper()
	for i := range n {
		if _, err := log.Append(t.Context(), to(stream, version+int64(i), one("noted"))); err != nil {
			t.Error(err)
			return
		}
	}
}

func one(name string) eventstore.Record {
	id := uuid.Must(uuid.NewV7())
	return eventstore.Record{
		ID: id, RecordedAt: time.Now().UTC().Truncate(time.Microsecond), Actor: "person/anna", Correlation: id,
		Encoded: domain.Encoded{Type: name, Edition: 1, Data: payload},
	}
}

// payload is the data of a typical event.
var payload = fmt.Appendf(nil, `{"poll":"general-2026/accounts","choice":"for","cast":"2026-05-02","note":"%0150d"}`, 7)

// to is a stream's part in an append, as a [eventstore.Log] hands it to a driver.
func to(stream domain.Stream, version int64, records ...eventstore.Record) eventstore.StreamAppend {
	for i := range records {
		records[i].Stream, records[i].Version = stream, version+int64(i)+1
	}
	return eventstore.StreamAppend{Stream: stream, Version: version, Records: records}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
