package outsidetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"rochdale/adapters/fault"
	"rochdale/adapters/provisiontest"
	"rochdale/adapters/pull"
	"rochdale/adapters/remote"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// PullCan is what a tool that comes by can do.
var PullCan = remote.Abilities{
	Service: domain.Storage, Suspends: true, Lists: true, Inbound: true, Aliases: true, Apps: Can.Apps,
}

// A Tool comes by over HTTP for what is wanted, and keeps accounts on a service.
type Tool struct {
	URL     string
	Token   string // that lets it in, or empty
	Service *Service
	reports int
}

func (o *Tool) ask(ctx context.Context, method, path string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, o.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+o.Token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s is answered %s", method, path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// Post reports.
func (o *Tool) Post(ctx context.Context, report pull.Report) (receipt pull.Receipt, err error) {
	o.reports++
	report.Key, report.Service = fmt.Sprintf("report %p %d", o, o.reports), domain.Storage
	text, err := json.Marshal(report)
	if err != nil {
		return receipt, err
	}
	return receipt, o.ask(ctx, http.MethodPost, "/reports", text, &receipt)
}

// Round does once all that is wanted.
func (o *Tool) Round(ctx context.Context) error {
	for after := ""; ; {
		var page pull.Wishes
		if err := o.ask(ctx, http.MethodGet, "/desired?limit=3&after="+url.QueryEscape(after), nil, &page); err != nil {
			return err
		}
		for _, w := range page.Wishes {
			if w.Done {
				continue
			}
			if _, err := o.Post(ctx, o.fulfil(ctx, w.Desired())); err != nil {
				return err
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// fulfil does what is wanted of one account, and tells how it is then.
func (o *Tool) fulfil(ctx context.Context, want provisioning.Desired) pull.Report {
	r := pull.Report{Login: want.Login, Revision: want.Revision}
	is, err := o.Service.Observe(ctx, want.Ref)
	var steps []provisioning.Step
	if err == nil {
		steps, err = provisioning.Plan(want, is, o.Service.Capabilities())
	}
	for _, step := range steps {
		if err == nil {
			_, err = o.take(ctx, step, want)
		}
	}
	seen, unseen := o.Service.Observe(ctx, want.Ref)
	if unseen == nil {
		if left, _ := provisioning.Plan(want, seen, o.Service.Capabilities()); err != nil && len(left) == 0 && seen.Account == want.Account {
			err = nil // it has happened
		}
	}
	if err != nil {
		class, _ := fault.ClassOf(err)
		r.Failure = &pull.Failure{Class: class, Code: fault.CodeOf(err), Message: err.Error()}
		return r
	}
	r.State = new(remote.StateOf(seen))
	return r
}

func (o *Tool) take(ctx context.Context, step provisioning.Step, want provisioning.Desired) (provisioning.Observed, error) {
	switch step {
	case provisioning.StepEnsure:
		return o.Service.Ensure(ctx, want)
	case provisioning.StepQuota:
		return o.Service.SetQuota(ctx, want)
	case provisioning.StepSuspend:
		return o.Service.Suspend(ctx, want)
	case provisioning.StepResume:
		return o.Service.Resume(ctx, want)
	case provisioning.StepInbound:
		return o.Service.SetInbound(ctx, want)
	case provisioning.StepAliases:
		return o.Service.SetAliases(ctx, want)
	case provisioning.StepApps:
		return o.Service.SetApps(ctx, want)
	default:
		return o.Service.Delete(ctx, want)
	}
}

// RunPull holds accounts, which are handed over at where a tool asks, to the contract,
// while it comes by again and again.
func RunPull(t *testing.T, a *pull.Accounts, o *Tool) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		var err error
		for ctx.Err() == nil && err == nil {
			err = o.Round(ctx)
		}
		if ctx.Err() != nil {
			err = nil
		}
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	f := o.Service.Fixture(a)
	f.Ordered, f.Outage, f.Session = true, nil, nil
	f.Foreign = func(t testing.TB, l provisioning.Login) {
		o.Service.Foreign(l)
		other := &Tool{URL: o.URL, Token: o.Token, Service: o.Service}
		is, err := o.Service.Observe(t.Context(), provisioning.Ref{Service: domain.Storage, Login: l})
		if err == nil {
			_, err = other.Post(t.Context(), pull.Report{Login: l, State: new(remote.StateOf(is))})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	f.Put = func(_ testing.TB, l provisioning.Login, _ string, size int) bool {
		return o.Service.Enter(l).Put(domain.Bytes(size))
	}
	f.Holds = func(_ testing.TB, l provisioning.Login, _ string) int { return int(o.Service.Enter(l).Holds()) }
	f.Troubles = slices.DeleteFunc(f.Troubles, func(t provisiontest.Trouble) bool { return t.Name == "lies" }) // of which it is only told
	provisiontest.Run(t, f)
}
