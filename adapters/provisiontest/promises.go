package provisiontest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

func testCapabilities(a *account) {
	can := a.able()
	if !can.Service.Valid() || can.QuotaStep < 0 || can.Parallel < 0 || can.WritesPerMinute < 0 || can.Patience < 0 {
		a.Errorf("%+v", can)
	}
	if plain := slices.Contains(can.Schemes, provisioning.Plain); plain && len(can.Schemes) > 1 || !plain && len(can.Schemes) > 0 && !slices.Contains(can.Schemes, scheme) {
		a.Errorf("it takes passwords in %q, not in %s, in which they are hashed", can.Schemes, scheme)
	}
	for range 2 {
		if err := a.Port.Check(a.ctx()); err != nil {
			a.Error(err)
		}
	}
}

// change is a method of the port that changes an account.
type change = func(context.Context, provisioning.Desired) (provisioning.Observed, error)

// changes returns all that changes an account, as far as the service can: Delete
// and Ensure first.
func (a *account) changes() []change {
	all := []change{a.Port.Delete, a.Port.Ensure, a.Port.SetQuota}
	if a.able().Suspends {
		all = append(all, a.Port.Suspend, a.Port.Resume)
	}
	if at, ok := a.Port.(receiver); ok && a.able().Inbound {
		all = append(all, at.SetInbound)
	}
	if at, ok := a.Port.(aliaser); ok && a.able().Aliases {
		all = append(all, at.SetAliases)
	}
	if at, ok := a.Port.(switcher); ok && len(a.able().Apps) > 0 {
		all = append(all, at.SetApps)
	}
	return all
}

func testAbsent(a *account) {
	a.Access = provisioning.Absent
	a.compare("looked at", a.observe())
	a.delete() // is done already
	a.door("three or four words", false)

	a.Access = provisioning.Active
	for _, do := range a.changes()[2:] {
		is, err := do(a.ctx(), a.later())
		a.passes(err) // it may have been made by the next attempt
		if is.Exists {
			a.Errorf("%s, which nobody made", show(is))
		}
	}
	if a.keyed() {
		a.passes(a.Port.SetCredential(a.ctx(), a.Ref, a.credential("three or four words")))
	}

	a.Access = provisioning.Absent
	a.compare("looked at", a.observe())
}

func testEnsure(a *account) {
	a.ensure().lets("three or four words").put(10_000, true)
	a.ensure()
	a.Quota = 60_000_000
	a.ensure()
	a.Quota = 40_000_000
	a.ensure()
	a.holds(10_000)
	a.uses(10_000)
}

func testQuota(a *account) {
	a.ensure()
	for _, n := range []domain.Bytes{5_000_000_000, 20_000_000, 20_000_000, 20_000_001, provisioning.Unlimited, provisioning.Unlimited, 1_234_567_890_123, 1_000_000} {
		a.quota(n)
		if is := a.observe().Quota; is != nil && (*is == provisioning.Unlimited) != (n == provisioning.Unlimited) {
			a.Errorf("a quota of %d reads %d", n, *is)
		}
	}
	a.Quota = 0
	is, err := a.Port.SetQuota(a.ctx(), a.later())
	if err != nil {
		a.fails(err, fault.Invalid, fault.Unsupported)
	} else if is.Quota != nil && *is.Quota == provisioning.Unlimited {
		a.Error("a quota of nothing came out as one without a limit")
	}
}

func testQuotaHolds(a *account) {
	a.Quota = 2_000_000
	a.ensure().lets("three or four words").put(1_000_000, true)
	a.put(3_000_000, false)
	a.quota(100_000) // less than it holds
	a.put(100_000, false)
	a.door(a.password, true)
	a.holds(1_000_000)
	a.uses(1_000_000)
	a.quota(provisioning.Unlimited)
	a.put(1_000_000, true)
	a.quota(50_000_000)
	a.put(1_000_000, true)
	a.holds(3_000_000)
	a.uses(3_000_000)
}

func testCredential(a *account) {
	a.ensure()
	if !a.keyed() {
		a.fails(a.Port.SetCredential(a.ctx(), a.Ref, hashed(a, "three or four words")), fault.Unsupported)
		return
	}
	for _, password := range []string{"", "three or four words", string(a.Login), string(a.Account)} {
		a.door(password, false) // nobody has one yet
	}
	for _, password := range []string{"three or four words", "drei  oder vier Wörter: ñ€🔑", `'" OR 1=1 --\%$&<>{}`, long(71)} {
		a.lets(password)
		a.door(password, true)
		a.door(password+"!", false)
		a.door("!"+password, false)
		a.door("", false)
	}
	if a.LogIn(a, "x"+string(a.Login), a.password) || a.LogIn(a, a.Login.Local(), a.password) {
		a.Error("a password opens another account")
	}
	if !a.LogIn(a, strings.ToUpper(string(a.Login[:1]))+string(a.Login[1:]), a.password) {
		a.Error("a telephone that begins the login with a capital is kept out")
	}
}

func testBadCredential(a *account) {
	if !a.keyed() {
		return
	}
	a.ensure().lets("three or four words")
	good := hashed(a, "another one of four")
	a.fails(a.Port.SetCredential(a.ctx(), a.Ref, provisioning.Credential{Scheme: "ROT13", Hash: good.Hash}), fault.Unsupported)
	a.fails(a.Port.SetCredential(a.ctx(), a.Ref, provisioning.Credential{Hash: good.Hash}), fault.Unsupported, fault.Invalid)
	bad := []string{"", "another one of four", "{PLAIN}another one of four", good.Hash + "\n", good.Hash[:20]}
	as := scheme
	if slices.Contains(a.able().Schemes, provisioning.Plain) {
		as, bad = provisioning.Plain, bad[:1]
		a.fails(a.Port.SetCredential(a.ctx(), a.Ref, good), fault.Unsupported)
	}
	for _, hash := range bad {
		a.fails(a.Port.SetCredential(a.ctx(), a.Ref, provisioning.Credential{Scheme: as, Hash: hash}), fault.Invalid)
	}
	a.door("", false)
	a.door("another one of four", false)
	a.door("three or four words", true)
}

func testReplaced(a *account) {
	a.ensure().lets("three or four words")
	a.door("three or four words", true)
	a.lets("another one of four")
	a.door("three or four words", false)
	a.door("another one of four", true)
	a.lets("another one of four")
	a.door("another one of four", true)
	a.ensure()
	a.quota(60_000_000)
	a.door("another one of four", true)
}

func testSuspend(a *account) {
	a.ensure().lets("three or four words").put(10_000, true)
	a.door(a.password, true)
	if !a.suspend() {
		return
	}
	a.door(a.password, false)
	a.uses(10_000)
	a.suspend()
	a.quota(60_000_000)
	a.ensure() // as it is wanted: suspended
	a.door(a.password, false)
	a.resume()
	a.door(a.password, true)
	a.door("something else", false)
	a.holds(10_000)
	a.put(10_000, true)
	a.resume()
	a.uses(20_000)
}

func testSuspendedCredential(a *account) {
	a.ensure().lets("three or four words")
	if !a.suspend() {
		return
	}
	a.lets("another one of four")
	a.door("another one of four", false)
	a.resume()
	a.door("three or four words", false)
	a.door("another one of four", true)
}

func testEnsureSuspended(a *account) {
	if !a.able().Suspends {
		return
	}
	a.Access = provisioning.Suspended
	if _, err := a.Port.Ensure(a.ctx(), a.later()); err != nil {
		a.Fatal(err)
	}
	a.suspend() // which a plan has follow
	a.lets("three or four words")
	a.door(a.password, false)
	a.resume()
	a.door(a.password, true)
}

func testDelete(a *account) {
	a.ensure().lets("three or four words").put(10_000, true)
	a.door(a.password, true)
	a.delete()
	a.door(a.password, false)
	a.delete()

	next := a.rival() // somebody else's, by a wish that is older than the last deletion
	next.Revision = a.Revision - 1
	next.see(next.Port.Ensure(next.ctx(), next.Desired))
	next.door(a.password, false)
	next.uses(0)
	next.lets("another one of four")
	next.holds(0)
	next.door(a.password, false)

	if _, err := a.Port.Delete(a.ctx(), a.later()); err == nil {
		a.Error("what is somebody else's by now was deleted")
	} else {
		a.fails(err, fault.Conflict)
	}
	next.compare("afterwards", next.observe())
	next.delete()
	a.Access = provisioning.Active
	a.ensure().uses(0) // it comes back, with nothing in it
	a.door(a.password, false)
}

func testDeleteSuspended(a *account) {
	a.ensure().lets("three or four words")
	a.suspend()
	a.delete()
	a.Access = provisioning.Active
	a.ensure()
	a.door(a.password, false)
	a.lets("three or four words")
	a.door(a.password, true)
}

// refuses has all that changes an account fail for one that is not ours.
func (a *account) refuses() {
	a.Helper()
	was := a.observe()
	if !was.Exists || was.Account == a.Account {
		a.Fatalf("%s is %s", a.Login, show(was))
	}
	for _, do := range a.changes() {
		a.Quota = 1_000_000
		_, err := do(a.ctx(), a.later())
		a.fails(err, fault.Conflict)
		a.unchanged(was)
	}
}

func testForeign(a *account) {
	a.Foreign(a, a.Login)
	if is := a.observe(); is.Account != "" || is.Ref != a.Ref {
		a.Errorf("what an administrator made is %s of %v", show(is), is.Ref)
	}
	a.refuses()
	if a.keyed() {
		a.fails(a.Port.SetCredential(a.ctx(), a.Ref, a.credential("three or four words")), fault.Conflict)
	}
	a.door("three or four words", false)
}

func testOtherMark(a *account) {
	a.ensure().lets("three or four words").put(10_000, true)
	a.rival().refuses()
	a.door(a.password, true)
	a.holds(10_000)
}

// listed lists all accounts, in pages of some size.
func (a *account) listed(limit int) map[provisioning.Login]provisioning.Observed {
	a.Helper()
	all := map[provisioning.Login]provisioning.Observed{}
	cursor := ""
	for {
		cursor = a.page(all, cursor, limit)
		if cursor == "" {
			return all
		}
	}
}

// page adds a page of the list, and returns where the next begins.
func (a *account) page(all map[provisioning.Login]provisioning.Observed, cursor string, limit int) string {
	a.Helper()
	page, err := a.Port.List(a.ctx(), cursor, limit)
	if err != nil {
		a.Fatal(err)
	}
	if len(page.Accounts) > limit || page.Next != "" && page.Next == cursor {
		a.Fatalf("%d accounts in a page of %d; after %q comes %q", len(page.Accounts), limit, cursor, page.Next)
	}
	for _, is := range page.Accounts {
		if _, twice := all[is.Login]; twice {
			a.Errorf("%s is listed twice", is.Login)
		}
		if !is.Exists || is.Service != a.Service {
			a.Errorf("listed is %v: %s", is.Ref, show(is))
		}
		all[is.Login] = is
	}
	return page.Next
}

func testList(a *account) {
	if !a.able().Lists {
		_, err := a.Port.List(a.ctx(), "", 10)
		a.fails(err, fault.Unsupported)
		return
	}
	ours := []*account{a.ensure()}
	for range 4 {
		ours = append(ours, a.account(a).ensure())
	}
	ours[1].suspend()
	ours[2].quota(provisioning.Unlimited)
	gone := a.account(a).ensure()
	gone.delete()
	foreign := a.account(a)
	a.Foreign(a, foreign.Login)

	for _, limit := range []int{1, 2, 3, 7, 1000} {
		all := a.listed(limit)
		for _, one := range ours {
			one.compare(fmt.Sprintf("listed by %d", limit), all[one.Login])
		}
		if is, there := all[foreign.Login]; !there || is.Account != "" {
			a.Errorf("by %d: somebody else's is listed %v, marked %q", limit, there, is.Account)
		}
		if is, there := all[gone.Login]; there {
			a.Errorf("by %d: what was deleted is %s", limit, show(is))
		}
	}
	for _, limit := range []int{0, -1} {
		_, err := a.Port.List(a.ctx(), "", limit)
		a.fails(err, fault.Invalid)
	}
}

func testListChanges(a *account) {
	if !a.able().Lists {
		return
	}
	var ours []*account
	for range 6 {
		ours = append(ours, a.account(a).ensure())
	}
	all := map[provisioning.Login]provisioning.Observed{}
	gone := map[provisioning.Login]bool{}
	cursor := a.page(all, "", 2)
	for cursor != "" {
		for _, one := range ours { // one that has been listed goes, and one comes
			if _, there := all[one.Login]; there && !gone[one.Login] {
				one.delete()
				gone[one.Login] = true
				a.account(a).ensure()
				break
			}
		}
		cursor = a.page(all, cursor, 2)
	}
	for _, one := range ours {
		if _, there := all[one.Login]; !there {
			a.Errorf("%s was there all the time, and is not listed", one.Login)
		}
	}
}

func testUsage(a *account) {
	other, none := a.account(a), a.account(a)
	refs := []provisioning.Ref{a.Ref, none.Ref, other.Ref}
	if !a.able().Usage {
		_, err := a.Port.Usage(a.ctx(), refs)
		a.fails(err, fault.Unsupported)
		return
	}
	a.ensure().uses(0)
	a.lets("three or four words").put(100_000, true)
	other.ensure().lets("another one of four").put(300_000, true)
	a.uses(100_000)
	other.uses(300_000)
	all, err := a.Port.Usage(a.ctx(), refs)
	if err != nil || len(all) != 2 {
		a.Fatalf("of two that are there: %v, %v", all, err)
	}
	for _, is := range all {
		if is.Ref == none.Ref || !is.Exists || is.Used == nil {
			a.Errorf("usage of %v: %s", is.Ref, show(is))
		}
	}
	if all, err := a.Port.Usage(a.ctx(), nil); err != nil || len(all) > 0 {
		a.Errorf("of none: %v, %v", all, err)
	}
}

func testInvalid(a *account) {
	for _, w := range []domain.Service{domain.Mail, domain.Storage, ""} {
		if w == a.Service {
			continue
		}
		b := *a
		b.Service = w
		b.senseless()
	}
	b := *a
	b.Login = ""
	b.senseless()
	for _, quota := range []domain.Bytes{-2, -1 << 62} {
		a.Quota = quota
		for _, do := range a.changes()[1:3] {
			_, err := do(a.ctx(), a.later())
			a.fails(err, fault.Invalid)
		}
	}
	a.Quota = 1_000_000
	unmarked := a.later()
	unmarked.Account = ""
	_, err := a.Port.Ensure(a.ctx(), unmarked)
	a.fails(err, fault.Invalid)
	a.Access = provisioning.Absent
	_, err = a.Port.Ensure(a.ctx(), a.later())
	a.fails(err, fault.Invalid)
	a.compare("afterwards", a.observe())
}

// senseless has all that concerns an account fail.
func (a *account) senseless() {
	a.Helper()
	_, err := a.Port.Observe(a.ctx(), a.Ref)
	a.fails(err, fault.Invalid)
	for _, do := range a.changes() {
		_, err := do(a.ctx(), a.later())
		a.fails(err, fault.Invalid)
	}
	if a.keyed() {
		a.fails(a.Port.SetCredential(a.ctx(), a.Ref, a.credential("three or four words")), fault.Invalid)
	}
}

func testLogins(a *account) {
	n := number.Add(1)
	most := 64 // of the local part
	if a.MaxLogin > 0 {
		most = min(most, a.MaxLogin-len("@"+a.Domain))
		tooLong := a.named(a, provisioning.Login(long(most+1)+"@"+a.Domain))
		_, err := a.Port.Ensure(a.ctx(), tooLong.Desired)
		a.fails(err, fault.Invalid)
	}
	for _, local := range []string{
		fmt.Sprint(n), fmt.Sprintf("a_b-c.9_%d", n), fmt.Sprintf("null-%d", n), fmt.Sprintf("con.%d", n),
		fmt.Sprintf("%d%s", n, long(most-len(fmt.Sprint(n)))),
	} {
		login, err := provisioning.ParseLogin(local + "@" + a.Domain)
		if err != nil {
			a.Fatal(err)
		}
		b := a.named(a, login).ensure().lets("three or four words")
		b.door(b.password, true)
		b.put(10_000, true)
		b.holds(10_000)
		b.suspend()
		b.delete()
	}
	// A sign in one name is not a pattern for another.
	like := a.named(a, provisioning.Login(fmt.Sprintf("b_b-%d@%s", n, a.Domain))).ensure().lets("three or four words")
	other := a.named(a, provisioning.Login(fmt.Sprintf("bxb-%d@%s", n, a.Domain))).ensure().lets("another one of four")
	like.quota(60_000_000)
	like.suspend()
	like.delete()
	other.compare("afterwards", other.observe())
	other.door(other.password, true)
}

func testCapitals(a *account) {
	a.ensure()
	was := a.observe()
	big := a.named(a, provisioning.Login(strings.ToUpper(string(a.Login))))
	_, err := big.Port.Ensure(a.ctx(), big.Desired)
	a.fails(err, fault.Invalid, fault.Conflict)
	a.unchanged(was)
	if a.able().Lists {
		if _, there := a.listed(100)[big.Login]; there {
			a.Errorf("there is %s beside %s", big.Login, a.Login)
		}
	}
}

func testOvertaken(a *account) {
	a.ensure()
	early := a.later()
	late := a.later()
	late.Quota = 60_000_000
	a.see(a.set(late))
	if !a.Ordered {
		return
	}
	early.Quota = 20_000_000
	for _, do := range a.changes() {
		_, err := do(a.ctx(), early)
		a.passes(err) // what is wanted is read again
		a.compare("afterwards", a.observe())
	}
	a.see(a.set(late)) // the same again is no earlier one

	early = a.later()
	a.delete()
	_, err := a.Port.Ensure(a.ctx(), early)
	a.passes(err)
	a.compare("afterwards", a.observe())
}

func (a *account) set(w provisioning.Desired) (provisioning.Observed, error) {
	a.Desired = w
	return a.Port.SetQuota(a.ctx(), w)
}

func testCancelled(a *account) {
	b := a.account(a)
	a.ensure().lets("three or four words")
	was := a.observe()
	ctx, cancel := context.WithCancel(a.ctx())
	cancel()
	stopped := func(what string, err error) {
		a.Helper()
		if !errors.Is(err, context.Canceled) {
			a.Errorf("%s: %v, want it to say that it was cancelled", what, err)
		}
		a.passes(err)
	}
	stopped("check", a.Port.Check(ctx))
	_, err := a.Port.Observe(ctx, a.Ref)
	stopped("observe", err)
	_, err = b.Port.Ensure(ctx, b.later())
	stopped("ensure", err)
	a.Quota = 1_000_000
	_, err = a.Port.SetQuota(ctx, a.later())
	stopped("set a quota", err)
	if a.able().Suspends {
		_, err = a.Port.Suspend(ctx, a.later())
		stopped("suspend", err)
		_, err = a.Port.Resume(ctx, a.later())
		stopped("resume", err)
	}
	_, err = a.Port.Delete(ctx, a.later())
	stopped("delete", err)
	if a.keyed() {
		stopped("set a password", a.Port.SetCredential(ctx, a.Ref, a.credential("another one of four")))
	}
	if a.able().Lists {
		_, err = a.Port.List(ctx, "", 10)
		stopped("list", err)
	}
	if a.able().Usage {
		_, err = a.Port.Usage(ctx, []provisioning.Ref{a.Ref})
		stopped("usage", err)
	}
	a.unchanged(was)
	a.door("another one of four", false)
	a.door("three or four words", true)
	b.Access = provisioning.Absent
	b.compare("afterwards", b.observe())
}

// atOnce calls a function n times at once, or as often at once as the service lets
// itself be worked on, and returns the errors by the number of the call.
func (a *account) atOnce(n int, do func(i int) error) []error {
	errs := make([]error, n)
	slots := make(chan struct{}, n)
	if p := a.able().Parallel; p > 0 && p < n {
		slots = make(chan struct{}, p)
	}
	start := make(chan struct{}) // when all are there: or the first might be done before the second comes
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			slots <- struct{}{}
			errs[i] = do(i)
			<-slots
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func (a *account) done(errs []error) {
	a.Helper()
	if err := errors.Join(errs...); err != nil {
		a.Fatal(err)
	}
}

func testOneAtOnce(a *account) {
	a.done(a.atOnce(12, func(int) error {
		is, err := a.Port.Ensure(a.ctx(), a.Desired)
		if err == nil && (!is.Exists || is.Account != a.Account) {
			err = fmt.Errorf("ensured is %s", show(is))
		}
		return err
	}))
	a.compare("afterwards", a.observe())
	if a.able().Lists {
		a.compare("listed", a.listed(100)[a.Login])
	}
	a.Access = provisioning.Absent
	a.done(a.atOnce(12, func(int) error {
		_, err := a.Port.Delete(a.ctx(), a.Desired)
		return err
	}))
	a.compare("afterwards", a.observe())
}

func testMarksAtOnce(a *account) {
	all := []*account{a}
	for range 7 {
		all = append(all, a.rival())
	}
	errs := a.atOnce(len(all), func(i int) error {
		_, err := all[i].Port.Ensure(a.ctx(), all[i].Desired)
		return err
	})
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
			all[i].compare("afterwards", all[i].observe())
		} else {
			a.fails(err, fault.Conflict)
		}
	}
	if won != 1 {
		a.Errorf("%d accounts have one login", won)
	}
}

func testWishesAtOnce(a *account) {
	a.ensure()
	wishes := make([]provisioning.Desired, 12)
	for i := range wishes {
		wishes[i] = a.later()
		wishes[i].Quota = domain.Bytes(i+1) * 10_000_000
	}
	last := len(wishes) - 1
	for i, err := range a.atOnce(len(wishes), func(i int) error {
		_, err := a.Port.SetQuota(a.ctx(), wishes[i])
		return err
	}) {
		switch {
		case err != nil && (i == last || !a.Ordered && fault.CodeOf(err) != "stale"):
			a.Error(err)
		case err != nil:
			a.passes(err) // overtaken
		}
	}
	is := a.observe()
	as := func(w provisioning.Desired) bool {
		steps, err := provisioning.Plan(w, is, a.able())
		return err == nil && len(steps) == 0
	}
	if a.Ordered && !as(wishes[last]) || !slices.ContainsFunc(wishes, as) {
		a.Errorf("it is as none wanted it: %s", show(is))
	}
}

func testManyAtOnce(a *account) {
	all := make([]*account, 24)
	for i := range all {
		all[i] = a.account(a)
	}
	a.done(a.atOnce(len(all), func(i int) error {
		one := all[i]
		_, err := a.Port.Ensure(a.ctx(), one.Desired)
		if err == nil && i%2 == 0 && a.able().Suspends {
			one.Access = provisioning.Suspended
			_, err = a.Port.Suspend(a.ctx(), one.later())
		}
		if err == nil {
			one.Quota += domain.Bytes(i) * 1_000_000
			_, err = a.Port.SetQuota(a.ctx(), one.later())
		}
		if err == nil && i%3 == 0 {
			one.Access = provisioning.Absent
			_, err = a.Port.Delete(a.ctx(), one.later())
		}
		return err
	}))
	for _, one := range all {
		one.compare("afterwards", one.observe())
	}
}

func testOutage(a *account) {
	if a.Outage == nil {
		return
	}
	b := a.account(a)
	a.ensure().lets("three or four words").put(10_000, true)
	restore := sync.OnceFunc(a.Outage(a))
	defer restore()
	a.passes(a.Port.Check(a.ctx()))
	_, err := a.Port.Observe(a.ctx(), a.Ref)
	a.passes(err)
	_, err = b.Port.Ensure(a.ctx(), b.later())
	a.passes(err)
	a.Quota = 60_000_000
	_, err = a.Port.SetQuota(a.ctx(), a.later())
	a.passes(err)
	if a.keyed() {
		a.passes(a.Port.SetCredential(a.ctx(), a.Ref, a.credential("another one of four")))
	}
	_, err = a.Port.Delete(a.ctx(), b.later())
	a.passes(err)
	if a.able().Lists {
		_, err = a.Port.List(a.ctx(), "", 10)
		a.passes(err)
	}
	restore()
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := a.Port.Check(a.ctx())
		if err == nil {
			break
		}
		if time.Since(start) > patience {
			a.Fatalf("the service is back, and still: %v", err)
		}
	}
	a.quota(60_000_000)
	b.ensure()
	a.door("three or four words", true)
	a.holds(10_000)
}

func testTroubles(a *account) {
	a.ensure().lets("three or four words")
	for _, trouble := range a.Troubles {
		b, c := a.account(a), a.account(a).ensure()
		meets := func(what string, err error) {
			a.Helper()
			if err == nil && trouble.Happens {
				return
			}
			if class, ambiguous := fault.ClassOf(err); class != trouble.Class || ambiguous != trouble.Ambiguous || !sorted(err) {
				a.Errorf("%s: %s fails with %q, ambiguous %v (%v); want %q, %v", trouble.Name, what, class, ambiguous, err, trouble.Class, trouble.Ambiguous)
			}
		}
		end := sync.OnceFunc(trouble.Begin(a))
		a.Cleanup(end)
		_, err := b.Port.Ensure(b.ctx(), b.later())
		meets("ensure", err)
		a.Quota += 10_000_000
		_, err = a.Port.SetQuota(a.ctx(), a.later())
		meets("set a quota", err)
		if a.able().Suspends {
			c.Access = provisioning.Suspended
			_, err = c.Port.Suspend(c.ctx(), c.later())
			meets("suspend", err)
		}
		c.Access = provisioning.Absent
		_, err = c.Port.Delete(c.ctx(), c.later())
		meets("delete", err)
		end()
		b.ensure()
		a.quota(a.Quota)
		c.delete()
		a.door("three or four words", true)
	}
}

func testInbound(a *account) {
	at, ok := a.Port.(receiver)
	if !a.able().Inbound {
		if ok {
			_, err := at.SetInbound(a.ctx(), a.Desired)
			a.fails(err, fault.Unsupported)
		}
		return
	}
	if !ok {
		a.Fatal("it can, and has no port for it")
	}
	a.ensure().lets("three or four words")
	for _, inbound := range []provisioning.Inbound{
		provisioning.Defer, provisioning.Defer, provisioning.Reject, provisioning.Accept, provisioning.Reject, "",
	} {
		a.Inbound = inbound
		a.see(at.SetInbound(a.ctx(), a.later()))
		a.door(a.password, true)
		if a.Receives != nil {
			if is, want := a.Receives(a, a.Login), cmp.Or(inbound, provisioning.Accept); is != want {
				a.Errorf("mail is %q, want %q", is, want)
			}
		}
	}
	a.Inbound = "elsewhere"
	_, err := at.SetInbound(a.ctx(), a.later())
	a.fails(err, fault.Invalid)
	a.Inbound = provisioning.Accept
	a.compare("afterwards", a.observe())
	a.delete()

	a.Access, a.Inbound = provisioning.Active, provisioning.Reject
	if _, err := a.Port.Ensure(a.ctx(), a.later()); err != nil {
		a.Fatal(err)
	}
	a.see(at.SetInbound(a.ctx(), a.later())) // which a plan has follow
}

func testAliases(a *account) {
	at, ok := a.Port.(aliaser)
	if !a.able().Aliases {
		if ok {
			_, err := at.SetAliases(a.ctx(), a.Desired)
			a.fails(err, fault.Unsupported)
		}
		return
	}
	if !ok {
		a.Fatal("it can, and has no port for it")
	}
	one, two, other := a.account(a).Login, a.account(a).Login, a.account(a).ensure()
	a.ensure()
	for _, aliases := range [][]provisioning.Login{{one}, {two, one}, {one, two}, {two}, {}, {one}} {
		a.Aliases = aliases
		a.see(at.SetAliases(a.ctx(), a.later()))
		if a.Receives == nil {
			continue
		}
		for _, address := range []provisioning.Login{a.Login, one, two} {
			want := provisioning.Reject
			if address == a.Login || slices.Contains(aliases, address) {
				want = provisioning.Accept
			}
			if is := a.Receives(a, address); is != want {
				a.Errorf("with aliases %q, mail for %s is %q", aliases, address, is)
			}
		}
	}
	was := a.observe()
	for _, taken := range []provisioning.Login{other.Login, a.Login} {
		a.Aliases = []provisioning.Login{two, taken}
		_, err := at.SetAliases(a.ctx(), a.later())
		a.fails(err, fault.Conflict, fault.Invalid)
		a.unchanged(was)
	}
	other.Aliases = []provisioning.Login{one}
	_, err := at.SetAliases(a.ctx(), other.later())
	a.fails(err, fault.Conflict)
	squatter := a.named(a, one) // an account under what is an alias already
	_, err = a.Port.Ensure(a.ctx(), squatter.Desired)
	a.fails(err, fault.Conflict)
	squatter.delete() // whoever remembers what is wanted forgets it

	a.delete()
	other.see(at.SetAliases(a.ctx(), other.later())) // it is free again
}

func testApps(a *account) {
	at, ok := a.Port.(switcher)
	apps := a.able().Apps
	if len(apps) == 0 {
		if ok {
			_, err := at.SetApps(a.ctx(), a.Desired)
			a.fails(err, fault.Unsupported)
		}
		return
	}
	if !ok {
		a.Fatal("it can, and has no port for it")
	}
	a.Apps = apps[:1]
	if _, err := a.Port.Ensure(a.ctx(), a.later()); err != nil {
		a.Fatal(err)
	}
	for _, some := range [][]domain.Service{apps[:1], apps, apps[1:], {}, append(slices.Clone(apps), "no app of it"), {}} {
		a.Apps = some
		a.see(at.SetApps(a.ctx(), a.later()))
	}
}

func testSessions(a *account) {
	at, ok := a.Port.(closer)
	if !a.able().Sessions {
		if ok {
			a.fails(at.CloseSessions(a.ctx(), a.Ref), fault.Unsupported)
		}
		return
	}
	if !ok {
		a.Fatal("it can, and has no port for it")
	}
	a.passes(at.CloseSessions(a.ctx(), a.Ref)) // nobody is there yet
	a.ensure().lets("three or four words")
	if err := at.CloseSessions(a.ctx(), a.Ref); err != nil {
		a.Error(err)
	}
	foreign := a.account(a)
	a.Foreign(a, foreign.Login)
	a.fails(at.CloseSessions(a.ctx(), foreign.Ref), fault.Conflict)
	if a.Session == nil {
		return
	}
	other := a.account(a).ensure().lets("another one of four")
	others := a.Session(a, other.Login, other.password)
	alive := a.Session(a, a.Login, a.password)
	if !alive() {
		a.Fatal("a session has ended by itself")
	}
	if err := at.CloseSessions(a.ctx(), a.Ref); err != nil {
		a.Fatal(err)
	}
	a.eventually("a session is ended", func() bool { return !alive() })
	alive = a.Session(a, a.Login, a.password)
	a.suspend()
	a.eventually("a session is ended by suspending", func() bool { return !alive() })
	if !others() {
		a.Error("a session of somebody else is ended")
	}
}

func testPurge(a *account) {
	at, ok := a.Port.(purger)
	if !a.able().Purges {
		if ok {
			a.fails(at.Purge(a.ctx(), a.Desired), fault.Unsupported)
		}
		return
	}
	if !ok {
		a.Fatal("it can, and has no port for it")
	}
	a.ensure().lets("three or four words").put(10_000, true)
	a.fails(at.Purge(a.ctx(), a.Desired), fault.Invalid)
	a.holds(10_000)
	a.delete()
	next := a.rival().ensure().lets("another one of four")
	next.put(10_000, true)
	a.eventually("all of it is removed", func() bool {
		if a.Tidy != nil {
			a.Tidy(a)
		}
		err := at.Purge(a.ctx(), a.later())
		if err != nil && fault.CodeOf(err) != "purging" {
			a.Fatal(err)
		}
		return err == nil
	})
	if err := at.Purge(a.ctx(), a.later()); err != nil {
		a.Error(err)
	}
	next.holds(10_000)
	next.door("another one of four", true)
}

// eventually waits until something is so.
func (a *account) eventually(what string, so func() bool) {
	a.Helper()
	for start := time.Now(); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > patience {
			a.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// sorted reports whether an error says itself of what class it is.
func sorted(err error) bool {
	_, ok := errors.AsType[*fault.Error](err)
	return ok
}
