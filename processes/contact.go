package processes

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/eventstore"
	"rochdale/processes/access"
)

// ContactLinks are the one-time links by which who reads the old address of a party
// confirms or declines another. A link is made of the request and the master key, so
// that it is the same however often it is made.
type ContactLinks struct {
	Store   *eventstore.Store
	Access  *access.Access
	BaseURL string
	Today   func() calendar.Date
}

// linkActor is who acts by a link, who shows no more than that they read an address.
const linkActor = "link/contact"

var errNoURL = errors.New("processes: no link can be made: the address under which people reach the co-op is not known here")

// Link returns the address of the page that asks, and lets it be used until the request
// expires.
func (c ContactLinks) Link(ctx context.Context, e membership.ContactChangeRequested) (url string, err error) {
	if c.BaseURL == "" {
		return "", errNoURL
	}
	sum := c.Store.Keys.Sum([]byte("contact-link " + string(e.Party) + " " + string(e.Request)))
	secret := "rocc_" + base64.RawURLEncoding.EncodeToString(sum)
	expires := e.ExpiresAfter.AddDays(2).Midnight(time.UTC) // later than anywhere; the request knows its last day
	err = c.Access.KeepContactLink(ctx, secret, access.ContactLink{Party: e.Party, Request: string(e.Request), Expires: expires})
	return strings.TrimSuffix(c.BaseURL, "/") + "/contact/" + secret, err
}

// Asked returns the address that a link is to confirm.
func (c ContactLinks) Asked(ctx context.Context, secret string) (email string, err error) {
	link, err := c.Access.ContactLink(ctx, secret)
	if err != nil {
		return "", err
	}
	_, err = eventstore.Transact(eventstore.As(ctx, linkActor), c.Store, func(tx *eventstore.Tx) error {
		m, _, err := eventstore.Load[membership.Member](tx, membership.StreamOf(link.Party))
		request, waits := m.ContactRequest()
		contact, known := request.Contact.Reveal()
		if err == nil && (!waits || !known || string(request.Request) != link.Request) {
			err = membership.ErrNoRequest
		}
		email = contact.Email
		return err
	})
	return email, err
}

// Answer confirms or declines what a link asks, which is used up by it.
func (c ContactLinks) Answer(ctx context.Context, secret string, confirmed bool) error {
	link, err := c.Access.ContactLink(ctx, secret)
	if err != nil {
		return err
	}
	ctx, request := eventstore.As(ctx, linkActor), membership.RequestID(link.Request)
	if confirmed {
		_, err = eventstore.Execute(ctx, c.Store, membership.ConfirmContactChange{Party: link.Party, Request: request, By: membership.OldChannel, On: c.Today()})
	} else {
		_, err = eventstore.Execute(ctx, c.Store, membership.DeclineContactChange{Party: link.Party, Request: request, By: membership.OldChannel, On: c.Today()})
	}
	if err != nil {
		return err
	}
	return c.Access.EndContactLink(ctx, secret)
}
