package processes_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/modules"
	"rochdale/domain/money"
	"rochdale/domain/offering"
	"rochdale/domain/provisioning"
	"rochdale/domain/statutes"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

// A coop is a log in memory that several nodes share, with statutes and prices.
type coop struct {
	*testing.T
	driver *faulty
	rules  statutes.Statutes
	prices offering.PriceList

	mu    sync.Mutex
	today calendar.Date
}

var founding = calendar.On(2026, time.January, 1)

func found(t *testing.T) *coop {
	t.Helper()
	c := &coop{T: t, driver: &faulty{Memory: new(eventstore.Memory)}, today: founding}
	var err error
	if c.rules, err = statutes.Preset("nubo"); err != nil {
		t.Fatal(err)
	}
	if c.prices, err = offering.Preset("nubo"); err != nil {
		t.Fatal(err)
	}
	s := c.node()
	if err := s.Bind(t.Context()); err != nil {
		t.Fatal(err)
	}
	execute(c, s, statutes.Adopt{Version: 1, On: founding, InForceFrom: founding, By: "deed", Statutes: c.rules})
	execute(c, s, offering.Publish{Version: 1, On: founding, From: founding, List: c.prices})
	c.rules.Version = 1
	return c
}

// node returns a node of the co-op, with a memory of its own.
func (c *coop) node() *eventstore.Store {
	keys, err := eventstore.NewKeys(c.driver, make([]byte, 32))
	if err != nil {
		c.Fatal(err)
	}
	return eventstore.New(eventstore.NewLog(c.driver), modules.Registry(), keys)
}

func (c *coop) day() calendar.Date {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.today
}

func (c *coop) setDay(d calendar.Date) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.today = d
}

// loginIn returns a login as the log of a node names it.
func loginIn(s *eventstore.Store, login provisioning.Login) provisioning.Named {
	digests, err := s.Digests(context.Background())
	if err != nil {
		panic(err)
	}
	return login.Named(digests)
}

func as(ctx context.Context) context.Context { return eventstore.As(ctx, "test") }

func execute[S any](c *coop, s *eventstore.Store, cmd domain.Command[S]) {
	c.Helper()
	if _, err := eventstore.Execute(as(c.Context()), s, cmd); err != nil {
		c.Fatalf("%+v: %v", cmd, err)
	}
}

func execute2[A, B any](c *coop, s *eventstore.Store, cmd domain.Command2[A, B]) {
	c.Helper()
	if _, err := eventstore.Execute2(as(c.Context()), s, cmd); err != nil {
		c.Fatalf("%+v: %v", cmd, err)
	}
}

// subscribe has a party subscribe to so many GB from a day on.
func (c *coop) subscribe(s *eventstore.Store, id domain.SubscriptionID, party domain.PartyID, gb int, from calendar.Date) {
	c.Helper()
	execute(c, s, subscription.Subscribe{
		Subscription: id, Party: party, Payer: party, Plan: "nubo", GB: gb,
		Terms: subscription.Terms{PriceList: 1, LeastGB: 5, MostGB: 1000}, On: from, From: from,
	})
}

// events returns those of the log, as a node reads them.
func (c *coop) events(s *eventstore.Store) (all []any) {
	c.Helper()
	for rec, err := range c.driver.Memory.All(context.Background(), 0) {
		if err != nil {
			c.Fatal(err)
		}
		event, err := s.Decode(context.Background(), rec)
		if err != nil {
			c.Fatal(err)
		}
		all = append(all, event)
	}
	return all
}

// those returns the events of a type.
func those[E any](c *coop, s *eventstore.Store) (all []E) {
	c.Helper()
	for _, event := range c.events(s) {
		if e, ok := event.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

func stateOf[S any](c *coop, s *eventstore.Store, stream domain.Stream) (state S) {
	c.Helper()
	_, err := eventstore.Transact(as(c.Context()), s, func(tx *eventstore.Tx) (err error) {
		state, _, err = eventstore.Load[S](tx, stream)
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	return state
}

func eur(cents int64) money.Money { return money.New(cents, "EUR") }

// faulty is a log that can be told to fail.
type faulty struct {
	*eventstore.Memory
	mu    sync.Mutex
	write func(n int) (before, after error) // asked at the nth write, if there is one
	n     int
}

var errLost = errors.New("the connection was lost")

// failing has the log ask what is to go wrong with each write, before it is made and
// after it was.
func (f *faulty) failing(write func(n int) (before, after error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write, f.n = write, 0
}

func (f *faulty) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	f.mu.Lock()
	var before, after error
	if f.write != nil {
		f.n++
		before, after = f.write(f.n)
	}
	f.mu.Unlock()
	if before != nil {
		return nil, before
	}
	results, err := f.Memory.Write(ctx, units)
	if err == nil && after != nil {
		return nil, after
	}
	return results, err
}

func party(n int) domain.PartyID { return domain.PartyID(fmt.Sprintf("party-%03d", n)) }
