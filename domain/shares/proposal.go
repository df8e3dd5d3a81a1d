package shares

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
)

// The rules about proposals.
var (
	ErrProposed   = domain.Refusal{Code: "shares.proposed", Reason: "the transfer {transfer} was proposed on other terms: use another id"}
	ErrNoProposal = domain.Refusal{Code: "shares.no_proposal", Reason: "no proposal {transfer} waits to be signed or carried out"}
	ErrNotParty   = domain.Refusal{Code: "shares.not_party", Reason: "a transfer is signed by who gives the shares and by who receives them, each for themselves"}
)

// ProposalStream returns the stream of the proposal of a transfer.
func ProposalStream(id TransferID) domain.Stream { return domain.StreamOf("proposal", string(id)) }

// Proposal is a transfer that two have in mind and sign, before it is entered in the
// register. It binds nobody: the shares are free until then.
type Proposal struct {
	proposed TransferProposed
	signed   []Signature
	ended    TransferProposalEnded
}

// Proposed returns what is proposed, and whether it still waits.
func (p Proposal) Proposed() (TransferProposed, bool) {
	return p.proposed, p.proposed.Transfer != "" && p.ended.Transfer == ""
}

// Signed returns the signatures under it.
func (p Proposal) Signed() []Signature { return slices.Clone(p.signed) }

// ProposalOutcome is what became of a proposal.
type ProposalOutcome string

const (
	ProposalMade      ProposalOutcome = "made"      // it was entered in the register, or agreed until the receiver is admitted
	ProposalWithdrawn ProposalOutcome = "withdrawn" // by who gives
	ProposalDeclined  ProposalOutcome = "declined"  // by who was to receive, or by the co-op
)

// Valid reports whether it is one of these.
func (o ProposalOutcome) Valid() bool {
	return o == ProposalMade || o == ProposalWithdrawn || o == ProposalDeclined
}

// TransferProposed says which shares are to pass on.
type TransferProposed struct {
	Transfer TransferID     `json:"transfer"`
	From     domain.PartyID `json:"from"`
	To       domain.PartyID `json:"to"`
	Class    domain.ClassID `json:"class"`
	Quantity int64          `json:"quantity"`
	Kind     TransferKind   `json:"kind"`
	On       calendar.Date  `json:"on"`
}

func (e TransferProposed) Evolve(Proposal) Proposal { return Proposal{proposed: e} }

// TransferSigned puts a signature under a proposal.
type TransferSigned struct {
	Transfer TransferID     `json:"transfer"`
	From     domain.PartyID `json:"from"`
	To       domain.PartyID `json:"to"`
	Signature
}

func (e TransferSigned) Evolve(p Proposal) Proposal {
	p.signed = append(slices.Clip(p.signed), e.Signature)
	return p
}

// TransferProposalEnded says what became of a proposal.
type TransferProposalEnded struct {
	Transfer TransferID      `json:"transfer"`
	From     domain.PartyID  `json:"from"`
	To       domain.PartyID  `json:"to"`
	Outcome  ProposalOutcome `json:"outcome"`
	On       calendar.Date   `json:"on"`
}

func (e TransferProposalEnded) Evolve(p Proposal) Proposal {
	p.ended = e
	return p
}

type proposalEvent = domain.Event[Proposal]

// ProposeTransfer is one of the two saying which shares are to pass on, and signing
// for their side. Whether they may pass on is seen when it is carried out.
type ProposeTransfer struct {
	Transfer TransferID
	From, To domain.PartyID
	Class    domain.ClassID
	Quantity int64
	Kind     TransferKind
	Signed   Signature
	On       calendar.Date
	Statutes statutes.Statutes
}

func (c ProposeTransfer) Stream() domain.Stream { return ProposalStream(c.Transfer) }

func (c ProposeTransfer) Decide(p Proposal) ([]proposalEvent, error) {
	e := TransferProposed{c.Transfer, c.From, c.To, c.Class, c.Quantity, c.Kind, c.On}
	if was := p.proposed; was.Transfer != "" {
		if was == e && slices.Contains(p.signed, c.Signed) {
			return nil, nil
		}
		return nil, ErrProposed.With("transfer", c.Transfer)
	}
	_, known := c.Statutes.Class(c.Class)
	switch {
	case c.Transfer == "":
		return nil, ErrIncomplete.With("missing", "transfer")
	case c.From == "" || c.To == "":
		return nil, ErrIncomplete.With("missing", "party")
	case c.From == c.To:
		return nil, ErrSelf
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case !known:
		return nil, ErrNoSuchClass.With("class", c.Class)
	case c.Quantity < 1 || c.Quantity > maxQuantity:
		return nil, ErrIncomplete.With("missing", "quantity")
	case !c.Kind.Valid():
		return nil, ErrIncomplete.With("missing", "kind")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	}
	if err := c.Signed.under(e); err != nil {
		return nil, err
	}
	return []proposalEvent{e, TransferSigned{c.Transfer, c.From, c.To, c.Signed}}, nil
}

// under reports why a signature is none under a proposal.
func (s Signature) under(p TransferProposed) error {
	switch {
	case !s.As.Valid() || s.By == "" || s.On.IsZero() || s.On.Before(p.On) || !s.How.Valid():
		return ErrIncomplete.With("missing", "signature")
	case !slices.Contains(p.Kind.signatories(), s.As) || s.As == AsBoard:
		return ErrNotParty
	}
	return nil
}

// SignTransfer is the other of the two signing. That who signs may do so for that
// side is for whoever executes it to know.
type SignTransfer struct {
	Transfer TransferID
	Signed   Signature
}

func (c SignTransfer) Stream() domain.Stream { return ProposalStream(c.Transfer) }

func (c SignTransfer) Decide(p Proposal) ([]proposalEvent, error) {
	proposed, waits := p.Proposed()
	if slices.ContainsFunc(p.signed, func(s Signature) bool { return s.As == c.Signed.As && s.By == c.Signed.By }) {
		return nil, nil
	}
	if !waits {
		return nil, ErrNoProposal.With("transfer", c.Transfer)
	}
	if err := c.Signed.under(proposed); err != nil {
		return nil, err
	}
	return []proposalEvent{TransferSigned{c.Transfer, proposed.From, proposed.To, c.Signed}}, nil
}

// EndProposal ends a proposal: it was carried out, or nothing comes of it.
type EndProposal struct {
	Transfer TransferID
	Outcome  ProposalOutcome
	On       calendar.Date
}

func (c EndProposal) Stream() domain.Stream { return ProposalStream(c.Transfer) }

func (c EndProposal) Decide(p Proposal) ([]proposalEvent, error) {
	proposed, waits := p.Proposed()
	switch {
	case p.ended.Transfer != "" && p.ended.Outcome == c.Outcome:
		return nil, nil
	case !waits:
		return nil, ErrNoProposal.With("transfer", c.Transfer)
	case !c.Outcome.Valid():
		return nil, ErrIncomplete.With("missing", "reason")
	case c.On.Before(proposed.On):
		return nil, ErrTooEarly.With("earliest", proposed.On)
	}
	return []proposalEvent{TransferProposalEnded{c.Transfer, proposed.From, proposed.To, c.Outcome, c.On}}, nil
}
