package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/modules"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/eventstore/sqlite"
	"rochdale/processes/access"
)

// A coop is one that was made up, in a folder as the program keeps it. Nobody has
// its log open.
type coop struct {
	dir     string
	log     string // for --log
	members []domain.PartyID
	held    domain.AssemblyID
	polls   []domain.PollID
	events  int64
	// treasurer and voters are the tokens of the office and, if they were wanted, of
	// the members.
	treasurer string
	voters    []string
}

func (c *coop) views() string { return filepath.Join(c.dir, "views") }

// open opens a log of the co-op with the keys that are in its folder.
func (c *coop) open(ctx context.Context, d eventstore.Driver) (*eventstore.Store, error) {
	master, _, err := eventstore.MasterKey(filepath.Join(c.dir, "master.key"))
	if err != nil {
		return nil, err
	}
	keys, err := eventstore.NewKeys(d, master)
	if err == nil {
		err = keys.Check(ctx)
	}
	return eventstore.New(eventstore.NewLog(d), modules.Registry(), keys), err
}

// big returns a co-op that several measures read and serve.
func (b *bench) big(ctx context.Context) (*coop, error) {
	return once(b, "big", func() (*coop, error) {
		dir, err := b.dir()
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, "log.db")
		d, err := sqlite.Open(ctx, path)
		if err != nil {
			return nil, err
		}
		c := &coop{dir: dir, log: "sqlite:" + path}
		// A member comes with 7 events, and each poll with one more of each member.
		return c, c.found(ctx, b, d, b.members, max(1, (b.events-7*b.members)/b.members+1), b.events, false)
	})
}

// found makes the co-op, by the commands that a real one uses, and closes its log.
// In its polls they all vote until there are so many events.
func (c *coop) found(ctx context.Context, b *bench, d eventstore.Driver, members, polls, events int, tokens bool) (err error) {
	ctx = eventstore.As(ctx, "cli")
	store, err := c.open(ctx, d)
	if err != nil {
		return errors.Join(err, d.Close())
	}
	defer func() { err = errors.Join(err, store.Log.Close()) }()
	rules, err := statutes.Preset("nubo")
	if err != nil {
		return err
	}
	today := calendar.Of(time.Now().UTC()).AddDays(-1) // whatever the zone
	founded := today.AddMonths(-60)
	if _, err := eventstore.Execute(ctx, store, statutes.Adopt{Version: 1, On: founded, InForceFrom: founded, By: "foundation", Statutes: rules}); err != nil {
		return err
	}
	rules.Version = 1
	c.held = domain.AssemblyID(uuid.NewString())
	c.members = make([]domain.PartyID, members)
	for i := range c.members {
		c.members[i] = domain.PartyID(uuid.Must(uuid.NewV7()).String())
	}
	_, err = eventstore.Execute(ctx, store, assembly.Convene{
		Assembly: c.held, Kind: assembly.Annual, On: today.AddDays(-20), HeldOn: today, Statutes: rules,
		Title: domain.Text{FR: "Assemblée générale", EN: "General assembly"},
	})
	if err != nil {
		return err
	}
	err = c.each(ctx, b, store, "members", func(tx *eventstore.Tx, i int) error {
		admitted := founded.AddDays(i * 1700 / members)
		err := eventstore.Do2(tx, membership.Enter{
			Party: c.members[i], Number: domain.MemberNumber(i + 1), Kind: membership.Person, Language: languages[i%len(languages)],
			Identity: membership.Identity{
				FirstName: firstNames[i%len(firstNames)], LastName: lastName(i),
				Street: fmt.Sprint("rue des Tisserands ", i%180+1), PostalCode: "1000", City: "Bruxelles", Country: "BE",
			},
			Contact: membership.Contact{Email: fmt.Sprintf("member%d@coop.example", i+1)}, AdmittedOn: admitted, On: today,
		})
		if err != nil {
			return err
		}
		class := rules.Shares.Classes[0]
		quantity := int64(i%17 + 1)
		err = eventstore.Do(tx, shares.Enter{
			Subscription: shares.SubscriptionID(fmt.Sprint("lot-", i+1)), Party: c.members[i], Class: class.ID, Quantity: quantity,
			Paid: class.Price.Times(quantity), On: admitted, Statutes: rules,
		})
		if err != nil {
			return err
		}
		return eventstore.Do2(tx, assembly.EnterRoll{Assembly: c.held, Party: c.members[i], Votes: 1})
	})
	if err != nil {
		return err
	}
	if _, err := eventstore.Execute(ctx, store, assembly.FreezeRoll{Assembly: c.held, Voters: int64(members), Votes: int64(members), On: today}); err != nil {
		return err
	}
	for p := range polls {
		id := domain.PollID(uuid.NewString())
		_, err := eventstore.Execute2(ctx, store, assembly.OpenPoll{
			Poll: id, Assembly: c.held, Question: domain.Text{EN: fmt.Sprint("Question ", p+1)}, Decision: statutes.Ordinary,
			OpensAt: time.Now().Add(-time.Hour).UTC().Truncate(time.Second), Statutes: rules,
		})
		if err != nil {
			return err
		}
		c.polls = append(c.polls, id)
	}
	if c.events, err = store.Log.Head(ctx); err != nil {
		return err
	}
	for p := 0; p < polls && c.events < int64(events); p++ {
		err := c.each(ctx, b, store, fmt.Sprintf("votes in poll %d of %d", p+1, polls), func(tx *eventstore.Tx, i int) error {
			return eventstore.Do2(tx, assembly.CastVote{
				Poll: c.polls[p], Assembly: c.held, Party: c.members[i], Choice: assembly.Choices[i%3], At: time.Now(),
			})
		})
		if err != nil {
			return err
		}
		if c.events, err = store.Log.Head(ctx); err != nil {
			return err
		}
	}
	return c.tokens(ctx, store, tokens)
}

var (
	languages  = []domain.Language{domain.French, domain.Dutch, domain.French, domain.English}
	firstNames = []string{"Aline", "Bram", "Clémence", "Dries", "Éloïse", "Floor", "Greta", "Hanne", "Inès", "Jasper", "Koen", "Lotte", "Maëlle"}
	lastNames  = []string{"Navette", "Bobine", "Klos", "Shuttle", "Schering", "Inslag", "Fuseau", "Haspel", "Weft", "Rouet", "Garen"}
)

// lastName is one that some few members have, however many there are.
func lastName(i int) string {
	name := lastNames[i/len(firstNames)%len(lastNames)]
	for n := i / 1000; n > 0; n /= 16 {
		name += "abdefgiklmnorstu"[n%16 : n%16+1]
	}
	return name
}

// each does something for every member, many of them in a transaction.
func (c *coop) each(ctx context.Context, b *bench, store *eventstore.Store, what string, do func(tx *eventstore.Tx, i int) error) error {
	const batch, workers = 250, 3
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next, done atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				from := int(next.Add(batch)) - batch
				to := min(from+batch, len(c.members))
				if from >= to {
					return
				}
				_, err := eventstore.Transact(ctx, store, func(tx *eventstore.Tx) error {
					for i := from; i < to; i++ {
						if err := do(tx, i); err != nil {
							return fmt.Errorf("member %d: %w", i+1, err)
						}
					}
					return nil
				})
				if err != nil {
					stop(err)
					return
				}
				if n := done.Add(int64(to - from)); n%25_000 < batch {
					b.progress("a co-op: %s, %d of %d", what, n, len(c.members))
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (c *coop) tokens(ctx context.Context, store *eventstore.Store, members bool) (err error) {
	gate := access.Access{KV: store.Log.KV(), Now: time.Now}
	if c.treasurer, _, err = gate.CreateToken(ctx, access.Token{Name: "bench", Roles: []domain.Role{domain.RoleTreasurer}}); err != nil || !members {
		return err
	}
	c.voters = make([]string, len(c.members))
	for i, party := range c.members {
		if c.voters[i], _, err = gate.CreateToken(ctx, access.Token{Name: "bench", Party: party}); err != nil {
			return err
		}
	}
	return nil
}
