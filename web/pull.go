package web

import (
	"net/http"

	"rochdale/domain"
	"rochdale/processes/access"
)

// errNoPull keeps from accounts who does not bring them about.
var errNoPull = domain.Refusal{
	Code: "access.no_pull", Reason: "this is for tools that bring accounts about: it takes the role pipeline and the scope accounts",
}

// pull serves the accounts of a target to the tool that comes by for them.
func (s *server) pull(mux *http.ServeMux, target string, accounts http.Handler) {
	prefix := "/pull/" + target
	mux.Handle(prefix+"/", s.identify(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v, known := access.Of(r.Context()); !known || !v.KeepsAccounts() {
			s.refuse(w, r, http.StatusForbidden, errNoPull)
			return
		}
		http.StripPrefix(prefix, accounts).ServeHTTP(w, r)
	})))
}
