package processes

import (
	"context"
	"crypto/rand"
	"io"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// ErrBeingMoved refuses to change by what somebody gets in to an account that is moved.
var ErrBeingMoved = domain.Refusal{Code: "processes.being_moved", Reason: "this account is being moved to another server: try again in a few minutes"}

// Credentials let the holders of accounts choose how they get in. Whoever calls it
// has made sure that they are theirs.
type Credentials struct {
	Store   *eventstore.Store
	Targets []Target
}

// at returns the targets that an account is on: its node first, and those that have each. To
// change how its holder gets in is refused while it is withheld, since it is moved.
func (c Credentials) at(ctx context.Context, account domain.AccountID, change bool) (all []Provisioner, err error) {
	state, _, err := read[provisioning.Account](ctx, c.Store, provisioning.StreamOf(account))
	if err != nil {
		return nil, err
	}
	if move, _ := state.Moving(); change && move.Held {
		return nil, ErrBeingMoved
	}
	of, requested := state.Requested()
	for _, t := range c.Targets {
		if requested && t.Service == of.Service && t.has(state) {
			if t.Node != nil {
				all = slices.Insert(all, 0, t.At)
				continue
			}
			all = append(all, t.At)
		}
	}
	if len(all) == 0 {
		return nil, provisioning.ErrUnknown
	}
	return all, nil
}

// first returns the first of the targets of an account that can do something, or else any.
func first[Port any](ctx context.Context, c Credentials, account domain.AccountID, change bool) (Provisioner, error) {
	all, err := c.at(ctx, account, change)
	if err != nil {
		return nil, err
	}
	for _, at := range all {
		if _, can := at.(Port); can {
			return at, nil
		}
	}
	return all[0], nil
}

// SetPassword is [SetPassword] on all targets of an account that take passwords.
func (c Credentials) SetPassword(ctx context.Context, account domain.AccountID, password string) error {
	all, err := c.at(ctx, account, true)
	if err != nil {
		return err
	}
	set := false
	for _, at := range all {
		if len(at.Capabilities().Schemes) == 0 && len(all) > 1 {
			continue
		}
		set = true
		if err := SetPassword(ctx, c.Store, at, account, password); err != nil {
			return err
		}
	}
	if !set {
		return SetPassword(ctx, c.Store, all[0], account, password) // which says why not
	}
	return nil
}

// NewAppPassword is [NewAppPassword] on all targets of an account that let devices in.
func (c Credentials) NewAppPassword(ctx context.Context, account domain.AccountID, name, seed string) (secret string, made provisioning.AppPassword, err error) {
	all, err := c.devices(ctx, account)
	if seed == "" {
		seed = rand.Text()
	}
	for _, at := range all {
		if err == nil {
			secret, made, err = NewAppPassword(ctx, c.Store, at, account, name, seed)
		}
	}
	return secret, made, err
}

// devices returns the targets of an account that let devices in, or one that says that
// it does not.
func (c Credentials) devices(ctx context.Context, account domain.AccountID) (some []Provisioner, err error) {
	all, err := c.at(ctx, account, true)
	for _, at := range all {
		if _, can := at.(AppPasswords); can {
			some = append(some, at)
		}
	}
	if len(some) == 0 {
		return all[:min(1, len(all))], err
	}
	return some, err
}

// AppPasswords is [ListAppPasswords] on the service of an account.
func (c Credentials) AppPasswords(ctx context.Context, account domain.AccountID) ([]provisioning.AppPassword, error) {
	at, err := first[AppPasswords](ctx, c, account, false)
	if err != nil {
		return nil, err
	}
	return ListAppPasswords(ctx, c.Store, at, account)
}

// HasAppPasswords reports whether the service of an account has any.
func (c Credentials) HasAppPasswords(ctx context.Context, account domain.AccountID) bool {
	at, err := first[AppPasswords](ctx, c, account, false)
	if err != nil {
		return false
	}
	_, has := at.(AppPasswords)
	return has
}

// CanExport reports whether what is in an account can be had as an archive from here.
func (c Credentials) CanExport(ctx context.Context, account domain.AccountID) bool {
	at, err := first[Exporter](ctx, c, account, false)
	if err != nil {
		return false
	}
	_, can := at.(Exporter)
	return can
}

// Export writes all that is in an account as a zip archive, for its holder: also while nobody logs in, until it is
// deleted. Begin is called once nothing is refused any more.
func (c Credentials) Export(ctx context.Context, account domain.AccountID, begin func() io.Writer) error {
	at, err := first[Exporter](ctx, c, account, false)
	if err != nil {
		return err
	}
	from, can := at.(Exporter)
	if !can {
		return ErrNotExported.With("account", account)
	}
	state, _, err := read[provisioning.Account](ctx, c.Store, provisioning.StreamOf(account))
	if err != nil {
		return err
	}
	login, known := state.Login()
	if _, held := state.Held(); held {
		return provisioning.ErrHeld
	}
	if !known || state.Gone() {
		return provisioning.ErrDeleted
	}
	of, _ := state.Requested()
	return from.Export(ctx, provisioning.Ref{Service: of.Service, Login: login}, begin())
}

// ExportForHeirs does so for heirs, if somebody has decided that.
func (c Credentials) ExportForHeirs(ctx context.Context, account domain.AccountID, today calendar.Date, w io.Writer) error {
	state, _, err := read[provisioning.Account](ctx, c.Store, provisioning.StreamOf(account))
	if err == nil {
		err = state.Exportable(today)
	}
	if err != nil {
		return err
	}
	at, err := first[Exporter](ctx, c, account, false)
	if err != nil {
		return err
	}
	from, can := at.(Exporter)
	if !can {
		return ErrNotExported.With("account", account)
	}
	of, _ := state.Requested()
	login, _ := state.Login()
	return from.Export(ctx, provisioning.Ref{Service: of.Service, Login: login}, w)
}

// ErrNotExported refuses an archive of what is elsewhere.
var ErrNotExported = domain.Refusal{
	Code: "provisioning.not_exported", Reason: "what is in {account} is with its service, and can be had as an archive there only",
}

// RevokeAppPassword is [RevokeAppPassword] on all targets of an account that let devices in.
func (c Credentials) RevokeAppPassword(ctx context.Context, account domain.AccountID, id string) error {
	all, err := c.devices(ctx, account)
	for _, at := range all {
		if err == nil {
			err = RevokeAppPassword(ctx, c.Store, at, account, id)
		}
	}
	return err
}
