// Package graphql speaks to people and machines: it turns operations into
// commands, and read models into answers. A resolver has no opinions.
//
// The schema is in schema/, one file per module, and says beside each field who
// may select it. Package exec is generated of it, by
//
//	go generate ./graphql
//
// An operation comes as a GET or POST (GraphQL over HTTP), as server-sent events
// (graphql-sse, distinct connections) or over a socket (graphql-transport-ws). It
// is prepared once: parsed, validated and weighed by its text, then held against
// the viewer's roles and scopes; only then does any resolver run.
package graphql

import (
	"log/slog"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	validation "github.com/vektah/gqlparser/v2/validator/rules"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

//go:generate go run ./internal/generate

// Config is what the API is made of. Where a limit is 0, it has its default.
type Config struct {
	Store  *eventstore.Store
	Models *projections.Models
	Log    *slog.Logger

	Rolls  processes.Rolls  // of whom rolls are made
	Payers processes.Payers // whom billing runs bill
	// Credentials are by what members get in to their accounts.
	Credentials processes.Credentials

	// Reconciler is what operators steer; without one there are no targets.
	Reconciler *processes.Reconciler
	// Webhooks are what operators enter endpoints with; without them, none is told
	// anything.
	Webhooks *processes.Webhooks
	// Processes replays and skips dead letters; without it, only those of nobody.
	Processes *processes.Runner
	// Naming is what gives names to accounts, and Estates what becomes of those of the dead.
	Naming  processes.Naming
	Estates processes.Estates

	MaxBody   int64         // bytes of a request, 1 MiB; of a message on a socket too
	MaxTokens int           // of a document, 4000
	MaxDepth  int           // of selections within selections, 12
	MaxCost   int           // of an operation, 20000: roughly the number of values it can answer with
	Timeout   time.Duration // of a query or mutation, 15 s
	Patience  time.Duration // with read models that are behind, and sockets that do not begin or end, 5 s
	Streams   int           // subscriptions at once on this node, 10000
	Own       int           // of them, those of one viewer, 100
	Heartbeat time.Duration // after which a stream says that it is alive and looks who is asking, 12 s

	// Origins are sites, like https://coop.example, whose pages may open a socket
	// though they are reached under another name than the server knows.
	Origins []string

	// NoIntrospection hides the schema.
	NoIntrospection bool
	// Trusted are documents by the SHA-256 of their text, in hexadecimal. They
	// may be named by it instead of being sent.
	Trusted map[string]string
	// TrustedOnly refuses all other documents.
	TrustedOnly bool
	// Done, once closed, ends subscriptions, so that the server can stop.
	Done <-chan struct{}
}

func (c Config) withDefaults() Config {
	c.MaxBody = or(c.MaxBody, 1<<20)
	c.MaxTokens = or(c.MaxTokens, 4000)
	c.MaxDepth = or(c.MaxDepth, 12)
	c.MaxCost = or(c.MaxCost, 20_000)
	c.Timeout = or(c.Timeout, 15*time.Second)
	c.Patience = or(c.Patience, 5*time.Second)
	c.Streams = or(c.Streams, 10_000)
	c.Own = or(c.Own, 100)
	c.Heartbeat = or(c.Heartbeat, 12*time.Second)
	c.Log = or(c.Log, slog.Default())
	c.Webhooks = or(c.Webhooks, &processes.Webhooks{Store: c.Store, Log: c.Log})
	c.Processes = or(c.Processes, processes.NewRunner(c.Store, c.Log))
	c.Reconciler = or(c.Reconciler, &processes.Reconciler{Store: c.Store, Log: c.Log})
	return c
}

func or[T comparable](value, otherwise T) T {
	if value == *new(T) {
		return otherwise
	}
	return value
}

// NewHandler returns the API. Who asks is the viewer of the request's context: see
// package access. Whoever is in front of it must refuse requests of other origins
// that carry cookies; what would change anything is taken only as JSON by POST,
// or over a socket of the same origin.
func NewHandler(c Config) http.Handler {
	c = c.withDefaults()
	s := &server{
		Config:    c,
		documents: newDocuments(), persisted: newPersisted(c.Trusted),
		streams: streams{by: map[string]int{}},
	}
	polls, _ := lru.New[domain.PollID, domain.AssemblyID](1 << 10) // fails for sizes below 1 only
	s.exec = exec.NewExecutableSchema(exec.Config{Resolvers: &resolver{server: s, polls: polls, turnouts: &turnouts{models: c.Models, log: c.Log, polls: map[domain.PollID]*watched{}}}})
	s.schema = s.exec.Schema()
	s.rules = compile(s.schema)
	s.valid = validation.NewDefaultRules()
	if c.NoIntrospection { // nor does what is wrong with a document tell of the schema
		s.valid.ReplaceRule(validation.FieldsOnCorrectTypeRule.Name, validation.FieldsOnCorrectTypeRuleWithoutSuggestions.RuleFunc)
		s.valid.ReplaceRule(validation.KnownArgumentNamesRule.Name, validation.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
		s.valid.ReplaceRule(validation.KnownTypeNamesRule.Name, validation.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
		s.valid.ReplaceRule(validation.ValuesOfCorrectTypeRule.Name, validation.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
	}
	return s
}
