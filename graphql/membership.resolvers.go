package graphql

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/processes/access"
	"rochdale/projections"
)

func (m mutation) Apply(ctx context.Context, party *string, kind membership.Kind, identity membership.Identity, contact *membership.Contact,
	language *domain.Language, accepted []membership.Acceptance, wishes []membership.Wish, heirOf *string, on *calendar.Date, requestID *string,
) (done exec.MemberDone, err error) {
	if err := m.mayDate(ctx, on); err != nil {
		return done, err
	}
	if party != nil || !m.seesAll(ctx) {
		if done.ID, err = m.concerned(ctx, party); err != nil {
			return done, err
		}
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		if party == nil && m.seesAll(ctx) {
			done.ID = domain.PartyID(w.NewID().String())
		}
		day, err := w.day(on)
		if err != nil {
			return err
		}
		rules, err := w.statutesOn(day)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.Apply{
			Party: done.ID, Kind: kind, Identity: identity, Contact: value(contact), Language: value(language), On: day, Statutes: rules,
			Accepted: accepted, Shares: wishes, HeirOf: domain.PartyID(value(heirOf)),
		})
	})
	return done, err
}

func (m mutation) Admit(ctx context.Context, party string, number *int, on, decidedOn *calendar.Date, minutes, requestID *string) (done exec.MemberDone, err error) {
	next := domain.MemberNumber(value(number))
	if number == nil {
		if next, err = m.numberFor(ctx, domain.PartyID(party)); err != nil {
			return done, err
		}
	}
	for {
		done, err = m.about(ctx, domain.PartyID(party), requestID, func(w *work) error { return admit(w, domain.PartyID(party), next, on, decidedOn, minutes) })
		if number == nil && errors.Is(err, membership.ErrNumberTaken) { // by somebody who was faster
			next++
			continue
		}
		return done, err
	}
}

func (m mutation) AdmitAll(ctx context.Context, parties []string, on, decidedOn *calendar.Date, minutes, requestID *string) (done exec.AdmissionsDone, err error) {
	last, err := m.Models.LastMemberNumber(ctx)
	if err != nil {
		return done, err
	}
	for {
		err = m.change(ctx, requestID, &done.Done, func(w *work) error {
			done.IDs = nil
			next := last
			for _, p := range parties {
				party := domain.PartyID(p)
				known, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(party))
				if err != nil {
					return err
				}
				number := known.Number()
				if number == 0 {
					next++
					number = next
				}
				if err := admit(w, party, number, on, decidedOn, minutes); err != nil {
					return err
				}
				done.IDs = append(done.IDs, party)
			}
			return nil
		})
		if errors.Is(err, membership.ErrNumberTaken) { // by somebody who was faster
			last++
			continue
		}
		return done, err
	}
}

// numberFor is the number under which to admit a party: the one they had before, or
// the next.
func (m mutation) numberFor(ctx context.Context, party domain.PartyID) (domain.MemberNumber, error) {
	known, _, err := m.Models.Member(ctx, party)
	if err != nil || known.Number > 0 {
		return known.Number, err
	}
	last, err := m.Models.LastMemberNumber(ctx)
	return last + 1, err
}

func admit(w *work, party domain.PartyID, number domain.MemberNumber, on, decidedOn *calendar.Date, minutes *string) error {
	day, err := w.day(on)
	if err != nil {
		return err
	}
	decided := day
	if decidedOn != nil {
		decided = *decidedOn
	}
	rules, err := w.statutesOn(day)
	if err != nil {
		return err
	}
	// What the party holds, has subscribed to, and is to have from others once admitted.
	holding, _, err := eventstore.Load[shares.Holding](w.Tx, shares.StreamOf(party, rules.Membership.Admission.Class))
	if err != nil {
		return err
	}
	return eventstore.Do2(w.Tx, membership.Admit{
		Party: party, Number: number, On: day, Shares: int(holding.Held() + holding.Subscribed() + holding.Awaited()), Statutes: rules,
		Decision: membership.Decision{By: rules.Membership.Admission.By, On: decided, Minutes: value(minutes)},
	})
}

func (m mutation) Reject(ctx context.Context, party string, reason *string, on *calendar.Date, minutes, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date) error {
		rules, err := w.statutesOn(day)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.Reject{
			Party: domain.PartyID(party), On: day, Reason: value(reason), Statutes: rules,
			Decision: membership.Decision{By: rules.Membership.Admission.By, On: day, Minutes: value(minutes)},
		})
	})
}

func (m mutation) UpdateIdentity(ctx context.Context, party *string, identity membership.Identity, on *calendar.Date, requestID *string) (done exec.MemberDone, err error) {
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		if done.ID = domain.PartyID(value(party)); party == nil {
			done.ID = domain.PartyID(w.NewID().String())
		}
		day, err := w.day(on)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.ChangeIdentity{Party: done.ID, Identity: identity, On: day})
	})
	return done, err
}

func (m mutation) UpdateContact(ctx context.Context, party *string, contact membership.Contact, requestID *string) (exec.MemberDone, error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return exec.MemberDone{}, err
	}
	keeper := m.seesAll(ctx)
	return m.ruled(ctx, who, nil, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) error {
		if keeper {
			return eventstore.Do(w.Tx, membership.ChangeContact{Party: who, Contact: contact, On: day})
		}
		request := membership.RequestID(w.NewID().String())
		return eventstore.Do(w.Tx, membership.RequestContactChange{Party: who, Request: request, Contact: contact, On: day, Statutes: rules})
	})
}

func (m mutation) UpdateLanguage(ctx context.Context, party *string, language domain.Language, requestID *string) (exec.MemberDone, error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return exec.MemberDone{}, err
	}
	return m.dated(ctx, who, nil, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.ChangeLanguage{Party: who, Language: language, On: day})
	})
}

func (m mutation) Resign(ctx context.Context, party *string, on *calendar.Date, requestID *string) (exec.MemberDone, error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return exec.MemberDone{}, err
	}
	if err := m.mayDate(ctx, on); err != nil {
		return exec.MemberDone{}, err
	}
	return m.ruled(ctx, who, on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) error {
		members, err := m.Models.CountMembers(ctx, rules.ResignationEnds(day).AddDays(1))
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.Resign{Party: who, On: day, Members: members, Statutes: rules})
	})
}

func (m mutation) WithdrawResignation(ctx context.Context, party *string, on *calendar.Date, requestID *string) (done exec.MemberDone, err error) {
	who, err := m.concernedOn(ctx, party, on)
	if err != nil {
		return done, err
	}
	return m.ruled(ctx, who, on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) error {
		return eventstore.Do(w.Tx, membership.WithdrawResignation{Party: who, On: day, Statutes: rules})
	})
}

func (m mutation) WithdrawApplication(ctx context.Context, party *string, on *calendar.Date, requestID *string) (done exec.MemberDone, err error) {
	who, err := m.concernedOn(ctx, party, on)
	if err != nil {
		return done, err
	}
	return m.dated(ctx, who, on, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.WithdrawApplication{Party: who, On: day})
	})
}

func (m mutation) PutOnWaitingList(ctx context.Context, party string, on *calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.PutOnWaitingList{Party: domain.PartyID(party), On: day})
	})
}

func (m mutation) TakeOffWaitingList(ctx context.Context, party string, on *calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.TakeOffWaitingList{Party: domain.PartyID(party), On: day})
	})
}

func (m mutation) NameFounder(ctx context.Context, party string, on *calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.NameFounder{Party: domain.PartyID(party), On: day})
	})
}

func (m mutation) ConfirmContactChange(ctx context.Context, party, request, reason string, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), nil, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.ConfirmContactChange{
			Party: domain.PartyID(party), Request: membership.RequestID(request), By: membership.BySecretary, Reason: reason, On: day,
		})
	})
}

func (m mutation) DeclineContactChange(ctx context.Context, party, request string, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), nil, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.DeclineContactChange{
			Party: domain.PartyID(party), Request: membership.RequestID(request), By: membership.BySecretary, On: day,
		})
	})
}

func (m mutation) ChangeBankAccount(ctx context.Context, party *string, account membership.BankAccount, requestID *string) (done exec.MemberDone, err error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return done, err
	}
	return m.ruled(ctx, who, nil, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) error {
		return eventstore.Do(w.Tx, membership.ChangeBankAccount{Party: who, Account: account, On: day, Statutes: rules})
	})
}

func (m mutation) RemoveBankAccount(ctx context.Context, party, requestID *string) (done exec.MemberDone, err error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return done, err
	}
	return m.dated(ctx, who, nil, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.RemoveBankAccount{Party: who, On: day})
	})
}

func (m mutation) FormJoint(ctx context.Context, party *string, identity membership.Identity, holders []string, on *calendar.Date, requestID *string) (done exec.MemberDone, err error) {
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		if done.ID = domain.PartyID(value(party)); party == nil {
			done.ID = domain.PartyID(w.NewID().String())
		}
		day, err := w.day(on)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.FormJoint{Party: done.ID, Identity: identity, Holders: partiesOf(holders), On: day})
	})
	return done, err
}

func (m mutation) ChangeHolders(ctx context.Context, party string, holders []string, on *calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.ChangeHolders{Party: domain.PartyID(party), Holders: partiesOf(holders), On: day})
	})
}

func (m mutation) OpenEstate(ctx context.Context, of string, identity membership.Identity, heirs []string, on *calendar.Date, requestID *string) (done exec.MemberDone, err error) {
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		done.ID = domain.PartyID(w.NewID().String())
		day, err := w.day(on)
		if err != nil {
			return err
		}
		return eventstore.Do2(w.Tx, membership.OpenEstate{Party: done.ID, Of: domain.PartyID(of), Identity: identity, Heirs: partiesOf(heirs), On: day})
	})
	return done, err
}

// partiesOf are the parties that ids name; none is nil.
func partiesOf(ids []string) (parties []domain.PartyID) {
	for _, id := range ids {
		parties = append(parties, domain.PartyID(id))
	}
	return parties
}

func (m mutation) GiveMandate(ctx context.Context, party, agent string, capacity membership.Capacity, from, through *calendar.Date, proof, requestID *string) (exec.MandateDone, error) {
	return m.mandate(ctx, from, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) (membership.MandateID, error) {
		id := membership.MandateID(w.NewID().String())
		return id, eventstore.Do2(w.Tx, membership.GiveMandate{
			Party: domain.PartyID(party), Mandate: id, Agent: domain.PartyID(agent), Capacity: capacity, From: day, Through: value(through),
			Proof: domain.DocumentID(value(proof)), Statutes: rules,
		})
	})
}

func (m mutation) HandOverMandate(ctx context.Context, party, was, agent string, on, through *calendar.Date, proof, requestID *string) (exec.MandateDone, error) {
	return m.mandate(ctx, on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) (membership.MandateID, error) {
		id := membership.MandateID(w.NewID().String())
		return id, eventstore.Do2(w.Tx, membership.HandOverMandate{
			Party: domain.PartyID(party), Mandate: membership.MandateID(was), To: id, Agent: domain.PartyID(agent), On: day, Through: value(through),
			Proof: domain.DocumentID(value(proof)), Statutes: rules,
		})
	})
}

func (m mutation) EndMandate(ctx context.Context, party, id string, on *calendar.Date, requestID *string) (exec.MandateDone, error) {
	return m.mandate(ctx, on, requestID, func(w *work, day calendar.Date, _ statutes.Statutes) (membership.MandateID, error) {
		return membership.MandateID(id), eventstore.Do(w.Tx, membership.EndMandate{Party: domain.PartyID(party), Mandate: membership.MandateID(id), On: day})
	})
}

// mandate carries out a mutation about one.
func (m mutation) mandate(ctx context.Context, on *calendar.Date, requestID *string,
	do func(*work, calendar.Date, statutes.Statutes) (membership.MandateID, error),
) (done exec.MandateDone, err error) {
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, err := w.day(on)
		if err != nil {
			return err
		}
		rules, err := w.statutesOn(day)
		if err == nil {
			done.ID, err = do(w, day, rules)
		}
		return err
	})
	return done, err
}

func (m mutation) ProposeExclusion(ctx context.Context, party, grounds string, on *calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.ruled(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) error {
		return eventstore.Do(w.Tx, membership.ProposeExclusion{Party: domain.PartyID(party), On: day, Grounds: grounds, Statutes: rules})
	})
}

func (m mutation) AnswerExclusion(ctx context.Context, party *string, answer string, hearing bool, on *calendar.Date, requestID *string) (done exec.MemberDone, err error) {
	who, err := m.concernedOn(ctx, party, on)
	if err != nil {
		return done, err
	}
	return m.dated(ctx, who, on, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.AnswerExclusion{Party: who, On: day, Answer: answer, Hearing: hearing})
	})
}

func (m mutation) RecordHearing(ctx context.Context, party string, attended bool, minutes *string, on *calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.HoldHearing{Party: domain.PartyID(party), On: day, Attended: attended, Minutes: value(minutes)})
	})
}

func (m mutation) DecideExclusion(ctx context.Context, party string, excluded bool, reasons string, on *calendar.Date, minutes, requestID *string) (exec.MemberDone, error) {
	return m.ruled(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) error {
		return eventstore.Do(w.Tx, membership.DecideExclusion{
			Party: domain.PartyID(party), Excluded: excluded, Reasons: reasons, Statutes: rules,
			Decision: membership.Decision{By: rules.Membership.ExcludedBy(), On: day, Minutes: value(minutes)},
		})
	})
}

func (m mutation) NotifyExclusion(ctx context.Context, party string, on *calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.NotifyExclusion{Party: domain.PartyID(party), On: day})
	})
}

func (m mutation) RecordDecease(ctx context.Context, party string, on calendar.Date, learntOn *calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.ruled(ctx, domain.PartyID(party), &on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) error {
		learnt, err := w.day(learntOn)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.Decease{Party: domain.PartyID(party), On: day, LearntOn: learnt, Statutes: rules})
	})
}

func (m mutation) RecordWindingUp(ctx context.Context, party string, how membership.WindingUp, on calendar.Date, learntOn *calendar.Date, successor, requestID *string) (exec.MemberDone, error) {
	return m.ruled(ctx, domain.PartyID(party), &on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) error {
		learnt, err := w.day(learntOn)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.WindUp{
			Party: domain.PartyID(party), How: how, On: day, LearntOn: learnt, Successor: domain.PartyID(value(successor)), Statutes: rules,
		})
	})
}

func (m mutation) RevokeEnd(ctx context.Context, party, why string, on *calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.RevokeEnd{Party: domain.PartyID(party), On: day, Why: why})
	})
}

func (m mutation) MergeParties(ctx context.Context, party, into string, signatures []shares.Signature, decision *string, on *calendar.Date, requestID *string,
) (done exec.MemberDone, err error) {
	who := domain.PartyID(party)
	head, err := m.Store.Log.Head(ctx)
	if err != nil {
		return done, err
	}
	if err := m.upTo(ctx, head); err != nil { // what is not known yet may be open
		return done, err
	}
	claims, err := m.Models.ShareClaimsOf(ctx, who)
	if err != nil {
		return done, err
	}
	merging := processes.Merging{Party: who, Into: domain.PartyID(into), Signed: signatures, Decision: value(decision)}
	for _, c := range claims {
		merging.Claims = append(merging.Claims, c.ID)
	}
	day, err := m.dayOr(ctx, on)
	if err != nil {
		return done, err
	}
	payouts, err := m.Models.SharePayoutsOf(ctx, who, day)
	if err != nil {
		return done, err
	}
	for _, p := range payouts {
		merging.Dividends = append(merging.Dividends, p.Dividend)
	}
	return m.ruled(ctx, merging.Into, on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) error {
		merging.On, merging.Statutes = day, rules
		return processes.MergeIn(w.Tx, merging)
	})
}

func (m mutation) JoinHousehold(ctx context.Context, household *string, party string, on *calendar.Date, requestID *string) (done exec.HouseholdDone, err error) {
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		if done.ID = membership.HouseholdID(value(household)); household == nil {
			done.ID = membership.HouseholdID(w.NewID().String())
		}
		day, err := w.day(on)
		if err != nil {
			return err
		}
		return eventstore.Do2(w.Tx, membership.JoinHousehold{Household: done.ID, Party: domain.PartyID(party), On: day})
	})
	return done, err
}

func (m mutation) LeaveHousehold(ctx context.Context, household, party string, on *calendar.Date, requestID *string) (done exec.HouseholdDone, err error) {
	done.ID = membership.HouseholdID(household)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, err := w.day(on)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.LeaveHousehold{Household: done.ID, Party: domain.PartyID(party), On: day})
	})
	return done, err
}

func (m mutation) GrantRole(ctx context.Context, party string, role domain.Role, organisation, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), nil, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.GrantRole{Party: domain.PartyID(party), Role: role, For: domain.PartyID(value(organisation)), On: day})
	})
}

func (m mutation) RevokeRole(ctx context.Context, party string, role domain.Role, organisation, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), nil, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.RevokeRole{Party: domain.PartyID(party), Role: role, For: domain.PartyID(value(organisation)), On: day})
	})
}

func (m mutation) ErasePersonalData(ctx context.Context, party string, class sealed.Class, keptThrough *calendar.Date, requestID *string) (done exec.MemberDone, err error) {
	who := domain.PartyID(party)
	through, err := m.Store.Keys.Version(ctx, who, class)
	if err != nil {
		return done, err
	}
	head, err := m.Store.Log.Head(ctx)
	if err != nil {
		return done, err
	}
	if err := m.upTo(ctx, head); err != nil { // what is not known yet may need the data
		return done, err
	}
	today, err := m.today(ctx)
	if err != nil {
		return done, err
	}
	facts, err := m.Models.Facts(ctx, who, today)
	if err != nil {
		return done, err
	}
	facts.KeptThrough = value(keptThrough)
	return m.ruled(ctx, who, &today, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) error {
		return eventstore.Do(w.Tx, membership.ErasePersonalData{Party: who, Class: class, Through: through, On: day, Statutes: rules, Facts: facts})
	})
}

// mayVote refuses to cast the votes of a party today, unless the viewer is among those
// who may: joint holders vote by their named voter or not at all, minors by a guardian,
// estates by their representative, organisations also by a delegate, of whichever kind.
func (m mutation) mayVote(ctx context.Context, w *work, party domain.PartyID) error {
	day, err := w.today()
	if err != nil {
		return err
	}
	rules, err := w.statutesOn(day)
	if err != nil {
		return err
	}
	state, _, err := eventstore.Recall[membership.Member](w.Tx, membership.StreamOf(party))
	if err != nil {
		return err
	}
	voters, err := state.Voters(day, rules)
	if err != nil {
		return err
	}
	viewer, err := m.self(ctx)
	if err != nil || slices.Contains(voters, viewer) {
		return err
	}
	self, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(viewer))
	if err != nil || slices.Contains(self.Grants(), membership.Grant{Role: domain.RoleDelegate, For: party}) {
		return err
	}
	for _, voter := range voters { // who was found to be the viewer, maybe
		agent, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(voter))
		if err != nil || agent.MergedInto() == viewer {
			return err
		}
	}
	field := graphql.GetFieldContext(ctx)
	return ErrDenied.With("field", coordinate(field.Object, field.Field.Name))
}

// about carries out a mutation about a party.
func (m mutation) about(ctx context.Context, party domain.PartyID, requestID *string, do func(*work) error) (done exec.MemberDone, err error) {
	done.ID = party
	err = m.change(ctx, requestID, &done.Done, do)
	return done, err
}

// dated does so on a day that was given, or today.
func (m mutation) dated(ctx context.Context, party domain.PartyID, on *calendar.Date, requestID *string, do func(*work, calendar.Date) error) (exec.MemberDone, error) {
	return m.about(ctx, party, requestID, func(w *work) error {
		day, err := w.day(on)
		if err != nil {
			return err
		}
		return do(w, day)
	})
}

// ruled does so by the statutes in force on that day.
func (m mutation) ruled(ctx context.Context, party domain.PartyID, on *calendar.Date, requestID *string,
	do func(*work, calendar.Date, statutes.Statutes) error,
) (exec.MemberDone, error) {
	return m.dated(ctx, party, on, requestID, func(w *work, day calendar.Date) error {
		rules, err := w.statutesOn(day)
		if err != nil {
			return err
		}
		return do(w, day, rules)
	})
}

// concernedOn is the party that a mutation is about, which only a role lets take effect
// on a day that is given.
func (m mutation) concernedOn(ctx context.Context, party *string, on *calendar.Date) (domain.PartyID, error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return "", err
	}
	return who, m.mayDate(ctx, on)
}

func (q query) Member(ctx context.Context, id *string) (*projections.Member, error) {
	party, err := q.concerned(ctx, id)
	if err != nil {
		return nil, err
	}
	return found(q.Models.Member(ctx, party))
}

func (q query) MemberByNumber(ctx context.Context, number int) (*projections.Member, error) {
	return found(q.Models.MemberByNumber(ctx, domain.MemberNumber(number)))
}

func (q query) Members(ctx context.Context, status *projections.MemberStatus, on *calendar.Date, search *string, by projections.MemberOrder,
	first *int, after *string, last *int, before *string,
) (page exec.Connection[projections.Member], err error) {
	filter := projections.MemberFilter{Status: value(status), Search: value(search)}
	if filter.On, err = q.dayOr(ctx, on); err != nil {
		return page, err
	}
	return paged(q.Models.Members(ctx, filter, by, pageOf(ctx, first, after, last, before)))
}

func (q query) Applications(ctx context.Context, first *int, after *string, last *int, before *string) (exec.Connection[projections.Member], error) {
	filter := projections.MemberFilter{Status: projections.StatusApplicant}
	return paged(q.Models.Members(ctx, filter, projections.ByName, pageOf(ctx, first, after, last, before)))
}

func (q query) WaitingList(ctx context.Context, first *int, after *string, last *int, before *string) (exec.Connection[projections.Member], error) {
	return paged(q.Models.WaitingList(ctx, pageOf(ctx, first, after, last, before)))
}

func (q query) Exclusions(ctx context.Context, first *int, after *string, last *int, before *string) (exec.Connection[projections.Exclusion], error) {
	return paged(q.Models.ExclusionsOpen(ctx, pageOf(ctx, first, after, last, before)))
}

func (q query) MemberRegister(ctx context.Context, asOf *calendar.Date, knownAt *time.Time, first *int, after *string, last *int, before *string) (
	page exec.Connection[projections.Known], err error,
) {
	day, err := q.dayOr(ctx, asOf)
	if err != nil {
		return page, err
	}
	all, err := q.Models.MembersAt(ctx, day, value(knownAt))
	if err != nil {
		return page, err
	}
	key := func(k *projections.Known) string { return place(int64(k.Number), string(k.Party)) }
	return paged(pageFrom(all, key, pageOf(ctx, first, after, last, before)))
}

func (q query) Retention(ctx context.Context, party *string) ([]projections.Retention, error) {
	who, err := q.concerned(ctx, party)
	if err != nil {
		return nil, err
	}
	today, err := q.today(ctx)
	if err != nil {
		return nil, err
	}
	rules, _, err := q.Models.StatutesOn(ctx, today)
	if err != nil {
		return nil, err
	}
	return q.Models.Retention(ctx, who, today, rules.Statutes)
}

type retention struct{ *resolver }

func (r *resolver) Retention() exec.RetentionResolver { return retention{r} }

func (retention) Code(_ context.Context, of *projections.Retention) (*string, error) {
	return found(of.Kept.Code, of.Kept.Code != "", nil)
}

func (retention) Reason(ctx context.Context, of *projections.Retention) (*string, error) {
	return found(catalogue.Refusal(languageOf(ctx), of.Kept), of.Kept.Code != "", nil)
}

func (retention) Source(_ context.Context, of *projections.Retention) (*string, error) {
	return found(of.Kept.Source, of.Kept.Source != "", nil)
}

func (q query) MemberCount(ctx context.Context, on *calendar.Date) (int, error) {
	day, err := q.dayOr(ctx, on)
	if err != nil {
		return 0, err
	}
	return q.Models.CountMembers(ctx, day)
}

type member struct{ *resolver }

func (r *resolver) Member() exec.MemberResolver { return member{r} }

func (m member) Status(ctx context.Context, of *projections.Member, on *calendar.Date) (projections.MemberStatus, error) {
	day, err := m.dayOr(ctx, on)
	return of.Status(day), err
}

func (m member) Roles(ctx context.Context, of *projections.Member) ([]membership.Grant, error) {
	return m.Models.Roles(ctx, of.ID)
}

func (m member) Numbers(ctx context.Context, of *projections.Member) (numbers []int, err error) {
	all, err := m.Models.NumbersOf(ctx, of.ID)
	for _, n := range all {
		numbers = append(numbers, int(n))
	}
	return numbers, err
}

func (m member) MergedInto(ctx context.Context, of *projections.Member) (*projections.Member, error) {
	return m.related(ctx, of.MergedInto)
}

func (m member) MergedFrom(ctx context.Context, of *projections.Member) ([]projections.Member, error) {
	return m.allRelated(ctx)(m.Models.MergedFrom(ctx, of.ID))
}

func (m member) EstateOf(ctx context.Context, of *projections.Member) (*projections.Member, error) {
	return m.related(ctx, of.EstateOf)
}

func (m member) Estate(ctx context.Context, of *projections.Member) (*projections.Member, error) {
	return m.related(ctx, of.Estate)
}

func (m member) Holders(ctx context.Context, of *projections.Member) ([]projections.Member, error) {
	return m.allRelated(ctx)(m.Models.Holders(ctx, of.ID))
}

func (m member) HoldsIn(ctx context.Context, of *projections.Member) ([]projections.Member, error) {
	return m.allRelated(ctx)(m.Models.HoldsIn(ctx, of.ID))
}

func (m member) Mandates(ctx context.Context, of *projections.Member, on *calendar.Date) ([]projections.Mandate, error) {
	return m.Models.MandatesOf(ctx, of.ID, value(on))
}

func (m member) ActsFor(ctx context.Context, of *projections.Member, on *calendar.Date) ([]projections.Mandate, error) {
	return m.Models.MandatesHeld(ctx, of.ID, value(on))
}

func (m member) ContactRequest(ctx context.Context, of *projections.Member) (*projections.ContactRequest, error) {
	return found(m.Models.ContactRequest(ctx, of.ID))
}

func (m member) BankAccount(ctx context.Context, of *projections.Member) (*projections.BankAccount, error) {
	return found(m.Models.BankAccount(ctx, of.ID))
}

func (m member) Applications(ctx context.Context, of *projections.Member) ([]projections.Application, error) {
	return m.Models.ApplicationsOf(ctx, of.ID)
}

func (m member) Exclusions(ctx context.Context, of *projections.Member) ([]projections.Exclusion, error) {
	return m.Models.ExclusionsOf(ctx, of.ID)
}

func (m member) Households(ctx context.Context, of *projections.Member) ([]projections.Household, error) {
	return m.Models.Households(ctx, of.ID)
}

func (m member) History(ctx context.Context, of *projections.Member) ([]projections.Happening, error) {
	return m.Models.Happenings(ctx, of.ID)
}

func (m member) Flagged(ctx context.Context, of *projections.Member) ([]membership.Act, error) {
	in, err := m.zone(ctx)
	if err != nil {
		return nil, err
	}
	return m.Models.Flagged(ctx, of.ID, in)
}

func (m member) PaymentReference(ctx context.Context, of *projections.Member) (*string, error) {
	reference, known, err := m.Models.PaymentReference(ctx, of.ID)
	return found(reference.Grouped(), known, err)
}

// related is another party, or nil where there is none.
func (r *resolver) related(ctx context.Context, party domain.PartyID) (*projections.Member, error) {
	if party == "" {
		return nil, nil
	}
	known, _, err := r.Models.Member(ctx, party)
	known.ID = party // also where nothing is known of it
	return &known, err
}

// allRelated are other parties, whose ids a read model gives.
func (r *resolver) allRelated(ctx context.Context) func([]domain.PartyID, error) ([]projections.Member, error) {
	return func(ids []domain.PartyID, err error) (all []projections.Member, _ error) {
		for _, id := range ids {
			if err != nil {
				break
			}
			var known *projections.Member
			if known, err = r.related(ctx, id); err == nil {
				all = append(all, *known)
			}
		}
		return all, err
	}
}

type mandate struct{ *resolver }

func (r *resolver) Mandate() exec.MandateResolver { return mandate{r} }

func (d mandate) Party(ctx context.Context, of *projections.Mandate) (projections.Member, error) {
	known, _, err := d.Models.Member(ctx, of.Party)
	known.ID = of.Party
	return known, err
}

func (d mandate) Agent(ctx context.Context, of *projections.Mandate) (projections.Member, error) {
	known, _, err := d.Models.Member(ctx, of.Agent)
	known.ID = of.Agent
	return known, err
}

type exclusion struct{ *resolver }

func (r *resolver) Exclusion() exec.ExclusionResolver { return exclusion{r} }

func (x exclusion) Member(ctx context.Context, of *projections.Exclusion) (projections.Member, error) {
	known, _, err := x.Models.Member(ctx, of.Party)
	return known, err
}

func (x exclusion) Answers(ctx context.Context, of *projections.Exclusion) ([]projections.ExclusionAnswer, error) {
	return x.Models.AnswersTo(ctx, *of)
}

type household struct{ *resolver }

func (r *resolver) Household() exec.HouseholdResolver { return household{r} }

func (h household) Parties(ctx context.Context, of *projections.Household) ([]projections.Member, error) {
	return h.allRelated(ctx)(of.Parties, nil)
}

type memberPayload struct{ *resolver }

func (r *resolver) MemberPayload() exec.MemberPayloadResolver { return memberPayload{r} }

func (p memberPayload) Member(ctx context.Context, done *exec.MemberDone) (*projections.Member, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Member(ctx, done.ID))
}

type viewer struct{ *resolver }

func (r *resolver) Viewer() exec.ViewerResolver { return viewer{r} }

func (v viewer) Member(ctx context.Context, who *access.Viewer) (*projections.Member, error) {
	return found(v.Models.Member(ctx, who.Party))
}

func (v viewer) Organisations(ctx context.Context, who *access.Viewer) (all []projections.Member, err error) {
	for _, party := range who.ActsFor {
		m, known, err := v.Models.Member(ctx, party)
		if err != nil {
			return nil, err
		}
		if known {
			all = append(all, m)
		}
	}
	return all, nil
}
