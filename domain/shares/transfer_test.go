package shares_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/spec"
	"rochdale/domain/statutes"
)

func second(e any) spec.Second { return spec.Second{Event: e} }

func TestSigningTransfers(t *testing.T) {
	s := rules(t)
	s.Shares.Transfers = statutes.Transfers{Signed: true, Approved: true}
	sign := func(as shares.Signatory, by domain.PartyID, how shares.Signing) shares.Signature {
		return shares.Signature{As: as, By: by, On: day(time.February, 28), How: how}
	}
	both := []shares.Signature{sign(shares.AsTransferor, "ada", shares.OnPaper), sign(shares.AsTransferee, "bert", shares.SignedIn)}
	heirs := []shares.Signature{sign(shares.AsHeir, "bert", shares.Qualified), sign(shares.AsBoard, "dora", shares.OnPaper)}
	transfer := shares.Transfer{
		Transfer: "t1", Kind: shares.Gift, From: "ada", To: "bert", Class: "A", Quantity: 2, Signed: both, Decision: "board 9", On: day(time.March, 1), Statutes: s,
	}
	moved := func(kind shares.TransferKind, signed []shares.Signature, decision string, lots []shares.Lot, n int64) spec.Events {
		return spec.Events{
			shares.TransferredOut{Transfer: "t1", Kind: kind, Party: "ada", To: "bert", Class: "A", Quantity: n, Lots: lots, Signed: signed, Decision: decision, On: day(time.March, 1), StatutesVersion: 4},
			second(shares.TransferredIn{Transfer: "t1", Kind: kind, Party: "bert", From: "ada", Class: "A", Quantity: n, Lots: lots, Signed: signed, Decision: decision, On: day(time.March, 1), StatutesVersion: 4}),
		}
	}
	part := lot
	part.Paid = eur("25.00")
	unsigned := func(change func([]shares.Signature) []shares.Signature) shares.Transfer {
		return with(transfer, func(c *shares.Transfer) { c.Signed = change(append([]shares.Signature{}, both...)) })
	}
	spec.Check2(t, []story2{
		{Rule: "the register has who gave, who received, why, and both signatures", Given: held, When: transfer, Then: moved(shares.Gift, both, "board 9", of(lot, 2), 2)},
		{Rule: "not one of them alone", Given: held, When: unsigned(func(s []shares.Signature) []shares.Signature { return s[:1] }), Refused: shares.ErrNotSigned},
		{Rule: "nor two of the same", Given: held, When: unsigned(func(s []shares.Signature) []shares.Signature { return append(s[:1], s[0]) }), Refused: shares.ErrNotSigned},
		{Rule: "each says who signed", Given: held, When: unsigned(func(s []shares.Signature) []shares.Signature { s[0].By = ""; return s }), Refused: shares.ErrIncomplete},
		{Rule: "and how", Given: held, When: unsigned(func(s []shares.Signature) []shares.Signature { s[0].How = "nod"; return s }), Refused: shares.ErrIncomplete},
		{Rule: "and when, not after the transfer", Given: held, When: unsigned(func(s []shares.Signature) []shares.Signature { s[1].On = day(time.March, 2); return s }), Refused: shares.ErrIncomplete},
		{Rule: "and as what", Given: held, When: unsigned(func(s []shares.Signature) []shares.Signature { s[1].As = "witness"; return s }), Refused: shares.ErrIncomplete},
		{Rule: "a transfer is approved where the statutes want that", Given: held, When: with(transfer, func(c *shares.Transfer) { c.Decision = "" }), Refused: shares.ErrNotApproved},
		{Rule: "its kind is one that there is", Given: held, When: with(transfer, func(c *shares.Transfer) { c.Kind = "theft" }), Refused: shares.ErrIncomplete},
		{
			Rule: "an inheritance is signed by the heir and the board, and needs no approval", Given: held, Then: moved(shares.Inheritance, heirs, "", []shares.Lot{lot}, 4),
			When: with(transfer, func(c *shares.Transfer) { c.Kind, c.Signed, c.Decision, c.Quantity = shares.Inheritance, heirs, "", 4 }),
		},
		{
			Rule: "what is not paid up passes to heirs with the debt", Given: partly, Then: moved(shares.Inheritance, heirs, "", []shares.Lot{part}, 4),
			When: with(transfer, func(c *shares.Transfer) { c.Kind, c.Signed, c.Decision, c.Quantity = shares.Inheritance, heirs, "", 4 }),
		},
		{Rule: "and to nobody else", Given: partly, When: with(transfer, func(c *shares.Transfer) { c.Quantity = 4 }), Refused: shares.ErrNotPaidUp},
		{
			Rule: "a merger of organisations is signed by the successor and the board", Given: held, Refused: shares.ErrNotSigned,
			When: with(transfer, func(c *shares.Transfer) { c.Kind, c.Signed, c.Quantity = shares.Succession, both, 4 }),
		},
		{
			Rule: "that two members are one is for the board to sign", Given: held, Then: moved(shares.Merger, heirs[1:], "", []shares.Lot{lot}, 4),
			When: with(transfer, func(c *shares.Transfer) { c.Kind, c.Signed, c.Decision, c.Quantity = shares.Merger, heirs[1:], "", 4 }),
		},
		{Rule: "shares that back services stay", Given: held, When: with(transfer, func(c *shares.Transfer) { c.Needed = 3 }), Refused: shares.ErrBacking},
		{Rule: "nothing is transferred in a year that is closed", Given: held, When: with(transfer, func(c *shares.Transfer) { c.Closed = day(time.March, 1) }), Refused: shares.ErrClosed},
	})
}

func TestTransferringToANewcomer(t *testing.T) {
	agree := shares.AgreeTransfer{Transfer: "t1", Kind: shares.Sale, From: "ada", To: "bert", Class: "A", Quantity: 2, On: day(time.March, 1), Statutes: rules(t)}
	agreed := shares.TransferAgreed{Transfer: "t1", Kind: shares.Sale, Party: "ada", To: "bert", Class: "A", Quantity: 2, On: day(time.March, 1), StatutesVersion: 4}
	awaited := shares.TransferAwaited{Transfer: "t1", Party: "bert", From: "ada", Class: "A", Quantity: 2, On: day(time.March, 1), StatutesVersion: 4}
	out := shares.TransferredOut{Transfer: "t1", Kind: shares.Sale, Party: "ada", To: "bert", Class: "A", Quantity: 2, Lots: of(lot, 2), On: day(time.March, 20), StatutesVersion: 4}
	in := shares.TransferredIn{Transfer: "t1", Kind: shares.Sale, Party: "bert", From: "ada", Class: "A", Quantity: 2, Lots: of(lot, 2), On: day(time.March, 20), StatutesVersion: 4}
	given := append(held[:3:3], agreed, second(awaited))
	complete := shares.CompleteTransfer{Transfer: "t1", From: "ada", To: "bert", Class: "A", On: day(time.March, 20), Statutes: rules(t)}
	abandon := shares.AbandonTransfer{Transfer: "t1", From: "ada", To: "bert", Class: "A", Why: shares.Refused, On: day(time.March, 20)}
	gaveUp := shares.TransferAbandoned{Transfer: "t1", Party: "ada", Other: "bert", Class: "A", Quantity: -2, Why: shares.Refused, On: day(time.March, 20)}
	hoped := shares.TransferAbandoned{Transfer: "t1", Party: "bert", Other: "ada", Class: "A", Quantity: 2, Why: shares.Refused, On: day(time.March, 20)}
	spec.Check2(t, []story2{
		{Rule: "shares are kept for who is to be admitted first", Given: held, When: agree, Then: spec.Events{agreed, second(awaited)}},
		{Rule: "as they could be transferred now", Given: held, When: with(agree, func(c *shares.AgreeTransfer) { c.Quantity = 5 }), Refused: shares.ErrTooFew},
		{Rule: "what is not paid up is not promised either", Given: partly, When: with(agree, func(c *shares.AgreeTransfer) { c.Quantity = 4 }), Refused: shares.ErrNotPaidUp},
		{Rule: "once", Given: given, When: with(agree, func(c *shares.AgreeTransfer) { c.On = day(time.March, 2) }), Refused: shares.ErrTransferred},
		{Rule: "they are promised to nobody else", Given: given, When: shares.Transfer{Transfer: "t2", From: "ada", To: "bert", Class: "A", Quantity: 4, On: day(time.March, 2), Statutes: rules(t)}, Refused: shares.ErrNotFree},
		{Rule: "nor does another take the same id", Given: spec.Events{subscribed, paid, issued, second(with(awaited, func(e *shares.TransferAwaited) { e.From = "cy" }))}, When: agree, Refused: shares.ErrTransferred},
		{Rule: "they pass on with the admission", Given: given, When: complete, Then: spec.Events{out, second(in)}},
		{Rule: "not before they were promised", Given: given, When: with(complete, func(c *shares.CompleteTransfer) { c.On = day(time.February, 28) }), Refused: shares.ErrTooEarly},
		{Rule: "nor unless they were", Given: held, When: complete, Refused: shares.ErrNotAgreed},
		{Rule: "nor to somebody else", Given: given, When: with(complete, func(c *shares.CompleteTransfer) { c.To = "cy" }), Refused: shares.ErrNotAgreed},
		{Rule: "they are free again if the admission is refused", Given: given, When: abandon, Then: spec.Events{gaveUp, second(hoped)}},
		{Rule: "for a reason", Given: given, When: with(abandon, func(c *shares.AbandonTransfer) { c.Why = "whim" }), Refused: shares.ErrIncomplete},
		{Rule: "not before they were promised, either", Given: given, When: with(abandon, func(c *shares.AbandonTransfer) { c.On = day(time.February, 1) }), Refused: shares.ErrTooEarly},
		{Rule: "what was never promised is not given up", Given: held, When: abandon, Refused: shares.ErrNotAgreed},
		{Rule: "what was given up is not completed", Given: append(given[:5:5], gaveUp, second(hoped)), When: complete, Refused: shares.ErrNotAgreed},
		{Rule: "what was completed is not given up", Given: append(given[:5:5], out, second(in)), When: abandon, Refused: shares.ErrNotAgreed},
	})
	ada, bert := after(append(held[:3:3], agreed)), after(spec.Events{awaited})
	if ada.Promised() != 2 || ada.Held() != 4 || bert.Awaited() != 2 || bert.Held() != 0 {
		t.Errorf("ada holds %d and promised %d, bert awaits %d and holds %d", ada.Held(), ada.Promised(), bert.Awaited(), bert.Held())
	}
	subscribe := shares.Subscribe{Subscription: "s9", Party: "bert", Class: "A", Quantity: 9, On: day(time.March, 2), Statutes: rules(t)}
	if _, err := subscribe.Decide(bert); !errors.Is(err, shares.ErrAboveMaximum) {
		t.Errorf("what is awaited counts for the most that one may hold: %v", err)
	}
}

func TestConverting(t *testing.T) {
	s := rules(t)
	s.Shares.Classes[0].MaxHolding, s.Shares.Classes[0].MinHolding = 0, 1
	s.Shares.Classes[0].Converts = []statutes.Conversion{{To: "B", Take: 3, Give: 2}}
	s.Shares.Classes[1].MaxHolding = 6
	seven := spec.Events{
		shares.Subscribed{Subscription: "s0", Party: "ada", Class: "A", Quantity: 2, Price: eur("20.01"), On: day(time.January, 1)},
		shares.Paid{Subscription: "s0", Party: "ada", Class: "A", Amount: eur("40.02"), On: day(time.January, 1), Reference: "b0"},
		shares.Issued{Subscription: "s0", Party: "ada", Class: "A", Quantity: 2, Price: eur("20.01"), On: day(time.January, 5)},
		with(subscribed, func(e *shares.Subscribed) { e.Quantity = 5 }),
		with(paid, func(e *shares.Paid) { e.Amount = eur("125.00") }),
		with(issued, func(e *shares.Issued) { e.Quantity = 5 }),
	}
	older := shares.Lot{Subscription: "s0", Subscriber: "ada", AcquiredOn: day(time.January, 5), Quantity: 2, Price: eur("20.01"), Paid: eur("40.02")}
	convert := shares.Convert{Conversion: "v1", Party: "ada", Class: "A", To: "B", Quantity: 7, On: day(time.April, 1), Statutes: s}
	out := shares.ConvertedOut{Conversion: "v1", Party: "ada", Class: "A", To: "B", Asked: 7, Quantity: 6, Lots: append([]shares.Lot{older}, of(lot, 4)...), On: day(time.April, 1), StatutesVersion: 4}
	// Two of 20.01 and four of 25.00 become four. One and a half of the older make the
	// first; the half that is left, 10.00, and four others make three that are not alike.
	made := []shares.Lot{
		{Subscription: "s0", Subscriber: "ada", AcquiredOn: day(time.January, 5), Quantity: 1, Price: eur("30.02"), Paid: eur("30.02")},
		{Subscription: "s1", Subscriber: "ada", AcquiredOn: day(time.February, 3), Quantity: 1, Price: eur("36.66"), Paid: eur("36.66")},
		{Subscription: "s1", Subscriber: "ada", AcquiredOn: day(time.February, 3), Quantity: 2, Price: eur("36.67"), Paid: eur("73.34")},
	}
	in := shares.ConvertedIn{Conversion: "v1", Party: "ada", Class: "B", From: "A", Quantity: 4, Lots: made, On: day(time.April, 1), StatutesVersion: 4}
	spec.Check2(t, []story2{
		{Rule: "seven for two thirds: six become four, one stays, and each cent and day is kept", Given: seven, When: convert, Then: spec.Events{out, second(in)}},
		{Rule: "fewer than the ratio takes are too few", Given: seven, When: with(convert, func(c *shares.Convert) { c.Quantity = 2 }), Refused: shares.ErrRatio},
		{Rule: "not the other way, unless the statutes say so", Given: seven, When: with(convert, func(c *shares.Convert) { c.Class, c.To = "B", "A" }), Refused: shares.ErrNoConversion},
		{Rule: "of classes that exist", Given: seven, When: with(convert, func(c *shares.Convert) { c.Class = "Z" }), Refused: shares.ErrNoSuchClass},
		{Rule: "and into one that does", Given: seven, When: with(convert, func(c *shares.Convert) { c.To = "Z" }), Refused: shares.ErrNoSuchClass},
		{Rule: "not more than are held", Given: seven, When: with(convert, func(c *shares.Convert) { c.Quantity = 9 }), Refused: shares.ErrTooFew},
		{
			Rule: "nor beyond what one may hold of the other class", Refused: shares.ErrAboveMaximum, When: convert,
			Given: append(seven[:6:6], second(shares.Issued{Subscription: "b1", Party: "ada", Class: "B", Quantity: 3, Price: eur("25.00"), On: day(time.January, 1)})),
		},
		{Rule: "what is not paid up is not changed", Given: partly, When: with(convert, func(c *shares.Convert) { c.Quantity = 4 }), Refused: shares.ErrNotPaidUp},
		{Rule: "what backs services is not", Given: seven, When: with(convert, func(c *shares.Convert) { c.Needed = 2 }), Refused: shares.ErrBacking},
		{Rule: "it has an id", Given: seven, When: with(convert, func(c *shares.Convert) { c.Conversion = "" }), Refused: shares.ErrIncomplete},
		{Rule: "not in a closed year", Given: seven, When: with(convert, func(c *shares.Convert) { c.Closed = day(time.April, 1) }), Refused: shares.ErrClosed},
		{Rule: "it stays as it was made", Given: append(seven[:6:6], out, second(in)), When: with(convert, func(c *shares.Convert) { c.Quantity = 6 }), Refused: shares.ErrConverted},
		{Rule: "and its id is no other's", Given: append(seven[:6:6], second(with(in, func(e *shares.ConvertedIn) { e.From = "C" }))), When: convert, Refused: shares.ErrConverted},
	})
	if h := after(append(seven[:6:6], out)); h.Held() != 1 || h.Paid() != eur("25.00") {
		t.Errorf("%d stay, on which %v was paid", h.Held(), h.Paid())
	}
}

// TestConversionLosesNoCent converts lots at random, at odd ratios.
func TestConversionLosesNoCent(t *testing.T) {
	s := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		rules := s
		take, give := rapid.IntRange(1, 9).Draw(t, "take"), rapid.IntRange(1, 9).Draw(t, "give")
		rules.Shares.Classes = []statutes.Class{
			{ID: "A", Price: eur("25.00"), MinHolding: 1, Converts: []statutes.Conversion{{To: "B", Take: take, Give: give}}}, {ID: "B", Price: eur("25.00"), MinHolding: 1},
		}
		var h shares.Holding
		lots := rapid.SliceOfN(rapid.Int64Range(1, 12), 1, 5).Draw(t, "lots")
		paid, lost := money.Money{}, money.Money{}
		for i, n := range lots {
			id := shares.SubscriptionID(rune('a' + i))
			price := money.New(rapid.Int64Range(10, 9999).Draw(t, "price"), "EUR")
			on := day(time.January, i+1)
			loss := money.New(rapid.Int64Range(0, price.Minor()*n).Draw(t, "loss"), "EUR")
			for _, e := range []domain.Event[shares.Holding]{
				shares.Subscribed{Subscription: id, Party: "ada", Class: "A", Quantity: n, Price: price, On: on},
				shares.Paid{Subscription: id, Party: "ada", Class: "A", Amount: price.Times(n), On: on, Reference: string(id)},
				shares.Issued{Subscription: id, Party: "ada", Class: "A", Quantity: n, Price: price, On: on},
				shares.LossCharged{Party: "ada", Class: "A", Lots: []shares.LotLoss{{Subscription: id, Subscriber: "ada", Price: price, Amount: loss}}, On: on},
			} {
				h = e.Evolve(h)
			}
		}
		convert := shares.Convert{Conversion: "v", Party: "ada", Class: "A", To: "B", Quantity: rapid.Int64Range(1, h.Held()).Draw(t, "quantity"), On: day(time.June, 1), Statutes: rules}
		outs, ins, err := convert.Decide(h, shares.Holding{})
		if err != nil {
			if convert.Quantity >= int64(take) || !errors.Is(err, shares.ErrRatio) {
				t.Fatal(err)
			}
			return
		}
		out, in := outs[0].(shares.ConvertedOut), ins[0].(shares.ConvertedIn)
		var made int64
		last := calendar.Date{}
		for _, l := range in.Lots {
			if l.Quantity < 1 || l.Paid != l.Cost() || l.AcquiredOn.Before(last) || l.Left().Sign() < 0 || l.Lost.Sign() < 0 {
				t.Fatalf("%+v", in.Lots)
			}
			made, paid, lost, last = made+l.Quantity, paid.Plus(l.Paid), lost.Plus(l.Lost), l.AcquiredOn
		}
		for _, l := range out.Lots {
			paid, lost = paid.Minus(l.Paid), lost.Minus(l.Lost)
		}
		if made != in.Quantity || out.Quantity%int64(take) != 0 || convert.Quantity-out.Quantity >= int64(take) || in.Quantity != out.Quantity/int64(take)*int64(give) {
			t.Fatalf("%d asked, %d taken, %d given, in lots %d", convert.Quantity, out.Quantity, in.Quantity, made)
		}
		if !paid.IsZero() || !lost.IsZero() {
			t.Fatalf("what was paid differs by %v, what was lost by %v", paid, lost)
		}
	})
}

func TestRestrictions(t *testing.T) {
	note := shares.NoteRestriction{Restriction: "x1", Party: "ada", Class: "A", Kind: shares.Pledged, Quantity: 3, Beneficiary: "Sample Bank", Document: "deed 1", On: day(time.March, 1)}
	events, err := note.Decide(after(held))
	if err != nil {
		t.Fatal(err)
	}
	noted := events[0].(shares.RestrictionNoted)
	all := with(noted, func(e *shares.RestrictionNoted) { e.Quantity = 0 })
	clause := with(noted, func(e *shares.RestrictionNoted) { e.Restriction, e.Kind, e.Quantity = "x2", shares.Contractual, 0 })
	lifted := shares.RestrictionLifted{Restriction: "x1", Party: "ada", Class: "A", Document: "letter 2", On: day(time.June, 1)}
	lift := shares.LiftRestriction(lifted)
	spec.Check(t, []story{
		{Rule: "a pledge is noted in the register", Given: held, When: note, Then: spec.Events{noted}},
		{Rule: "in favour of somebody", Given: held, When: with(note, func(c *shares.NoteRestriction) { c.Beneficiary = "" }), Refused: shares.ErrIncomplete},
		{Rule: "by a document", Given: held, When: with(note, func(c *shares.NoteRestriction) { c.Document = "" }), Refused: shares.ErrIncomplete},
		{Rule: "of a kind", Given: held, When: with(note, func(c *shares.NoteRestriction) { c.Kind = "spell" }), Refused: shares.ErrIncomplete},
		{Rule: "on a day", Given: held, When: with(note, func(c *shares.NoteRestriction) { c.On = calendar.Date{} }), Refused: shares.ErrIncomplete},
		{Rule: "with an id", Given: held, When: with(note, func(c *shares.NoteRestriction) { c.Restriction = "" }), Refused: shares.ErrIncomplete},
		{Rule: "of shares, not less than none", Given: held, When: with(note, func(c *shares.NoteRestriction) { c.Quantity = -1 }), Refused: shares.ErrIncomplete},
		{Rule: "that are held", Given: held, When: with(note, func(c *shares.NoteRestriction) { c.Quantity = 5 }), Refused: shares.ErrTooFew},
		{Rule: "it stays as it was noted", Given: append(held[:3:3], noted), When: with(note, func(c *shares.NoteRestriction) { c.Quantity = 2 }), Refused: shares.ErrRestricted},
		{Rule: "also once it is lifted", Given: append(held[:3:3], noted, lifted), When: note, Refused: shares.ErrRestricted},
		{Rule: "it is lifted by a document", Given: append(held[:3:3], noted), When: lift, Then: spec.Events{lifted}},
		{Rule: "not without", Given: append(held[:3:3], noted), When: with(lift, func(c *shares.LiftRestriction) { c.Document = "" }), Refused: shares.ErrIncomplete},
		{Rule: "nor before it was noted", Given: append(held[:3:3], noted), When: with(lift, func(c *shares.LiftRestriction) { c.On = day(time.February, 1) }), Refused: shares.ErrTooEarly},
		{Rule: "what was never noted is not lifted", Given: held, When: lift, Refused: shares.ErrNotRestricted},
		{Rule: "pledged shares are not given back", Given: append(held[:3:3], noted), When: shares.Redeem{Redemption: "r1", Party: "ada", Class: "A", Quantity: 4, Value: eur("100.00"), On: day(time.June, 30), Statutes: rules(t)}, Refused: shares.ErrNotFree},
		{
			Rule: "what was agreed among holders is for them to keep to", Given: append(held[:3:3], clause), Then: spec.Events{shares.Redeemed{Redemption: "r1", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, Value: eur("100.00"), On: day(time.June, 30), StatutesVersion: 4}},
			When: shares.Redeem{Redemption: "r1", Party: "ada", Class: "A", Quantity: 4, Value: eur("100.00"), On: day(time.June, 30), Statutes: rules(t)},
		},
	})
	transfer := shares.Transfer{Transfer: "t1", From: "ada", To: "bert", Class: "A", Quantity: 2, On: day(time.March, 5), Statutes: rules(t)}
	spec.Check2(t, []story2{
		{Rule: "pledged shares are not transferred", Given: append(held[:3:3], noted), When: transfer, Refused: shares.ErrNotFree},
		{Rule: "nor any, where all are", Given: append(held[:3:3], all), When: transfer, Refused: shares.ErrNotFree},
	})
	if h := after(append(held[:3:3], noted, clause)); h.Bound() != 3 || len(h.Restrictions()) != 2 || after(append(held[:3:3], all)).Bound() != 4 || after(append(held[:3:3], noted, lifted)).Bound() != 0 {
		t.Errorf("%d are bound, by %v", h.Bound(), h.Restrictions())
	}
}

func TestCertificates(t *testing.T) {
	issue := shares.IssueCertificate{Number: 7, Party: "ada", Class: "A", Quantity: 4, On: day(time.March, 1)}
	first := shares.CertificateIssued{Number: 7, Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, On: day(time.March, 1)}
	type certified = spec.Story[domain.Command2[shares.Holding, shares.Certificate]]
	spec.Check2(t, []certified{
		{Rule: "shares that are held are certified", Given: held, When: issue, Then: spec.Events{first}},
		{Rule: "or some of them", Given: held, When: with(issue, func(c *shares.IssueCertificate) { c.Quantity = 2 }), Then: spec.Events{with(first, func(e *shares.CertificateIssued) { e.Quantity, e.Lots = 2, of(lot, 2) })}},
		{Rule: "no more", Given: held, When: with(issue, func(c *shares.IssueCertificate) { c.Quantity = 5 }), Refused: shares.ErrTooFew},
		{Rule: "and no less", Given: held, When: with(issue, func(c *shares.IssueCertificate) { c.Quantity = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "under a number", Given: held, When: with(issue, func(c *shares.IssueCertificate) { c.Number = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "on a day", Given: held, When: with(issue, func(c *shares.IssueCertificate) { c.On = calendar.Date{} }), Refused: shares.ErrIncomplete},
		{Rule: "on which they are held", Given: held, When: with(issue, func(c *shares.IssueCertificate) { c.On = day(time.January, 1) }), Refused: shares.ErrTooEarly},
		{Rule: "each number is given once", Given: append(held[:3:3], with(first, func(e *shares.CertificateIssued) { e.Party = "bert" })), When: issue, Refused: shares.ErrCertificate},
	})
	replace := shares.ReplaceCertificate{Old: 7, New: 8, Quantity: 2, Why: shares.Outdated, On: day(time.April, 1), Holding: after(held)}
	replaced := shares.CertificateReplaced{Number: 7, Party: "ada", By: 8, Why: shares.Outdated, On: day(time.April, 1)}
	next := second(shares.CertificateIssued{Number: 8, Party: "ada", Class: "A", Quantity: 2, Lots: of(lot, 2), Replaces: 7, On: day(time.April, 1)})
	cancelled := shares.CertificateCancelled{Number: 7, Party: "ada", Why: shares.LostPaper, On: day(time.April, 1)}
	spec.Check2(t, []spec.Story[domain.Command2[shares.Certificate, shares.Certificate]]{
		{Rule: "another takes its place", Given: spec.Events{first}, When: replace, Then: spec.Events{replaced, next}},
		{Rule: "once", Given: spec.Events{first, replaced}, When: replace, Refused: shares.ErrNoCertificate},
		{Rule: "under a number that is free", Given: spec.Events{first, next}, When: replace, Refused: shares.ErrCertificate},
		{Rule: "for a reason", Given: spec.Events{first}, When: with(replace, func(c *shares.ReplaceCertificate) { c.Why = "" }), Refused: shares.ErrIncomplete},
		{Rule: "not before it was issued", Given: spec.Events{first}, When: with(replace, func(c *shares.ReplaceCertificate) { c.On = day(time.February, 28) }), Refused: shares.ErrTooEarly},
		{Rule: "for shares that are held", Given: spec.Events{first}, When: with(replace, func(c *shares.ReplaceCertificate) { c.Quantity = 5 }), Refused: shares.ErrTooFew},
	})
	cancel := shares.CancelCertificate{Number: 7, Why: shares.LostPaper, On: day(time.April, 1)}
	spec.Check(t, []spec.Story[domain.Command[shares.Certificate]]{
		{Rule: "a certificate is cancelled", Given: spec.Events{first}, When: cancel, Then: spec.Events{cancelled}},
		{Rule: "if it is in force", When: cancel, Refused: shares.ErrNoCertificate},
		{Rule: "for a reason", Given: spec.Events{first}, When: with(cancel, func(c *shares.CancelCertificate) { c.Why = "" }), Refused: shares.ErrIncomplete},
		{Rule: "not before it was issued", Given: spec.Events{first}, When: with(cancel, func(c *shares.CancelCertificate) { c.On = day(time.February, 1) }), Refused: shares.ErrTooEarly},
	})
	if c := first.Evolve(shares.Certificate{}); !c.InForce() || c.Issued().Quantity != 4 || cancelled.Evolve(c).InForce() {
		t.Error("a certificate is in force until it is cancelled")
	}
}
