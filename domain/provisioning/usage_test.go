package provisioning

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/spec"
)

func TestUsage(t *testing.T) {
	passed := func(percent int, used domain.Bytes) UsagePassed {
		return UsagePassed{subject, percent, used, 1000, may1}
	}
	fell := func(percent int, used domain.Bytes) UsageFell {
		return UsageFell{subject, percent, used, 1000, may1}
	}
	holds := func(used domain.Bytes) NoteUsage { return NoteUsage{"a1", used, 1000, may1} }
	given := func(events ...any) spec.Events { return append(spec.Events{requested}, events...) }
	spec.Check(t, []spec.Story[domain.Command[Account]]{
		{Rule: "who has used less than 80 percent is not warned", Given: given(), When: holds(799)},
		{Rule: "at 80 percent they are", Given: given(), When: holds(800), Then: spec.Events{passed(80, 800)}},
		{Rule: "once", Given: given(passed(80, 800)), When: holds(899)},
		{Rule: "at 90 percent again", Given: given(passed(80, 800)), When: holds(900), Then: spec.Events{passed(90, 900)}},
		{Rule: "and when it is full", Given: given(passed(90, 900)), When: holds(1000), Then: spec.Events{passed(100, 1000)}},
		{Rule: "of several thresholds passed at once, of the highest", Given: given(), When: holds(1200), Then: spec.Events{passed(100, 1200)}},
		{Rule: "of one that falls a little under a threshold nothing is said", Given: given(passed(90, 900)), When: holds(850)},
		{Rule: "nor when it rises again", Given: given(passed(90, 900)), When: holds(910)},
		{Rule: "one that falls five percent under it is above the lower one", Given: given(passed(90, 900)), When: holds(849), Then: spec.Events{fell(80, 849)}},
		{Rule: "or above none", Given: given(passed(100, 1000)), When: holds(10), Then: spec.Events{fell(0, 10)}},
		{Rule: "and is warned anew", Given: given(passed(80, 800), fell(0, 700)), When: holds(810), Then: spec.Events{passed(80, 810)}},
		{Rule: "to hold more puts an end to it", Given: given(passed(100, 1000)), When: NoteUsage{"a1", 1000, 5000, may1}, Then: spec.Events{UsageFell{subject, 0, 1000, 5000, may1}}},
		{Rule: "who may hold as much as there is room for is not warned", Given: given(), When: NoteUsage{"a1", 1000, Unlimited, may1}},
		{Rule: "of what nobody requested nothing is noted", When: holds(900), Refused: ErrUnknown},

		{Rule: "what is in an account puts off that it becomes smaller", Given: given(), When: PostponeSize{"a1", 4, 3, may1, may1, may1.AddDays(31)}, Then: spec.Events{SizePostponed{subject, 4, 3, may1, may1, may1.AddDays(31)}}},
		{Rule: "once for a day", Given: given(SizePostponed{subject, 4, 3, may1, may1, may1.AddDays(31)}), When: PostponeSize{"a1", 5, 3, may1, may1, may1.AddDays(31)}},
		{Rule: "and to a later one", Given: given(), When: PostponeSize{"a1", 4, 3, may1, may1, may1}, Refused: ErrIncomplete},
		{Rule: "of what nobody requested nothing is put off", When: PostponeSize{"a1", 4, 3, may1, may1, may1.AddDays(31)}, Refused: ErrUnknown},
	})
}

func TestFits(t *testing.T) {
	if err := Fits(domain.Mail, 5, 5, may1); err != nil {
		t.Error(err)
	}
	if err := Fits(domain.Mail, 5, Unlimited, may1); err != nil {
		t.Error(err)
	}
	err := Fits(domain.Mail, 4_200_000_000, 3*domain.GB, may1)
	if refusal, is := errors.AsType[domain.Refusal](err); !is || !errors.Is(err, ErrHoldsMore) || refusal.Args["surplus"] != domain.Bytes(1_200_000_000) || refusal.Args["measured"] != may1 {
		t.Errorf("%+v", err)
	}
}

// TestLevel: whatever was before, the level follows from what is held, but for a band in which it stays.
func TestLevel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quota := domain.Bytes(rapid.Int64Range(100, math.MaxInt64/2).Draw(t, "quota"))
		used := domain.Bytes(rapid.Int64Range(0, int64(quota)).Draw(t, "used"))
		before := rapid.SampledFrom([]int{0, 80, 90, 100}).Draw(t, "before")
		level := Level(used, quota, before)
		if Level(used, quota, level) != level {
			t.Error("it does not settle")
		}
		if fresh := Level(used, quota, 0); level < fresh || level > fresh && level > before {
			t.Errorf("%d of %d is at %d, and was at %d", used, quota, level, before)
		}
	})
	if Level(1, 0, 80) != 0 || Level(1, Unlimited, 80) != 0 {
		t.Error("of none, something is passed")
	}
}
