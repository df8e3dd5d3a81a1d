package processes_test

import (
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/offering"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
)

// housed is a post office whose Ada has a mailbox that Bert pays.
func housed(t *testing.T) (o *postOffice, account domain.AccountID) {
	o = openPostOffice(t)
	o.apply("ada", "ada@example.org", domain.English)
	o.apply("bert", "bert@example.org", domain.French)
	o.tell()
	do(o, subscription.Subscribe{
		Subscription: "s", Party: "ada", Payer: "bert", Plan: "nubo", GB: 5, Terms: subscription.Terms{PriceList: 1, LeastGB: 5, MostGB: 100}, On: o.today(), From: o.today(),
	})
	of := entitlement.IDOf("s", domain.Mail)
	_, err := eventstore.Execute2(eventstore.As(t.Context(), "test"), o.store, provisioning.RequestAccount{
		Account: domain.AccountID(of), Entitlement: of, Party: "ada", Service: domain.Mail, Login: loginIn(o.store, "ada.sample@example.org"), Quota: 5 * domain.GB, On: o.today(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return o, domain.AccountID(of)
}

func TestWhoHasAnAccountAndWhoPaysItAreWarned(t *testing.T) {
	o, account := housed(t)
	holds := func(used domain.Bytes) {
		t.Helper()
		do(o, provisioning.NoteUsage{Account: account, Used: used, Quota: 5 * domain.GB, On: o.today()})
	}
	holds(4_100_000_000)
	o.want(o.tell(),
		"ada@example.org | ada.sample@example.org is 80% full | 4.1\u00a0GB of 5\u00a0GB | https://coop.example/services",
		"bert@example.org | Un compte que vous payez est rempli à 80\u00a0% | Ada Sample")
	o.want(o.again())
	holds(4_200_000_000)
	o.want(o.tell())
	holds(4_600_000_000)
	o.want(o.tell(), "90%", "90\u00a0%")
	holds(3_000_000_000)
	o.want(o.tell())
	holds(5_000_000_000)
	o.want(o.tell(), "100%", "100\u00a0%")
}

// TestWhoPaysAPartIsWarnedOfIt, until it is a subscription of its user's own.
func TestWhoPaysAPartIsWarnedOfIt(t *testing.T) {
	o, _ := housed(t)
	o.apply("carl", "carl@example.org", domain.English)
	do2(o, subscription.Link{Subscription: "s", Link: "l", Party: "carl", GB: 2, On: o.today()})
	of := entitlement.IDOf("l", domain.Mail)
	do2(o, provisioning.RequestAccount{
		Account: domain.AccountID(of), Entitlement: of, Party: "carl", Service: domain.Mail, Login: loginIn(o.store, "carl.loom@example.org"), Quota: domain.GB, On: o.today(),
	})
	o.tell()
	do(o, provisioning.NoteUsage{Account: domain.AccountID(of), Used: domain.GB, Quota: domain.GB, On: o.today()})
	sent := o.tell()
	o.want(sent, "carl@example.org | carl.loom@example.org", "bert@example.org | 100\u00a0%")
	if strings.Contains(sent[1].text, "carl.loom") {
		t.Errorf("who pays is told the login: %s", sent[1].text)
	}
	do2(o, subscription.Detach{Subscription: "s", Link: "l", GB: 5, Terms: familyTerms, On: o.today(), Grace: 30})
	do(o, provisioning.NoteUsage{Account: domain.AccountID(of), Used: 0, Quota: domain.GB, On: o.today()})
	do(o, provisioning.NoteUsage{Account: domain.AccountID(of), Used: domain.GB, Quota: domain.GB, On: o.today()})
	o.want(o.tell(), "carl@example.org | carl.loom@example.org")
}

func TestWhoLeavesIsToldHowToTakeAlongWhatIsTheirs(t *testing.T) {
	o, account := housed(t)
	do(o, subscription.Cancel{Subscription: "s", On: o.today(), Ends: calendar.On(2026, 3, 31)})
	o.want(o.tell(),
		"ada@example.org | ends on 31 March 2026 | IMAP | WebDAV | kept through 30 April 2026 | gone by 30 July 2026 | https://coop.example/services",
		"bert@example.org | se termine le 31 mars 2026 | jusqu’au 30 avril 2026")
	o.want(o.again())
	do(o, provisioning.RecordProvisioned{Account: account, Quota: domain.GB, Revision: 5})
	do(o, provisioning.RecordDeleted{Account: account, Revision: 9, On: o.today(), Backups: calendar.On(2026, 7, 30)})
	o.want(o.tell(), "ada@example.org | ada.sample@example.org is deleted | on 2 March 2026 | gone by 30 July 2026")
	o.want(o.again())
}

// TestWhoKeepsSomethingIsNotToldThatAllIsDeleted, as a member, by a gift, or by grace for some days more.
func TestWhoKeepsSomethingIsNotToldThatAllIsDeleted(t *testing.T) {
	o, _ := housed(t)
	list, err := offering.Preset("nubo")
	if err != nil {
		t.Fatal(err)
	}
	do(o, offering.Publish{Version: 1, On: o.today(), From: o.today(), List: list})
	o.tell()
	do(o, entitlement.Give{Subscription: "s", Gift: "g", Party: "ada", Service: domain.Mail, Quota: domain.GB, On: o.today(), From: o.today()})
	o.want(o.tell())
	do(o, subscription.Cancel{Subscription: "s", On: o.today(), Ends: calendar.On(2026, 3, 31)})
	o.want(o.tell(), "ada@example.org | ends on 31 March 2026 | you keep, with the same address | stays through 30 April 2026", "bert@example.org | vous gardez")
	do(o, entitlement.EndGift{Subscription: "s", Gift: "g", On: o.today(), Until: calendar.On(2026, 3, 31)})
	o.want(o.tell(), "ada@example.org | without a subscription ends on 31 March 2026")
	do(o, entitlement.GiveGrace{Subscription: "s", Party: "ada", On: o.today(), Until: calendar.On(2026, 4, 9)})
	o.tell()
	do(o, subscription.Cancel{Subscription: "s", On: o.today(), Ends: calendar.On(2026, 3, 30)})
	o.want(o.tell(), "ada@example.org | ends on 9 April 2026 | kept through 9 May 2026", "bert@example.org | se termine le 30 mars 2026 | jusqu’au 9 mai 2026")
}

func TestTheyAreToldThatASizeIsPutOff(t *testing.T) {
	o, account := housed(t)
	do(o, provisioning.PostponeSize{
		Account: account, Used: 4_200_000_000, Quota: 3 * domain.GB, Measured: o.today(), On: o.today(), Until: calendar.On(2026, 4, 1),
	})
	o.want(o.tell(), "ada@example.org | 1 April 2026 | 1.2\u00a0GB | 3\u00a0GB | 4.2\u00a0GB", "bert@example.org | 1er avril 2026 | Ada Sample")
	o.want(o.again())
}

// TestWhoUsesWhatIsGivenIsToldWithWhichDayItEnds, unless something else stands for it then.
func TestWhoUsesWhatIsGivenIsToldWithWhichDayItEnds(t *testing.T) {
	o, _ := housed(t)
	list, err := offering.Preset("nubo")
	if err != nil {
		t.Fatal(err)
	}
	do(o, offering.Publish{Version: 1, On: o.today(), From: o.today(), List: list})
	o.want(o.tell())
	give := func(id domain.SubscriptionID, gift entitlement.GiftID, party domain.PartyID, service domain.Service, until calendar.Date) {
		t.Helper()
		quota := domain.GB
		if service.App() {
			quota = 0
		}
		do(o, entitlement.Give{Subscription: id, Gift: gift, Party: party, Service: service, Quota: quota, On: o.today(), From: o.today(), Until: until})
	}
	give("s", "g", "ada", domain.Mail, calendar.On(2026, 3, 31))    // on top of what goes on
	give("alone", "g1", "bert", domain.Mail, calendar.Date{})       // without an end
	give("alone", "g2", "bert", domain.Polls, o.today().AddDays(9)) // an app
	o.want(o.tell())
	do(o, entitlement.EndGift{Subscription: "alone", Gift: "g1", On: o.today(), Until: calendar.On(2026, 3, 31)})
	o.want(o.tell(), "bert@example.org | sans abonnement se termine le 31 mars 2026 | IMAP | jusqu’au 30 avril 2026 | 30 juillet 2026")
	o.want(o.again())
	if err := processes.SyncEntitlements(eventstore.As(t.Context(), "test"), o.store, "alone", o.today()); err != nil {
		t.Fatal(err)
	}
	do(o, entitlement.GiveGrace{Subscription: "alone", Party: "bert", On: o.today(), Until: calendar.On(2026, 4, 30)})
	o.want(o.tell(), "bert@example.org | se termine le 30 avril 2026 | jusqu’au 30 mai 2026")
	give("alone", "g3", "bert", domain.Storage, calendar.Date{})
	do(o, entitlement.EndGift{Subscription: "alone", Gift: "g1", On: o.today(), Until: o.today()})
	o.want(o.tell())
	give("short", "g4", "ada", domain.Mail, calendar.On(2026, 3, 9))
	o.want(o.tell(), "ada@example.org | ends on 9 March 2026")

	list.Members = []offering.MemberGrant{{Service: domain.Mail, GB: 1}}
	do(o, offering.Publish{Version: 2, On: o.today(), From: o.today().AddDays(1), List: list})
	o.now = o.now.AddDate(0, 0, 1)
	for i, party := range []domain.PartyID{"eva", "max"} {
		do2(o, membership.Enter{
			Party: party, Number: domain.MemberNumber(i + 1), Kind: membership.Person, Identity: membership.Identity{FirstName: "Eva", LastName: "Loom"},
			Language: domain.English, AdmittedOn: o.today(), On: o.today(),
		})
		do(o, membership.ChangeContact{Party: party, On: o.today(), Contact: membership.Contact{Email: string(party) + "@example.org"}})
	}
	do(o, subscription.Subscribe{Subscription: "max", Party: "max", Payer: "max", Plan: "nubo", GB: 5, Terms: familyTerms, On: o.today(), From: o.today()})
	for _, party := range []domain.PartyID{"eva", "max"} {
		do(o, entitlement.CountMembership{Party: party, Subscription: domain.SubscriptionID(party), On: o.today()})
	}
	o.tell()
	for _, party := range []domain.PartyID{"eva", "max"} {
		do(o, membership.Resign{Party: party, On: o.today(), Statutes: o.rules})
	}
	var told []string
	for _, l := range o.tell() {
		if strings.Contains(l.text, "without a subscription") {
			told = append(told, l.to)
		}
	}
	if len(told) != 1 || told[0] != "eva@example.org" {
		t.Errorf("what members have ends for %v", told)
	}
}
