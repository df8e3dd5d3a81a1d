package projections

import (
	"context"
	"reflect"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
)

// booked are the entries in the books that are in no other table: those of shares that
// move none. They are few.
var booked = []any{
	shares.Credited{},
	shares.CreditUsed{},
	shares.CreditRefunded{},
	shares.CreditTimeBarred{},
	shares.Called{},
	shares.SubscriptionWithdrawn{},
	shares.TransferAgreed{},
	shares.TransferAwaited{},
	shares.TransferAbandoned{},
	shares.RestrictionNoted{},
	shares.RestrictionLifted{},
	shares.LossCharged{},
	shares.CertificateIssued{},
	shares.CertificateReplaced{},
	shares.CertificateCancelled{},
	shares.ExitRequested{},
	shares.ExitAccepted{},
	shares.ExitWithdrawn{},
	shares.ExitTookEffect{},
	shares.ExitReversed{},
	shares.ExitValued{},
	shares.UnpaidCollected{},
	shares.UnpaidWaived{},
	shares.RefundReleased{},
	shares.RefundSetOff{},
	shares.RefundPaid{},
	shares.RefundReturned{},
	shares.ClaimFreed{},
	shares.RefundTimeBarred{},
	shares.ClaimEntryReversed{},
	shares.Repaid{},
	shares.DividendAllotted{},
	shares.DividendPaid{},
	shares.DividendReturned{},
	shares.DividendTimeBarred{},
	shares.PayoutReversed{},
}

// retentionProjection keeps what must be known of a party before its personal data is
// erased, besides what other tables have.
var retentionProjection = projection{
	module: "retention",
	wants:  append([]any{membership.JointFormed{}, membership.HoldersChanged{}, membership.EstateOpened{}}, booked...),
	apply: func(t *table, event any) error {
		named := func(parties ...domain.PartyID) error {
			for _, party := range parties {
				err := t.Exec(`insert into affair (party, registered) values (?, 1) on conflict do update set registered = 1`, party)
				if err != nil {
					return err
				}
			}
			return nil
		}
		switch e := event.(type) {
		case membership.JointFormed:
			return named(append(slices.Clone(e.Holders), e.Party)...)
		case membership.HoldersChanged:
			return named(append(slices.Clone(e.Holders), e.Party)...)
		case membership.EstateOpened:
			return named(append(slices.Clone(e.Heirs), e.Party, e.Of)...)
		}
		parties, on := bookingOf(event)
		for _, party := range parties {
			err := t.Exec(`insert into affair values (?1, ?2, 0) on conflict do update set booked = max(booked, ?2)`, party, on)
			if err != nil {
				return err
			}
		}
		return nil
	},
}

// bookingOf returns the parties that an entry names, and its day.
func bookingOf(event any) (parties []domain.PartyID, on calendar.Date) {
	v := reflect.ValueOf(event)
	for i := range v.NumField() {
		switch f := v.Field(i).Interface().(type) {
		case domain.PartyID:
			if f != "" {
				parties = append(parties, f)
			}
		case calendar.Date:
			if v.Type().Field(i).Name == "On" {
				on = f
			}
		}
	}
	return parties, on
}

// RetentionState is what becomes of data.
type RetentionState string

const (
	RetentionNone     RetentionState = "none"     // there is none
	RetentionErased   RetentionState = "erased"   // it has gone
	RetentionErasable RetentionState = "erasable" // nothing needs it: it goes if it is erased
	RetentionKept     RetentionState = "kept"     // it stays
)

// Valid reports whether it is one of these.
func (s RetentionState) Valid() bool {
	return s == RetentionNone || s == RetentionErased || s == RetentionErasable || s == RetentionKept
}

// Retention is what becomes of a party's data of a class.
type Retention struct {
	Class    sealed.Class
	State    RetentionState
	ErasedOn calendar.Date
	Kept     domain.Refusal // why, if it is kept
	Through  calendar.Date  // the last day on which it is kept; no day: no end is known
}

// Retention says for each class what of a party's data goes if it is erased on a day,
// what stays, why and until when, and what has gone.
func (m *Models) Retention(ctx context.Context, party domain.PartyID, on calendar.Date, rules statutes.Statutes) (all []Retention, err error) {
	facts, err := m.Facts(ctx, party, on)
	if err != nil {
		return nil, err
	}
	var state membership.Member
	_, err = eventstore.Transact(ctx, m.store, func(tx *eventstore.Tx) error {
		state, _, err = eventstore.Load[membership.Member](tx, membership.StreamOf(party))
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, of := range state.Retention(on, facts, rules) {
		version, err := m.store.Keys.Version(ctx, party, of.Class)
		if err != nil {
			return nil, err
		}
		r := Retention{Class: of.Class, State: RetentionErasable}
		gone, was := state.Erased(of.Class)
		switch {
		case was && version <= gone.Through:
			r.State, r.ErasedOn = RetentionErased, gone.On
		case version == 0:
			r.State = RetentionNone
		case !of.Erasable():
			r.State, r.Kept, r.Through = RetentionKept, of.Kept, of.Through
		}
		all = append(all, r)
	}
	return all, nil
}

// Facts returns by what a party's data must be kept on a day: what other modules know of
// it.
func (m *Models) Facts(ctx context.Context, party domain.PartyID, on calendar.Date) (f membership.Facts, err error) {
	balance, err := m.Balance(ctx, party)
	if err != nil {
		return f, err
	}
	held, err := m.MandatesHeld(ctx, party, on)
	if err != nil {
		return f, err
	}
	subscriptions, err := m.SubscriptionsOf(ctx, party)
	if err != nil {
		return f, err
	}
	for _, s := range subscriptions {
		f.Served = f.Served || s.Ends.IsZero() || !s.Ends.Before(on)
		if s.Ends.After(f.ServedThrough) {
			f.ServedThrough = s.Ends
		}
	}
	entitled, err := m.Entitlements(ctx, party) // by part of another's subscription, or by a gift
	if err != nil {
		return f, err
	}
	for _, e := range entitled {
		if slices.ContainsFunc(subscriptions, func(s Subscription) bool { return s.ID == e.Subscription }) {
			continue
		}
		f.Served = f.Served || e.Status != entitlement.StatusRevoked
		if e.Until.After(f.ServedThrough) {
			f.ServedThrough = e.Until
		}
	}
	there, err := m.accountsThere(ctx, party)
	if err != nil {
		return f, err
	}
	f.Served = f.Served || there
	err = m.readOne(ctx, func(c *lite.Conn) error {
		var scanned error
		_, err := c.One(`select
			exists (select 1 from share_movement where party = ?1 and quantity > 0) or coalesce((select registered from affair where party = ?1), 0),
			max(coalesce((select max(on_date) from share_movement where party = ?1), ''),
				coalesce((select max(on_date) from share_subscription where party = ?1), ''),
				coalesce((select max(issued_on) from invoice where payer = ?1), ''),
				coalesce((select max(on_date) from payment where payer = ?1), ''),
				coalesce((select booked from affair where party = ?1), ''))`, func(r lite.Row) {
			f.InRegister = r.Int(0) > 0
			if r.Text(1) != "" {
				scanned = r.Into(1, &f.Booked)
			}
		}, party)
		if err == nil {
			err = scanned
		}
		return err
	})
	if err != nil {
		return f, err
	}
	f.Acts, f.Owed = len(held) > 0, !balance.Due().IsZero()
	owed, err := m.owed(ctx, party)
	f.Owed = f.Owed || owed
	return f, err
}

// accountsThere reports whether an account of a party is still on a target, as in the days that it stays, or while it
// is held: it is deleted first, under its login, which nobody would know once it is erased. Of what somebody has given
// up on, nobody can wait for the end.
func (m *Models) accountsThere(ctx context.Context, party domain.PartyID) (there bool, err error) {
	err = m.readOne(ctx, func(c *lite.Conn) error {
		_, err := c.One(`select exists (select 1 from account a join wanted w on w.account = a.id
			where a.party in `+selves+` and w.status in (?2, ?3) and not w.skipped)`,
			func(r lite.Row) { there = r.Int(0) > 0 }, party, provisioning.StatusActive, provisioning.StatusSuspended)
		return err
	})
	return there, err
}

// owed reports whether something is owed for shares of a party, either way, or will be.
// What is owed on shares that are held, or were, is looked up in the log.
func (m *Models) owed(ctx context.Context, party domain.PartyID) (owed bool, err error) {
	err = m.readOne(ctx, func(c *lite.Conn) error {
		_, err := c.One(`select exists (select 1 from share_claim where party = ?1 and (state in (?2, ?3, ?4, ?5) or unpaid > 0))
			or exists (select 1 from share_payout where party = ?1 and payable <> 0)`, func(r lite.Row) { owed = r.Int(0) > 0 },
			party, shares.ClaimRequested, shares.ClaimEffective, shares.ClaimWaiting, shares.ClaimReleased)
		return err
	})
	if err != nil || owed {
		return owed, err
	}
	classes, err := rows(ctx, m, `select class from share_movement where party = ?1
		union select class from share_subscription where party = ?1
		union select class from share_credit where party = ?1`,
		func(r lite.Row) (domain.ClassID, error) { return domain.ClassID(r.Text(0)), nil }, party)
	if err != nil {
		return false, err
	}
	_, err = eventstore.Transact(ctx, m.store, func(tx *eventstore.Tx) error {
		owed = false
		for _, class := range classes {
			h, _, err := eventstore.Load[shares.Holding](tx, shares.StreamOf(party, class))
			if err != nil {
				return err
			}
			owed = owed || h.Owed().IsPositive() || h.Unpaid().IsPositive() || len(h.Credits()) > 0
		}
		return nil
	})
	return owed, err
}
