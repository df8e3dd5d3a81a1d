package processes_test

import (
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
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
		Account: domain.AccountID(of), Entitlement: of, Party: "ada", Service: domain.Mail, Login: "ada.sample@example.org", Quota: 5 * domain.GB, On: o.today(),
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

func TestTheyAreToldThatASizeIsPutOff(t *testing.T) {
	o, account := housed(t)
	do(o, provisioning.PostponeSize{
		Account: account, Used: 4_200_000_000, Quota: 3 * domain.GB, Measured: o.today(), On: o.today(), Until: calendar.On(2026, 4, 1),
	})
	o.want(o.tell(), "ada@example.org | 1 April 2026 | 1.2\u00a0GB | 3\u00a0GB | 4.2\u00a0GB", "bert@example.org | 1er avril 2026 | Ada Sample")
	o.want(o.again())
}
