package processes_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/membership"
	"rochdale/domain/modules"
	"rochdale/domain/money"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
)

// A postOffice is a co-op that tells its members, and keeps what it sent.
type postOffice struct {
	*testing.T
	store *eventstore.Store
	rules statutes.Statutes
	now   time.Time
	days  int
	sent  []letter
	err   error // of the mail server
}

type letter struct{ to, subject, text, key string }

func (o *postOffice) Send(_ context.Context, to, subject, text, key string) error {
	if o.err == nil {
		o.sent = append(o.sent, letter{to, subject, text, key})
	}
	return o.err
}

// LastPayerNumber is behind the log, as a read model may be.
func (o *postOffice) LastPayerNumber(context.Context) (int64, error) { return 0, nil }

func openPostOffice(t *testing.T) *postOffice {
	t.Helper()
	memory := new(eventstore.Memory)
	keys, err := eventstore.NewKeys(memory, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	o := &postOffice{T: t, store: eventstore.New(eventstore.NewLog(memory), modules.Registry(), keys), days: 3}
	o.now = time.Date(2026, time.March, 2, 10, 0, 0, 0, time.UTC)
	o.store.Now = func() time.Time { return o.now }
	if o.rules, err = statutes.Preset("nubo"); err != nil {
		t.Fatal(err)
	}
	o.rules.Legal.IBAN = "BE68539007547034"
	founded := calendar.On(2026, time.January, 1)
	do(o, statutes.Adopt{Version: 1, On: founded, InForceFrom: founded, By: "deed", Statutes: o.rules})
	o.rules.Version = 1
	return o
}

func (o *postOffice) today() calendar.Date { return calendar.Of(o.now) }

func do[S any](o *postOffice, cmd domain.Command[S]) {
	o.Helper()
	if _, err := eventstore.Execute(eventstore.As(o.Context(), "cli"), o.store, cmd); err != nil {
		o.Fatalf("%T: %v", cmd, err)
	}
}

// tell runs the process over what is new, and returns what it sent.
func (o *postOffice) tell() (sent []letter) {
	o.Helper()
	o.sent = nil
	n := processes.Notices{Store: o.store, Post: o, Numbers: o, Book: o, Host: "coop.example", Pages: "https://coop.example/services", Terms: processes.Terms{Today: o.today, Stay: 30, Backups: 90}, Days: o.days, Today: o.today, Log: quiet}
	if err := processes.NewRunner(o.store, quiet, n.Process()).CatchUp(o.Context()); err != nil {
		o.Fatal(err)
	}
	return o.sent
}

// again has the process see all events once more, as when its checkpoint was lost.
func (o *postOffice) again() []letter {
	o.Helper()
	kv := o.store.Log.KV()
	if err := eventstore.Update(o.Context(), kv, "checkpoint/notices", func(eventstore.Entry) ([]byte, error) { return []byte("0"), nil }); err != nil {
		o.Fatal(err)
	}
	return o.tell()
}

func (o *postOffice) apply(party domain.PartyID, email string, lang domain.Language, wishes ...membership.Wish) {
	o.Helper()
	do(o, membership.Apply{
		Party: party, Kind: membership.Person, Identity: membership.Identity{FirstName: "Ada", LastName: "Sample", Country: "BE"}, Contact: membership.Contact{Email: email},
		Language: lang, On: o.today(), Shares: wishes, Statutes: o.rules,
	})
}

func (o *postOffice) outcomes() (all []string) {
	o.Helper()
	for rec, err := range o.store.Log.All(o.Context(), 0) {
		if err != nil {
			o.Fatal(err)
		}
		event, err := o.store.Decode(o.Context(), rec)
		if err != nil {
			o.Fatal(err)
		}
		if e, is := event.(membership.NoticeRecorded); is {
			all = append(all, fmt.Sprintf("%s %s %s", e.Party, e.Kind, e.Outcome))
		}
	}
	return all
}

func (o *postOffice) want(sent []letter, want ...string) {
	o.Helper()
	if len(sent) != len(want) {
		o.Fatalf("%d mails: %+v, want %q", len(sent), sent, want)
	}
	for i, w := range want {
		for part := range strings.SplitSeq(w, " | ") {
			if all := sent[i].to + " " + sent[i].subject + " " + sent[i].text; !strings.Contains(all, part) {
				o.Errorf("mail %d lacks %q: %+v", i, part, sent[i])
			}
		}
		if strings.ContainsAny(sent[i].subject+sent[i].text, "{}") {
			o.Errorf("mail %d has an argument that was not given: %+v", i, sent[i])
		}
	}
}

func TestACandidateIsToldWhatToPayAndWithWhichReference(t *testing.T) {
	o := openPostOffice(t)
	o.apply("ada", "ada@example.org", domain.French, membership.Wish{Class: "A", Quantity: 3})
	o.apply("bert", "bert@example.org", domain.Dutch)
	sent := o.tell()
	o.want(sent, "ada@example.org | Bonjour Ada Sample, | 75,00 | BE68539007547034 | +++000/0000/00101+++", "bert@example.org | Dag Ada Sample, | 2 maart 2026")
	if !strings.HasSuffix(sent[0].key, "@coop.example") || sent[0].key == sent[1].key {
		t.Errorf("keys: %q and %q", sent[0].key, sent[1].key)
	}
	o.apply("cleo", "cleo@example.org", domain.English, membership.Wish{Class: "A", Quantity: 1})
	o.want(o.tell(), "+++000/0000/00202+++") // the number that the read model knows was taken meanwhile
}

func TestANoticeIsSentOnce(t *testing.T) {
	o := openPostOffice(t)
	o.apply("ada", "ada@example.org", domain.French)
	o.want(o.tell(), "ada@example.org")
	o.want(o.again())
	if got := o.outcomes(); !slices.Equal(got, []string{"ada application sent"}) {
		t.Errorf("recorded: %q", got)
	}
}

func TestAMailThatCannotBeSentIsADeadLetterAndCanBeSentLater(t *testing.T) {
	o := openPostOffice(t)
	o.apply("ada", "ada@example.org", domain.French)
	o.err = fault.New(fault.Invalid, "smtp 550", "smtp: send")
	o.want(o.tell())
	if got := o.outcomes(); len(got) != 0 {
		t.Errorf("recorded: %q", got)
	}
	n := processes.Notices{Store: o.store, Post: o, Numbers: o, Book: o, Host: "coop.example", Days: 3, Today: o.today, Log: quiet}
	r := processes.NewRunner(o.store, quiet, n.Process())
	letters, err := r.DeadLetters(o.Context(), "notices")
	if err != nil || len(letters) != 1 {
		t.Fatalf("dead letters: %+v, %v", letters, err)
	}
	o.err = nil
	if _, err := r.Replay(o.Context(), "notices", letters[0].Position); err != nil {
		t.Fatal(err)
	}
	o.want(o.sent, "ada@example.org")
}

func TestWhomNobodyCanWriteToIsListed(t *testing.T) {
	o := openPostOffice(t)
	o.apply("ada", "", domain.French)
	o.apply("bert", "bert@example.org", domain.French)
	o.tell()
	do(o, membership.ErasePersonalData{Party: "bert", Class: sealed.Service, Through: 1, On: o.today(), Statutes: o.rules})
	do(o, membership.Reject{Party: "bert", On: o.today(), Decision: membership.Decision{By: statutes.Board, On: o.today()}, Reason: "none", Statutes: o.rules})
	o.want(o.tell())
	want := []string{"ada application no_address", "bert application sent", "bert refused no_address"}
	if got := o.outcomes(); !slices.Equal(got, want) {
		t.Errorf("recorded: %q, want %q", got, want)
	}
}

func TestNobodyIsToldOfWhatIsOldOrWasImported(t *testing.T) {
	o := openPostOffice(t)
	o.apply("ada", "ada@example.org", domain.French)
	ctx := eventstore.As(t.Context(), processes.Importer)
	_, err := eventstore.Execute2(ctx, o.store, membership.Enter{
		Party: "bert", Kind: membership.Person, Identity: membership.Identity{FirstName: "Bert", LastName: "Sample"}, Contact: membership.Contact{Email: "bert@example.org"},
		Language: domain.Dutch, Number: 7, AdmittedOn: calendar.On(2026, time.January, 5), On: o.today(),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.now = o.now.AddDate(0, 0, 4)
	o.want(o.tell())
	o.days = 5
	o.want(o.again(), "ada@example.org") // the import is not told of however new it is
}

func TestTheOldAddressIsToldToo(t *testing.T) {
	o := openPostOffice(t)
	o.apply("ada", "ada@example.org", domain.English)
	o.tell()
	contact := func(email, phone string) {
		o.now = o.now.Add(time.Hour)
		do(o, membership.ChangeContact{Party: "ada", Contact: membership.Contact{Email: email, Phone: phone}, On: o.today()})
	}
	account := func(iban domain.IBAN) {
		o.now = o.now.Add(time.Hour)
		do(o, membership.ChangeBankAccount{Party: "ada", Account: membership.BankAccount{IBAN: iban}, On: o.today(), Statutes: o.rules})
	}
	account("BE68539007547034")
	o.want(o.tell(), "ada@example.org | 7034 | 12 March 2026")
	contact("new@example.org", "")
	o.want(o.tell(), "new@example.org | from now on we write to you", "ada@example.org | not write to this address any more")
	contact("new@example.org", "+32 2 555 01 01")
	o.want(o.tell(), "new@example.org")
	account("BE43068999999501")
	o.want(o.tell(), "new@example.org | 9501", "ada@example.org | 9501")
	o.now = o.now.AddDate(0, 0, 31)
	do(o, membership.RemoveBankAccount{Party: "ada", On: o.today()})
	o.want(o.tell(), "new@example.org | removed") // who had the old address long ago is not told any more
}

func TestMembersAreToldOfTheirLifeInTheCoop(t *testing.T) {
	o := openPostOffice(t)
	ctx := eventstore.As(t.Context(), "cli")
	decision := membership.Decision{By: statutes.Board, On: o.today()}
	o.apply("ada", "ada@example.org", domain.Dutch)
	o.apply("bert", "bert@example.org", domain.English)
	o.tell()
	do(o, shares.Subscribe{Subscription: "s1", Party: "ada", Class: "A", Quantity: 2, On: o.today(), Statutes: o.rules})
	do(o, shares.RecordPayment{Subscription: "s1", Party: "ada", Class: "A", Amount: money.Must("50.00 EUR"), On: o.today(), Reference: "p1"})
	if _, err := eventstore.Execute2(ctx, o.store, membership.Admit{
		Party: "ada", Number: 12, On: o.today(), Decision: decision, Shares: 2, Statutes: o.rules,
	}); err != nil {
		t.Fatal(err)
	}
	do(o, shares.Issue{Subscription: "s1", Party: "ada", Class: "A", On: o.today(), Statutes: o.rules})
	do(o, membership.Reject{Party: "bert", On: o.today(), Decision: decision, Reason: "lives elsewhere", Statutes: o.rules})
	do(o, membership.ProposeExclusion{Party: "ada", On: o.today(), Grounds: "took the till", Statutes: o.rules})
	do(o, membership.Resign{Party: "ada", On: o.today(), Members: 9, Statutes: o.rules})
	sent := o.tell()
	o.want(sent, "lidnummer is 12", "2 aandelen van klasse A", "bert@example.org | ask us for the reasons", "2 april 2026", "30 juni 2026")
	for _, mail := range sent { // what is told of a person stays out of what anyone may read
		if strings.Contains(mail.text, "took the till") || strings.Contains(mail.text, "lives elsewhere") {
			t.Errorf("a mail has the grounds: %s", mail.text)
		}
	}
	do(o, membership.Decease{Party: "ada", On: o.today(), LearntOn: o.today(), Statutes: o.rules})
	do(o, membership.RemoveBankAccount{Party: "ada", On: o.today()})
	do(o, membership.ChangeContact{Party: "ada", Contact: membership.Contact{Email: "heirs@example.org"}, On: o.today()})
	o.want(o.tell())
}

// TestEveryNoticeIsWrittenInEveryLanguage holds the texts to the arguments that they are
// given, and those to being mentioned.
func TestEveryNoticeIsWrittenInEveryLanguage(t *testing.T) {
	kinds := processes.NoticeKinds()
	if len(kinds) == 0 {
		t.Fatal("no notices")
	}
	for _, kind := range kinds {
		seen := map[string]bool{}
		for _, lang := range domain.Languages {
			subject, text, err := processes.SampleNotice(kind, lang, "La Navette")
			if err != nil || strings.ContainsAny(subject+text, "{}") || strings.Contains(subject+text, string(kind)+"_") {
				t.Errorf("%s in %s: %v: %s\n%s", kind, lang, err, subject, text)
			}
			if strings.Contains(subject, "\n") || !strings.Contains(text, "La Navette") || seen[text] {
				t.Errorf("%s in %s: %s\n%s", kind, lang, subject, text)
			}
			seen[text] = true
		}
	}
	if _, _, err := processes.SampleNotice("poem", domain.English, "La Navette"); err == nil {
		t.Error("there is a poem")
	}
}

// TestNoticesOfShares: members are told of calls, certificates, and transfers that wait
// for them.
func TestNoticesOfShares(t *testing.T) {
	o := openPostOffice(t)
	o.rules.Shares.Transfers = statutes.Transfers{}
	o.apply("ada", "ada@example.org", domain.English)
	o.apply("bert", "bert@example.org", domain.Dutch)
	o.tell()
	do(o, shares.Enter{Subscription: "s1", Party: "ada", Class: "A", Quantity: 2, Paid: money.Must("20.00 EUR"), On: o.today(), Statutes: o.rules})
	do(o, shares.Enter{Subscription: "s2", Party: "ada", Class: "B", Quantity: 3, Paid: money.Must("75.00 EUR"), On: o.today(), Statutes: o.rules})
	o.tell()
	do(o, shares.DecideCall{Call: "c1", Class: "A", UpTo: money.Must("25.00 EUR"), DueOn: o.today().AddDays(40), Decision: "board 9", On: o.today(), Statutes: o.rules})
	do2(o, shares.CallShares{Call: "c1", Party: "ada", Class: "A"})
	do2(o, shares.IssueCertificate{Number: 7, Party: "ada", Class: "B", Quantity: 3, On: o.today()})
	do(o, shares.ProposeTransfer{
		Transfer: "t1", From: "ada", To: "bert", Class: "B", Quantity: 1, Kind: shares.Gift, On: o.today(), Statutes: o.rules,
		Signed: shares.Signature{As: shares.AsTransferor, By: "ada", On: o.today(), How: shares.SignedIn},
	})
	do2(o, shares.AgreeTransfer{Transfer: "t2", From: "ada", To: "bert", Class: "B", Quantity: 1, On: o.today(), Statutes: o.rules})
	do2(o, shares.AbandonTransfer{Transfer: "t2", From: "ada", To: "bert", Class: "B", Why: shares.Refused, On: o.today()})
	do(o, shares.RecordPayment{Subscription: "s1", Party: "ada", Class: "A", Payer: "bert", Amount: money.Must("40.00 EUR"), On: o.today(), Reference: "bank 1", KeepRest: true})
	do(o, shares.RefundCredit{Party: "ada", Class: "A", Reference: "bank 1", Amount: money.Must("10.00 EUR"), On: o.today(), Payment: "out 1"})
	due := catalogue.Date(domain.English, o.today().AddDays(40))
	o.want(o.tell(),
		"ada@example.org | €30.00 | "+due+" | +++ | BE68539007547034",
		"ada@example.org | no. 7 | 3 shares of class B",
		"bert@example.org | voorgesteld u 1 aandeel van klasse B",
		"ada@example.org | transfer of 1 share of class B was agreed",
		"bert@example.org | zodra u als lid bent toegelaten",
		"ada@example.org | was given up",
		"bert@example.org | afgezien",
		"bert@example.org | 10,00",
	)
	o.want(o.again()) // nobody is told twice
}

func do2[A, B any](o *postOffice, cmd domain.Command2[A, B]) {
	o.Helper()
	if _, err := eventstore.Execute2(eventstore.As(o.Context(), "cli"), o.store, cmd); err != nil {
		o.Fatalf("%T: %v", cmd, err)
	}
}

// TestWhoActsForAPartyIsTold: the guardians of a minor, until the day, and the delegates
// of an organisation; who shares an address is told once.
func TestWhoActsForAPartyIsTold(t *testing.T) {
	o := openPostOffice(t)
	o.apply("mum", "mum@example.org", domain.English)
	o.apply("dad", "dad@example.org", domain.French)
	o.tell()
	give := func(party, agent domain.PartyID, as membership.Capacity) {
		t.Helper()
		_, err := eventstore.Execute2(eventstore.As(t.Context(), "cli"), o.store, membership.GiveMandate{
			Party: party, Mandate: membership.MandateID(agent), Agent: agent, Capacity: as, From: o.today(), Statutes: o.rules,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	do(o, membership.ChangeIdentity{Party: "kim", On: o.today(), Identity: membership.Identity{FirstName: "Kim", LastName: "Sample", BirthDate: calendar.On(2008, time.March, 3)}})
	do(o, membership.ChangeContact{Party: "kim", On: o.today(), Contact: membership.Contact{Email: "Mum@example.org"}})
	give("kim", "mum", membership.Guardian)
	give("kim", "dad", membership.Guardian)
	o.tell()
	changes := func(party domain.PartyID, iban domain.IBAN) {
		t.Helper()
		do(o, membership.ChangeBankAccount{Party: party, Account: membership.BankAccount{IBAN: iban}, On: o.today(), Statutes: o.rules})
	}
	changes("kim", "BE68539007547034")
	o.want(o.tell(), "Mum@example.org | 7034", "dad@example.org | Ceci concerne Kim Sample")
	o.now = o.now.AddDate(0, 0, 1) // the birthday
	changes("kim", "BE71096123456769")
	o.want(o.tell(), "Mum@example.org")

	do(o, membership.ChangeIdentity{Party: "mill", On: o.today(), Identity: membership.Identity{Organisation: "Mill"}})
	give("mill", "dad", membership.Delegate)
	changes("mill", "BE68539007547034")
	o.want(o.tell(), "dad@example.org | Ceci concerne Mill")
}

// TestLinkedPartiesAreToldWhatBecomesOfTheirs by who pays it, in time to go on without.
func TestLinkedPartiesAreToldWhatBecomesOfTheirs(t *testing.T) {
	o := openPostOffice(t)
	ctx := eventstore.As(t.Context(), "cli")
	o.apply("ada", "ada@example.org", domain.Dutch)
	o.apply("bert", "bert@example.org", domain.English)
	o.apply("cleo", "cleo@example.org", domain.French)
	do(o, subscription.Subscribe{
		Subscription: "s", Party: "ada", Payer: "ada", Plan: "nubo", GB: 10, Terms: familyTerms, On: o.today(), From: o.today(),
	})
	o.tell()
	link := func(id domain.SubscriptionID, party domain.PartyID, offered bool) {
		t.Helper()
		if _, err := eventstore.Execute2(ctx, o.store, subscription.Link{Subscription: "s", Link: id, Party: party, GB: 3, Offered: offered, On: o.today()}); err != nil {
			t.Fatal(err)
		}
	}
	link("b", "bert", true)
	link("c", "cleo", false)
	o.want(o.tell(), "bert@example.org | offers you 3 GB")
	do(o, subscription.AcceptPart{Subscription: "s", Link: "b", On: o.today()})
	do(o, subscription.ChangePart{Subscription: "s", Link: "b", GB: 4, On: o.today()})
	o.want(o.tell())
	do(o, subscription.Unlink{Subscription: "s", Link: "b", On: o.today(), Ends: o.today().AddDays(30)})
	o.want(o.tell(), "bert@example.org | through 1 April 2026")
	do(o, subscription.Suspend{Subscription: "s", Reason: subscription.Unpaid, On: o.today()})
	o.want(o.tell(), "bert@example.org | through 31 March 2026", "cleo@example.org | jusqu’au 31 mars 2026")
	do(o, subscription.Cancel{Subscription: "s", On: o.today(), Ends: o.today().AddDays(9)})
	o.want(o.tell(), "ada@example.org | 11 maart 2026", "bert@example.org | through 31 March 2026", "cleo@example.org | jusqu’au 31 mars 2026")
	if _, err := eventstore.Execute2(ctx, o.store, subscription.Detach{Subscription: "s", Link: "c", GB: 5, Terms: familyTerms, On: o.today(), Grace: 30}); err != nil {
		t.Fatal(err)
	}
	o.want(o.tell())
}

// BookedBy returns what a party pays, read from the log.
func (o *postOffice) BookedBy(ctx context.Context, party domain.PartyID, _ calendar.Date) (all []domain.SubscriptionID, _ error) {
	for rec, err := range o.store.Log.All(ctx, 0) {
		if err != nil {
			return nil, err
		}
		event, err := o.store.Decode(ctx, rec)
		if err != nil {
			return nil, err
		}
		if e, is := event.(subscription.Started); is && e.Payer == party {
			all = append(all, e.Subscription)
		}
	}
	return all, nil
}

func (*postOffice) WaitFor(context.Context, int64) error { return nil }

// TestLinkedPartiesAreToldWhatBecomesOfWhoPays: until when theirs goes on and how they
// take it over, in their language, and never why.
func TestLinkedPartiesAreToldWhatBecomesOfWhoPays(t *testing.T) {
	o := openPostOffice(t)
	ctx := eventstore.As(t.Context(), "cli")
	enter := func(party domain.PartyID, number domain.MemberNumber) {
		t.Helper()
		if _, err := eventstore.Execute2(ctx, o.store, membership.Enter{
			Party: party, Number: number, Kind: membership.Person, Identity: membership.Identity{FirstName: "Ada", LastName: string(party)},
			Language: domain.English, AdmittedOn: o.today(), On: o.today(),
		}); err != nil {
			t.Fatal(err)
		}
	}
	o.apply("bert", "bert@example.org", domain.Dutch)
	o.apply("cleo", "cleo@example.org", domain.English)
	for i, payer := range []domain.PartyID{"ada", "eva"} {
		enter(payer, domain.MemberNumber(i+1))
		id := domain.SubscriptionID(payer)
		do(o, subscription.Subscribe{Subscription: id, Party: "ada", Payer: payer, Plan: "nubo", GB: 10, Terms: familyTerms, On: o.today(), From: o.today()})
		for _, link := range []struct {
			party   domain.PartyID
			offered bool
		}{{"bert", false}, {"cleo", i == 1}} {
			if _, err := eventstore.Execute2(ctx, o.store, subscription.Link{
				Subscription: id, Link: id + "-" + domain.SubscriptionID(link.party), Party: link.party, GB: 2, Offered: link.offered, On: o.today(),
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	o.tell()
	var said []letter
	want := func(lines ...string) {
		t.Helper()
		sent := o.tell()
		o.want(sent, lines...)
		said = append(said, sent...)
	}
	pays, paused := []string{"wordt niet meer betaald", "will not be paid any more"}, []string{"is onderbroken", "is interrupted"}
	suspend := func(id domain.SubscriptionID, reason subscription.Reason) (until string) {
		t.Helper()
		o.now = o.now.AddDate(0, 0, 1)
		do(o, subscription.Suspend{Subscription: id, Reason: reason, On: o.today()})
		return "verandert er niets tot en met " + catalogue.Date(domain.Dutch, o.today().AddDays(29))
	}
	for reason, says := range map[subscription.Reason][]string{
		subscription.Unpaid: pays, subscription.Death: pays, subscription.Abuse: paused, subscription.Request: paused,
	} {
		until := suspend("ada", reason)
		want("bert@example.org | "+says[0]+" | "+until, "cleo@example.org | "+says[1])
		do(o, subscription.Resume{Subscription: "ada", On: o.today()})
		want("bert@example.org | gaat door zoals voorheen", "cleo@example.org | goes on as before")
	}
	// Where somebody else pays for the dead, it is not that nobody does.
	until := suspend("eva", subscription.Death)
	want("bert@example.org | " + paused[0] + " | " + until)
	do(o, subscription.Resume{Subscription: "eva", On: o.today()})
	want("bert@example.org | gaat door")

	do(o, membership.Resign{Party: "ada", On: o.today(), Statutes: o.rules})
	want("bert@example.org | over een einde is niets beslist", "cleo@example.org | keep your account for 30 days more")
	do(o, membership.Decease{Party: "ada", On: o.today(), LearntOn: o.today(), Statutes: o.rules}) // hers is suspended for it
	want()
	do(o, membership.Decease{Party: "eva", On: o.today(), LearntOn: o.today(), Statutes: o.rules})
	want("bert@example.org | over een einde is niets beslist")
	suspend("ada", subscription.Death)
	want("bert@example.org | "+pays[0], "cleo@example.org | "+pays[1])
	o.now = o.now.AddDate(0, 0, 40)
	do(o, subscription.Cancel{Subscription: "ada", On: o.today(), Ends: o.today()}) // as is done in time with those of the dead
	want("bert@example.org | tot en met "+catalogue.Date(domain.Dutch, o.today().AddDays(30))+" kunt u nog verdergaan", "cleo@example.org | you may still go on")
	for _, l := range said {
		if !strings.Contains(l.text, "https://coop.example/services") && !strings.Contains(l.text, "goes on as before") && !strings.Contains(l.text, "gaat door zoals voorheen") {
			t.Errorf("how it is taken over is not said: %s", l.text)
		}
		for _, why := range []string{"resign", "excluded", "died", "death", "abuse", "unpaid", "overleden", "misbruik", "uitgesloten", "lid "} {
			if strings.Contains(l.text, why) {
				t.Errorf("it says why: %s", l.text)
			}
		}
	}
}

// TestWhoUsesWhatAnotherPaysIsToldWhatBecomesOfWhoPays, whatever ends their membership, and never why.
func TestWhoUsesWhatAnotherPaysIsToldWhatBecomesOfWhoPays(t *testing.T) {
	o := openPostOffice(t)
	o.apply("bert", "bert@example.org", domain.Dutch)
	o.apply("cleo", "cleo@example.org", domain.English)
	o.apply("carl", "carl@example.org", domain.English)
	rules := o.rules
	rules.Membership.Exclusion.AnswerMonths, rules.Membership.Exclusion.AnswerDays = 0, 0
	ways := map[domain.PartyID]func(payer domain.PartyID){
		"resigned": func(payer domain.PartyID) { do(o, membership.Resign{Party: payer, On: o.today(), Statutes: rules}) },
		"excluded": func(payer domain.PartyID) {
			do(o, membership.DecideExclusion{
				Party: payer, Excluded: true, Reasons: "took the till",
				Decision: membership.Decision{By: rules.Membership.ExcludedBy(), On: o.today(), Minutes: "9"}, Statutes: rules,
			})
		},
		"dissolved": func(payer domain.PartyID) {
			do(o, membership.WindUp{Party: payer, How: membership.ByDissolution, On: o.today(), LearntOn: o.today(), Statutes: rules})
		},
		"deceased": func(payer domain.PartyID) {
			do(o, membership.Decease{Party: payer, On: o.today(), LearntOn: o.today(), Statutes: rules})
		},
	}
	number := domain.MemberNumber(0)
	for way, ends := range ways {
		number++
		kind, identity := membership.Person, membership.Identity{FirstName: "Ada", LastName: "Sample"}
		if way == "dissolved" {
			kind, identity = membership.Organisation, membership.Identity{Organisation: "Mill"}
		}
		do2(o, membership.Enter{Party: way, Number: number, Kind: kind, Identity: identity, Language: domain.English, AdmittedOn: o.today(), On: o.today()})
		// Bert uses all of one, Cleo has part of another, and what she uses of theirs has ended.
		for id, user := range map[domain.SubscriptionID]domain.PartyID{"all": "bert", "shared": way, "over": "carl"} {
			id += "-" + domain.SubscriptionID(way)
			do(o, subscription.Subscribe{Subscription: id, Party: user, Payer: way, Plan: "nubo", GB: 10, Terms: familyTerms, On: o.today(), From: o.today()})
		}
		do2(o, subscription.Link{Subscription: "shared-" + domain.SubscriptionID(way), Link: "part-" + domain.SubscriptionID(way), Party: "cleo", GB: 2, On: o.today()})
		do(o, subscription.Cancel{Subscription: "over-" + domain.SubscriptionID(way), On: o.today(), Ends: o.today()})
		o.now = o.now.AddDate(0, 0, 1)
		o.tell()
		ends(way)
		sent := o.tell()
		told := map[string]string{}
		for _, l := range sent {
			told[l.to] = l.text
			for _, why := range []string{"resign", "exclu", "died", "death", "dissol", "bankrupt", "overleden", "uitgesloten", "lid "} {
				if l.to != "ada@example.org" && strings.Contains(l.text, why) {
					t.Errorf("it says why: %s", l.text)
				}
			}
		}
		if text := told["bert@example.org"]; !strings.Contains(text, "over een einde is niets beslist") || !strings.Contains(text, "schrijf ons") {
			t.Errorf("%s: who uses it all is told %q", way, text)
		}
		// What the dead used themselves is suspended, and that is told then.
		if text := told["cleo@example.org"]; (way != "deceased") != strings.Contains(text, "keep your account for 30 days more") {
			t.Errorf("%s: who has part of it is told %q", way, text)
		}
		if text, is := told["carl@example.org"]; is {
			t.Errorf("%s: of what has ended they are told %q", way, text)
		}
	}
}

// TestWhoWasFoundToBeAnotherIsToldOfTheirAccounts, which stay under the id that they had.
func TestWhoWasFoundToBeAnotherIsToldOfTheirAccounts(t *testing.T) {
	o := openPostOffice(t)
	o.apply("anna", "anna@example.org", domain.English)
	do2(o, membership.Enter{
		Party: "ann", Number: 7, Kind: membership.Person, Identity: membership.Identity{FirstName: "Anna", LastName: "Loom"},
		Language: domain.Dutch, AdmittedOn: o.today(), On: o.today(),
	})
	do(o, membership.ChangeContact{Party: "ann", On: o.today(), Contact: membership.Contact{Email: "ann@example.org"}})
	do2(o, provisioning.RequestAccount{
		Account: "mail/s", Entitlement: "mail/s", Party: "anna", Service: domain.Mail, Login: loginIn(o.store, "anna.loom@coop.example"), Quota: domain.GB, On: o.today(),
	})
	o.tell()
	do2(o, membership.Merge{Party: "anna", Into: "ann", On: o.today()})
	o.tell()
	do(o, provisioning.NoteUsage{Account: "mail/s", Used: domain.GB, Quota: domain.GB, On: o.today()})
	o.want(o.tell(), "ann@example.org | anna.loom@coop.example")
}
