// Package access says who is asking: it gives out and checks the tokens, sessions
// and one-time links by which people and machines prove who they are.
//
// Whatever proves it ends in [Access.StartSession] or a token; the ways to get
// there (a link by mail now, passkeys and OpenID Connect later) know nothing of
// each other. Secrets are kept as SHA-256 hashes only, beside the log.
package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rochdale/domain"
	"rochdale/eventstore"
)

// A Viewer is somebody who asks for something.
type Viewer struct {
	Party    domain.PartyID   // empty for a machine that stands for nobody
	Was      []domain.PartyID // parties that were found to be this one: what concerns them concerns it
	Name     string           // under which the log records what they do
	Roles    []domain.Role    // in force now
	ActsFor  []domain.PartyID // organisations whose delegate they are
	Scopes   []string         // to which a token is restricted; none means all that the roles allow
	Language domain.Language  // that they read, or empty
}

// Has reports whether the viewer has a role.
func (v Viewer) Has(role domain.Role) bool { return slices.Contains(v.Roles, role) }

// Allows reports whether the viewer's token, if there is one, has a scope.
func (v Viewer) Allows(scope string) bool {
	return len(v.Scopes) == 0 || slices.Contains(v.Scopes, scope)
}

// ReadsEvents reports whether the viewer may read the event feed.
func (v Viewer) ReadsEvents() bool { return v.Has(domain.RolePipeline) && v.Allows("events:read") }

// SeesPersonal reports whether the viewer sees personal data in the event feed, or may
// have it sent anywhere: by a scope, which nobody has by a role alone.
func (v Viewer) SeesPersonal() bool { return slices.Contains(v.Scopes, "events:personal") }

// KeepsAccounts reports whether the viewer is a tool that brings accounts about, and
// learns whose they are: by a scope, too.
func (v Viewer) KeepsAccounts() bool {
	return v.Has(domain.RolePipeline) && slices.Contains(v.Scopes, "accounts")
}

type viewerKey struct{}

// With returns a context in which a viewer asks, and acts. The zero Viewer is nobody.
func With(ctx context.Context, v Viewer) context.Context {
	return eventstore.As(context.WithValue(ctx, viewerKey{}, v), v.Name)
}

// Of returns the viewer who asks in ctx, if anybody is known to.
func Of(ctx context.Context) (Viewer, bool) {
	v, _ := ctx.Value(viewerKey{}).(Viewer)
	return v, v.Name != ""
}

// A Proof is what a request shows of who makes it.
type Proof struct {
	Token   string // counts, if there is one
	Session string // of a cookie
}

type identifyKey struct{}

// Identifying returns a context in which [Again] finds out who shows a proof.
func Identifying(ctx context.Context, shown Proof, identify func(context.Context, Proof) (Viewer, error)) context.Context {
	return context.WithValue(ctx, identifyKey{}, func(ctx context.Context, token string) (Viewer, error) {
		if token != "" {
			return identify(ctx, Proof{Token: token})
		}
		return identify(ctx, shown)
	})
}

// Again returns a context in which whoever asks in ctx is looked up anew, which
// what goes on for long must do: a token may have been revoked, a session have
// ended, a role be lost. A token that is given counts from then on, instead of what
// was shown before; that it is no good is a refusal.
func Again(ctx context.Context, token string) (context.Context, error) {
	identify, ok := ctx.Value(identifyKey{}).(func(context.Context, string) (Viewer, error))
	if !ok && token != "" {
		return ctx, ErrBadToken
	}
	if !ok {
		return ctx, nil
	}
	if token != "" {
		shown := func(ctx context.Context, other string) (Viewer, error) { return identify(ctx, cmp.Or(other, token)) }
		ctx = context.WithValue(ctx, identifyKey{}, shown)
	}
	v, err := identify(ctx, token)
	return With(ctx, v), err
}

// A Person is what signing in must know of a party.
type Person struct {
	Party    domain.PartyID // that it was found to be, where it was
	Was      []domain.PartyID
	Name     string
	Roles    []domain.Role
	ActsFor  []domain.PartyID
	Language domain.Language
	Email    string
	Died     bool // nobody is let in as them
}

// People finds parties: read models do.
type People interface {
	// ByEmail returns the parties with an address, whatever its capitals, that live.
	ByEmail(ctx context.Context, email string) ([]Person, error)
	// ByID returns a party as it is now, with no roles once it has left; of one that was
	// found to be another, that one: its sessions and tokens follow.
	ByID(ctx context.Context, party domain.PartyID) (Person, error)
}

// Access checks and gives out. Its fields are set once, before it is used.
type Access struct {
	KV       eventstore.KV
	People   People
	Accounts Accounts // that people sign in to services by
	Now      func() time.Time

	tokens sync.Map // that were shown, as they were read, by their keys
}

// The rules by which somebody is not let in.
var (
	ErrSignedOut   = domain.Refusal{Code: "access.signed_out", Reason: "sign in first"}
	ErrBadToken    = domain.Refusal{Code: "access.bad_token", Reason: "this token is unknown, expired or revoked: ask for a new one"}
	ErrBadLink     = domain.Refusal{Code: "access.bad_link", Reason: "this link was used or has expired: ask for a new one"}
	ErrTooMany     = domain.Refusal{Code: "access.too_many_attempts", Reason: "too many attempts: wait {seconds} seconds"}
	ErrBadScope    = domain.Refusal{Code: "access.bad_scope", Reason: "there is no scope {scope}: choose among {known}"}
	ErrBadRole     = domain.Refusal{Code: "access.bad_role", Reason: "there is no role {role}: choose among {known}"}
	ErrNoSuchToken = domain.Refusal{Code: "access.no_such_token", Reason: "there is no token {token}"}
)

const (
	// SessionLife is the time for which a session lasts after signing in.
	SessionLife = 30 * 24 * time.Hour
	// LinkLife is the time within which a one-time link can be used.
	LinkLife = 20 * time.Minute
	// WelcomeLife is the same for one that nobody has asked for: to who has a new account.
	WelcomeLife = 7 * 24 * time.Hour
)

// Scopes are what a token can be restricted to.
var Scopes = []string{
	"read",            // all queries that its roles allow
	"write",           // all mutations that its roles allow
	"events:read",     // the event feed, without personal data
	"events:personal", // personal data in the event feed
	"metrics",         // what operators watch
	"accounts",        // what a tool that comes by is to bring about, and its reports
}

// A Token lets a machine, or a person with a terminal, in.
type Token struct {
	ID      string         `json:"id"` // not secret
	Name    string         `json:"name"`
	Party   domain.PartyID `json:"party,omitempty"` // for whom it stands, with their roles of the day
	Roles   []domain.Role  `json:"roles,omitempty"` // that it has of itself
	Scopes  []string       `json:"scopes,omitempty"`
	Created time.Time      `json:"created"`
	Expires time.Time      `json:"expires,omitzero"` // zero: never
	Revoked bool           `json:"revoked,omitempty"`
}

// CreateToken keeps a token, and returns the secret that its holder shows. It is
// not kept and cannot be shown again.
func (a *Access) CreateToken(ctx context.Context, t Token) (secret string, made Token, err error) {
	for _, scope := range t.Scopes {
		if !slices.Contains(Scopes, scope) {
			return "", t, ErrBadScope.With("scope", scope).With("known", strings.Join(Scopes, ", "))
		}
	}
	for _, role := range t.Roles {
		if !slices.Contains(domain.Roles, role) {
			return "", t, ErrBadRole.With("role", role).With("known", fmt.Sprint(domain.Roles))
		}
	}
	secret = newSecret("roch_")
	t.ID, t.Created = hash(secret)[:12], a.Now().UTC().Truncate(time.Second)
	return secret, t, put(ctx, a.KV, tokenSpace+hash(secret), t)
}

// Tokens returns all tokens, in the order of their ids.
func (a *Access) Tokens(ctx context.Context) (tokens []Token, err error) {
	for e, err := range eventstore.Entries(ctx, a.KV, tokenSpace) {
		if err != nil {
			return nil, err
		}
		var t Token
		if err := json.Unmarshal(e.Value, &t); err != nil {
			return nil, fmt.Errorf("access: %s: %w", e.Key, err)
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}

// RevokeToken makes a token, named by its id, useless at once and for ever.
func (a *Access) RevokeToken(ctx context.Context, id string) error {
	entries, err := a.KV.Range(ctx, tokenSpace+id, "", 1)
	if err != nil {
		return err
	}
	if len(entries) == 0 || len(id) < 12 {
		return ErrNoSuchToken.With("token", id)
	}
	return eventstore.Update(ctx, a.KV, entries[0].Key, revoked)
}

// revoked is a token as it is kept once it is useless.
func revoked(e eventstore.Entry) ([]byte, error) {
	var t Token
	if err := json.Unmarshal(e.Value, &t); err != nil {
		return nil, err
	}
	t.Revoked = true
	return json.Marshal(t)
}

// token reads a token as it is kept: anew only if it is written otherwise than before.
func (a *Access) token(e eventstore.Entry) (t Token, err error) {
	type read struct {
		from string
		Token
	}
	if known, ok := a.tokens.Load(e.Key); ok {
		if known := known.(read); known.from == string(e.Value) {
			return known.Token, nil
		}
	}
	if e.Revision == 0 {
		return t, nil
	}
	if err := json.Unmarshal(e.Value, &t); err != nil {
		return t, fmt.Errorf("access: %s: %w", e.Key, err)
	}
	a.tokens.Store(e.Key, read{string(e.Value), t})
	return t, nil
}

// ByToken returns who shows a token, or [ErrBadToken].
func (a *Access) ByToken(ctx context.Context, secret string) (Viewer, error) {
	entries, err := a.KV.Get(ctx, tokenSpace+hash(secret))
	if err != nil {
		return Viewer{}, err
	}
	t, err := a.token(entries[0])
	switch {
	case err != nil:
		return Viewer{}, err
	case entries[0].Revision == 0 || t.Revoked || !t.Expires.IsZero() && !a.Now().Before(t.Expires):
		return Viewer{}, ErrBadToken
	}
	v := Viewer{Name: "token/" + t.ID, Roles: t.Roles, Scopes: t.Scopes}
	if t.Party != "" {
		p, err := a.People.ByID(ctx, t.Party)
		if err == nil && p.Died {
			err = ErrBadToken
		}
		if err != nil {
			return Viewer{}, err
		}
		v.Party, v.Name, v.Was, v.ActsFor, v.Language = p.Party, string(p.Party), p.Was, p.ActsFor, p.Language
		for _, role := range p.Roles {
			if !v.Has(role) {
				v.Roles = append(slices.Clip(v.Roles), role)
			}
		}
	}
	return v, nil
}

// Identify returns who shows a proof: nobody where there is none, or a session that
// has ended. A token that is no good is refused with [ErrBadToken].
func (a *Access) Identify(ctx context.Context, p Proof) (Viewer, error) {
	switch {
	case p.Token != "":
		return a.ByToken(ctx, p.Token)
	case p.Session == "":
		return Viewer{}, nil
	}
	v, err := a.BySession(ctx, p.Session)
	if errors.Is(err, ErrSignedOut) {
		return Viewer{}, nil
	}
	return v, err
}

// A Session is somebody signed in on one device.
type Session struct {
	Party   domain.PartyID `json:"party"`
	By      string         `json:"by"` // how they proved who they are
	Created time.Time      `json:"created"`
	Expires time.Time      `json:"expires"`
}

// StartSession signs a party in, who has proved by some means who they are, and
// returns the secret that goes into their cookie.
func (a *Access) StartSession(ctx context.Context, party domain.PartyID, by string) (secret string, s Session, err error) {
	now := a.Now().UTC().Truncate(time.Second)
	secret, s = newSecret("rocs_"), Session{party, by, now, now.Add(SessionLife)}
	return secret, s, put(ctx, a.KV, sessionSpace+hash(secret), s)
}

// Session returns what a session is, or [ErrSignedOut].
func (a *Access) Session(ctx context.Context, secret string) (s Session, err error) {
	found, err := get(ctx, a.KV, sessionSpace+hash(secret), &s)
	if err == nil && (!found || !a.Now().Before(s.Expires)) {
		err = ErrSignedOut
	}
	return s, err
}

// BySession returns who has signed in, or [ErrSignedOut].
func (a *Access) BySession(ctx context.Context, secret string) (Viewer, error) {
	s, err := a.Session(ctx, secret)
	if err != nil {
		return Viewer{}, err
	}
	p, err := a.People.ByID(ctx, s.Party)
	if err == nil && p.Died {
		return Viewer{}, ErrSignedOut
	}
	return Viewer{Party: p.Party, Name: string(p.Party), Was: p.Was, Roles: p.Roles, ActsFor: p.ActsFor, Language: p.Language}, err
}

// EndSession signs out. To do so again changes nothing.
func (a *Access) EndSession(ctx context.Context, secret string) error {
	return eventstore.Update(ctx, a.KV, sessionSpace+hash(secret), func(eventstore.Entry) ([]byte, error) { return nil, nil })
}

// SignOut ends all sessions of a party, takes back its links, revokes its tokens, and
// ends what it has let services know.
func (a *Access) SignOut(ctx context.Context, party domain.PartyID) error {
	for _, space := range []string{sessionSpace, linkSpace, contactSpace, tokenSpace, requestSpace, codeSpace, grantSpace, consentSpace} {
		for e, err := range eventstore.Entries(ctx, a.KV, space) {
			if err != nil {
				return err
			}
			var of struct {
				Party domain.PartyID `json:"party"`
			}
			if err := json.Unmarshal(e.Value, &of); err != nil {
				return fmt.Errorf("access: %s: %w", e.Key, err)
			}
			if of.Party != party {
				continue
			}
			err := eventstore.Update(ctx, a.KV, e.Key, func(now eventstore.Entry) ([]byte, error) {
				if space != tokenSpace || now.Revision == 0 {
					return nil, nil
				}
				return revoked(now)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

type link struct {
	Party   domain.PartyID `json:"party"`
	Next    string         `json:"next,omitempty"` // page of ours, to begin with
	Expires time.Time      `json:"expires"`
}

// NewLink returns the secret of a link that signs a party in once.
func (a *Access) NewLink(ctx context.Context, party domain.PartyID) (secret string, err error) {
	return a.NewLinkTo(ctx, party, "", LinkLife)
}

// NewLinkTo returns the secret of one that lasts for a time, and leads to a page of ours.
func (a *Access) NewLinkTo(ctx context.Context, party domain.PartyID, next string, life time.Duration) (secret string, err error) {
	secret = newSecret("rocl_")
	return secret, put(ctx, a.KV, linkSpace+hash(secret), link{party, next, a.Now().UTC().Add(life)})
}

// LinkLeads returns the page of ours to which a link leads, or nothing; it is not used up.
func (a *Access) LinkLeads(ctx context.Context, secret string) (next string, err error) {
	var l link
	_, err = get(ctx, a.KV, linkSpace+hash(secret), &l)
	return l.Next, err
}

// UseLink uses a link up and starts a session, or returns [ErrBadLink]. Of two
// who use it at once, one gets in.
func (a *Access) UseLink(ctx context.Context, secret string) (session string, s Session, err error) {
	entries, err := a.KV.Get(ctx, linkSpace+hash(secret))
	if err != nil {
		return "", s, err
	}
	var l link
	if entries[0].Revision == 0 || json.Unmarshal(entries[0].Value, &l) != nil {
		return "", s, ErrBadLink
	}
	err = a.KV.Put(ctx, eventstore.Change{Key: entries[0].Key, Revision: entries[0].Revision})
	switch {
	case eventstore.IsStale(err), err == nil && !a.Now().Before(l.Expires):
		return "", s, ErrBadLink
	case err != nil:
		return "", s, err
	}
	return a.StartSession(ctx, l.Party, "link")
}

// A ContactLink is shown by who reads the address that a party had until now, to confirm
// or decline that it is reached otherwise.
type ContactLink struct {
	Party   domain.PartyID `json:"party"`
	Request string         `json:"request"`
	Expires time.Time      `json:"expires"`
}

// KeepContactLink keeps what a link is for, by its secret. To keep it again changes nothing.
func (a *Access) KeepContactLink(ctx context.Context, secret string, l ContactLink) error {
	return eventstore.Update(ctx, a.KV, contactSpace+hash(secret), func(eventstore.Entry) ([]byte, error) { return json.Marshal(l) })
}

// ContactLink returns what a link is for, or [ErrBadLink].
func (a *Access) ContactLink(ctx context.Context, secret string) (l ContactLink, err error) {
	found, err := get(ctx, a.KV, contactSpace+hash(secret), &l)
	if err == nil && (!found || !a.Now().Before(l.Expires)) {
		err = ErrBadLink
	}
	return l, err
}

// EndContactLink makes a link useless. To do so again changes nothing.
func (a *Access) EndContactLink(ctx context.Context, secret string) error {
	return eventstore.Update(ctx, a.KV, contactSpace+hash(secret), func(eventstore.Entry) ([]byte, error) { return nil, nil })
}

const (
	tokenSpace   = "token/"
	sessionSpace = "session/"
	linkSpace    = "link/"
	contactSpace = "contact-link/"
)

func newSecret(prefix string) string {
	raw := make([]byte, 32)
	rand.Read(raw)
	return prefix + base64.RawURLEncoding.EncodeToString(raw)
}

// hash needs no salt: what it hashes has 256 random bits.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func put(ctx context.Context, kv eventstore.KV, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return kv.Put(ctx, eventstore.Change{Key: key, Value: data})
}

func get(ctx context.Context, kv eventstore.KV, key string, value any) (found bool, err error) {
	entries, err := kv.Get(ctx, key)
	if err != nil || entries[0].Revision == 0 {
		return false, err
	}
	if err := json.Unmarshal(entries[0].Value, value); err != nil {
		return false, errors.Join(fmt.Errorf("access: %s", key), err)
	}
	return true, nil
}
