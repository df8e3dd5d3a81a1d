package shares

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
)

// The rules by which a transfer is refused.
var (
	ErrSelf         = domain.Refusal{Code: "shares.self", Reason: "shares are transferred to somebody else"}
	ErrTransferred  = domain.Refusal{Code: "shares.transferred", Reason: "the transfer {transfer} was made on other terms: use another id"}
	ErrNotSigned    = domain.Refusal{Code: "shares.not_signed", Reason: "the signature is missing of: {who}", Source: "statutes"}
	ErrNotApproved  = domain.Refusal{Code: "shares.not_approved", Reason: "a transfer needs a decision: name the minutes that have it", Source: "statutes"}
	ErrNotAgreed    = domain.Refusal{Code: "shares.not_agreed", Reason: "no transfer {transfer} of these shares waits for the admission of the receiver"}
	ErrNoConversion = domain.Refusal{Code: "shares.no_conversion", Reason: "shares of class {class} are not changed into those of class {to}", Source: "statutes"}
	ErrRatio        = domain.Refusal{Code: "shares.ratio", Reason: "shares of class {class} are changed by {take}: {quantity} are too few", Source: "statutes"}
	ErrConverted    = domain.Refusal{Code: "shares.converted", Reason: "the conversion {conversion} was made on other terms: use another id"}
)

// TransferKind is why shares pass on. What is paid for them, if anything is, is
// between the two, and nobody tells the co-op.
type TransferKind string

const (
	Sale        TransferKind = "sale"
	Gift        TransferKind = "gift"
	Inheritance TransferKind = "inheritance" // to an heir, or to the estate
	Succession  TransferKind = "succession"  // to the successor in law of an organisation
	Merger      TransferKind = "merger"      // two members were found to be one
)

// Valid reports whether it is one of these.
func (k TransferKind) Valid() bool {
	return slices.Contains([]TransferKind{Sale, Gift, Inheritance, Succession, Merger}, k)
}

// whole reports whether whoever receives the shares takes over all that goes with
// them by law, so that they need not be paid up.
func (k TransferKind) whole() bool { return k == Inheritance || k == Succession || k == Merger }

// Signature is that of somebody under an entry in the register.
type Signature struct {
	As  Signatory      `json:"as"`
	By  domain.PartyID `json:"by"` // who signed: the party, or who acts for it
	On  calendar.Date  `json:"on"`
	How Signing        `json:"how"`
}

// Signatory is in what quality somebody signs.
type Signatory string

const (
	AsTransferor Signatory = "transferor"
	AsTransferee Signatory = "transferee"
	AsHeir       Signatory = "heir"
	AsBoard      Signatory = "board"
)

// Valid reports whether it is one of these.
func (s Signatory) Valid() bool {
	return s == AsTransferor || s == AsTransferee || s == AsHeir || s == AsBoard
}

// Signing is how somebody signs.
type Signing string

const (
	OnPaper   Signing = "paper"
	Qualified Signing = "qualified" // by a qualified electronic signature (eIDAS art. 25(2))
	SignedIn  Signing = "signed_in" // confirmed by who was signed in
)

// Valid reports whether it is one of these.
func (s Signing) Valid() bool { return s == OnPaper || s == Qualified || s == SignedIn }

// signatories returns who signs a transfer of a kind.
func (k TransferKind) signatories() []Signatory {
	switch k {
	case Inheritance:
		return []Signatory{AsHeir, AsBoard}
	case Succession:
		return []Signatory{AsTransferee, AsBoard}
	case Merger:
		return []Signatory{AsBoard}
	case Sale, Gift:
	}
	return []Signatory{AsTransferor, AsTransferee}
}

// transfer is one side of a transfer that was made, or only agreed.
type transfer struct {
	other    domain.PartyID
	quantity int64 // less than 0 where the shares went away
	on       calendar.Date
	lots     []Lot // none while it is agreed
	kind     TransferKind
	signed   []Signature
	decision string
	agreed   bool // and not made yet
	why      Withdrawal
	reversed ReversalID
}

// Awaited returns the number of shares that others have agreed to transfer once the
// holder is admitted.
func (h Holding) Awaited() (n int64) {
	for _, t := range h.transfers {
		if t.agreed && t.quantity > 0 {
			n += t.quantity
		}
	}
	return n
}

// Promised returns the number of shares that the holder has agreed to transfer.
func (h Holding) Promised() (n int64) {
	for _, t := range h.transfers {
		if t.agreed && t.quantity < 0 {
			n -= t.quantity
		}
	}
	return n
}

// free reports whether so many shares are held and not bound to stay.
func (h Holding) free(quantity int64) error {
	held := h.Held()
	switch free := max(held-h.Promised()-h.Bound(), 0); {
	case quantity > held:
		return ErrTooFew.With("held", held)
	case quantity > free:
		return ErrNotFree.With("free", free)
	}
	return nil
}

// TransferredOut takes shares from a holding: half of a transfer.
type TransferredOut struct {
	Transfer        TransferID     `json:"transfer"`
	Kind            TransferKind   `json:"kind,omitempty"` // where it was said
	Party           domain.PartyID `json:"party"`          // who gives
	To              domain.PartyID `json:"to"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Lots            []Lot          `json:"lots"` // of which they are
	Signed          []Signature    `json:"signed,omitempty"`
	Decision        string         `json:"decision,omitempty"` // the minutes that approve of it
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e TransferredOut) Evolve(h Holding) Holding {
	h.lots = h.without(e.Lots, e.On)
	h.transfers = set(h.transfers, e.Transfer, transfer{
		other: e.To, quantity: -e.Quantity, on: e.On, lots: e.Lots, kind: e.Kind, signed: e.Signed, decision: e.Decision,
	})
	return h
}

// TransferredIn adds shares to a holding: the other half.
type TransferredIn struct {
	Transfer        TransferID     `json:"transfer"`
	Kind            TransferKind   `json:"kind,omitempty"`
	Party           domain.PartyID `json:"party"` // who receives
	From            domain.PartyID `json:"from"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Lots            []Lot          `json:"lots"`
	Signed          []Signature    `json:"signed,omitempty"`
	Decision        string         `json:"decision,omitempty"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e TransferredIn) Evolve(h Holding) Holding {
	h.lots = h.with(e.Lots, e.On)
	h.transfers = set(h.transfers, e.Transfer, transfer{
		other: e.From, quantity: e.Quantity, on: e.On, lots: e.Lots, kind: e.Kind, signed: e.Signed, decision: e.Decision,
	})
	return h
}

// TransferAgreed keeps shares for somebody who is to be admitted first.
type TransferAgreed struct {
	Transfer        TransferID     `json:"transfer"`
	Kind            TransferKind   `json:"kind,omitempty"`
	Party           domain.PartyID `json:"party"` // who gives
	To              domain.PartyID `json:"to"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Signed          []Signature    `json:"signed,omitempty"`
	Decision        string         `json:"decision,omitempty"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e TransferAgreed) Evolve(h Holding) Holding {
	h.transfers = set(h.transfers, e.Transfer, transfer{
		other: e.To, quantity: -e.Quantity, on: e.On, kind: e.Kind, signed: e.Signed, decision: e.Decision, agreed: true,
	})
	return h
}

// TransferAwaited is the same for the receiver.
type TransferAwaited struct {
	Transfer        TransferID     `json:"transfer"`
	Party           domain.PartyID `json:"party"` // who is to receive
	From            domain.PartyID `json:"from"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e TransferAwaited) Evolve(h Holding) Holding {
	h.transfers = set(h.transfers, e.Transfer, transfer{other: e.From, quantity: e.Quantity, on: e.On, agreed: true})
	return h
}

// TransferAbandoned ends a transfer that was agreed, for either side.
type TransferAbandoned struct {
	Transfer TransferID     `json:"transfer"`
	Party    domain.PartyID `json:"party"`
	Other    domain.PartyID `json:"other"`
	Class    domain.ClassID `json:"class"`
	Quantity int64          `json:"quantity"` // less than 0 for who was to give them
	Why      Withdrawal     `json:"why"`
	On       calendar.Date  `json:"on"`
}

func (e TransferAbandoned) Evolve(h Holding) Holding {
	h.transfers = set(h.transfers, e.Transfer, transfer{other: e.Other, quantity: e.Quantity, on: e.On, why: e.Why})
	return h
}

// Transfer passes shares from one party to another, who is a member, the oldest
// first.
type Transfer struct {
	Transfer TransferID
	Kind     TransferKind // may be left out where nobody must know
	From, To domain.PartyID
	Class    domain.ClassID
	Quantity int64
	Signed   []Signature
	Decision string // the minutes that approve of it, where the statutes want that
	On       calendar.Date
	Needed   int64 // shares that the giver's services need to back them
	Statutes statutes.Statutes
	Closed   calendar.Date // the last day of the books that are closed
}

func (c Transfer) Streams() (from, to domain.Stream) {
	return StreamOf(c.From, c.Class), StreamOf(c.To, c.Class)
}

func (c Transfer) Decide(from, to Holding) ([]event, []event, error) {
	if was, made := from.transfers[c.Transfer]; made {
		if !was.agreed && was.why == "" && was.other == c.To && was.quantity == -c.Quantity && was.on == c.On {
			return nil, nil, nil
		}
		return nil, nil, ErrTransferred.With("transfer", c.Transfer)
	}
	if err := c.check(from, to, 0); err != nil {
		return nil, nil, err
	}
	return c.move(from, to)
}

// check reports why the transfer may not be made, now or later; awaited shares are
// counted already on the receiver's side.
func (c Transfer) check(from, to Holding, awaited int64) error {
	if err := given(c.From, c.Quantity, c.On, c.Statutes.Version, string(c.Transfer), "transfer"); err != nil {
		return err
	}
	class, ok := c.Statutes.Class(c.Class)
	switch {
	case c.To == "":
		return ErrIncomplete.With("missing", "party")
	case c.To == c.From:
		return ErrSelf
	case !ok:
		return ErrNoSuchClass.With("class", c.Class)
	case c.Kind != "" && !c.Kind.Valid():
		return ErrIncomplete.With("missing", "kind")
	case c.Statutes.Shares.Transfers.Approved && c.Decision == "" && !c.Kind.whole():
		return ErrNotApproved
	}
	if was, made := to.transfers[c.Transfer]; made && (!was.agreed || was.other != c.From) {
		return ErrTransferred.With("transfer", c.Transfer) // from somebody else
	}
	if err := c.signed(); err != nil {
		return err
	}
	if _, err := from.leave(class, c.Quantity, c.On); err != nil {
		return err
	}
	if err := from.backs(c.Needed, c.Quantity); err != nil {
		return err
	}
	if err := within(class, to.Held()+to.Subscribed()+to.Awaited()-awaited+c.Quantity); err != nil {
		return err
	}
	return open(c.On, c.Closed)
}

// signed reports whose signature is missing, where the statutes want them.
func (c Transfer) signed() error {
	signed := map[Signatory]bool{}
	for _, s := range c.Signed {
		if !s.As.Valid() || s.By == "" || s.On.IsZero() || s.On.After(c.On) || !s.How.Valid() {
			return ErrIncomplete.With("missing", "signature")
		}
		signed[s.As] = true
	}
	if !c.Statutes.Shares.Transfers.Signed {
		return nil
	}
	for _, who := range c.Kind.signatories() {
		if !signed[who] {
			return ErrNotSigned.With("who", who)
		}
	}
	return nil
}

// backs reports whether enough shares are left to back services when some leave.
func (h Holding) backs(needed, leaving int64) error {
	if left := h.Held() - leaving; left < needed {
		return ErrBacking.With("needed", needed).With("left", left)
	}
	return nil
}

func (c Transfer) move(from, to Holding) ([]event, []event, error) {
	lots, err := from.take(c.Quantity, c.On)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range lots {
		if !l.paidUp() && !c.Kind.whole() {
			return nil, nil, ErrNotPaidUp
		}
	}
	if err := to.joins(lots, c.On); err != nil {
		return nil, nil, err
	}
	v := c.Statutes.Version
	return []event{TransferredOut{c.Transfer, c.Kind, c.From, c.To, c.Class, c.Quantity, lots, c.Signed, c.Decision, c.On, v}},
		[]event{TransferredIn{c.Transfer, c.Kind, c.To, c.From, c.Class, c.Quantity, lots, c.Signed, c.Decision, c.On, v}}, nil
}

// AgreeTransfer keeps shares for somebody who is no member yet. They pass on when
// the receiver is admitted ([CompleteTransfer]); until then they count for whether
// the receiver has the shares that admission asks for.
type AgreeTransfer Transfer

func (c AgreeTransfer) Streams() (from, to domain.Stream) { return Transfer(c).Streams() }

func (c AgreeTransfer) Decide(from, to Holding) ([]event, []event, error) {
	if was, made := from.transfers[c.Transfer]; made {
		if was.agreed && was.other == c.To && was.quantity == -c.Quantity && was.on == c.On {
			return nil, nil, nil
		}
		return nil, nil, ErrTransferred.With("transfer", c.Transfer)
	}
	if err := Transfer(c).check(from, to, 0); err != nil {
		return nil, nil, err
	}
	if _, _, err := Transfer(c).move(from, to); err != nil {
		return nil, nil, err
	}
	v := c.Statutes.Version
	return []event{TransferAgreed{c.Transfer, c.Kind, c.From, c.To, c.Class, c.Quantity, c.Signed, c.Decision, c.On, v}},
		[]event{TransferAwaited{c.Transfer, c.To, c.From, c.Class, c.Quantity, c.On, v}}, nil
}

// CompleteTransfer makes a transfer that was agreed. That the receiver is admitted
// is for whoever executes it to know.
type CompleteTransfer struct {
	Transfer TransferID
	From, To domain.PartyID
	Class    domain.ClassID
	On       calendar.Date
	Needed   int64 // shares that the giver's services need to back them
	Statutes statutes.Statutes
	Closed   calendar.Date // the last day of the books that are closed
}

func (c CompleteTransfer) Streams() (from, to domain.Stream) {
	return StreamOf(c.From, c.Class), StreamOf(c.To, c.Class)
}

func (c CompleteTransfer) Decide(from, to Holding) ([]event, []event, error) {
	t, made := from.transfers[c.Transfer]
	switch {
	case made && !t.agreed && t.why == "" && t.other == c.To && t.on == c.On:
		return nil, nil, nil
	case !t.agreed || t.other != c.To:
		return nil, nil, ErrNotAgreed.With("transfer", c.Transfer)
	case c.On.Before(t.on):
		return nil, nil, ErrTooEarly.With("earliest", t.on)
	}
	from.transfers = unset(from.transfers, c.Transfer) // its shares are kept for this
	transfer := Transfer{
		c.Transfer, t.kind, c.From, c.To, c.Class, -t.quantity, t.signed, t.decision, c.On, c.Needed, c.Statutes, c.Closed,
	}
	if err := transfer.check(from, to, -t.quantity); err != nil {
		return nil, nil, err
	}
	return transfer.move(from, to)
}

// AbandonTransfer gives up a transfer that was agreed: the receiver was not admitted,
// or one of the two took it back.
type AbandonTransfer struct {
	Transfer TransferID
	From, To domain.PartyID
	Class    domain.ClassID
	Why      Withdrawal
	On       calendar.Date
}

func (c AbandonTransfer) Streams() (from, to domain.Stream) {
	return StreamOf(c.From, c.Class), StreamOf(c.To, c.Class)
}

func (c AbandonTransfer) Decide(from, _ Holding) ([]event, []event, error) {
	t := from.transfers[c.Transfer]
	switch {
	case t.why != "" && t.why == c.Why && t.other == c.To && t.on == c.On:
		return nil, nil, nil
	case !t.agreed || t.other != c.To:
		return nil, nil, ErrNotAgreed.With("transfer", c.Transfer)
	case !c.Why.Valid():
		return nil, nil, ErrIncomplete.With("missing", "reason")
	case c.On.Before(t.on):
		return nil, nil, ErrTooEarly.With("earliest", t.on)
	}
	return []event{TransferAbandoned{c.Transfer, c.From, c.To, c.Class, t.quantity, c.Why, c.On}},
		[]event{TransferAbandoned{c.Transfer, c.To, c.From, c.Class, -t.quantity, c.Why, c.On}}, nil
}
