package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/provisioning"
	"rochdale/processes"
	"rochdale/processes/access"
)

// Services is where members see what has become of their accounts, and choose how
// they get in.
const Services = "/services"

// Credentials are how the holders of accounts get in. An account that is asked about
// is theirs.
type Credentials interface {
	SetPassword(ctx context.Context, account domain.AccountID, password string) error
	HasAppPasswords(ctx context.Context, account domain.AccountID) bool
	AppPasswords(ctx context.Context, account domain.AccountID) ([]provisioning.AppPassword, error)
	NewAppPassword(ctx context.Context, account domain.AccountID, name, seed string) (secret string, made provisioning.AppPassword, err error)
	RevokeAppPassword(ctx context.Context, account domain.AccountID, id string) error
	CanExport(ctx context.Context, account domain.AccountID) bool
	Export(ctx context.Context, account domain.AccountID, begin func() io.Writer) error
}

// Usage tells what accounts hold.
type Usage interface {
	UsageOf(ctx context.Context, account domain.AccountID) (processes.Usage, error)
}

// holdings is the page of services.
type holdings struct {
	page
	Who      string
	Accounts []holding
	Done     string // what was done just now
	Secret   string // of a device, shown this once
	Device   string // its name
	Explorer bool   // of the API, is there
	Reach    processes.Reach
	sharing
}

// holding is an account on it.
type holding struct {
	access.Held
	Words     string // what has become of it
	Open      bool   // its holder gets in
	HasApps   bool
	Apps      []provisioning.AppPassword
	lang      domain.Language
	Profile   bool // can be had for devices of Apple
	IsMail    bool
	IsStorage bool
	Usage     processes.Usage
	Archive   bool // of what is in it can be had
	Changes   bool // before long: what has become of it is shown in a frame, which looks again by itself
}

// Used says what it holds; nothing where that is not known.
func (h holding) Used() string {
	if h.Usage.At.IsZero() {
		return ""
	}
	code := "services.used"
	if h.Quota <= 0 {
		code = "services.used_unlimited"
	}
	return catalogue.Text(h.lang, code, domain.Args{"used": h.Usage.Used, "quota": h.Quota, "on": calendar.Of(h.Usage.At)}, "")
}

// Marks are the parts of what it may hold from which on it is rather full, and full.
func (h holding) Marks() [2]int64 { return [2]int64{int64(h.Quota) * 8 / 10, int64(h.Quota) * 9 / 10} }

// Path is where something is done with it.
func (h holding) Path(what string) string {
	return Services + "/" + url.PathEscape(string(h.ID)) + "/" + what
}

// Day writes one.
func (h holding) Day(t time.Time) string { return catalogue.Date(h.lang, calendar.Of(t)) }

// S returns a message of the page in its language.
func (p page) S(code string) string { return catalogue.Word(p.Lang, "services."+code) }

// Tell returns one with something named in it.
func (p holdings) Tell(code string, args ...any) string {
	return catalogue.Text(p.Lang, "services."+code, named(args), code)
}

// own returns who is signed in, or asks them to be.
func (s *server) own(w http.ResponseWriter, r *http.Request) (v access.Viewer, ok bool) {
	v, err := s.Access.BySession(r.Context(), s.session(r))
	switch {
	case errors.Is(err, access.ErrSignedOut):
		p := s.page(r, "sign_in")
		p.Step = "ask"
		if p.Next = Services; r.Method == http.MethodGet {
			p.Next = leads(r.URL.EscapedPath())
		}
		s.render(w, r, http.StatusOK, "signin", p.Lang, p)
		return v, false
	case err != nil:
		s.failed(w, r, err)
		return v, false
	}
	return v, true
}

// holdings returns the page for somebody.
func (s *server) holdings(r *http.Request, v access.Viewer) (p holdings, err error) {
	p.page, p.Explorer = s.page(r, "services"), s.Explorer != nil
	p.Lang, p.Reach = languageFor(r, v.Language), s.Reach
	if p.sharing, err = s.shared(r, v); err != nil {
		return p, err
	}
	person, err := s.Access.People.ByID(r.Context(), v.Party)
	if err != nil {
		return p, err
	}
	p.Who = person.Name
	all, err := s.Access.Accounts.AccountsHeld(r.Context(), v.Party)
	if err != nil {
		return p, err
	}
	for _, held := range all {
		h := holding{Held: held, lang: p.Lang, Words: processes.ServiceStatus(p.Lang, held.Service, held.Status, held.Trouble)}
		h.IsMail, h.IsStorage = held.Service == domain.Mail, held.Service == domain.Storage
		h.Open = held.Status == provisioning.StatusActive && held.Login != ""
		h.Profile = h.Open && h.IsMail && s.Reach.Mail()
		if h.Open && s.Credentials.HasAppPasswords(r.Context(), held.ID) {
			h.HasApps = true
			if h.Apps, err = s.Credentials.AppPasswords(r.Context(), held.ID); err != nil {
				return p, err
			}
		}
		there := held.Status == provisioning.StatusActive || held.Status == provisioning.StatusSuspended
		h.Archive = there && held.Login != "" && s.Credentials.CanExport(r.Context(), held.ID)
		if s.Usage != nil {
			if h.Usage, err = s.Usage.UsageOf(r.Context(), held.ID); err != nil {
				return p, err
			}
		}
		h.Changes = again(held) != ""
		p.Accounts = append(p.Accounts, h)
	}
	return p, nil
}

func (s *server) showServices(w http.ResponseWriter, r *http.Request) {
	v, ok := s.own(w, r)
	if !ok {
		return
	}
	p, err := s.holdings(r, v)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "services", p.Lang, p)
}

// again returns after how many seconds it is looked at again what has become of an
// account; nothing where it is as it will stay.
func again(held access.Held) string {
	switch waits := held.Status == provisioning.StatusRequested; {
	case waits && !held.Trouble:
		return "5"
	case waits, held.Status == provisioning.StatusSuspended && held.Trouble:
		return "60"
	}
	return ""
}

// status is the page, in a frame of that of services, which tells what has become of an
// account. It looks again by itself, which the page around it does not: somebody may be
// typing there.
type status struct {
	page
	Words string // nothing of an account that is not there any more, or to who is signed out
	Link  string // what leads to the whole page, once there is something new on it
}

func (s *server) showStatus(w http.ResponseWriter, r *http.Request) {
	p := status{page: s.page(r, "services")}
	v, err := s.Access.BySession(r.Context(), s.session(r))
	signedOut := errors.Is(err, access.ErrSignedOut)
	var all []access.Held
	if err == nil {
		p.Lang = languageFor(r, v.Language)
		all, err = s.Access.Accounts.AccountsHeld(r.Context(), v.Party)
	}
	if err != nil && !signedOut {
		s.failed(w, r, err)
		return
	}
	for _, held := range all {
		if held.ID == domain.AccountID(r.PathValue("account")) {
			p.Words = processes.ServiceStatus(p.Lang, held.Service, held.Status, held.Trouble)
			p.Refresh = again(held)
		}
	}
	switch {
	case signedOut:
		p.Link = p.T("sign_in")
	case p.Refresh == "":
		p.Link = p.S("look")
	}
	s.render(w, r, http.StatusOK, "status", p.Lang, p)
}

// doing does something with an account of whoever is signed in, and shows the page
// with what came of it.
func (s *server) doing(w http.ResponseWriter, r *http.Request, do func(account domain.AccountID, p *holdings) error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if !s.admit(w, r, s.clients.take(s.client(r), s.Access.Now())) {
		return
	}
	v, ok := s.own(w, r)
	if !ok {
		return
	}
	account := domain.AccountID(r.PathValue("account"))
	p, err := s.holdings(r, v)
	if err == nil && !slices.ContainsFunc(p.Accounts, func(h holding) bool { return h.ID == account }) {
		err = provisioning.ErrUnknown
	}
	if err != nil {
		s.failed(w, r, err)
		return
	}
	var done holdings
	err = do(account, &done)
	refusal, refused := errors.AsType[domain.Refusal](err)
	if err != nil && !refused {
		s.failed(w, r, err)
		return
	}
	if p, err = s.holdings(r, v); err != nil {
		s.failed(w, r, err)
		return
	}
	status := http.StatusOK
	if refused {
		p.Message, status = catalogue.Refusal(p.Lang, refusal), http.StatusUnprocessableEntity
	} else {
		p.Secret, p.Device = done.Secret, done.Device
		if done.Done != "" {
			p.Done = p.S(done.Done)
		}
	}
	s.render(w, r, status, "services", p.Lang, p)
}

func (s *server) setPassword(w http.ResponseWriter, r *http.Request) {
	s.doing(w, r, func(account domain.AccountID, p *holdings) error {
		p.Done = "password_set"
		return s.Credentials.SetPassword(r.Context(), account, r.PostFormValue("password"))
	})
}

func (s *server) addDevice(w http.ResponseWriter, r *http.Request) {
	s.doing(w, r, func(account domain.AccountID, p *holdings) error {
		secret, made, err := s.Credentials.NewAppPassword(r.Context(), account, r.PostFormValue("name"), "")
		p.Secret, p.Device = secret, made.Name
		return err
	})
}

func (s *server) removeDevice(w http.ResponseWriter, r *http.Request) {
	s.doing(w, r, func(account domain.AccountID, p *holdings) error {
		p.Done = "device_removed"
		return s.Credentials.RevokeAppPassword(r.Context(), account, r.PostFormValue("id"))
	})
}

// getArchive hands out all that is in an account.
func (s *server) getArchive(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r, s.clients.take(s.client(r), s.Access.Now())) {
		return
	}
	v, ok := s.own(w, r)
	if !ok {
		return
	}
	p, err := s.holdings(r, v)
	account := domain.AccountID(r.PathValue("account"))
	if err == nil && !slices.ContainsFunc(p.Accounts, func(h holding) bool { return h.ID == account && h.Archive }) {
		err = provisioning.ErrUnknown
	}
	begun := false
	if err == nil {
		err = s.Credentials.Export(r.Context(), account, func() io.Writer {
			begun = true
			w.Header().Set("Content-Type", "application/zip")
			w.Header().Set("Content-Disposition", `attachment; filename="files.zip"`)
			w.Header().Set("Cache-Control", "no-store")
			return w
		})
	}
	switch {
	case err == nil:
	case begun: // the archive has no end, which whoever reads it sees
		s.Log.WarnContext(r.Context(), "an archive was broken off", "account", account, "err", err)
		panic(http.ErrAbortHandler)
	default:
		s.failed(w, r, err)
	}
}

// getProfile hands out the profile for devices of Apple.
func (s *server) getProfile(w http.ResponseWriter, r *http.Request) {
	v, ok := s.own(w, r)
	if !ok {
		return
	}
	p, err := s.holdings(r, v)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	i := slices.IndexFunc(p.Accounts, func(h holding) bool { return h.ID == domain.AccountID(r.PathValue("account")) && h.Profile })
	if i < 0 {
		s.refuse(w, r, http.StatusNotFound, errNoPage)
		return
	}
	w.Header().Set("Content-Type", "application/x-apple-aspen-config")
	w.Header().Set("Content-Disposition", `attachment; filename="mail.mobileconfig"`)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(s.profile(p.Accounts[i].Held))
}
