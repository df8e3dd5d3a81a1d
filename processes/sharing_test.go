package processes_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/modules"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/eventstore/postgres"
	"rochdale/internal/pgtest"
	"rochdale/processes"
)

// A tool is a target as one node sees it: it notes what that node begins, and takes its
// time as a server does.
type tool struct {
	*memory.Service
	note func(provisioning.Login)
}

// Ensure is that of [processes.Provisioner].
func (t tool) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	t.note(want.Login)
	time.Sleep(50 * time.Millisecond)
	return t.Service.Ensure(ctx, want)
}

// BenchmarkSharing measures how nodes share the work of a target over PostgreSQL: how
// soon a single wish is begun, how long 900 take of a target that bears 16 at once and
// takes 50 ms for each, which is 2.8 s at best, and how many transactions that is. It is
// the evidence of docs/adr/0018. One round is one measurement: -benchtime 1x.
func BenchmarkSharing(b *testing.B) {
	for _, nodes := range []int{1, 2, 8} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			cluster := pgtest.Start(b)
			url := cluster.NewDatabase(b)
			at := memory.New(domain.Mail)
			var mu sync.Mutex
			asked, begun, by := map[provisioning.Login]time.Time{}, map[provisioning.Login]time.Time{}, map[provisioning.Login]int{}
			open := func() *eventstore.Store {
				driver, err := postgres.Open(b.Context(), url)
				if err != nil {
					b.Fatal(err)
				}
				keys, err := eventstore.NewKeys(driver, make([]byte, 32))
				if err != nil {
					b.Fatal(err)
				}
				s := eventstore.New(eventstore.NewLog(driver), modules.Registry(), keys)
				b.Cleanup(func() { _ = s.Log.Close() })
				return s
			}
			for i := range nodes {
				s := open()
				r := &processes.Reconciler{Store: s, Log: quiet, Terms: processes.Terms{Today: func() calendar.Date { return founding }}, Targets: []processes.Target{{
					Name: "mail", Service: domain.Mail, Parallel: 16, At: tool{at, func(login provisioning.Login) {
						mu.Lock()
						defer mu.Unlock()
						begun[login], by[login] = time.Now(), i
					}},
				}}}
				b.Cleanup(start(processes.NewRunner(s, quiet, r.Processes()...)))
			}
			writer := open()
			wish := func(n int) (login provisioning.Login) {
				login, id := provisioning.Login(fmt.Sprintf("a%d@example.org", n)), domain.SubscriptionID(fmt.Sprintf("s%d", n))
				of := entitlement.IDOf(id, domain.Mail)
				_, err := eventstore.Transact(as(b.Context()), writer, func(tx *eventstore.Tx) error {
					if err := eventstore.Do(tx, entitlement.Grant{Subscription: id, Party: "anna", Service: domain.Mail, Quota: domain.GB, From: founding}); err != nil {
						return err
					}
					return eventstore.Do2(tx, provisioning.RequestAccount{
						Account: domain.AccountID(of), Entitlement: of, Party: "anna", Service: domain.Mail, Login: loginIn(writer, login), Quota: domain.GB, On: founding,
					})
				})
				if err != nil {
					b.Fatal(err)
				}
				mu.Lock()
				defer mu.Unlock()
				asked[login] = time.Now()
				return login
			}
			made := func(n int) {
				for until := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
					mu.Lock()
					done := len(begun)
					mu.Unlock()
					if done >= n {
						return
					}
					if time.Now().After(until) {
						b.Fatalf("%d of %d were begun", done, n)
					}
				}
			}
			transactions := func() (n float64) {
				time.Sleep(1500 * time.Millisecond) // PostgreSQL tells with a delay
				text, err := cluster.SQL("postgres", "select sum(xact_commit) from pg_stat_database")
				if _, scanned := fmt.Sscan(strings.TrimSpace(text), &n); err != nil || scanned != nil {
					b.Fatal(text, err, scanned)
				}
				return n
			}
			for b.Loop() {
				wish(0)
				made(1)
				before, since := transactions(), time.Now()
				time.Sleep(10 * time.Second)
				b.ReportMetric((transactions()-before)/time.Since(since).Seconds(), "idle-tx/s")
				var waits []time.Duration
				for n := 1; n <= 20; n++ {
					login := wish(n)
					made(n + 1)
					mu.Lock()
					waits = append(waits, begun[login].Sub(asked[login]))
					mu.Unlock()
				}
				slices.Sort(waits)
				b.ReportMetric(float64(waits[10].Microseconds())/1000, "pickup-ms")
				before, since = transactions(), time.Now()
				var writing sync.WaitGroup
				for part := range 8 {
					writing.Go(func() {
						for n := 21 + part; n <= 920; n += 8 {
							wish(n)
						}
					})
				}
				writing.Wait()
				made(921)
				took := time.Since(since)
				b.ReportMetric(took.Seconds()*1000, "burst-ms")
				b.ReportMetric((transactions()-before)/900, "tx/account")
				mu.Lock()
				shares, most := make([]int, nodes), 0
				for _, node := range by {
					shares[node]++
					most = max(most, shares[node])
				}
				mu.Unlock()
				b.ReportMetric(100*float64(most)/float64(len(by)), "%-busiest")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}
