package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/offering"
	"rochdale/domain/payment"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
	"rochdale/processes/access"
	"rochdale/projections"
)

type demoCmd struct {
	Members int    `help:"How many members there are." default:"643"`
	Seed    uint64 `help:"What the made-up members are drawn from." default:"1844"`
	serveFlags
}

func (demoCmd) Help() string {
	return `A co-op is founded, its register entered, a month billed, mailboxes and folders provisioned, and a poll
opened; then it is served. Where --data names no folder, all of it is gone when it ends.
Examples:
  rochdale demo
  rochdale demo --members 5000 --listen 127.0.0.1:9000 --data ./demo`
}

// Run shows a whole co-op at work.
func (c demoCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	if c.Members < 20 {
		return misused("a demo takes 20 members or more")
	}
	if given, err := filepath.Abs(defaultData); err == nil && g.Data == given {
		dir, err := os.MkdirTemp("", "rochdale-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // what is left is in the temporary folder
		g.Data = dir
		if _, _, err := eventstore.MasterKey(g.masterKey()); err != nil { // before it is missed: nobody needs to back it up
			return err
		}
	}
	began := time.Now()
	return withNewHouse(ctx, g, t, func(h *house) error {
		head, err := h.store.Log.Head(ctx)
		if err != nil {
			return err
		}
		d := demo{house: h, cmd: c, began: began}
		if head == 0 {
			if err := d.build(ctx, d.everything()...); err != nil {
				return err
			}
		} else if err := h.openModels(ctx); err != nil {
			return err
		}
		defer h.models.Close() //nolint:errcheck // they can be made again
		if err := h.models.CatchUp(ctx); err != nil {
			return err
		}
		guide, err := d.guide(ctx)
		if err != nil {
			return err
		}
		c.made = true
		return h.serve(ctx, c.serveFlags, func(url string) { guide.print(t, g, url) })
	})
}

// A demo is a co-op that is made up.
type demo struct {
	*house
	cmd     demoCmd
	began   time.Time
	members []sampleMember
	today   calendar.Date
}

func (d *demo) step(format string, args ...any) {
	if !d.JSON {
		fmt.Fprintf(d.t.err, "%5.1f s  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
	}
}

// A demoStep makes a part of the co-op.
type demoStep func(context.Context, statutes.Statutes, offering.PriceList) error

func (d *demo) everything() []demoStep {
	return []demoStep{d.enter, d.grantRoles, d.subscribe, d.openHouse, d.convene, d.bill, d.provision}
}

// build founds the co-op and takes steps, by the commands that a real one uses.
func (d *demo) build(ctx context.Context, steps ...demoStep) error {
	r := rand.New(rand.NewPCG(d.cmd.Seed, 1)) //nolint:gosec // G404: the same ids for the same seed
	d.store.NewID = func() uuid.UUID { return uuid.MustParse(sampleID(r)) }
	defer func() { d.store.NewID = func() uuid.UUID { return uuid.Must(uuid.NewV7()) } }()

	rules, list, err := demoRules()
	if err != nil {
		return err
	}
	zone, err := zoneOf(rules)
	if err != nil {
		return err
	}
	d.today = calendar.Of(d.now().In(zone))
	d.members = sampleCoop(d.cmd.Seed, d.cmd.Members, d.today)
	cli := asCLI(ctx)
	founded := d.members[0].admitted.AddDays(-1)
	if err := found(cli, d.store, rules, &list, founded, founded); err != nil {
		return fmt.Errorf("found: %w", err)
	}
	rules.Version = 1
	for _, step := range steps {
		if err := step(cli, rules, list); err != nil {
			return err
		}
	}
	return nil
}

// demoRules are statutes of nobody.
func demoRules() (statutes.Statutes, offering.PriceList, error) {
	rules, err := statutes.Preset("nubo")
	if err != nil {
		return rules, offering.PriceList{}, err
	}
	rules.Name = "La Navette (demo)"
	rules.Legal = statutes.Legal{
		Street: "rue des Tisserands 1", PostalCode: "1000", City: "Bruxelles", Country: "BE",
		EnterpriseNumber: "0000.000.097", VATNumber: "BE 0000.000.097", Email: "hello@navette.example", IBAN: "BE68539007547034",
	}
	list, err := offering.Preset("nubo")
	return rules, list, err
}

func (d *demo) enter(ctx context.Context, rules statutes.Statutes, _ offering.PriceList) error {
	class, held := rules.Shares.Classes[0], 0
	_, err := eventstore.Transact(ctx, d.store, func(tx *eventstore.Tx) error {
		held = 0
		for _, m := range d.members {
			err := eventstore.Do2(tx, membership.Enter{
				Party: m.party, Number: m.number, Kind: m.kind, Identity: m.identity, Contact: m.contact,
				Language: m.language, AdmittedOn: m.admitted, On: d.today,
			})
			if err != nil {
				return fmt.Errorf("member %d: %w", m.number, err)
			}
			err = eventstore.Do(tx, shares.Enter{
				Subscription: shares.SubscriptionID("demo-" + fmt.Sprint(m.number)), Party: m.party, Class: class.ID, Quantity: int64(m.shares),
				Paid: class.Price.Times(int64(m.shares)), On: m.admitted, Statutes: rules,
			})
			if err != nil {
				return fmt.Errorf("shares of member %d: %w", m.number, err)
			}
			held += m.shares
		}
		return nil
	})
	d.step("%d members with %d shares entered in the register", len(d.members), held)
	return err
}

// grantRoles gives the first members the offices of the co-op.
func (d *demo) grantRoles(ctx context.Context, _ statutes.Statutes, _ offering.PriceList) error {
	persons := d.persons()
	_, err := eventstore.Transact(ctx, d.store, func(tx *eventstore.Tx) error {
		for i, role := range demoOffices {
			if err := eventstore.Do(tx, membership.GrantRole{Party: persons[i].party, Role: role, On: d.today}); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

var demoOffices = []domain.Role{
	domain.RoleBoard, domain.RoleTreasurer, domain.RoleSecretary, domain.RoleScrutineer, domain.RoleOperator,
}

func (d *demo) persons() (persons []sampleMember) {
	for _, m := range d.members {
		if m.kind == membership.Person {
			persons = append(persons, m)
		}
	}
	return persons
}

func (d *demo) subscribe(ctx context.Context, _ statutes.Statutes, list offering.PriceList) error {
	n := 0
	_, err := eventstore.Transact(ctx, d.store, func(tx *eventstore.Tx) error {
		n = 0
		var largest sampleMember
		var shared domain.SubscriptionID
		plan := list.Plans[0]
		least, most := plan.Limits()
		for _, m := range d.members {
			if m.gb == 0 {
				continue
			}
			n++
			id := domain.SubscriptionID(tx.NewID().String())
			if m.gb > largest.gb {
				largest, shared = m, id
			}
			err := eventstore.Do(tx, subscription.Subscribe{
				Subscription: id, Party: m.party, Payer: m.party, Plan: plan.ID, GB: m.gb,
				Terms: subscription.Terms{PriceList: 1, LeastGB: least, MostGB: most}, On: m.subscribedOn, From: m.subscribedOn,
			})
			if err != nil {
				return err
			}
		}
		if shared == "" {
			return nil
		}
		return errors.Join(d.share(tx, shared, largest), eventstore.Do(tx, entitlement.Give{
			Subscription: shared, Gift: entitlement.GiftID(tx.NewID().String()), Party: largest.party, Service: domain.Storage, Quota: 5 * domain.GB,
			On: d.today, From: d.today, Until: d.today.AddDays(364),
		}))
	})
	d.step("%d of them subscribed to mail and cloud, with calendar and contacts", n)
	return err
}

// share has two members without a subscription have part of somebody's.
func (d *demo) share(tx *eventstore.Tx, of domain.SubscriptionID, payer sampleMember) error {
	given := 0
	for _, m := range d.persons() {
		if m.gb > 0 || given == 2 || payer.gb < 3*(given+2) {
			continue
		}
		given++
		err := eventstore.Do2(tx, subscription.Link{
			Subscription: of, Link: domain.SubscriptionID(tx.NewID().String()), Party: m.party, GB: 3, On: d.today,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) openHouse(ctx context.Context, _ statutes.Statutes, _ offering.PriceList) error {
	if err := d.openModels(ctx); err != nil {
		return err
	}
	return d.models.CatchUp(ctx)
}

const (
	demoAssembly = domain.AssemblyID("demo-assembly")
	demoPoll     = domain.PollID("demo-poll")
)

// convene holds an assembly today, with a poll that is open and some who voted.
func (d *demo) convene(ctx context.Context, rules statutes.Statutes, _ offering.PriceList) error {
	_, err := eventstore.Execute(ctx, d.store, assembly.Convene{
		Assembly: demoAssembly, Kind: assembly.Annual, On: d.today.AddDays(-20), HeldOn: d.today, Statutes: rules,
		Title: domain.Text{FR: "Assemblée générale annuelle", NL: "Jaarlijkse algemene vergadering", EN: "Annual general assembly", DE: "Jährliche Generalversammlung"},
		Place: domain.Text{FR: "La filature, Bruxelles", NL: "De spinnerij, Brussel", EN: "The spinning mill, Brussels"},
	})
	if err != nil {
		return err
	}
	catchingUp := catchUpFirst{d.models}
	if _, err := processes.FreezeRoll(ctx, d.store, catchingUp, demoAssembly, d.today); err != nil {
		return err
	}
	opens := d.now().UTC().Truncate(time.Second).Add(-time.Minute)
	_, err = eventstore.Execute2(ctx, d.store, assembly.OpenPoll{
		Poll: demoPoll, Assembly: demoAssembly, Decision: statutes.Ordinary, OpensAt: opens, ClosesAt: opens.Add(24 * time.Hour), Statutes: rules,
		Question: domain.Text{
			FR: "Approuvez-vous les comptes annuels ?", NL: "Keurt u de jaarrekening goed?",
			EN: "Do you approve the annual accounts?", DE: "Genehmigen Sie den Jahresabschluss?",
		},
	})
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(d.cmd.Seed, 2)) //nolint:gosec // G404: made-up votes need no secrets
	voters := d.members[len(d.members)/2 : len(d.members)*3/4]
	_, err = eventstore.Transact(ctx, d.store, func(tx *eventstore.Tx) error {
		for _, m := range voters {
			choice := []assembly.Choice{assembly.For, assembly.For, assembly.For, assembly.Against, assembly.Abstain}[r.IntN(5)]
			err := eventstore.Do2(tx, assembly.CastVote{Poll: demoPoll, Assembly: demoAssembly, Party: m.party, Choice: choice, At: d.now()})
			if err != nil {
				return err
			}
		}
		return nil
	})
	d.step("the annual assembly is open: %d on the roll, %d have voted", len(d.members), len(voters))
	return err
}

// catchUpFirst brings the read models up to where they are waited for, where
// nothing else does.
type catchUpFirst struct{ models }

// WaitFor is that of [processes.Rolls].
func (c catchUpFirst) WaitFor(ctx context.Context, _ int64) error { return c.CatchUp(ctx) }

// bill bills last month, of which most have been paid.
func (d *demo) bill(ctx context.Context, _ statutes.Statutes, _ offering.PriceList) error {
	if err := d.models.CatchUp(ctx); err != nil {
		return err
	}
	month := d.today.Month().Add(-1)
	result, err := processes.Run{Store: d.store, Payers: d.models, Month: month, On: d.today}.Do(ctx)
	if err != nil {
		return err
	}
	if len(result.Problem) > 0 {
		return fmt.Errorf("bill %s: %+v", month, result.Problem[0])
	}
	if err := d.models.CatchUp(ctx); err != nil {
		return err
	}
	invoices, err := d.models.InvoicesOf(ctx, month)
	if err != nil {
		return err
	}
	_, err = eventstore.Transact(ctx, d.store, func(tx *eventstore.Tx) error {
		for n, i := range invoices {
			if n%5 == 4 {
				continue
			}
			err := eventstore.Do(tx, payment.Record{
				Payment: domain.PaymentID("demo-payment-" + i.Number.String()), Payer: i.Payer, Amount: i.Gross, On: d.today,
				Method: payment.Transfer, Communication: i.Communication,
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	d.step("%d invoices issued for %s, four in five of them paid", result.Issued, month)
	return err
}

func (d *demo) provision(ctx context.Context, _ statutes.Statutes, _ offering.PriceList) error {
	services, err := openServices(ctx, d.Globals, d.store.Log.KV())
	if err != nil {
		return err
	}
	defer services.close()
	reconciler := d.reconciler(services)
	for i := range reconciler.Targets {
		reconciler.Targets[i].Parallel = 1 // in an order that is always the same
	}
	if err := d.runner(reconciler, d.cmd.MailDomain).CatchUp(ctx); err != nil {
		return err
	}
	if err := d.models.CatchUp(ctx); err != nil {
		return err
	}
	accounts, err := d.models.Accounts(ctx, false, projections.Page{First: 1})
	d.step("%d mailboxes and folders provisioned", accounts.Total)
	return err
}

// A guide says what there is to see.
type guide struct {
	Members  int               `json:"members"`
	Tokens   map[string]string `json:"tokens"` // by role
	Poll     domain.PollID     `json:"poll"`
	Login    string            `json:"login"` // of a folder and mailbox
	Password string            `json:"password"`
	Seconds  float64           `json:"seconds"`
	data     string
}

// guide makes tokens, and lets one member into their folder.
func (d *demo) guide(ctx context.Context) (g guide, err error) {
	g = guide{Tokens: map[string]string{}, Poll: demoPoll, data: d.Data}
	if g.Members, err = d.models.CountMembers(ctx, d.house.today()); err != nil {
		return g, err
	}
	members, err := d.models.Members(ctx, projections.MemberFilter{Status: projections.StatusMember, On: d.house.today()}, projections.ByNumber, projections.Page{First: 200})
	if err != nil {
		return g, err
	}
	token := func(name string, party domain.PartyID, roles []domain.Role, scopes ...string) error {
		secret, _, err := d.access.CreateToken(ctx, access.Token{Name: "demo " + name, Party: party, Roles: roles, Scopes: scopes, Expires: d.now().AddDate(0, 0, 7)})
		g.Tokens[name] = secret
		return err
	}
	for _, m := range members.Items {
		granted, err := d.models.Roles(ctx, m.ID)
		if err != nil {
			return g, err
		}
		if len(granted) > 0 {
			if err := token(string(granted[0].Role), m.ID, nil); err != nil {
				return g, err
			}
			continue
		}
		accounts, err := d.models.AccountsOf(ctx, m.ID)
		if err != nil {
			return g, err
		}
		switch {
		case m.Kind != membership.Person:
		case g.Tokens["member"] == "" && len(accounts) > 0:
			if err := token("member", m.ID, nil); err != nil {
				return g, err
			}
			if err := d.letIn(ctx, &g, accounts); err != nil {
				return g, err
			}
		case g.Tokens["another member"] == "":
			if err := token("another member", m.ID, nil); err != nil {
				return g, err
			}
		}
	}
	err = token("pipeline", "", []domain.Role{domain.RolePipeline}, "events:read")
	g.Seconds = time.Since(d.began).Seconds()
	return g, err
}

// letIn sets the password of a member's accounts.
func (d *demo) letIn(ctx context.Context, g *guide, accounts []projections.Account) (err error) {
	services, err := openServices(ctx, d.Globals, d.store.Log.KV())
	if err != nil {
		return err
	}
	defer services.close()
	g.Password = "weave-spin-card-comb"
	for _, a := range accounts {
		g.Login = string(a.Login)
		err = errors.Join(err, processes.Credentials{Store: d.store, Targets: services.targets}.SetPassword(ctx, a.ID, g.Password))
	}
	return err
}

// What a newcomer is told to try.
const (
	askMembers = `{ members(first: 3) { totalCount nodes { number name } } }`
	askVote    = `mutation { castVote(poll: %q, choice: FOR) { position } }`
	askTurnout = `subscription { pollTurnout(poll: %q) { turnout { castVoters voters } } }`
)

func (g guide) print(t *terminal, globals *Globals, url string) {
	data := struct {
		URL string `json:"url"`
		guide
	}{url, g}
	request := func(query string, args ...any) string {
		body, err := json.Marshal(map[string]string{"query": fmt.Sprintf(query, args...)})
		if err != nil {
			panic(err) // it is a string
		}
		return string(body)
	}
	_ = t.print(globals, data, func(w io.Writer) {
		fmt.Fprintf(w, "\n%d members, ready after %.1f s. Click here, and choose a token:\n\n  %s\n\nTokens\n", g.Members, g.Seconds, url)
		for _, name := range []string{"member", "another member", "board", "treasurer", "secretary", "scrutineer", "operator", "pipeline"} {
			if g.Tokens[name] != "" {
				fmt.Fprintf(w, "  %-15s %s\n", name, g.Tokens[name])
			}
		}
		fmt.Fprintf(w, `
Three things to try
  # the treasurer reads the register; a member is refused
  curl -s %[1]s/graphql -H 'Content-Type: application/json' -H 'Authorization: Bearer %[2]s' \
    -d '%[7]s'

  # a member votes; said again it counts once, and with AGAINST it is refused
  curl -s %[1]s/graphql -H 'Content-Type: application/json' -H 'Authorization: Bearer %[3]s' \
    -d '%[8]s'

  # watch the turnout while somebody votes
  curl -sN %[1]s/graphql -H 'Content-Type: application/json' -H 'Accept: text/event-stream' -H 'Authorization: Bearer %[2]s' \
    -d '%[9]s'

A folder to mount by WebDAV: %[1]s/dav/  (login %[4]s, password %[5]s)
Everything is in %[6]s. Stop with Ctrl-C.
`, url, g.Tokens["treasurer"], g.Tokens["member"], g.Login, g.Password, g.data,
			request(askMembers), request(askVote, g.Poll), request(askTurnout, g.Poll))
	})
}
