package graphql

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/payment"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
)

type mutation struct{ *resolver }

func (r *resolver) Mutation() exec.MutationResolver { return mutation{r} }

// work is the carrying out of a mutation: all of it, or none. It may run again.
type work struct {
	*eventstore.Tx
	store   *eventstore.Store
	history *statutes.History
}

// change carries out what a mutation comes to, once under its request id, and
// waits with patience for the read models to know of it.
func (m mutation) change(ctx context.Context, request *string, done *exec.Done, do func(*work) error) error {
	ctx, err := m.requested(ctx, request)
	if err != nil {
		return err
	}
	position, err := eventstore.Transact(ctx, m.Store, func(tx *eventstore.Tx) error {
		return do(&work{Tx: tx, store: m.Store})
	})
	return m.settled(ctx, done, position, err)
}

// settled says what came of a mutation. What has taken effect has, even if the
// read models are long in hearing of it.
func (m mutation) settled(ctx context.Context, done *exec.Done, position int64, err error) error {
	if err != nil {
		return err
	}
	callOf(ctx).reached(position)
	*done = exec.Done{Position: position, Behind: m.upTo(ctx, position)}
	return nil
}

// maxRequest bounds a request id in bytes: it is part of a stream's name.
const maxRequest = 128

// requested returns the context of a mutation with the id that its caller gave it,
// bound to what it asks for: by a sum, since that may be personal, or a password.
func (r *resolver) requested(ctx context.Context, id *string) (context.Context, error) {
	if id == nil {
		return ctx, nil
	}
	if *id == "" || len(*id) > maxRequest {
		return ctx, ErrRequestID.With("most", maxRequest)
	}
	field := graphql.GetFieldContext(ctx).Field
	args := field.ArgumentMap(graphql.GetOperationContext(ctx).Variables)
	delete(args, "requestId")
	data, err := json.Marshal(args) // the names in order
	sum := r.Store.Keys.Sum(append([]byte(field.Name+" "), data...))
	return eventstore.WithRequest(ctx, *id, hex.EncodeToString(sum)), err
}

// statutesOn returns the statutes in force on a day.
func (w *work) statutesOn(day calendar.Date) (statutes.Statutes, error) {
	if err := w.read(); err != nil {
		return statutes.Statutes{}, err
	}
	rules, _ := w.history.At(day)
	return rules, nil
}

// today is the day of the co-op, in its time zone: UTC as long as there are no
// statutes to name one.
func (w *work) today() (calendar.Date, error) {
	if err := w.read(); err != nil {
		return calendar.Date{}, err
	}
	zone := "UTC"
	if versions := w.history.Versions(); len(versions) > 0 {
		zone = versions[len(versions)-1].Statutes.TimeZone
	}
	return dayIn(zone, w.store.Now())
}

func dayIn(zone string, now time.Time) (calendar.Date, error) {
	in, err := location(zone)
	if err != nil {
		return calendar.Date{}, err
	}
	return calendar.Of(now.In(in)), nil
}

// locations are time zones by their names: to find one takes reading a file.
var locations sync.Map

func location(zone string) (*time.Location, error) {
	if known, ok := locations.Load(zone); ok {
		in, _ := known.(*time.Location)
		return in, nil
	}
	in, err := time.LoadLocation(zone)
	if err == nil {
		locations.Store(zone, in)
	}
	return in, err
}

// day is one that was given, or today.
func (w *work) day(given *calendar.Date) (calendar.Date, error) {
	if given != nil {
		return *given, nil
	}
	return w.today()
}

// days are today, and a day that was given or else today.
func (w *work) days(given *calendar.Date) (today, day calendar.Date, err error) {
	if today, err = w.today(); err == nil {
		day, err = w.day(given)
	}
	return today, day, err
}

// came is the day on which a payment has come in: one that was given, or today.
func (w *work) came(given *calendar.Date) (calendar.Date, error) {
	today, day, err := w.days(given)
	return day, cmp.Or(err, payment.Came(day, today))
}

// known refuses parties of whom the co-op knows nothing.
func (w *work) known(parties ...domain.PartyID) error {
	for _, party := range parties {
		if _, err := processes.Known(w.Tx, party); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) read() error {
	if w.history != nil {
		return nil
	}
	history, _, err := eventstore.Recall[statutes.History](w.Tx, statutes.Stream)
	w.history = &history
	return err
}

// day is one that was given, or today, for what is not one transaction.
func (r *resolver) day(ctx context.Context, given *calendar.Date) (day calendar.Date, err error) {
	_, err = eventstore.Transact(eventstore.WithRequest(ctx, "", ""), r.Store, func(tx *eventstore.Tx) error {
		day, err = (&work{Tx: tx, store: r.Store}).day(given)
		return err
	})
	return day, err
}

// concerned is the party that a mutation is about: the viewer, if none is given. It
// refuses another than those that the viewer may speak for by this field.
func (r *resolver) concerned(ctx context.Context, party *string) (domain.PartyID, error) {
	if party == nil {
		return r.self(ctx)
	}
	id := domain.PartyID(*party)
	return id, r.must(ctx, id)
}

// mayDate refuses a day that is given by somebody who speaks for themselves only.
func (r *resolver) mayDate(ctx context.Context, day *calendar.Date) error {
	if day == nil || r.seesAll(ctx) {
		return nil
	}
	field := graphql.GetFieldContext(ctx)
	return ErrDenied.With("field", coordinate(field.Object, field.Field.Name)+"(on:)")
}

// value is what is given, or else nothing.
func value[T any](given *T) (v T) {
	if given != nil {
		v = *given
	}
	return v
}
