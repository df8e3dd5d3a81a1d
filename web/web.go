// Package web is the co-op's door: it finds out who is asking, lets people sign
// in and out, and leads each request to whoever answers it. It has no opinions on
// what they may ask for.
package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/processes"
	"rochdale/processes/access"
	"rochdale/web/openid"
)

// SessionCookie is the name of the cookie of those who have signed in. Under https
// it has the prefix __Host-, by which a browser takes it from this host alone.
const SessionCookie = "rochdale_session"

// Config is what the door is made of.
type Config struct {
	Access *access.Access
	Links  Links
	// Contacts answers at /contact/ who reads the old address of a party; may be nil.
	Contacts Contacts
	BaseURL  string        // under which people reach it
	Coop     func() string // the name of the co-op
	Log      *slog.Logger

	GraphQL     http.Handler    // at /graphql
	Explorer    http.Handler    // at /; may be nil
	Folders     http.Handler    // at /dav/; may be nil
	Metrics     http.Handler    // at /metrics, for those with the scope "metrics"; may be nil
	OpenID      http.Handler    // at the paths of package openid; may be nil
	Credentials Credentials     // at /services; may be nil
	Usage       Usage           // of accounts, at /services; may be nil
	Reach       processes.Reach // that programs set themselves up by, if it is known
	// Families are who share subscriptions, at /services; may be nil.
	Families *processes.Families
	Today    func() calendar.Date // the day of the co-op, for them
	Feed     *Feed                // at /events, for programs; may be nil
	Schemas  fs.FS                // of events, at /schemas; may be nil
	// Pull are accounts that tools come by for, at /pull/ and the name of their target.
	Pull map[string]http.Handler
	// Ready tells why the node cannot serve yet, or any more.
	Ready func(context.Context) error
	// Trusted is whether a proxy in front says in X-Forwarded-For who asks.
	Trusted bool
	// Asking is the longest that a client may take to send what it asks for, 30 s
	// if 0; to take the answer it has twice as long. Streams, sockets and folders
	// have bounds of their own.
	Asking time.Duration
}

// Links sends one-time links to those who ask for one.
type Links interface {
	// Request sends a link to whoever in the co-op has an address, later and
	// without saying whether anybody has. It leads to a page of ours, or nowhere.
	Request(ctx context.Context, email string, lang domain.Language, next string)
}

// Contacts are changes of address that wait to be confirmed by way of the old one.
type Contacts interface {
	// Asked returns the address that a link is to confirm.
	Asked(ctx context.Context, link string) (email string, err error)
	// Answer confirms or declines it, once.
	Answer(ctx context.Context, link string, confirmed bool) error
}

type server struct {
	Config
	origin  string // of BaseURL
	secure  bool   // by https
	clients limits
	letters limits
	asking  limits // for sign-in to services
	offers  limits // of part of a subscription, which find out who is known here
	failing limits // of services to prove who they are
}

// New returns the handler of all that the co-op serves.
func New(c Config) http.Handler {
	s := &server{
		Config: c, clients: newLimits(perClient), letters: newLimits(perAddress), offers: newLimits(perPayer),
		asking: newLimits(perClient), failing: newLimits(perClient),
	}
	s.Asking = cmp.Or(c.Asking, 30*time.Second)
	if u, err := url.Parse(c.BaseURL); err == nil && u.Host != "" {
		s.origin, s.secure = u.Scheme+"://"+u.Host, u.Scheme == "https"
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", s.signIn)
	mux.HandleFunc("POST /sign-in", s.requestLink)
	mux.HandleFunc("GET /sign-in/{link}", s.confirmLink)
	mux.HandleFunc("POST /sign-in/{link}", s.useLink)
	mux.HandleFunc("POST /sign-out", s.signOut)
	if c.Contacts != nil {
		mux.HandleFunc("GET /contact/{link}", s.askContact)
		mux.HandleFunc("POST /contact/{link}", s.answerContact)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", s.readiness)
	if c.OpenID != nil {
		for _, path := range openid.Paths {
			mux.HandleFunc(path, s.openID)
		}
		mux.HandleFunc("GET /authorize/{request}", s.authorize)
		mux.HandleFunc("POST /authorize/{request}", s.agree)
		mux.HandleFunc("GET /sign-out", s.confirmSignOut)
	}
	if c.Credentials != nil {
		mux.HandleFunc("GET "+Services, s.showServices)
		mux.HandleFunc("POST "+Services+"/{account}/password", s.setPassword)
		mux.HandleFunc("POST "+Services+"/{account}/devices", s.addDevice)
		mux.HandleFunc("POST "+Services+"/{account}/devices/remove", s.removeDevice)
		mux.HandleFunc("GET "+Services+"/{account}/status", s.showStatus)
		mux.HandleFunc("GET "+Services+"/{account}/profile", s.getProfile)
		mux.HandleFunc("GET "+Services+"/{account}/archive", s.getArchive)
		if c.Families != nil {
			s.share(mux)
		}
	}
	s.setUp(mux)
	if c.Metrics != nil {
		mux.Handle("GET /metrics", s.identify(s.scoped("metrics", c.Metrics)))
	}
	if c.Feed != nil {
		s.events(mux)
	}
	if c.Schemas != nil {
		mux.HandleFunc("GET /schemas", s.schemas)
		mux.HandleFunc("GET /schemas/{type}/{edition}", s.schema)
	}
	for target, accounts := range c.Pull {
		s.pull(mux, target, accounts)
	}
	if c.Explorer != nil {
		mux.Handle("GET /{$}", c.Explorer)
	}
	handler := s.timely(s.sameOrigin(s.found(mux)))
	if c.Folders != nil { // have no sessions, and files take long
		all := http.NewServeMux()
		all.Handle("/dav/", s.past(c.Folders))
		all.Handle("/", handler)
		handler = all
	}
	api := s.timely(s.sameOrigin(s.identify(c.GraphQL)))
	return s.secured(s.recovered(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == graphqlPath { // most requests are, and need not be looked up
			api.ServeHTTP(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	})))
}

const graphqlPath = "/graphql"

// secured sets the headers that keep a browser from being led astray. Those that say
// how a page is shown are for pages.
func (s *server) secured(next http.Handler) http.Handler {
	data := http.Header{
		"X-Content-Type-Options":       {"nosniff"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
	}
	if s.secure {
		data.Set("Strict-Transport-Security", "max-age=31536000")
	}
	pages := maps.Clone(data)
	pages.Set("Referrer-Policy", "same-origin")
	pages.Set("X-Frame-Options", "DENY")
	pages.Set("Cross-Origin-Opener-Policy", "same-origin")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == graphqlPath {
			maps.Copy(w.Header(), data)
		} else {
			maps.Copy(w.Header(), pages)
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				s.Log.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				s.fault(w, r, http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// timely cuts off who takes too long to ask, or to be answered.
func (s *server) timely(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control, now := http.NewResponseController(w), time.Now()
		_ = control.SetWriteDeadline(now.Add(2 * s.Asking)) // where that is not supported, nobody can be cut off
		if r.Body != http.NoBody {
			_ = control.SetReadDeadline(now.Add(s.Asking))
			r.Body = &body{r.Body, control}
		}
		next.ServeHTTP(w, r)
	})
}

// body is that of a request. Once it is read, nothing more is waited for: a stream
// that answers it must not end because its client is silent.
type body struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b *body) Read(p []byte) (n int, err error) {
	if n, err = b.ReadCloser.Read(p); errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// sameOrigin keeps a browser from acting for somebody who has signed in by a page
// of somebody else. What is no browser sends no Origin, and is let through.
func (s *server) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	if s.origin != "" {
		_ = protection.AddTrustedOrigin(s.origin) // it is one
	}
	for _, path := range []string{"/oauth/authorize", "/oauth/end-session"} { // where a service sends people, perhaps by a form; both ask them first
		protection.AddInsecureBypassPattern("POST " + path)
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusForbidden, errCrossOrigin)
	}))
	return protection.Handler(next)
}

// found answers what leads nowhere.
func (s *server) found(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		lost := &answer{header: w.Header()} // it may say which methods there are
		handler.ServeHTTP(lost, r)
		if lost.status == http.StatusMethodNotAllowed {
			s.refuse(w, r, lost.status, errNoMethod.With("method", r.Method))
			return
		}
		s.refuse(w, r, http.StatusNotFound, errNoPage)
	})
}

// answer is one that is looked at and not sent.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(p []byte) (int, error) { return len(p), nil }
func (a *answer) WriteHeader(status int)      { a.status = status }

// past has a handler see, past a proxy, from where a request comes.
func (s *server) past(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(r.Context()) // a copy
		r.RemoteAddr = s.client(r)
		next.ServeHTTP(w, r)
	})
}

// identify finds out who asks: by a token, or else by a session.
func (s *server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := s.proof(r)
		viewer, err := s.Access.Identify(r.Context(), shown)
		if refusal, refused := errors.AsType[domain.Refusal](err); refused {
			w.Header().Set("WWW-Authenticate", `Bearer realm="rochdale", error="invalid_token"`)
			s.refuse(w, r, http.StatusUnauthorized, refusal)
			return
		}
		if err != nil {
			s.Log.ErrorContext(r.Context(), "who is asking?", "err", err)
			s.fault(w, r, http.StatusServiceUnavailable)
			return
		}
		ctx := access.Identifying(r.Context(), shown, s.Access.Identify)
		next.ServeHTTP(w, r.WithContext(access.With(ctx, viewer)))
	})
}

func (s *server) proof(r *http.Request) (shown access.Proof) {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		if shown.Token = strings.TrimSpace(token); shown.Token == "" {
			shown.Token = "none" // and so is refused
		}
	}
	if cookie, err := r.Cookie(s.cookieName()); err == nil {
		shown.Session = cookie.Value
	}
	return shown
}

func (s *server) scoped(scope string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, known := access.Of(r.Context())
		if !known || !v.Allows(scope) || !v.Has(domain.RoleOperator) && len(v.Scopes) == 0 {
			s.refuse(w, r, http.StatusForbidden, errForbidden.With("scope", scope))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// The rules by which a request is led nowhere.
var (
	errForbidden = domain.Refusal{
		Code: "access.forbidden", Reason: "this takes the role operator, or a token with the scope {scope}",
	}
	errCrossOrigin = domain.Refusal{
		Code: "access.cross_origin", Reason: "this came from a page of another site, which may not act for you: start from here",
	}
	errNoPage   = domain.Refusal{Code: "access.no_page", Reason: "there is nothing at this address"}
	errNoMethod = domain.Refusal{Code: "access.no_method", Reason: "nothing at this address answers to {method}"}
)

func (s *server) readiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		plain(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	plain(w, http.StatusOK, "ready")
}

// refuse says why not.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, status int, refusal domain.Refusal) {
	extensions := map[string]any{"code": refusal.Code}
	if len(refusal.Args) > 0 {
		extensions["args"] = refusal.Args
	}
	s.say(w, r, status, catalogue.Refusal(languageOf(r), refusal), extensions)
}

// fault says that something went wrong, and nothing more.
func (s *server) fault(w http.ResponseWriter, r *http.Request, status int) {
	s.say(w, r, status, catalogue.Word(languageOf(r), "access.fault"), map[string]any{"code": "fault"})
}

// say answers a client of the API with JSON in the form of GraphQL's errors, a
// browser with a page, and others with a line of text.
func (s *server) say(w http.ResponseWriter, r *http.Request, status int, message string, extensions map[string]any) {
	switch {
	case r.URL.Path == "/graphql":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		writeJSON(w, map[string]any{"errors": []any{map[string]any{"message": message, "extensions": extensions}}})
	case strings.Contains(r.Header.Get("Accept"), "text/html"):
		s.show(w, r, status, "error", message)
	default:
		plain(w, status, message)
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// client returns the address from which a request comes; of IPv6, the network,
// since whoever has one has all of it.
func (s *server) client(r *http.Request) string {
	from := r.RemoteAddr
	if seen := r.Header.Values("X-Forwarded-For"); s.Trusted && len(seen) > 0 {
		all := strings.Split(seen[len(seen)-1], ",")
		from = strings.TrimSpace(all[len(all)-1]) // what the proxy itself has seen
	}
	if host, _, err := net.SplitHostPort(from); err == nil {
		from = host
	}
	addr, err := netip.ParseAddr(from)
	if err != nil {
		return "unknown"
	}
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		network, _ := addr.Prefix(64) // which is no more than it has
		return network.String()
	}
	return addr.String()
}
