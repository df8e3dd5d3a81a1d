package graphql_test

import (
	"strings"
	"testing"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/graphql"
	"rochdale/processes"
	"rochdale/processes/access"
)

// TestOperatorsSteerTargets, and nobody else does.
func TestOperatorsSteerTargets(t *testing.T) {
	var r *processes.Reconciler
	c := serve(t, func(config *graphql.Config) {
		r = &processes.Reconciler{Store: config.Store, Log: config.Log, Targets: []processes.Target{{Name: "mail", Service: domain.Mail, At: memory.New(domain.Mail)}}}
		config.Reconciler = r
	})
	c.found()
	c.join("Anna", "Exemple")
	c.let("operator", access.Viewer{Name: "operator", Roles: []domain.Role{domain.RoleOperator}})
	if a := c.must("operator", `{ targets { name state reason question { ends of most } } work(parked: true) { account } }`); !strings.Contains(a.Body, `"targets":[{"name":"mail","state":"closed","reason":"","question":null}],"work":[]`) {
		t.Error(a.Body)
	}
	if a := c.must("operator", `{ capacity { target service accounts mostAccounts committed bytes free used growth fullOn drain } }`); !strings.Contains(a.Body, `{"target":"mail","service":"MAIL","accounts":0,"mostAccounts":0,"committed":0,"bytes":0,"free":0,"used":null,"growth":null,"fullOn":null,"drain":false}`) {
		t.Error(a.Body)
	}
	pause := `mutation { pauseTarget(target: "mail", reason: "the server moves", requestId: "pause") { position id } }`
	first := c.must("operator", pause)
	if a := c.must("operator", `mutation { resumeTarget(target: "mail") { id } }`); !strings.Contains(a.Body, `"id":"mail"`) {
		t.Error(a.Body)
	}
	if again := c.must("operator", pause); again.Body != first.Body {
		t.Errorf("asked again it answers %s, not %s", again.Body, first.Body)
	}
	if a := c.must("operator", `{ targets { state } }`); !strings.Contains(a.Body, `"closed"`) {
		t.Errorf("asked again it is done again: %s", a.Body)
	}
	for query, code := range map[string]string{
		`mutation { pauseTarget(target: "fax", reason: "x") { id } }`:               "processes.no_such_target",
		`mutation { answerTarget(target: "mail", yes: true) { id } }`:               "processes.no_question",
		`mutation { retryWork(target: "mail", account: "x") { id } }`:               "processes.no_work",
		`mutation { skipWork(target: "mail", account: "x", reason: "why") { id } }`: "processes.no_work",
		`mutation { reconcileAccount(account: "x") { id } }`:                        "provisioning.unknown",
		`mutation { moveAccount(account: "x", to: "mail2", reason: "why") { id } }`: "provisioning.unknown",
		`mutation { cancelMove(account: "x", reason: "why") { id } }`:               "provisioning.unknown",
	} {
		if a := c.ask("operator", query); a.code() != code {
			t.Errorf("%s: %s, not %s", query, a.code(), code)
		}
		if a := c.ask("anna", query); a.code() != "graphql.denied" {
			t.Errorf("%s by a member: %s", query, a.code())
		}
	}
	states, err := r.States(eventstore.As(t.Context(), "test"))
	if err != nil || states[0].By == "" {
		t.Errorf("who has resumed it is not kept: %+v, %v", states, err)
	}
}
