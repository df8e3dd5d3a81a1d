package postgres_test

import (
	"context"
	"sync"
	"testing"

	"rochdale/eventstore"
	"rochdale/eventstore/postgres"
	"rochdale/eventstore/storetest"
	"rochdale/internal/pgtest"
)

func TestDriver(t *testing.T) {
	c := pgtest.Start(t)
	storetest.Run(t, databases(func(t *testing.T) string { return c.NewDatabase(t) }))
}

// TestDriverThroughProxy is the same through a proxy that gives each transaction
// another connection to the server.
func TestDriverThroughProxy(t *testing.T) {
	c := pgtest.Start(t)
	proxied := bounce(t, c)
	storetest.Run(t, databases(func(t *testing.T) string { return proxied(c.NewDatabase(t)) }))
}

func TestProcesses(t *testing.T) {
	storetest.Processes(t, func(t *testing.T) string { return pgtest.Start(t).NewDatabase(t) }, open)
}

func TestProcessesThroughProxy(t *testing.T) {
	storetest.Processes(t, func(t *testing.T) string {
		c := pgtest.Start(t)
		return bounce(t, c)(c.NewDatabase(t))
	}, open)
}

func open(ctx context.Context, url string) (eventstore.Driver, error) { return postgres.Open(ctx, url) }

// databases opens logs in a database for each test.
func databases(empty func(*testing.T) string) func(*testing.T) eventstore.Driver {
	var mu sync.Mutex
	urls := map[*testing.T]string{}
	return func(t *testing.T) eventstore.Driver {
		mu.Lock()
		if urls[t] == "" {
			urls[t] = empty(t)
		}
		url := urls[t]
		mu.Unlock()
		d, err := postgres.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}
