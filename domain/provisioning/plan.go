package provisioning

import "rochdale/domain"

// Step is a change to an account on its service.
type Step string

const (
	StepEnsure  Step = "ensure_account"
	StepQuota   Step = "set_quota"
	StepSuspend Step = "suspend"
	StepResume  Step = "resume"
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
	if !is.Exists {
		steps = append(steps, StepEnsure)
	} else if is.Quota != nil && !can.same(*is.Quota, want.Quota) {
		steps = append(steps, StepQuota)
	}
	switch access := or(is.Access, want.Access); {
	case !can.Suspends:
	case want.Access == Suspended && (access != Suspended || !is.Exists):
		steps = append(steps, StepSuspend)
	case want.Access == Active && access != Active && is.Exists:
		steps = append(steps, StepResume)
	}
	return steps, nil
}

// same reports whether the service would read both quotas back as one.
func (c Capabilities) same(is, want domain.Bytes) bool {
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
