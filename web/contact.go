package web

import (
	"errors"
	"net/http"

	"rochdale/domain"
	"rochdale/domain/catalogue"
)

// askContact shows what is to be confirmed, and changes nothing: programs that look
// through people's mail follow links too.
func (s *server) askContact(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r, s.clients.take(s.client(r), s.Access.Now())) {
		return
	}
	email, err := s.Contacts.Asked(r.Context(), r.PathValue("link"))
	if !s.answerable(w, r, err) {
		return
	}
	s.show(w, r, http.StatusOK, "contact", email)
}

func (s *server) answerContact(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r, s.clients.take(s.client(r), s.Access.Now())) {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	said := map[string]string{"confirm": "access.contact_confirmed", "decline": "access.contact_declined"}
	answer := r.PostFormValue("answer")
	if said[answer] == "" {
		s.askContact(w, r)
		return
	}
	if s.answerable(w, r, s.Contacts.Answer(r.Context(), r.PathValue("link"), answer == "confirm")) {
		s.show(w, r, http.StatusOK, "answered", catalogue.Word(languageOf(r), said[answer]))
	}
}

// answerable reports whether a link can be answered, and says why not.
func (s *server) answerable(w http.ResponseWriter, r *http.Request, err error) bool {
	if refusal, refused := errors.AsType[domain.Refusal](err); refused {
		s.show(w, r, http.StatusForbidden, "error", catalogue.Refusal(languageOf(r), refusal))
		return false
	}
	if err != nil {
		s.Log.ErrorContext(r.Context(), "change of address", "err", err)
		s.fault(w, r, http.StatusServiceUnavailable)
		return false
	}
	return true
}
