package processes

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
)

// A MemberRow is a line of an older register of members.
type MemberRow struct {
	Line  int
	Enter membership.Enter // without the party, which is found by its number
}

// A ShareRow is a line of an older register of shares.
type ShareRow struct {
	Line     int
	Number   domain.MemberNumber
	Class    domain.ClassID
	Quantity int64
	Price    money.Money  // of one share; nothing: what the statutes say today
	Paid     *money.Money // nil: in full
	On       calendar.Date
	// Restriction on shares of the row: on all of them and since they were acquired,
	// where it says nothing else. Without a kind there is none.
	Restriction shares.NoteRestriction
}

// A RowRefused is a line that a rule does not let in.
type RowRefused struct {
	Line    int
	Column  string // for what stands in it, by its key; empty if that is not known
	Refusal domain.Refusal
}

// columnOf returns the column of a file that a refusal is about.
func columnOf(r domain.Refusal) string {
	if missing, is := r.Args["missing"].(string); is {
		return map[string]string{
			"number": "member_number", "name": "last_name", "date of admission": "admitted_on", "date and reason of the end": "ended_on",
			"e-mail": "email", "country": "country", "birth date": "birth_date", "kind": "kind", "language": "language",
			"quantity": "quantity", "amount paid": "paid", "date": "acquired_on", "price": "price", "restriction": "restriction",
			"beneficiary": "beneficiary", "document": "document",
		}[missing]
	}
	switch r.Code {
	case ErrUnknownNumber.Code, ErrNumberTwice.Code, membership.ErrNumber.Code:
		return "member_number"
	case membership.ErrTooEarly.Code, membership.ErrTooLate.Code, membership.ErrAdmittedOn.Code:
		return "admitted_on"
	case shares.ErrNoSuchClass.Code:
		return "class"
	case shares.ErrTooFew.Code:
		return "restricted_quantity"
	}
	return ""
}

// ImportResult is what came of an import.
type ImportResult struct {
	Rows     int   `json:"rows"`
	Changed  int   `json:"changed"`  // rows that say something new
	Events   int   `json:"events"`   // that are recorded
	Position int64 `json:"position"` // at which they are in the log; 0 for none
	// Refused are the lines that are wrong. If there is one, nothing is recorded.
	Refused []RowRefused `json:"-"`
}

// An Import says how to import, and who wants to hear of it. All rows are tried before
// any is recorded; then they are, so many at a time that what is in memory does not grow
// with the register. One that was killed between is finished by importing again.
type Import struct {
	Store    *eventstore.Store
	On       calendar.Date
	DryRun   bool // decide everything and record nothing
	Progress func(done, of int)
}

// batch is how many rows are recorded together.
const batch = 1000

// errHold ends a transaction whose events are not to be recorded.
var errHold = errors.New("processes: nothing is recorded")

// ErrUnknownNumber refuses shares of a number that no member has.
var ErrUnknownNumber = domain.Refusal{
	Code: "register.unknown_number", Reason: "there is no member with number {number}: import the members first, or correct the number",
}

// ErrNumberTwice refuses two members of one number in a register.
var ErrNumberTwice = domain.Refusal{
	Code: "register.number_twice", Reason: "line {line} has member number {number} already: correct the number, or leave one of them out",
}

// Members imports a register of members: nothing if a row is wrong, and nothing that is
// known already.
func (i Import) Members(ctx context.Context, rows []MemberRow) (ImportResult, error) {
	first := map[domain.MemberNumber]int{} // the row of each number
	for n, row := range rows {
		if _, known := first[row.Enter.Number]; !known {
			first[row.Enter.Number] = n
		}
	}
	result, err := run(ctx, i, len(rows), func(tx *eventstore.Tx, n int) (line int, err error) {
		row := rows[n]
		if other := first[row.Enter.Number]; other < n {
			return row.Line, ErrNumberTwice.With("line", rows[other].Line).With("number", row.Enter.Number)
		}
		known, _, err := eventstore.Load[membership.Number](tx, membership.NumberStream(row.Enter.Number))
		if err != nil {
			return row.Line, err
		}
		cmd := row.Enter
		cmd.On = i.On
		if cmd.Party = known.Party(); cmd.Party == "" {
			cmd.Party = domain.PartyID(tx.NewID().String())
		}
		return row.Line, eventstore.Do2(tx, cmd)
	})
	byLine := make(map[int]membership.Enter, len(result.Refused))
	for n, refused := range result.Refused {
		if refused.Refusal.Code != membership.ErrTooEarly.Code {
			continue
		}
		if len(byLine) == 0 {
			for _, row := range rows {
				byLine[row.Line] = row.Enter
			}
		}
		if e := byLine[refused.Line]; !e.EndedOn.IsZero() && e.EndedOn.Before(e.AdmittedOn) {
			result.Refused[n].Column = "ended_on"
		}
	}
	return result, err
}

// Shares imports a register of shares in the same way. Rows that say the same are
// as many lots, told apart by their order.
func (i Import) Shares(ctx context.Context, rows []ShareRow) (ImportResult, error) {
	seen := map[string]int{}
	lots := make([]shares.SubscriptionID, len(rows))
	for n, row := range rows {
		same := fmt.Sprint(row.Number, "/", row.Class, "/", row.Quantity, "/", row.On)
		seen[same]++
		// Of what stands in the clear beside it, so that it tells nothing more.
		digest := sha256.Sum256(fmt.Appendf(nil, "%s/%d", same, seen[same]))
		lots[n] = shares.SubscriptionID("register-" + uuid.UUID(digest[:16]).String())
	}
	return run(ctx, i, len(rows), func(tx *eventstore.Tx, n int) (line int, err error) {
		row := rows[n]
		history, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
		if err != nil {
			return row.Line, err
		}
		rules, version := history.At(i.On)
		if version == 0 {
			return row.Line, ErrNoStatutes.With("day", i.On)
		}
		class, known := rules.Class(row.Class)
		if !known {
			return row.Line, shares.ErrNoSuchClass.With("class", row.Class)
		}
		number, _, err := eventstore.Load[membership.Number](tx, membership.NumberStream(row.Number))
		if err != nil {
			return row.Line, err
		}
		if number.Party() == "" {
			return row.Line, ErrUnknownNumber.With("number", row.Number)
		}
		price := class.Price
		if row.Price.IsPositive() {
			price = row.Price
		}
		paid := price.Times(row.Quantity)
		if row.Paid != nil {
			paid = *row.Paid
		}
		err = eventstore.Do(tx, shares.Enter{
			Subscription: lots[n], Party: number.Party(), Class: row.Class, Quantity: row.Quantity,
			Price: price, Paid: paid, On: row.On, Statutes: rules,
		})
		if err != nil {
			return row.Line, err
		}
		return row.Line, row.restrict(tx, number.Party(), shares.RestrictionID(lots[n]))
	})
}

// restrict notes what the row says of a restriction, under the id of its lot. Noted
// before, and lifted since, it stays lifted.
func (row ShareRow) restrict(tx *eventstore.Tx, party domain.PartyID, id shares.RestrictionID) error {
	c := row.Restriction
	if c == (shares.NoteRestriction{}) {
		return nil
	}
	c.Restriction, c.Party, c.Class = id, party, row.Class
	if c.Quantity == 0 {
		c.Quantity = row.Quantity
	}
	if c.On.IsZero() {
		c.On = row.On
	}
	switch {
	case c.Kind == "":
		return shares.ErrIncomplete.With("missing", "restriction")
	case c.Quantity > row.Quantity:
		return shares.ErrTooFew.With("held", row.Quantity)
	}
	holding, _, err := eventstore.Load[shares.Holding](tx, c.Stream())
	if err != nil || holding.Lifted(id) {
		return err
	}
	return eventstore.Do(tx, c)
}

// ConsultRegister grants a holder of shares a look at the register, and keeps that it
// was taken.
func ConsultRegister(ctx context.Context, s *eventstore.Store, c shares.ConsultRegister) error {
	_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
		_, err := Consult(tx, c)
		return err
	})
	return err
}

// Consult does so within a transaction, and returns the consultation.
func Consult(tx *eventstore.Tx, c shares.ConsultRegister) (shares.ConsultationID, error) {
	history, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
	if err != nil {
		return "", err
	}
	rules, version := history.At(c.On)
	if version == 0 {
		return "", ErrNoStatutes.With("day", c.On)
	}
	c.Held = 0
	for _, class := range rules.Shares.Classes {
		holding, _, err := eventstore.Load[shares.Holding](tx, shares.StreamOf(c.Party, class.ID))
		if err != nil {
			return "", err
		}
		c.Held += holding.Held()
	}
	c.Consultation = shares.ConsultationID(tx.NewID().String())
	return c.Consultation, eventstore.Do(tx, c)
}

// run imports rows by a function that does one of them and returns its line. No row may
// be decided by what another brings.
func run(ctx context.Context, i Import, rows int, do func(*eventstore.Tx, int) (line int, err error)) (result ImportResult, err error) {
	passes := []bool{false, true}
	if i.DryRun {
		passes = passes[:1]
	}
	done := 0
	for _, record := range passes {
		result = ImportResult{Rows: rows}
		for from := 0; from < rows; from += batch {
			part, err := i.part(ctx, from, min(from+batch, rows), record, do)
			if err != nil {
				return result, err
			}
			result.Changed, result.Events = result.Changed+part.Changed, result.Events+part.Events
			result.Position = max(result.Position, part.Position)
			result.Refused = append(result.Refused, part.Refused...)
			done += min(batch, rows-from)
			if i.Progress != nil {
				i.Progress(done, len(passes)*rows)
			}
		}
		if len(result.Refused) > 0 {
			break
		}
	}
	return result, nil
}

// part imports some rows, or only tries to.
func (i Import) part(ctx context.Context, from, to int, record bool, do func(*eventstore.Tx, int) (line int, err error)) (result ImportResult, err error) {
	position, err := eventstore.Transact(ctx, i.Store, func(tx *eventstore.Tx) error {
		result = ImportResult{}
		for n := from; n < to; n++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			line, err := do(tx, n)
			refusal, refused := errors.AsType[domain.Refusal](err)
			switch {
			case refused:
				result.Refused = append(result.Refused, RowRefused{line, columnOf(refusal), refusal})
			case err != nil:
				return fmt.Errorf("processes: import of line %d: %w", line, err)
			}
			if events := tx.Events(); events > result.Events {
				result.Changed, result.Events = result.Changed+1, events
			}
		}
		if !record || len(result.Refused) > 0 {
			return errHold
		}
		return nil
	})
	if errors.Is(err, errHold) {
		return result, nil
	}
	result.Position = position
	return result, err
}
