package processes_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/processes"
)

// devices is a service that lets them in by passwords of their own.
type devices struct {
	*service
	all map[string]provisioning.AppPassword
	let map[string]provisioning.Credential
}

func (d devices) AddAppPassword(_ context.Context, _ provisioning.Ref, p provisioning.AppPassword, c provisioning.Credential) error {
	d.all[p.ID], d.let[p.ID] = p, c
	return nil
}

func (d devices) AppPasswords(context.Context, provisioning.Ref) ([]provisioning.AppPassword, error) {
	return slices.Collect(maps.Values(d.all)), nil
}

func (d devices) RemoveAppPassword(_ context.Context, _ provisioning.Ref, id string) error {
	delete(d.all, id)
	return nil
}

func TestAppPasswords(t *testing.T) {
	c := found(t)
	s := c.node()
	at := devices{newService(domain.Mail), map[string]provisioning.AppPassword{}, map[string]provisioning.Credential{}}
	account := entitle(c, s, "s", "anna.loom@example.org")
	at.accounts["anna.loom@example.org"] = &box{account: account}
	head, _ := s.Log.Head(t.Context())
	secret, made, err := processes.NewAppPassword(t.Context(), s, at, account, " Téléphone ", "")
	if err != nil || made.Name != "Téléphone" || !strings.HasPrefix(secret, made.ID+"-") || len(secret) != 33 || !provisioning.IsAppPasswordID(made.ID) {
		t.Fatalf("%q, %+v, %v", secret, made, err)
	}
	if hash := at.let[made.ID]; hash.Scheme != "BLF-CRYPT" || bcrypt.CompareHashAndPassword([]byte(hash.Hash), []byte(secret)) != nil {
		t.Error("it does not let anybody in")
	}
	again, first, _ := processes.NewAppPassword(t.Context(), s, at, account, "tablet", "ada/request-1")
	same, second, err := processes.NewAppPassword(t.Context(), s, at, account, "tablet", "ada/request-1")
	if err != nil || again != same || first != second || again == secret {
		t.Errorf("of one request: %+v and %+v, %v", first, second, err)
	}
	if all, err := processes.ListAppPasswords(t.Context(), s, at, account); err != nil || len(all) != 2 {
		t.Errorf("there are %+v, %v", all, err)
	}
	for range 2 {
		if err := processes.RevokeAppPassword(t.Context(), s, at, account, made.ID); err != nil {
			t.Error(err)
		}
	}
	if all, _ := processes.ListAppPasswords(t.Context(), s, at, account); len(all) != 1 || all[0].Name != "tablet" {
		t.Errorf("there are %+v", all)
	}
	if after, _ := s.Log.Head(t.Context()); after != head {
		t.Error("an app password is an event")
	}

	refused := func(at processes.Provisioner, account domain.AccountID, name string, want error) {
		t.Helper()
		if _, _, err := processes.NewAppPassword(t.Context(), s, at, account, name, ""); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	refused(at, account, " ", processes.ErrDeviceName)
	refused(at, account, "a\nb", processes.ErrDeviceName)
	refused(at, account, strings.Repeat("é", 61), processes.ErrDeviceName)
	refused(at, "mail/nobody's", "tablet", provisioning.ErrUnknown)
	refused(at.service, account, "tablet", processes.ErrNoAppPasswords)
	if all, err := processes.ListAppPasswords(t.Context(), s, at.service, account); err != nil || all != nil {
		t.Errorf("of a service without: %+v, %v", all, err)
	}
	for n := range 29 {
		refused(at, account, fmt.Sprintf("device %d", n), nil)
	}
	refused(at, account, "one too many", processes.ErrTooManyDevices)
	execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding})
	refused(at, account, "too late", provisioning.ErrUnknown)
}
