package provisioning

import (
	"errors"
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
)

func TestHeld(t *testing.T) {
	year := may1.AddDays(365)
	kept := AccountHeld{subject, may1, year}
	released := AccountReleased{subject, may1}
	const reason = "minutes of May 3: photographs, for her daughter, by the notary's deed"
	allowed := ExportAllowed{subject, sealed.New("anna", sealed.Service, reason), may1, may1.AddDays(30)}
	allow := AllowExport{"a1", reason, may1, may1.AddDays(30)}
	given := func(events ...any) spec.Events { return append(spec.Events{requested}, events...) }
	spec.Check(t, []spec.Story[domain.Command[Account]]{
		{Rule: "the account of who has died is held", Given: given(there), When: HoldAccount{"a1", may1, year}, Then: spec.Events{kept}},
		{Rule: "once", Given: given(there, kept), When: HoldAccount{"a1", may1.AddDays(9), year.AddDays(9)}},
		{Rule: "what is deleted is not held", Given: given(there, gone), When: HoldAccount{"a1", may1, year}},
		{Rule: "nor what nobody requested", When: HoldAccount{"a1", may1, year}, Refused: ErrUnknown},
		{Rule: "it is held through a day", Given: given(there), When: HoldAccount{"a1", may1, may1.AddDays(-1)}, Refused: ErrHoldTerms},
		{Rule: "who has not died after all has their account back", Given: given(there, kept), When: ReleaseAccount{"a1", may1}, Then: spec.Events{released}},
		{Rule: "once, too", Given: given(there, kept, released), When: ReleaseAccount{"a1", may1}},
		{Rule: "on a day", Given: given(there, kept), When: ReleaseAccount{Account: "a1"}, Refused: ErrIncomplete},
		{Rule: "what nobody requested is not given back", When: ReleaseAccount{"a1", may1}, Refused: ErrUnknown},
		{Rule: "that heirs get a copy is decided, and the reason recorded", Given: given(there, kept), When: allow, Then: spec.Events{allowed}},
		{Rule: "which is said once", Given: given(there, kept, allowed), When: allow},
		{Rule: "without a reason it is not decided", Given: given(there, kept), When: AllowExport{"a1", " ", may1, may1}, Refused: ErrNoReason},
		{Rule: "nor of somebody who lives", Given: given(there), When: allow, Refused: ErrNotHeld},
		{Rule: "nor of somebody who has not died after all", Given: given(there, kept, released), When: allow, Refused: ErrNotHeld},
		{Rule: "it is decided for some days", Given: given(there, kept), When: AllowExport{"a1", reason, may1, may1.AddDays(-1)}, Refused: ErrHoldTerms},
		{Rule: "of what is deleted there is no copy", Given: given(there, kept, gone), When: allow, Refused: ErrDeleted},
		{Rule: "nor of what nobody requested", When: allow, Refused: ErrUnknown},
	})
	var a Account
	for _, step := range []struct {
		event accountEvent
		on    calendar.Date
		want  error
	}{
		{nil, may1, ErrUnknown},
		{requested, may1, ErrNotHeld},
		{kept, may1, ErrNoExport},
		{allowed, may1.AddDays(30), nil},
		{nil, may1.AddDays(31), ErrNoExport},
		{released, may1, ErrNotHeld},
	} {
		if step.event != nil {
			a = step.event.Evolve(a)
		}
		if err := a.Exportable(step.on); !errors.Is(err, step.want) {
			t.Errorf("after %T: %v, not %v", step.event, err, step.want)
		}
	}
}
