// Package outsidetest gives a test a service that is not ours: it is told in
// requests what to do, as programs and web services are that others write. It is not
// for use outside tests.
package outsidetest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"rochdale/adapters/fault"
	"rochdale/adapters/memory"
	"rochdale/adapters/provisiontest"
	"rochdale/adapters/remote"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// Can is what it can do.
var Can = remote.Abilities{
	Service: domain.Storage, Suspends: true, Lists: true, Usage: true, Schemes: []string{"BLF-CRYPT"},
	Inbound: true, Aliases: true, Sessions: true, Purges: true, Apps: []domain.Service{"calendar", "polls"},
}

// Service is such a service.
type Service struct{ *memory.Service }

// New returns one that is empty.
func New() *Service { return &Service{memory.New(Can.Service, Can.Apps...)} }

// Answer does what it is told.
func (s *Service) Answer(ctx context.Context, r remote.Request) (remote.Answer, error) {
	var want provisioning.Desired
	if r.Wish != nil {
		want = r.Wish.Desired()
	}
	if want.Quota < provisioning.Unlimited || r.Version != 1 {
		return remote.Answer{}, fault.New(fault.Invalid, "", "version %d, quota %d", r.Version, want.Quota)
	}
	var is provisioning.Observed
	var err error
	switch r.Operation {
	case remote.Check:
		return remote.Answer{}, s.Check(ctx)
	case remote.Observe:
		is, err = s.Observe(ctx, want.Ref)
	case remote.Ensure:
		is, err = s.Ensure(ctx, want)
	case remote.SetQuota:
		is, err = s.SetQuota(ctx, want)
	case remote.Suspend:
		is, err = s.Suspend(ctx, want)
	case remote.Resume:
		is, err = s.Resume(ctx, want)
	case remote.Delete:
		is, err = s.Delete(ctx, want)
	case remote.SetInbound:
		is, err = s.SetInbound(ctx, want)
	case remote.SetAliases:
		is, err = s.SetAliases(ctx, want)
	case remote.SetApps:
		is, err = s.SetApps(ctx, want)
	case remote.SetCredential:
		return remote.Answer{}, s.SetCredential(ctx, want.Ref, provisioning.Credential{Scheme: r.Credential.Scheme, Hash: r.Credential.Hash})
	case remote.CloseSessions:
		return remote.Answer{}, s.CloseSessions(ctx, want.Ref)
	case remote.Purge:
		return remote.Answer{}, s.Purge(ctx, want)
	case remote.List:
		page, err := s.List(ctx, r.Cursor, r.Limit)
		a := remote.Answer{Next: page.Next}
		for _, is := range page.Accounts {
			a.Accounts = append(a.Accounts, remote.StateOf(is))
		}
		return a, err
	default:
		return remote.Answer{}, fault.New(fault.Unsupported, "", "%s", r.Operation)
	}
	return remote.Answer{State: remote.StateOf(is)}, err
}

// ServeHTTP answers by HTTP: a trouble by a status that says its class.
func (s *Service) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var r remote.Request
	body, err := io.ReadAll(req.Body)
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a, err := s.Answer(req.Context(), r)
	w.Header().Set("Content-Type", "application/json")
	if class, ambiguous := fault.ClassOf(err); err != nil {
		w.WriteHeader(Statuses[class])
		a = remote.Answer{Error: &remote.Trouble{Message: err.Error(), Code: fault.CodeOf(err), Ambiguous: &ambiguous}}
	}
	_ = json.NewEncoder(w).Encode(a)
}

// Statuses are those of HTTP by which a class is told.
var Statuses = map[fault.Class]int{
	fault.Transient: http.StatusInternalServerError, fault.Throttled: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable,
	fault.Denied: http.StatusUnauthorized, fault.Conflict: http.StatusConflict, fault.Invalid: http.StatusUnprocessableEntity,
	fault.Unsupported: http.StatusNotImplemented,
}

// Fixture returns what holds an adapter to the contract that works on the service.
func (s *Service) Fixture(port provisiontest.Provisioner) provisiontest.Fixture {
	trouble := func(what memory.Trouble) func(testing.TB) func() {
		return func(testing.TB) func() {
			s.SetTrouble(func(call memory.Call) memory.Trouble {
				if call.Step == provisioning.StepNone {
					return memory.None // who looks, sees
				}
				return what
			})
			return func() { s.SetTrouble(nil) }
		}
	}
	f := provisiontest.Fixture{
		Port: port, Domain: "example.org", Ordered: false,
		Foreign: func(_ testing.TB, l provisioning.Login) { s.Service.Foreign(l) },
		LogIn:   func(_ testing.TB, login, password string) bool { return s.LogIn(login, password) != nil },
		Put: func(t testing.TB, l provisioning.Login, password string, size int) bool {
			return s.session(t, l, password).Put(domain.Bytes(size))
		},
		Holds: func(t testing.TB, l provisioning.Login, password string) int {
			return int(s.session(t, l, password).Holds())
		},
		Session: func(t testing.TB, l provisioning.Login, password string) func() bool {
			return s.session(t, l, password).Alive
		},
		Outage: func(testing.TB) func() {
			s.SetTrouble(func(memory.Call) memory.Trouble { return memory.Away })
			return func() { s.SetTrouble(nil) }
		},
	}
	for what, class := range map[memory.Trouble]fault.Class{
		memory.Fails: fault.Transient, memory.Late: fault.Transient, memory.Lies: fault.Transient,
		memory.Throttle: fault.Throttled, memory.Away: fault.Unavailable, memory.Denies: fault.Denied,
	} {
		f.Troubles = append(f.Troubles, provisiontest.Trouble{
			Name: string(what), Begin: trouble(what), Class: class, Ambiguous: class == fault.Transient, Happens: what == memory.Late,
		})
	}
	return f
}

func (s *Service) session(t testing.TB, l provisioning.Login, password string) *memory.Session {
	t.Helper()
	in := s.LogIn(string(l), password)
	if in == nil {
		t.Fatal(fmt.Errorf("outsidetest: %s is not let in", l))
	}
	return in
}
