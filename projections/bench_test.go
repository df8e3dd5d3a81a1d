package projections_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/offering"
	"rochdale/domain/payment"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/eventstore/sqlite"
	"rochdale/projections"
)

func partyN(n int) domain.PartyID {
	return domain.PartyID(fmt.Sprintf("0198c0de-0000-7000-8000-%012d", n))
}

var (
	firstNames = []string{"Ada", "Élodie", "Bram", "Chloé", "Dirk", "Emma", "François", "Greet", "Hassan", "Ines"}
	lastNames  = []string{"Loom", "De Wever", "Spinner", "Dubois", "Peeters", "Janssens", "Maes", "Lambert", "El Amrani", "Wouters", "Claes"}
)

func identityN(n int) membership.Identity {
	return membership.Identity{
		FirstName: firstNames[n%len(firstNames)], LastName: fmt.Sprintf("%s-%d", lastNames[n%len(lastNames)], n/7), Street: fmt.Sprintf("Weverstraat %d", n%300),
		PostalCode: fmt.Sprint(1000 + n%8999), City: "Brussel", Country: "BE",
	}
}

func emailN(n int) string { return fmt.Sprintf("%s.%d@example%d.org", firstNames[n%3], n, n%50) }

// populate enters a register; and if there is to be more, it has its members
// subscribe, vote, and be billed twice.
func populate(t testing.TB, s *eventstore.Store, members int, more bool) {
	t.Helper()
	ctx, in := as(t.Context()), rules()
	in.Version = 1
	each := func(do func(tx *eventstore.Tx, n int) error) {
		t.Helper()
		for from := 0; from < members; from += 200 {
			_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
				for n := from; n < min(from+200, members); n++ {
					if err := do(tx, n); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	execute := func(do func(tx *eventstore.Tx) error) {
		t.Helper()
		if _, err := eventstore.Transact(ctx, s, do); err != nil {
			t.Fatal(err)
		}
	}
	execute(func(tx *eventstore.Tx) error {
		if err := eventstore.Do(tx, offering.Publish{Version: 1, On: day, From: day, List: prices()}); err != nil {
			return err
		}
		return eventstore.Do(tx, statutes.Adopt{Version: 1, On: day, InForceFrom: day, By: "deed", Statutes: in})
	})
	each(func(tx *eventstore.Tx, n int) error {
		err := eventstore.Do2(tx, membership.Enter{
			Party: partyN(n), Number: domain.MemberNumber(n + 1), Kind: membership.Person, Identity: identityN(n),
			Contact: membership.Contact{Email: emailN(n), Phone: "+32 2 000 00 00"}, Language: domain.Languages[n%3], AdmittedOn: day, On: day,
		})
		if err != nil {
			return err
		}
		return eventstore.Do(tx, shares.Enter{
			Subscription: "lot", Party: partyN(n), Class: "A", Quantity: 3, Paid: money.New(7500, "EUR"), On: day, Statutes: in,
		})
	})
	if !more {
		return
	}
	each(func(tx *eventstore.Tx, n int) error {
		party, id := partyN(n), domain.SubscriptionID(fmt.Sprint("s", n))
		err := eventstore.Do(tx, subscription.Subscribe{
			Subscription: id, Party: party, Payer: party, Plan: "nubo", GB: 10,
			Terms: subscription.Terms{PriceList: 1, LeastGB: 1, MostGB: 100}, On: day, From: day,
		})
		for _, service := range []domain.Service{domain.Mail, domain.Storage} {
			entitled := entitlement.IDOf(id, service)
			if err == nil {
				err = eventstore.Do(tx, entitlement.Grant{Subscription: id, Party: party, Service: service, Quota: domain.GB, From: day})
			}
			if err == nil {
				err = eventstore.Do2(tx, provisioning.RequestAccount{
					Account: domain.AccountID(entitled), Entitlement: entitled, Party: party, Service: service,
					Login: provisioning.Login(fmt.Sprintf("member%d@example.org", n)).Named(sealed.Digests{}), Quota: domain.GB, On: day,
				})
			}
			if err == nil {
				err = eventstore.Do(tx, provisioning.RecordProvisioned{Account: domain.AccountID(entitled), Quota: domain.GB, Revision: 1})
			}
		}
		return err
	})
	execute(func(tx *eventstore.Tx) error {
		err := eventstore.Do(tx, assembly.Convene{
			Assembly: "ga", Kind: assembly.Annual, Title: domain.Text{EN: "Annual assembly"}, On: day, HeldOn: day.AddDays(3), Statutes: in,
		})
		if err != nil {
			return err
		}
		for n := range members {
			if err := eventstore.Do2(tx, assembly.EnterRoll{Assembly: "ga", Party: partyN(n), Votes: 1}); err != nil {
				return err
			}
		}
		err = eventstore.Do(tx, assembly.FreezeRoll{Assembly: "ga", Voters: int64(members), Votes: int64(members), On: day.AddDays(3)})
		if err != nil {
			return err
		}
		return eventstore.Do2(tx, assembly.OpenPoll{
			Poll: "q", Assembly: "ga", Question: domain.Text{EN: "Shall we weave?"}, Decision: statutes.Ordinary, OpensAt: began, Statutes: in,
		})
	})
	each(func(tx *eventstore.Tx, n int) error {
		return eventstore.Do2(tx, assembly.CastVote{Poll: "q", Assembly: "ga", Party: partyN(n), Choice: assembly.Choices[n%3], At: began})
	})
	for month := range 2 {
		each(func(tx *eventstore.Tx, n int) error {
			id := domain.InvoiceID(fmt.Sprintf("i%d-%d", month, n))
			amount := money.New(500, "EUR")
			err := eventstore.Do2(tx, billing.IssueInvoice{
				Invoice: id, Series: "A", Month: day.Month().Add(month), Payer: partyN(n), On: day.AddMonths(month), TermDays: 30, IncludeVAT: true,
				Charges: []billing.Charge{{
					Kind: "plan", Description: "Nubo, 10 GB", Subscription: domain.SubscriptionID(fmt.Sprint("s", n)), Plan: "nubo", GB: 10,
					Period: calendar.Period{From: day, Through: day.AddDays(30)}, Quantity: decimal.NewFromInt(1), UnitPrice: amount.Decimal(),
					Amount: amount, Category: billing.Standard, Rate: decimal.NewFromInt(21),
				}},
				Language: domain.French, StatutesVersion: 1,
				Recipient: billing.Recipient{Name: identityN(n).Name(), Street: "Weverstraat 1", PostalCode: "1000", City: "Brussel", Country: "BE", Email: emailN(n)},
			})
			if err != nil {
				return err
			}
			return eventstore.Do(tx, payment.Record{
				Payment: domain.PaymentID("p" + id), Payer: partyN(n), Amount: amount, On: day.AddMonths(month), Method: payment.Transfer,
			})
		})
	}
}

// BenchmarkRebuild compares making the read models anew with the slower of what it
// is made of, reading the log and applying what is in memory, in alternation.
func BenchmarkRebuild(b *testing.B) {
	ctx := b.Context()
	d, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "log.db"))
	must(b, err)
	s := nodeOf(d, nil)
	populate(b, s, 10_000, true)
	m, err := projections.Open(ctx, b.TempDir(), s, quiet)
	must(b, err)
	defer m.Close()
	records := slices.Collect(func(yield func(eventstore.Record) bool) {
		for rec, err := range s.Log.All(ctx, 0) {
			must(b, err)
			if !yield(rec) {
				return
			}
		}
	})
	runtime.GC()
	var read, applied, rebuilt []float64
	for b.Loop() {
		per := func(do func()) float64 {
			runtime.GC()
			began := time.Now()
			do()
			return float64(len(records)) / time.Since(began).Seconds()
		}
		read = append(read, per(func() {
			for _, err := range s.Log.All(ctx, 0) {
				must(b, err)
			}
		}))
		applied = append(applied, per(func() { must(b, m.Fill(ctx, filepath.Join(b.TempDir(), "bare.db"), records)) }))
		rebuilt = append(rebuilt, per(func() { must(b, m.Rebuild(ctx, nil)) }))
	}
	ratios := make([]float64, len(read))
	for i := range ratios {
		ratios[i] = rebuilt[i] / min(read[i], applied[i])
	}
	b.ReportMetric(float64(len(records)), "events")
	b.ReportMetric(median(read), "read/s")
	b.ReportMetric(median(applied), "applied/s")
	b.ReportMetric(median(rebuilt), "rebuilt/s")
	b.ReportMetric(median(ratios), "ratio")
}

// BenchmarkLive has one writer wait until the read models have what it wrote, and
// then 32 writers at once.
func BenchmarkLive(b *testing.B) {
	for _, writers := range []int{1, 32} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			s := nodeOf(new(eventstore.Memory), nil)
			populate(b, s, 1000, false)
			m := open(b, b.TempDir(), s)
			run(b, m)
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for writer := range writers {
				wg.Go(func() {
					for round := next.Add(1); round <= int64(b.N); round = next.Add(1) {
						must(b, m.WaitFor(b.Context(), speak(b, s, writer, other(int(round)))))
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkQuestions asks what is asked most, of 100,000 members.
func BenchmarkQuestions(b *testing.B) {
	s := nodeOf(new(eventstore.Memory), nil)
	populate(b, s, 100_000, false)
	dir := b.TempDir()
	m, err := projections.Open(b.Context(), dir, s, quiet)
	must(b, err)
	must(b, m.Close())
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			m, err := projections.Open(b.Context(), dir, s, quiet)
			must(b, err)
			must(b, m.Close())
		}
	})
	m = open(b, dir, s)
	ask := func(name string, question func(n int) error) {
		b.Run(name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				must(b, question(n*7919%100_000))
			}
		})
	}
	ask("member with shares", func(n int) error {
		_, _, err := m.Member(b.Context(), partyN(n))
		if err == nil {
			_, err = m.Holdings(b.Context(), partyN(n))
		}
		return err
	})
	ask("member by number", func(n int) error {
		_, _, err := m.MemberByNumber(b.Context(), domain.MemberNumber(n+1))
		return err
	})
	ask("member by address", func(n int) error {
		_, err := m.MembersByEmail(b.Context(), emailN(n))
		return err
	})
	after := ""
	for _, by := range []projections.MemberOrder{projections.ByNumber, projections.ByName} {
		ask("page by "+string(by), func(int) error {
			l, err := m.Members(b.Context(), projections.MemberFilter{Status: projections.StatusMember, On: day}, by,
				projections.Page{First: 50, After: after, Uncounted: true})
			if after = ""; err == nil && l.HasNext {
				after = l.Cursor(49)
			}
			return err
		})
		after = ""
		for _, search := range []string{"elodie", "peeters 101", "99999", "ada.42@example42"} {
			ask("search for "+search+" by "+string(by), func(int) error {
				l, err := m.Members(b.Context(), projections.MemberFilter{Search: search}, by, projections.Page{First: 50, Uncounted: true})
				if err == nil && len(l.Items) == 0 {
					b.Fatal("nobody is found")
				}
				return err
			})
		}
	}
	ask("count", func(int) error {
		_, err := m.CountMembers(b.Context(), day)
		return err
	})
	ask("register", func(int) error {
		_, err := m.RegisterAt(b.Context(), day, time.Time{})
		return err
	})
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
