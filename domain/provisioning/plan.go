package provisioning

import (
	"cmp"
	"slices"

	"rochdale/domain"
)

// Step is a change to an account on its service.
type Step string

const (
	StepEnsure  Step = "ensure_account"
	StepQuota   Step = "set_quota"
	StepSuspend Step = "suspend"
	StepResume  Step = "resume"
	StepInbound Step = "set_inbound"
	StepAliases Step = "set_aliases"
	StepApps    Step = "set_apps"
	StepDelete  Step = "delete"
	// StepNone is what fails when an account could not even be looked at.
	StepNone Step = "observe"
)

// Plan returns the steps that lead from how an account is to how it shall be, in
// the order in which they are safe; none, and it is so already. What the service
// cannot say is not taken to differ, and what it cannot do is left out. To an
// account that is not ours it says no.
func Plan(want Desired, is Observed, can Capabilities) ([]Step, error) {
	absent := want.Access == Absent
	switch {
	case !is.Exists && absent:
		return nil, nil
	case is.Exists && is.Account != want.Account:
		if absent {
			return nil, nil // ours is not there
		}
		return nil, ErrForeign
	case absent:
		return []Step{StepDelete}, nil
	}
	var steps []Step
	if !is.Exists || or(is.Node, want.Node) != want.Node {
		steps = append(steps, StepEnsure)
	} else if is.Quota != nil && !can.same(*is.Quota, want.Quota) {
		steps = append(steps, StepQuota)
	}
	steps = append(steps, further(want, is, can)...)
	switch access := or(is.Access, want.Access); {
	case !can.Suspends:
	case want.Access == Suspended && (access != Suspended || !is.Exists):
		steps = append(steps, StepSuspend)
	case want.Access == Active && access != Active && is.Exists:
		steps = append(steps, StepResume)
	}
	return steps, nil
}

// further returns the steps of the further ports. What is wanted of an account that
// is yet to be made is taken as it is made, if the service can, and seen to here.
func further(want Desired, is Observed, can Capabilities) (steps []Step) {
	inbound := cmp.Or(want.Inbound, Accept)
	if can.Inbound && inbound != or(is.Inbound, map[bool]Inbound{true: inbound, false: Accept}[is.Exists]) {
		steps = append(steps, StepInbound)
	}
	if can.Aliases && differ(want.Aliases, is.Aliases, is.Exists) {
		steps = append(steps, StepAliases)
	}
	if len(can.Apps) > 0 && differ(can.Switchable(want.Apps), can.Switchable(is.Apps), is.Exists) {
		steps = append(steps, StepApps)
	}
	return steps
}

// differ reports whether a set that is wanted is another than that which there is,
// as far as either is known.
func differ[T cmp.Ordered](want, is []T, exists bool) bool {
	if want == nil || is == nil && exists {
		return false
	}
	set := func(s []T) []T { return slices.Compact(slices.Sorted(slices.Values(s))) }
	return !slices.Equal(set(want), set(is))
}

// Switchable are those of some apps that the service can switch; nil stays nil.
func (c Capabilities) Switchable(apps []domain.Service) []domain.Service {
	if apps == nil {
		return nil
	}
	some := []domain.Service{}
	for _, app := range apps {
		if slices.Contains(c.Apps, app) {
			some = append(some, app)
		}
	}
	return some
}

// same reports whether the service would read both quotas back as one.
func (c Capabilities) same(is, want domain.Bytes) bool {
	if c.Reads != nil {
		return c.Reads(want) == is
	}
	if is == want || is < 0 || want < 0 || c.QuotaStep <= 1 {
		return is == want
	}
	return max(is-want, want-is) <= c.QuotaStep/2
}

func or[T any](known *T, otherwise T) T {
	if known == nil {
		return otherwise
	}
	return *known
}

// Done reports whether a step is seen to have been taken. What the service cannot
// say is taken to be so.
func Done(step Step, want Desired, is Observed, can Capabilities) bool {
	if step == StepDelete {
		return !is.Exists || is.Account != want.Account
	}
	if !is.Exists || is.Account != want.Account {
		return false
	}
	switch step {
	case StepEnsure, StepQuota:
		return or(is.Node, want.Node) == want.Node && (is.Quota == nil || can.same(*is.Quota, want.Quota))
	case StepSuspend:
		return or(is.Access, Suspended) == Suspended
	case StepResume:
		return or(is.Access, Active) == Active
	case StepInbound, StepAliases, StepApps:
		return !slices.Contains(further(want, is, can), step)
	case StepDelete, StepNone:
	}
	return true
}
