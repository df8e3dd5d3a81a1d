package processes_test

import (
	"testing"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/processes"
)

// hasher is a service that hashes passwords itself.
type hasher struct{ *service }

func (hasher) Capabilities() provisioning.Capabilities {
	return provisioning.Capabilities{Service: domain.Mail, Schemes: []string{provisioning.Plain}}
}

func TestPasswordsAsTheServiceTakesThem(t *testing.T) {
	c := found(t)
	s := c.node()
	at := hasher{newService(domain.Mail)}
	account := entitle(c, s, "s", "anna.loom@example.org")
	at.accounts["anna.loom@example.org"] = &box{account: account}
	if err := processes.SetPassword(t.Context(), s, at, account, "three or four words"); err != nil {
		t.Fatal(err)
	}
	if got := at.accounts["anna.loom@example.org"].password; got != "three or four words" {
		t.Errorf("a service that hashes passwords itself is given %q", got)
	}
}
