package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/eventstore/lite"
)

// registerProjection keeps what a register of shares says besides who holds how many:
// restrictions, the signatures under transfers, and certificates.
var registerProjection = projection{
	module: "register",
	wants: []any{
		shares.RestrictionNoted{},
		shares.RestrictionLifted{},
		shares.TransferredIn{},
		shares.Reversed{},
		shares.CertificateIssued{},
		shares.CertificateReplaced{},
		shares.CertificateCancelled{},
		membership.PersonalDataErased{},
	},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case shares.RestrictionNoted:
			beneficiary, _ := e.Beneficiary.Reveal() // nothing, if it was erased since
			return t.Exec(`insert into share_restriction (party, class, id, kind, quantity, beneficiary, document, on_date, recorded_at)
				values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				e.Party, e.Class, e.Restriction, e.Kind, e.Quantity, null(beneficiary), e.Document, e.On, t.recordedAt)
		case shares.RestrictionLifted:
			return t.Exec(`update share_restriction set lifted_on = ?, lifted_by = ?, lifted_at = ? where party = ? and class = ? and id = ?`,
				e.On, e.Document, t.recordedAt, e.Party, e.Class, e.Restriction)
		case shares.TransferredIn:
			signed, err := asJSON(e.Signed)
			if err != nil {
				return err
			}
			return t.Exec(`insert into share_transfer (to_party, class, id, from_party, kind, quantity, signed, decision, on_date, recorded_at, position)
				values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				e.Party, e.Class, e.Transfer, e.From, e.Kind, e.Quantity, signed, e.Decision, e.On, t.recordedAt, t.position)
		case shares.Reversed:
			if e.Entry != shares.EntryTransfer || e.Quantity > 0 {
				return nil
			}
			return t.Exec(`update share_transfer set reversed_on = ?, reversed_by = ?, reversed_at = ? where to_party = ? and class = ? and id = ?`,
				e.On, e.Document, t.recordedAt, e.Party, e.Class, e.Of)
		case shares.CertificateIssued:
			lots, err := asJSON(e.Lots)
			if err != nil {
				return err
			}
			return t.Exec(`insert into share_certificate (number, party, class, quantity, lots, replaces, on_date) values (?, ?, ?, ?, ?, ?, ?)`,
				int64(e.Number), e.Party, e.Class, e.Quantity, lots, int64(e.Replaces), e.On)
		case shares.CertificateReplaced:
			return t.Exec(`update share_certificate set void_on = ?, void_why = ?, void_by = ? where number = ?`, e.On, e.Why, int64(e.By), int64(e.Number))
		case shares.CertificateCancelled:
			return t.Exec(`update share_certificate set void_on = ?, void_why = ? where number = ?`, e.On, e.Why, int64(e.Number))
		case membership.PersonalDataErased:
			if e.Class != sealed.Register {
				return nil
			}
			err := t.Exec(`update share_restriction set beneficiary = null where party = ? and beneficiary is not null`, e.Party)
			t.erased = t.erased || !t.filling || t.Changes() > 0
			return err
		}
		return nil
	},
}

// AsAt is the two times at which a register is read: a day, at whose end it stood so,
// and the instant at which it was known so, where the zero instant is now.
type AsAt struct {
	Day   calendar.Date
	Known time.Time
}

// Register yields the register of shares: its lines by class and, within a class, in
// the order in which holders are numbered, those who never had a number last. What is
// read at once is no more than one holder's. With a party, only theirs are.
func (m *Models) Register(ctx context.Context, at AsAt, party domain.PartyID) iter.Seq2[RegisterEntry, error] {
	return func(yield func(RegisterEntry, error) bool) {
		err := m.read(ctx, func(c *lite.Conn) error {
			return registerOf(c, at, party, func(e RegisterEntry) error {
				if !yield(e, nil) {
					return errEnough
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(RegisterEntry{}, err)
		}
	}
}

// errEnough ends the reading of what nobody wants any more.
var errEnough = errors.New("projections: enough")

// The movements of a class by holder. All but those whom nobody knows any more, or yet,
// have a row of their own.
const (
	registerColumns = `m.lot, m.acquired_on, m.quantity, m.paid, m.price, m.currency`
	registerWhen    = `m.class = ?1 and m.on_date <= ?2 and m.recorded_at <= ?3`
	registerHolder  = `p.number, p.name, p.street, p.postal_code, p.city, p.country, p.enterprise_number`
	registerQueryOf = `select m.party, ` + registerHolder + `, ` + registerColumns + ` from share_movement m left join party p on p.id = m.party
		where m.party = ?4 and ` + registerWhen + ` order by m.position, m.line`
)

var registerQueries = []string{
	`select p.id, ` + registerHolder + `, ` + registerColumns + ` from party p cross join share_movement m on m.party = p.id
		where ` + registerWhen + ` order by p.by_number, p.id, m.position, m.line`,
	`select m.party, null, null, null, null, null, null, null, ` + registerColumns + ` from share_movement m
		where ` + registerWhen + ` and not exists (select 1 from party where id = m.party) order by m.party, m.position, m.line`,
}

func registerOf(c *lite.Conn, at AsAt, party domain.PartyID, each func(RegisterEntry) error) error {
	classes, err := textsOf(c, `select distinct class from share_movement order by class`)
	if err != nil {
		return err
	}
	numbers, err := numbersThen(c, at.Known)
	if err != nil {
		return err
	}
	queries, args := registerQueries, []any{nil, at.Day, instant(at.Known)}
	if party != "" {
		queries, args = []string{registerQueryOf}, append(args, party)
	}
	for _, class := range classes {
		args[0] = class
		for _, query := range queries {
			h := holderLines{each: each}
			err := c.Query(query, func(r lite.Row) error {
				if string(r.Raw(0)) != string(h.entry.Party) {
					if err := h.flush(); err != nil {
						return err
					}
					id := domain.PartyID(r.Text(0))
					number, other := numbers[id]
					if !other {
						number = domain.MemberNumber(r.Int(1))
					}
					h.entry = RegisterEntry{
						Party: id, Member: Known{Party: id, Number: number}, Class: domain.ClassID(class), Name: r.Text(2),
						Address: address(r.Text(3), r.Text(4), r.Text(5)), Country: r.Text(6), EnterpriseNumber: r.Text(7),
					}
				}
				return h.add(r)
			}, args...)
			if err == nil {
				err = h.flush()
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// numbersThen returns the last number that parties had at an instant, of those for whom
// that may be another than they have now; 0 is none.
func numbersThen(c *lite.Conn, known time.Time) (map[domain.PartyID]domain.MemberNumber, error) {
	numbers := map[domain.PartyID]domain.MemberNumber{}
	err := c.Query(`select party from member_movement where number is not null group by party having max(recorded_at) > ?`, func(r lite.Row) error {
		numbers[domain.PartyID(r.Text(0))] = 0
		return nil
	}, instant(known))
	if err != nil || len(numbers) == 0 {
		return numbers, err
	}
	err = c.Query(`select party, number from member_movement where number is not null and recorded_at <= ? order by position`, func(r lite.Row) error {
		if _, other := numbers[domain.PartyID(r.Raw(0))]; other {
			numbers[domain.PartyID(r.Text(0))] = domain.MemberNumber(r.Int(1))
		}
		return nil
	}, instant(known))
	return numbers, err
}

func textsOf(c *lite.Conn, sql string, args ...any) (all []string, err error) {
	err = c.Query(sql, func(r lite.Row) error {
		all = append(all, r.Text(0))
		return nil
	}, args...)
	return all, err
}

// holderLines makes the lines of one holder and class of their movements.
type holderLines struct {
	entry RegisterEntry // what the lines have in common
	lots  []heldLot
	each  func(RegisterEntry) error
}

// heldLot is a lot as far as it is held.
type heldLot struct {
	lot            string
	acquired       calendar.Date
	quantity, paid int64
	price          money.Money
}

func (h *holderLines) add(r lite.Row) error {
	price := r.Int(12)
	i := slices.IndexFunc(h.lots, func(l heldLot) bool { return l.price.Minor() == price && l.lot == string(r.Raw(8)) })
	if i < 0 {
		i = len(h.lots)
		h.lots = append(h.lots, heldLot{lot: r.Text(8), price: amount(r, 12, 13)})
	}
	l := &h.lots[i]
	l.quantity, l.paid = l.quantity+r.Int(10), l.paid+r.Int(11)
	if r.Int(10) > 0 {
		return r.Into(9, &l.acquired)
	}
	return nil
}

func (h *holderLines) flush() error {
	slices.SortStableFunc(h.lots, func(a, b heldLot) int { return cmp.Or(a.acquired.Compare(b.acquired), a.price.Compare(b.price)) })
	var line *RegisterEntry
	for _, l := range h.lots {
		if l.quantity <= 0 {
			continue
		}
		if line != nil && line.AcquiredOn == l.acquired && line.Price == l.price {
			line.Quantity, line.Paid = line.Quantity+l.quantity, line.Paid.Plus(money.New(l.paid, l.price.Currency()))
			continue
		}
		if line != nil {
			if err := h.each(*line); err != nil {
				return err
			}
		}
		next := h.entry
		next.AcquiredOn, next.Quantity, next.Price, next.Paid = l.acquired, l.quantity, l.price, money.New(l.paid, l.price.Currency())
		line = &next
	}
	h.lots = h.lots[:0]
	if line == nil {
		return nil
	}
	return h.each(*line)
}

// RestrictionEntry is a restriction that stands in the register.
type RestrictionEntry struct {
	Number      domain.MemberNumber
	Party       domain.PartyID
	Name        string
	Class       domain.ClassID
	ID          shares.RestrictionID
	Kind        shares.Restriction
	Quantity    int64  // 0: all shares
	Beneficiary string // empty once erased
	Document    string
	On          calendar.Date
}

// Restrictions yields the restrictions in force, by holder; with a party, only theirs.
func (m *Models) Restrictions(ctx context.Context, at AsAt, party domain.PartyID) iter.Seq2[RestrictionEntry, error] {
	return stream(ctx, m, `select p.number, s.party, p.name, s.class, s.id, s.kind, s.quantity, s.beneficiary, s.document, s.on_date
		from share_restriction s left join party p on p.id = s.party
		where s.on_date <= ?1 and s.recorded_at <= ?2 and (s.lifted_on is null or s.lifted_on > ?1 or s.lifted_at > ?2) and (?3 = '' or s.party = ?3)
		order by p.by_number, s.party, s.class, s.on_date, s.id`,
		func(r lite.Row) (e RestrictionEntry, err error) {
			e = RestrictionEntry{
				Number: domain.MemberNumber(r.Int(0)), Party: domain.PartyID(r.Text(1)), Name: r.Text(2), Class: domain.ClassID(r.Text(3)),
				ID: shares.RestrictionID(r.Text(4)), Kind: shares.Restriction(r.Text(5)), Quantity: r.Int(6), Beneficiary: r.Text(7), Document: r.Text(8),
			}
			return e, r.Into(9, &e.On)
		}, at.Day, instant(at.Known), party)
}

// Holder is a party as it is named in an entry.
type Holder struct {
	Party  domain.PartyID
	Number domain.MemberNumber
	Name   string // empty once erased
}

// TransferEntry is a transfer that stands in the register, or its reversal.
type TransferEntry struct {
	ID         shares.TransferID
	Class      domain.ClassID
	From, To   Holder
	Kind       shares.TransferKind
	Quantity   int64
	Signed     []shares.Signature
	Signers    []Holder // who signed, one of each
	Decision   string
	On         calendar.Date
	ReversedOn calendar.Date // no day unless it is, and known to be
	ReversedBy string        // the document
}

const transfersQuery = `select s.id, s.class, s.kind, s.quantity, s.signed, s.decision, s.on_date,
	iif(s.reversed_on <= ?2 and s.reversed_at <= ?3, s.reversed_on, null), s.reversed_by,
	s.from_party, f.number, f.name, s.to_party, t.number, t.name
	from share_transfer s left join party f on f.id = s.from_party left join party t on t.id = s.to_party
	where s.on_date >= ?1 and s.on_date <= ?2 and s.recorded_at <= ?3 and (?4 = '' or s.from_party = ?4 or s.to_party = ?4)
	order by s.on_date, s.position`

// Transfers yields the transfers from a day through that of the register, in their
// order; with a party, only those that they gave or received.
func (m *Models) Transfers(ctx context.Context, from calendar.Date, at AsAt, party domain.PartyID) iter.Seq2[TransferEntry, error] {
	return func(yield func(TransferEntry, error) bool) {
		err := m.read(ctx, func(c *lite.Conn) error {
			return c.Query(transfersQuery,
				func(r lite.Row) error {
					d := days{r: r}
					e := TransferEntry{
						ID: shares.TransferID(r.Text(0)), Class: domain.ClassID(r.Text(1)), Kind: shares.TransferKind(r.Text(2)), Quantity: r.Int(3),
						Decision: r.Text(5), On: d.at(6), ReversedOn: d.at(7), From: holderAt(r, 9), To: holderAt(r, 12),
					}
					if !e.ReversedOn.IsZero() {
						e.ReversedBy = r.Text(8)
					}
					if err := cmp.Or(d.err, json.Unmarshal(r.Raw(4), &e.Signed)); err != nil {
						return fmt.Errorf("projections: transfer %s: %w", e.ID, err)
					}
					for _, s := range e.Signed {
						signer := Holder{Party: s.By}
						_, err := c.One(`select number, name from party where id = ?`, func(r lite.Row) {
							signer.Number, signer.Name = domain.MemberNumber(r.Int(0)), r.Text(1)
						}, s.By)
						if err != nil {
							return err
						}
						e.Signers = append(e.Signers, signer)
					}
					if !yield(e, nil) {
						return errEnough
					}
					return nil
				}, from, at.Day, instant(at.Known), party)
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(TransferEntry{}, err)
		}
	}
}

func holderAt(r lite.Row, i int) Holder {
	return Holder{domain.PartyID(r.Text(i)), domain.MemberNumber(r.Int(i + 1)), r.Text(i + 2)}
}

// MovementEntry is a movement, with the names of those whom it is of.
type MovementEntry struct {
	ShareMovement
	Holder     Holder
	Other      Holder // who gave or received, if anybody did
	AcquiredOn calendar.Date
	Price      money.Money // of one
}

const movementsQuery = `select s.position, s.class, s.kind, s.quantity, s.paid, s.currency, s.reference, s.on_date, s.recorded_at, s.acquired_on,
	s.price, s.party, p.number, p.name, s.counterparty, o.number, o.name
	from share_movement s left join party p on p.id = s.party left join party o on o.id = s.counterparty
	where s.on_date >= ?1 and s.on_date <= ?2 and s.recorded_at <= ?3 and (?4 = '' or s.party = ?4) order by s.on_date, s.position, s.line`

// Movements yields what changed from a day through that of the register, in the order
// of the days and of the log; with a party, only what changed for them.
func (m *Models) Movements(ctx context.Context, from calendar.Date, at AsAt, party domain.PartyID) iter.Seq2[MovementEntry, error] {
	return stream(ctx, m, movementsQuery,
		func(r lite.Row) (MovementEntry, error) {
			d := days{r: r}
			e := MovementEntry{
				ShareMovement: ShareMovement{
					Position: r.Int(0), Class: domain.ClassID(r.Text(1)), Kind: MovementKind(r.Text(2)), Quantity: r.Int(3), Paid: amount(r, 4, 5),
					Reference: r.Text(6), On: d.at(7), RecordedAt: r.Time(8), Party: domain.PartyID(r.Text(11)), Counterparty: domain.PartyID(r.Text(14)),
				},
				AcquiredOn: d.at(9), Price: amount(r, 10, 5), Holder: holderAt(r, 11), Other: holderAt(r, 14),
			}
			return e, d.err
		}, from, at.Day, instant(at.Known), party)
}

// Certificate is a certificate of shares.
type Certificate struct {
	Number   shares.CertificateNumber
	Party    domain.PartyID
	Class    domain.ClassID
	Quantity int64
	Lots     []shares.Lot
	Replaces shares.CertificateNumber // 0: none
	On       calendar.Date
	VoidOn   calendar.Date // no day while it is in force
	VoidWhy  shares.Voided
	VoidBy   shares.CertificateNumber // 0: none
}

const certificateColumns = `number, party, class, quantity, lots, replaces, on_date, void_on, void_why, void_by`

func scanCertificate(r lite.Row) (Certificate, error) {
	d := days{r: r}
	c := Certificate{
		Number: shares.CertificateNumber(r.Int(0)), Party: domain.PartyID(r.Text(1)), Class: domain.ClassID(r.Text(2)), Quantity: r.Int(3),
		Replaces: shares.CertificateNumber(r.Int(5)), On: d.at(6), VoidOn: d.at(7), VoidWhy: shares.Voided(r.Text(8)),
		VoidBy: shares.CertificateNumber(r.Int(9)),
	}
	return c, cmp.Or(d.err, json.Unmarshal(r.Raw(4), &c.Lots))
}

// Certificate returns a certificate, and whether there is one of that number.
func (m *Models) Certificate(ctx context.Context, number shares.CertificateNumber) (Certificate, bool, error) {
	return one(ctx, m, `select `+certificateColumns+` from share_certificate where number = ?`, scanCertificate, int64(number))
}

// LastCertificate returns the highest number that a certificate has.
func (m *Models) LastCertificate(ctx context.Context) (shares.CertificateNumber, error) {
	n, _, err := one(ctx, m, `select coalesce(max(number), 0) from share_certificate`,
		func(r lite.Row) (shares.CertificateNumber, error) { return shares.CertificateNumber(r.Int(0)), nil })
	return n, err
}

// CertificatesOf returns the certificates of a party, in force or not, by number.
func (m *Models) CertificatesOf(ctx context.Context, party domain.PartyID) ([]Certificate, error) {
	return rows(ctx, m, `select `+certificateColumns+` from share_certificate where party = ? order by number`, scanCertificate, party)
}

// stream yields the rows of a statement as they are read.
func stream[T any](ctx context.Context, m *Models, sql string, scan func(lite.Row) (T, error), args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := m.readOne(ctx, func(c *lite.Conn) error {
			return c.Query(sql, func(r lite.Row) error {
				item, err := scan(r)
				if err == nil && !yield(item, nil) {
					err = errEnough
				}
				return err
			}, args...)
		})
		if err != nil && !errors.Is(err, errEnough) {
			var none T
			yield(none, err)
		}
	}
}
