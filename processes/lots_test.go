package processes_test

import (
	"context"
	"errors"
	"testing"

	"rochdale/domain"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/eventstore"
	"rochdale/processes"
)

// holders are those who hold shares, of whom the read models may tell only some
// before they fail.
type holders struct {
	all   []domain.PartyID
	fails bool
}

func (h *holders) WaitFor(context.Context, int64) error { return nil }

func (h *holders) HoldersOf(context.Context, domain.ClassID) ([]domain.PartyID, error) {
	if h.fails {
		return nil, errors.New("the file is broken")
	}
	return h.all, nil
}

// TestCallsGoOn: stopped anywhere, a call goes on with those who are left, and asks
// nobody twice.
func TestCallsGoOn(t *testing.T) {
	o := openPostOffice(t)
	for i, party := range []domain.PartyID{"ada", "bert", "carla"} {
		paid := money.Must("20.00 EUR")
		if i == 2 {
			paid = money.Must("50.00 EUR") // all of it
		}
		do(o, shares.Enter{Subscription: "s1", Party: party, Class: "A", Quantity: 2, Paid: paid, On: o.today(), Statutes: o.rules})
	}
	do(o, shares.DecideCall{Call: "c1", Class: "A", UpTo: money.Must("25.00 EUR"), DueOn: o.today().AddDays(40), Decision: "board 9", On: o.today(), Statutes: o.rules})
	from := &holders{}
	process := processes.Calls(o.store, from)
	var decided eventstore.Record
	for rec, err := range o.store.Log.Stream(t.Context(), shares.CallStream("c1"), 0) {
		if err != nil {
			t.Fatal(err)
		}
		decided = rec
	}
	event, err := o.store.Decode(t.Context(), decided)
	if err != nil {
		t.Fatal(err)
	}
	called := func() (parties []domain.PartyID) {
		for rec, err := range o.store.Log.All(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if e, err := o.store.Decode(t.Context(), rec); err != nil {
				t.Fatal(err)
			} else if c, is := e.(shares.Called); is {
				parties = append(parties, c.Party)
			}
		}
		return parties
	}
	ctx := eventstore.As(t.Context(), "process/calls")
	stopped, stop := context.WithCancel(ctx)
	stop()
	for _, step := range []struct {
		ctx   context.Context //nolint:containedctx // one of them has ended
		from  holders
		fails bool
		want  int
	}{
		{ctx, holders{fails: true}, true, 0},
		{ctx, holders{all: []domain.PartyID{"ada"}}, false, 1},
		{stopped, holders{all: []domain.PartyID{"ada", "bert"}}, true, 1},
		{ctx, holders{all: []domain.PartyID{"ada", "bert", "carla"}}, false, 2},
		{ctx, holders{all: []domain.PartyID{"ada", "bert", "carla"}}, false, 2},
	} {
		*from = step.from
		if err := process.Handle(step.ctx, decided, event); (err != nil) != step.fails {
			t.Errorf("%+v: %v", step.from, err)
		}
		if got := called(); len(got) != step.want {
			t.Errorf("%+v: %v were called, not %d", step.from, got, step.want)
		}
	}
}
