package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/eventstore"
)

// A Client is a service to which people sign in by the co-op: see package web/openid.
type Client struct {
	ID        string         `json:"id"` // not secret
	Name      string         `json:"name"`
	Redirects []string       `json:"redirects"`            // where it may have people led back to, to the letter
	SignedOut []string       `json:"signed_out,omitempty"` // the same, after they signed out
	Service   domain.Service `json:"service,omitempty"`    // on which one needs an account to sign in; empty: none is needed
	Own       bool           `json:"own,omitempty"`        // it is the co-op's, and nobody is asked whether it may know them
	Public    bool           `json:"public,omitempty"`     // it cannot keep a secret, and has none
	Claims    []string       `json:"claims,omitempty"`     // that it is told beside those of its scopes: [Claims]
	Secrets   []ClientSecret `json:"secrets,omitempty"`    // by which it proves who it is, the newest last
	Created   time.Time      `json:"created"`
}

// A ClientSecret is one of a client, as it is kept.
type ClientSecret struct {
	Hash    string    `json:"hash"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}

// Claims are what a client may be told beside the claims of its scopes.
var Claims = []string{"quota", "groups"}

// Handover is for how long the secret before still counts once another is given out.
const Handover = 24 * time.Hour

// The rules of clients.
var (
	ErrNoSuchClient = domain.Refusal{Code: "access.no_such_client", Reason: "there is no client {client}"}
	ErrClientTaken  = domain.Refusal{Code: "access.client_taken", Reason: "there is a client {client} already: remove it first, or choose another name"}
	ErrBadClient    = domain.Refusal{
		Code: "access.bad_client", Reason: "{client} is no name of a client: it has 2 to 40 small letters, digits and hyphens",
	}
	ErrBadRedirect = domain.Refusal{
		Code: "access.bad_redirect", Reason: "{url} is no address to lead people back to: it begins with https:// (or, on this machine, with http://) and has no fragment",
	}
	ErrNoRedirect = domain.Refusal{Code: "access.no_redirect", Reason: "a client needs an address to lead people back to"}
	ErrBadClaim   = domain.Refusal{Code: "access.bad_claim", Reason: "there is no claim {claim}: choose among {known}"}
	ErrBadService = domain.Refusal{Code: "access.bad_service", Reason: "there is no service {service}: choose among {known}"}
	ErrPublic     = domain.Refusal{Code: "access.public_client", Reason: "client {client} is public and has no secret"}
)

// AddClient registers a client, and returns the secret by which it proves who it is,
// or none if it is public. The secret is not kept and cannot be shown again.
func (a *Access) AddClient(ctx context.Context, c Client) (secret string, made Client, err error) {
	if err := c.check(); err != nil {
		return "", c, err
	}
	c.Created = a.Now().UTC().Truncate(time.Second)
	if !c.Public {
		secret = newSecret("roco_")
		c.Secrets = []ClientSecret{{Hash: hash(secret)}}
	}
	if err = put(ctx, a.KV, clientSpace+c.ID, c); eventstore.IsStale(err) {
		err = ErrClientTaken.With("client", c.ID)
	}
	return secret, c, err
}

func (c Client) check() error {
	if len(c.ID) < 2 || len(c.ID) > 40 || strings.Trim(c.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return ErrBadClient.With("client", c.ID)
	}
	if len(c.Redirects) == 0 {
		return ErrNoRedirect
	}
	for _, to := range slices.Concat(c.Redirects, c.SignedOut) {
		if !isRedirect(to) {
			return ErrBadRedirect.With("url", to)
		}
	}
	for _, claim := range c.Claims {
		if !slices.Contains(Claims, claim) {
			return ErrBadClaim.With("claim", claim).With("known", strings.Join(Claims, ", "))
		}
	}
	if c.Service != "" && !c.Service.Valid() {
		return ErrBadService.With("service", c.Service).With("known", fmt.Sprint(domain.Services))
	}
	return nil
}

// isRedirect reports whether people may be led back to somewhere: what they bring is
// read by nobody on the way.
func isRedirect(to string) bool {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.User != nil || strings.Contains(to, "#") || strings.ContainsAny(to, "*\\ ") {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// Clients returns all clients, in the order of their ids.
func (a *Access) Clients(ctx context.Context) (clients []Client, err error) {
	for e, err := range eventstore.Entries(ctx, a.KV, clientSpace) {
		if err != nil {
			return nil, err
		}
		var c Client
		if err := json.Unmarshal(e.Value, &c); err != nil {
			return nil, fmt.Errorf("access: %s: %w", e.Key, err)
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// Client returns a client, or [ErrNoSuchClient].
func (a *Access) Client(ctx context.Context, id string) (c Client, err error) {
	found, err := get(ctx, a.KV, clientSpace+id, &c)
	if err == nil && !found {
		err = ErrNoSuchClient.With("client", id)
	}
	return c, err
}

// RotateClient gives a client another secret. The one before counts for a [Handover],
// or, if it may be known to others, no more.
func (a *Access) RotateClient(ctx context.Context, id string, atOnce bool) (secret string, err error) {
	secret = newSecret("roco_")
	return secret, a.changeClient(ctx, id, func(c *Client) error {
		if c.Public {
			return ErrPublic.With("client", id)
		}
		var before []ClientSecret
		if n := len(c.Secrets); n > 0 && !atOnce {
			last := c.Secrets[n-1]
			last.Expires = a.Now().UTC().Add(Handover).Truncate(time.Second)
			before = []ClientSecret{last}
		}
		c.Secrets = append(before, ClientSecret{Hash: hash(secret)})
		return nil
	})
}

func (a *Access) changeClient(ctx context.Context, id string, change func(*Client) error) error {
	return eventstore.Update(ctx, a.KV, clientSpace+id, func(e eventstore.Entry) ([]byte, error) {
		var c Client
		if e.Revision == 0 {
			return nil, ErrNoSuchClient.With("client", id)
		}
		err := json.Unmarshal(e.Value, &c)
		if err == nil {
			err = change(&c)
		}
		if err != nil {
			return nil, err
		}
		return json.Marshal(c)
	})
}

// RemoveClient removes a client, and all that people have granted it.
func (a *Access) RemoveClient(ctx context.Context, id string) error {
	if _, err := a.Client(ctx, id); err != nil {
		return err
	}
	err := eventstore.Update(ctx, a.KV, clientSpace+id, func(eventstore.Entry) ([]byte, error) { return nil, nil })
	return errors.Join(err, a.endGrants(ctx, grantSpace, func(g Grant) bool { return g.Client == id }))
}

// ProveClient refuses a secret that is not one of a client's with [ErrNoSuchClient].
func (a *Access) ProveClient(ctx context.Context, id, secret string) error {
	c, err := a.Client(ctx, id)
	if err != nil {
		return err
	}
	for _, s := range c.Secrets {
		if s.Hash == hash(secret) && (s.Expires.IsZero() || a.Now().Before(s.Expires)) {
			return nil
		}
	}
	return ErrNoSuchClient.With("client", id)
}
