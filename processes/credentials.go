package processes

import (
	"context"
	"io"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// Credentials let the holders of accounts choose how they get in. Whoever calls it
// has made sure that they are theirs.
type Credentials struct {
	Store        *eventstore.Store
	Provisioners map[domain.Service]Provisioner
}

func (c Credentials) at(ctx context.Context, account domain.AccountID) (Provisioner, error) {
	state, _, err := read[provisioning.Account](ctx, c.Store, provisioning.StreamOf(account))
	if err != nil {
		return nil, err
	}
	of, requested := state.Requested()
	if at, ok := c.Provisioners[of.Service]; ok && requested {
		return at, nil
	}
	return nil, provisioning.ErrUnknown
}

// SetPassword is [SetPassword] on the service of an account.
func (c Credentials) SetPassword(ctx context.Context, account domain.AccountID, password string) error {
	at, err := c.at(ctx, account)
	if err != nil {
		return err
	}
	return SetPassword(ctx, c.Store, at, account, password)
}

// NewAppPassword is [NewAppPassword] on the service of an account.
func (c Credentials) NewAppPassword(ctx context.Context, account domain.AccountID, name, seed string) (secret string, made provisioning.AppPassword, err error) {
	at, err := c.at(ctx, account)
	if err != nil {
		return "", made, err
	}
	return NewAppPassword(ctx, c.Store, at, account, name, seed)
}

// AppPasswords is [ListAppPasswords] on the service of an account.
func (c Credentials) AppPasswords(ctx context.Context, account domain.AccountID) ([]provisioning.AppPassword, error) {
	at, err := c.at(ctx, account)
	if err != nil {
		return nil, err
	}
	return ListAppPasswords(ctx, c.Store, at, account)
}

// HasAppPasswords reports whether the service of an account has any.
func (c Credentials) HasAppPasswords(ctx context.Context, account domain.AccountID) bool {
	at, err := c.at(ctx, account)
	if err != nil {
		return false
	}
	_, has := at.(AppPasswords)
	return has
}

// CanExport reports whether what is in an account can be had as an archive from here.
func (c Credentials) CanExport(ctx context.Context, account domain.AccountID) bool {
	at, err := c.at(ctx, account)
	if err != nil {
		return false
	}
	_, can := at.(Exporter)
	return can
}

// Export writes all that is in an account as a zip archive, for its holder: also while nobody logs in, until it is
// deleted. Begin is called once nothing is refused any more.
func (c Credentials) Export(ctx context.Context, account domain.AccountID, begin func() io.Writer) error {
	at, err := c.at(ctx, account)
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
	at, err := c.at(ctx, account)
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

// RevokeAppPassword is [RevokeAppPassword] on the service of an account.
func (c Credentials) RevokeAppPassword(ctx context.Context, account domain.AccountID, id string) error {
	at, err := c.at(ctx, account)
	if err != nil {
		return err
	}
	return RevokeAppPassword(ctx, c.Store, at, account, id)
}
