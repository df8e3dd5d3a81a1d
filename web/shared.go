package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
	"rochdale/processes/access"
)

// sharedPath is below where something is done with subscriptions that several share.
const sharedPath = Services + "/shared/"

// sharing is, on the page of services, what somebody shares with others.
type sharing struct {
	Shared []processes.Shared // of which others may have part
	Parts  []processes.Part   // that they have of others', or are offered
	tried  tried

	Domains []string // of addresses; none: any
}

// tried is a form that was sent and refused.
type tried struct {
	what, id, field string // which form, of what, and which field is wrong; no field: the whole
	text            string
	values          url.Values
}

// SharedPath is where something is done with a subscription, or part of one.
func (sharing) SharedPath(id domain.SubscriptionID, what string) string {
	return sharedPath + url.PathEscape(string(id)) + "/" + what
}

// Wrong says what is wrong with a field of a form, or nothing.
func (s sharing) Wrong(what string, id domain.SubscriptionID, field string) string {
	if s.tried.what != what || s.tried.id != string(id) || s.tried.field != field {
		return ""
	}
	return s.tried.text
}

// Entered is what was entered in a field of a form that was refused, or else so much.
func (s sharing) Entered(what string, id domain.SubscriptionID, field string, otherwise any) any {
	if s.tried.what != what || s.tried.id != string(id) {
		return otherwise
	}
	return s.tried.values.Get(field)
}

// shared returns what somebody shares, and those for whom they act.
func (s *server) shared(r *http.Request, v access.Viewer) (p sharing, err error) {
	if s.Families != nil {
		p.Domains = s.Families.Naming.Domains
		p.Shared, p.Parts, err = s.Families.Of(access.With(r.Context(), v), append([]domain.PartyID{v.Party}, v.Was...), v.ActsFor, s.Today())
	}
	return p, err
}

var errTick = domain.Refusal{Code: "services.tick", Reason: "tick this box first: what is in it will be deleted"}

// share leads to what is done by those who share a subscription.
func (s *server) share(mux *http.ServeMux) {
	f := s.Families
	s.sharedBy(mux, "offer", "shared_offered", func(d deed) error {
		return f.Offer(d.ctx, d.by, d.id, d.form.Get("email"), d.form.Get("name"), d.gb, d.today)
	})
	within := func(do func(*eventstore.Tx, deed) error) func(deed) error {
		return func(d deed) error {
			return f.Do(d.ctx, func(tx *eventstore.Tx) error { return do(tx, d) })
		}
	}
	unlink := func(tx *eventstore.Tx, d deed) error { return f.Unlink(tx, d.by, d.id, d.today) }
	s.sharedBy(mux, "change", "shared_changed", within(func(tx *eventstore.Tx, d deed) error { return f.Change(tx, d.by, d.id, d.gb, d.today) }))
	s.sharedBy(mux, "withdraw", "shared_withdrawn", within(unlink))
	s.sharedBy(mux, "end", "shared_ended", within(unlink))
	s.sharedBy(mux, "accept", "part_accepted", within(func(tx *eventstore.Tx, d deed) error {
		return f.Accept(tx, d.by, d.id, provisioning.Login(strings.ToLower(strings.TrimSpace(d.form.Get("login")))), d.today)
	}))
	s.sharedBy(mux, "decline", "part_declined", within(unlink))
	s.sharedBy(mux, "detach", "part_detached", within(func(tx *eventstore.Tx, d deed) error { return f.Detach(tx, d.by, d.id, &d.gb, d.today) }))
	s.sharedBy(mux, "return", "part_returned", within(func(tx *eventstore.Tx, d deed) error {
		if d.form.Get("sure") == "" {
			return errTick
		}
		return unlink(tx, d)
	}))
}

// A deed is what somebody does with a subscription, or part of one.
type deed struct {
	ctx   context.Context
	by    processes.Speaks
	id    domain.SubscriptionID
	form  url.Values
	gb    int // 0 where none are given, or it is no number
	today calendar.Date
}

// sharedBy does something with a subscription or part of one for whoever is signed in,
// and shows the page of services with what came of it.
func (s *server) sharedBy(mux *http.ServeMux, what, done string, do func(deed) error) {
	mux.HandleFunc("POST "+sharedPath+"{id}/"+what, func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		now := s.Access.Now()
		if !s.admit(w, r, s.clients.take(s.client(r), now)) {
			return
		}
		v, ok := s.own(w, r)
		if !ok || what == "offer" && !s.admit(w, r, s.offers.take(string(v.Party), now)) {
			return
		}
		if err := r.ParseForm(); err != nil {
			s.refuse(w, r, http.StatusBadRequest, errNoPage)
			return
		}
		speaks := func(party domain.PartyID) bool {
			return party != "" && (v.Party == party || slices.Contains(v.ActsFor, party) || slices.Contains(v.Was, party))
		}
		gb, _ := strconv.Atoi(r.PostForm.Get("gb"))
		id := domain.SubscriptionID(r.PathValue("id"))
		err := do(deed{access.With(r.Context(), v), speaks, id, r.PostForm, gb, s.Today()})
		refusal, refused := errors.AsType[domain.Refusal](err)
		if err != nil && !refused || errors.Is(err, subscription.ErrNotLinked) || errors.Is(err, subscription.ErrUnknown) {
			s.failed(w, r, err)
			return
		}
		p, err := s.holdings(r, v)
		if err != nil {
			s.failed(w, r, err)
			return
		}
		status := http.StatusOK
		if refused {
			p.tried = tried{what, string(id), fieldOf(refusal), catalogue.Refusal(p.Lang, refusal), r.PostForm}
			status = http.StatusUnprocessableEntity
		} else {
			p.Done = p.S(done)
		}
		s.render(w, r, status, "services", p.Lang, p)
	})
}

// fieldOf returns which field of its form a refusal is about, or none: the whole.
func fieldOf(refusal domain.Refusal) string {
	switch refusal.Code {
	case subscription.ErrPart.Code, subscription.ErrParts.Code, subscription.ErrSize.Code, provisioning.ErrHoldsMore.Code:
		return "gb"
	case processes.ErrNobody.Code, subscription.ErrLinked.Code:
		return "email"
	case processes.ErrSeveral.Code:
		return "name"
	case errTick.Code:
		return "sure"
	}
	if strings.HasPrefix(refusal.Code, "provisioning.") { // of the name that they wish for
		return "login"
	}
	return ""
}
