package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/processes"
	"rochdale/projections"
)

// neverInTheYear are kinds of event that do not occur in it, and why.
var neverInTheYear = map[string]string{}

// TestAYear plays 2026 in a co-op of a thousand members, with all that may happen to
// members and their shares, and holds it to what a tally by hand says of each month's end.
func TestAYear(t *testing.T) {
	g := &Globals{Data: t.TempDir(), Language: domain.English}
	g.Log = "sqlite:" + filepath.Join(g.Data, "log.db")
	term := &terminal{in: strings.NewReader(""), out: io.Discard, err: io.Discard, log: slog.New(slog.DiscardHandler)}
	err := withNewHouse(t.Context(), g, term, func(h *house) error {
		y := &year{T: t, house: h, tally: newTally(), rand: rand.New(rand.NewPCG(1844, 12)), busy: map[domain.PartyID]bool{}, script: map[calendar.Date][]func(){}}
		y.clock = time.Date(2026, time.January, 2, 8, 0, 0, 0, time.UTC)
		h.store.Now = func() time.Time { return y.clock }
		y.found()
		defer func() { y.must(h.models.Close()) }()
		y.takeOver()
		y.oldBooks()
		y.play()
		y.until(calendar.On(2027, time.January, 1))
		y.check()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestADeathLearntLate: on 10 May a co-op learns that a member has died on 3 March. The
// register as at 31 March is another by whether it is known then or at the end of May,
// and both are printed.
func TestADeathLearntLate(t *testing.T) {
	g := &Globals{Data: t.TempDir(), Language: domain.English}
	term := &terminal{in: strings.NewReader(""), out: io.Discard, err: io.Discard, log: slog.New(slog.DiscardHandler)}
	died, learnt := calendar.On(2026, time.March, 3), calendar.On(2026, time.May, 10)
	err := withNewHouse(t.Context(), g, term, func(h *house) error {
		y := &year{T: t, house: h, tally: newTally()}
		h.store.Now = func() time.Time { return y.clock }
		y.clock = time.Date(2026, time.January, 12, 8, 0, 0, 0, time.UTC)
		y.found()
		defer func() { y.must(h.models.Close()) }()
		y.rand = rand.New(rand.NewPCG(1, 1))
		ada := holdingOf{y.joins("A", 3, 7500), "A"}
		y.joins("A", 2, 5000)
		y.clock = learnt.Midnight(time.UTC).Add(10 * time.Hour)
		had(y, membership.Decease{Party: ada.party, On: died, LearntOn: learnt, Statutes: y.rules})
		y.leaves(y.asks(ada, shares.Deceased, 0, learnt, died), ada, 3, died)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		known string
		lives bool
		total string
	}{{"2026-03-31", true, "Subtotal A · 2 rows 5"}, {"2026-05-31", false, "Subtotal A · 1 row 2"}} {
		file := filepath.Join(t.TempDir(), "register")
		for _, format := range []string{"csv", "pdf"} {
			var out bytes.Buffer
			args := []string{
				"export", "register", "--data", g.Data, "--as-of", "2026-03-31", "--known-at", tt.known, "--format", format, "-o", file + "." + format,
			}
			if code := run(args, strings.NewReader(""), &out, &out); code != 0 {
				t.Fatalf("%s: %s", format, &out)
			}
		}
		csv, err := os.ReadFile(file + ".csv")
		if err != nil || strings.Contains(string(csv), "joiner-0001") != tt.lives || !strings.Contains(string(csv), "joiner-0004") {
			t.Errorf("known at %s: %v\n%s", tt.known, err, csv)
		}
		pdf, err := exec.Command("pdftotext", "-layout", file+".pdf", "-").CombinedOutput()
		text := strings.Join(strings.Fields(string(pdf)), " ")
		if err != nil || strings.Contains(text, "joiner-0001") != tt.lives || !strings.Contains(text, strings.Join(strings.Fields(tt.total), " ")) {
			t.Errorf("known at %s: %v\n%s", tt.known, err, pdf)
		}
	}
}

// A year is a co-op to which it happens.
type year struct {
	*testing.T
	*house
	*tally
	rules   statutes.Statutes
	clock   time.Time
	rand    *rand.Rand
	parties []domain.PartyID        // of the old register
	busy    map[domain.PartyID]bool // who has a part in the script
	script  map[calendar.Date][]func()
	number  domain.MemberNumber
	n       int
	closed  calendar.Date
	ends    []monthEnd
	leaving []leaver
	sent    int
}

// A leaver is a claim that takes effect on a day.
type leaver struct {
	claim shares.ClaimID
	holdingOf
	count int64
	on    calendar.Date
}

// A monthEnd is what was read at the end of a month.
type monthEnd struct {
	known
	register map[line]counted
}

func (y *year) ctx() context.Context { return asCLI(y.Context()) }

func (y *year) must(err error) {
	y.Helper()
	if err != nil {
		y.Fatal(err)
	}
}

func (y *year) today() calendar.Date { return calendar.Of(y.clock) }

func (y *year) id(of string) string {
	y.n++
	return fmt.Sprintf("%s-%04d", of, y.n)
}

func cents(minor int64) money.Money { return money.New(minor, "EUR") }

// had executes a command, which must be decided for and not known already.
func had[S any](y *year, cmd domain.Command[S]) {
	y.Helper()
	y.clock = y.clock.Add(time.Second)
	if _, err := eventstore.Execute(y.ctx(), y.store, cmd); err != nil {
		y.Fatalf("%v: %T: %v", y.today(), cmd, err)
	}
}

func had2[A, B any](y *year, cmd domain.Command2[A, B]) {
	y.Helper()
	y.clock = y.clock.Add(time.Second)
	if _, err := eventstore.Execute2(y.ctx(), y.store, cmd); err != nil {
		y.Fatalf("%v: %T: %v", y.today(), cmd, err)
	}
}

// refused executes a command to which a rule says no.
func refused2[A, B any](y *year, cmd domain.Command2[A, B], why domain.Refusal) {
	y.Helper()
	if _, err := eventstore.Execute2(y.ctx(), y.store, cmd); !errors.Is(err, why) {
		y.Fatalf("%v: %T: %v, want %v", y.today(), cmd, err, why)
	}
}

// all executes as many commands in one go.
func (y *year) all(run func(tx *eventstore.Tx) error) {
	y.Helper()
	y.clock = y.clock.Add(time.Second)
	_, err := eventstore.Transact(y.ctx(), y.store, run)
	y.must(err)
}

func stateOf[S any](y *year, stream domain.Stream) (state S) {
	y.Helper()
	_, err := eventstore.Transact(y.ctx(), y.store, func(tx *eventstore.Tx) (err error) {
		state, _, err = eventstore.Load[S](tx, stream)
		return err
	})
	y.must(err)
	return state
}

func (y *year) found() {
	s, err := statutes.Preset("nubo")
	y.must(err)
	s.Legal.IBAN = "BE68539007547034"
	s.Shares.PartialExit, s.Shares.IssueWhenPaid, s.Shares.CallDays = true, statutes.MustFraction("1/4"), 10
	a, b := &s.Shares.Classes[0], &s.Shares.Classes[1]
	a.Converts = []statutes.Conversion{{To: "B", Take: 3, Give: 2}}
	b.Price, b.Unavailable = money.Must("37.50 EUR"), true
	s.Shares.Exit.CapitalCap = statutes.MustFraction("1/10")
	s.Shares.Refunds.Limitation, s.Shares.Dividend.Limitation = 1, 1
	s.Membership.Resignation = statutes.Resignation{NoticeDays: 30, Effect: statutes.NoticeEnd, Withdrawable: true}
	s.Membership.Exclusion.By = statutes.Board
	s.Membership.Death.Heirs = statutes.MayJoin
	day := calendar.On(2018, time.January, 1)
	had(y, statutes.Adopt{Version: 1, On: day, InForceFrom: day, By: "deed", Statutes: s})
	s.Version = 1
	y.rules = s
	y.must(y.openModels(y.ctx()))
}

// takeOver imports the register that was kept in a spreadsheet.
func (y *year) takeOver() {
	const members = 960
	var people []processes.MemberRow
	var lots []processes.ShareRow
	type opening struct {
		number domain.MemberNumber
		class  domain.ClassID
		parcel parcel
	}
	var openings []opening
	admitted := make([]calendar.Date, members+1)
	ended := map[domain.MemberNumber]calendar.Date{}
	for n := domain.MemberNumber(1); n <= members; n++ {
		on := calendar.On(2018+y.rand.IntN(7), time.Month(1+y.rand.IntN(12)), 1+y.rand.IntN(28))
		admitted[n] = on
		e := membership.Enter{
			Number: n, Kind: membership.Person, AdmittedOn: on, Language: domain.Languages[y.rand.IntN(4)],
			Identity: membership.Identity{FirstName: fmt.Sprint("Ada ", n), LastName: "Sample", Street: "Toad Lane 31", PostalCode: "1000", City: "Brussels", Country: "BE"},
			Contact:  membership.Contact{Email: fmt.Sprintf("ada%d@example.org", n)},
		}
		if n%40 == 0 {
			e.Kind = membership.Organisation
			e.Identity = membership.Identity{Organisation: fmt.Sprint("Weavers ", n), Street: "Loom Lane 1", City: "Ghent", Country: "BE", EnterpriseNumber: "0123.456.749"}
		}
		if n%97 == 0 { // has left long ago
			e.EndedOn, e.EndReason = calendar.On(2025, time.March, 31), membership.Resigned
			ended[n] = e.EndedOn
		}
		people = append(people, processes.MemberRow{Line: int(n), Enter: e})
		for i := range 1 + y.rand.IntN(3) {
			if n%97 == 0 {
				break
			}
			class, price, count := domain.ClassID("A"), int64(2500), int64(1+y.rand.IntN(9))
			if n%10 == 3 {
				class, price = "B", 3750
			}
			taken := on.AddDays(i * 70)
			p := parcel{taken: taken, price: price, count: count, paid: count * price}
			row := processes.ShareRow{Line: len(lots) + 1, Number: n, Class: class, Quantity: count, On: taken}
			if n%20 == 1 && i == 0 {
				p.paid = count * 1000
				row.Paid = new(money.Money)
				*row.Paid = cents(p.paid)
			}
			if n%20 == 1 && i > 0 {
				break
			}
			lots, openings = append(lots, row), append(openings, opening{n, class, p})
		}
	}
	ctx := asImport(y.Context())
	for _, load := range []func(processes.Import) (processes.ImportResult, error){
		func(i processes.Import) (processes.ImportResult, error) { return i.Members(ctx, people) },
		func(i processes.Import) (processes.ImportResult, error) { return i.Shares(ctx, lots) },
	} {
		y.clock = y.clock.Add(time.Minute)
		result, err := load(processes.Import{Store: y.store, On: y.today()})
		y.must(err)
		if len(result.Refused) > 0 {
			y.Fatalf("%+v", result.Refused)
		}
	}
	y.number = members
	y.parties = make([]domain.PartyID, members+1)
	y.all(func(tx *eventstore.Tx) error {
		for n := 1; n <= members; n++ {
			number, _, err := eventstore.Load[membership.Number](tx, membership.NumberStream(domain.MemberNumber(n)))
			if err != nil {
				return err
			}
			y.parties[n] = number.Party()
		}
		return nil
	})
	entered := y.clock.Add(-time.Second)
	for n := 1; n <= members; n++ {
		y.members = append(y.members, spell{party: y.parties[n], first: admitted[n], at: entered})
		if last, left := ended[domain.MemberNumber(n)]; left {
			y.members = append(y.members, spell{party: y.parties[n], last: last, at: entered})
			y.busy[y.parties[n]] = true
		}
	}
	for _, o := range openings {
		h := holdingOf{y.parties[o.number], o.class}
		i := len(y.holdings[h])
		o.parcel.of = string(stateOf[shares.Holding](y, shares.StreamOf(h.party, h.class)).Lots()[i].Subscription)
		y.change(o.parcel.taken, entered, func() { y.put(h, o.parcel) }, h)
		y.write(h, []parcel{o.parcel}, 1, o.parcel.taken, entered)
	}
}

// someone is a member of the old register with no part in the script yet, who holds as
// many shares of a class, all of them paid.
func (y *year) someone(class domain.ClassID, count int64) domain.PartyID {
	for {
		n := 1 + y.rand.IntN(len(y.parties)-1)
		party := y.parties[n]
		if !y.busy[party] && n%20 != 1 && n%40 != 0 && y.held(holdingOf{party, class}) >= count {
			y.busy[party] = true
			return party
		}
	}
}

// debtor is one whose shares are not paid up.
func (y *year) debtor() domain.PartyID {
	for n := 1; ; n += 20 {
		if party := y.parties[n]; !y.busy[party] {
			y.busy[party] = true
			return party
		}
	}
}

// take has a party subscribe, pay so much and be issued the shares.
func (y *year) takes(party domain.PartyID, class domain.ClassID, count, paid int64) string {
	id, h := y.id("subscription"), holdingOf{party, class}
	c, _ := y.rules.Class(class)
	price := c.Price.Minor()
	y.subscribes(party, class, count, id)
	y.pays(h, id, price, paid)
	had(y, shares.Issue{Subscription: shares.SubscriptionID(id), Party: party, Class: class, On: y.today(), Statutes: y.rules, Closed: y.closed})
	y.issued(h, parcel{of: id, taken: y.today(), price: price, count: count, paid: paid})
	return id
}

func (y *year) subscribes(party domain.PartyID, class domain.ClassID, count int64, id string) {
	had(y, shares.Subscribe{Subscription: shares.SubscriptionID(id), Party: party, Class: class, Quantity: count, On: y.today(), Statutes: y.rules})
}

// pays records money for a subscription whose shares are not issued.
func (y *year) pays(h holdingOf, id string, price, amount int64) {
	had(y, shares.RecordPayment{
		Subscription: shares.SubscriptionID(id), Party: h.party, Class: h.class, Amount: cents(amount), On: y.today(), Reference: y.id("bank"), Closed: y.closed,
	})
	y.moves = append(y.moves, move{holdingOf: h, of: id, price: price, paid: amount, on: y.today(), at: y.clock})
}

// issued enters shares, what was paid on which is entered already.
func (y *year) issued(h holdingOf, p parcel) {
	y.change(y.today(), y.clock, func() { y.put(h, p) }, h)
	y.moves = append(y.moves, move{h, p.of, p.price, p.taken, p.count, 0, y.today(), y.clock})
}

// paysUp pays on the only shares of a party, on a day.
func (y *year) paysUp(h holdingOf, amount int64, on calendar.Date, cmd shares.RecordPayment) {
	p := &y.holdings[h][0]
	cmd.Subscription, cmd.Party, cmd.Class, cmd.On, cmd.Closed = shares.SubscriptionID(p.of), h.party, h.class, on, y.closed
	if cmd.Amount.IsZero() {
		cmd.Amount = cents(amount)
	}
	if cmd.Reference == "" {
		cmd.Reference = y.id("bank")
	}
	had(y, cmd)
	y.change(on, y.clock, func() { p.paid += amount }, h)
	y.moves = append(y.moves, move{holdingOf: h, of: p.of, price: p.price, paid: amount, on: on, at: y.clock})
}

// signatures are somebody's in every quality.
func (y *year) signatures(by domain.PartyID) (all []shares.Signature) {
	for _, as := range []shares.Signatory{shares.AsTransferor, shares.AsTransferee, shares.AsHeir, shares.AsBoard} {
		all = append(all, shares.Signature{As: as, By: by, On: y.today(), How: shares.OnPaper})
	}
	return all
}

func (y *year) transfer(from, to domain.PartyID, class domain.ClassID, count int64, kind shares.TransferKind) (shares.TransferID, []parcel) {
	id := shares.TransferID(y.id("transfer"))
	had2(y, shares.Transfer{
		Transfer: id, Kind: kind, From: from, To: to, Class: class, Quantity: count, Signed: y.signatures(from), Decision: "minutes", On: y.today(), Statutes: y.rules, Closed: y.closed,
	})
	return id, y.passes(from, to, class, count)
}

func (y *year) passes(from, to domain.PartyID, class domain.ClassID, count int64) (parcels []parcel) {
	a, b := holdingOf{from, class}, holdingOf{to, class}
	y.change(y.today(), y.clock, func() {
		parcels = y.take(a, count)
		y.write(a, parcels, -1, y.today(), y.clock)
		y.write(b, parcels, 1, y.today(), y.clock)
		for _, p := range parcels {
			y.put(b, p)
		}
	}, a, b)
	return parcels
}

// gone takes shares out of the register on a day, which stand in the books on another.
func (y *year) gone(h holdingOf, count int64, on, booked calendar.Date) (parcels []parcel) {
	y.change(booked, y.clock, func() {
		parcels = y.take(h, count)
		y.write(h, parcels, -1, on, y.clock)
	}, h)
	return parcels
}

// back puts shares back that were gone.
func (y *year) back(h holdingOf, parcels []parcel) {
	y.change(y.today(), y.clock, func() {
		for _, p := range parcels {
			y.put(h, p)
		}
		y.write(h, parcels, 1, y.today(), y.clock)
	}, h)
}

// joins has somebody apply, pay for shares and be admitted.
func (y *year) joins(class domain.ClassID, count, paid int64) domain.PartyID {
	party := domain.PartyID(y.id("joiner"))
	y.applies(party, membership.Wish{Class: class, Quantity: int(count)})
	id := y.id("subscription")
	c, _ := y.rules.Class(class)
	y.subscribes(party, class, count, id)
	y.pays(holdingOf{party, class}, id, c.Price.Minor(), paid)
	y.admit(party)
	had(y, shares.Issue{Subscription: shares.SubscriptionID(id), Party: party, Class: class, On: y.today(), Statutes: y.rules, Closed: y.closed})
	y.issued(holdingOf{party, class}, parcel{of: id, taken: y.today(), price: c.Price.Minor(), count: count, paid: paid})
	return party
}

func (y *year) applies(party domain.PartyID, wishes ...membership.Wish) {
	had(y, membership.Apply{
		Party: party, Kind: membership.Person, Identity: y.person(string(party)), Contact: membership.Contact{Email: string(party) + "@example.org"},
		Language: domain.Languages[y.rand.IntN(4)], Shares: wishes, On: y.today(), Statutes: y.rules,
	})
}

func (*year) person(name string) membership.Identity {
	return membership.Identity{FirstName: name, LastName: "Sample", Street: "Toad Lane 31", PostalCode: "1000", City: "Brussels", Country: "BE"}
}

func (y *year) decided() membership.Decision {
	return membership.Decision{By: statutes.Board, On: y.today(), Minutes: "minutes " + y.today().String()}
}

func (y *year) admit(party domain.PartyID) {
	y.number++
	had2(y, membership.Admit{Party: party, Number: y.number, On: y.today(), Shares: 1, Decision: y.decided(), Statutes: y.rules})
	y.members = append(y.members, spell{party: party, first: y.today(), at: y.clock})
}

func (y *year) endsOn(party domain.PartyID, last calendar.Date) {
	y.members = append(y.members, spell{party: party, last: last, at: y.clock})
}

// asks has a party give back shares; 0 is all.
func (y *year) asks(h holdingOf, reason shares.ExitReason, count int64, on, effective calendar.Date) shares.ClaimID {
	id := shares.ClaimID(y.id("claim"))
	had2(y, shares.RequestExit{Claim: id, Party: h.party, Class: h.class, Reason: reason, Quantity: count, On: on, EffectiveOn: effective, Statutes: y.rules})
	return id
}

func (y *year) accepts(id shares.ClaimID, asked, count int64) {
	had2(y, shares.AcceptExit{Claim: id, Rest: id + "-rest", Asked: asked, Quantity: count, Decision: "minutes", On: y.today(), Statutes: y.rules})
}

// leaves has the shares of a claim leave.
func (y *year) leaves(id shares.ClaimID, h holdingOf, count int64, on calendar.Date) []parcel {
	had2(y, shares.TakeEffect{Claim: id, Party: h.party, Class: h.class, On: y.today(), Statutes: y.rules, Closed: y.closed})
	booked := on
	if !on.After(y.closed) {
		booked = y.today()
	}
	return y.gone(h, count, on, booked)
}

func (y *year) accounts() shares.Accounts { return stateOf[shares.Accounts](y, shares.AccountsStream) }

func (y *year) values(id shares.ClaimID) {
	had(y, shares.ValueExit{Claim: id, Accounts: y.accounts(), On: y.today(), Statutes: y.rules})
}

// approves has the assembly approve accounts, and closes the year.
func (y *year) approves(of int, on calendar.Date, loss int64) {
	through := calendar.On(of, time.December, 31)
	issued := map[domain.ClassID]int64{}
	for l, c := range y.register(known{through, y.clock}) {
		issued[l.class] += c.count
	}
	had(y, shares.ApproveAccounts{
		Year: calendar.Period{From: calendar.On(of, time.January, 1), Through: through}, NetAssets: money.Must("500000.00 EUR"), Loss: cents(loss),
		Issued: issued, Decision: "assembly", On: on, Statutes: y.rules,
	})
	y.closed = through
}

func (y *year) certifies(amount string, on calendar.Date) shares.BudgetID {
	id := shares.BudgetID(y.id("budget"))
	had(y, shares.CertifyBudget{
		Budget: id, Amount: money.Must(amount), Decision: "minutes", On: on, Statutes: y.rules,
		NetAssets: shares.NetAssets{At: on, Assets: money.Must("500000.00 EUR"), Certified: shares.Certified{By: statutes.Assembled, On: on, Document: "minutes"}},
		Liquidity: shares.Liquidity{At: on, Cash: money.Must("90000.00 EUR"), Certified: shares.Certified{By: statutes.Board, On: on, Document: "minutes"}},
	})
	return id
}

func (y *year) claim(id shares.ClaimID) shares.Claim {
	return stateOf[shares.Claim](y, shares.ExitStream(id))
}

func (y *year) releases(id shares.ClaimID, budget shares.BudgetID, on calendar.Date) {
	had2(y, shares.ReleaseRefund{Claim: id, Budget: budget, Amount: y.claim(id).Waiting(), On: on})
}

// oldBooks enters what is open from the years before, on the days on which it happened.
func (y *year) oldBooks() {
	y.clock = y.clock.AddDate(0, 0, 3)
	may := calendar.On(2025, time.May, 24)
	y.approves(2024, may, 0)

	// A dividend of 2024, earned by what the tally says was paid on shares day by day.
	rate := decimal.New(2, -2)
	was := calendar.Period{From: calendar.On(2024, time.January, 1), Through: calendar.On(2024, time.December, 31)}
	had(y, shares.SetWithholding{From: was.From, Rate: decimal.New(30, -2), Source: "CIR 92 art. 269", On: may})
	var earnings []shares.Earning
	days := map[holdingOf]int64{}
	for _, m := range y.moves {
		from := m.on
		if from.Before(was.From) {
			from = was.From
		}
		days[m.holdingOf] += m.paid * int64(max(from.DaysUntil(was.Through.AddDays(1)), 0))
	}
	for _, party := range y.parties[1:] {
		for _, class := range []domain.ClassID{"A", "B"} {
			if n := days[holdingOf{party, class}]; n > 0 {
				earnings = append(earnings, shares.Earning{Party: party, Class: class, PaidDays: n})
			}
		}
	}
	tax, err := stateOf[shares.Withholding](y, shares.WithholdingStream).At(may)
	y.must(err)
	rates := []shares.ClassRate{{Class: "A", Rate: rate}, {Class: "B", Rate: rate}}
	allotments, total := shares.Allot(was, rates, earnings, tax, "EUR")
	dividend := shares.DividendID("2024")
	decide := shares.DecideDividend{
		Dividend: dividend, Year: was, Rates: rates, Total: total, Budget: y.certifies("20000.00 EUR", may), Decision: "assembly", On: may.AddDays(1),
		PayableOn: may.AddDays(20), Statutes: y.rules, Closed: y.closed,
	}
	had2(y, decide)
	y.all(func(tx *eventstore.Tx) error {
		for _, a := range allotments {
			if err := eventstore.Do2(tx, shares.AllotDividend{Dividend: dividend, Allotment: a, Closed: y.closed}); err != nil {
				return err
			}
		}
		return nil
	})
	paid := may.AddDays(22)
	for i, a := range allotments[:len(allotments)-1] {
		if i%3 == 0 {
			had(y, shares.PayDividend{Dividend: dividend, Party: a.Party, Amount: a.Net(), Reference: fmt.Sprint("dividend ", i), On: paid, Closed: y.closed})
		}
	}
	had(y, shares.ReturnDividend{Dividend: dividend, Party: allotments[0].Party, Reference: "dividend 0", Document: "bank", On: paid.AddDays(2), Closed: y.closed})
	twice := allotments[1]
	had(y, shares.ReversePayout{Reversal: "1", Dividend: dividend, Party: twice.Party, Document: "minutes", On: y.today(), Closed: y.closed})
	had2(y, shares.AllotDividend{Dividend: dividend, Allotment: twice, On: y.today(), Closed: y.closed})

	// Somebody who left in 2025, whose refund nobody has collected: the shares leave the
	// register only now, on the day on which they left.
	h := holdingOf{y.someone("A", 3), "A"}
	count := y.held(h)
	old := y.asks(h, shares.Resigned, 0, calendar.On(2025, time.May, 2), calendar.On(2025, time.June, 30))
	had2(y, shares.AcceptExit{Claim: old, Asked: count, Quantity: count, Decision: "minutes", On: calendar.On(2025, time.May, 3), Statutes: y.rules})
	y.leaves(old, h, count, calendar.On(2025, time.June, 30))
	had(y, shares.ValueExit{Claim: old, Accounts: y.accounts(), On: calendar.On(2025, time.July, 1), Statutes: y.rules})
	y.releases(old, y.certifies("1000.00 EUR", calendar.On(2025, time.July, 8)), calendar.On(2025, time.July, 9))
	decide.Dividend, decide.Claims, decide.On, decide.PayableOn = "2024b", []shares.Claim{y.claim(old)}, y.today(), y.today()
	refused2(y, decide, shares.ErrRefundsFirst)

	// A payment of February 2025 that was more than was due, and time-barred in 2026.
	over := holdingOf{y.debtor(), "A"}
	due := y.holdings[over][0]
	rest := due.count*due.price - due.paid
	y.paysUp(over, rest, calendar.On(2025, time.February, 10), shares.RecordPayment{Amount: cents(rest + 1234), Reference: "old bank", KeepRest: true})

	y.at(time.July, 17, func() {
		had(y, shares.TimeBarDividend{Dividend: dividend, Party: allotments[4].Party, On: y.today(), Statutes: y.rules, Closed: y.closed})
		had(y, shares.ReversePayout{Reversal: "2", Dividend: dividend, Party: allotments[4].Party, Barred: true, Document: "letter", On: y.today(), Closed: y.closed})
		had(y, shares.TimeBarRefund{Claim: old, On: y.today(), Statutes: y.rules, Closed: y.closed})
		had(y, shares.ReverseClaimEntry{Reversal: "bar", Claim: old, Entry: shares.EntryBarred, Document: "letter", On: y.today(), Closed: y.closed})
		had(y, shares.PayRefund{Claim: old, Amount: y.claim(old).Released(), Reference: y.id("bank"), On: y.today(), Closed: y.closed})
		had(y, shares.TimeBarCredit{Party: over.party, Class: "A", Reference: "old bank", On: y.today(), Statutes: y.rules, Closed: y.closed})
		had(y, shares.ReverseEntry{Reversal: "credit", Entry: shares.EntryTimeBar, Of: "old bank", Party: over.party, Class: "A", Document: "letter", On: y.today(), Closed: y.closed})
	})
}

// at has something happen on a day of the year.
func (y *year) at(month time.Month, day int, do func()) {
	on := calendar.On(2026, month, day)
	y.script[on] = append(y.script[on], do)
}

// until lets the days pass, with what happens on them.
func (y *year) until(end calendar.Date) {
	for y.today().Before(end) {
		for _, do := range y.script[y.today()] {
			do()
		}
		y.ordinary()
		if today := y.today(); today == today.Month().Last() {
			y.monthEnds()
		}
		y.clock = y.today().AddDays(1).Midnight(time.UTC).Add(8 * time.Hour)
	}
}

// ordinary is a day on which nothing is in the script.
func (y *year) ordinary() {
	var later []leaver
	for _, l := range y.leaving {
		if y.today().Before(l.on) {
			later = append(later, l)
			continue
		}
		y.leaves(l.claim, l.holdingOf, l.count, l.on)
		y.values(l.claim)
	}
	y.leaving = later
	if y.today().Year() != 2026 {
		return
	}
	switch y.today().Day() % 5 {
	case 0:
		y.joins("A", int64(1+y.rand.IntN(4)), 2500)
	case 1:
		count := int64(1 + y.rand.IntN(5))
		y.joins("B", count, count*3750)
	case 2:
		from, to := y.someone("A", 4), y.someone("A", 1)
		y.transfer(from, to, "A", int64(1+y.rand.IntN(3)), shares.Sale)
		y.busy[from], y.busy[to] = false, false
	case 3:
		party := y.someone("A", 2)
		count := int64(1 + y.rand.IntN(6))
		y.takes(party, "A", count, count*2500)
		y.busy[party] = false
	case 4:
		y.resigns()
	}
}

// resigns has a member leave with all shares, or give back one of them.
func (y *year) resigns() {
	party := y.someone("A", 3)
	h := holdingOf{party, "A"}
	held := y.held(h)
	ends := y.today().AddDays(30)
	if y.rand.IntN(2) == 0 {
		id := y.asks(h, shares.Resigned, 1, y.today(), calendar.Date{})
		y.accepts(id, 1, 1)
		y.leaving = append(y.leaving, leaver{id, h, 1, ends})
		return
	}
	had(y, membership.Resign{Party: party, On: y.today(), Members: 1000, Statutes: y.rules})
	y.endsOn(party, ends)
	id := y.asks(h, shares.Resigned, 0, y.today(), calendar.Date{})
	if y.rand.IntN(3) == 0 { // some of them leave next year
		y.accepts(id, held, held-1)
		y.leaving = append(y.leaving, leaver{id, h, held - 1, ends})
		return
	}
	y.accepts(id, held, held)
	y.leaving = append(y.leaving, leaver{id, h, held, ends})
}

// monthEnds has the processes do their work, and keeps what the register says.
func (y *year) monthEnds() {
	y.clock = y.today().Midnight(time.UTC).Add(22 * time.Hour)
	y.must(y.models.CatchUp(y.ctx()))
	notices := processes.Notices{Store: y.store, Post: y, Numbers: y.models, Host: "coop.example", Days: 40, Today: y.today, Log: y.t.log, Link: y.contacts("https://coop.example").Link}
	runner := processes.NewRunner(y.store, y.t.log, processes.Erasure(y.store, y.access.SignOut), processes.References(y.store, y.models), notices.Process())
	y.must(runner.CatchUp(y.ctx()))
	y.must(y.models.CatchUp(y.ctx()))
	k := known{y.today(), y.clock}
	y.ends = append(y.ends, monthEnd{k, y.read(known{y.today(), time.Time{}})})
	y.clock = y.clock.Add(time.Second)
}

// Send is that of [processes.Post].
func (y *year) Send(context.Context, string, string, string, string) error {
	y.sent++
	return nil
}

// read returns what the register says.
func (y *year) read(k known) map[line]counted {
	y.Helper()
	lines := map[line]counted{}
	for e, err := range y.models.Register(y.ctx(), projections.AsAt{Day: k.on, Known: k.at}, "") {
		y.must(err)
		l := line{holdingOf{e.Party, e.Class}, e.AcquiredOn, e.Price.Minor()}
		if _, twice := lines[l]; twice {
			y.Errorf("the register of %v has %+v twice", k.on, l)
		}
		lines[l] = counted{e.Quantity, e.Paid.Minor()}
	}
	return lines
}

// check holds the year to what must be true of it.
func (y *year) check() {
	y.must(y.models.CatchUp(y.ctx()))
	books := y.readLog()
	if y.sent == 0 {
		y.Error("nobody was told of anything")
	}
	if len(y.ends) != 12 {
		y.Fatalf("the year has %d months", len(y.ends))
	}
	for _, end := range y.ends {
		now := known{end.on, y.clock}
		differ(y.T, fmt.Sprintf("on %v, as it was read then", end.on), end.register, y.register(end.known))
		differ(y.T, fmt.Sprintf("on %v, as known then", end.on), y.read(end.known), y.register(end.known))
		differ(y.T, fmt.Sprintf("on %v, as known now", end.on), y.read(now), y.register(now))
		for _, k := range []known{end.known, now} {
			members, err := y.models.MembersAt(y.ctx(), k.on, k.at)
			y.must(err)
			var ids []domain.PartyID
			for _, m := range members {
				ids = append(ids, m.Party)
			}
			slices.Sort(ids)
			if by := y.membersAt(k); !slices.Equal(ids, by) {
				y.Errorf("on %v, known at %v, there are %d members, and %d by hand", k.on, k.at, len(ids), len(by))
			}
			books.check(y, k)
		}
	}
	if members := y.membersAt(known{calendar.On(2026, time.December, 31), y.clock}); len(members) < 900 || len(members) > 1100 {
		y.Errorf("it is a co-op of %d members, not of a thousand", len(members))
	}
	y.kinds(books.kinds)
	differences, err := y.models.Verify(y.ctx(), nil)
	if err != nil || len(differences) > 0 {
		y.Errorf("views verify: %v %v", differences, err)
	}
}

// kinds holds that everything has happened that can.
func (y *year) kinds(happened map[string]int) {
	for _, kind := range y.store.Registry.Types() {
		of, _, _ := strings.Cut(kind.Type, ".")
		if of != "membership" && of != "shares" {
			continue
		}
		why, never := neverInTheYear[kind.Type]
		switch {
		case never && happened[kind.Type] > 0:
			y.Errorf("%s has happened, though %q: take it from the list", kind.Type, why)
		case !never && happened[kind.Type] == 0:
			y.Errorf("%s has never happened", kind.Type)
		}
	}
}

// yearBooks are what the log says, read again from its beginning.
type yearBooks struct {
	kinds    map[string]int
	holdings map[domain.Stream][]stamped[shares.Holding]
	claims   map[domain.Stream][]stamped[shares.Claim]
	budgets  map[domain.Stream][]stamped[shares.Budget]
	payouts  map[domain.Stream][]stamped[shares.Payout]
}

// stamped is an event with the instant at which it was recorded.
type stamped[S any] struct {
	domain.Event[S]
	at time.Time
}

func stamp[S any](to map[domain.Stream][]stamped[S], rec eventstore.Record, event any) {
	if e, is := event.(domain.Event[S]); is {
		to[rec.Stream] = append(to[rec.Stream], stamped[S]{e, rec.RecordedAt})
	}
}

func (y *year) readLog() yearBooks {
	b := yearBooks{
		map[string]int{},
		map[domain.Stream][]stamped[shares.Holding]{},
		map[domain.Stream][]stamped[shares.Claim]{},
		map[domain.Stream][]stamped[shares.Budget]{},
		map[domain.Stream][]stamped[shares.Payout]{},
	}
	for rec, err := range y.store.Log.All(y.ctx(), 0) {
		y.must(err)
		b.kinds[rec.Type]++
		event, err := y.store.Decode(y.ctx(), rec)
		y.must(err)
		stamp(b.holdings, rec, event)
		stamp(b.claims, rec, event)
		stamp(b.budgets, rec, event)
		stamp(b.payouts, rec, event)
	}
	return b
}

func effective(event any) calendar.Date { on, _ := shares.Dates(event); return on }
func booked(event any) calendar.Date    { _, on := shares.Dates(event); return on }

// asOf returns the state of a stream, and its postings, as they were known; by one of
// the days of its events.
func asOf[S shares.Ledger](all []stamped[S], k known, day func(event any) calendar.Date) (state S, postings []shares.Posting) {
	var events []domain.Event[S]
	for _, e := range all {
		if k.has(day(e.Event), e.at) {
			events = append(events, e.Event)
		}
	}
	slices.SortStableFunc(events, func(a, b domain.Event[S]) int { return day(a).Compare(day(b)) })
	for _, e := range events {
		state = e.Evolve(state)
	}
	return state, shares.Journal(events)
}

// check holds the register, its books and the tally to each other on a day.
func (b yearBooks) check(y *year, k known) {
	y.Helper()
	at := fmt.Sprintf("on %v, known at %v", k.on, k.at.Format(time.DateTime))
	byClass := map[domain.ClassID][]shares.Holding{}
	var postings []shares.Posting
	held, worth := map[domain.ClassID]int64{}, shares.Balances{}
	for _, stream := range slices.Sorted(maps.Keys(b.holdings)) {
		h, posted := asOf(b.holdings[stream], k, booked)
		inForce, _ := asOf(b.holdings[stream], k, effective)
		postings, worth = append(postings, posted...), worth.Plus(h.Balances())
		class := domain.ClassID(stream[strings.LastIndex(string(stream), "/")+1:])
		byClass[class] = append(byClass[class], h)
		held[class] += inForce.Held()
		for _, l := range h.Lots() {
			if l.Quantity < 1 || l.Paid.Sign() < 0 || l.Paid.Minor() > l.Cost().Minor() || l.Left().Sign() < 0 || l.Unpaid().Sign() < 0 {
				y.Errorf("%s: %s has a lot %+v", at, stream, l)
			}
		}
	}
	for _, stream := range slices.Sorted(maps.Keys(b.claims)) {
		c, posted := asOf(b.claims[stream], k, booked)
		postings, worth = append(postings, posted...), worth.Plus(c.Balances())
		if c.Waiting().Sign() < 0 || c.Released().Sign() < 0 || c.Unpaid().Sign() < 0 {
			y.Errorf("%s: of %s %v wait, %v are released, %v unpaid", at, stream, c.Waiting(), c.Released(), c.Unpaid())
		}
	}
	for _, stream := range slices.Sorted(maps.Keys(b.payouts)) {
		p, posted := asOf(b.payouts[stream], k, booked)
		postings, worth = append(postings, posted...), worth.Plus(p.Balances())
	}
	for stream, all := range b.budgets {
		var budget shares.Budget
		for _, e := range all {
			budget = e.Evolve(budget)
		}
		if left := budget.Left(); left.Sign() < 0 {
			y.Errorf("of %s %v are left", stream, left)
		}
	}
	var sum, between, byLedger int64
	contributions := map[domain.ClassID]int64{}
	for _, p := range postings {
		sum += p.Amount.Minor()
		switch p.Account {
		case shares.Between:
			between += p.Amount.Minor()
		case shares.Contributions:
			contributions[p.Class] -= p.Amount.Minor()
			byLedger -= p.Amount.Minor()
		default:
		}
	}
	if sum != 0 || between != 0 {
		y.Errorf("%s: debits and credits differ by %d, %d are between two streams", at, sum, between)
	}
	stands := shares.Sum(postings)
	for _, account := range []shares.Account{
		shares.Contributions, shares.Receivable, shares.Pending, shares.Credits, shares.Exits, shares.Refunds, shares.Dividends, shares.TaxWithheld,
	} {
		if worth[account].Minor() != stands[account].Minor() {
			y.Errorf("%s: %s are %v by the register and %v by the books", at, account, worth[account], stands[account])
		}
	}
	issued := map[domain.ClassID]int64{}
	byHand := y.contributed(k)
	for l, c := range y.register(k) {
		issued[l.class] += c.count
		if c.count < 0 || c.paid < 0 {
			y.Errorf("%s: %+v is %+v by hand", at, l, c)
		}
	}
	available, unavailable := shares.Contributed(y.rules, byClass)
	if available.Minor() != byHand["A"] || unavailable.Minor() != byHand["B"] {
		y.Errorf("%s: contributed are %v (account 110) and %v (111), and %d and %d by hand", at, available, unavailable, byHand["A"], byHand["B"])
	}
	if contributions["A"] != byHand["A"] || contributions["B"] != byHand["B"] || byLedger != byHand["A"]+byHand["B"] {
		y.Errorf("%s: the books have %v contributed, and by hand it is %v", at, contributions, byHand)
	}
	for _, class := range []domain.ClassID{"A", "B"} {
		if held[class] != issued[class] {
			y.Errorf("%s: %d shares of class %s are held, and %d issued", at, held[class], class, issued[class])
		}
	}
}

// erase has personal data erased, through the version of its key.
func (y *year) erase(party domain.PartyID, class sealed.Class) {
	through, err := y.store.Keys.Version(y.ctx(), party, class)
	y.must(err)
	had(y, membership.ErasePersonalData{Party: party, Class: class, Through: through, On: y.today(), Statutes: y.rules})
}

// play writes the script of the year.
func (y *year) play() {
	y.playMembers()
	y.playShares()
	y.playExits()
	y.playMistakes()
}

// playMembers is what happens to members, and to who would be one.
func (y *year) playMembers() {
	candidate := func(name string) domain.PartyID { return domain.PartyID("candidate-" + name) }
	y.at(time.January, 12, func() {
		had(y, membership.NameFounder{Party: y.someone("A", 1), On: y.today()})
		party := y.someone("A", 1)
		had(y, membership.ChangeIdentity{Party: party, Identity: y.person("Beryl"), On: y.today()})
		had(y, membership.ChangeLanguage{Party: party, Language: domain.German, On: y.today()})
		had(y, membership.ChangeBankAccount{Party: party, Account: membership.BankAccount{IBAN: "BE68539007547034"}, On: y.today(), Statutes: y.rules})
		had(y, membership.RemoveBankAccount{Party: party, On: y.today().AddDays(2)})
		for i, by := range []membership.Channel{membership.OldChannel, membership.BySecretary} {
			request := membership.RequestContactChange{
				Party: party, Request: membership.RequestID(fmt.Sprint(i)), Contact: membership.Contact{Email: fmt.Sprint("new", i, "@example.org")}, On: y.today(), Statutes: y.rules,
			}
			had(y, request)
			if i == 0 {
				had(y, membership.ConfirmContactChange{Party: party, Request: request.Request, By: by, On: y.today()})
			} else {
				had(y, membership.DeclineContactChange{Party: party, Request: request.Request, By: by, On: y.today()})
			}
		}
	})
	y.at(time.February, 2, func() {
		ada, bert, org := y.someone("A", 1), y.someone("A", 1), y.parties[40]
		had2(y, membership.JoinHousehold{Household: "h1", Party: ada, On: y.today()})
		had2(y, membership.JoinHousehold{Household: "h1", Party: bert, On: y.today()})
		had(y, membership.LeaveHousehold{Household: "h1", Party: ada, On: y.today().AddDays(1)})
		had(y, membership.FormJoint{Party: "pair", Identity: membership.Identity{Together: "Ada and Bert", City: "Ghent"}, Holders: []domain.PartyID{ada, bert}, On: y.today()})
		had(y, membership.ChangeHolders{Party: "pair", Holders: []domain.PartyID{ada, y.someone("A", 1)}, On: y.today().AddDays(1)})
		had2(y, membership.GiveMandate{Party: org, Mandate: "delegate", Agent: ada, Capacity: membership.Delegate, From: y.today(), Statutes: y.rules})
		had(y, membership.EndMandate{Party: org, Mandate: "delegate", On: y.today().AddDays(30)})
		had(y, membership.GrantRole{Party: bert, Role: domain.RoleTreasurer, On: y.today()})
		had(y, membership.RevokeRole{Party: bert, Role: domain.RoleTreasurer, On: y.today().AddDays(9)})
	})
	y.at(time.February, 9, func() { // nobody of these becomes a member
		y.applies(candidate("waits"))
		had(y, membership.PutOnWaitingList{Party: candidate("waits"), On: y.today()})
		had(y, membership.TakeOffWaitingList{Party: candidate("waits"), On: y.today()})
		had(y, membership.WithdrawApplication{Party: candidate("waits"), On: y.today()})
		y.erase(candidate("waits"), sealed.Service)
		party := candidate("pays")
		y.applies(party, membership.Wish{Class: "A", Quantity: 2})
		h := holdingOf{party, "A"}
		y.subscribes(party, "A", 2, "wish")
		y.pays(h, "wish", 2500, 4000)
		had(y, membership.Reject{Party: party, On: y.today(), Decision: y.decided(), Reason: "works for a competitor", Statutes: y.rules})
		had(y, shares.WithdrawSubscription{Subscription: "wish", Party: party, Class: "A", Why: shares.Refused, On: y.today(), Closed: y.closed})
		y.moves = append(y.moves, move{holdingOf: h, of: "wish", price: 2500, paid: -4000, on: y.today(), at: y.clock})
		credit := stateOf[shares.Holding](y, shares.StreamOf(party, "A")).Credits()[0]
		had(y, shares.RefundCredit{Party: party, Class: "A", Reference: credit.Reference, Amount: cents(4000), On: y.today(), Payment: y.id("bank"), Closed: y.closed})
	})
	y.at(time.February, 16, func() { // two members are found to be one
		dup, into := y.someone("A", 2), y.someone("A", 1)
		y.transfer(dup, into, "A", y.held(holdingOf{dup, "A"}), shares.Merger)
		had2(y, membership.Merge{Party: dup, Into: into, On: y.today()})
		y.endsOn(dup, y.today())
	})
	excluded := y.someone("A", 2)
	y.at(time.March, 1, func() {
		had(y, membership.ProposeExclusion{Party: excluded, On: y.today(), Grounds: "sells what is shared", Statutes: y.rules})
	})
	y.at(time.March, 12, func() {
		had(y, membership.AnswerExclusion{Party: excluded, On: y.today(), Answer: "I do not", Hearing: true})
	})
	y.at(time.March, 26, func() {
		had(y, membership.HoldHearing{Party: excluded, On: y.today(), Attended: true, Minutes: "7"})
	})
	y.at(time.April, 6, func() {
		had(y, membership.DecideExclusion{Party: excluded, Decision: y.decided(), Excluded: true, Reasons: "does", Statutes: y.rules})
		y.endsOn(excluded, y.today())
		h := holdingOf{excluded, "A"}
		y.leaves(y.asks(h, shares.Excluded, 0, y.today(), y.today()), h, y.held(h), y.today())
		had(y, membership.NotifyExclusion{Party: excluded, On: y.today().AddDays(1)})
	})
	y.at(time.June, 8, func() { // a resignation is taken back, and so is what is given back with it
		party := y.someone("A", 2)
		had(y, membership.Resign{Party: party, On: y.today(), Members: 1000, Statutes: y.rules})
		y.endsOn(party, y.today().AddDays(30))
		id := y.asks(holdingOf{party, "A"}, shares.Resigned, 0, y.today(), calendar.Date{})
		had(y, membership.WithdrawResignation{Party: party, On: y.today().AddDays(3), Statutes: y.rules})
		y.members = append(y.members, spell{party: party, at: y.clock, neverReached: true})
		had(y, shares.WithdrawExit{Claim: id, On: y.today().AddDays(3)})
	})
	y.at(time.September, 7, func() { // an organisation is wound up; after a while it is not
		org := y.parties[80]
		had(y, membership.WindUp{Party: org, How: membership.ByBankruptcy, On: y.today().AddDays(-20), LearntOn: y.today(), Statutes: y.rules})
		y.endsOn(org, y.today().AddDays(-20))
	})
	y.at(time.October, 12, func() {
		had(y, membership.RevokeEnd{Party: y.parties[80], On: y.today(), Why: "the judgment was quashed"})
		y.members = append(y.members, spell{party: y.parties[80], at: y.clock, neverReached: true})
	})
}

// playShares is the life of shares.
func (y *year) playShares() {
	y.at(time.January, 20, func() {
		party := y.someone("A", 2)
		note := shares.NoteRestriction{Restriction: "pledge", Party: party, Class: "A", Kind: shares.Pledged, Quantity: 1, Beneficiary: "Example Bank", Document: "deed", On: y.today()}
		had(y, note)
		had(y, shares.LiftRestriction{Restriction: "pledge", Party: party, Class: "A", Document: "letter", On: y.today().AddDays(9)})
		had2(y, shares.IssueCertificate{Number: 1, Party: party, Class: "A", Quantity: 2, On: y.today()})
		holding := stateOf[shares.Holding](y, shares.StreamOf(party, "A"))
		had2(y, shares.ReplaceCertificate{Old: 1, New: 2, Quantity: 1, Why: shares.LostPaper, On: y.today(), Holding: holding})
		had(y, shares.CancelCertificate{Number: 2, Why: shares.Mistaken, On: y.today()})
		y.clock = y.clock.Add(time.Second)
		y.must(processes.ConsultRegister(y.ctx(), y.store, shares.ConsultRegister{Party: party, AsAt: y.today(), On: y.today()}))
	})
	agreed := func(name string) (giver, taker domain.PartyID, id shares.TransferID) {
		giver, taker, id = y.someone("A", 4), domain.PartyID(name), shares.TransferID(y.id("transfer"))
		y.applies(taker)
		had2(y, shares.AgreeTransfer{Transfer: id, Kind: shares.Gift, From: giver, To: taker, Class: "A", Quantity: 2, Signed: y.signatures(giver), Decision: "minutes", On: y.today(), Statutes: y.rules, Closed: y.closed})
		return giver, taker, id
	}
	y.at(time.March, 2, func() {
		giver, taker, id := agreed("heiress")
		y.admit(taker)
		had2(y, shares.CompleteTransfer{Transfer: id, From: giver, To: taker, Class: "A", On: y.today(), Statutes: y.rules, Closed: y.closed})
		y.passes(giver, taker, "A", 2)
		giver, taker, id = agreed("nobody")
		had(y, membership.WithdrawApplication{Party: taker, On: y.today()})
		had2(y, shares.AbandonTransfer{Transfer: id, From: giver, To: taker, Class: "A", Why: shares.Withdrawn, On: y.today()})
	})
	y.at(time.March, 9, func() { // both sign, one after the other
		from, to, id := y.someone("A", 3), y.someone("A", 1), shares.TransferID(y.id("transfer"))
		sign := func(as shares.Signatory, by domain.PartyID) shares.Signature {
			return shares.Signature{As: as, By: by, On: y.today(), How: shares.SignedIn}
		}
		signed := []shares.Signature{sign(shares.AsTransferor, from), sign(shares.AsTransferee, to)}
		had(y, shares.ProposeTransfer{
			Transfer: id, From: from, To: to, Class: "A", Quantity: 2, Kind: shares.Gift, Signed: signed[0], On: y.today(), Statutes: y.rules,
		})
		had(y, shares.SignTransfer{Transfer: id, Signed: signed[1]})
		had2(y, shares.Transfer{
			Transfer: id, Kind: shares.Gift, From: from, To: to, Class: "A", Quantity: 2, Signed: signed, On: y.today(), Statutes: y.rules, Closed: y.closed,
		})
		y.passes(from, to, "A", 2)
		had(y, shares.EndProposal{Transfer: id, Outcome: shares.ProposalMade, On: y.today()})
	})
	for i, month := range []time.Month{time.February, time.March, time.April} {
		y.at(month, 23, func() { // the last of them is a mistake
			party := y.someone("A", 3)
			for y.holdings[holdingOf{party, "A"}][0].count < 3 {
				party = y.someone("A", 3)
			}
			id, from, to := shares.ConversionID(y.id("conversion")), holdingOf{party, "A"}, holdingOf{party, "B"}
			had2(y, shares.Convert{Conversion: id, Party: party, Class: "A", To: "B", Quantity: 3, On: y.today(), Statutes: y.rules, Closed: y.closed})
			var old, made parcel
			y.change(y.today(), y.clock, func() {
				old = y.take(from, 3)[0]
				made = old
				made.count, made.price = 2, 3750
				y.put(to, made)
				y.write(from, []parcel{old}, -1, y.today(), y.clock)
				y.write(to, []parcel{made}, 1, y.today(), y.clock)
			}, from, to)
			if i < 2 {
				return
			}
			had2(y, shares.ReverseConversion{Reversal: "conversion", Conversion: id, Party: party, Class: "A", To: "B", Document: "minutes", On: y.today(), Closed: y.closed})
			y.change(y.today(), y.clock, func() {
				y.take(to, 2)
				y.put(from, old)
				y.write(to, []parcel{made}, -1, y.today(), y.clock)
				y.write(from, []parcel{old}, 1, y.today(), y.clock)
			}, from, to)
		})
	}
	// All pay 15 euros a share at least.
	y.at(time.April, 10, func() {
		had(y, shares.DecideCall{Call: "call", Class: "A", UpTo: cents(1500), DueOn: y.today().AddDays(30), Decision: "minutes", On: y.today(), Statutes: y.rules, Closed: y.closed})
		var of []holdingOf
		for h := range y.holdings {
			if h.class == "A" {
				of = append(of, h)
			}
		}
		slices.SortFunc(of, func(a, b holdingOf) int { return cmp.Compare(a.party, b.party) })
		y.all(func(tx *eventstore.Tx) error {
			for _, h := range of {
				if err := eventstore.Do2(tx, shares.CallShares{Call: "call", Party: h.party, Class: "A"}); err != nil {
					return err
				}
			}
			return nil
		})
		y.change(y.today(), y.clock, func() {
			for _, h := range of {
				for i := range y.holdings[h] {
					if p := &y.holdings[h][i]; 1500*p.count > max(p.paid, p.called) {
						p.called = 1500 * p.count
					}
				}
			}
		}, of...)
	})
	y.at(time.May, 4, func() { // some pay: what was called, all of it, or too much
		for range 8 {
			h := holdingOf{y.debtor(), "A"}
			y.paysUp(h, 500*y.holdings[h][0].count, y.today(), shares.RecordPayment{})
		}
		over, short := holdingOf{y.debtor(), "A"}, holdingOf{y.debtor(), "A"}
		rest := 1500 * y.holdings[over][0].count
		y.paysUp(over, rest, y.today(), shares.RecordPayment{Amount: cents(rest + 700), Reference: "too much", KeepRest: true})
		had2(y, shares.AssignCredit{
			Assignment: "assigned", Party: over.party, Class: "A", Reference: "too much", Amount: cents(300), To: short.party, ToClass: "A",
			Subscription: shares.SubscriptionID(y.holdings[short][0].of), On: y.today(), Closed: y.closed,
		})
		y.change(y.today(), y.clock, func() { y.holdings[short][0].paid += 300 }, short)
		y.moves = append(y.moves, move{holdingOf: short, of: y.holdings[short][0].of, price: 2500, paid: 300, on: y.today(), at: y.clock})
	})
	// The loss of 2025, which all who held shares at its end bear.
	y.at(time.May, 23, func() {
		const loss = 123457
		through := calendar.On(2025, time.December, 31)
		prices, all := map[domain.ClassID]int64{"A": 2500, "B": 3750}, int64(0)
		for l, c := range y.register(known{through, y.clock}) {
			all += prices[l.class] * c.count
		}
		y.approves(2025, y.today(), loss)
		// Somebody has died in the year that is closed now: the shares leave on that day,
		// and stand in the books on this one.
		dead, died := holdingOf{y.someone("B", 1), "B"}, calendar.On(2025, time.December, 30)
		had(y, membership.Decease{Party: dead.party, On: died, LearntOn: y.today(), Statutes: y.rules})
		y.endsOn(dead.party, died)
		y.leaves(y.asks(dead, shares.Deceased, 0, y.today(), died), dead, y.held(dead), died)

		accounts, _ := y.accounts().Last(y.today())
		var of []holdingOf
		for h := range y.holdings {
			of = append(of, h)
		}
		slices.SortFunc(of, func(a, b holdingOf) int { return cmp.Or(cmp.Compare(a.party, b.party), cmp.Compare(a.class, b.class)) })
		y.all(func(tx *eventstore.Tx) error {
			for _, h := range of {
				if err := eventstore.Do(tx, shares.ChargeLoss{Party: h.party, Class: h.class, Accounts: accounts, On: y.today(), Closed: y.closed}); err != nil {
					return err
				}
			}
			return nil
		})
		y.change(y.today(), y.clock, func() {
			for _, h := range of {
				for i := range y.holdings[h] {
					if p := &y.holdings[h][i]; !p.taken.After(through) {
						p.charged += min(p.paid-p.charged, loss*prices[h.class]*p.count/all)
					}
				}
			}
		}, of...)
	})
}

// playExits is how shares are given back, and paid for.
func (y *year) playExits() {
	// Who dies on 3 March, with shares that are pledged; the co-op learns of it on 10 May.
	dead := holdingOf{y.someone("A", 3), "A"}
	var claim shares.ClaimID
	y.at(time.January, 15, func() {
		had(y, shares.NoteRestriction{Restriction: "pledge", Party: dead.party, Class: "A", Kind: shares.Pledged, Beneficiary: "Example Bank", Document: "deed", On: y.today()})
	})
	y.at(time.May, 10, func() {
		died := calendar.On(2026, time.March, 3)
		had(y, membership.Decease{Party: dead.party, On: died, LearntOn: y.today(), Statutes: y.rules})
		y.endsOn(dead.party, died)
		claim = y.asks(dead, shares.Deceased, 0, y.today(), died)
		y.leaves(claim, dead, y.held(dead), died)
		had2(y, membership.OpenEstate{Party: "estate", Of: dead.party, Identity: membership.Identity{Together: "Estate of Ada"}, Heirs: []domain.PartyID{"heiress"}, On: y.today()})
		had2(y, membership.GiveMandate{Party: "estate", Mandate: "settles", Agent: "heiress", Capacity: membership.Representative, From: y.today(), Statutes: y.rules})
	})
	y.at(time.June, 15, func() {
		y.values(claim)
		y.releases(claim, y.certifies("2000.00 EUR", y.today()), y.today())
		had(y, shares.FreeClaim{Claim: claim, Restriction: "pledge", Document: "letter", On: y.today()})
		pay := shares.PayRefund{Claim: claim, To: "estate", Amount: y.claim(claim).Released(), Reference: y.id("bank"), On: y.today(), Closed: y.closed}
		had(y, pay)
		had(y, shares.ReturnRefund{Claim: claim, Reference: pay.Reference, Document: "bank", On: y.today().AddDays(2), Closed: y.closed})
		pay.Reference, pay.On = y.id("bank"), y.today().AddDays(2)
		had(y, pay)
	})
	// Another dies with shares of which something was called and is not paid.
	y.at(time.August, 10, func() {
		h, died := holdingOf{y.debtor(), "A"}, calendar.On(2026, time.July, 1)
		had(y, membership.Decease{Party: h.party, On: died, LearntOn: y.today(), Statutes: y.rules})
		y.endsOn(h.party, died)
		id := y.asks(h, shares.Deceased, 0, y.today(), died)
		y.leaves(id, h, y.held(h), died)
		y.values(id)
		had(y, shares.CollectUnpaid{Claim: id, Amount: cents(100), Reference: y.id("bank"), On: y.today(), Statutes: y.rules, Accounts: y.accounts()})
		had(y, shares.WaiveUnpaid{Claim: id, Decision: "minutes", On: y.today(), Closed: y.closed})
		had(y, shares.SetOffRefund{Claim: id, Amount: cents(250), Bills: []string{"2026-0007"}, By: statutes.Board, Decision: "minutes", On: y.today(), Statutes: y.rules, Closed: y.closed})
	})
	for _, month := range []time.Month{time.June, time.September, time.December} {
		y.at(month, 28, y.refunds)
	}
}

// refunds pays what is owed as far as a budget goes, pro rata.
func (y *year) refunds() {
	budget := y.certifies("1500.00 EUR", y.today())
	var claims []shares.Claim
	for n := range y.n + 1 {
		if c := y.claim(shares.ClaimID(fmt.Sprintf("claim-%04d", n))); c.State() == shares.ClaimWaiting {
			claims = append(claims, c)
		}
	}
	var released int64
	for _, r := range shares.Queue(claims, cents(150000), y.rules.Shares.Refunds.Short) {
		had2(y, shares.ReleaseRefund{Claim: r.Claim, Budget: budget, Amount: r.Amount, On: y.today()})
		had(y, shares.PayRefund{Claim: r.Claim, Amount: r.Amount, Reference: y.id("bank"), On: y.today(), Closed: y.closed})
		released += r.Amount.Minor()
	}
	if released == 0 || released > 150000 {
		y.Fatalf("%v: %d cents are released of 150000", y.today(), released)
	}
}

// playMistakes is what was entered, and should not have been.
func (y *year) playMistakes() {
	y.at(time.February, 26, func() { // a payment comes back, an issue was none
		party := y.someone("A", 1)
		id := y.takes(party, "A", 2, 5000)
		h := holdingOf{party, "A"}
		had(y, shares.ReverseEntry{Reversal: "issue", Entry: shares.EntryIssue, Of: id, Party: party, Class: "A", Document: "minutes", On: y.today(), Closed: y.closed})
		y.change(y.today(), y.clock, func() {
			y.without(h, []parcel{{of: id, taken: y.today(), price: 2500, count: 2, paid: 5000}})
		}, h)
		y.moves = append(y.moves, move{h, id, 2500, y.today(), -2, 0, y.today(), y.clock})

		joiner := holdingOf{y.joins("A", 1, 2500), "A"}
		p := &y.holdings[joiner][0]
		reference := fmt.Sprintf("bank-%04d", y.n)
		had(y, shares.ReverseEntry{Reversal: "payment", Entry: shares.EntryPayment, Of: reference, Party: joiner.party, Class: "A", Document: "bank", On: y.today(), Closed: y.closed})
		y.change(y.today(), y.clock, func() { p.called, p.paid = p.paid, 0 }, joiner)
		y.moves = append(y.moves, move{holdingOf: joiner, of: p.of, price: 2500, paid: -2500, on: y.today(), at: y.clock})
	})
	y.at(time.April, 20, func() { // a call, and a transfer
		h := holdingOf{y.debtor(), "A"}
		had(y, shares.ReverseEntry{Reversal: "call", Entry: shares.EntryCall, Of: "call", Party: h.party, Class: "A", Document: "minutes", On: y.today(), Closed: y.closed})
		y.change(y.today(), y.clock, func() { y.holdings[h][0].called = 0 }, h)

		from, to := y.someone("A", 3), y.someone("A", 1)
		id, parcels := y.transfer(from, to, "A", 2, shares.Gift)
		had2(y, shares.ReverseTransfer{Reversal: "transfer", Transfer: id, From: from, To: to, Class: "A", Document: "judgment", On: y.today(), Closed: y.closed})
		a, b := holdingOf{to, "A"}, holdingOf{from, "A"}
		y.change(y.today(), y.clock, func() { y.without(a, parcels) }, a)
		y.write(a, parcels, -1, y.today(), y.clock)
		y.back(b, parcels)
	})
	y.at(time.July, 6, func() { // shares given back at once; the second time that was wrong
		for i := range 2 {
			h := holdingOf{y.someone("A", 3), "A"}
			id := shares.RedemptionID(y.id("redemption"))
			had(y, shares.Redeem{Redemption: id, Party: h.party, Class: "A", Quantity: 1, Value: cents(2000), On: y.today(), Statutes: y.rules})
			parcels := y.gone(h, 1, y.today(), y.today())
			if i == 0 {
				had(y, shares.Repay{Party: h.party, Class: "A", Amount: cents(2000), On: y.today(), Reference: y.id("bank")})
				continue
			}
			had(y, shares.ReverseEntry{Reversal: "redemption", Entry: shares.EntryRedemption, Of: string(id), Party: h.party, Class: "A", Document: "minutes", On: y.today(), Closed: y.closed})
			y.back(h, parcels)
		}
	})
	y.at(time.August, 12, func() { // a loss that somebody does not bear
		h := holdingOf{y.someone("B", 1), "B"}
		had(y, shares.ReverseEntry{Reversal: "loss", Entry: shares.EntryLoss, Of: "2025-12-31", Party: h.party, Class: "B", Document: "minutes", On: y.today(), Closed: y.closed})
		y.change(y.today(), y.clock, func() {
			for i := range y.holdings[h] {
				y.holdings[h][i].charged = 0
			}
		}, h)
	})
	y.at(time.October, 19, func() { // somebody lives after all
		h := holdingOf{y.someone("A", 3), "A"}
		had(y, membership.Decease{Party: h.party, On: y.today().AddDays(-9), LearntOn: y.today(), Statutes: y.rules})
		y.endsOn(h.party, y.today().AddDays(-9))
		id := y.asks(h, shares.Deceased, 0, y.today(), y.today().AddDays(-9))
		parcels := y.leaves(id, h, y.held(h), y.today().AddDays(-9))
		had(y, membership.RevokeEnd{Party: h.party, On: y.today(), Why: "another of that name"})
		y.members = append(y.members, spell{party: h.party, at: y.clock, neverReached: true})
		had2(y, shares.ReverseExit{Reversal: "exit", Claim: id, Party: h.party, Class: "A", Document: "letter", On: y.today(), Closed: y.closed})
		y.back(h, parcels)
	})
}
