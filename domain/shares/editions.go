package shares

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// The shapes that events had in earlier editions.

// lotV1 knew neither calls nor losses.
type lotV1 struct {
	Subscription SubscriptionID `json:"subscription"`
	Subscriber   domain.PartyID `json:"subscriber"`
	AcquiredOn   calendar.Date  `json:"acquired_on"`
	Quantity     int64          `json:"quantity"`
	Price        money.Money    `json:"price"`
	Paid         money.Money    `json:"paid"`
}

func lotsOfV1(old []lotV1) []Lot {
	lots := make([]Lot, len(old))
	for i, l := range old {
		lots[i] = Lot{
			Subscription: l.Subscription, Subscriber: l.Subscriber, AcquiredOn: l.AcquiredOn, Quantity: l.Quantity, Price: l.Price, Paid: l.Paid,
		}
	}
	return lots
}

// paidV1 was always by the holder, through the bank, on a subscription of theirs.
type paidV1 struct {
	Subscription SubscriptionID `json:"subscription"`
	Party        domain.PartyID `json:"party"`
	Class        domain.ClassID `json:"class"`
	Amount       money.Money    `json:"amount"`
	On           calendar.Date  `json:"on"`
	Reference    string         `json:"reference"`
}

func (e paidV1) next() Paid {
	return Paid{Subscription: e.Subscription, Party: e.Party, Class: e.Class, Amount: e.Amount, On: e.On, Reference: e.Reference}
}

// transferredOutV1 told neither the kind of the transfer nor who had signed it.
type transferredOutV1 struct {
	Transfer        TransferID     `json:"transfer"`
	Party           domain.PartyID `json:"party"`
	To              domain.PartyID `json:"to"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Lots            []lotV1        `json:"lots"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e transferredOutV1) next() TransferredOut {
	return TransferredOut{
		Transfer: e.Transfer, Party: e.Party, To: e.To, Class: e.Class, Quantity: e.Quantity, Lots: lotsOfV1(e.Lots), On: e.On,
		StatutesVersion: e.StatutesVersion,
	}
}

// transferredInV1 is the other half of [transferredOutV1].
type transferredInV1 struct {
	Transfer        TransferID     `json:"transfer"`
	Party           domain.PartyID `json:"party"`
	From            domain.PartyID `json:"from"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Lots            []lotV1        `json:"lots"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e transferredInV1) next() TransferredIn {
	return TransferredIn{
		Transfer: e.Transfer, Party: e.Party, From: e.From, Class: e.Class, Quantity: e.Quantity, Lots: lotsOfV1(e.Lots), On: e.On,
		StatutesVersion: e.StatutesVersion,
	}
}

// redeemedV1 had lots that knew neither calls nor losses.
type redeemedV1 struct {
	Redemption      RedemptionID   `json:"redemption"`
	Party           domain.PartyID `json:"party"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Lots            []lotV1        `json:"lots"`
	Value           money.Money    `json:"value"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e redeemedV1) next() Redeemed {
	return Redeemed{
		Redemption: e.Redemption, Party: e.Party, Class: e.Class, Quantity: e.Quantity, Lots: lotsOfV1(e.Lots), Value: e.Value, On: e.On,
		StatutesVersion: e.StatutesVersion,
	}
}
