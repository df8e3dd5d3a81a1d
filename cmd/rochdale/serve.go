package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"rochdale/adapters/broker"
	"rochdale/adapters/smtp"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/eventstore"
	"rochdale/graphql"
	"rochdale/processes"
	"rochdale/processes/access"
	"rochdale/processes/feed"
	"rochdale/schema"
	"rochdale/web"
	"rochdale/web/openid"
)

type serveCmd struct {
	serveFlags
}

// serveFlags are those of whatever serves.
type serveFlags struct {
	serviceFlags
	reachFlags
	postFlags
	hookFlags
	relayFlags

	Role string `help:"What this node does: api answers, worker runs the processes and answers only whether it is well, all does both." default:"all" enum:"all,api,worker" env:"ROCHDALE_ROLE"`

	Listen string `help:"Address and port to listen on." default:"127.0.0.1:8080" placeholder:"ADDR" env:"ROCHDALE_LISTEN"`
	URL    string `name:"url" help:"Under which people reach it; by default http:// and the address." placeholder:"URL" env:"ROCHDALE_URL"`
	Proxy  bool   `help:"A proxy in front says in X-Forwarded-For who asks." env:"ROCHDALE_PROXY"`

	Introspection bool          `help:"Let clients ask for the schema." default:"true" negatable:"" env:"ROCHDALE_INTROSPECTION"`
	Timeout       time.Duration `help:"The longest that a query or mutation takes." default:"15s" env:"ROCHDALE_TIMEOUT"`
	Traces        string        `help:"OpenTelemetry collector that traces go to, by OTLP over HTTP." placeholder:"URL" env:"ROCHDALE_TRACES"`
	LogJSON       bool          `name:"log-json" help:"Log as JSON." env:"ROCHDALE_LOG_JSON"`

	made bool // the co-op is made up: notices are shown to who looks for them
}

// relayFlags are those of whatever publishes to brokers.
type relayFlags struct {
	Relay         []string `help:"Brokers that every event is published to: nats://HOST:4222/STREAM or kafka://HOST:9092/TOPIC." placeholder:"URL" env:"ROCHDALE_RELAY"`
	RelayPersonal bool     `help:"Publish personal data too." env:"ROCHDALE_RELAY_PERSONAL"`
}

// open returns the processes that publish, and what lets go of the brokers.
func (f relayFlags) open(h *house, url string) (all []processes.Process, end func(), err error) {
	var brokers []io.Closer
	end = func() {
		for _, b := range brokers {
			_ = b.Close() // what was acknowledged is there
		}
	}
	for _, where := range f.Relay {
		to, err := broker.Open(where)
		if err != nil {
			end()
			return nil, nil, misused("--relay: %v", err)
		}
		brokers = append(brokers, to)
		all = append(all, processes.Relay(h.store, relayName(where), measuredPublisher{to, relayName(where)}, feed.Envelope{URL: url}, f.RelayPersonal))
	}
	return all, end, nil
}

// postFlags are those of whatever sends mail.
type postFlags struct {
	SMTP       string `name:"smtp" help:"Server that sends mail, like smtp://user:password@mail.example:587; without one, sign-in links are logged and nobody gets notices." placeholder:"URL" env:"ROCHDALE_SMTP"`
	MailFrom   string `help:"Address that mail comes from." placeholder:"ADDRESS" env:"ROCHDALE_MAIL_FROM"`
	NoticeDays int    `help:"The days for which members are still told of what happened: of what is older, as in a log that was restored, they are not." default:"3" placeholder:"N" env:"ROCHDALE_NOTICE_DAYS"`
}

func (serveCmd) Help() string {
	return `Examples:
  rochdale serve
  rochdale serve --log postgres://rochdale@db/rochdale --listen :8080 --url https://coop.example`
}

// Run serves until it is told to stop.
func (c serveCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	slog.SetDefault(t.log) // of who has none of their own
	return withHouse(ctx, g, t, func(h *house) error {
		if err := h.openModels(ctx); err != nil {
			return err
		}
		defer h.models.Close() //nolint:errcheck // they can be made again
		return h.serve(ctx, c.serveFlags, func(url string) {
			t.log.Info("serving", "url", url, "log", redacted(g.logURL()))
		})
	})
}

// serve serves until ctx ends, then finishes what is under way. Ready is told when
// requests are taken.
func (h *house) serve(ctx context.Context, f serveFlags, ready func(url string)) (err error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // little lives and much is thrown away: to collect it less often costs some 30 MB
	}
	listener, err := net.Listen("tcp", f.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", f.Listen, err)
	}
	defer listener.Close() //nolint:errcheck // the server closes it first
	if f.URL == "" {
		f.URL = "http://" + listener.Addr().String()
	}
	stopTraces, err := startTraces(ctx, f.Traces)
	if err != nil {
		return err
	}
	defer stopTraces()
	services, err := openServices(ctx, h.Globals, h.store.Log.KV())
	if err != nil {
		return err
	}
	defer services.close()
	post, err := h.post(f.postFlags)
	if err != nil {
		return err
	}
	reach, err := f.reach(f.MailDomain, f.URL)
	if err != nil {
		return err
	}
	reach.Also = f.AlsoDomain
	var mails []processes.Process
	if f.SMTP != "" {
		notices := h.notices(f.postFlags, post, f.URL)
		notices.Welcome = h.welcome(reach, f.URL)
		mails = append(mails, notices.Process())
	} else if f.made {
		mails = append(mails, h.notices(f.postFlags, nil, f.URL).Process())
	}
	relays, endRelays, err := f.open(h, f.URL)
	if err != nil {
		return err
	}
	defer endRelays()
	reconciler := h.reconciler(services)
	credentials := processes.Credentials{Store: h.store, Targets: services.targets}
	runner := h.runner(reconciler, f.MailDomain, append(mails, relays...)...)
	hooks := h.webhooks(f.hookFlags, f.URL)
	hooks.Tried = tried
	runner.Tell(hooks)
	contacts := h.contacts(f.URL)
	links := access.NewLinks(h.access, post, f.URL, h.coop, h.t.log)

	provider, err := openid.New(ctx, openid.Config{Access: h.access, Keys: h.store.Keys, Issuer: strings.TrimSuffix(f.URL, "/"), Log: h.t.log})
	if err != nil {
		return err
	}

	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	running := []func(context.Context){h.models.Run, links.Run}
	if f.Role != "api" {
		running = append(running, runner.Run, reconciler.WatchUsage, func(ctx context.Context) { h.keep(ctx, reconciler, f.MailDomain) }, func(ctx context.Context) {
			h.access.Keep(ctx, func(err error) { h.t.log.Error("sweeping what has expired failed and is tried again", "err", err) })
		})
	}
	for _, run := range running {
		wg.Go(func() { run(background) })
	}
	defer wg.Wait()
	defer stop()

	naming := h.naming(append([]string{f.MailDomain}, f.AlsoDomain...)...)
	config := web.Config{
		Access: h.access, Links: links, Contacts: contacts, BaseURL: f.URL, Coop: h.coop, Log: h.t.log, Trusted: f.Proxy,
		GraphQL: traced(graphql.NewHandler(graphql.Config{
			Store: h.store, Models: h.models.Models, Log: h.t.log,
			Rolls: h.models, Payers: h.models, Credentials: credentials, Reconciler: reconciler, Webhooks: hooks, Processes: runner,
			Naming: naming, Estates: h.estates(),
			Timeout: f.Timeout, NoIntrospection: !f.Introspection, Origins: []string{strings.TrimSuffix(f.URL, "/")}, Done: ctx.Done(),
		})),
		Explorer: graphql.Explorer(), Folders: services.folders, Metrics: h.metrics(runner, reconciler, hooks), OpenID: provider, Ready: h.ready,
		Credentials: credentials, Usage: reconciler, Reach: reach, Pull: services.pulled,
		Families: &processes.Families{Store: h.store, From: h.models, Reconciler: reconciler, Naming: naming, Book: h.models}, Today: h.today,
		Feed: &web.Feed{Store: h.store, Envelope: feed.Envelope{URL: f.URL}, Closing: ctx}, Schemas: schema.Events,
	}
	if f.Role == "worker" { // is asked how it does, and nothing else
		config.GraphQL, config.Explorer, config.Folders, config.OpenID, config.Credentials = http.NotFoundHandler(), nil, nil, nil, nil
		config.Usage, config.Feed, config.Pull = nil, nil, nil
	}
	handler := web.New(config)
	var busy sync.WaitGroup // also with sockets, for which a server does not wait
	answer := measured(handler)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			busy.Add(1)
			defer busy.Done()
			answer.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(h.t.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	ready(f.URL)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	h.t.log.Info("stopping: what is under way is finished first")
	return stopServing(background, server, &busy, 20*time.Second, h.t.log)
}

// stopServing lets a server finish what is under way. Who takes longer than the grace, like
// a client that never sends the rest of what it asks for, is cut off: it is no fault of ours.
func stopServing(ctx context.Context, server *http.Server, busy *sync.WaitGroup, grace time.Duration, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	err := server.Shutdown(ctx)
	if err == nil {
		idle := make(chan struct{})
		go func() {
			busy.Wait()
			close(idle)
		}()
		select {
		case <-idle:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("stopping: who has not come to an end is cut off", "after", grace)
		return server.Close()
	}
	return err
}

// relayName is that of the process that publishes to a broker: of another broker, or
// another stream there, it is another, which begins at the beginning.
func relayName(where string) string {
	u, err := url.Parse(where)
	if err != nil {
		return "relay"
	}
	return "relay-" + u.Scheme + "-" + strings.NewReplacer("/", "", ",", "-", ":", "-").Replace(u.Host+u.Path)
}

// shared is into how many parts processes are split that have much to do, so that
// several nodes do it.
const shared = 4

// runner returns all processes of the co-op, and those that not everybody runs.
func (h *house) runner(r *processes.Reconciler, mailDomain string, also ...processes.Process) *processes.Runner {
	accounts, _ := h.accounts(r, mailDomain)
	all := append([]processes.Process{
		processes.Erasure(h.store, h.access.SignOut), processes.Tally(h.store, h.models), r.Postponing(processes.Entitlements(h.store, h.today)).In(shared),
		accounts.In(shared), processes.References(h.store, h.models),
		processes.Calls(h.store, h.models), processes.Admissions(h.store, h.models), h.exits().Process(), processes.Dividends(h.store, h.models),
		processes.SetOffs(h.store), processes.Leavers(h.store, h.models), processes.Members(h.store, caughtUp{h.models}, h.today), h.naming().Process(), h.estates().Process(),
	}, also...)
	return processes.NewRunner(h.store, h.t.log, append(all, r.Processes()...)...)
}

// accounts returns what requests accounts, and of which apps it does, since there is a target.
func (h *house) accounts(r *processes.Reconciler, mailDomain string) (p processes.Process, apps []domain.Service) {
	for _, t := range r.Targets {
		if t.Service.App() {
			apps = append(apps, t.Service)
		}
	}
	return processes.Accounts(h.store, caughtUp{h.models}, mailDomain, h.today, apps...), apps
}

// naming returns what gives names to accounts, in some domains.
func (h *house) naming(domains ...string) processes.Naming {
	return processes.Naming{Store: h.store, Domains: domains, Rest: h.NameDays, Aliases: h.Aliases, Today: h.today}
}

// estates returns what keeps the accounts of who has died.
func (h *house) estates() processes.Estates {
	return processes.Estates{Store: h.store, Book: accountBook{caughtUp{h.models}}, Used: caughtUp{h.models}, Hold: h.HoldDays, Today: h.today}
}

// exits returns what has shares leave that are given back.
func (h *house) exits() processes.Exits {
	return processes.Exits{Store: h.store, From: h.models, Today: h.today}
}

// keep does what is to be done day by day.
func (h *house) keep(ctx context.Context, reconciler *processes.Reconciler, mailDomain string) {
	processes.Daily(ctx, h.now, h.zone, func(ctx context.Context) error {
		if err := h.models.CatchUp(ctx); err != nil { // what it would not see would wait for the next day
			return fmt.Errorf("the day's work: %w", err)
		}
		if err := h.entitle(asProcess(ctx, "daily"), reconciler); err != nil {
			return err
		}
		if err := h.request(asProcess(ctx, "daily"), reconciler, mailDomain); err != nil {
			return err
		}
		if err := h.exits().Daily(asProcess(ctx, "daily")); err != nil {
			return err
		}
		if err := h.estates().Daily(asProcess(ctx, "daily")); err != nil {
			return err
		}
		return reconciler.Daily(asProcess(ctx, "daily"))
	}, func(err error) { h.t.log.Error("daily work failed and is tried again", "err", err) })
}

// entitle brings what people are entitled to in line with the day.
func (h *house) entitle(ctx context.Context, reconciler *processes.Reconciler) error {
	today := h.today()
	due, err := h.models.EntitlementsDue(ctx, today)
	if err != nil {
		return err
	}
	for _, id := range due {
		if err := reconciler.Postpone(ctx, id); err != nil {
			return err
		}
		if err := processes.SyncEntitlements(ctx, h.store, id, today); err != nil {
			return err
		}
	}
	list, _, err := h.models.PriceListOn(ctx, today)
	if err != nil || len(list.List.Members) == 0 {
		return err
	}
	members, err := h.models.MembersAt(ctx, today, time.Time{})
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := processes.SyncMembership(ctx, h.store, caughtUp{h.models}, m.Party, today); err != nil {
			return err
		}
	}
	return nil
}

// request requests accounts of apps for which a target was set up after they were granted.
func (h *house) request(ctx context.Context, reconciler *processes.Reconciler, mailDomain string) error {
	accounts, apps := h.accounts(reconciler, mailDomain)
	for _, app := range apps {
		granted, err := h.models.WithoutAccount(ctx, app)
		if err != nil {
			return err
		}
		for _, e := range granted {
			if err := accounts.Handle(ctx, eventstore.Record{}, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// post returns what sends mail; where there is no server, what logs it.
func (h *house) post(f postFlags) (access.Post, error) {
	if f.SMTP == "" {
		return logged{h.t.log}, nil
	}
	if f.MailFrom == "" {
		return nil, misused("--smtp needs --mail-from: the address that mail comes from")
	}
	return smtp.New(f.SMTP, f.MailFrom)
}

// notices returns what tells parties of what concerns them; without a post, it logs
// what they would be told.
func (h *house) notices(f postFlags, post processes.Post, url string) processes.Notices {
	_, host, _ := strings.Cut(strings.TrimSuffix(f.MailFrom, ">"), "@")
	return processes.Notices{
		Store: h.store, Post: post, Numbers: caughtUp{h.models}, Book: h.models, Host: cmp.Or(host, "rochdale"), Days: f.NoticeDays, Today: h.today, Log: h.t.log,
		Link: h.contacts(url).Link, Pages: strings.TrimSuffix(url, "/") + web.Services, Terms: h.terms(),
	}
}

// welcome returns what who has a new account is told of it.
func (h *house) welcome(reach processes.Reach, url string) *processes.Welcome {
	base := strings.TrimSuffix(url, "/")
	return &processes.Welcome{Reach: reach, Pages: base + web.Services, Link: func(ctx context.Context, party domain.PartyID) (string, calendar.Date, error) {
		secret, err := h.access.NewLinkTo(ctx, party, web.Services, access.WelcomeLife)
		return base + "/sign-in/" + secret, h.today().AddDays(int(access.WelcomeLife/(24*time.Hour)) - 1), err
	}}
}

// contacts returns what confirms changes of address, under the address of the co-op.
func (h *house) contacts(url string) processes.ContactLinks {
	return processes.ContactLinks{Store: h.store, Access: h.access, BaseURL: url, Today: h.today}
}

// logged is the post of who has no mail server: for a demo, or the first hour.
type logged struct{ log *slog.Logger }

// Send logs the text: the address stays out of the log.
func (l logged) Send(_ context.Context, _, subject, text, _ string) error {
	l.log.Warn("no mail server is set: this mail was not sent", "subject", subject, "text", text)
	return nil
}

// coop returns the name of the co-op.
func (h *house) coop() string {
	v, ok, err := h.models.StatutesOn(context.Background(), h.today())
	if err != nil || !ok {
		return "Rochdale"
	}
	return v.Statutes.Name
}

// ready tells why this node cannot answer.
func (h *house) ready(ctx context.Context) error {
	if err := h.models.Trouble(); err != nil {
		h.t.log.WarnContext(ctx, "not ready", "err", err)
		return errors.New("the read models do not follow the log")
	}
	head, err := h.store.Log.Head(ctx)
	if err != nil {
		h.t.log.WarnContext(ctx, "not ready", "err", err)
		return errors.New("the log cannot be read")
	}
	if err := h.models.WaitFor(ctx, head); err != nil {
		return fmt.Errorf("the read models are at %d of %d", h.models.Position(), head)
	}
	return nil
}

// redacted hides what a URL says besides where something is.
func redacted(where string) string {
	if u, err := url.Parse(where); err == nil {
		return u.Redacted()
	}
	return "(not a URL)"
}
