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
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/text/language"
	"golang.org/x/time/rate"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/processes/access"
)

//go:embed *.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "*.html"))

// page is what all pages show.
type page struct {
	Lang    domain.Language
	Coop    string
	Title   string // code of a message, or empty: the message is the title
	Message string // that something went wrong, or well
	Next    string // page of ours to go on to; or any, from a page that only leads on
	Refresh string // of the page by itself, as HTML has it
	Step    string // of the page "signin": "ask", "sent", "confirm", "failed" or, for what is no sign-in, "contact", "answered" or "error"
}

// T returns a message of the page in its language.
func (p page) T(code string) string { return catalogue.Word(p.Lang, "access."+code) }

// Say returns one with something named in it.
func (p page) Say(code string, args ...any) string {
	return catalogue.Text(p.Lang, "access."+code, named(args), code)
}

// named are arguments that a page gives: names and values in turn.
func named(args []any) domain.Args {
	all := domain.Args{}
	for i := 0; i+1 < len(args); i += 2 {
		all[args[i].(string)] = args[i+1]
	}
	return all
}

// page returns one in the language of whoever asks.
func (s *server) page(r *http.Request, title string) page {
	return page{Lang: languageOf(r), Coop: s.Coop(), Title: title}
}

// render shows a page.
func (s *server) render(w http.ResponseWriter, r *http.Request, status int, name string, lang domain.Language, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(lang))
	h.Set("Cache-Control", "no-store")
	frames := "frame-ancestors 'none'"
	switch name {
	case "services":
		frames += "; frame-src 'self'"
	case "status": // its frames
		frames = "frame-ancestors 'self'"
		h.Set("X-Frame-Options", "SAMEORIGIN")
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "+frames)
	w.WriteHeader(status)
	if err := pages.ExecuteTemplate(w, name, data); err != nil {
		s.Log.WarnContext(r.Context(), "page", "page", name, "err", err)
	}
}

// show shows a step of signing in, or an error.
func (s *server) show(w http.ResponseWriter, r *http.Request, status int, step, message string) {
	p := s.page(r, "sign_in")
	switch p.Step, p.Message = step, message; step {
	case "error":
		p.Title = ""
	case "contact", "answered":
		p.Title = "contact"
	}
	if p.Next = leads(r.URL.Query().Get("next")); r.PostForm != nil {
		p.Next = leads(r.PostForm.Get("next"))
	}
	s.render(w, r, status, "signin", p.Lang, p)
}

// onward leads a browser on by a page of its own: after a form is sent, it would not
// follow to another site by itself.
func (s *server) onward(w http.ResponseWriter, r *http.Request, to string) {
	p := s.page(r, "onward")
	p.Next, p.Refresh = to, "0; url="+to
	s.render(w, r, http.StatusOK, "onward", p.Lang, p)
}

// leads returns a page of ours to which one may be led after signing in, or nothing.
func leads(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || strings.ContainsAny(next, "\\\r\n\t") || path.Clean(u.Path) != u.Path ||
		!strings.HasPrefix(u.Path, "/authorize/") && u.Path != Services && !strings.HasPrefix(u.Path, Services+"/") {
		return ""
	}
	return next
}

func (s *server) signIn(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, "ask", "")
}

// requestLink answers alike whether or not anybody has the address.
func (s *server) requestLink(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	email := strings.ToLower(strings.TrimSpace(r.PostFormValue("email")))
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email || len(email) > 254 {
		s.show(w, r, http.StatusUnprocessableEntity, "ask", catalogue.Word(languageOf(r), "access.bad_email"))
		return
	}
	if !s.admit(w, r, s.clients.take(s.client(r), s.Access.Now()), s.letters.take(email, s.Access.Now())) {
		return
	}
	s.Links.Request(r.Context(), email, languageOf(r), leads(r.PostFormValue("next")))
	s.show(w, r, http.StatusOK, "sent", "")
}

// confirmLink asks for a click, because programs that look through people's mail
// follow links too, and would use this one up.
func (s *server) confirmLink(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, "confirm", "")
}

func (s *server) useLink(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r, s.clients.take(s.client(r), s.Access.Now())) {
		return
	}
	next, err := s.Access.LinkLeads(r.Context(), r.PathValue("link"))
	var secret string
	if err == nil {
		secret, _, err = s.Access.UseLink(r.Context(), r.PathValue("link"))
	}
	if refusal, refused := errors.AsType[domain.Refusal](err); refused {
		s.show(w, r, http.StatusForbidden, "failed", catalogue.Refusal(languageOf(r), refusal))
		return
	} else if err != nil {
		s.Log.ErrorContext(r.Context(), "sign in", "err", err)
		s.fault(w, r, http.StatusServiceUnavailable)
		return
	}
	http.SetCookie(w, s.cookie(secret, access.SessionLife))
	if next = leads(next); next != "" {
		s.onward(w, r, next)
		return
	}
	home := "/"
	if s.Credentials != nil {
		home = Services
	}
	http.Redirect(w, r, home, http.StatusSeeOther)
}

func (s *server) signOut(w http.ResponseWriter, r *http.Request) {
	if err := s.endSession(w, r); err != nil {
		s.Log.ErrorContext(r.Context(), "sign out", "err", err)
		s.fault(w, r, http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// endSession ends the session of a browser, and what services know by it.
func (s *server) endSession(w http.ResponseWriter, r *http.Request) error {
	if session := s.session(r); session != "" {
		if err := s.Access.EndGrants(r.Context(), session, ""); err != nil {
			return err
		}
		if err := s.Access.EndSession(r.Context(), session); err != nil {
			return err
		}
	}
	http.SetCookie(w, s.cookie("", -time.Second))
	return nil
}

// session returns the secret of a browser's session, or nothing.
func (s *server) session(r *http.Request) string {
	cookie, err := r.Cookie(s.cookieName())
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (s *server) cookie(value string, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // G124: secure wherever the co-op is reached by https
		Name: s.cookieName(), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.secure,
	}
}

func (s *server) cookieName() string {
	if s.secure {
		return "__Host-" + SessionCookie
	}
	return SessionCookie
}

// admit counts an attempt against the limits of some keys, and refuses it if one of
// them has made too many.
func (s *server) admit(w http.ResponseWriter, r *http.Request, waits ...time.Duration) bool {
	wait := slices.Max(waits)
	if wait <= 0 {
		return true
	}
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	s.show(w, r, http.StatusTooManyRequests, "failed", catalogue.Refusal(languageOf(r), access.ErrTooMany.With("seconds", seconds)))
	return false
}

// A pace is how often something may be tried: a few times at once, and then once
// every so often.
type pace struct {
	burst int
	every time.Duration
}

var (
	// perClient lets a hall full of members sign in from one address.
	perClient = pace{100, time.Second}
	// perAddress keeps anybody from filling somebody's mailbox with links.
	perAddress = pace{5, 5 * time.Minute}
	// perPayer lets a family be linked in one go, and keeps anybody from trying addresses.
	perPayer = pace{12, 10 * time.Minute}
)

// limits are how often each key may still try. It remembers the keys that have
// tried last.
type limits struct {
	pace
	all *lru.Cache[string, *rate.Limiter]
}

const remembered = 1 << 16

func newLimits(p pace) limits {
	all, _ := lru.New[string, *rate.Limiter](remembered) // fails for sizes below 1 only
	return limits{p, all}
}

// spent returns the time to wait until a key may try again, without counting.
func (l limits) spent(key string, now time.Time) (wait time.Duration) {
	limiter, known := l.all.Get(key)
	if !known || limiter.TokensAt(now) >= 1 {
		return 0
	}
	return l.every
}

// take counts an attempt, or returns the time to wait until there may be one.
func (l limits) take(key string, now time.Time) (wait time.Duration) {
	fresh := rate.NewLimiter(rate.Every(l.every), l.burst)
	limiter, known, _ := l.all.PeekOrAdd(key, fresh)
	if known {
		l.all.Get(key) // is used
	} else {
		limiter = fresh
	}
	r := limiter.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
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
