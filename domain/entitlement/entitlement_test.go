package entitlement

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/spec"
)

var (
	may1    = calendar.On(2026, time.May, 1)
	may9    = calendar.On(2026, time.May, 9)
	mail    = Subject{"mail/s1", "s1", "anna", domain.Mail}
	storage = Subject{"storage/s1", "s1", "anna", domain.Storage}
	granted = Granted{mail, domain.GB, may1}
	folder  = Granted{storage, 4 * domain.GB, may1}
	agenda  = Granted{Subject{"calendar/s1", "s1", "anna", domain.Calendar}, 0, may1}
	more    = QuotaChanged{mail, 2 * domain.GB, may9}
	held    = Suspended{mail, may9}
	back    = Resumed{mail, may9}
	ended   = Revoked{mail, may9}
)

type story = spec.Story[domain.Command[Entitlements]]

func TestEntitlements(t *testing.T) {
	spec.Check(t, []story{
		{Rule: "a subscription entitles to a service", When: Grant{"s1", "anna", domain.Mail, domain.GB, may1}, Then: spec.Events{granted}},
		{Rule: "and to another", Given: spec.Events{granted}, When: Grant{"s1", "anna", domain.Storage, 4 * domain.GB, may1}, Then: spec.Events{folder}},
		{Rule: "what was granted and has changed since is not granted again", Given: spec.Events{granted, more}, When: Grant{"s1", "anna", domain.Mail, domain.GB, may1}},
		{Rule: "what was revoked stays revoked", Given: spec.Events{granted, ended}, When: Grant{"s1", "anna", domain.Mail, domain.GB, may1}},
		{Rule: "one subscription serves one party", Given: spec.Events{granted}, When: Grant{"s1", "bert", domain.Mail, domain.GB, may1}, Refused: ErrGranted},
		{Rule: "only services there are", When: Grant{"s1", "anna", "fax", domain.GB, may1}, Refused: ErrNoService},
		{Rule: "nobody is entitled to nothing", When: Grant{"s1", "anna", domain.Mail, 0, may1}, Refused: ErrNoQuota},
		{Rule: "an app is on or off, and not counted in bytes", When: Grant{"s1", "anna", domain.Calendar, 0, may1}, Then: spec.Events{agenda}},
		{Rule: "so it has none", When: Grant{"s1", "anna", domain.Calendar, domain.GB, may1}, Refused: ErrApp},
		{Rule: "somebody is entitled", When: Grant{"s1", "", domain.Mail, domain.GB, may1}, Refused: ErrIncomplete},
		{Rule: "by a subscription", When: Grant{"", "anna", domain.Mail, domain.GB, may1}, Refused: ErrIncomplete},
		{Rule: "from a day on", When: Grant{"s1", "anna", domain.Mail, domain.GB, calendar.Date{}}, Refused: ErrIncomplete},

		{Rule: "it grows", Given: spec.Events{granted, folder}, When: Change{"s1", domain.Mail, 2 * domain.GB, may9}, Then: spec.Events{more}},
		{Rule: "while it is withheld, too", Given: spec.Events{granted, held}, When: Change{"s1", domain.Mail, 2 * domain.GB, may9}, Then: spec.Events{more}},
		{Rule: "to nothing it is revoked", Given: spec.Events{granted}, When: Change{"s1", domain.Mail, 0, may9}, Refused: ErrNoQuota},
		{Rule: "an app gets no bytes", Given: spec.Events{agenda}, When: Change{"s1", domain.Calendar, domain.GB, may9}, Refused: ErrApp},
		{Rule: "it changes on a day", Given: spec.Events{granted}, When: Change{Subscription: "s1", Service: domain.Mail, Quota: 1}, Refused: ErrIncomplete},
		{Rule: "what was never granted does not change", Given: spec.Events{folder}, When: Change{"s1", domain.Mail, domain.GB, may9}, Refused: ErrNotGranted},
		{Rule: "nor does what was revoked", Given: spec.Events{granted, ended}, When: Change{"s1", domain.Mail, 2 * domain.GB, may9}, Refused: ErrRevoked},

		{Rule: "it is withheld", Given: spec.Events{granted}, When: Suspend{"s1", domain.Mail, may9}, Then: spec.Events{held}},
		{Rule: "on a day", Given: spec.Events{granted}, When: Suspend{Subscription: "s1", Service: domain.Mail}, Refused: ErrIncomplete},
		{Rule: "what was never granted is not withheld", When: Suspend{"s1", domain.Mail, may9}, Refused: ErrNotGranted},
		{Rule: "nor is what was revoked", Given: spec.Events{granted, ended}, When: Suspend{"s1", domain.Mail, may9}, Refused: ErrRevoked},

		{Rule: "it is given back", Given: spec.Events{granted, held}, When: Resume{"s1", domain.Mail, may9}, Then: spec.Events{back}},
		{Rule: "what is not withheld need not be given back", Given: spec.Events{granted}, When: Resume{"s1", domain.Mail, may9}},
		{Rule: "it is given back on a day", Given: spec.Events{granted, held}, When: Resume{Subscription: "s1", Service: domain.Mail}, Refused: ErrIncomplete},
		{Rule: "what was never granted is not given back", When: Resume{"s1", domain.Mail, may9}, Refused: ErrNotGranted},
		{Rule: "nor is what was revoked", Given: spec.Events{granted, ended}, When: Resume{"s1", domain.Mail, may9}, Refused: ErrRevoked},

		{Rule: "it is revoked", Given: spec.Events{granted, folder}, When: Revoke{"s1", domain.Mail, may9}, Then: spec.Events{ended}},
		{Rule: "even while it is withheld", Given: spec.Events{granted, held}, When: Revoke{"s1", domain.Mail, may9}, Then: spec.Events{ended}},
		{Rule: "on a day", Given: spec.Events{granted}, When: Revoke{Subscription: "s1", Service: domain.Mail}, Refused: ErrIncomplete},
		{Rule: "what was never granted is not revoked", When: Revoke{"s1", domain.Mail, may9}, Refused: ErrNotGranted},
	})
}

func TestStateByService(t *testing.T) {
	var s Entitlements
	for _, e := range []event{granted, folder, more, held} {
		s = e.Evolve(s)
	}
	if m := s[domain.Mail]; m.Status != StatusSuspended || m.Quota != 2*domain.GB || m.Granted != granted || m.Since != may9 {
		t.Errorf("mail: %+v", m)
	}
	if f := s[domain.Storage]; f.Status != StatusActive || f.Quota != 4*domain.GB {
		t.Errorf("storage: %+v", f)
	}
}

func TestID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := domain.SubscriptionID(rapid.String().Draw(t, "subscription"))
		service := rapid.SampledFrom(domain.Services).Draw(t, "service")
		if s, v := Of(IDOf(id, service)); s != id || v != service {
			t.Errorf("%q to %s is read as %q to %s", id, service, s, v)
		}
	})
}
