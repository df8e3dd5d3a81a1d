package provisioning

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rochdale/domain"
)

var (
	ref  = Ref{domain.Mail, login}
	able = Capabilities{Service: domain.Mail, Suspends: true, Lists: true, Usage: true}
)

func wish(access Access, quota domain.Bytes) Desired {
	return Desired{Ref: ref, Account: "a1", Revision: 1, Access: access, Quota: quota}
}

func seen(mark domain.AccountID, access Access, quota domain.Bytes) Observed {
	return Observed{Ref: ref, Account: mark, Exists: true, Access: &access, Quota: &quota}
}

func TestPlan(t *testing.T) {
	nothing := Observed{Ref: ref}
	rough, meek := able, able
	rough.QuotaStep = 100_000_000
	meek.Suspends = false
	rounds := able
	rounds.Reads = func(n domain.Bytes) domain.Bytes { return n / 1000 * 1000 }
	all := able
	all.Inbound, all.Aliases, all.Apps = true, true, []domain.Service{"calendar", "polls"}
	with := func(w Desired, inbound Inbound, aliases []Login, apps ...domain.Service) Desired {
		w.Inbound, w.Aliases, w.Apps = inbound, aliases, apps
		return w
	}
	has := func(is Observed, inbound Inbound, aliases []Login, apps ...domain.Service) Observed {
		is.Inbound, is.Aliases, is.Apps = &inbound, aliases, append([]domain.Service{}, apps...)
		return is
	}
	on := func(w Desired, node string) Desired {
		w.Node = node
		return w
	}
	found := func(is Observed, node string) Observed {
		is.Node = &node
		return is
	}
	mute := Observed{Ref: ref, Account: "a1", Exists: true}
	for _, tt := range []struct {
		name string
		want Desired
		is   Observed
		can  Capabilities
		then []Step
	}{
		{"it is made", wish(Active, domain.GB), nothing, able, []Step{StepEnsure}},
		{"it is made and withheld", wish(Suspended, domain.GB), nothing, able, []Step{StepEnsure, StepSuspend}},
		{"it is as it shall be", wish(Active, domain.GB), seen("a1", Active, domain.GB), able, nil},
		{"others are led elsewhere", on(wish(Active, domain.GB), "m2"), found(seen("a1", Active, domain.GB), "m1"), able, []Step{StepEnsure}},
		{"others are led to it", on(wish(Active, domain.GB), "m2"), found(seen("a1", Active, domain.GB), "m2"), able, nil},
		{"who leads nobody is not asked to", on(wish(Active, domain.GB), "m2"), seen("a1", Active, domain.GB), able, nil},
		{"it grows", wish(Active, 2*domain.GB), seen("a1", Active, domain.GB), able, []Step{StepQuota}},
		{"it has no limit any more", wish(Active, Unlimited), seen("a1", Active, domain.GB), rough, []Step{StepQuota}},
		{"it has no limit and shall have none", wish(Active, Unlimited), seen("a1", Active, Unlimited), rough, nil},
		{"it is withheld", wish(Suspended, domain.GB), seen("a1", Active, domain.GB), able, []Step{StepSuspend}},
		{"it is given back, larger", wish(Active, 2*domain.GB), seen("a1", Suspended, domain.GB), able, []Step{StepQuota, StepResume}},
		{"it goes", wish(Absent, domain.GB), seen("a1", Active, domain.GB), able, []Step{StepDelete}},
		{"it is gone", wish(Absent, domain.GB), nothing, able, nil},
		{"somebody else's stays", wish(Absent, domain.GB), seen("a2", Active, domain.GB), able, nil},
		{"what nobody can say is not taken to differ", wish(Suspended, domain.GB), mute, able, nil},
		{"a service that rounds has not drifted", wish(Active, 5_000_000_000), seen("a1", Active, 5_046_586_573), rough, nil},
		{"unless by more than it rounds", wish(Active, 5_000_000_000), seen("a1", Active, 5_060_000_000), rough, []Step{StepQuota}},
		{"a service rounds by a rule of its own", wish(Active, 1999), seen("a1", Active, 1000), rounds, nil},
		{"and is not taken at its word for what it was not asked", wish(Active, 1999), seen("a1", Active, 1999), rounds, []Step{StepQuota}},
		{"its mail is turned away", with(wish(Suspended, 1), Defer, nil), has(seen("a1", Suspended, 1), Accept, nil), all, []Step{StepInbound}},
		{"its mail is taken again", wish(Active, 1), has(seen("a1", Active, 1), Reject, nil), all, []Step{StepInbound}},
		{
			"it is made to turn mail away, with an alias and an app", with(wish(Active, 1), Reject, []Login{"b@x.org"}, "polls"), nothing, all,
			[]Step{StepEnsure, StepInbound, StepAliases, StepApps},
		},
		{"it is made with nothing more", with(wish(Active, 1), Accept, []Login{}), nothing, all, []Step{StepEnsure}},
		{
			"another order is no other set", with(wish(Active, 1), "", []Login{"b@x.org", "a@x.org"}, "polls", "calendar"),
			has(seen("a1", Active, 1), Accept, []Login{"a@x.org", "b@x.org"}, "calendar", "polls"), all, nil,
		},
		{"it has one alias too many", with(wish(Active, 1), "", []Login{}), has(seen("a1", Active, 1), Accept, []Login{"a@x.org"}), all, []Step{StepAliases}},
		{"what is not wished for stays", wish(Active, 1), has(seen("a1", Active, 1), Accept, []Login{"a@x.org"}, "polls"), all, nil},
		{
			"an app that it does not switch is not its business", with(wish(Active, 1), "", nil, "polls", "visio"),
			has(seen("a1", Active, 1), Accept, nil, "polls", "files"), all, nil,
		},
		{"who cannot say what it has of these is not asked to change it", with(wish(Active, 1), Defer, []Login{"b@x.org"}, "polls"), seen("a1", Active, 1), all, nil},
		{"who cannot do these is not asked to", with(wish(Active, 1), Defer, []Login{"b@x.org"}, "polls"), has(seen("a1", Active, 1), Accept, []Login{}), able, nil},
		{"a service that cannot withhold is not asked to", wish(Suspended, domain.GB), seen("a1", Active, domain.GB), meek, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := Plan(tt.want, tt.is, tt.can); err != nil || !slices.Equal(got, tt.then) {
				t.Errorf("%v, %v; want %v", got, err, tt.then)
			}
		})
	}
	for _, mark := range []domain.AccountID{"", "a2"} {
		if steps, err := Plan(wish(Active, domain.GB), seen(mark, Active, domain.GB), able); !errors.Is(err, ErrForeign) || steps != nil {
			t.Errorf("an account marked %q: %v, %v", mark, steps, err)
		}
	}
}

// TestPlanConverges takes the steps of a plan on a service of the simplest sort:
// after them there is nothing left to do, and nothing of anybody else's is touched.
func TestPlanConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		access := rapid.SampledFrom([]Access{Active, Suspended, Absent})
		quota := rapid.SampledFrom([]domain.Bytes{1, domain.GB, 2 * domain.GB, Unlimited})
		want := wish(access.Draw(t, "wanted"), quota.Draw(t, "wanted quota"))
		is := Observed{Ref: ref}
		if has := access.Draw(t, "has"); has != Absent {
			is = seen(rapid.SampledFrom([]domain.AccountID{"a1", "a2"}).Draw(t, "mark"), has, quota.Draw(t, "has quota"))
		}
		before := is
		steps, err := Plan(want, is, able)
		for _, step := range steps {
			if Done(step, want, is, able) && step != StepSuspend {
				t.Errorf("%s is planned, and done already", step)
			}
			if is = take(t, step, want, is); !Done(step, want, is, able) {
				t.Errorf("%s was taken, and is not done", step)
			}
		}
		if err != nil || before.Exists && before.Account != "a1" {
			if len(steps) > 0 || is.Account != before.Account {
				t.Fatalf("%v is done to an account that is not ours", steps)
			}
			return
		}
		if again, err := Plan(want, is, able); err != nil || len(again) > 0 {
			t.Errorf("after %v there is still %v to do, %v", steps, again, err)
		}
		if is.Exists == (want.Access == Absent) || is.Exists && (*is.Access != want.Access || *is.Quota != want.Quota) {
			t.Errorf("after %v it is not as it shall be", steps)
		}
	})
}

func take(t *rapid.T, step Step, want Desired, is Observed) Observed {
	access, quota := Active, want.Quota
	if is.Exists {
		access, quota = *is.Access, *is.Quota
	}
	switch step {
	case StepEnsure:
		return seen(want.Account, Active, want.Quota)
	case StepDelete:
		return Observed{Ref: ref}
	case StepQuota:
		quota = want.Quota
	case StepSuspend:
		access = Suspended
	case StepResume:
		access = Active
	case StepNone, StepInbound, StepAliases, StepApps:
		t.Fatal("there is no such step in a plan")
	}
	if !is.Exists {
		t.Fatalf("%s is done to what is not there", step)
	}
	return seen(is.Account, access, quota)
}

func TestCredentialIsNotWritten(t *testing.T) {
	c := Credential{"BLF-CRYPT", "$2y$05$secret"}
	if text := fmt.Sprintf("%v %+v %#v %s", c, struct{ C Credential }{c}, c, c); strings.Contains(text, "secret") {
		t.Error(text)
	}
	if data, err := json.Marshal(c); err == nil {
		t.Errorf("%s", data)
	}
}
