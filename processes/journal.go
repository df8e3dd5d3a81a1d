package processes

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// A Try is what was once tried for an account on a target: the journal keeps the
// last of them.
type Try struct {
	At       time.Time           `json:"at"`
	Took     time.Duration       `json:"took"` // in nanoseconds
	By       string              `json:"by"`   // who acted
	Why      string              `json:"why"`  // the type of the event that asked for it, or why somebody looked
	Cause    uuid.UUID           `json:"cause,omitzero"`
	Wish     int64               `json:"wish,omitempty"`
	Revision int64               `json:"revision,omitempty"` // of how it was wanted
	Attempt  int                 `json:"attempt"`
	Steps    []provisioning.Step `json:"steps,omitempty"`
	Before   *Seen               `json:"before,omitempty"`
	After    *Seen               `json:"after,omitempty"`
	Class    string              `json:"class,omitempty"`
	Code     string              `json:"code,omitempty"`
	Error    string              `json:"error,omitempty"`
	Reason   string              `json:"reason,omitempty"` // of a person
}

// Tried is what was tried on a target.
type Tried struct {
	Target string `json:"target"`
	Try
}

// Journal returns what was tried for an account, on all targets, oldest first.
func (r *Reconciler) Journal(ctx context.Context, account domain.AccountID) (all []Tried, err error) {
	for _, t := range r.Targets {
		entries, err := r.kv().Get(ctx, journalKey(t.Name, account))
		if err != nil {
			return nil, err
		}
		tries, err := readTries(entries[0])
		if err != nil {
			return nil, err
		}
		for _, try := range tries {
			all = append(all, Tried{t.Name, try})
		}
	}
	return all, nil
}

// Seen is how an account was seen to be, without whose it is.
type Seen struct {
	Exists  bool                 `json:"exists"`
	Access  provisioning.Access  `json:"access,omitempty"`
	Quota   *domain.Bytes        `json:"quota,omitempty"`
	Inbound provisioning.Inbound `json:"inbound,omitempty"`
	Aliases int                  `json:"aliases,omitempty"`
}

func seen(is provisioning.Observed) *Seen {
	s := &Seen{Exists: is.Exists, Quota: is.Quota, Aliases: len(is.Aliases)}
	if is.Access != nil {
		s.Access = *is.Access
	}
	if is.Inbound != nil {
		s.Inbound = *is.Inbound
	}
	return s
}

// triesKept is how many tries the journal keeps of an account on a target.
const triesKept = 32

func journalKey(target string, account domain.AccountID) string {
	return journalSpace + target + "/" + string(account)
}

// journaled returns the change by which tries enter the journal.
func journaled(ctx context.Context, kv eventstore.KV, target string, account domain.AccountID, tries ...Try) (eventstore.Change, error) {
	entries, err := kv.Get(ctx, journalKey(target, account))
	if err != nil {
		return eventstore.Change{}, err
	}
	return entered(entries[0], tries...)
}

// entered is the change by which tries enter a journal as it was read.
func entered(e eventstore.Entry, tries ...Try) (eventstore.Change, error) {
	all, err := readTries(e)
	if err != nil {
		return eventstore.Change{}, err
	}
	all = append(all, tries...)
	value, err := json.Marshal(all[max(0, len(all)-triesKept):])
	return eventstore.Change{Key: e.Key, Value: value, Revision: e.Revision}, err
}

func readTries(e eventstore.Entry) (all []Try, err error) {
	err = decode(e, &all)
	return all, err
}

// without is a text without logins and addresses, which are personal.
func without(text string, logins ...provisioning.Login) string {
	slices.SortFunc(logins, func(a, b provisioning.Login) int { return len(b) - len(a) }) // one may end with another
	for _, login := range logins {
		if login != "" {
			text = strings.ReplaceAll(text, string(login), "(login)")
		}
	}
	return text
}
