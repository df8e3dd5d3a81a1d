package graphql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/processes/access"
	"rochdale/projections"
)

// WithdrawSubscription lets who subscribed take it back, and nothing else.
func (m mutation) WithdrawSubscription(ctx context.Context, subscription string, party *string, class string, why *shares.Withdrawal, on *calendar.Date,
	requestID *string,
) (exec.SharesDone, error) {
	who, err := m.concernedOn(ctx, party, on)
	if err != nil {
		return exec.SharesDone{}, err
	}
	reason := shares.Withdrawn
	if why != nil && m.seesAll(ctx) {
		reason = *why
	}
	return m.booked(ctx, who, class, on, requestID, func(w *work, b books) (string, error) {
		return subscription, eventstore.Do(w.Tx, shares.WithdrawSubscription{
			Subscription: shares.SubscriptionID(subscription), Party: who, Class: domain.ClassID(class), Why: reason, On: b.day, Closed: b.closed,
		})
	})
}

func (m mutation) AssignShareCredit(ctx context.Context, party, class, reference string, amount money.Money, to, toClass, subscription string,
	subscriber *string, on *calendar.Date, requestID *string,
) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(party), class, on, requestID, func(w *work, b books) (string, error) {
		id := w.NewID().String()
		return id, eventstore.Do2(w.Tx, shares.AssignCredit{
			Assignment: id, Party: domain.PartyID(party), Class: domain.ClassID(class), Reference: reference, Amount: amount,
			To: domain.PartyID(to), ToClass: domain.ClassID(toClass), Subscription: shares.SubscriptionID(subscription),
			Subscriber: domain.PartyID(value(subscriber)), On: b.day, Closed: b.closed,
		})
	})
}

// RefundShareCredit asks besides whether the payer's account can be trusted. Where none
// is known, money goes back to where it came from.
func (m mutation) RefundShareCredit(ctx context.Context, party, class, reference string, amount money.Money, payment string, on *calendar.Date,
	requestID *string,
) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(party), class, on, requestID, func(w *work, b books) (string, error) {
		holding, _, err := eventstore.Load[shares.Holding](w.Tx, shares.StreamOf(domain.PartyID(party), domain.ClassID(class)))
		if err != nil {
			return "", err
		}
		c := shares.RefundCredit{
			Party: domain.PartyID(party), Class: domain.ClassID(class), Reference: reference, Amount: amount, On: b.day, Payment: payment, Closed: b.closed,
		}
		for _, credit := range holding.Credits() {
			if credit.Reference != reference {
				continue
			}
			payer, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(credit.Payer))
			if err != nil {
				return "", err
			}
			if _, known := payer.BankAccount(); known {
				accounts := payer.BankAccounts()
				c.UsableFrom = accounts[len(accounts)-1].UsableFrom
			}
		}
		return payment, eventstore.Do(w.Tx, c)
	})
}

func (m mutation) TimeBarShareCredit(ctx context.Context, party, class, reference string, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(party), class, on, requestID, func(w *work, b books) (string, error) {
		return reference, eventstore.Do(w.Tx, shares.TimeBarCredit{
			Party: domain.PartyID(party), Class: domain.ClassID(class), Reference: reference, On: b.day, Statutes: b.rules, Closed: b.closed,
		})
	})
}

// DecideCall is followed by the process that calls each holder.
func (m mutation) DecideCall(ctx context.Context, class string, upTo money.Money, dueOn calendar.Date, decision string, on *calendar.Date, requestID *string) (done exec.CallDone, err error) {
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		b, err := w.books(on)
		if err != nil {
			return err
		}
		done.ID = shares.CallID(w.NewID().String())
		return eventstore.Do(w.Tx, shares.DecideCall{
			Call: done.ID, Class: domain.ClassID(class), UpTo: upTo, DueOn: dueOn, Decision: decision, On: b.day, Statutes: b.rules, Closed: b.closed,
		})
	})
	return done, err
}

// books are those of a day that was given, or today.
func (w *work) books(on *calendar.Date) (b books, err error) {
	var accounts shares.Accounts
	b.day, b.rules, accounts, err = w.accounted(on)
	b.closed = accounts.ClosedThrough()
	return b, err
}

// AgreeTransfer asks besides whether the receiver has applied.
func (m mutation) AgreeTransfer(ctx context.Context, from, to, class string, quantity int, kind *shares.TransferKind, signatures []shares.Signature,
	decision *string, on *calendar.Date, requestID *string,
) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(from), class, on, requestID, func(w *work, b books) (string, error) {
		return m.agree(w, b, shares.Transfer{
			Transfer: shares.TransferID(w.NewID().String()), Kind: value(kind), From: domain.PartyID(from), To: domain.PartyID(to),
			Class: domain.ClassID(class), Quantity: int64(quantity), Signed: signatures, Decision: value(decision),
		})
	})
}

func (m mutation) agree(w *work, b books, c shares.Transfer) (string, error) {
	receiver, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(c.To))
	if err != nil {
		return "", err
	}
	if !receiver.Applying() {
		return "", membership.ErrNotApplied
	}
	if c, err = m.transfer(w, b, c); err != nil {
		return "", err
	}
	return string(c.Transfer), eventstore.Do2(w.Tx, shares.AgreeTransfer(c))
}

func (m mutation) AbandonTransfer(ctx context.Context, transfer, from, to, class string, why shares.Withdrawal, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(from), class, on, requestID, func(w *work, b books) (string, error) {
		return transfer, eventstore.Do2(w.Tx, shares.AbandonTransfer{
			Transfer: shares.TransferID(transfer), From: domain.PartyID(from), To: domain.PartyID(to), Class: domain.ClassID(class), Why: why, On: b.day,
		})
	})
}

func (m mutation) CompleteTransfer(ctx context.Context, transfer, from, to, class string, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(from), class, on, requestID, func(w *work, b books) (string, error) {
		receiver, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(domain.PartyID(to)))
		if err != nil {
			return "", err
		}
		if !receiver.IsMember(b.day) {
			return "", membership.ErrNotMember.With("on", b.day)
		}
		needed, err := processes.SharesNeeded(w.Tx, m.Store, m.Models, b.rules, domain.PartyID(from), domain.ClassID(class), b.day)
		if err != nil {
			return "", err
		}
		return transfer, eventstore.Do2(w.Tx, shares.CompleteTransfer{
			Transfer: shares.TransferID(transfer), From: domain.PartyID(from), To: domain.PartyID(to), Class: domain.ClassID(class),
			On: b.day, Needed: needed, Statutes: b.rules, Closed: b.closed,
		})
	})
}

// ProposeTransfer names the receiver by number: members do not know each other's ids,
// and learn nothing else of each other by it.
func (m mutation) ProposeTransfer(ctx context.Context, from *string, toNumber int, class string, quantity int, kind shares.TransferKind, requestID *string) (done exec.ProposalDone, err error) {
	giver, err := m.concerned(ctx, from)
	if err != nil {
		return done, err
	}
	signer, err := m.self(ctx)
	if err != nil {
		return done, err
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		b, err := w.books(nil)
		if err != nil {
			return err
		}
		number := domain.MemberNumber(toNumber)
		to, _, err := eventstore.Load[membership.Number](w.Tx, membership.NumberStream(number))
		if err != nil {
			return err
		}
		if to.Party() == "" {
			return processes.ErrUnknownNumber.With("number", number)
		}
		done.ID = shares.TransferID(w.NewID().String())
		return eventstore.Do(w.Tx, shares.ProposeTransfer{
			Transfer: done.ID, From: giver, To: to.Party(), Class: domain.ClassID(class), Quantity: int64(quantity), Kind: kind,
			Signed: shares.Signature{As: shares.AsTransferor, By: signer, On: b.day, How: shares.SignedIn}, On: b.day, Statutes: b.rules,
		})
	})
	return done, err
}

// SignTransfer takes the signature of one of the two, or of who acts for it.
func (m mutation) SignTransfer(ctx context.Context, transfer string, party, requestID *string) (done exec.ProposalDone, err error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return done, err
	}
	signer, err := m.self(ctx)
	if err != nil {
		return done, err
	}
	done.ID = shares.TransferID(transfer)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		proposed, err := w.proposal(done.ID, who)
		if err != nil {
			return err
		}
		as := shares.AsTransferee
		if who == proposed.From {
			as = shares.AsTransferor
		}
		day, err := w.today()
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, shares.SignTransfer{Transfer: done.ID, Signed: shares.Signature{As: as, By: signer, On: day, How: shares.SignedIn}})
	})
	return done, err
}

// proposal returns one of which a party gives or receives the shares. Whoever does
// neither is told that there is none.
func (w *work) proposal(id shares.TransferID, party domain.PartyID) (shares.TransferProposed, error) {
	state, _, err := eventstore.Load[shares.Proposal](w.Tx, shares.ProposalStream(id))
	proposed, _ := state.Proposed()
	if err == nil && (party == "" || proposed.From != party && proposed.To != party) {
		err = shares.ErrNoProposal.With("transfer", id)
	}
	return proposed, err
}

func (m mutation) EndTransferProposal(ctx context.Context, transfer string, party, requestID *string) (done exec.ProposalDone, err error) {
	var who domain.PartyID
	if party != nil || !m.seesAll(ctx) {
		if who, err = m.concerned(ctx, party); err != nil {
			return done, err
		}
	}
	done.ID = shares.TransferID(transfer)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		outcome := shares.ProposalDeclined
		if who != "" {
			proposed, err := w.proposal(done.ID, who)
			if err != nil {
				return err
			}
			if who == proposed.From {
				outcome = shares.ProposalWithdrawn
			}
		}
		day, err := w.today()
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, shares.EndProposal{Transfer: done.ID, Outcome: outcome, On: day})
	})
	return done, err
}

// CarryOutTransfer transfers the shares to a member, or agrees to with somebody who has
// applied, as was proposed and signed.
func (m mutation) CarryOutTransfer(ctx context.Context, transfer string, decision *string, on *calendar.Date, requestID *string) (done exec.SharesDone, err error) {
	id := shares.TransferID(transfer)
	done.ID = transfer
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		b, err := w.books(on)
		if err != nil {
			return err
		}
		state, _, err := eventstore.Load[shares.Proposal](w.Tx, shares.ProposalStream(id))
		if err != nil {
			return err
		}
		p, waits := state.Proposed()
		if !waits {
			return shares.ErrNoProposal.With("transfer", id)
		}
		done.Party, done.Class = p.From, p.Class
		receiver, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(p.To))
		if err != nil {
			return err
		}
		c := shares.Transfer{
			Transfer: id, Kind: p.Kind, From: p.From, To: p.To, Class: p.Class, Quantity: p.Quantity, Signed: state.Signed(), Decision: value(decision),
		}
		switch {
		case receiver.IsMember(b.day):
			if c, err = m.transfer(w, b, c); err == nil {
				err = eventstore.Do2(w.Tx, c)
			}
		case receiver.Applying():
			_, err = m.agree(w, b, c)
		default:
			err = membership.ErrNotMember.With("on", b.day)
		}
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, shares.EndProposal{Transfer: id, Outcome: shares.ProposalMade, On: b.day})
	})
	if err == nil && done.Party == "" { // asked for before, and ended since
		p, _, err := m.Models.Proposal(ctx, id)
		done.Party, done.Class = p.From, p.Class
		return done, err
	}
	return done, err
}

func (m mutation) ConvertShares(ctx context.Context, party, class, to string, quantity int, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	who := domain.PartyID(party)
	return m.booked(ctx, who, class, on, requestID, func(w *work, b books) (string, error) {
		id := w.NewID().String()
		needed, err := processes.SharesNeeded(w.Tx, m.Store, m.Models, b.rules, who, domain.ClassID(class), b.day)
		if err != nil {
			return "", err
		}
		return id, eventstore.Do2(w.Tx, shares.Convert{
			Conversion: shares.ConversionID(id), Party: who, Class: domain.ClassID(class), To: domain.ClassID(to), Quantity: int64(quantity),
			On: b.day, Needed: needed, Statutes: b.rules, Closed: b.closed,
		})
	})
}

func (m mutation) NoteRestriction(ctx context.Context, party, class string, kind shares.Restriction, quantity *int, beneficiary *string, document string,
	on *calendar.Date, requestID *string,
) (exec.SharesDone, error) {
	return m.shares(ctx, domain.PartyID(party), class, on, requestID, func(w *work, day calendar.Date, _ statutes.Statutes) (string, error) {
		id := w.NewID().String()
		return id, eventstore.Do(w.Tx, shares.NoteRestriction{
			Restriction: shares.RestrictionID(id), Party: domain.PartyID(party), Class: domain.ClassID(class), Kind: kind,
			Quantity: int64(value(quantity)), Beneficiary: value(beneficiary), Document: document, On: day,
		})
	})
}

func (m mutation) LiftRestriction(ctx context.Context, restriction, party, class, document string, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	return m.shares(ctx, domain.PartyID(party), class, on, requestID, func(w *work, day calendar.Date, _ statutes.Statutes) (string, error) {
		return restriction, eventstore.Do(w.Tx, shares.LiftRestriction{
			Restriction: shares.RestrictionID(restriction), Party: domain.PartyID(party), Class: domain.ClassID(class), Document: document, On: day,
		})
	})
}

func (m mutation) IssueCertificate(ctx context.Context, party, class string, quantity *int, on *calendar.Date, requestID *string) (exec.CertificateDone, error) {
	return m.certify(ctx, on, requestID, func(w *work, number shares.CertificateNumber, day calendar.Date) error {
		c := shares.IssueCertificate{Number: number, Party: domain.PartyID(party), Class: domain.ClassID(class), Quantity: int64(value(quantity)), On: day}
		if quantity == nil {
			holding, _, err := eventstore.Load[shares.Holding](w.Tx, shares.StreamOf(c.Party, c.Class))
			if err != nil {
				return err
			}
			c.Quantity = holding.Held()
		}
		return eventstore.Do2(w.Tx, c)
	})
}

func (m mutation) ReplaceCertificate(ctx context.Context, number int, quantity *int, why shares.Voided, on *calendar.Date, requestID *string) (exec.CertificateDone, error) {
	old := shares.CertificateNumber(number)
	return m.certify(ctx, on, requestID, func(w *work, next shares.CertificateNumber, day calendar.Date) error {
		was, _, err := eventstore.Load[shares.Certificate](w.Tx, shares.CertificateStream(old))
		if err != nil {
			return err
		}
		c := shares.ReplaceCertificate{Old: old, New: next, Quantity: int64(value(quantity)), Why: why, On: day}
		issued := was.Issued()
		if c.Holding, _, err = eventstore.Load[shares.Holding](w.Tx, shares.StreamOf(issued.Party, issued.Class)); err != nil {
			return err
		}
		if quantity == nil {
			c.Quantity = c.Holding.Held()
		}
		return eventstore.Do2(w.Tx, c)
	})
}

// certify issues a certificate under the next number. Asked for again, it is the one
// that was issued.
func (m mutation) certify(ctx context.Context, on *calendar.Date, requestID *string, do func(*work, shares.CertificateNumber, calendar.Date) error) (done exec.CertificateDone, err error) {
	last, err := m.Models.LastCertificate(ctx)
	if err != nil {
		return done, err
	}
	for {
		last++
		err = m.change(ctx, requestID, &done.Done, func(w *work) error {
			day, err := w.day(on)
			if err == nil {
				err = w.Answer(last)
			}
			if err != nil {
				return err
			}
			return do(w, last, day)
		})
		if refusal, refused := errors.AsType[domain.Refusal](err); refused && refusal.Code == shares.ErrCertificate.Code {
			continue // somebody was faster
		}
		break
	}
	if done.Number = last; err != nil || requestID == nil {
		return done, err
	}
	ctx, err = m.requested(ctx, requestID)
	if err != nil {
		return done, err
	}
	_, answer, _, err := eventstore.Made(ctx, m.Store)
	if err == nil {
		err = json.Unmarshal(answer, &done.Number)
	}
	return done, err
}

func (m mutation) CancelCertificate(ctx context.Context, number int, why shares.Voided, on *calendar.Date, requestID *string) (done exec.CertificateDone, err error) {
	done.Number = shares.CertificateNumber(number)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, err := w.day(on)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, shares.CancelCertificate{Number: done.Number, Why: why, On: day})
	})
	return done, err
}

func (m mutation) ReverseShareEntry(ctx context.Context, entry shares.Entry, of, party, class string, keep bool, document string, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(party), class, on, requestID, func(w *work, b books) (string, error) {
		id := w.NewID().String()
		return id, eventstore.Do(w.Tx, shares.ReverseEntry{
			Reversal: shares.ReversalID(id), Entry: entry, Of: of, Keep: keep, Party: domain.PartyID(party), Class: domain.ClassID(class),
			Document: document, On: b.day, Closed: b.closed,
		})
	})
}

func (m mutation) ReverseTransfer(ctx context.Context, transfer, from, to, class, document string, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(from), class, on, requestID, func(w *work, b books) (string, error) {
		id := w.NewID().String()
		return id, eventstore.Do2(w.Tx, shares.ReverseTransfer{
			Reversal: shares.ReversalID(id), Transfer: shares.TransferID(transfer), From: domain.PartyID(from), To: domain.PartyID(to),
			Class: domain.ClassID(class), Document: document, On: b.day, Closed: b.closed,
		})
	})
}

func (m mutation) ReverseConversion(ctx context.Context, conversion, party, class, to, document string, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(party), class, on, requestID, func(w *work, b books) (string, error) {
		id := w.NewID().String()
		return id, eventstore.Do2(w.Tx, shares.ReverseConversion{
			Reversal: shares.ReversalID(id), Conversion: shares.ConversionID(conversion), Party: domain.PartyID(party),
			Class: domain.ClassID(class), To: domain.ClassID(to), Document: document, On: b.day, Closed: b.closed,
		})
	})
}

// ConsultShareRegister names the holder of an extract by number, as a member knows
// another.
func (m mutation) ConsultShareRegister(ctx context.Context, party *string, number *int, asOf, knownAt *calendar.Date, requestID *string) (done exec.ConsultationDone, err error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return done, err
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		today, err := w.today()
		if err != nil {
			return err
		}
		c := shares.ConsultRegister{Party: who, AsAt: today, KnownAt: value(knownAt), On: today}
		if asOf != nil {
			c.AsAt = *asOf
		}
		if number != nil {
			holder, _, err := eventstore.Load[membership.Number](w.Tx, membership.NumberStream(domain.MemberNumber(*number)))
			if err != nil {
				return err
			}
			if c.Holder = holder.Party(); c.Holder == "" {
				return processes.ErrUnknownNumber.With("number", *number)
			}
		}
		done.ID, err = processes.Consult(w.Tx, c)
		return err
	})
	return done, err
}

func (q query) ShareCredits(ctx context.Context, payer *string) ([]projections.ShareCredit, error) {
	if payer == nil && q.seesAll(ctx) {
		return q.Models.ShareCredits(ctx, "")
	}
	who, err := q.concerned(ctx, payer)
	if err != nil {
		return nil, err
	}
	return q.Models.ShareCredits(ctx, who)
}

func (q query) ShareCalls(ctx context.Context) ([]projections.ShareCall, error) {
	return q.Models.ShareCalls(ctx)
}

func (q query) SharesOverdue(ctx context.Context, on *calendar.Date) ([]projections.OverdueShares, error) {
	day, err := q.dayOr(ctx, on)
	if err != nil {
		return nil, err
	}
	return q.Models.Overdue(ctx, day, "")
}

func (q query) AgreedTransfers(ctx context.Context) ([]projections.AgreedTransfer, error) {
	return q.Models.AgreedTransfers(ctx, "", true)
}

func (q query) TransferProposals(ctx context.Context) ([]projections.Proposal, error) {
	return q.Models.Proposals(ctx, "")
}

func (q query) ShareRestrictions(ctx context.Context, asOf *calendar.Date, knownAt *time.Time) ([]projections.RestrictionEntry, error) {
	day, err := q.dayOr(ctx, asOf)
	if err != nil {
		return nil, err
	}
	return allOf(q.Models.Restrictions(ctx, projections.AsAt{Day: day, Known: value(knownAt)}, ""))
}

func (q query) ShareCertificate(ctx context.Context, number int) (*projections.Certificate, error) {
	c, known, err := q.Models.Certificate(ctx, shares.CertificateNumber(number))
	return found(c, known && q.sees(ctx, c.Party), err)
}

func (q query) ShareConsultation(ctx context.Context, id string) (*projections.Consultation, error) {
	c, known, err := q.Models.Consultation(ctx, shares.ConsultationID(id))
	return found(c, known && q.sees(ctx, c.Party), err)
}

func (q query) ShareConsultations(ctx context.Context, first *int, after *string, last *int, before *string) (exec.Connection[projections.Consultation], error) {
	return paged(q.Models.Consultations(ctx, pageOf(ctx, first, after, last, before)))
}

// allOf is what a sequence yields.
func allOf[T any](items iter.Seq2[T, error]) (all []T, err error) {
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

func (m member) ShareLots(ctx context.Context, of *projections.Member) ([]projections.ShareLot, error) {
	return m.Models.ShareLots(ctx, of.ID)
}

func (m member) ShareCredits(ctx context.Context, of *projections.Member) ([]projections.ShareCredit, error) {
	return m.Models.ShareCredits(ctx, of.ID)
}

func (m member) SharesCalled(ctx context.Context, of *projections.Member) ([]projections.CalledShares, error) {
	return m.Models.CalledOf(ctx, of.ID)
}

func (m member) SharesOverdue(ctx context.Context, of *projections.Member, on *calendar.Date) ([]projections.OverdueShares, error) {
	day, err := m.dayOr(ctx, on)
	if err != nil {
		return nil, err
	}
	return m.Models.Overdue(ctx, day, of.ID)
}

func (m member) AgreedTransfers(ctx context.Context, of *projections.Member) ([]projections.AgreedTransfer, error) {
	return m.Models.AgreedTransfers(ctx, of.ID, false)
}

func (m member) TransferProposals(ctx context.Context, of *projections.Member) ([]projections.Proposal, error) {
	return m.Models.Proposals(ctx, of.ID)
}

func (m member) ShareRestrictions(ctx context.Context, of *projections.Member) ([]projections.RestrictionEntry, error) {
	day, err := m.today(ctx)
	if err != nil {
		return nil, err
	}
	return allOf(m.Models.Restrictions(ctx, projections.AsAt{Day: day}, of.ID))
}

func (m member) ShareCertificates(ctx context.Context, of *projections.Member) ([]projections.Certificate, error) {
	return m.Models.CertificatesOf(ctx, of.ID)
}

func (m member) ShareConsultations(ctx context.Context, of *projections.Member) ([]projections.Consultation, error) {
	return m.Models.ConsultationsBy(ctx, of.ID)
}

type agreedTransfer struct{ *resolver }

func (r *resolver) AgreedTransfer() exec.AgreedTransferResolver { return agreedTransfer{r} }

func (a agreedTransfer) From(ctx context.Context, of *projections.AgreedTransfer) (projections.Member, error) {
	return a.known(ctx, of.From)
}

func (a agreedTransfer) To(ctx context.Context, of *projections.AgreedTransfer) (projections.Member, error) {
	return a.known(ctx, of.To)
}

// known is a party, also where nothing is known of it.
func (r *resolver) known(ctx context.Context, party domain.PartyID) (projections.Member, error) {
	of, _, err := r.Models.Member(ctx, party)
	of.ID = party
	return of, err
}

type transferProposal struct{ *resolver }

func (r *resolver) TransferProposal() exec.TransferProposalResolver { return transferProposal{r} }

func (p transferProposal) From(ctx context.Context, of *projections.Proposal) (projections.Member, error) {
	return p.known(ctx, of.From)
}

func (p transferProposal) To(ctx context.Context, of *projections.Proposal) (*projections.Member, error) {
	return p.related(ctx, of.To)
}

func (p transferProposal) ToNumber(ctx context.Context, of *projections.Proposal) (*int, error) {
	to, err := p.known(ctx, of.To)
	number := int(to.Number)
	return found(number, number > 0, err)
}

type shareConsultation struct{ *resolver }

func (r *resolver) ShareConsultation() exec.ShareConsultationResolver { return shareConsultation{r} }

func (shareConsultation) Extract(_ context.Context, of *projections.Consultation) (bool, error) {
	return of.Holder != "", nil
}

// Lines are the register as it was shown: to its keepers whenever they look, to who
// consulted it on that day.
func (c shareConsultation) Lines(ctx context.Context, of *projections.Consultation, first *int, after *string, last *int, before *string) (
	page exec.Connection[projections.RegisterEntry], err error,
) {
	today, err := c.today(ctx)
	if err != nil {
		return page, err
	}
	viewer, _ := access.Of(ctx)
	if keeper := rolesOf(viewer.Roles)&rolesOf([]domain.Role{domain.RoleBoard, domain.RoleSecretary}) != 0; !keeper && of.On != today {
		return page, shares.ErrConsultationOver
	}
	known := of.RecordedAt
	if !of.KnownAt.IsZero() {
		zone, err := c.zone(ctx)
		if err != nil {
			return page, err
		}
		known = of.KnownAt.AddDays(1).Midnight(zone).Add(-time.Microsecond)
	}
	all, err := c.Models.RegisterAt(ctx, of.AsAt, known)
	if err != nil {
		return page, err
	}
	if of.Holder != "" {
		var theirs []projections.RegisterEntry
		for _, e := range all {
			if e.Party == of.Holder {
				theirs = append(theirs, e)
			}
		}
		all = theirs
	}
	return paged(pageFrom(all, placeInRegister, pageOf(ctx, first, after, last, before)))
}

func placeInRegister(e *projections.RegisterEntry) string {
	return place(int64(e.Member.Number), string(e.Party), string(e.Class), e.AcquiredOn.String(), fmt.Sprintf("%020d", e.Price.Minor()))
}

type transferProposalPayload struct{ *resolver }

func (r *resolver) TransferProposalPayload() exec.TransferProposalPayloadResolver {
	return transferProposalPayload{r}
}

func (p transferProposalPayload) Proposal(ctx context.Context, done *exec.ProposalDone) (*projections.Proposal, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Proposal(ctx, done.ID))
}

type certificatePayload struct{ *resolver }

func (r *resolver) CertificatePayload() exec.CertificatePayloadResolver { return certificatePayload{r} }

func (p certificatePayload) Certificate(ctx context.Context, done *exec.CertificateDone) (*projections.Certificate, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Certificate(ctx, done.Number))
}

type shareConsultationPayload struct{ *resolver }

func (r *resolver) ShareConsultationPayload() exec.ShareConsultationPayloadResolver {
	return shareConsultationPayload{r}
}

func (p shareConsultationPayload) Consultation(ctx context.Context, done *exec.ConsultationDone) (*projections.Consultation, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Consultation(ctx, done.ID))
}
