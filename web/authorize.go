package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/processes/access"
	"rochdale/web/openid"
)

// errBadAsking refuses what a service asks for, to the person that it has sent.
var errBadAsking = domain.Refusal{
	Code: "access.bad_asking", Reason: "the service that sent you here asks for something that is not allowed: tell those who run it",
}

const (
	maxQuery = 8 << 10 // of what a service asks for
	maxBody  = 16 << 10
)

// openID lets services ask who somebody is.
func (s *server) openID(w http.ResponseWriter, r *http.Request) {
	if len(r.URL.RawQuery) > maxQuery {
		s.refuse(w, r, http.StatusRequestURITooLong, errBadAsking)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	now := s.Access.Now()
	switch r.URL.Path {
	case "/oauth/authorize":
		if s.admit(w, r, s.asking.take(s.client(r), now)) {
			s.inWords(w, r)
		}
	case "/oauth/authorize/callback":
		asked, err := s.Access.Asked(r.Context(), r.FormValue("id"))
		if err == nil && !asked.By(s.session(r)) { // somebody else has agreed to it
			err = access.ErrEnded
		}
		if err != nil {
			s.failed(w, r, err)
			return
		}
		s.inWords(w, r)
	case "/oauth/end-session":
		if r.Method == http.MethodPost { // to which a browser does not bring the session
			if err := r.ParseForm(); err != nil {
				s.refuse(w, r, http.StatusBadRequest, errBadAsking)
				return
			}
			http.Redirect(w, r, "/oauth/end-session?"+r.Form.Encode(), http.StatusSeeOther) //nolint:gosec // G710: to ourselves
			return
		}
		held := &heldAnswer{header: w.Header()}
		ctx := openid.SigningOut(r.Context(), s.session(r), func(ctx context.Context) error { return s.endSession(w, r.WithContext(ctx)) })
		s.OpenID.ServeHTTP(held, r.WithContext(ctx))
		s.handOver(w, r, held)
	case "/oauth/token", "/oauth/introspect", "/oauth/revoke":
		if !s.admit(w, r, s.failing.spent(s.client(r), now)) {
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		_ = r.ParseForm() // what is wrong with it is said by the provider
		seen := &seenAnswer{ResponseWriter: w}
		s.OpenID.ServeHTTP(seen, r)
		// A service that proves who it is guesses nothing: anybody may have it bring a code that is none.
		if seen.status == http.StatusUnauthorized || seen.status == http.StatusBadRequest && !s.proven(r) {
			s.failing.take(s.client(r), now)
		}
	default:
		s.OpenID.ServeHTTP(w, r)
	}
}

// proven reports whether a request has the secret of the service that makes it.
func (s *server) proven(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749, 2.3.1
		var wrong, wrongs error
		id, wrong = url.QueryUnescape(id)
		secret, wrongs = url.QueryUnescape(secret)
		basic = wrong == nil && wrongs == nil
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	return (basic || secret != "") && s.Access.ProveClient(r.Context(), id, secret) == nil
}

// inWords hands over an answer of the provider; of a refusal, a page.
func (s *server) inWords(w http.ResponseWriter, r *http.Request) {
	held := &heldAnswer{header: w.Header()}
	s.OpenID.ServeHTTP(held, r)
	s.handOver(w, r, held)
}

func (s *server) handOver(w http.ResponseWriter, r *http.Request, held *heldAnswer) {
	if held.status >= http.StatusBadRequest {
		s.Log.InfoContext(r.Context(), "openid: refused", "path", r.URL.Path, "why", held.body.String())
		if held.status >= http.StatusInternalServerError {
			s.fault(w, r, http.StatusServiceUnavailable)
			return
		}
		s.refuse(w, r, held.status, errBadAsking)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(held.status)
	_, _ = w.Write(held.body.Bytes())
}

// heldAnswer is a short one that is looked at before it is sent.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *heldAnswer) Header() http.Header { return a.header }

func (a *heldAnswer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.body.Write(p)
}

func (a *heldAnswer) WriteHeader(status int) { a.status = status }

// seenAnswer is one of which the status is seen.
type seenAnswer struct {
	http.ResponseWriter
	status int
}

func (a *seenAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// failed says why not, on a page.
func (s *server) failed(w http.ResponseWriter, r *http.Request, err error) {
	if refusal, refused := errors.AsType[domain.Refusal](err); refused {
		s.refuse(w, r, http.StatusForbidden, refusal)
		return
	}
	s.Log.ErrorContext(r.Context(), "page", "path", r.URL.Path, "err", err)
	s.fault(w, r, http.StatusServiceUnavailable)
}

// agreement is a page that asks whether a service may know somebody.
type agreement struct {
	page
	Client   access.Client
	Who      string
	Accounts []access.Held
	Learns   []string // codes of messages
	Host     string   // to which they are led back
}

// authorize signs somebody in to a service: at once where it is the co-op's and there
// is nothing to choose.
func (s *server) authorize(w http.ResponseWriter, r *http.Request) {
	asked, client, ok := s.asked(w, r)
	if !ok {
		return
	}
	session, err := s.Access.Session(r.Context(), s.session(r))
	switch signedOut := errors.Is(err, access.ErrSignedOut) || err == nil && !asked.Recent(session); {
	case signedOut && asked.Silent:
		s.leadBack(w, r, asked, "login_required")
		return
	case signedOut:
		p := s.page(r, "sign_in")
		p.Lang, p.Step, p.Next = languageFor(r, domain.Language(asked.Language)), "ask", r.URL.Path
		s.render(w, r, http.StatusOK, "signin", p.Lang, p)
		return
	case err != nil:
		s.failed(w, r, err)
		return
	}
	person, err := s.Access.People.ByID(r.Context(), session.Party)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	p := agreement{page: s.page(r, "agree"), Client: client, Who: person.Name}
	p.Lang = languageFor(r, person.Language)
	p.Accounts, err = s.Access.Usable(r.Context(), client, session.Party)
	if errors.Is(err, access.ErrNoAccount) || errors.Is(err, access.ErrNoMember) {
		if asked.Silent {
			s.leadBack(w, r, asked, "access_denied")
			return
		}
		refusal, _ := errors.AsType[domain.Refusal](err)
		p.Title, p.Message = "", catalogue.Refusal(p.Lang, refusal)
		s.render(w, r, http.StatusForbidden, "noaccount", p.Lang, p)
		return
	}
	var ask bool
	if err == nil {
		ask, err = s.Access.MustAsk(r.Context(), client, asked, session.Party)
	}
	if err != nil {
		s.failed(w, r, err)
		return
	}
	if !ask && len(p.Accounts) <= 1 {
		if _, err := s.Access.Agree(r.Context(), asked.ID, s.session(r), ""); err != nil {
			s.failed(w, r, err)
			return
		}
		http.Redirect(w, r, openid.Callback(asked.ID), http.StatusSeeOther)
		return
	}
	if asked.Silent {
		s.leadBack(w, r, asked, "interaction_required")
		return
	}
	for _, scope := range []string{"openid", "profile", "email", "offline_access"} {
		if slices.Contains(asked.Scopes, scope) {
			p.Learns = append(p.Learns, "learns_"+scope)
		}
	}
	for _, claim := range client.Claims {
		p.Learns = append(p.Learns, "learns_"+claim)
	}
	if to, err := url.Parse(asked.Redirect); err == nil {
		p.Host = to.Host
	}
	s.render(w, r, http.StatusOK, "agree", p.Lang, p)
}

// agree takes the answer.
func (s *server) agree(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if !s.admit(w, r, s.clients.take(s.client(r), s.Access.Now())) {
		return
	}
	asked, _, ok := s.asked(w, r)
	if !ok {
		return
	}
	if r.PostFormValue("answer") != "yes" {
		s.leadBack(w, r, asked, "access_denied")
		return
	}
	_, err := s.Access.Agree(r.Context(), asked.ID, s.session(r), domain.AccountID(r.PostFormValue("account")))
	if errors.Is(err, access.ErrSignedOut) {
		http.Redirect(w, r, openid.Page(asked.ID), http.StatusSeeOther)
		return
	}
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.onward(w, r, openid.Callback(asked.ID))
}

// asked returns what a page is about.
func (s *server) asked(w http.ResponseWriter, r *http.Request) (asked access.Request, client access.Client, ok bool) {
	asked, err := s.Access.Asked(r.Context(), r.PathValue("request"))
	if err == nil {
		client, err = s.Access.Client(r.Context(), asked.Client)
	}
	if err != nil {
		s.failed(w, r, err)
	}
	return asked, client, err == nil
}

// leadBack leads somebody back to a service without an answer to what it has asked.
func (s *server) leadBack(w http.ResponseWriter, r *http.Request, asked access.Request, why string) {
	to, err := url.Parse(asked.Redirect)
	if err == nil {
		err = s.Access.Withdraw(r.Context(), asked.ID)
	}
	if err != nil {
		s.failed(w, r, err)
		return
	}
	query := to.Query()
	query.Set("error", why)
	if asked.State != "" {
		query.Set("state", asked.State)
	}
	to.RawQuery = query.Encode()
	if r.Method == http.MethodPost {
		s.onward(w, r, to.String())
		return
	}
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// confirmSignOut asks whom a service has sent to be signed out without saying who.
func (s *server) confirmSignOut(w http.ResponseWriter, r *http.Request) {
	p := s.page(r, "sign_out")
	s.render(w, r, http.StatusOK, "signout", p.Lang, p)
}

// languageFor returns the language of a page for somebody: the one that the address
// names, or else theirs.
func languageFor(r *http.Request, theirs domain.Language) domain.Language {
	if theirs.Valid() && r.URL.Query().Get("lang") == "" {
		return theirs
	}
	return languageOf(r)
}
