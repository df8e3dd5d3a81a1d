package graphql

import (
	"context"
	"errors"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes/access"
	"rochdale/projections"
)

func (m mutation) Apply(ctx context.Context, party *string, kind membership.Kind, identity membership.Identity, contact *membership.Contact,
	language *domain.Language, on *calendar.Date, requestID *string,
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
		})
	})
	return done, err
}

func (m mutation) Admit(ctx context.Context, party string, number *int, on *calendar.Date, requestID *string) (done exec.MemberDone, err error) {
	next := domain.MemberNumber(value(number))
	if number == nil {
		if next, err = m.numberFor(ctx, domain.PartyID(party)); err != nil {
			return done, err
		}
	}
	for {
		done, err = m.about(ctx, domain.PartyID(party), requestID, func(w *work) error { return admit(w, domain.PartyID(party), next, on) })
		if number == nil && errors.Is(err, membership.ErrNumberTaken) { // by somebody who was faster
			next++
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

func admit(w *work, party domain.PartyID, number domain.MemberNumber, on *calendar.Date) error {
	day, err := w.day(on)
	if err != nil {
		return err
	}
	rules, err := w.statutesOn(day)
	if err != nil {
		return err
	}
	holding, _, err := eventstore.Load[shares.Holding](w.Tx, shares.StreamOf(party, rules.Membership.Admission.Class))
	if err != nil {
		return err
	}
	return eventstore.Do2(w.Tx, membership.Admit{
		Party: party, Number: number, On: day, Shares: int(holding.Held() + holding.Subscribed()), Statutes: rules,
		Decision: membership.Decision{By: rules.Membership.Admission.By, On: day},
	})
}

func (m mutation) Reject(ctx context.Context, party string, reason *string, on *calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date) error {
		rules, err := w.statutesOn(day)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.Reject{
			Party: domain.PartyID(party), On: day, Reason: value(reason), Statutes: rules,
			Decision: membership.Decision{By: rules.Membership.Admission.By, On: day},
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
	return m.dated(ctx, who, nil, requestID, func(w *work, day calendar.Date) error {
		return eventstore.Do(w.Tx, membership.ChangeContact{Party: who, Contact: contact, On: day})
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
	return m.dated(ctx, who, on, requestID, func(w *work, day calendar.Date) error {
		rules, err := w.statutesOn(day)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.Resign{Party: who, On: day, Statutes: rules})
	})
}

func (m mutation) Exclude(ctx context.Context, party string, on *calendar.Date, why string, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), on, requestID, func(w *work, day calendar.Date) error {
		rules, err := w.statutesOn(day)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.DecideExclusion{
			Party: domain.PartyID(party), Excluded: true, Reasons: why, Statutes: rules,
			Decision: membership.Decision{By: rules.Membership.ExcludedBy(), On: day},
		})
	})
}

func (m mutation) RecordDecease(ctx context.Context, party string, on calendar.Date, requestID *string) (exec.MemberDone, error) {
	return m.dated(ctx, domain.PartyID(party), &on, requestID, func(w *work, day calendar.Date) error {
		rules, err := w.statutesOn(day)
		if err != nil {
			return err
		}
		today, err := w.today()
		if err != nil {
			return err
		}
		known, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(domain.PartyID(party)))
		if err != nil {
			return err
		}
		if known.Kind() == membership.Organisation {
			return eventstore.Do(w.Tx, membership.WindUp{
				Party: domain.PartyID(party), How: membership.ByDissolution, On: day, LearntOn: today, Statutes: rules,
			})
		}
		return eventstore.Do(w.Tx, membership.Decease{Party: domain.PartyID(party), On: day, LearntOn: today, Statutes: rules})
	})
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

func (m mutation) ErasePersonalData(ctx context.Context, party string, class sealed.Class, keptThrough *calendar.Date, requestID *string) (exec.MemberDone, error) {
	through, err := m.Store.Keys.Version(ctx, domain.PartyID(party), class)
	if err != nil {
		return exec.MemberDone{}, err
	}
	return m.dated(ctx, domain.PartyID(party), nil, requestID, func(w *work, day calendar.Date) error {
		rules, err := w.statutesOn(day)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, membership.ErasePersonalData{
			Party: domain.PartyID(party), Class: class, Through: through, On: day, Statutes: rules,
			Facts: membership.Facts{KeptThrough: value(keptThrough)},
		})
	})
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
