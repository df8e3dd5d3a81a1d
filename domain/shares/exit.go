package shares

import (
	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// ClaimID identifies shares that are given back together, and what is owed for them.
type ClaimID string

// ExitStream returns the stream of a claim.
func ExitStream(id ClaimID) domain.Stream { return domain.StreamOf("exit", string(id)) }

// The rules by which an exit is refused.
var (
	ErrClaim      = domain.Refusal{Code: "shares.claim", Reason: "the claim {claim} was made on other terms: use another id"}
	ErrNoClaim    = domain.Refusal{Code: "shares.no_claim", Reason: "there is no claim {claim}"}
	ErrClaimState = domain.Refusal{Code: "shares.claim_state", Reason: "the claim is {state}: this is not done any more, or not yet"}
	ErrFounder    = domain.Refusal{Code: "shares.founder", Reason: "founders may give back shares from {from} on", Source: "statutes"}
	ErrBacking    = domain.Refusal{Code: "shares.backing", Reason: "the services booked need {needed} shares, and {left} would be left: cancel services first", Source: "statutes"}
	ErrUnbacked   = domain.Refusal{Code: "shares.unbacked", Reason: "the services booked need {needed} shares of class {class}, and {held} are held: take more shares first", Source: "statutes"}
	ErrNotDue     = domain.Refusal{Code: "shares.not_due", Reason: "the shares leave on {on}"}
	ErrAccepted   = domain.Refusal{Code: "shares.accepted", Reason: "at most {asked} shares leave by this claim"}
	ErrSince      = domain.Refusal{Code: "shares.since", Reason: "the shares left on {left}, and the {entry} {of} of {on} came after that: reverse it first, and then have them leave"}
	ErrCapped     = domain.Refusal{Code: "shares.capped", Reason: "it is to be decided how many shares leave this year", Source: "statutes"}
)

// ExitReason is why shares are given back.
type ExitReason string

const (
	Resigned  ExitReason = "resigned" // of the holder's own will
	Excluded  ExitReason = "excluded"
	Deceased  ExitReason = "deceased"
	Dissolved ExitReason = "dissolved" // an organisation: by liquidation or bankruptcy
)

// Valid reports whether it is one of these.
func (r ExitReason) Valid() bool {
	return r == Resigned || r == Excluded || r == Deceased || r == Dissolved
}

// Claim is what must be known of shares given back, and of what is owed for them.
type Claim struct {
	requested  ExitRequested
	accepted   ExitAccepted
	withdrawn  ExitWithdrawn
	effect     ExitTookEffect
	reversed   ExitReversed
	valued     ExitValued
	unpaid     money.Money   // called before the shares left, and owed yet
	waiting    money.Money   // owed, and not released
	released   money.Money   // owed, and free to be paid out
	since      calendar.Date // the last that something was released, or came back
	releases   map[BudgetID]RefundReleased
	setOffs    map[string]RefundSetOff    // by decision
	payments   map[string]RefundPaid      // by reference
	returns    map[string]RefundReturned  // by the payment's reference
	collected  map[string]UnpaidCollected // by reference
	waived     UnpaidWaived
	freed      map[RestrictionID]ClaimFreed
	timeBarred RefundTimeBarred
	reversals  map[ReversalID]ClaimEntryReversed
	last       calendar.Date // that anything has happened to it: nothing is reversed before
	corrected  calendar.Date // that anything was reversed: nothing happens before
}

// after reports whether something may happen to the claim on a day, and not only
// before it was corrected or earlier than something else.
func (c Claim) after(on calendar.Date, others ...calendar.Date) error {
	earliest := later(c.corrected, later(c.effect.On, c.effect.BookedOn))
	for _, other := range others {
		earliest = later(earliest, other)
	}
	if on.Before(earliest) {
		return ErrTooEarly.With("earliest", earliest)
	}
	return nil
}

// ClaimState is how far a claim has come.
type ClaimState string

const (
	ClaimNone      ClaimState = "none"      // there is no such claim
	ClaimRequested ClaimState = "requested" // the shares have not left yet
	ClaimWithdrawn ClaimState = "withdrawn" // and will not
	ClaimDeferred  ClaimState = "deferred"  // none of them leaves this year: all do by another claim
	ClaimEffective ClaimState = "effective" // they have left, and their value is not known
	ClaimWaiting   ClaimState = "waiting"   // something is owed that no budget has released
	ClaimReleased  ClaimState = "released"  // all that is owed can be paid out
	ClaimSettled   ClaimState = "settled"   // nothing is owed any more
	ClaimReversed  ClaimState = "reversed"  // the shares have come back
)

// Valid makes it a word that is translated.
func (ClaimState) Valid() bool { return true }

// State returns how far the claim has come.
func (c Claim) State() ClaimState {
	switch {
	case c.requested.Claim == "":
		return ClaimNone
	case c.reversed.Claim != "":
		return ClaimReversed
	case c.withdrawn.Claim != "":
		return ClaimWithdrawn
	case c.accepted.Rest != "" && c.accepted.Quantity == 0:
		return ClaimDeferred
	case c.effect.Claim == "":
		return ClaimRequested
	case c.valued.Claim == "":
		return ClaimEffective
	case c.waiting.IsPositive():
		return ClaimWaiting
	case c.released.IsPositive():
		return ClaimReleased
	}
	return ClaimSettled
}

// Requested returns what was asked for.
func (c Claim) Requested() ExitRequested { return c.requested }

// Quantity returns how many shares are to leave, or have left; 0 is all of them.
func (c Claim) Quantity() int64 {
	switch {
	case c.effect.Claim != "":
		return c.effect.Quantity
	case c.accepted.Claim != "":
		return c.accepted.Quantity
	}
	return c.requested.Quantity
}

// EffectiveOn returns the day on which the shares leave.
func (c Claim) EffectiveOn() calendar.Date { return c.requested.EffectiveOn }

// Value returns what the shares were found to be worth, and whether that is known.
func (c Claim) Value() (money.Money, bool) { return c.valued.Value, c.valued.Claim != "" }

// Waiting returns what is owed and not released.
func (c Claim) Waiting() money.Money { return c.waiting }

// Released returns what can be paid out and is not paid.
func (c Claim) Released() money.Money { return c.released }

// Owed returns all that is owed and not paid.
func (c Claim) Owed() money.Money { return c.waiting.Plus(c.released) }

// Unpaid returns what was called on the shares before they left, and is owed to the
// co-op yet.
func (c Claim) Unpaid() money.Money { return c.unpaid }

// Open reports whether shares have left by a day for which something is owed yet, or
// will be once they are valued.
func (c Claim) Open(on calendar.Date) bool {
	if c.effect.Claim == "" || c.reversed.Claim != "" || c.effect.On.After(on) {
		return false
	}
	return c.valued.Claim == "" || c.Owed().IsPositive()
}

// bound returns the pledges and attachments that came with the shares and hold yet.
func (c Claim) bound() (bound []RestrictionID) {
	for _, r := range c.effect.Restrictions {
		if _, freed := c.freed[r]; !freed {
			bound = append(bound, r)
		}
	}
	return bound
}

type claimEvent = domain.Event[Claim]

// ExitRequested is a holder giving shares back, or leaving the co-op with them.
type ExitRequested struct {
	Claim           ClaimID        `json:"claim"`
	Party           domain.PartyID `json:"party"`
	Class           domain.ClassID `json:"class"`
	Reason          ExitReason     `json:"reason"`
	Quantity        int64          `json:"quantity,omitempty"` // 0: all shares held when they leave
	Held            int64          `json:"held"`               // when it was asked for
	On              calendar.Date  `json:"on"`                 // that notice was given, or that it was decided or learnt
	EffectiveOn     calendar.Date  `json:"effective_on"`       // the day on which they leave
	Capped          bool           `json:"capped,omitempty"`   // it must be accepted, as the statutes let only so many leave in a year
	RestOf          ClaimID        `json:"rest_of,omitempty"`  // of which these shares are the rest that was not accepted
	StatutesVersion int            `json:"statutes_version"`
}

func (e ExitRequested) Evolve(c Claim) Claim {
	c.requested = e
	return c
}

// ExitAccepted says how many of the shares leave in this year.
type ExitAccepted struct {
	Claim    ClaimID        `json:"claim"`
	Party    domain.PartyID `json:"party"`
	Class    domain.ClassID `json:"class"`
	Asked    int64          `json:"asked"`
	Quantity int64          `json:"quantity"`       // that leave
	Rest     ClaimID        `json:"rest,omitempty"` // by which the others do, later
	Decision string         `json:"decision"`
	On       calendar.Date  `json:"on"`
}

func (e ExitAccepted) Evolve(c Claim) Claim {
	c.accepted = e
	return c
}

// ExitWithdrawn takes a request back.
type ExitWithdrawn struct {
	Claim ClaimID        `json:"claim"`
	Party domain.PartyID `json:"party"`
	Class domain.ClassID `json:"class"`
	On    calendar.Date  `json:"on"`
}

func (e ExitWithdrawn) Evolve(c Claim) Claim {
	c.withdrawn = e
	return c
}

// Left takes shares out of the register that were given back. In the books it stands
// on BookedOn, where their day lies in a year that is closed, or something that came
// after it was reversed.
type Left struct {
	Claim           ClaimID        `json:"claim"`
	Party           domain.PartyID `json:"party"`
	Class           domain.ClassID `json:"class"`
	Reason          ExitReason     `json:"reason"`
	Quantity        int64          `json:"quantity"`
	Lots            []Lot          `json:"lots"`
	On              calendar.Date  `json:"on"` // at the end of which they left
	BookedOn        calendar.Date  `json:"booked_on,omitzero"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e Left) Evolve(h Holding) Holding {
	h.lots = h.without(e.Lots, later(e.On, e.BookedOn))
	h.exits = set(h.exits, e.Claim, e)
	return h
}

// ExitTookEffect says with which shares a claim took effect.
type ExitTookEffect struct {
	Claim        ClaimID         `json:"claim"`
	Party        domain.PartyID  `json:"party"`
	Class        domain.ClassID  `json:"class"`
	Quantity     int64           `json:"quantity"`
	Lots         []Lot           `json:"lots"`
	Left         money.Money     `json:"left"`                   // of what was paid on them, after losses
	Unpaid       money.Money     `json:"unpaid,omitzero"`        // that was called on them, and stays owed
	Restrictions []RestrictionID `json:"restrictions,omitempty"` // pledges and attachments, which bind the claim now
	On           calendar.Date   `json:"on"`
	BookedOn     calendar.Date   `json:"booked_on,omitzero"`
}

func (e ExitTookEffect) Evolve(c Claim) Claim {
	c.effect, c.unpaid, c.last = e, e.Unpaid, later(e.On, e.BookedOn)
	return c
}

// ExitReversed says that an exit was a mistake: the shares are back.
type ExitReversed struct {
	Claim    ClaimID        `json:"claim"`
	Party    domain.PartyID `json:"party"`
	Class    domain.ClassID `json:"class"`
	Reversal ReversalID     `json:"reversal"`
	Left     money.Money    `json:"left"`            // of what was paid on them
	Unpaid   money.Money    `json:"unpaid,omitzero"` // that was called on them
	Value    money.Money    `json:"value,omitzero"`  // that is not owed any more
	On       calendar.Date  `json:"on"`
}

func (e ExitReversed) Evolve(c Claim) Claim {
	c.reversed = e
	c.unpaid, c.waiting = money.Money{}, money.Money{}
	return c
}

// ExitValued fixes what is owed for shares that have left.
type ExitValued struct {
	Claim           ClaimID         `json:"claim"`
	Party           domain.PartyID  `json:"party"`
	Class           domain.ClassID  `json:"class"`
	Quantity        int64           `json:"quantity"`
	Valuation                       // how it was found
	Accounts        calendar.Period `json:"accounts"` // the fiscal year whose accounts it was found by
	On              calendar.Date   `json:"on"`
	StatutesVersion int             `json:"statutes_version"`
}

func (e ExitValued) Evolve(c Claim) Claim {
	c.valued, c.waiting, c.last = e, e.Value, later(c.last, e.On)
	return c
}

// Valuation is how the value of shares was found.
type Valuation struct {
	Left      money.Money `json:"left"`                // of what was paid on them
	Loss      money.Money `json:"loss,omitzero"`       // their part of the losses of the year
	NetAssets money.Money `json:"net_assets,omitzero"` // their part of the net assets, where that counts
	Value     money.Money `json:"value"`
}

// ValueOf returns what shares are worth by the statutes and the accounts.
func ValueOf(class domain.ClassID, quantity int64, left money.Money, s statutes.Statutes, a AccountsApproved) Valuation {
	v := Valuation{Left: left, Value: left}
	if s.Shares.ExitValue == statutes.NetAssets || s.Shares.Exit.NetAssetsCap {
		v.NetAssets = a.part(a.NetAssets, class, quantity)
	}
	switch {
	case s.Shares.ExitValue == statutes.NetAssets:
		v.Value = v.NetAssets
	case s.Shares.Exit.Losses:
		v.Loss = a.part(a.Loss, class, quantity)
		v.Value = most(left.Minus(v.Loss), money.New(0, left.Currency()))
	}
	if s.Shares.Exit.NetAssetsCap && v.Value.Compare(v.NetAssets) > 0 {
		v.Value = v.NetAssets
	}
	return v
}

// UnpaidCollected is money paid on what was called before the shares left. The
// shares are worth so much more for it, as far as their value was not bounded.
type UnpaidCollected struct {
	Claim     ClaimID        `json:"claim"`
	Party     domain.PartyID `json:"party"`
	Class     domain.ClassID `json:"class"`
	Amount    money.Money    `json:"amount"`
	Value     money.Money    `json:"value,omitzero"` // that is owed for the shares in addition
	Reference string         `json:"reference"`
	On        calendar.Date  `json:"on"`
}

func (e UnpaidCollected) Evolve(c Claim) Claim {
	c.unpaid, c.waiting = c.unpaid.Minus(e.Amount), c.waiting.Plus(e.Value)
	c.valued.Left, c.valued.Value = c.valued.Left.Plus(e.Amount), c.valued.Value.Plus(e.Value)
	c.collected, c.last = set(c.collected, e.Reference, e), later(c.last, e.On)
	return c
}

// UnpaidWaived gives up what was called before the shares left.
type UnpaidWaived struct {
	Claim    ClaimID        `json:"claim"`
	Party    domain.PartyID `json:"party"`
	Class    domain.ClassID `json:"class"`
	Amount   money.Money    `json:"amount"`
	Decision string         `json:"decision"`
	On       calendar.Date  `json:"on"`
}

func (e UnpaidWaived) Evolve(c Claim) Claim {
	c.unpaid, c.waived, c.last = c.unpaid.Minus(e.Amount), e, later(c.last, e.On)
	return c
}

// RequestExit gives shares back. Of the holder's own will they leave when the
// statutes say, and what comes too late for this year counts for the next; by
// exclusion, death or dissolution they leave on the day on which that takes effect,
// however late it is learnt.
type RequestExit struct {
	Claim       ClaimID
	Party       domain.PartyID
	Class       domain.ClassID
	Reason      ExitReason
	Quantity    int64         // 0: all
	On          calendar.Date // that notice is given, or that it is decided or learnt
	EffectiveOn calendar.Date // the last day of the membership, where that ends; no day for when the statutes let shares leave
	Founded     calendar.Date // the day on which the holder founded the co-op; no day for who did not
	Needed      int64         // shares that services which go on need to back them
	Statutes    statutes.Statutes
}

func (c RequestExit) Streams() (holding, claim domain.Stream) {
	return StreamOf(c.Party, c.Class), ExitStream(c.Claim)
}

func (c RequestExit) Decide(h Holding, claim Claim) ([]event, []claimEvent, error) {
	if was := claim.requested; was.Claim != "" {
		same := was.Quantity == c.Quantity || was.Quantity == 0 && was.Held == c.Quantity
		if same && was.Party == c.Party && was.Class == c.Class && was.Reason == c.Reason && was.On == c.On {
			return nil, nil, nil
		}
		return nil, nil, ErrClaim.With("claim", c.Claim)
	}
	if err := given(c.Party, max(c.Quantity, 1), c.On, c.Statutes.Version, string(c.Claim), "claim"); err != nil {
		return nil, nil, err
	}
	leaves := c.EffectiveOn
	if leaves.IsZero() && c.Reason == Resigned {
		leaves = c.Statutes.SharesLeave(c.On)
	}
	class, known := c.Statutes.Class(c.Class)
	held := h.Held()
	switch {
	case !known:
		return nil, nil, ErrNoSuchClass.With("class", c.Class)
	case !c.Reason.Valid():
		return nil, nil, ErrIncomplete.With("missing", "reason")
	case leaves.IsZero() || c.Quantity < 0:
		return nil, nil, ErrIncomplete.With("missing", "date")
	case held == 0 || c.Quantity > held:
		return nil, nil, ErrTooFew.With("held", held)
	}
	quantity := c.Quantity
	if quantity == held {
		quantity = 0
	}
	if c.Reason == Resigned {
		if err := c.voluntary(h, class, leaves, quantity); err != nil {
			return nil, nil, err
		}
	}
	caps := c.Statutes.Shares.Exit
	return nil, []claimEvent{ExitRequested{
		Claim: c.Claim, Party: c.Party, Class: c.Class, Reason: c.Reason, Quantity: quantity, Held: held, On: c.On, EffectiveOn: leaves,
		Capped: c.Reason == Resigned && !(caps.CapitalCap.IsZero() && caps.MembersCap.IsZero()), StatutesVersion: c.Statutes.Version,
	}}, nil
}

// voluntary reports why a holder may not give back shares of their own will: so many,
// or all for 0.
func (c RequestExit) voluntary(h Holding, class statutes.Class, leaves calendar.Date, quantity int64) error {
	held := h.Held()
	if from := c.Statutes.FoundersMayResign(c.Founded); !c.Founded.IsZero() && c.On.Before(from) {
		return ErrFounder.With("from", from)
	}
	if leaves.Before(c.On) {
		return ErrTooEarly.With("earliest", c.On)
	}
	if quantity == 0 {
		return h.backs(c.Needed, held)
	}
	if !c.Statutes.Shares.PartialExit {
		return ErrAllOrNone.With("held", held)
	}
	if err := within(class, held+h.Subscribed()-quantity); err != nil {
		return err
	}
	return h.backs(c.Needed, quantity)
}

// AcceptExit says how many of the shares of a claim leave this year ([Reduce]), where
// the statutes bound that. The rest is not refused: it leaves in the next window, by
// a claim of its own.
type AcceptExit struct {
	Claim    ClaimID
	Rest     ClaimID // that is made of the rest, if there is one
	Asked    int64   // shares that were to leave: those held, if all were
	Quantity int64   // that leave
	Decision string
	On       calendar.Date
	Statutes statutes.Statutes
}

func (c AcceptExit) Streams() (claim, rest domain.Stream) {
	return ExitStream(c.Claim), ExitStream(c.Rest)
}

func (c AcceptExit) Decide(claim, rest Claim) ([]claimEvent, []claimEvent, error) {
	r, leave := claim.requested, c.Quantity
	if c.Quantity == c.Asked {
		leave, c.Rest = r.Quantity, "" // all that there will be, if all were to leave
	}
	if a := claim.accepted; a.Claim != "" && a.Quantity == leave && a.Asked == c.Asked && a.On == c.On && a.Rest == c.Rest {
		return nil, nil, nil
	}
	switch {
	case r.Claim == "":
		return nil, nil, ErrNoClaim.With("claim", c.Claim)
	case claim.State() != ClaimRequested || claim.accepted.Claim != "" || !r.Capped:
		return nil, nil, ErrClaimState.With("state", claim.State())
	case c.Statutes.Version == 0:
		return nil, nil, ErrIncomplete.With("missing", "the statutes in force")
	case c.Decision == "":
		return nil, nil, ErrIncomplete.With("missing", "decision")
	case c.Asked < 1 || r.Quantity > 0 && c.Asked != r.Quantity:
		return nil, nil, ErrIncomplete.With("missing", "quantity")
	case c.Quantity < 0 || c.Quantity > c.Asked:
		return nil, nil, ErrAccepted.With("asked", c.Asked)
	case c.On.Before(r.On):
		return nil, nil, ErrTooEarly.With("earliest", r.On)
	}
	e := ExitAccepted{c.Claim, r.Party, r.Class, c.Asked, leave, c.Rest, c.Decision, c.On}
	if c.Quantity == c.Asked {
		return []claimEvent{e}, nil, nil
	}
	if c.Rest == "" || rest.requested.Claim != "" {
		return nil, nil, ErrClaim.With("claim", c.Rest)
	}
	next := r
	next.Claim, next.RestOf, next.StatutesVersion = c.Rest, c.Claim, c.Statutes.Version
	next.EffectiveOn = c.Statutes.SharesLeave(c.Statutes.FiscalYear(r.EffectiveOn).Through.AddDays(1))
	if r.Quantity > 0 {
		next.Quantity = c.Asked - c.Quantity
	}
	return []claimEvent{e}, []claimEvent{next}, nil
}

// WithdrawExit takes a request back before it takes effect. That whoever leaves the
// co-op stays in it is for the membership to say.
type WithdrawExit struct {
	Claim ClaimID
	On    calendar.Date
}

func (c WithdrawExit) Stream() domain.Stream { return ExitStream(c.Claim) }

func (c WithdrawExit) Decide(claim Claim) ([]claimEvent, error) {
	r := claim.requested
	switch {
	case claim.withdrawn.Claim != "" && claim.withdrawn.On == c.On:
		return nil, nil
	case r.Claim == "":
		return nil, ErrNoClaim.With("claim", c.Claim)
	case claim.State() != ClaimRequested:
		return nil, ErrClaimState.With("state", claim.State())
	case c.On.Before(r.On):
		return nil, ErrTooEarly.With("earliest", r.On)
	}
	return []claimEvent{ExitWithdrawn{c.Claim, r.Party, r.Class, c.On}}, nil
}

// TakeEffect has the shares of a claim leave: on their day, even if that is learnt
// later. What was paid on them after that day, called or charged is reversed first: it
// should not have come. What was called before and is not paid stays owed.
type TakeEffect struct {
	Claim    ClaimID
	Party    domain.PartyID
	Class    domain.ClassID
	On       calendar.Date // that it is entered
	Statutes statutes.Statutes
	Closed   calendar.Date // the last day of the books that are closed
}

func (c TakeEffect) Streams() (holding, claim domain.Stream) {
	return StreamOf(c.Party, c.Class), ExitStream(c.Claim)
}

func (c TakeEffect) Decide(h Holding, claim Claim) ([]event, []claimEvent, error) {
	r := claim.requested
	switch {
	case r.Claim == "" || r.Party != c.Party || r.Class != c.Class:
		return nil, nil, ErrNoClaim.With("claim", c.Claim)
	case claim.effect.Claim != "" && claim.reversed.Claim == "":
		return nil, nil, nil
	case claim.State() != ClaimRequested:
		return nil, nil, ErrClaimState.With("state", claim.State())
	case c.Statutes.Version == 0:
		return nil, nil, ErrIncomplete.With("missing", "the statutes in force")
	case r.Capped && claim.accepted.Claim == "":
		return nil, nil, ErrCapped
	case c.On.Before(r.EffectiveOn):
		return nil, nil, ErrNotDue.With("on", r.EffectiveOn)
	}
	if err := open(c.On, c.Closed); err != nil {
		return nil, nil, err
	}
	left, restrictions, err := c.lots(h, claim)
	if err != nil {
		return nil, nil, err
	}
	return []event{left}, []claimEvent{left.claim(restrictions)}, nil
}

// lots returns which shares leave, and the pledges and attachments that bind the claim
// from then on: nobody frees shares from these by leaving with them.
func (c TakeEffect) lots(h Holding, claim Claim) (left Left, restrictions []RestrictionID, err error) {
	r, held := claim.requested, h.Held()
	quantity := claim.Quantity()
	if quantity == 0 || quantity > held {
		quantity = held
	}
	if held == 0 {
		return left, nil, ErrTooFew.With("held", held)
	}
	if r.Reason == Resigned {
		if err := h.free(quantity); err != nil {
			return left, nil, err
		}
	} else {
		for _, n := range h.Restrictions() {
			if n.Kind.binds() {
				restrictions = append(restrictions, n.Restriction)
			}
		}
	}
	lots, late, err := h.takeLate(c.Party, quantity, r.EffectiveOn, c.On)
	if err != nil {
		return left, nil, err
	}
	left = Left{
		Claim: c.Claim, Party: c.Party, Class: c.Class, Reason: r.Reason, Quantity: quantity, Lots: lots, On: r.EffectiveOn,
		StatutesVersion: c.Statutes.Version,
	}
	if late || !left.On.After(c.Closed) {
		left.BookedOn = c.On
	}
	return left, restrictions, nil
}

// claim returns the other half of it.
func (e Left) claim(restrictions []RestrictionID) ExitTookEffect {
	t := ExitTookEffect{
		Claim: e.Claim, Party: e.Party, Class: e.Class, Quantity: e.Quantity, Lots: e.Lots, Restrictions: restrictions, On: e.On, BookedOn: e.BookedOn,
	}
	for _, l := range e.Lots {
		t.Left, t.Unpaid = t.Left.Plus(l.Left()), t.Unpaid.Plus(l.Unpaid())
	}
	return t
}

// ReverseExit gives back shares that should not have left, like those of somebody
// who lives after all. Nothing may have been released for them.
type ReverseExit struct {
	Reversal ReversalID
	Claim    ClaimID
	Party    domain.PartyID
	Class    domain.ClassID
	Document string
	On       calendar.Date
	Closed   calendar.Date // the last day of the books that are closed
}

func (c ReverseExit) Streams() (holding, claim domain.Stream) {
	return StreamOf(c.Party, c.Class), ExitStream(c.Claim)
}

func (c ReverseExit) Decide(h Holding, claim Claim) ([]event, []claimEvent, error) {
	of := string(c.Claim)
	done, err := h.reversal(c.Reversal, EntryExit, of, c.Document, c.On, c.Closed)
	if done || err != nil {
		return nil, nil, err
	}
	was, left := h.exits[c.Claim]
	t := claim.effect
	switch {
	case h.undone(EntryExit, of):
		return nil, nil, ErrReversed.With("entry", EntryExit).With("of", of)
	case !left || t.Party != c.Party:
		return nil, nil, ErrNoEntry.With("entry", EntryExit).With("of", of)
	case len(claim.releases)+len(claim.setOffs)+len(claim.collected) > 0 || claim.waived.Claim != "":
		return nil, nil, ErrClaimState.With("state", claim.State())
	case c.On.Before(claim.last):
		return nil, nil, ErrTooEarly.With("earliest", claim.last)
	}
	if err := h.joins(was.Lots, c.On); err != nil {
		return nil, nil, err
	}
	back := Reversed{
		Reversal: c.Reversal, Entry: EntryExit, Of: of, Party: c.Party, Class: c.Class, Quantity: was.Quantity, Lots: was.Lots,
		EntryOn: was.On, Document: c.Document, On: c.On,
	}
	return []event{back}, []claimEvent{ExitReversed{c.Claim, c.Party, c.Class, c.Reversal, t.Left, t.Unpaid, claim.valued.Value, c.On}}, nil
}

// ValueExit fixes what is owed for shares that have left.
type ValueExit struct {
	Claim    ClaimID
	Accounts Accounts
	On       calendar.Date
	Statutes statutes.Statutes // in force on the day on which the shares left
}

func (c ValueExit) Stream() domain.Stream { return ExitStream(c.Claim) }

func (c ValueExit) Decide(claim Claim) ([]claimEvent, error) {
	t := claim.effect
	switch state := claim.State(); {
	case state == ClaimNone:
		return nil, ErrNoClaim.With("claim", c.Claim)
	case claim.valued.Claim != "" && claim.valued.On == c.On:
		return nil, nil
	case state != ClaimEffective:
		return nil, ErrClaimState.With("state", state)
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	}
	if err := claim.after(c.On); err != nil {
		return nil, err
	}
	if err := open(c.On, c.Accounts.ClosedThrough()); err != nil {
		return nil, err
	}
	accounts, approved := c.Accounts.Last(c.On)
	year := c.Statutes.FiscalYear(t.On)
	if c.Statutes.Shares.Exit.Accounts == statutes.YearOfExit {
		accounts, approved = c.Accounts.Of(year, c.On)
	}
	if !approved && needsAccounts(c.Statutes.Shares) {
		return nil, ErrAccountsMissing.With("year", year)
	}
	return []claimEvent{ExitValued{
		Claim: c.Claim, Party: t.Party, Class: t.Class, Quantity: t.Quantity, Valuation: ValueOf(t.Class, t.Quantity, t.Left, c.Statutes, accounts),
		Accounts: accounts.Year, On: c.On, StatutesVersion: c.Statutes.Version,
	}}, nil
}

// CollectUnpaid records money paid on what was called before the shares left.
type CollectUnpaid struct {
	Claim     ClaimID
	Amount    money.Money
	Reference string
	On        calendar.Date
	Statutes  statutes.Statutes // in force on the day on which the shares left
	Accounts  Accounts
}

func (c CollectUnpaid) Stream() domain.Stream { return ExitStream(c.Claim) }

func (c CollectUnpaid) Decide(claim Claim) ([]claimEvent, error) {
	if was, recorded := claim.collected[c.Reference]; recorded {
		if was.Amount == c.Amount && was.On == c.On {
			return nil, nil
		}
		return nil, ErrPaid.With("reference", c.Reference)
	}
	v := claim.valued
	switch {
	case claim.requested.Claim == "":
		return nil, ErrNoClaim.With("claim", c.Claim)
	case v.Claim == "" || claim.reversed.Claim != "":
		return nil, ErrClaimState.With("state", claim.State())
	case c.Reference == "":
		return nil, ErrIncomplete.With("missing", "reference")
	case !c.Amount.IsPositive():
		return nil, ErrIncomplete.With("missing", "amount")
	case c.Amount.Minor() > claim.unpaid.Minor():
		return nil, ErrNotOwed.With("owed", claim.unpaid)
	case c.Amount.Currency() != claim.unpaid.Currency():
		return nil, ErrCurrency.With("currency", claim.unpaid.Currency())
	}
	if err := claim.after(c.On, v.On); err != nil {
		return nil, err
	}
	if err := open(c.On, c.Accounts.ClosedThrough()); err != nil {
		return nil, err
	}
	accounts, _ := c.Accounts.Of(v.Accounts, c.On)
	more := ValueOf(v.Class, v.Quantity, v.Left.Plus(c.Amount), c.Statutes, accounts).Value.Minus(v.Value)
	return []claimEvent{UnpaidCollected{c.Claim, v.Party, v.Class, c.Amount, most(more, money.Money{}), c.Reference, c.On}}, nil
}

// WaiveUnpaid gives up what was called before the shares left.
type WaiveUnpaid struct {
	Claim    ClaimID
	Decision string
	On       calendar.Date
	Closed   calendar.Date // the last day of the books that are closed
}

func (c WaiveUnpaid) Stream() domain.Stream { return ExitStream(c.Claim) }

func (c WaiveUnpaid) Decide(claim Claim) ([]claimEvent, error) {
	t := claim.effect
	switch {
	case claim.waived.Claim != "" && claim.waived.Decision == c.Decision && claim.waived.On == c.On:
		return nil, nil
	case claim.requested.Claim == "":
		return nil, ErrNoClaim.With("claim", c.Claim)
	case !claim.unpaid.IsPositive():
		return nil, ErrNotOwed.With("owed", claim.unpaid)
	case c.Decision == "":
		return nil, ErrIncomplete.With("missing", "decision")
	}
	if err := claim.after(c.On); err != nil {
		return nil, err
	}
	if err := open(c.On, c.Closed); err != nil {
		return nil, err
	}
	return []claimEvent{UnpaidWaived{c.Claim, t.Party, t.Class, claim.unpaid, c.Decision, c.On}}, nil
}

// needsAccounts reports whether shares are valued by annual accounts.
func needsAccounts(s statutes.Shares) bool {
	return s.ExitValue == statutes.NetAssets || s.Exit.NetAssetsCap || s.Exit.Accounts == statutes.YearOfExit
}

// Asking is what a claim wants to take out in a year in which only so much may leave.
type Asking struct {
	Quantity int64       // of shares
	Left     money.Money // of what was paid on all of them
	Leaves   bool        // a member, who gives back all of them
}

// Caps are what may leave in a fiscal year by resignation. The zero value is no bound.
type Caps struct {
	OfCapital, OfMembers bool // which are bounded
	Capital              money.Money
	Members              int64
}

// CapsOf returns what may leave, by the statutes, where so much was contributed and
// there were so many members at the beginning of the year.
func CapsOf(s statutes.Statutes, contributed money.Money, members int64) Caps {
	e := s.Shares.Exit
	return Caps{
		OfCapital: !e.CapitalCap.IsZero(), Capital: money.New(e.CapitalCap.Floor(contributed.Minor()), contributed.Currency()),
		OfMembers: !e.MembersCap.IsZero(), Members: e.MembersCap.Floor(members),
	}
}

// Reduce returns how many shares of each claim leave in a year: all of them if that
// is within the caps, or else as many in proportion. What does not divide goes to the
// largest remainders and, among equals, to who asked first.
func Reduce(asking []Asking, caps Caps) []int64 {
	var shares, leaving, capital int64
	weights := make([]decimal.Decimal, len(asking))
	for i, a := range asking {
		shares, capital, weights[i] = shares+a.Quantity, capital+a.Left.Minor(), decimal.NewFromInt(a.Quantity)
		if a.Leaves {
			leaving++
		}
	}
	target := shares
	if caps.OfCapital && capital > caps.Capital.Minor() {
		target = min(target, share(shares, caps.Capital.Minor(), capital))
	}
	if caps.OfMembers && leaving > caps.Members {
		target = min(target, share(shares, caps.Members, leaving))
	}
	accepted := make([]int64, len(asking))
	if shares == 0 {
		return accepted
	}
	for i, part := range money.New(target, caps.Capital.Currency()).Allocate(weights...) {
		accepted[i] = part.Minor()
	}
	// Whole shares do not always fit: the last who got one more than their part waits.
	capital, leaving = 0, 0
	for i, a := range asking {
		capital += share(a.Left.Minor(), accepted[i], max(a.Quantity, 1))
		if a.Leaves && accepted[i] == a.Quantity {
			leaving++
		}
	}
	for i := len(asking) - 1; i >= 0; i-- {
		a := asking[i]
		full := a.Leaves && accepted[i] == a.Quantity
		if accepted[i] == 0 || !(caps.OfCapital && capital > caps.Capital.Minor()) && !(caps.OfMembers && full && leaving > caps.Members) {
			continue
		}
		capital -= share(a.Left.Minor(), accepted[i], a.Quantity) - share(a.Left.Minor(), accepted[i]-1, a.Quantity)
		accepted[i]--
		if full {
			leaving--
		}
	}
	return accepted
}
