// Package openid lets people sign in to the services of the co-op, and to others, by
// the co-op: it is a provider of OpenID Connect, by authorization code with PKCE. Who
// may sign in, and what is kept of it, is decided in package processes/access; what
// people see on the way is in package web.
//
// A client asks at /oauth/authorize. What it asks for is kept, and people are led to
// /authorize/<request>, where they sign in and say yes; from there to
// /oauth/authorize/callback, and with a code back to the client.
package openid

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes/access"
)

// Wrapper seals secrets that are kept beside the log.
type Wrapper interface {
	Wrap(ctx context.Context, name string, secret []byte) ([]byte, error)
	Unwrap(ctx context.Context, name string, wrapped []byte) ([]byte, error)
}

// Config is what a provider is made of.
type Config struct {
	Access *access.Access
	Keys   Wrapper
	Issuer string // under which people reach the co-op
	Log    *slog.Logger
}

// Paths are where the provider answers.
var Paths = []string{
	discovery, "/oauth/authorize", callback, "/oauth/token", "/oauth/introspect", "/oauth/userinfo", "/oauth/revoke", "/oauth/keys", "/oauth/end-session",
}

const (
	discovery = oidc.DiscoveryEndpoint
	callback  = "/oauth/authorize/callback"
)

// Page returns the page on which somebody is asked to agree to a request.
func Page(request string) string { return "/authorize/" + request }

// Callback returns the page from which they are led back to the client.
func Callback(request string) string { return callback + "?id=" + url.QueryEscape(request) }

// New returns the handler of [Paths].
func New(ctx context.Context, c Config) (http.Handler, error) {
	s := &storage{Config: c}
	_, secret, err := s.signing(ctx)
	if err != nil {
		return nil, fmt.Errorf("openid: its keys: %w", err)
	}
	at := func(path string) *op.Endpoint { return op.NewEndpoint(path) }
	options := []op.Option{
		op.WithCustomEndpoints(at("oauth/authorize"), at("oauth/token"), at("oauth/userinfo"), at("oauth/revoke"), at("oauth/end-session"), at("oauth/keys")),
		op.WithCustomIntrospectionEndpoint(at("oauth/introspect")),
		op.WithCORSOptions(nil), // clients ask from servers, or from devices
	}
	if strings.HasPrefix(c.Issuer, "http://") {
		options = append(options, op.WithAllowInsecure())
	}
	provider, err := op.NewProvider(&op.Config{
		CryptoKey: [32]byte(secret), CryptoKeyId: "1", CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true,
		DefaultLogoutRedirectURI: c.Issuer + "/sign-in",
		SupportedUILocales:       []language.Tag{language.French, language.Dutch, language.English, language.German},
		SupportedScopes:          []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess},
		SupportedClaims: []string{
			"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "azp", "at_hash", "c_hash",
			"preferred_username", "name", "locale", "email", "email_verified", "quota", "groups",
		},
	}, s, op.StaticIssuer(c.Issuer), options...)
	if err != nil {
		return nil, fmt.Errorf("openid: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", provider)
	mux.HandleFunc(discovery, func(w http.ResponseWriter, r *http.Request) {
		d := op.CreateDiscoveryConfig(op.ContextWithIssuer(r.Context(), c.Issuer), provider, s)
		d.DeviceAuthorizationEndpoint = "" // what we do not do
		d.ResponseTypesSupported = []string{string(oidc.ResponseTypeCode)}
		d.GrantTypesSupported = []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
		d.TokenEndpointAuthSigningAlgValuesSupported, d.RevocationEndpointAuthSigningAlgValuesSupported = nil, nil
		d.IntrospectionEndpointAuthSigningAlgValuesSupported = nil
		op.Discover(w, d)
	})
	return mux, nil
}

type signOutKey struct{}

// SigningOut returns a context in which whoever asks can be signed out here, who has
// a session or not.
func SigningOut(ctx context.Context, session string, signOut func(context.Context) error) context.Context {
	return context.WithValue(ctx, signOutKey{}, signingOut{session, signOut})
}

type signingOut struct {
	session string
	signOut func(context.Context) error
}

// storage is what the library keeps, in the words of package access.
type storage struct {
	Config
	mu    sync.Mutex
	known []signingKey // as they were read
	until time.Time    // for which they are good
	key   []byte       // by which tokens are sealed
}

var (
	_ op.Storage                        = (*storage)(nil)
	_ op.CanSetUserinfoFromRequest      = (*storage)(nil)
	_ op.CanTerminateSessionFromRequest = (*storage)(nil)
)

// client is one in the words of the library.
type client struct{ access.Client }

func (c client) GetID() string                    { return c.ID }
func (c client) RedirectURIs() []string           { return c.Redirects }
func (c client) PostLogoutRedirectURIs() []string { return c.SignedOut }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) LoginURL(request string) string { return Page(request) }
func (c client) AccessTokenType() op.AccessTokenType {
	return op.AccessTokenTypeBearer
}
func (c client) IDTokenLifetime() time.Duration       { return access.AccessLife }
func (c client) DevMode() bool                        { return true } // which is that http on the own machine will do: see access
func (c client) IsScopeAllowed(string) bool           { return false }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c client) ClockSkew() time.Duration             { return 0 }
func (c client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}

func (c client) ApplicationType() op.ApplicationType {
	return op.ApplicationTypeWeb // of which redirects are compared to the letter
}

func (c client) AuthMethod() oidc.AuthMethod {
	if c.Public {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic // or by post: the library takes either
}

func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// request is one in the words of the library.
type request struct{ access.Request }

func (r request) GetID() string                      { return r.ID }
func (r request) GetACR() string                     { return "" }
func (r request) GetAMR() []string                   { return nil }
func (r request) GetAudience() []string              { return []string{r.Client} }
func (r request) GetAuthTime() time.Time             { return r.SignedIn }
func (r request) GetClientID() string                { return r.Client }
func (r request) GetNonce() string                   { return r.Nonce }
func (r request) GetRedirectURI() string             { return r.Redirect }
func (r request) GetResponseType() oidc.ResponseType { return oidc.ResponseTypeCode }
func (r request) GetResponseMode() oidc.ResponseMode { return oidc.ResponseMode(r.Mode) }
func (r request) GetScopes() []string                { return r.Scopes }
func (r request) GetState() string                   { return r.State }
func (r request) GetSubject() string                 { return subject(r.Party, r.Account) }
func (r request) Done() bool                         { return r.Party != "" }
func (r request) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.Challenge, Method: oidc.CodeChallengeMethodS256}
}

// renewal is a grant that is to be renewed, in the words of the library.
type renewal struct {
	access.Grant
	scopes []string
}

func (r *renewal) GetAMR() []string                 { return nil }
func (r *renewal) GetAudience() []string            { return []string{r.Client} }
func (r *renewal) GetAuthTime() time.Time           { return r.SignedIn }
func (r *renewal) GetClientID() string              { return r.Client }
func (r *renewal) GetScopes() []string              { return r.scopes }
func (r *renewal) GetSubject() string               { return subject(r.Party, r.Account) }
func (r *renewal) SetCurrentScopes(scopes []string) { r.scopes = scopes }

// subject is who signs in to a client: the account, since a party may have several,
// or the party where the client asks for no account.
func subject(party domain.PartyID, account domain.AccountID) string {
	if account != "" {
		return url.PathEscape(string(account))
	}
	return url.PathEscape(string(party))
}

// CreateAuthRequest keeps what a client asks for.
func (s *storage) CreateAuthRequest(ctx context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if asked.CodeChallenge == "" || asked.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE is needed, by the method S256")
	}
	if !slices.Contains(asked.Scopes, oidc.ScopeOpenID) {
		return nil, oidc.ErrInvalidScope().WithDescription("the scope openid is needed")
	}
	if asked.ResponseMode != "" && asked.ResponseMode != oidc.ResponseModeQuery {
		return nil, oidc.ErrInvalidRequest().WithDescription("the only response mode is query")
	}
	r := access.Request{
		Client: asked.ClientID, Redirect: asked.RedirectURI, Scopes: asked.Scopes, State: asked.State, Nonce: asked.Nonce,
		Challenge: asked.CodeChallenge, Silent: slices.Contains(asked.Prompt, oidc.PromptNone), Ask: slices.Contains(asked.Prompt, oidc.PromptConsent),
	}
	if asked.MaxAge != nil { // 0 for who is to sign in anew
		r.Since = s.Access.Now().UTC().Add(-time.Duration(*asked.MaxAge) * time.Second)
	}
	if len(asked.UILocales) > 0 {
		r.Language = asked.UILocales[0].String()
	}
	r, err := s.Access.Ask(ctx, r)
	return request{r}, err
}

// AuthRequestByID returns a request.
func (s *storage) AuthRequestByID(ctx context.Context, id string) (op.AuthRequest, error) {
	r, err := s.Access.Asked(ctx, id)
	if err != nil {
		return nil, s.failed(ctx, err, oidc.ErrInvalidRequest())
	}
	return request{r}, nil
}

// AuthRequestByCode uses a code up.
func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	r, err := s.Access.UseCode(ctx, code)
	if err != nil {
		return nil, s.failed(ctx, err, oidc.ErrInvalidGrant())
	}
	return request{r}, nil
}

// SaveAuthCode keeps the code for a request.
func (s *storage) SaveAuthCode(ctx context.Context, id, code string) error {
	r, err := s.Access.Asked(ctx, id)
	if err == nil {
		err = s.Access.KeepCode(ctx, r, code)
	}
	return s.failed(ctx, err, oidc.ErrInvalidRequest())
}

// DeleteAuthRequest forgets a request.
func (s *storage) DeleteAuthRequest(ctx context.Context, id string) error {
	return s.Access.Withdraw(ctx, id)
}

// CreateAccessToken gives out an access token alone.
func (s *storage) CreateAccessToken(ctx context.Context, r op.TokenRequest) (id string, expires time.Time, err error) {
	asked, ok := r.(request)
	if !ok {
		return "", expires, oidc.ErrUnsupportedGrantType()
	}
	id, _, expires, err = s.Access.Issue(ctx, asked.Request, false)
	return id, expires, s.failed(ctx, err, oidc.ErrInvalidGrant())
}

// CreateAccessAndRefreshTokens gives out both.
func (s *storage) CreateAccessAndRefreshTokens(ctx context.Context, r op.TokenRequest, current string) (id, refresh string, expires time.Time, err error) {
	switch r := r.(type) {
	case request:
		id, refresh, expires, err = s.Access.Issue(ctx, r.Request, true)
	case *renewal:
		id, refresh, expires, err = s.Access.Renew(ctx, current, r.scopes)
	default:
		return "", "", expires, oidc.ErrUnsupportedGrantType()
	}
	return id, refresh, expires, s.failed(ctx, err, oidc.ErrInvalidGrant())
}

// TokenRequestByRefreshToken returns the grant that a refresh token renews.
func (s *storage) TokenRequestByRefreshToken(ctx context.Context, token string) (op.RefreshTokenRequest, error) {
	g, err := s.Access.ByRefresh(ctx, token)
	if err == nil {
		_, _, err = s.Access.Holder(ctx, g)
	}
	if err != nil {
		return nil, s.failed(ctx, err, oidc.ErrInvalidGrant())
	}
	return &renewal{g, g.Scopes}, nil
}

// failed says to a client what went wrong: a refusal in the words of the protocol,
// and of a fault nothing.
func (s *storage) failed(ctx context.Context, err error, refused *oidc.Error) error {
	if err == nil {
		return nil
	}
	if refusal, ok := errors.AsType[domain.Refusal](err); ok {
		return refused.WithDescription("%s", refusal.Error())
	}
	s.Log.ErrorContext(ctx, "openid", "err", err)
	return oidc.ErrServerError()
}

// TerminateSession is not used: see [storage.TerminateSessionFromRequest].
func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

// TerminateSessionFromRequest signs out here whom a client says by a token of ours to
// be signed out; whom it does not name is asked.
func (s *storage) TerminateSessionFromRequest(ctx context.Context, r *op.EndSessionRequest) (string, error) {
	here, _ := ctx.Value(signOutKey{}).(signingOut)
	if here.session == "" {
		return r.RedirectURI, nil
	}
	v, err := s.Access.BySession(ctx, here.session)
	if errors.Is(err, access.ErrSignedOut) {
		return r.RedirectURI, nil
	} else if err != nil {
		return "", err
	}
	if r.UserID == "" {
		return s.Issuer + "/sign-out", nil
	}
	held, err := s.Access.Accounts.AccountsHeld(ctx, v.Party)
	if err != nil {
		return "", err
	}
	theirs := r.UserID == subject(v.Party, "")
	for _, account := range held {
		theirs = theirs || r.UserID == subject(v.Party, account.ID)
	}
	if !theirs { // somebody else is signed in here by now
		return r.RedirectURI, nil
	}
	if err := s.Access.EndGrants(ctx, here.session, ""); err != nil {
		return "", err
	}
	return r.RedirectURI, here.signOut(ctx)
}

// RevokeToken ends a token of a client.
func (s *storage) RevokeToken(ctx context.Context, token, _, client string) *oidc.Error {
	var err error
	if isRefresh(token) {
		err = s.Access.EndGrant(ctx, client, token)
	} else {
		err = s.Access.EndAccess(ctx, client, token)
	}
	if failed, ok := errors.AsType[*oidc.Error](s.failed(ctx, err, oidc.ErrInvalidClient())); ok {
		return failed
	}
	return nil
}

func isRefresh(token string) bool { return strings.HasPrefix(token, "rocg_") }

// GetRefreshTokenInfo tells a refresh token from others.
func (s *storage) GetRefreshTokenInfo(_ context.Context, _, token string) (user, id string, err error) {
	if !isRefresh(token) {
		return "", "", op.ErrInvalidRefreshToken
	}
	return "", token, nil
}

// GetClientByClientID returns a client.
func (s *storage) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Access.Client(ctx, id)
	if err != nil {
		return nil, s.failed(ctx, err, oidc.ErrInvalidClient())
	}
	return client{c}, nil
}

// AuthorizeClientIDSecret refuses who does not have a client's secret.
func (s *storage) AuthorizeClientIDSecret(ctx context.Context, id, secret string) error {
	return s.failed(ctx, s.Access.ProveClient(ctx, id, secret), oidc.ErrInvalidClient())
}

// SetUserinfoFromScopes does nothing: see [storage.SetUserinfoFromRequest].
func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromRequest says in an ID token who signed in.
func (s *storage) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	var g access.Grant
	switch r := r.(type) {
	case request:
		g = access.Grant{Client: r.Client, Party: r.Party, Account: r.Account}
	case *renewal:
		g = r.Grant
	default:
		return oidc.ErrUnsupportedGrantType()
	}
	return s.failed(ctx, s.describe(ctx, info, g, scopes), oidc.ErrInvalidGrant())
}

// SetUserinfoFromToken says it to who has an access token.
func (s *storage) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, _, _ string) error {
	g, t, err := s.Access.ByAccess(ctx, token)
	if err == nil {
		err = s.describe(ctx, info, g, t.Scopes)
	}
	return s.failed(ctx, err, oidc.ErrAccessDenied())
}

// SetIntrospectionFromToken says to a service whose token it was shown: to the client
// of the token, and to one of the co-op for the same service.
func (s *storage) SetIntrospectionFromToken(ctx context.Context, answer *oidc.IntrospectionResponse, token, _, asking string) error {
	g, t, err := s.Access.ByAccess(ctx, token)
	if err != nil {
		return s.failed(ctx, err, oidc.ErrAccessDenied())
	}
	by, err := s.Access.Client(ctx, asking)
	if err != nil {
		return s.failed(ctx, err, oidc.ErrInvalidClient())
	}
	info := new(oidc.UserInfo)
	if err := s.describe(ctx, info, g, t.Scopes); err != nil {
		return s.failed(ctx, err, oidc.ErrAccessDenied())
	}
	_, held, err := s.Access.Holder(ctx, g)
	if err != nil || asking != g.Client && (!by.Own || by.Service == "" || by.Service != held.Service) {
		return oidc.ErrAccessDenied()
	}
	answer.SetUserInfo(info)
	answer.Username, answer.PreferredUsername = string(held.Login), string(held.Login)
	answer.Scope, answer.ClientID, answer.TokenType = t.Scopes, g.Client, oidc.BearerToken
	answer.Expiration, answer.IssuedAt, answer.AuthTime = oidc.FromTime(t.Expires), oidc.FromTime(t.Issued), oidc.FromTime(g.SignedIn)
	answer.Audience, answer.Issuer = oidc.Audience{g.Client}, s.Issuer
	return nil
}

// describe says who has a grant, as far as scopes go and the client is to know.
func (s *storage) describe(ctx context.Context, info *oidc.UserInfo, g access.Grant, scopes []string) error {
	p, held, err := s.Access.Holder(ctx, g)
	if err != nil {
		return err
	}
	c, err := s.Access.Client(ctx, g.Client)
	if err != nil {
		return err
	}
	info.Subject = subject(g.Party, g.Account)
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.Name, info.PreferredUsername = p.Name, string(held.Login)
		if tag, err := language.Parse(string(p.Language)); err == nil {
			info.Locale = oidc.NewLocale(tag)
		}
		if slices.Contains(c.Claims, "groups") {
			info.AppendClaims("groups", p.Roles)
		}
		if slices.Contains(c.Claims, "quota") && g.Account != "" {
			info.AppendClaims("quota", quota(held.Quota))
		}
	}
	if slices.Contains(scopes, oidc.ScopeEmail) {
		info.Email, info.EmailVerified, err = s.address(ctx, p)
	}
	return err
}

// address is where somebody gets mail: the mailbox that they have of the co-op, which
// is theirs for sure, or that by which it writes to them.
func (s *storage) address(ctx context.Context, p access.Person) (string, oidc.Bool, error) {
	all, err := s.Access.Accounts.AccountsHeld(ctx, p.Party)
	if err != nil {
		return "", false, err
	}
	for _, held := range all {
		if held.Service == domain.Mail && held.Status == provisioning.StatusActive {
			return string(held.Login), true, nil
		}
	}
	return p.Email, false, nil
}

// quota is one as Nextcloud takes it: in bytes, without a unit.
func quota(q domain.Bytes) string {
	if q == provisioning.Unlimited {
		return "none"
	}
	return fmt.Sprintf("%d", int64(q))
}

// GetPrivateClaimsFromScopes adds nothing: access tokens say nothing.
func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// GetKeyByIDAndClientID has none: clients sign nothing.
func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errors.New("clients have no keys")
}

// ValidateJWTProfileScopes allows none.
func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errors.New("clients have no keys")
}

// Health is looked at elsewhere.
func (s *storage) Health(context.Context) error { return nil }

// How long a key signs, how long it is shown before it does, so that clients have it,
// and after, so that what it has signed can be checked.
const (
	signs  = 60 * 24 * time.Hour
	before = 2 * 24 * time.Hour
	after  = 7 * 24 * time.Hour
)

const (
	keysEntry = "openid/keys"
	wrapName  = "openid"
)

// keptKeys are what is kept of keys, for all nodes.
type keptKeys struct {
	Sealing []byte    `json:"sealing"` // wrapped, by which tokens are sealed
	Keys    []keptKey `json:"keys"`    // oldest first
}

type keptKey struct {
	ID      string    `json:"id"`
	From    time.Time `json:"from"` // when it begins to sign
	Wrapped []byte    `json:"wrapped"`
}

// signingKey is one that signs, or has, or will, in the words of the library.
type signingKey struct {
	id      string
	from    time.Time
	private *rsa.PrivateKey
}

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                    { return k.private }

// shownKey is what others see of it.
type shownKey struct{ signingKey }

func (k shownKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k shownKey) Use() string                        { return oidc.KeyUseSignature }
func (k shownKey) Key() any                           { return k.private.Public() }

// SigningKey returns the key that signs now.
func (s *storage) SigningKey(ctx context.Context) (op.SigningKey, error) {
	keys, _, err := s.signing(ctx)
	if err != nil {
		return nil, s.failed(ctx, err, nil)
	}
	now := s.Access.Now()
	for _, k := range slices.Backward(keys) {
		if !k.from.After(now) {
			return k, nil
		}
	}
	return keys[0], nil
}

// SignatureAlgorithms returns that of all keys.
func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

// KeySet returns all keys by which something may be signed.
func (s *storage) KeySet(ctx context.Context) (shown []op.Key, err error) {
	keys, _, err := s.signing(ctx)
	for _, k := range keys {
		shown = append(shown, shownKey{k})
	}
	return shown, s.failed(ctx, err, nil)
}

// signing returns the keys, and makes those that there should be: one that signs,
// and the next in good time. It reads them once a minute.
func (s *storage) signing(ctx context.Context) (keys []signingKey, secret []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Access.Now().UTC()
	if len(s.known) > 0 && now.Before(s.until) {
		return s.known, s.key, nil
	}
	var kept keptKeys
	err = eventstore.Update(ctx, s.Access.KV, keysEntry, func(e eventstore.Entry) ([]byte, error) {
		kept = keptKeys{}
		if e.Revision > 0 {
			if err := json.Unmarshal(e.Value, &kept); err != nil {
				return nil, err
			}
		}
		changed, err := s.turn(ctx, &kept, now)
		if err != nil || !changed && e.Revision > 0 {
			return e.Value, err
		}
		return json.Marshal(kept)
	})
	if err != nil {
		return nil, nil, err
	}
	for _, k := range kept.Keys {
		der, err := s.Keys.Unwrap(ctx, wrapName, k.Wrapped)
		if err != nil {
			return nil, nil, err
		}
		private, err := x509.ParsePKCS1PrivateKey(der)
		if err != nil {
			return nil, nil, err
		}
		keys = append(keys, signingKey{k.ID, k.From, private})
	}
	if secret, err = s.Keys.Unwrap(ctx, wrapName, kept.Sealing); err != nil {
		return nil, nil, err
	}
	s.known, s.key, s.until = keys, secret, now.Add(time.Minute)
	return keys, secret, nil
}

// turn makes keys and forgets them, as time goes by.
func (s *storage) turn(ctx context.Context, kept *keptKeys, now time.Time) (changed bool, err error) {
	if kept.Sealing == nil {
		raw := make([]byte, 32)
		rand.Read(raw)
		if kept.Sealing, err = s.Keys.Wrap(ctx, wrapName, raw); err != nil {
			return false, err
		}
		changed = true
	}
	from := now
	if n := len(kept.Keys); n > 0 {
		from = kept.Keys[n-1].From.Add(signs)
		if latest := now.Add(before); from.Before(latest) {
			from = latest
		}
	}
	if n := len(kept.Keys); n == 0 || now.After(kept.Keys[n-1].From.Add(signs-before)) {
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return false, err
		}
		wrapped, err := s.Keys.Wrap(ctx, wrapName, x509.MarshalPKCS1PrivateKey(private))
		if err != nil {
			return false, err
		}
		kept.Keys = append(kept.Keys, keptKey{rand.Text()[:16], from.Truncate(time.Second), wrapped})
		changed = true
	}
	for len(kept.Keys) > 1 && now.After(kept.Keys[1].From.Add(after)) {
		kept.Keys, changed = kept.Keys[1:], true
	}
	return changed, nil
}
