package graphql

import (
	"context"
	"time"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

func (m mutation) ConveneAssembly(ctx context.Context, kind assembly.Kind, title domain.Text, place *domain.Text, heldOn calendar.Date,
	secondCall bool, on *calendar.Date, requestID *string,
) (done exec.AssemblyDone, err error) {
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		done.ID = domain.AssemblyID(w.NewID().String())
		day, err := w.day(on)
		if err != nil {
			return err
		}
		rules, err := w.statutesOn(day)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, assembly.Convene{
			Assembly: done.ID, Kind: kind, Title: title, Place: value(place), On: day, HeldOn: heldOn,
			SecondCall: secondCall, Statutes: rules,
		})
	})
	return done, err
}

func (m mutation) FreezeRoll(ctx context.Context, id string, on *calendar.Date, requestID *string) (done exec.AssemblyDone, err error) {
	done.ID = domain.AssemblyID(id)
	day, err := m.day(ctx, on)
	if err != nil {
		return done, err
	}
	ctx, err = m.requested(ctx, requestID)
	if err != nil {
		return done, err
	}
	position, _, made, err := eventstore.Made(ctx, m.Store)
	if err == nil && !made {
		position, err = processes.FreezeRoll(ctx, m.Store, m.Rolls, done.ID, day)
	}
	err = m.settled(ctx, &done.Done, position, err)
	return done, err
}

func (m mutation) OpenPoll(ctx context.Context, id string, question domain.Text, decision statutes.Decision, opensAt, closesAt *time.Time, requestID *string) (done exec.PollDone, err error) {
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		done.ID = domain.PollID(w.NewID().String())
		opens := value(opensAt)
		if opensAt == nil {
			opens = w.store.Now().UTC().Truncate(time.Second)
		}
		held, _, err := eventstore.Load[assembly.Assembly](w.Tx, assembly.StreamOf(domain.AssemblyID(id)))
		if err != nil {
			return err
		}
		convened, _ := held.Convened()
		rules, err := w.statutesOn(convened.HeldOn)
		if err != nil {
			return err
		}
		return eventstore.Do2(w.Tx, assembly.OpenPoll{
			Poll: done.ID, Assembly: domain.AssemblyID(id), Question: question, Decision: decision,
			OpensAt: opens, ClosesAt: value(closesAt), Statutes: rules,
		})
	})
	return done, err
}

func (m mutation) CastVote(ctx context.Context, poll string, choice assembly.Choice, party, requestID *string) (done exec.PollDone, err error) {
	done.ID = domain.PollID(poll)
	voter, err := m.concerned(ctx, party)
	if err != nil {
		return done, err
	}
	held, err := m.assemblyOf(ctx, done.ID)
	if err != nil {
		return done, err
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		if err := m.mayVote(ctx, w, voter); err != nil {
			return err
		}
		return eventstore.Do2(w.Tx, assembly.CastVote{
			Poll: done.ID, Assembly: held, Party: voter, Choice: choice, At: w.store.Now(),
		})
	})
	return done, err
}

// assemblyOf returns the assembly to which a poll belongs, which never changes.
func (r *resolver) assemblyOf(ctx context.Context, poll domain.PollID) (held domain.AssemblyID, err error) {
	if known, ok := r.polls.Get(poll); ok {
		return known, nil
	}
	_, err = eventstore.Transact(eventstore.WithRequest(ctx, "", ""), r.Store, func(tx *eventstore.Tx) error {
		state, _, err := eventstore.Load[assembly.Poll](tx, assembly.PollStreamOf(poll))
		if opened, ok := state.Opened(); ok && err == nil {
			held = opened.Assembly
			r.polls.Add(poll, held)
		}
		return err
	})
	return held, err
}

func (m mutation) ClosePoll(ctx context.Context, poll string, requestID *string) (done exec.PollDone, err error) {
	done.ID = domain.PollID(poll)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		return eventstore.Do(w.Tx, assembly.ClosePoll{Poll: done.ID, At: w.store.Now()})
	})
	return done, err
}

func (q query) Assembly(ctx context.Context, id string) (*projections.Assembly, error) {
	return found(q.Models.Assembly(ctx, domain.AssemblyID(id)))
}

func (q query) Assemblies(ctx context.Context, first *int, after *string, last *int, before *string) (exec.AssemblyConnection, error) {
	return paged(q.Models.Assemblies(ctx, pageOf(ctx, first, after, last, before)))
}

func (q query) Poll(ctx context.Context, id string) (*projections.Poll, error) {
	return found(q.Models.Poll(ctx, domain.PollID(id)))
}

type held struct{ *resolver }

func (r *resolver) Assembly() exec.AssemblyResolver { return held{r} }

func (h held) Polls(ctx context.Context, of *projections.Assembly) ([]projections.Poll, error) {
	return h.Models.Polls(ctx, of.ID)
}

func (h held) MyVotes(ctx context.Context, of *projections.Assembly) (int, error) {
	who, err := h.self(ctx)
	if err != nil {
		return 0, err
	}
	votes, err := h.Models.VotesOf(ctx, of.ID, who)
	return int(votes), err
}

type poll struct{ *resolver }

func (r *resolver) Poll() exec.PollResolver { return poll{r} }

func (p poll) Assembly(ctx context.Context, of *projections.Poll) (*projections.Assembly, error) {
	return found(p.Models.Assembly(ctx, of.Assembly))
}

func (p poll) Open(_ context.Context, of *projections.Poll) (bool, error) {
	return of.Open(p.Store.Now()), nil
}

func (poll) Turnout(_ context.Context, of *projections.Poll) (exec.Turnout, error) {
	return exec.Turnout{Voters: of.Voters, Votes: of.Votes, CastVoters: of.Turnout.Voters, CastVotes: of.Turnout.Votes}, nil
}

func (p poll) MyVote(ctx context.Context, of *projections.Poll, party *string) (*assembly.Choice, error) {
	who, err := p.concerned(ctx, party)
	if err != nil {
		return nil, err
	}
	return found(p.Models.VoteOf(ctx, of.ID, who))
}

type assemblyPayload struct{ *resolver }

func (r *resolver) AssemblyPayload() exec.AssemblyPayloadResolver { return assemblyPayload{r} }

func (p assemblyPayload) Assembly(ctx context.Context, done *exec.AssemblyDone) (*projections.Assembly, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Assembly(ctx, done.ID))
}

type pollPayload struct{ *resolver }

func (r *resolver) PollPayload() exec.PollPayloadResolver { return pollPayload{r} }

func (p pollPayload) Poll(ctx context.Context, done *exec.PollDone) (*projections.Poll, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Poll(ctx, done.ID))
}

func (s subscription) PollTurnout(ctx context.Context, id string) (<-chan projections.Poll, error) {
	if _, known, err := s.Models.Poll(ctx, domain.PollID(id)); err != nil {
		return nil, err
	} else if !known {
		return nil, assembly.ErrNoSuchPoll
	}
	return s.turnouts.follow(ctx, domain.PollID(id)), nil
}
