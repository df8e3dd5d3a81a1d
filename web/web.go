// Package web is the co-op's door: it finds out who is asking, lets people sign
// in and out, and leads each request to whoever answers it. It has no opinions on
// what they may ask for.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/processes/access"
)

// SessionCookie is the name of the cookie of those who have signed in.
const SessionCookie = "rochdale_session"

// Config is what the door is made of.
type Config struct {
	Access  *access.Access
	Links   Links
	BaseURL string        // under which people reach it, without a slash at the end
	Coop    func() string // the name of the co-op
	Log     *slog.Logger

	GraphQL  http.Handler // at /graphql
	Explorer http.Handler // at /; may be nil
	Folders  http.Handler // at /dav/; may be nil
	Metrics  http.Handler // at /metrics, for those with the scope "metrics"; may be nil
	// Ready tells why the node cannot serve yet, or any more.
	Ready func(context.Context) error
	// Trusted is whether a proxy in front says in X-Forwarded-For who asks.
	Trusted bool
}

// Links sends one-time links to those who ask for one.
type Links interface {
	// Request sends a link to whoever in the co-op has an address, later and
	// without saying whether anybody has.
	Request(ctx context.Context, email string, lang domain.Language)
}

type server struct {
	Config
	limits limits
}

// New returns the handler of all that the co-op serves.
func New(c Config) http.Handler {
	s := &server{Config: c}
	mux := http.NewServeMux()
	mux.Handle("/graphql", s.identify(c.GraphQL))
	mux.HandleFunc("GET /sign-in", s.signIn)
	mux.HandleFunc("POST /sign-in", s.requestLink)
	mux.HandleFunc("GET /sign-in/{link}", s.confirmLink)
	mux.HandleFunc("POST /sign-in/{link}", s.useLink)
	mux.HandleFunc("POST /sign-out", s.signOut)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", s.readiness)
	if c.Folders != nil {
		mux.Handle("/dav/", c.Folders)
	}
	if c.Metrics != nil {
		mux.Handle("GET /metrics", s.identify(s.scoped("metrics", c.Metrics)))
	}
	if c.Explorer != nil {
		mux.Handle("GET /{$}", c.Explorer)
	}
	// A browser must not be made to act for somebody who has signed in by a page
	// of somebody else. What is no browser sends no Origin, and is let through.
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.AddInsecureBypassPattern("/dav/") // has no sessions
	return s.recovered(secured(crossOrigin.Handler(mux)))
}

// secured sets the headers that keep a browser from being led astray.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
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
				plain(w, http.StatusInternalServerError, "something went wrong on our side")
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// identify finds out who asks: by a token, or else by a session.
func (s *server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		viewer, err := s.viewer(r)
		if refusal, refused := errors.AsType[domain.Refusal](err); refused {
			w.Header().Set("WWW-Authenticate", `Bearer realm="rochdale"`)
			s.refuse(w, r, http.StatusUnauthorized, refusal)
			return
		}
		if err != nil {
			s.Log.ErrorContext(r.Context(), "who is asking?", "err", err)
			plain(w, http.StatusServiceUnavailable, "something went wrong on our side")
			return
		}
		if viewer.Name != "" {
			r = r.WithContext(access.With(r.Context(), viewer))
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) viewer(r *http.Request) (access.Viewer, error) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return s.Access.ByToken(r.Context(), strings.TrimSpace(token))
	}
	cookie, err := r.Cookie(SessionCookie)
	if err != nil {
		return access.Viewer{}, nil // nobody in particular
	}
	viewer, err := s.Access.BySession(r.Context(), cookie.Value)
	if errors.Is(err, access.ErrSignedOut) {
		return access.Viewer{}, nil // who had signed in once
	}
	return viewer, err
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

var errForbidden = domain.Refusal{
	Code: "access.forbidden", Reason: "this takes the role operator, or a token with the scope {scope}",
}

func (s *server) readiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		plain(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	plain(w, http.StatusOK, "ready")
}

// refuse answers a machine with JSON in the form of GraphQL's errors, and a
// person with a line of text.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, status int, refusal domain.Refusal) {
	message := catalogue.Refusal(languageOf(r), refusal)
	if r.URL.Path != "/graphql" {
		plain(w, status, message)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	writeJSON(w, map[string]any{"errors": []any{map[string]any{
		"message": message, "extensions": map[string]any{"code": refusal.Code, "args": refusal.Args},
	}}})
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// client returns the address from which a request comes.
func (s *server) client(r *http.Request) string {
	if forwarded := r.Header.Get("X-Forwarded-For"); s.Trusted && forwarded != "" {
		last := forwarded[strings.LastIndex(forwarded, ",")+1:] // what the proxy itself has seen
		return strings.TrimSpace(last)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
