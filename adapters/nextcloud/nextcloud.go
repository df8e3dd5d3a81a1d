// Package nextcloud keeps the accounts of a Nextcloud, by its OCS provisioning API
// (version 2), as version 31 was seen to answer.
//
// An account is ours by a group of its own, which is made with it and named after
// it. Apps are let be used by groups, to which the administrator restricts them. The
// members' passwords are Nextcloud's to hash, so that it is given them as they are.
//
// What is to be known of a Nextcloud, and is seen to here:
//   - It lets an administrator edit 50 accounts in 10 minutes. So an account is made
//     with its quota and groups at once, and edits beyond are told when to come back.
//   - After some wrong logins it lets nobody in from our address. So after the first
//     one nothing is asked, until there is another password.
//   - It makes accounts halfway, and says "error" after the effect: see package remote.
//   - It rounds quotas, from a gibibyte up to tenths: see [Reads]. They are sent in
//     bytes, since it takes "5 GiB" for 5 bytes.
//   - A disabled account is answered 503, as all are in maintenance: that is told by
//     a header.
package nextcloud

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/remote"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// Config is where a Nextcloud is, and how it is used.
type Config struct {
	URL  string // of its front page, like "https://cloud.example.org"
	User string // an administrator
	// Password returns their app password. It is asked for before each request, so
	// that it can be replaced.
	Password func() (string, error)
	// Service is the one of which its accounts are; empty: storage.
	Service domain.Service
	// Mark begins the names of the groups by which accounts are ours; empty: "rochdale".
	Mark string
	// Apps are the groups by which apps may be used.
	Apps map[domain.Service]string
	// Edits is how many accounts may be edited in ten minutes; 0: 50, and negative: as
	// many as one likes, because our address is on its allow-list.
	Edits int
	// Timeout is for one request; 0: a minute, since it may wait before it says no.
	Timeout time.Duration
	// Client does the requests; nil: one that follows no redirects.
	Client *http.Client
	Now    func() time.Time // nil: time.Now
}

const (
	editsAllowed  = 50
	editsWithin   = 10 * time.Minute
	maxGroup      = 64 // characters of the name of a group
	maxPage       = 500
	maxUserID     = 64 // characters
	unlimited     = -3
	parallel      = 4
	lockedOut     = 10 * time.Minute
	remembered    = 8 // accounts before the next page
	maxPassword   = 469
	defaultWithin = time.Minute
)

// Cloud is the accounts of a Nextcloud. Its methods may be called at once.
type Cloud struct {
	*remote.Accounts
	api   *api
	mark  string
	apps  map[domain.Service]string
	edits pace
	now   func() time.Time
}

// near reports whether a host is of this machine or of a network of one's own: of a private
// address (RFC 1918, RFC 4193), or of a name without a dot, such as containers give each other.
func near(host string) bool {
	if at, err := netip.ParseAddr(host); err == nil {
		return at.IsLoopback() || at.IsPrivate()
	}
	return !strings.Contains(host, ".")
}

// New returns the accounts of a Nextcloud, which is not asked anything yet.
func New(c Config) (*Cloud, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || c.User == "" || c.Password == nil {
		return nil, fmt.Errorf("nextcloud: at %q as %q: it takes the address of its front page, like https://cloud.example.org, an administrator and their app password", c.URL, c.User)
	}
	if u.Scheme == "http" && !near(u.Hostname()) {
		return nil, fmt.Errorf("nextcloud: at %q the administrator's password would cross the net in clear: give an address that begins with https://, or one of the network that both are in", c.URL)
	}
	n := &Cloud{mark: or(c.Mark, "rochdale"), apps: maps.Clone(c.Apps), now: c.Now}
	if n.now == nil {
		n.now = time.Now
	}
	n.edits = pace{most: c.Edits, within: editsWithin, due: map[string]time.Time{}}
	if c.Edits == 0 {
		n.edits.most = editsAllowed
	}
	n.api = &api{
		base: strings.TrimRight(c.URL, "/"), user: c.User, password: c.Password, client: c.Client, within: c.Timeout,
	}
	if n.api.within == 0 {
		n.api.within = defaultWithin
	}
	if n.api.client == nil {
		n.api.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	n.Accounts = remote.New("nextcloud", provisioning.Capabilities{
		Service: or(c.Service, domain.Storage), Reads: Reads, Suspends: true, Lists: true, Usage: true,
		Schemes: []string{provisioning.Plain}, Apps: slices.Sorted(maps.Keys(c.Apps)), Parallel: parallel,
		Patience: remote.Patience(n.api.within),
	}, n)
	return n, nil
}

func or[T ~string](value, otherwise T) T {
	if value == "" {
		return otherwise
	}
	return value
}

// Reads returns what Nextcloud reads back for a quota: it keeps it as a size for
// people to read, to the kibibyte and then to tenths of the larger units.
func Reads(quota domain.Bytes) domain.Bytes {
	const kibi = 1024
	if quota < kibi {
		return max(quota, provisioning.Unlimited)
	}
	size, unit := math.Round(float64(quota)/kibi), float64(kibi)
	for size >= kibi && unit < 1<<50 {
		size, unit = math.Round(size/kibi*10)/10, unit*kibi
	}
	return domain.Bytes(math.Round(size * unit))
}

// Check reports whether it is there, works, and lets us in as an administrator.
func (n *Cloud) Check(ctx context.Context) error {
	if err := n.Begin(ctx); err != nil {
		return err
	}
	var status struct{ Installed, Maintenance, NeedsDbUpgrade bool }
	if err := n.api.status(ctx, &status); err != nil {
		return err
	}
	if !status.Installed || status.Maintenance || status.NeedsDbUpgrade {
		return fault.New(fault.Unavailable, "maintenance", "nextcloud: it is in maintenance, or waits for an upgrade: %+v", status)
	}
	return n.api.do(ctx, http.MethodGet, "/cloud/users?limit=1", nil, nil)
}

// user is what it says of an account.
type user struct {
	ID      string   `json:"id"`
	Enabled bool     `json:"enabled"`
	Groups  []string `json:"groups"`
	Quota   struct {
		Quota number `json:"quota"`
		Used  number `json:"used"`
	} `json:"quota"`
}

// number is one that may be written in quotes, or as "none".
type number struct {
	value float64
	known bool
}

// UnmarshalJSON reads it.
func (n *number) UnmarshalJSON(text []byte) error {
	s := strings.Trim(string(text), `"`)
	switch s {
	case "null", "":
		return nil
	case "none":
		*n = number{unlimited, true}
		return nil
	}
	value, err := strconv.ParseFloat(s, 64)
	*n = number{value, err == nil}
	return err
}

// Look asks for an account.
func (n *Cloud) Look(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	var u user
	err := n.api.do(ctx, http.MethodGet, userPath(ref.Login), nil, &u)
	if fault.CodeOf(err) == missing {
		return provisioning.Observed{Ref: ref}, nil
	}
	if err != nil {
		return provisioning.Observed{Ref: ref}, err
	}
	is := n.observed(u)
	is.Ref = ref
	return is, nil
}

func userPath(login provisioning.Login) string {
	return "/cloud/users/" + url.PathEscape(string(login))
}

func (n *Cloud) observed(u user) provisioning.Observed {
	is := provisioning.Observed{
		Ref:    provisioning.Ref{Service: n.Capabilities().Service, Login: provisioning.Login(strings.ToLower(u.ID))},
		Exists: true, Access: new(provisioning.Suspended), Apps: []domain.Service{}, At: n.now().UTC(),
	}
	if u.Enabled {
		*is.Access = provisioning.Active
	}
	if q := u.Quota.Quota; q.known {
		is.Quota = new(domain.Bytes(q.value))
		if q.value < 0 {
			*is.Quota = provisioning.Unlimited
		}
	}
	if used := u.Quota.Used; used.known {
		is.Used = new(domain.Bytes(used.value))
	}
	for _, group := range u.Groups {
		if mark, ok := strings.CutPrefix(group, n.mark+":"); ok {
			is.Account = domain.AccountID(readable.Replace(mark))
		}
	}
	for _, app := range n.Capabilities().Apps {
		if slices.Contains(u.Groups, n.apps[app]) {
			is.Apps = append(is.Apps, app)
		}
	}
	return is
}

// Names of groups come in addresses, in which proxies often do not let a slash pass.
var (
	plain    = strings.NewReplacer("=", "=3D", "/", "=2F")
	readable = strings.NewReplacer("=3D", "=", "=2F", "/")
)

// group returns the name of the group by which an account is ours.
func (n *Cloud) group(account domain.AccountID) (string, error) {
	group := n.mark + ":" + plain.Replace(string(account))
	if len(group) > maxGroup {
		return "", fault.New(fault.Invalid, "", "nextcloud: the group %q, by which an account were ours: it takes %d characters", group, maxGroup)
	}
	return group, nil
}

// Take takes a step.
func (n *Cloud) Take(ctx context.Context, step provisioning.Step, want provisioning.Desired, is provisioning.Observed) error {
	path := userPath(want.Login)
	switch step {
	case provisioning.StepEnsure:
		if !is.Exists {
			return n.create(ctx, want)
		}
		return n.edit(ctx, want.Login, "quota", sent(want.Quota))
	case provisioning.StepQuota:
		return n.edit(ctx, want.Login, "quota", sent(want.Quota))
	case provisioning.StepSuspend: // which ends sessions, and keeps app passwords for later
		return n.api.do(ctx, http.MethodPut, path+"/disable", nil, nil)
	case provisioning.StepResume:
		return n.api.do(ctx, http.MethodPut, path+"/enable", nil, nil)
	case provisioning.StepApps:
		return n.switchApps(ctx, want, is)
	case provisioning.StepDelete:
		return n.delete(ctx, want)
	case provisioning.StepInbound, provisioning.StepAliases, provisioning.StepNone:
	}
	return fault.New(fault.Unsupported, "", "nextcloud: %s", step)
}

// sent is how a quota is sent.
func sent(quota domain.Bytes) string {
	if quota == provisioning.Unlimited {
		return "none"
	}
	return strconv.FormatInt(int64(quota), 10)
}

// create makes an account with all it shall have. One that Nextcloud leaves behind
// without its mark is known as ours by the password it was made with.
func (n *Cloud) create(ctx context.Context, want provisioning.Desired) error {
	if len(want.Login) > maxUserID {
		return fault.New(fault.Invalid, "", "nextcloud: the login of %s has more than %d characters", want.Account, maxUserID)
	}
	mark, err := n.group(want.Account)
	if err != nil {
		return err
	}
	groups := []string{mark}
	missing, _ := remote.Apps(n.Capabilities(), want.Apps, nil)
	for _, app := range missing {
		groups = append(groups, n.apps[app])
	}
	for _, group := range groups {
		if err := n.api.do(ctx, http.MethodPost, "/cloud/groups", url.Values{"groupid": {group}}, nil); err != nil && fault.CodeOf(err) != exists {
			return err
		}
	}
	password := rand.Text() + rand.Text()
	err = n.api.do(ctx, http.MethodPost, "/cloud/users", url.Values{
		"userid": {string(want.Login)}, "password": {password}, "quota": {sent(want.Quota)}, "groups[]": groups,
	}, nil)
	if err != nil {
		return n.adopt(ctx, want, mark, password, err)
	}
	if want.Access == provisioning.Suspended {
		return n.api.do(ctx, http.MethodPut, userPath(want.Login)+"/disable", nil, nil)
	}
	return nil
}

// adopt gives an account its mark that may have been made halfway: if it bears none,
// and its password is the one that was just drawn for it.
func (n *Cloud) adopt(ctx context.Context, want provisioning.Desired, mark, password string, failed error) error {
	class, ambiguous := fault.ClassOf(failed)
	if !ambiguous || class.Permanent() { // somebody else made one of that name: a wrong login would count against us
		return failed
	}
	is, err := n.Look(ctx, want.Ref)
	if err != nil || !is.Exists || is.Account != "" {
		return failed
	}
	if made, err := n.api.opens(ctx, string(want.Login), password); err != nil || !made {
		return failed
	}
	if err := n.api.do(ctx, http.MethodPost, userPath(want.Login)+"/groups", url.Values{"groupid": {mark}}, nil); err != nil {
		return err
	}
	return n.edit(ctx, want.Login, "quota", sent(want.Quota))
}

// edit changes one property of an account, when there is an edit left.
func (n *Cloud) edit(ctx context.Context, login provisioning.Login, key, value string) error {
	if wait := n.edits.take(string(login)+" "+key, n.now()); wait > 0 {
		return &fault.Error{
			Class: fault.Transient, RetryAfter: wait, Code: "paced",
			Err: fmt.Errorf("nextcloud: set %s: it lets %d accounts be edited in %v, and they were", key, n.edits.most, n.edits.within),
		}
	}
	return n.api.do(ctx, http.MethodPut, userPath(login), url.Values{"key": {key}, "value": {value}}, nil)
}

func (n *Cloud) switchApps(ctx context.Context, want provisioning.Desired, is provisioning.Observed) error {
	missing, surplus := remote.Apps(n.Capabilities(), want.Apps, is.Apps)
	for _, app := range missing {
		group := url.Values{"groupid": {n.apps[app]}}
		if err := n.api.do(ctx, http.MethodPost, "/cloud/groups", group, nil); err != nil && fault.CodeOf(err) != exists {
			return err
		}
		if err := n.api.do(ctx, http.MethodPost, userPath(want.Login)+"/groups", group, nil); err != nil {
			return err
		}
	}
	for _, app := range surplus {
		if err := n.api.do(ctx, http.MethodDelete, userPath(want.Login)+"/groups", url.Values{"groupid": {n.apps[app]}}, nil); err != nil {
			return err
		}
	}
	return nil
}

// delete removes an account with its files, and then the group that was its mark.
func (n *Cloud) delete(ctx context.Context, want provisioning.Desired) error {
	mark, err := n.group(want.Account)
	if err != nil {
		return err
	}
	if err := n.api.do(ctx, http.MethodDelete, userPath(want.Login), nil, nil); err != nil && fault.CodeOf(err) != missing {
		return err
	}
	if err := n.api.do(ctx, http.MethodDelete, "/cloud/groups/"+url.PathEscape(mark), nil, nil); err != nil && fault.CodeOf(err) != refused {
		return err
	}
	return nil
}

// SetCredential gives Nextcloud a password, which it hashes. App passwords that
// the holder has made go on for some minutes, and end.
func (n *Cloud) SetCredential(ctx context.Context, ref provisioning.Ref, c provisioning.Credential) error {
	if err := n.Begin(ctx, ref); err != nil {
		return err
	}
	if c.Scheme != provisioning.Plain {
		return fault.New(fault.Unsupported, "", "nextcloud: a password hashed by %q: it hashes them itself", c.Scheme)
	}
	if c.Hash == "" || len(c.Hash) > maxPassword {
		return fault.New(fault.Invalid, "", "nextcloud: a password of %d bytes", len(c.Hash))
	}
	return n.Ours(ctx, ref, "set a password", func(provisioning.Observed) error {
		return n.edit(ctx, ref.Login, "password", c.Hash)
	})
}

// CloseSessions says that it cannot: what Nextcloud has for it deletes the holder's
// files from their devices. Who is suspended is out at once.
func (n *Cloud) CloseSessions(ctx context.Context, ref provisioning.Ref) error {
	if err := n.Begin(ctx, ref); err != nil {
		return err
	}
	return fault.New(fault.Unsupported, "", "nextcloud: end sessions: it ends those of who is suspended")
}

// List lists all accounts in the order in which Nextcloud does, a page of which is
// as long as whoever asks wishes. Since it counts by numbers, which shift when
// accounts come and go, the cursor names the last accounts of the page before, among
// which the next page is found to begin.
func (n *Cloud) List(ctx context.Context, cursor string, limit int) (page provisioning.Page, err error) {
	if err := n.Begin(ctx); err != nil {
		return page, err
	}
	if limit, err = n.Limit(limit, maxPage); err != nil {
		return page, err
	}
	fields := strings.Fields(cursor)
	offset, before := 0, []string{}
	if len(fields) > 0 {
		if offset, err = strconv.Atoi(fields[0]); err != nil || offset < 0 {
			return page, fault.New(fault.Invalid, "", "nextcloud: a cursor that it did not give: %q", cursor)
		}
		before = fields[1:]
	}
	from := max(0, offset-remembered)
	all, err := n.details(ctx, from, offset-from+limit+remembered)
	if err != nil {
		return page, err
	}
	seen := -1
	for i, u := range all {
		if slices.Contains(before, u.digest()) {
			seen = i
		}
	}
	if len(before) > 0 && seen < 0 {
		return page, fault.New(fault.Transient, "shifted", "nextcloud: its accounts have changed much while they were listed: list them anew")
	}
	rest := all[seen+1:]
	next := from + seen + 1 + min(limit, len(rest))
	for _, u := range rest[:min(limit, len(rest))] {
		page.Accounts = append(page.Accounts, n.observed(u))
		before = append(before, u.digest())
	}
	if len(rest) > limit {
		page.Next = strings.Join(append([]string{strconv.Itoa(next)}, before[max(0, len(before)-remembered):]...), " ")
	}
	return page, nil
}

// digest stands for an account in a cursor.
func (u user) digest() string {
	sum := sha256.Sum256([]byte(u.ID))
	return hex.EncodeToString(sum[:6])
}

// Usage says how much some accounts hold, as of when their files were last counted.
func (n *Cloud) Usage(ctx context.Context, refs []provisioning.Ref) ([]provisioning.Observed, error) {
	return n.Each(ctx, refs)
}

// pace lets so many edits be made in some time. Who comes too early is told when to
// come back, and has a place kept.
type pace struct {
	most   int // negative: as many as one likes
	within time.Duration

	mu    sync.Mutex
	taken []time.Time          // when the last so many are made, in order
	due   map[string]time.Time // when who was told to come back may
}

// take takes an edit, or returns how long to wait for it.
func (p *pace) take(who string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.most < 0 {
		return 0
	}
	if at, ok := p.due[who]; ok {
		if at.After(now) {
			return at.Sub(now)
		}
		delete(p.due, who)
		if now.Sub(at) < p.within {
			return 0 // its place is still counted
		}
	}
	at := now
	if len(p.taken) >= p.most {
		if free := p.taken[len(p.taken)-p.most].Add(p.within); free.After(at) {
			at = free
		}
	}
	p.taken = append(p.taken[max(0, len(p.taken)-p.most):], at)
	if at.After(now) {
		maps.DeleteFunc(p.due, func(_ string, at time.Time) bool { return now.Sub(at) >= p.within })
		p.due[who] = at
	}
	return at.Sub(now)
}

// same compares what is secret.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

var errForm = errors.New("it is none of its answers")
