package processes

import (
	"context"

	"rochdale/domain"
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

// RevokeAppPassword is [RevokeAppPassword] on the service of an account.
func (c Credentials) RevokeAppPassword(ctx context.Context, account domain.AccountID, id string) error {
	at, err := c.at(ctx, account)
	if err != nil {
		return err
	}
	return RevokeAppPassword(ctx, c.Store, at, account, id)
}
