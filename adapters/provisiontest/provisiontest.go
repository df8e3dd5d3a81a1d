// Package provisiontest is the contract of services on which accounts are
// provisioned, as tests. Every adapter passes them against the real service.
package provisiontest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// Provisioner is the port as the processes declare it, which adapters do not import.
type Provisioner interface {
	Capabilities() provisioning.Capabilities
	Check(ctx context.Context) error
	Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error)
	Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	SetQuota(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	Suspend(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	Resume(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	SetCredential(ctx context.Context, ref provisioning.Ref, c provisioning.Credential) error
	List(ctx context.Context, cursor string, limit int) (provisioning.Page, error)
	Usage(ctx context.Context, refs []provisioning.Ref) ([]provisioning.Observed, error)
}

// The further ports, of services whose capabilities say that they have them.
type (
	receiver interface {
		SetInbound(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	}
	aliaser interface {
		SetAliases(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	}
	switcher interface {
		SetApps(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	}
	closer interface {
		CloseSessions(ctx context.Context, ref provisioning.Ref) error
	}
	purger interface {
		Purge(ctx context.Context, want provisioning.Desired) error
	}
)

// Trouble is one that a service can be made to have.
type Trouble struct {
	Name  string
	Begin func(testing.TB) (end func())
	// Class is that of what fails meanwhile, and Ambiguous whether a change says that
	// it may have happened. Happens is whether it does: then it need not fail.
	Class              fault.Class
	Ambiguous, Happens bool
}

// Fixture is a service that runs, and what only its adapter knows of it. The suite
// makes accounts of its own and leaves others alone, so that the service need not
// be empty.
type Fixture struct {
	Port   Provisioner
	Domain string // under which accounts can be made, like "example.org"

	// Foreign makes an account that does not bear our mark, past the port, as an
	// administrator of the service would.
	Foreign func(testing.TB, provisioning.Login)
	// LogIn reports whether the service lets somebody in who claims to be the holder
	// of an account, by its own protocol: it answers false where it refuses them, and
	// fails the test where it does not answer. The login is as a person types it.
	LogIn func(t testing.TB, login, password string) bool
	// Put brings so many bytes more into an account as they come in use, and reports
	// whether they were taken. It is given the password of the holder, who is let in.
	Put func(t testing.TB, login provisioning.Login, password string, size int) bool
	// Holds returns how many bytes its holder finds in an account, of those that
	// were put there.
	Holds func(t testing.TB, login provisioning.Login, password string) int

	// Ordered is whether the adapter refuses a wish that was overtaken by a later one.
	Ordered bool
	// MaxLogin is how long a login it takes, if that is less than a login may be.
	MaxLogin int
	// Outage takes the service away from the adapter and returns what gives it back;
	// nil where it cannot be taken away.
	Outage func(testing.TB) (restore func())
	// Troubles are others that it can be made to have.
	Troubles []Trouble
	// Session lets a holder in, and returns what tells whether they still are; nil
	// where nobody stays.
	Session func(t testing.TB, login provisioning.Login, password string) (alive func() bool)
	// Receives tells what becomes of mail that comes under an address; nil where none does.
	Receives func(t testing.TB, login provisioning.Login) provisioning.Inbound
	// Tidy has others remove what they are to remove of deleted accounts; nil where nobody is.
	Tidy func(testing.TB)
}

// promises are the contract. Each is kept on accounts of its own.
var promises = []struct {
	promise string
	keep    func(*account)
}{
	{"it says what it can, and can be reached", testCapabilities},
	{"what is not there is no error to look at, and is not changed", testAbsent},
	{"an account is made once", testEnsure},
	{"a quota is raised, lowered and lifted", testQuota},
	{"a quota holds, and throws nothing away", testQuotaHolds},
	{"the holder is let in by their password and no other", testCredential},
	{"a password that cannot be taken is refused", testBadCredential},
	{"a password is replaced", testReplaced},
	{"suspended, the holder is kept out and nothing is lost", testSuspend},
	{"a password may change while suspended", testSuspendedCredential},
	{"an account is made to be suspended", testEnsureSuspended},
	{"deleted, it is gone with its data, and its name is free", testDelete},
	{"a suspended account is deleted", testDeleteSuspended},
	{"an account that is not ours is left alone", testForeign},
	{"an account with another mark of ours is left alone", testOtherMark},
	{"all accounts are listed, page by page", testList},
	{"a list survives what happens meanwhile", testListChanges},
	{"usage is told of the accounts that are there", testUsage},
	{"what does not make sense is invalid", testInvalid},
	{"logins are taken as they are", testLogins},
	{"capitals make no other account", testCapitals},
	{"a wish that was overtaken changes nothing back", testOvertaken},
	{"what is cancelled does nothing", testCancelled},
	{"many at once make one account", testOneAtOnce},
	{"of two marks at once one wins", testMarksAtOnce},
	{"wishes at once leave an account as one of them has it", testWishesAtOnce},
	{"many accounts are worked on at once", testManyAtOnce},
	{"an outage is no lasting error, and passes", testOutage},
	{"a trouble is of its class, and passes", testTroubles},
	{"mail is deferred, rejected and taken again", testInbound},
	{"an account has the aliases that are wanted, and no others", testAliases},
	{"apps are switched on and off", testApps},
	{"sessions are ended", testSessions},
	{"of what is deleted nothing is left", testPurge},
}

// Run holds a service to the contract.
func Run(t *testing.T, f Fixture) {
	for _, p := range promises {
		t.Run(p.promise, func(t *testing.T) { p.keep(f.account(t)) })
	}
}

// number makes logins, marks and revisions of their own.
var number atomic.Int64

// account is one on which a promise is kept, and how it is wanted now.
type account struct {
	testing.TB
	Fixture
	provisioning.Desired
	password string
}

// account returns one that is not there yet.
func (f Fixture) account(t testing.TB) *account {
	n := number.Add(1)
	return f.named(t, provisioning.Login(fmt.Sprintf("anna.lee-%d@%s", n, f.Domain)))
}

func (f Fixture) named(t testing.TB, login provisioning.Login) *account {
	n := number.Add(1)
	return &account{TB: t, Fixture: f, Desired: provisioning.Desired{
		Ref:     provisioning.Ref{Service: f.Port.Capabilities().Service, Login: login},
		Account: domain.AccountID(fmt.Sprintf("account-%d", n)), Revision: n, Access: provisioning.Active, Quota: 50_000_000,
	}}
}

// rival returns another account that is wanted under the same login.
func (a *account) rival() *account { return a.named(a, a.Login) }

func (a *account) ctx() context.Context { return a.Context() }

// able reports what the service can do.
func (a *account) able() provisioning.Capabilities { return a.Port.Capabilities() }

// ensure, quota, suspend, resume and delete have the account changed, and see it
// changed.

func (a *account) ensure() *account {
	a.Helper()
	a.see(a.Port.Ensure(a.ctx(), a.later()))
	return a
}

func (a *account) quota(n domain.Bytes) {
	a.Helper()
	a.Quota = n
	a.see(a.Port.SetQuota(a.ctx(), a.later()))
}

// suspend reports whether the service can.
func (a *account) suspend() bool {
	a.Helper()
	a.Access = provisioning.Suspended
	is, err := a.Port.Suspend(a.ctx(), a.later())
	if !a.able().Suspends {
		a.fails(err, fault.Unsupported)
		a.Access = provisioning.Active
		return false
	}
	a.see(is, err)
	return true
}

func (a *account) resume() {
	a.Helper()
	a.Access = provisioning.Active
	a.see(a.Port.Resume(a.ctx(), a.later()))
}

func (a *account) delete() {
	a.Helper()
	a.Access = provisioning.Absent
	a.see(a.Port.Delete(a.ctx(), a.later()))
}

// later returns the wish as one that comes after all so far.
func (a *account) later() provisioning.Desired {
	a.Revision = number.Add(1)
	return a.Desired
}

// see compares what a change read back, and what is seen when one looks again,
// with what is wanted.
func (a *account) see(is provisioning.Observed, err error) {
	a.Helper()
	if err != nil {
		a.Fatalf("%s is wanted %s, %d bytes: %v", a.Login, a.Access, a.Quota, err)
	}
	a.compare("read back", is)
	a.compare("looked at", a.observe())
}

func (a *account) observe() provisioning.Observed {
	a.Helper()
	is, err := a.Port.Observe(a.ctx(), a.Ref)
	if err != nil {
		a.Fatalf("observe %s: %v", a.Login, err)
	}
	return is
}

func (a *account) compare(how string, is provisioning.Observed) {
	a.Helper()
	if is.Ref != a.Ref {
		a.Errorf("%s: %v, want %v", how, is.Ref, a.Ref)
	}
	if is.At.IsZero() || is.At.Location() != time.UTC {
		a.Errorf("%s: at %v, which is no instant of UTC", how, is.At)
	}
	if a.Access == provisioning.Absent {
		if is.Exists || is.Account != "" || is.Access != nil || is.Quota != nil || is.Used != nil {
			a.Errorf("%s: %+v of what is not there", how, is)
		}
		return
	}
	if !is.Exists || is.Account != a.Account {
		a.Fatalf("%s: exists %v, of %q; want an account of %q", how, is.Exists, is.Account, a.Account)
	}
	if steps, err := provisioning.Plan(a.Desired, is, a.able()); err != nil || len(steps) > 0 {
		a.Errorf("%s: %v; there is still %v to do, %v", how, show(is), steps, err)
	}
	if can := a.able(); can.Inbound && is.Inbound == nil || can.Aliases && is.Aliases == nil || len(can.Apps) > 0 && is.Apps == nil {
		a.Errorf("%s: it can do more than it can say it has: %+v", how, is)
	}
	if a.able().Suspends && is.Access == nil {
		a.Errorf("%s: it can suspend, and cannot say whether it has", how)
	}
}

func show(is provisioning.Observed) string {
	text := fmt.Sprintf("exists %v, of %q", is.Exists, is.Account)
	if is.Access != nil {
		text += ", " + string(*is.Access)
	}
	if is.Quota != nil {
		text += fmt.Sprintf(", quota %d", *is.Quota)
	}
	if is.Used != nil {
		text += fmt.Sprintf(", used %d", *is.Used)
	}
	return text
}

// unchanged fails the test unless the account is seen as it was.
func (a *account) unchanged(was provisioning.Observed) {
	a.Helper()
	if is := a.observe(); show(is) != show(was) {
		a.Errorf("%s is: %s\nit was: %s", a.Login, show(is), show(was))
	}
}

// fails fails the test unless an error is of one of some classes.
func (a *account) fails(err error, classes ...fault.Class) {
	a.Helper()
	class, _ := fault.ClassOf(err)
	for _, c := range classes {
		if class == c && sorted(err) {
			return
		}
	}
	a.Errorf("fails with %q (%v), want an error of class %q", class, err, classes)
}

// passes fails the test unless an error is of a class that a later attempt may mend.
func (a *account) passes(err error) {
	a.Helper()
	a.fails(err, fault.Transient, fault.Unavailable, fault.Throttled)
}

// keyed reports whether the service takes passwords.
func (a *account) keyed() bool { return len(a.able().Schemes) > 0 }

// credential returns a password in a scheme that the service takes.
func (a *account) credential(password string) provisioning.Credential {
	if slices.Contains(a.able().Schemes, provisioning.Plain) {
		return provisioning.Credential{Scheme: provisioning.Plain, Hash: password}
	}
	return hashed(a, password)
}

// lets gives the account a password and returns it.
func (a *account) lets(password string) *account {
	a.Helper()
	if !a.keyed() {
		return a
	}
	if err := a.Port.SetCredential(a.ctx(), a.Ref, a.credential(password)); err != nil {
		a.Fatalf("set the password of %s: %v", a.Login, err)
	}
	a.password = password
	return a
}

// scheme is the one in which the processes hash passwords: all adapters take it that
// take passwords hashed.
const scheme = "BLF-CRYPT"

// hashes are those of the passwords that were hashed already, which takes a while.
var hashes sync.Map

func hashed(t testing.TB, password string) provisioning.Credential {
	t.Helper()
	hash, done := hashes.Load(password)
	if !done {
		fresh, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		hash, _ = hashes.LoadOrStore(password, string(fresh))
	}
	return provisioning.Credential{Scheme: scheme, Hash: hash.(string)}
}

// door fails the test unless a password opens the account, or does not.
func (a *account) door(password string, opens bool) {
	a.Helper()
	if a.keyed() && a.LogIn(a, string(a.Login), password) != opens {
		a.Errorf("%s, by the password %q: let in is %v, want %v", a.Login, password, !opens, opens)
	}
}

func (a *account) put(size int, taken bool) {
	a.Helper()
	if a.Put(a, a.Login, a.password, size) != taken {
		a.Errorf("%d bytes more, of %s: taken is %v, want %v", size, show(a.observe()), !taken, taken)
	}
}

func (a *account) holds(size int) {
	a.Helper()
	if is := a.Holds(a, a.Login, a.password); is < size || is > size+size/2 {
		a.Errorf("%s holds %d bytes, want %d", a.Login, is, size)
	}
}

// uses waits until the service counts so many bytes, and up to half as many more
// that it adds itself.
func (a *account) uses(size domain.Bytes) {
	a.Helper()
	if !a.able().Usage {
		return
	}
	var used domain.Bytes
	for start := time.Now(); time.Since(start) < patience; time.Sleep(20 * time.Millisecond) {
		all, err := a.Port.Usage(a.ctx(), []provisioning.Ref{a.Ref})
		if err != nil || len(all) != 1 || all[0].Ref != a.Ref || all[0].Used == nil {
			a.Fatalf("usage of %s: %+v, %v", a.Login, all, err)
		}
		if used = *all[0].Used; used >= size && used <= size+size/2 {
			return
		}
	}
	a.Errorf("%s uses %d bytes, want %d", a.Login, used, size)
}

// patience is how long a service may take to come round.
var patience = time.Minute

func long(n int) string { return strings.Repeat("x", n) }
