package web

import (
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"math"
	"net/http"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/time/rate"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/processes/access"
)

//go:embed signin.html
var pages embed.FS

var signInPage = template.Must(template.ParseFS(pages, "signin.html"))

// page is what the sign-in page shows.
type page struct {
	Lang    domain.Language
	Coop    string
	Step    string // "ask", "sent", "confirm" or "failed"
	Message string
	words   func(code string) string
}

// T returns a message of the page in its language.
func (p page) T(code string) string { return p.words("access." + code) }

func (s *server) show(w http.ResponseWriter, r *http.Request, status int, step, message string) {
	lang := languageOf(r)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'")
	w.WriteHeader(status)
	err := signInPage.Execute(w, page{lang, s.Coop(), step, message, func(code string) string { return catalogue.Word(lang, code) }})
	if err != nil {
		s.Log.WarnContext(r.Context(), "sign-in page", "err", err)
	}
}

func (s *server) signIn(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, "ask", "")
}

// requestLink answers alike whether or not anybody has the address.
func (s *server) requestLink(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	email := strings.ToLower(strings.TrimSpace(r.PostFormValue("email")))
	if _, err := mail.ParseAddress(email); err != nil || len(email) > 254 {
		s.show(w, r, http.StatusUnprocessableEntity, "ask", catalogue.Word(languageOf(r), "access.bad_email"))
		return
	}
	if !s.admit(w, r, "ip/"+s.client(r), "mail/"+email) {
		return
	}
	s.Links.Request(r.Context(), email, languageOf(r))
	s.show(w, r, http.StatusOK, "sent", "")
}

// confirmLink asks for a click, because programs that look through people's mail
// follow links too, and would use this one up.
func (s *server) confirmLink(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, "confirm", "")
}

func (s *server) useLink(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r, "ip/"+s.client(r)) {
		return
	}
	secret, _, err := s.Access.UseLink(r.Context(), r.PathValue("link"))
	if refusal, refused := errors.AsType[domain.Refusal](err); refused {
		s.show(w, r, http.StatusForbidden, "failed", catalogue.Refusal(languageOf(r), refusal))
		return
	} else if err != nil {
		s.Log.ErrorContext(r.Context(), "sign in", "err", err)
		plain(w, http.StatusServiceUnavailable, "something went wrong on our side")
		return
	}
	http.SetCookie(w, s.cookie(secret, access.SessionLife))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *server) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(SessionCookie); err == nil {
		if err := s.Access.EndSession(r.Context(), cookie.Value); err != nil {
			s.Log.ErrorContext(r.Context(), "sign out", "err", err)
			plain(w, http.StatusServiceUnavailable, "something went wrong on our side")
			return
		}
	}
	http.SetCookie(w, s.cookie("", -time.Second))
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

func (s *server) cookie(value string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: SessionCookie, Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(s.BaseURL, "https:"),
	}
}

// admit counts an attempt against each of some keys, and refuses it if one of
// them has made too many.
func (s *server) admit(w http.ResponseWriter, r *http.Request, keys ...string) bool {
	for _, key := range keys {
		if wait := s.limits.take(key); wait > 0 {
			seconds := int(math.Ceil(wait.Seconds()))
			w.Header().Set("Retry-After", strconv.Itoa(seconds))
			refusal := access.ErrTooMany.With("seconds", seconds)
			s.show(w, r, http.StatusTooManyRequests, "failed", catalogue.Refusal(languageOf(r), refusal))
			return false
		}
	}
	return true
}

// limits are how often each key may still try: six times at once, and then once
// every ten seconds.
type limits struct {
	mu  sync.Mutex
	all map[string]*rate.Limiter
}

const (
	burst = 6
	every = 10 * time.Second
	// maxKeys bounds what is remembered. Beyond it, all start afresh.
	maxKeys = 100_000
)

func (l *limits) take(key string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil || len(l.all) > maxKeys {
		l.all = map[string]*rate.Limiter{}
	}
	if l.all[key] == nil {
		l.all[key] = rate.NewLimiter(rate.Every(every), burst)
	}
	r := l.all[key].Reserve()
	if wait = r.Delay(); wait > 0 {
		r.Cancel()
	}
	return wait
}

var matcher = language.NewMatcher([]language.Tag{language.English, language.French, language.Dutch, language.German})

// languageOf returns the language in which a browser prefers to be answered.
func languageOf(r *http.Request) domain.Language {
	_, i := language.MatchStrings(matcher, r.URL.Query().Get("lang"), r.Header.Get("Accept-Language"))
	return []domain.Language{domain.English, domain.French, domain.Dutch, domain.German}[i]
}

func writeJSON(w io.Writer, v any) { _ = json.NewEncoder(w).Encode(v) }
