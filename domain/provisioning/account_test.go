package provisioning

import (
	"errors"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
)

var (
	may1      = calendar.On(2026, time.May, 1)
	login     = Login("anna.lee@example.org")
	digests   = sealed.DigestsUnder([32]byte{'s', 'e', 'c', 'r', 'e', 't'})
	address   = login.Named(digests)
	subject   = Subject{"a1", "mail/s1", "anna", domain.Mail}
	request   = RequestAccount{"a1", "mail/s1", "anna", domain.Mail, address, domain.GB, may1}
	switched  = AppsSwitched{subject, []domain.Service{domain.Calendar, domain.Polls}, 8, ""}
	requested = AccountRequested{subject, sealed.New("anna", sealed.Service, login), domain.GB, may1}
	bound     = LoginBound{subject, sealed.New("anna", sealed.Service, login)}
	there     = AccountProvisioned{subject, domain.GB, 7, ""}
	larger    = QuotaSet{subject, 2 * domain.GB, 8, ""}
	held      = AccountSuspended{subject, 8, ""}
	back      = AccountResumed{subject, 9, ""}
	gone      = AccountDeleted{Subject: subject, Revision: 9}
	busy      = Failed{subject, StepQuota, "transient", "exit 75", 1, false, 8, ""}
	skipped   = WorkSkipped{subject, sealed.New("anna", sealed.Service, "the server is being replaced"), 8, ""}
	parked    = Failed{subject, StepQuota, "transient", "exit 75", 20, true, 8, ""}
)

func TestRequest(t *testing.T) {
	with := func(change func(*RequestAccount)) RequestAccount {
		c := request
		change(&c)
		return c
	}
	type story = spec.Story[domain.Command2[Account, Binding]]
	incomplete := func(rule string, change func(*RequestAccount)) story {
		return story{Rule: rule, When: with(change), Refused: ErrIncomplete}
	}
	unlimited := requested
	unlimited.Quota = Unlimited
	spec.Check2(t, []story{
		{Rule: "an account is requested under a login", When: request, Then: spec.Events{requested, bound}},
		{Rule: "it may hold as much as there is room for", When: with(func(c *RequestAccount) { c.Quota = Unlimited }), Then: spec.Events{unlimited, bound}},
		{Rule: "it is requested once, whatever it may hold by now", Given: spec.Events{requested, bound, there, larger}, When: with(func(c *RequestAccount) { c.Quota = 2 * domain.GB })},
		{Rule: "a login is given once", Given: spec.Events{LoginBound{Subject{"a0", "mail/s0", "bert", domain.Mail}, bound.Login}}, When: request, Refused: ErrLoginTaken},
		{Rule: "an account keeps its login", Given: spec.Events{requested}, When: with(func(c *RequestAccount) { c.Login = Login("anna@example.org").Named(digests) }), Refused: ErrRequested},
		{Rule: "an account is of one entitlement", Given: spec.Events{requested, bound}, When: with(func(c *RequestAccount) { c.Entitlement = "mail/s2" }), Refused: ErrRequested},
		{Rule: "a login is one that every server takes", When: with(func(c *RequestAccount) { c.Login = Login("Anna Lee").Named(digests) }), Refused: ErrLogin},
		{Rule: "nobody poses as the postmaster", When: with(func(c *RequestAccount) { c.Login = Login("postmaster@example.org").Named(digests) }), Refused: ErrReserved},
		incomplete("an account has an id", func(c *RequestAccount) { c.Account = "" }),
		incomplete("an account is of an entitlement", func(c *RequestAccount) { c.Entitlement = "" }),
		incomplete("somebody uses it", func(c *RequestAccount) { c.Party = "" }),
		incomplete("it is on a service", func(c *RequestAccount) { c.Service = "fax" }),
		incomplete("it holds something", func(c *RequestAccount) { c.Quota = 0 }),
		incomplete("it is requested on a day", func(c *RequestAccount) { c.On = calendar.Date{} }),
	})
	if id, ok := bound.Evolve(Binding{}).Account(); !ok || id != "a1" {
		t.Errorf("bound to %q", id)
	}
}

func TestAccount(t *testing.T) {
	type story = spec.Story[domain.Command[Account]]
	given := func(events ...any) spec.Events { return append(spec.Events{requested}, events...) }
	spec.Check(t, []story{
		{Rule: "the account is there", Given: given(), When: RecordProvisioned{"a1", domain.GB, 7, ""}, Then: spec.Events{there}},
		{Rule: "which is said once", Given: given(there), When: RecordProvisioned{"a1", domain.GB, 8, ""}},
		{Rule: "and of one withheld, too", Given: given(there, held), When: RecordProvisioned{"a1", domain.GB, 9, ""}},
		{Rule: "unless it was made anew with another quota", Given: given(there, held), When: RecordProvisioned{"a1", 2 * domain.GB, 9, ""}, Then: spec.Events{AccountProvisioned{subject, 2 * domain.GB, 9, ""}}},
		{Rule: "an account nobody requested is not there", When: RecordProvisioned{"a1", domain.GB, 7, ""}, Refused: ErrUnknown},

		{Rule: "it may hold more", Given: given(there), When: RecordQuota{"a1", 2 * domain.GB, 8, ""}, Then: spec.Events{larger}},
		{Rule: "what comes late is no news", Given: given(there, larger), When: RecordQuota{"a1", domain.GB, 7, ""}},
		{Rule: "what is not there holds nothing", Given: given(), When: RecordQuota{"a1", domain.GB, 7, ""}, Refused: ErrNotThere},
		{Rule: "what nobody requested holds nothing", When: RecordQuota{"a1", domain.GB, 7, ""}, Refused: ErrUnknown},

		{Rule: "its further addresses lead to it", Given: given(there), When: RecordAliases{"a1", 2, 8, ""}, Then: spec.Events{AliasesSet{subject, 2, 8, ""}}},
		{Rule: "which is said once", Given: given(there, AliasesSet{subject, 2, 8, ""}), When: RecordAliases{"a1", 2, 8, ""}},
		{Rule: "and again for others, even if they are as many", Given: given(there, AliasesSet{subject, 2, 8, ""}), When: RecordAliases{"a1", 2, 9, ""}, Then: spec.Events{AliasesSet{subject, 2, 9, ""}}},
		{Rule: "to what is not there nothing leads", Given: given(), When: RecordAliases{"a1", 2, 8, ""}, Refused: ErrNotThere},

		{Rule: "apps are used with it", Given: given(there), When: RecordApps{"a1", []domain.Service{domain.Polls, domain.Calendar}, 8, ""}, Then: spec.Events{switched}},
		{Rule: "which is said once, in whatever order", Given: given(there, switched), When: RecordApps{"a1", []domain.Service{domain.Polls, domain.Calendar}, 9, ""}},
		{Rule: "and others, or none", Given: given(there, switched), When: RecordApps{"a1", nil, 9, ""}, Then: spec.Events{AppsSwitched{subject, []domain.Service{}, 9, ""}}},
		{Rule: "with what is not there none are used", Given: given(), When: RecordApps{"a1", nil, 8, ""}, Refused: ErrNotThere},

		{Rule: "it is withheld", Given: given(there), When: RecordSuspended{"a1", 8, ""}, Then: spec.Events{held}},
		{Rule: "once", Given: given(there, held), When: RecordSuspended{"a1", 9, ""}},
		{Rule: "what is not there is not withheld", Given: given(), When: RecordSuspended{"a1", 8, ""}, Refused: ErrNotThere},
		{Rule: "it is given back", Given: given(there, held), When: RecordResumed{"a1", 9, ""}, Then: spec.Events{back}},
		{Rule: "what is not withheld is not given back", Given: given(there), When: RecordResumed{"a1", 9, ""}},
		{Rule: "what is not there is not given back", Given: given(), When: RecordResumed{"a1", 9, ""}, Refused: ErrNotThere},

		{Rule: "it is deleted", Given: given(there, held), When: RecordDeleted{Account: "a1", Revision: 9}, Then: spec.Events{gone}},
		{Rule: "even if it never was there", Given: given(), When: RecordDeleted{Account: "a1", Revision: 9}, Then: spec.Events{gone}},
		{Rule: "but not by a wish that has been overtaken", Given: given(there, back), When: RecordDeleted{Account: "a1", Revision: 8}},
		{Rule: "what is deleted comes not back", Given: given(there, gone), When: RecordProvisioned{"a1", domain.GB, 10, ""}, Refused: ErrDeleted},
		{Rule: "and does not change", Given: given(there, gone), When: RecordQuota{"a1", domain.GB, 10, ""}, Refused: ErrDeleted},
		{Rule: "what nobody requested is not deleted", When: RecordDeleted{Account: "a1", Revision: 9}, Refused: ErrUnknown},

		{Rule: "what goes wrong is recorded", Given: given(there), When: RecordFailure{"a1", StepQuota, "transient", "exit 75", 1, false, 8, ""}, Then: spec.Events{busy}},
		{Rule: "and not at each attempt", Given: given(there, busy), When: RecordFailure{"a1", StepQuota, "transient", "exit 75", 5, false, 8, ""}},
		{Rule: "but once more when no more is tried", Given: given(there, busy), When: RecordFailure{"a1", StepQuota, "transient", "exit 75", 20, true, 8, ""}, Then: spec.Events{parked}},
		{Rule: "what went wrong before is no news", Given: given(there, larger), When: RecordFailure{"a1", StepQuota, "transient", "", 1, false, 7, ""}},
		{Rule: "that trouble is over is recorded, even if nothing else has changed", Given: given(there, busy), When: RecordQuota{"a1", domain.GB, 8, ""}, Then: spec.Events{QuotaSet{subject, domain.GB, 8, ""}}},
		{Rule: "of each target that knows of an account, it is recorded what came of it there", Given: given(there), When: RecordProvisioned{"a1", domain.GB, 7, "ldap"}, Then: spec.Events{AccountProvisioned{subject, domain.GB, 7, "ldap"}}},
		{Rule: "the target that is named after the service need not be named", Given: given(there), When: RecordProvisioned{"a1", domain.GB, 8, "mail"}},
		{Rule: "it is deleted from each target, which is its receipt", Given: given(there, AccountProvisioned{subject, domain.GB, 7, "ldap"}, gone), When: RecordDeleted{"a1", 9, "ldap", may1, may1.AddDays(30)}, Then: spec.Events{AccountDeleted{subject, 9, "ldap", may1, may1.AddDays(30)}}},
		{Rule: "what was changed past us and mended is recorded", Given: given(there), When: RecordRepaired{"a1", "r1", []Step{StepEnsure}, 7, ""}, Then: spec.Events{AccountRepaired{subject, "r1", []Step{StepEnsure}, 7, ""}}},
		{Rule: "unless nothing had to be done", Given: given(there), When: RecordRepaired{"a1", "r1", nil, 7, ""}},
		{Rule: "somebody may give up on what does not succeed", Given: given(there, parked), When: SkipWork{"a1", "", 8, "the server is being replaced"}, Then: spec.Events{skipped}},
		{Rule: "once", Given: given(there, parked, skipped), When: SkipWork{"a1", "", 8, "the server is being replaced"}},
		{Rule: "and for a reason", Given: given(there, parked), When: SkipWork{"a1", "", 8, " "}, Refused: ErrNoReason},
		{Rule: "but not on what is well", Given: given(there), When: SkipWork{"a1", "", 7, "why not"}, Refused: ErrNoTrouble},
		{Rule: "nor on what nobody requested", When: SkipWork{"a1", "", 8, "why not"}, Refused: ErrUnknown},
		{Rule: "nothing goes wrong with what nobody requested", When: RecordFailure{"a1", StepQuota, "transient", "", 1, false, 7, ""}, Refused: ErrUnknown},
		{Rule: "nothing goes wrong with what is deleted", Given: given(gone), When: RecordFailure{"a1", StepDelete, "transient", "", 1, false, 9, ""}, Refused: ErrDeleted},
	})
}

func TestForeign(t *testing.T) {
	left := ForeignLeft{domain.Mail, address.digest, "", may1}
	spec.Check(t, []spec.Story[domain.Command[Binding]]{
		{Rule: "an account that is none of ours is let be", When: LeaveForeign{domain.Mail, "mail", address, may1}, Then: spec.Events{left}},
		{Rule: "once", Given: spec.Events{left}, When: LeaveForeign{domain.Mail, "", address, may1}},
		{Rule: "one of ours is not", Given: spec.Events{bound}, When: LeaveForeign{domain.Mail, "", address, may1}, Refused: ErrOurs},
		{Rule: "it is let be on a day", When: LeaveForeign{Service: domain.Mail, Login: address}, Refused: ErrIncomplete},
	})
	if _, _, err := request.Decide(Account{}, left.Evolve(Binding{})); !errors.Is(err, ErrLoginTaken) {
		t.Errorf("its login is given to somebody: %v", err)
	}
}

func TestState(t *testing.T) {
	var a Account
	if _, ok := a.Requested(); ok || a.Status() != "" {
		t.Error("nobody requested it")
	}
	for _, step := range []struct {
		event    accountEvent
		status   Status
		quota    domain.Bytes
		revision int64
		trouble  bool
	}{
		{requested, StatusRequested, 0, 0, false},
		{there, StatusActive, domain.GB, 7, false},
		{busy, StatusActive, domain.GB, 8, true},
		{larger, StatusActive, 2 * domain.GB, 8, false},
		{held, StatusSuspended, 2 * domain.GB, 8, false},
		{back, StatusActive, 2 * domain.GB, 9, false},
		{gone, StatusDeleted, 0, 9, false},
	} {
		a = step.event.Evolve(a)
		_, trouble := a.Trouble()
		if a.Status() != step.status || a.Quota() != step.quota || a.Revision() != step.revision || trouble != step.trouble {
			t.Errorf("after %T it is %s with %d at %d, trouble %v", step.event, a.Status(), a.Quota(), a.Revision(), trouble)
		}
	}
	if got, ok := a.Requested(); !ok || got.Account != "a1" {
		t.Errorf("requested %+v", got)
	}
}
