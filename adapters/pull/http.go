package pull

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"rochdale/adapters/fault"
)

const (
	maxReport   = 1 << 20
	wishesAsked = 100 // unless another number is
)

// Handler serves the accounts to their tool, whom whoever mounts it lets in:
//
//	GET  desired?after=CURSOR&limit=N   a page of wishes, as [Wishes]
//	POST reports                        a [Report], answered with its [Receipt]
//
// A report that is not taken is answered 409 if its key was of another one, 422 if it
// makes no sense, and 503 if it may be taken later, each with what is wrong.
func Handler(a *Accounts) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /desired", func(w http.ResponseWriter, r *http.Request) {
		limit := wishesAsked
		if text := r.FormValue("limit"); text != "" {
			var err error
			if limit, err = strconv.Atoi(text); err != nil {
				limit = 0
			}
		}
		page, err := a.Wishes(r.Context(), r.FormValue("after"), limit)
		answer(w, page, err)
	})
	mux.HandleFunc("POST /reports", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReport))
		if err != nil {
			answer(w, nil, fault.New(fault.Invalid, "report", "pull: read a report: %w", err))
			return
		}
		report, err := ReadReport(text)
		if err != nil {
			answer(w, nil, err)
			return
		}
		receipt, err := a.Report(r.Context(), report)
		answer(w, receipt, err)
	})
	return mux
}

// ReadReport reads a report strictly: a word that is misspelt is not passed over.
func ReadReport(text []byte) (r Report, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err = d.Decode(&r); err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more comes after it")
		}
	}
	if err != nil {
		return r, fault.New(fault.Invalid, "report", "pull: a report is none: %w", err)
	}
	return r, nil
}

func answer(w http.ResponseWriter, what any, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		class, _ := fault.ClassOf(err)
		status := http.StatusServiceUnavailable
		switch class {
		case fault.Conflict:
			status = http.StatusConflict
		case fault.Invalid:
			status = http.StatusUnprocessableEntity
		case fault.Transient, fault.Throttled, fault.Unavailable, fault.Denied, fault.Unsupported:
		}
		w.WriteHeader(status)
		message := "it cannot be taken now: try again later"
		if class.Permanent() {
			message = fmt.Sprint(err)
		}
		what = map[string]any{"error": map[string]string{"class": string(class), "code": fault.CodeOf(err), "message": message}}
	}
	_ = json.NewEncoder(w).Encode(what) // whoever asked may have gone
}
