package processes

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// Capacity is how much room there is on a target, and until when.
type Capacity struct {
	Target       string         `json:"target"`
	Service      domain.Service `json:"service"`
	Node         bool           `json:"node"`          // it is one of several
	Bytes        domain.Bytes   `json:"bytes"`         // that there are; 0: they are not counted
	Most         domain.Bytes   `json:"most"`          // that may be promised
	MostAccounts int            `json:"most_accounts"` // 0: any number
	Drain        bool           `json:"drain"`
	NodeLoad
	Used   *domain.Bytes `json:"used"`             // as it was read back last; null: it never was
	On     calendar.Date `json:"on,omitzero"`      // when
	Growth *domain.Bytes `json:"growth"`           // of what is used, a day; null: too little is known
	FullOn calendar.Date `json:"full_on,omitzero"` // at this growth; no day: not within ten years, or it is not known
	Days   []UsageTotal  `json:"days"`             // that it was made of, oldest first
}

// Free is how much may still be promised.
func (c Capacity) Free() domain.Bytes { return max(c.Most-c.Committed, 0) }

const (
	forecastLeast = 14 // days from the first to the last that a forecast is made of
	forecastMost  = 90
	foreseen      = 10 * 365
)

// Forecast returns how much more is used each day, by least squares over the last
// ninety days, and on which day so many bytes are; no day if that is not within ten
// years. What is known of less than two weeks tells nothing.
func Forecast(days []UsageTotal, bytes domain.Bytes) (growth domain.Bytes, full calendar.Date, known bool) {
	if len(days) == 0 {
		return 0, full, false
	}
	last := days[len(days)-1]
	for len(days) > 0 && days[0].On.DaysUntil(last.On) > forecastMost {
		days = days[1:]
	}
	if days[0].On.DaysUntil(last.On) < forecastLeast || len(days) < forecastLeast/2 {
		return 0, full, false
	}
	var n, x, y, xx, xy float64
	for _, d := range days {
		at, used := float64(days[0].On.DaysUntil(d.On)), float64(d.Used)
		n, x, y, xx, xy = n+1, x+at, y+used, xx+at*at, xy+at*used
	}
	slope := (n*xy - x*y) / (n*xx - x*x)
	growth = domain.Bytes(math.Round(slope))
	if bytes <= 0 {
		return growth, full, true
	}
	if last.Used >= bytes {
		return growth, last.On, true
	}
	if slope > 0 {
		if left := math.Ceil(float64(bytes-last.Used) / slope); left <= foreseen {
			full = last.On.AddDays(int(left))
		}
	}
	return growth, full, true
}

// Capacities returns that of each target that counts its bytes, or tells what is used.
func (r *Reconciler) Capacities(ctx context.Context) ([]Capacity, error) {
	all, loads := []Capacity{}, map[domain.Service]map[string]NodeLoad{}
	for _, t := range r.Targets {
		if loads[t.Service] == nil && r.Nodes != nil {
			of, err := r.Nodes.NodeLoads(ctx, t.Service)
			if err != nil {
				return nil, err
			}
			loads[t.Service] = of
		}
		c := Capacity{Target: t.Name, Service: t.Service, NodeLoad: loads[t.Service][t.Name]}
		if t.Node != nil {
			c.Node, c.Bytes, c.Most, c.MostAccounts, c.Drain = true, t.Node.Bytes, t.Node.Most(), t.Node.Accounts, t.Node.Drain
		}
		days, err := r.UsageTotals(ctx, t.Name)
		if err != nil {
			return nil, err
		}
		c.Days = append([]UsageTotal{}, days...)
		if len(days) > 0 {
			last := days[len(days)-1]
			c.Used, c.On = &last.Used, last.On
		}
		if growth, full, known := Forecast(days, c.Bytes); known {
			c.Growth, c.FullOn = &growth, full
		}
		all = append(all, c)
	}
	return all, nil
}

// A Forsaken is a target on which there are accounts, and of which nobody has settings
// here: it was taken out of the file of services, or its name changed. What is wished of
// these accounts is not done; if it is gone for good, see [Reconciler.Forget].
type Forsaken struct {
	Target   string         `json:"target"`
	Service  domain.Service `json:"service"`
	Accounts int            `json:"accounts"`
}

// Forsaken returns all of these.
func (r *Reconciler) Forsaken(ctx context.Context) (all []Forsaken, err error) {
	if r.Nodes == nil {
		return nil, nil
	}
	for _, service := range domain.Services {
		loads, err := r.Nodes.NodeLoads(ctx, service)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(loads)) {
			if _, err := r.target(name); err == nil {
				continue
			}
			left, err := r.Nodes.AccountsLeft(ctx, service, name)
			if err != nil {
				return nil, err
			}
			if len(left) > 0 {
				all = append(all, Forsaken{name, service, len(left)})
			}
		}
	}
	return all, nil
}

// The rules by which a target is not forgotten.
var (
	ErrTargetThere = domain.Refusal{
		Code: "processes.target_there", Reason: "{target} is worked with: take it out of the file of services of every node first, and start them without it",
	}
	ErrOnlyThere = domain.Refusal{
		Code: "processes.only_there", Reason: "{accounts} accounts are on {target} alone: have it in the file of services, or a new one under its name, and move them away by rochdale accounts drain",
	}
)

// Forget gives up on all that is on a target of which nobody has settings any more, since
// it is gone for good, and returns how many accounts that are. Nothing is deleted there
// by it. Of accounts that have it for their node, nobody can give up.
func (r *Reconciler) Forget(ctx context.Context, target, reason string) (n int, err error) {
	if strings.TrimSpace(reason) == "" {
		return 0, ErrWhy
	}
	if served, err := serves(ctx, r.kv(), "provisioning-"+target); err != nil {
		return 0, err
	} else if _, err := r.target(target); err == nil || served {
		return 0, ErrTargetThere.With("target", target)
	}
	all, err := r.Forsaken(ctx)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(all, func(f Forsaken) bool { return f.Target == target })
	if i < 0 {
		_, err := r.target(target)
		return 0, err
	}
	on := 0
	for _, err := range r.accountsOn(ctx, all[i].Service, target) {
		if err != nil {
			return 0, err
		}
		on++
	}
	if on > 0 {
		return 0, ErrOnlyThere.With("accounts", on).With("target", target)
	}
	left, err := r.Nodes.AccountsLeft(ctx, all[i].Service, target)
	if err != nil {
		return 0, err
	}
	head, err := r.Store.Log.Head(ctx) // all that was wished so far
	if err != nil {
		return 0, err
	}
	for _, account := range left {
		if _, err := eventstore.Execute(ctx, r.Store, provisioning.SkipWork{Account: account, Target: target, Revision: head, Reason: reason}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
