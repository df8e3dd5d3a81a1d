// Package ldap keeps accounts as entries of class inetOrgPerson in a directory, by
// which other services know who may log in and how much is theirs.
//
// An entry is ours by an attribute that holds our mark. Its holder is kept out by the
// lock of the overlay ppolicy, which locks only where a policy has pwdLockout TRUE, or
// by an attribute that services look at. What it
// holds is nobody's to say here: the services have it.
package ldap

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"rochdale/adapters/fault"
	"rochdale/adapters/remote"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// Config is where a directory is, and which attributes are used. It is written in
// JSON, but for the password.
type Config struct {
	URL      string                 `json:"url"`       // like "ldaps://ldap.example.org", or "ldap://…" with StartTLS or on this machine
	StartTLS bool                   `json:"start_tls"` // encrypt a connection to ldap://
	BindDN   string                 `json:"bind_dn"`   // who we are
	Password func() (string, error) `json:"-"`
	Base     string                 `json:"base"`    // the entry below which accounts are, like "ou=people,dc=example,dc=org"
	Service  domain.Service         `json:"service"` // of which they are
	// Login is the attribute of the login, by which an entry is named; missing: uid. The
	// login is their mail as well.
	Login string `json:"login"`
	Mark  string `json:"mark"`  // the attribute of our mark; missing: employeeNumber
	Quota string `json:"quota"` // of the quota; missing: it is not kept
	// Unit is in how many bytes the quota is counted; missing: 1. Unlimited is how no
	// limit is written; missing: 0.
	Unit      domain.Bytes `json:"unit"`
	Unlimited string       `json:"unlimited"`
	Alias     string       `json:"alias"`   // the attribute of further addresses; missing: there are none
	Classes   []string     `json:"classes"` // object classes beside inetOrgPerson, for these attributes
	// Suspended is the attribute by which who is kept out is known, and what is in it
	// then and otherwise, where nothing removes it. Missing: the lock of ppolicy.
	Suspended *Flag `json:"suspended"`
	// Argon2 is whether the directory checks {ARGON2} beside {CRYPT}.
	Argon2  bool          `json:"argon2"`
	Timeout time.Duration `json:"-"` // for one request; 0: 20 seconds
	TLS     *tls.Config   `json:"-"` // nil: the roots of the machine
}

// Flag is an attribute of two values.
type Flag struct {
	Attribute string `json:"attribute"`
	Yes       string `json:"yes"`
	No        string `json:"no"`
}

const (
	lock      = "pwdAccountLockedTime"
	forGood   = "000001010000Z" // until it is taken away (draft-behera-ldap-password-policy)
	within    = 20 * time.Second
	pageSize  = 500 // of a search, RFC 2696
	maxPage   = 1000
	parallel  = 4
	bcrypt    = "BLF-CRYPT"
	argon2id  = "ARGON2ID"
	hashBytes = 60 // of bcrypt's
)

var (
	bcryptForm = regexp.MustCompile(`^\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$`)
	argon2Form = regexp.MustCompile(`^\$argon2id\$v=19\$m=[0-9]{1,6},t=[0-9]{1,2},p=[0-9]{1,2}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$`)
	attribute  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)
)

// Directory is the accounts of a directory. Its methods may be called at once.
type Directory struct {
	*remote.Accounts
	c Config

	mu   sync.Mutex
	conn *ldap.Conn // nil: none, or lost
}

// New returns the accounts of a directory, which is not asked anything yet.
func New(c Config) (*Directory, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "ldaps" && u.Scheme != "ldap" || u.Scheme == "ldap" && !c.StartTLS && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("ldap: the address %q: it begins with ldaps://, or with ldap:// where it is encrypted by start_tls or on this machine", c.URL)
	}
	if _, err := ldap.ParseDN(c.Base); err != nil || c.Base == "" || c.BindDN == "" || c.Password == nil || !c.Service.Valid() {
		return nil, fmt.Errorf("ldap: %s: it takes a base, who we are and a password, and a service: %q, %q, %q", c.URL, c.Base, c.BindDN, c.Service)
	}
	c.Login, c.Mark = cmp.Or(c.Login, "uid"), cmp.Or(c.Mark, "employeeNumber")
	c.Unlimited, c.Unit, c.Timeout = cmp.Or(c.Unlimited, "0"), max(1, c.Unit), cmp.Or(c.Timeout, within)
	for _, name := range append([]string{c.Login, c.Mark, cmp.Or(c.Quota, "x"), cmp.Or(c.Alias, "x")}, c.Classes...) {
		if !attribute.MatchString(name) {
			return nil, fmt.Errorf("ldap: an attribute or class named %q", name)
		}
	}
	if s := c.Suspended; s != nil && (!attribute.MatchString(s.Attribute) || s.Yes == "" || s.Yes == s.No) {
		return nil, fmt.Errorf("ldap: who is suspended is known by an attribute that then holds something: %+v", *s)
	}
	d := &Directory{c: c}
	can := provisioning.Capabilities{
		Service: c.Service, Suspends: true, Lists: true, Schemes: []string{bcrypt}, Aliases: c.Alias != "", Parallel: parallel,
		Patience: remote.Patience(c.Timeout),
	}
	if c.Argon2 {
		can.Schemes = []string{argon2id, bcrypt}
	}
	if c.Quota != "" {
		can.Reads = d.reads
	}
	d.Accounts = remote.New("ldap", can, d)
	return d, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// kept is how a quota is written: rounded up to its unit.
func (d *Directory) kept(quota domain.Bytes) string {
	if quota == provisioning.Unlimited {
		return d.c.Unlimited
	}
	return strconv.FormatInt(int64((quota+d.c.Unit-1)/d.c.Unit), 10)
}

func (d *Directory) reads(quota domain.Bytes) domain.Bytes {
	read, _ := d.read(d.kept(quota)) // it was just written
	return read
}

func (d *Directory) read(text string) (domain.Bytes, bool) {
	if text == d.c.Unlimited {
		return provisioning.Unlimited, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return domain.Bytes(n) * d.c.Unit, err == nil && n >= 0
}

// Close ends the connection.
func (d *Directory) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return nil
	}
	err := d.conn.Close()
	d.conn = nil
	return err
}

// connect returns the connection, which is made anew if it was lost.
func (d *Directory) connect() (*ldap.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil && !d.conn.IsClosing() {
		return d.conn, nil
	}
	password, err := d.c.Password()
	if err != nil {
		return nil, fault.New(fault.Unavailable, fault.Settings, "ldap: the password of %s: %w", d.c.BindDN, err)
	}
	u, err := url.Parse(d.c.URL)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.c.TLS != nil {
		config = d.c.TLS.Clone()
	}
	config.ServerName = cmp.Or(config.ServerName, u.Hostname())
	c, err := ldap.DialURL(d.c.URL, ldap.DialWithDialer(&net.Dialer{Timeout: d.c.Timeout}), ldap.DialWithTLSConfig(config))
	if err != nil {
		return nil, &fault.Error{Class: fault.Unavailable, Err: fmt.Errorf("ldap: connect: %w", err)}
	}
	c.SetTimeout(d.c.Timeout)
	if d.c.StartTLS {
		err = c.StartTLS(config)
	}
	if err == nil {
		err = c.Bind(d.c.BindDN, password)
	}
	if err != nil {
		return nil, errors.Join(sorted(err, false, "log in as "+d.c.BindDN), c.Close())
	}
	d.conn = c
	return c, nil
}

// sorted sorts what a directory says by its class (RFC 4511, appendix A).
func sorted(err error, changes bool, what string) error {
	if err == nil {
		return nil
	}
	e := &fault.Error{Class: fault.Transient, Ambiguous: changes, Err: fmt.Errorf("ldap: %s: %w", what, err)}
	said, ok := errors.AsType[*ldap.Error](err)
	if !ok {
		return e
	}
	e.Code = "ldap " + strconv.Itoa(int(said.ResultCode))
	switch said.ResultCode {
	case ldap.ErrorNetwork: // it went, and whether it did something is not known
		e.Class = fault.Unavailable
		return e
	case ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultStrongAuthRequired,
		ldap.LDAPResultConfidentialityRequired, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultUnwillingToPerform:
		e.Class = fault.Denied
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		e.Class = fault.Unavailable
	case ldap.LDAPResultAdminLimitExceeded, ldap.LDAPResultSizeLimitExceeded:
		e.Class = fault.Denied // an operator gives us a greater one
	case ldap.LDAPResultEntryAlreadyExists: // who looks again sees whose
		e.Class = fault.Conflict
		return e
	case ldap.LDAPResultUndefinedAttributeType, ldap.LDAPResultConstraintViolation, ldap.LDAPResultInvalidAttributeSyntax,
		ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultNamingViolation, ldap.LDAPResultObjectClassViolation, ldap.LDAPResultNotAllowedOnRDN:
		e.Class = fault.Invalid
	default:
		return e
	}
	e.Ambiguous = false
	return e
}

// sorted is the same of what was asked by a connection. One that fails is used no more: a
// server may have gone without a word, and nothing else would tell for a quarter of an
// hour. What others wait for on it has as long as a request.
func (d *Directory) sorted(c *ldap.Conn, err error, changes bool, what string) error {
	if ldap.IsErrorWithCode(err, ldap.ErrorNetwork) {
		d.mu.Lock()
		if d.conn == c {
			d.conn = nil
			time.AfterFunc(d.c.Timeout, func() { _ = c.Close() })
		}
		d.mu.Unlock()
	}
	return sorted(err, changes, what)
}

// Check reports whether the directory lets us in, and has the base.
func (d *Directory) Check(ctx context.Context) error {
	if err := d.Begin(ctx); err != nil {
		return err
	}
	c, err := d.connect()
	if err != nil {
		return err
	}
	_, err = c.Search(d.request(ldap.ScopeBaseObject, "(objectClass=*)"))
	return d.sorted(c, err, false, "look at "+d.c.Base)
}

func (d *Directory) request(scope int, filter string) *ldap.SearchRequest {
	attributes := []string{d.c.Login, d.c.Mark, lock}
	for _, name := range []string{d.c.Quota, d.c.Alias} {
		if name != "" {
			attributes = append(attributes, name)
		}
	}
	if s := d.c.Suspended; s != nil {
		attributes = append(attributes, s.Attribute)
	}
	return ldap.NewSearchRequest(d.c.Base, scope, ldap.NeverDerefAliases, 0, int(d.c.Timeout.Seconds())+1, false, filter, attributes, nil)
}

func (d *Directory) dn(login provisioning.Login) string {
	return d.c.Login + "=" + ldap.EscapeDN(string(login)) + "," + d.c.Base
}

func (d *Directory) filter(login provisioning.Login) string {
	return "(" + d.c.Login + "=" + ldap.EscapeFilter(string(login)) + ")"
}

// Look looks for the entry of an account.
func (d *Directory) Look(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	is := provisioning.Observed{Ref: ref}
	c, err := d.connect()
	if err != nil {
		return is, err
	}
	found, err := c.Search(d.request(ldap.ScopeSingleLevel, d.filter(ref.Login)))
	if err != nil {
		return is, d.sorted(c, err, false, "look for an entry")
	}
	if len(found.Entries) == 0 {
		return is, ctx.Err()
	}
	is = d.observed(found.Entries[0])
	is.Ref = ref
	return is, nil
}

func (d *Directory) observed(e *ldap.Entry) provisioning.Observed {
	is := provisioning.Observed{
		Ref:    provisioning.Ref{Service: d.c.Service, Login: provisioning.Login(strings.ToLower(e.GetEqualFoldAttributeValue(d.c.Login)))},
		Exists: true, Account: domain.AccountID(e.GetEqualFoldAttributeValue(d.c.Mark)), Access: new(provisioning.Active), At: time.Now().UTC(),
	}
	if s := d.c.Suspended; s != nil && e.GetEqualFoldAttributeValue(s.Attribute) == s.Yes || s == nil && e.GetEqualFoldAttributeValue(lock) != "" {
		*is.Access = provisioning.Suspended
	}
	if d.c.Quota != "" {
		if quota, ok := d.read(cmp.Or(e.GetEqualFoldAttributeValue(d.c.Quota), d.c.Unlimited)); ok {
			is.Quota = &quota
		}
	}
	if d.c.Alias != "" {
		is.Aliases = []provisioning.Login{}
		for _, alias := range e.GetEqualFoldAttributeValues(d.c.Alias) {
			is.Aliases = append(is.Aliases, provisioning.Login(strings.ToLower(alias)))
		}
	}
	return is
}

// Take takes a step.
func (d *Directory) Take(_ context.Context, step provisioning.Step, want provisioning.Desired, is provisioning.Observed) error {
	c, err := d.connect()
	if err != nil {
		return err
	}
	m := ldap.NewModifyRequest(d.dn(want.Login), nil)
	switch step {
	case provisioning.StepEnsure:
		if !is.Exists {
			return d.add(c, want)
		}
		d.quota(m, want)
	case provisioning.StepQuota:
		d.quota(m, want)
	case provisioning.StepSuspend:
		d.suspend(m, true)
	case provisioning.StepResume:
		d.suspend(m, false)
	case provisioning.StepAliases:
		if err := d.free(c, want, want.Aliases); err != nil {
			return err
		}
		m.Replace(d.c.Alias, texts(want.Aliases))
	case provisioning.StepDelete:
		err := c.Del(ldap.NewDelRequest(d.dn(want.Login), nil))
		if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
			return nil
		}
		return d.sorted(c, err, true, "delete an entry")
	case provisioning.StepInbound, provisioning.StepApps, provisioning.StepNone:
		return fault.New(fault.Unsupported, "", "ldap: %s", step)
	}
	if len(m.Changes) == 0 {
		return nil
	}
	return d.sorted(c, c.Modify(m), true, string(step)+" of "+string(want.Account))
}

func texts(logins []provisioning.Login) []string {
	all := []string{}
	for _, l := range logins {
		all = append(all, string(l))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (d *Directory) quota(m *ldap.ModifyRequest, want provisioning.Desired) {
	if d.c.Quota != "" {
		m.Replace(d.c.Quota, []string{d.kept(want.Quota)})
	}
}

// suspend keeps somebody out, or lets them in.
func (d *Directory) suspend(m *ldap.ModifyRequest, yes bool) {
	name, values := lock, []string{}
	if s := d.c.Suspended; s != nil {
		if name = s.Attribute; s.No != "" {
			values = []string{s.No}
		}
		if yes {
			values = []string{s.Yes}
		}
	} else if yes {
		values = []string{forGood}
	}
	m.Replace(name, values)
}

// add makes an entry.
func (d *Directory) add(c *ldap.Conn, want provisioning.Desired) error {
	if err := d.free(c, want, append([]provisioning.Login{want.Login}, want.Aliases...)); err != nil {
		return err
	}
	r := ldap.NewAddRequest(d.dn(want.Login), nil)
	r.Attribute("objectClass", append([]string{"inetOrgPerson"}, d.c.Classes...))
	values := map[string][]string{"mail": {string(want.Login)}, "cn": {string(want.Login)}, "sn": {want.Login.Local()}}
	values[d.c.Login], values[d.c.Mark] = []string{string(want.Login)}, []string{string(want.Account)}
	if d.c.Quota != "" {
		values[d.c.Quota] = []string{d.kept(want.Quota)}
	}
	if d.c.Alias != "" && len(want.Aliases) > 0 {
		values[d.c.Alias] = texts(want.Aliases)
	}
	if s := d.c.Suspended; s != nil && s.No != "" {
		values[s.Attribute] = []string{s.No}
	}
	for name, value := range values {
		r.Attribute(name, value)
	}
	if err := c.Add(r); err != nil {
		return d.sorted(c, err, true, "add an entry")
	}
	if want.Access != provisioning.Suspended {
		return nil
	}
	m := ldap.NewModifyRequest(d.dn(want.Login), nil) // since a lock cannot be added with its entry
	d.suspend(m, true)
	return d.sorted(c, c.Modify(m), true, "suspend an entry that was added")
}

// free fails if an address is none, or another's.
func (d *Directory) free(c *ldap.Conn, want provisioning.Desired, addresses []provisioning.Login) error {
	for _, address := range addresses {
		if d.c.Alias == "" {
			return nil
		}
		if _, err := provisioning.ParseLogin(string(address)); errors.Is(err, provisioning.ErrLogin) {
			return fault.New(fault.Invalid, "", "ldap: an alias wanted for %s is no address", want.Account)
		}
		text := ldap.EscapeFilter(string(address))
		filter := fmt.Sprintf("(|(%s=%s)(mail=%s)(%s=%s))", d.c.Login, text, text, d.c.Alias, text)
		found, err := c.Search(d.request(ldap.ScopeSingleLevel, filter))
		if err != nil {
			return d.sorted(c, err, false, "look whose an address is")
		}
		for _, e := range found.Entries {
			if own := strings.EqualFold(e.GetEqualFoldAttributeValue(d.c.Login), string(want.Login)); !own || address == want.Login && slices.Contains(want.Aliases, address) {
				return fault.New(fault.Conflict, "", "ldap: an address wanted for %s is another's, or its own", want.Account)
			}
		}
	}
	return nil
}

// SetCredential writes a password down, as the directory checks it.
func (d *Directory) SetCredential(ctx context.Context, ref provisioning.Ref, p provisioning.Credential) error {
	if err := d.Begin(ctx, ref); err != nil {
		return err
	}
	value := ""
	switch {
	case !slices.Contains(d.Capabilities().Schemes, p.Scheme):
		return fault.New(fault.Unsupported, "", "ldap: passwords hashed by %q: only by %q", p.Scheme, d.Capabilities().Schemes)
	case p.Scheme == bcrypt && len(p.Hash) == hashBytes && bcryptForm.MatchString(p.Hash):
		value = "{CRYPT}" + p.Hash
	case p.Scheme == argon2id && argon2Form.MatchString(p.Hash):
		value = "{ARGON2}" + p.Hash
	default:
		return fault.New(fault.Invalid, "", "ldap: the hash of a password is none of %s", p.Scheme)
	}
	return d.Ours(ctx, ref, "set a password", func(is provisioning.Observed) error {
		c, err := d.connect()
		if err != nil {
			return err
		}
		m := ldap.NewModifyRequest(d.dn(ref.Login), nil)
		m.Replace("userPassword", []string{value})
		if is.Access == nil || *is.Access != provisioning.Suspended || d.c.Suspended != nil {
			return d.sorted(c, c.Modify(m), true, "set a password")
		}
		// ppolicy takes a lock away with the old password, so that it is put back: at once,
		// and again if that was too early.
		d.suspend(m, true)
		if err := c.Modify(m); err != nil {
			return d.sorted(c, err, true, "set a password")
		}
		again := ldap.NewModifyRequest(d.dn(ref.Login), nil)
		d.suspend(again, true)
		return d.sorted(c, c.Modify(again), true, "lock an entry again whose password was set")
	})
}

// List lists all entries by their login. The cursor is the login of the one before.
// Directories do not sort: each time all are gone through, by pages of their own, and
// no more are kept than are asked for.
func (d *Directory) List(ctx context.Context, cursor string, limit int) (page provisioning.Page, err error) {
	if err := d.Begin(ctx); err != nil {
		return page, err
	}
	if limit, err = d.Limit(limit, maxPage); err != nil {
		return page, err
	}
	c, err := d.connect()
	if err != nil {
		return page, err
	}
	var next []provisioning.Observed // the first after the cursor, one more than asked for
	paging := ldap.NewControlPaging(pageSize)
	for {
		if err := d.Begin(ctx); err != nil {
			return page, err
		}
		r := d.request(ldap.ScopeSingleLevel, "(objectClass=inetOrgPerson)")
		r.Controls = []ldap.Control{paging}
		found, err := c.Search(r)
		if err != nil {
			return page, d.sorted(c, err, false, "list entries")
		}
		for _, e := range found.Entries {
			if is := d.observed(e); string(is.Login) > cursor && is.Login != "" {
				next = append(next, is)
			}
		}
		slices.SortFunc(next, func(a, b provisioning.Observed) int { return cmp.Compare(a.Login, b.Login) })
		next = next[:min(len(next), limit+1)]
		more, ok := ldap.FindControl(found.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(more.Cookie) == 0 {
			break
		}
		paging.SetCookie(more.Cookie)
	}
	if len(next) > limit {
		next = next[:limit]
		page.Next = string(next[limit-1].Login)
	}
	page.Accounts = next
	return page, nil
}

// Usage says that it cannot tell.
func (d *Directory) Usage(ctx context.Context, refs []provisioning.Ref) ([]provisioning.Observed, error) {
	if err := d.Begin(ctx, refs...); err != nil {
		return nil, err
	}
	return nil, fault.New(fault.Unsupported, "", "ldap: usage: a directory holds nothing of what its accounts hold")
}
