package processes_test

import (
	"testing"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/processes"
)

// TestWhatIsReportedToBeWellIsNotGivenUp: work that was given up is done once the target
// tells that the account is as it is wanted after all, unless a person has said no.
func TestWhatIsReportedToBeWellIsNotGivenUp(t *testing.T) {
	c := found(t)
	s := c.node()
	at := memory.New(domain.Mail)
	r := reconciler(c, s, target(at))
	const login = "anna.loom@example.org"
	at.Foreign(login)
	account := entitle(c, s, "s", login)
	_ = processes.NewRunner(s, quiet, r.Processes()...).CatchUp(t.Context()) // which says that it is not ours
	if given, err := r.Given(t.Context(), "mail"); err != nil || len(given) != 1 || !given[0].Parked {
		t.Fatalf("%+v, %v", given, err)
	}
	at.Lose(login)
	if err := r.Hurry(as(t.Context()), "mail", account); err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(as(t.Context()), "", ""); err != nil {
		t.Fatal(err)
	}
	asWanted(t, c, s, at, login, account)
}
