package graphql_test

import (
	"context"
	"sync/atomic"
	"testing"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/membership"
	"rochdale/eventstore"
	"rochdale/graphql"
	"rochdale/processes"
	"rochdale/processes/access"
)

// TestOperatorsSeeToDeadLetters: of processes, and so of relays, which are some, in pages;
// they replay what can be answered now, and give up on the rest for a reason.
func TestOperatorsSeeToDeadLetters(t *testing.T) {
	var mended atomic.Bool
	var runner *processes.Runner
	c := serve(t, func(config *graphql.Config) {
		handle := func(context.Context, eventstore.Record, any) error {
			if mended.Load() {
				return nil
			}
			return fault.New(fault.Invalid, "", "the broker never takes this")
		}
		runner = processes.NewRunner(config.Store, config.Log,
			processes.Process{Name: "letters", Wants: []any{membership.Admitted{}}, Handle: handle},
			processes.Process{Name: "relay-nats-there", Wants: []any{membership.Admitted{}}, Handle: handle})
		config.Processes = runner
	})
	c.found()
	c.join("Anna", "Exemple")
	c.join("Bert", "Voorbeeld")
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.let("operator", access.Viewer{Name: "operator", Roles: []domain.Role{domain.RoleOperator}})
	const list = `query($p: String, $s: Boolean! = false, $n: Int, $a: String) { deadLetters(process: $p, skipped: $s, first: $n, after: $a) {
		totalCount pageInfo { hasNextPage endCursor } nodes { process position event class since attempts error skipped by reason } } }`
	first := c.must("operator", list, "n", 3)
	c.is("in all", first, `4`, "deadLetters", "totalCount")
	rest := c.must("operator", list, "n", 3, "a", first.text("deadLetters", "pageInfo", "endCursor"))
	c.is("no more", rest, `false`, "deadLetters", "pageInfo", "hasNextPage")
	nodes, _ := rest.at("deadLetters", "nodes").([]any)
	if len(nodes) != 1 {
		t.Fatalf("the rest: %s", rest.Body)
	}
	last, _ := nodes[0].(map[string]any)
	if last["process"] != "relay-nats-there" || last["event"] != "membership.admitted" || last["class"] != "invalid" ||
		last["attempts"] != 1.0 || last["error"] != "invalid: the broker never takes this" || last["skipped"] != nil || last["by"] != "" || last["since"] == "" {
		t.Errorf("%+v", last)
	}
	c.is("of one", c.must("operator", list, "p", "letters"), `2`, "deadLetters", "totalCount")
	for _, who := range []string{"anna", "board"} {
		c.refused("graphql.denied", who, list)
	}

	position := last["position"]
	const replay = `mutation($p: String!, $e: Position!, $r: String) { replayDeadLetter(process: $p, event: $e, requestId: $r) { answered letter { attempts error } } }`
	c.is("in vain", c.must("operator", replay, "p", "relay-nats-there", "e", position, "r", "one"), `{"answered":false,"letter":{"attempts":2,"error":"invalid: the broker never takes this"}}`, "replayDeadLetter")
	c.is("asked once", c.must("operator", replay, "p", "relay-nats-there", "e", position, "r", "one"), `{"answered":false,"letter":{"attempts":2,"error":"invalid: the broker never takes this"}}`, "replayDeadLetter")
	mended.Store(true)
	c.is("mended", c.must("operator", replay, "p", "relay-nats-there", "e", position, "r", "two"), `{"answered":true,"letter":null}`, "replayDeadLetter")
	c.is("repeated", c.must("operator", replay, "p", "relay-nats-there", "e", position, "r", "two"), `{"answered":true,"letter":null}`, "replayDeadLetter")
	c.refused("processes.no_such_letter", "operator", replay, "p", "relay-nats-there", "e", position)
	c.refused("graphql.denied", "anna", replay, "p", "letters", "e", position)

	const skip = `mutation($p: String!, $e: Position!, $w: String!) { skipDeadLetter(process: $p, event: $e, reason: $w) { letter { process by reason error } } }`
	c.refused("processes.why", "operator", skip, "p", "letters", "e", position, "w", " ")
	c.is("skipped", c.must("operator", skip, "p", "letters", "e", position, "w", "told by telephone"),
		`{"by":"operator","error":"invalid: the broker never takes this","process":"letters","reason":"told by telephone"}`, "skipDeadLetter", "letter")
	c.refused("graphql.denied", "board", skip, "p", "letters", "e", position, "w", "because")
	c.is("left", c.must("operator", list), `2`, "deadLetters", "totalCount")
	c.is("given up", c.must("operator", list, "s", true), `1`, "deadLetters", "totalCount")
}
