package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// Held is an account that somebody has on a service.
type Held struct {
	ID      domain.AccountID
	Service domain.Service
	Login   provisioning.Login
	Address provisioning.Login // that it goes by, if that is not the login
	Quota   domain.Bytes
	Status  provisioning.Status
	Trouble bool // it is not as it is wanted, and is tried again
}

// Accounts finds them: read models do.
type Accounts interface {
	// AccountsHeld returns the accounts of a party, oldest first.
	AccountsHeld(ctx context.Context, party domain.PartyID) ([]Held, error)
}

// How long what leads to a token lasts.
const (
	RequestLife = 30 * time.Minute // longer than a link by mail
	codeLife    = time.Minute
	AccessLife  = 10 * time.Minute
	refreshLife = 30 * 24 * time.Hour  // unless it is used
	grantLife   = 365 * 24 * time.Hour // however often it is
)

// A Request is that of a client to sign somebody in.
type Request struct {
	ID        string    `json:"id"` // secret
	Client    string    `json:"client"`
	Redirect  string    `json:"redirect"`
	Scopes    []string  `json:"scopes"`
	State     string    `json:"state,omitempty"`
	Nonce     string    `json:"nonce,omitempty"`
	Mode      string    `json:"mode,omitempty"`
	Challenge string    `json:"challenge"`          // of PKCE, by S256
	Since     time.Time `json:"since,omitzero"`     // before which nobody may have signed in; zero: whenever
	Silent    bool      `json:"silent,omitempty"`   // nobody may be shown anything
	Ask       bool      `json:"ask,omitempty"`      // whether the client may know them, even if they said so before
	Language  string    `json:"language,omitempty"` // that the client has them read
	Expires   time.Time `json:"expires"`

	// Once somebody has said yes:
	Party    domain.PartyID   `json:"party,omitempty"`
	Account  domain.AccountID `json:"account,omitempty"`
	Session  string           `json:"session,omitempty"` // hashed
	SignedIn time.Time        `json:"signed_in,omitzero"`
}

// A Grant is what somebody has let a client know, and the tokens by which it does.
type Grant struct {
	ID       string           `json:"id"`
	Client   string           `json:"client"`
	Party    domain.PartyID   `json:"party"`
	Account  domain.AccountID `json:"account,omitempty"`
	Session  string           `json:"session"`
	Scopes   []string         `json:"scopes"`
	SignedIn time.Time        `json:"signed_in"`
	Created  time.Time        `json:"created"`
	Expires  time.Time        `json:"expires"`
	Access   []Bearer         `json:"access,omitempty"`
	Refresh  string           `json:"refresh,omitempty"` // hashed, as are those that were used up
	Spent    []string         `json:"spent,omitempty"`
}

// A Bearer token of a grant lets a client ask for some minutes.
type Bearer struct {
	Hash    string    `json:"hash"`
	Scopes  []string  `json:"scopes"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
}

// ErrEnded says that what should let a client in does not, or no more.
var ErrEnded = domain.Refusal{Code: "access.grant_ended", Reason: "this has ended or was used: sign in again"}

// ErrNoAccount refuses to sign somebody in to a service on which they have no account.
var ErrNoAccount = domain.Refusal{
	Code: "access.no_account", Reason: "{client} needs an account on the service {service}, and you have none that may be used now",
}

// Ask keeps a request, and gives it its id.
func (a *Access) Ask(ctx context.Context, r Request) (Request, error) {
	r.ID, r.Expires = newSecret("rocr_"), a.Now().UTC().Add(RequestLife)
	return r, put(ctx, a.KV, requestSpace+hash(r.ID), r)
}

// Asked returns a request, or [ErrEnded].
func (a *Access) Asked(ctx context.Context, id string) (r Request, err error) {
	found, err := get(ctx, a.KV, requestSpace+hash(id), &r)
	if err == nil && (!found || !a.Now().Before(r.Expires)) {
		err = ErrEnded
	}
	return r, err
}

// Withdraw forgets a request.
func (a *Access) Withdraw(ctx context.Context, id string) error {
	return eventstore.Update(ctx, a.KV, requestSpace+hash(id), func(eventstore.Entry) ([]byte, error) { return nil, nil })
}

// ErrNoMember refuses to sign somebody in who has left, or is not in yet.
var ErrNoMember = domain.Refusal{Code: "access.no_member", Reason: "{client} is for members, and for who has an office or a mandate"}

// Usable returns the accounts by which a party may sign in to a client, or
// [ErrNoAccount]. Where the client asks for no account it returns none, or for who has
// no role [ErrNoMember].
func (a *Access) Usable(ctx context.Context, c Client, party domain.PartyID) (usable []Held, err error) {
	p, err := a.People.ByID(ctx, party)
	if err != nil {
		return nil, err
	}
	if c.Service == "" {
		if len(p.Roles) == 0 || p.Died {
			err = ErrNoMember.With("client", c.Name)
		}
		return nil, err
	}
	var all []Held
	if !p.Died {
		all, err = a.Accounts.AccountsHeld(ctx, party)
	}
	for _, held := range all {
		if held.Service == c.Service && held.Status == provisioning.StatusActive && held.Login != "" {
			usable = append(usable, held)
		}
	}
	if err == nil && len(usable) == 0 {
		err = ErrNoAccount.With("client", c.Name).With("service", c.Service)
	}
	return usable, err
}

// Agree has whoever is signed in by a session say yes to a request, for one of their
// accounts if the client asks for one.
func (a *Access) Agree(ctx context.Context, id, session string, account domain.AccountID) (r Request, err error) {
	s, err := a.Session(ctx, session)
	if err != nil {
		return r, err
	}
	if r, err = a.Asked(ctx, id); err != nil {
		return r, err
	}
	if !r.Recent(s) {
		return r, ErrSignedOut
	}
	c, err := a.Client(ctx, r.Client)
	if err != nil {
		return r, err
	}
	usable, err := a.Usable(ctx, c, s.Party)
	if err != nil {
		return r, err
	}
	if len(usable) == 1 && account == "" {
		account = usable[0].ID
	}
	if c.Service != "" && !slices.ContainsFunc(usable, func(h Held) bool { return h.ID == account }) {
		return r, ErrNoAccount.With("client", c.Name).With("service", c.Service)
	}
	if c.Service == "" {
		account = ""
	}
	err = eventstore.Update(ctx, a.KV, requestSpace+hash(id), func(e eventstore.Entry) ([]byte, error) {
		if e.Revision == 0 {
			return nil, ErrEnded
		}
		if err := json.Unmarshal(e.Value, &r); err != nil {
			return nil, err
		}
		r.Party, r.Account, r.Session, r.SignedIn = s.Party, account, hash(session), s.Created
		return json.Marshal(r)
	})
	if err == nil && !c.Own {
		err = a.remember(ctx, r)
	}
	return r, err
}

// consent is what somebody has let a client know, for good.
type consent struct {
	Party  domain.PartyID `json:"party"`
	Scopes []string       `json:"scopes"`
}

func (a *Access) remember(ctx context.Context, r Request) error {
	return eventstore.Update(ctx, a.KV, consentSpace+escaped(r.Party)+"/"+r.Client, func(e eventstore.Entry) ([]byte, error) {
		c := consent{Party: r.Party}
		if e.Revision > 0 {
			if err := json.Unmarshal(e.Value, &c); err != nil {
				return nil, err
			}
		}
		for _, scope := range r.Scopes {
			if !slices.Contains(c.Scopes, scope) {
				c.Scopes = append(c.Scopes, scope)
			}
		}
		return json.Marshal(c)
	})
}

// MustAsk reports whether a party is to be asked before a client is told what it
// requests: not for a client of the co-op, nor of what they have let it know before.
func (a *Access) MustAsk(ctx context.Context, c Client, r Request, party domain.PartyID) (bool, error) {
	if c.Own {
		return false, nil
	}
	var known consent
	if _, err := get(ctx, a.KV, consentSpace+escaped(party)+"/"+c.ID, &known); err != nil || r.Ask {
		return true, err
	}
	for _, scope := range r.Scopes {
		if !slices.Contains(known.Scopes, scope) {
			return true, nil
		}
	}
	return false, nil
}

// Recent reports whether a session began recently enough for a request.
func (r Request) Recent(s Session) bool { return !s.Created.Before(r.Since.Truncate(time.Second)) }

// By reports whether a request was agreed to by a session.
func (r Request) By(session string) bool {
	return r.Party != "" && session != "" && r.Session == hash(session)
}

// code is what a client gets for a request, and changes for tokens once.
type code struct {
	Request string         `json:"request"` // hashed
	Party   domain.PartyID `json:"party"`
	Grant   string         `json:"grant"`
	Used    bool           `json:"used"`
	Expires time.Time      `json:"expires"`
}

// KeepCode keeps the code that is given out for a request, and begins the grant that
// it leads to.
func (a *Access) KeepCode(ctx context.Context, r Request, secret string) error {
	now := a.Now().UTC()
	g := Grant{
		ID: hash(r.ID)[:32], Client: r.Client, Party: r.Party, Account: r.Account, Session: r.Session, Scopes: r.Scopes,
		SignedIn: r.SignedIn, Created: now, Expires: now.Add(codeLife + AccessLife),
	}
	c, err := json.Marshal(code{hash(r.ID), r.Party, g.ID, false, now.Add(codeLife)})
	if err != nil {
		return err
	}
	kept, err := json.Marshal(g)
	if err != nil {
		return err
	}
	err = a.KV.Put(ctx, eventstore.Change{Key: codeSpace + hash(secret), Value: c}, eventstore.Change{Key: g.key(), Value: kept})
	if eventstore.IsStale(err) { // a code was given out for it already
		return ErrEnded
	}
	return err
}

func (g Grant) key() string { return grantSpace + escaped(g.Party) + "/" + g.ID }

func escaped(party domain.PartyID) string { return url.QueryEscape(string(party)) }

// UseCode uses a code up and returns its request, or [ErrEnded]. A code that is used
// again was stolen, and ends what it has led to.
func (a *Access) UseCode(ctx context.Context, secret string) (r Request, err error) {
	var c code
	entries, err := a.KV.Get(ctx, codeSpace+hash(secret))
	if err != nil {
		return r, err
	}
	if entries[0].Revision == 0 || json.Unmarshal(entries[0].Value, &c) != nil {
		return r, ErrEnded
	}
	ended := func() (Request, error) {
		g := Grant{ID: c.Grant, Party: c.Party}
		return Request{}, errors.Join(ErrEnded, a.end(ctx, g.key()))
	}
	if c.Used {
		return ended()
	}
	c.Used = true
	value, err := json.Marshal(c)
	if err != nil {
		return r, err
	}
	err = a.KV.Put(ctx, eventstore.Change{Key: entries[0].Key, Value: value, Revision: entries[0].Revision})
	switch {
	case eventstore.IsStale(err):
		return ended()
	case err != nil:
		return r, err
	case !a.Now().Before(c.Expires):
		return r, ErrEnded
	}
	found, err := get(ctx, a.KV, requestSpace+c.Request, &r)
	if err == nil && !found {
		err = ErrEnded
	}
	return r, err
}

// Issue gives out an access token for the grant of a request whose code was used, and
// if renewable a refresh token, once.
func (a *Access) Issue(ctx context.Context, r Request, renewable bool) (access, refresh string, expires time.Time, err error) {
	g := Grant{ID: hash(r.ID)[:32], Party: r.Party}
	err = a.changeGrant(ctx, g.key(), func(g *Grant) error {
		if len(g.Access) > 0 {
			return ErrEnded
		}
		access, refresh, expires = a.issue(g, r.Scopes, renewable)
		return nil
	})
	return access, refresh, expires, err
}

// Renew uses a refresh token up and gives out others, for all scopes of its grant or
// some. One that is used again was stolen, and ends its grant.
func (a *Access) Renew(ctx context.Context, used string, scopes []string) (access, refresh string, expires time.Time, err error) {
	key, err := grantKey(used, "rocg_")
	if err != nil {
		return "", "", expires, err
	}
	err = a.changeGrant(ctx, key, func(g *Grant) error {
		if g.Refresh != hash(used) {
			return ErrEnded
		}
		g.Spent = append(g.Spent, g.Refresh)
		if n := len(g.Spent); n > maxSpent {
			g.Spent = g.Spent[n-maxSpent:]
		}
		access, refresh, expires = a.issue(g, scopes, true)
		return nil
	})
	return access, refresh, expires, err
}

// maxSpent is how many used refresh tokens of a grant are known as such.
const maxSpent = 64

func (a *Access) issue(g *Grant, scopes []string, renewable bool) (access, refresh string, expires time.Time) {
	now := a.Now().UTC().Truncate(time.Second)
	g.Access = slices.DeleteFunc(g.Access, func(t Bearer) bool { return !now.Before(t.Expires) })
	access, expires = newSecret(g.prefix("roca_")), now.Add(AccessLife)
	g.Access = append(g.Access, Bearer{hash(access), scopes, now, expires})
	if g.Expires = expires; renewable {
		refresh = newSecret(g.prefix("rocg_"))
		g.Refresh, g.Expires = hash(refresh), earlier(now.Add(refreshLife), g.SignedIn.Add(grantLife))
	}
	return access, refresh, expires
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// prefix is that of its tokens, by which it is found.
func (g Grant) prefix(kind string) string { return kind + escaped(g.Party) + "." + g.ID + "." }

// grantKey returns the key of the grant of which something is a token, if it is one.
func grantKey(token, kind string) (key string, err error) {
	rest, ok := strings.CutPrefix(token, kind)
	i := strings.LastIndex(rest, ".")
	if !ok || i < 0 {
		return "", ErrEnded
	}
	j := strings.LastIndex(rest[:i], ".") // a party may have dots
	if j < 0 {
		return "", ErrEnded
	}
	return grantSpace + rest[:j] + "/" + rest[j+1:i], nil
}

func (a *Access) changeGrant(ctx context.Context, key string, change func(*Grant) error) error {
	return eventstore.Update(ctx, a.KV, key, func(e eventstore.Entry) ([]byte, error) {
		var g Grant
		if e.Revision == 0 {
			return nil, ErrEnded
		}
		err := json.Unmarshal(e.Value, &g)
		if err == nil && !a.Now().Before(g.Expires) {
			err = ErrEnded
		}
		if err == nil {
			err = change(&g)
		}
		if err != nil {
			return nil, err
		}
		return json.Marshal(g)
	})
}

// grant returns one that has not ended.
func (a *Access) grant(ctx context.Context, key string) (g Grant, err error) {
	found, err := get(ctx, a.KV, key, &g)
	if err == nil && (!found || !a.Now().Before(g.Expires)) {
		err = ErrEnded
	}
	return g, err
}

// ByAccess returns what an access token lets a client know, or [ErrEnded].
func (a *Access) ByAccess(ctx context.Context, token string) (g Grant, t Bearer, err error) {
	key, err := grantKey(token, "roca_")
	if err != nil {
		return g, t, err
	}
	if g, err = a.grant(ctx, key); err != nil {
		return g, t, err
	}
	i := slices.IndexFunc(g.Access, func(t Bearer) bool { return t.Hash == hash(token) })
	if i < 0 || !a.Now().Before(g.Access[i].Expires) {
		return g, t, ErrEnded
	}
	return g, g.Access[i], nil
}

// ByRefresh returns the grant that a refresh token renews, or [ErrEnded]. One that
// was used up ends its grant.
func (a *Access) ByRefresh(ctx context.Context, token string) (g Grant, err error) {
	key, err := grantKey(token, "rocg_")
	if err != nil {
		return g, err
	}
	if g, err = a.grant(ctx, key); err != nil {
		return g, err
	}
	switch {
	case g.Refresh == hash(token):
		return g, nil
	case slices.Contains(g.Spent, hash(token)):
		return g, errors.Join(ErrEnded, a.end(ctx, key))
	}
	return g, ErrEnded
}

// Holder returns who has a grant, as they are now, and the account that it is for;
// [ErrEnded], and the grant is, if they may not sign in any more.
func (a *Access) Holder(ctx context.Context, g Grant) (p Person, held Held, err error) {
	c, err := a.Client(ctx, g.Client)
	if errors.Is(err, ErrNoSuchClient) {
		return p, held, errors.Join(ErrEnded, a.end(ctx, g.key()))
	} else if err != nil {
		return p, held, err
	}
	if p, err = a.People.ByID(ctx, g.Party); err != nil {
		return p, held, err
	}
	usable, err := a.Usable(ctx, c, g.Party)
	barred := errors.Is(err, ErrNoAccount) || errors.Is(err, ErrNoMember)
	if err != nil && !barred {
		return p, held, err
	}
	if i := slices.IndexFunc(usable, func(h Held) bool { return h.ID == g.Account }); i >= 0 {
		return p, usable[i], nil
	}
	if barred || c.Service != "" || g.Account != "" {
		return p, held, errors.Join(ErrEnded, a.end(ctx, g.key()))
	}
	return p, held, nil
}

// EndAccess ends an access token, of a client. To do so again changes nothing.
func (a *Access) EndAccess(ctx context.Context, client, token string) error {
	key, err := grantKey(token, "roca_")
	if err != nil {
		return nil
	}
	err = a.changeGrant(ctx, key, func(g *Grant) error {
		if g.Client != client {
			return ErrNoSuchClient.With("client", client)
		}
		g.Access = slices.DeleteFunc(g.Access, func(t Bearer) bool { return t.Hash == hash(token) })
		return nil
	})
	if errors.Is(err, ErrEnded) {
		return nil
	}
	return err
}

// EndGrant ends a grant of a client, by its refresh token.
func (a *Access) EndGrant(ctx context.Context, client, token string) error {
	g, err := a.ByRefresh(ctx, token)
	switch {
	case errors.Is(err, ErrEnded):
		return nil
	case err != nil:
		return err
	case g.Client != client:
		return ErrNoSuchClient.With("client", client)
	}
	return a.end(ctx, g.key())
}

// EndGrants ends what a session has let a client know, or, without one, all clients.
func (a *Access) EndGrants(ctx context.Context, session, client string) error {
	var s Session
	if found, err := get(ctx, a.KV, sessionSpace+hash(session), &s); err != nil || !found {
		return err
	}
	return a.endGrants(ctx, grantSpace+escaped(s.Party)+"/", func(g Grant) bool {
		return g.Session == hash(session) && (client == "" || g.Client == client)
	})
}

func (a *Access) endGrants(ctx context.Context, under string, ended func(Grant) bool) error {
	for e, err := range eventstore.Entries(ctx, a.KV, under) {
		var g Grant
		if err == nil {
			err = json.Unmarshal(e.Value, &g)
		}
		if err == nil && ended(g) {
			err = a.end(ctx, e.Key)
		}
		if err != nil {
			return fmt.Errorf("access: end grants: %w", err)
		}
	}
	return nil
}

func (a *Access) end(ctx context.Context, key string) error {
	return eventstore.Update(ctx, a.KV, key, func(eventstore.Entry) ([]byte, error) { return nil, nil })
}

const (
	clientSpace  = "client/"
	requestSpace = "request/"
	codeSpace    = "code/"
	grantSpace   = "grant/"
	consentSpace = "consent/"
)
