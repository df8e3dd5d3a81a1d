package shares_test

import (
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

func fiscal(n int) calendar.Period {
	return calendar.Period{From: calendar.On(n, time.January, 1), Through: calendar.On(n, time.December, 31)}
}

// approvedFor are the accounts of a year with one class, of a hundred shares.
func approvedFor(year int, netAssets, loss string) shares.AccountsApproved {
	return shares.AccountsApproved{
		Year: fiscal(year), NetAssets: eur(netAssets), Loss: eur(loss), Shares: []shares.ClassShares{{Class: "A", Quantity: 100, Price: eur("25.00")}},
		Decision: "assembly", On: calendar.On(year+1, time.May, 23), StatutesVersion: 4,
	}
}

func accountsOf(approved ...shares.AccountsApproved) (a shares.Accounts) {
	for _, e := range approved {
		a = e.Evolve(a)
	}
	return a
}

var (
	requested = shares.ExitRequested{Claim: "k1", Party: "ada", Class: "A", Reason: shares.Resigned, Held: 4, On: day(time.March, 9), EffectiveOn: day(time.June, 30), StatutesVersion: 4}
	left      = shares.Left{Claim: "k1", Party: "ada", Class: "A", Reason: shares.Resigned, Quantity: 4, Lots: []shares.Lot{lot}, On: day(time.June, 30), StatutesVersion: 4}
	effective = shares.ExitTookEffect{Claim: "k1", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, Left: eur("100.00"), On: day(time.June, 30)}
	valued    = shares.ExitValued{
		Claim: "k1", Party: "ada", Class: "A", Quantity: 4, Valuation: shares.Valuation{Left: eur("100.00"), NetAssets: eur("120.00"), Value: eur("100.00")},
		Accounts: fiscal(2025), On: day(time.July, 1), StatutesVersion: 4,
	}
)

func TestRequestingExit(t *testing.T) {
	request := shares.RequestExit{Claim: "k1", Party: "ada", Class: "A", Reason: shares.Resigned, On: day(time.March, 9), Statutes: rules(t)}
	parts := rules(t)
	parts.Shares.PartialExit = true
	parts.Shares.Exit.Window = statutes.Resignation{NoticeMonths: 6, Effect: statutes.YearEnd}
	capped := rules(t)
	capped.Shares.Exit.CapitalCap = statutes.MustFraction("1/10")
	founder := func(on calendar.Date, reason shares.ExitReason) shares.RequestExit {
		return with(request, func(c *shares.RequestExit) {
			c.Founded, c.On, c.Reason, c.EffectiveOn = calendar.On(2025, time.January, 28), on, reason, on
		})
	}
	asked := func(change func(*shares.ExitRequested)) spec.Events { return spec.Events{with(requested, change)} }
	spec.Check2(t, []exitStory{
		{Rule: "who leaves in the first half of the year leaves at its end", Given: held, When: request, Then: spec.Events{requested}},
		{
			Rule: "in month 7 notice is taken for the next window, not refused", Given: held, When: with(request, func(c *shares.RequestExit) { c.On = day(time.July, 1) }),
			Then: asked(func(e *shares.ExitRequested) {
				e.On, e.EffectiveOn = day(time.July, 1), calendar.On(2027, time.June, 30)
			}),
		},
		{
			Rule: "who leaves the co-op takes the shares along on the last day of membership", Given: held, When: with(request, func(c *shares.RequestExit) { c.EffectiveOn = day(time.August, 31) }),
			Then: asked(func(e *shares.ExitRequested) { e.EffectiveOn = day(time.August, 31) }),
		},
		{Rule: "some shares are not given back and others kept", Given: held, When: with(request, func(c *shares.RequestExit) { c.Quantity = 2 }), Refused: shares.ErrAllOrNone},
		{
			Rule: "unless the statutes let one, in a window of their own", Given: held, When: with(request, func(c *shares.RequestExit) { c.Quantity, c.Statutes = 2, parts }),
			Then: asked(func(e *shares.ExitRequested) { e.Quantity, e.EffectiveOn = 2, day(time.December, 31) }),
		},
		{Rule: "and keep the least there is", Given: held, When: with(request, func(c *shares.RequestExit) { c.Quantity, c.Statutes = 3, parts }), Refused: shares.ErrBelowMinimum},
		{Rule: "all of them is all there will be", Given: held, When: with(request, func(c *shares.RequestExit) { c.Quantity = 4 }), Then: spec.Events{requested}},
		{Rule: "not more than are held", Given: held, When: with(request, func(c *shares.RequestExit) { c.Quantity = 5 }), Refused: shares.ErrTooFew},
		{Rule: "nor where none is", When: request, Refused: shares.ErrTooFew},
		{Rule: "shares that back services stay, until these are cancelled", Given: held, When: with(request, func(c *shares.RequestExit) { c.Needed = 2 }), Refused: shares.ErrBacking},
		{
			Rule: "some may go where enough stay", Given: held, When: with(request, func(c *shares.RequestExit) { c.Quantity, c.Statutes, c.Needed = 2, parts, 2 }),
			Then: asked(func(e *shares.ExitRequested) { e.Quantity, e.EffectiveOn = 2, day(time.December, 31) }),
		},
		{Rule: "a founder does not leave in year 2", Given: held, When: founder(day(time.March, 9), shares.Resigned), Refused: shares.ErrFounder},
		{
			Rule: "except by death", Given: held, When: founder(day(time.March, 9), shares.Deceased),
			Then: asked(func(e *shares.ExitRequested) { e.Reason, e.EffectiveOn = shares.Deceased, day(time.March, 9) }),
		},
		{
			Rule: "and may in year 3", Given: held, When: founder(calendar.On(2027, time.January, 1), shares.Resigned),
			Then: asked(func(e *shares.ExitRequested) {
				e.On, e.EffectiveOn = calendar.On(2027, time.January, 1), calendar.On(2027, time.January, 1)
			}),
		},
		{
			Rule: "a death is effective on its day, however late it is learnt", Given: held,
			When: with(request, func(c *shares.RequestExit) {
				c.Reason, c.On, c.EffectiveOn = shares.Deceased, day(time.May, 10), day(time.March, 3)
			}),
			Then: asked(func(e *shares.ExitRequested) {
				e.Reason, e.On, e.EffectiveOn = shares.Deceased, day(time.May, 10), day(time.March, 3)
			}),
		},
		{Rule: "an exclusion has a day", Given: held, When: with(request, func(c *shares.RequestExit) { c.Reason = shares.Excluded }), Refused: shares.ErrIncomplete},
		{Rule: "one's own will is not backdated", Given: held, When: with(request, func(c *shares.RequestExit) { c.EffectiveOn = day(time.March, 8) }), Refused: shares.ErrTooEarly},
		{
			Rule: "where only so much may leave in a year, it waits for a decision", Given: held, When: with(request, func(c *shares.RequestExit) { c.Statutes = capped }),
			Then: asked(func(e *shares.ExitRequested) { e.Capped = true }),
		},
		{
			Rule: "death does not", Given: held, When: with(request, func(c *shares.RequestExit) {
				c.Statutes, c.Reason, c.EffectiveOn = capped, shares.Deceased, day(time.March, 3)
			}),
			Then: asked(func(e *shares.ExitRequested) { e.Reason, e.EffectiveOn = shares.Deceased, day(time.March, 3) }),
		},
		{Rule: "it is of a class", Given: held, When: with(request, func(c *shares.RequestExit) { c.Class = "Z" }), Refused: shares.ErrNoSuchClass},
		{Rule: "for a reason", Given: held, When: with(request, func(c *shares.RequestExit) { c.Reason = "whim" }), Refused: shares.ErrIncomplete},
		{Rule: "with an id", Given: held, When: with(request, func(c *shares.RequestExit) { c.Claim = "" }), Refused: shares.ErrIncomplete},
		{Rule: "it stays as it was made", Given: append(held[:3:3], requested), When: with(request, func(c *shares.RequestExit) { c.On = day(time.March, 10) }), Refused: shares.ErrClaim},
	})
}

func TestAcceptingExits(t *testing.T) {
	s := rules(t)
	s.Shares.Exit.CapitalCap = statutes.MustFraction("1/10")
	capped := with(requested, func(e *shares.ExitRequested) { e.Capped = true })
	some := with(capped, func(e *shares.ExitRequested) { e.Quantity = 3 })
	accept := shares.AcceptExit{Claim: "k1", Rest: "k2", Asked: 4, Quantity: 1, Decision: "board 5", On: day(time.June, 25), Statutes: s}
	accepted := shares.ExitAccepted{Claim: "k1", Party: "ada", Class: "A", Asked: 4, Quantity: 1, Rest: "k2", Decision: "board 5", On: day(time.June, 25)}
	rest := with(capped, func(e *shares.ExitRequested) {
		e.Claim, e.RestOf, e.EffectiveOn = "k2", "k1", calendar.On(2027, time.June, 30)
	})
	type acceptance = spec.Story[domain.Command2[shares.Claim, shares.Claim]]
	spec.Check2(t, []acceptance{
		{Rule: "as many leave as may, and the rest in the next window", Given: spec.Events{capped}, When: accept, Then: spec.Events{accepted, second(rest)}},
		{
			Rule: "of those that were to leave", Given: spec.Events{some}, When: with(accept, func(c *shares.AcceptExit) { c.Asked = 3 }),
			Then: spec.Events{with(accepted, func(e *shares.ExitAccepted) { e.Asked = 3 }), second(with(rest, func(e *shares.ExitRequested) { e.Quantity = 2 }))},
		},
		{
			Rule: "or all", Given: spec.Events{capped}, When: with(accept, func(c *shares.AcceptExit) { c.Quantity = 4 }),
			Then: spec.Events{with(accepted, func(e *shares.ExitAccepted) { e.Quantity, e.Rest = 0, "" })},
		},
		{
			Rule: "or none this year", Given: spec.Events{capped}, When: with(accept, func(c *shares.AcceptExit) { c.Quantity = 0 }),
			Then: spec.Events{with(accepted, func(e *shares.ExitAccepted) { e.Quantity = 0 }), second(rest)},
		},
		{Rule: "not more than were to", Given: spec.Events{capped}, When: with(accept, func(c *shares.AcceptExit) { c.Quantity = 5 }), Refused: shares.ErrAccepted},
		{Rule: "nor others than were asked for", Given: spec.Events{some}, When: accept, Refused: shares.ErrIncomplete},
		{Rule: "by a decision", Given: spec.Events{capped}, When: with(accept, func(c *shares.AcceptExit) { c.Decision = "" }), Refused: shares.ErrIncomplete},
		{Rule: "by statutes", Given: spec.Events{capped}, When: with(accept, func(c *shares.AcceptExit) { c.Statutes.Version = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "not before the request", Given: spec.Events{capped}, When: with(accept, func(c *shares.AcceptExit) { c.On = day(time.March, 1) }), Refused: shares.ErrTooEarly},
		{Rule: "of a claim that there is", When: accept, Refused: shares.ErrNoClaim},
		{Rule: "and that is capped", Given: spec.Events{requested}, When: accept, Refused: shares.ErrClaimState},
		{Rule: "once", Given: spec.Events{capped, accepted, second(rest)}, When: with(accept, func(c *shares.AcceptExit) { c.Quantity = 2 }), Refused: shares.ErrClaimState},
		{Rule: "the rest has an id of its own", Given: spec.Events{capped, second(with(rest, func(e *shares.ExitRequested) { e.RestOf = "k9" }))}, When: accept, Refused: shares.ErrClaim},
	})

	withdraw := shares.WithdrawExit{Claim: "k1", On: day(time.May, 1)}
	withdrawn := shares.ExitWithdrawn{Claim: "k1", Party: "ada", Class: "A", On: day(time.May, 1)}
	spec.Check(t, []claimStory{
		{Rule: "a request can be withdrawn", Given: spec.Events{requested}, When: withdraw, Then: spec.Events{withdrawn}},
		{Rule: "until it takes effect", Given: spec.Events{requested, effective}, When: with(withdraw, func(c *shares.WithdrawExit) { c.On = day(time.July, 1) }), Refused: shares.ErrClaimState},
		{Rule: "if there is one", When: withdraw, Refused: shares.ErrNoClaim},
		{Rule: "not before it was made", Given: spec.Events{requested}, When: with(withdraw, func(c *shares.WithdrawExit) { c.On = day(time.March, 8) }), Refused: shares.ErrTooEarly},
	})
}

func TestTakingEffect(t *testing.T) {
	take := shares.TakeEffect{Claim: "k1", Party: "ada", Class: "A", On: day(time.July, 2), Statutes: rules(t)}
	capped := with(requested, func(e *shares.ExitRequested) { e.Capped = true })
	none := shares.ExitAccepted{Claim: "k1", Party: "ada", Class: "A", Asked: 4, Rest: "k2", Decision: "board 5", On: day(time.June, 25)}
	two := with(none, func(e *shares.ExitAccepted) { e.Quantity = 2 })
	part := func(n int64) spec.Events {
		return spec.Events{
			with(left, func(e *shares.Left) { e.Quantity, e.Lots = n, of(lot, n) }),
			with(effective, func(e *shares.ExitTookEffect) { e.Quantity, e.Lots, e.Left = n, of(lot, n), eur("25.00").Times(n) }),
		}
	}
	death := with(requested, func(e *shares.ExitRequested) {
		e.Reason, e.On, e.EffectiveOn = shares.Deceased, day(time.May, 10), day(time.March, 3)
	})
	died := with(left, func(e *shares.Left) { e.Reason, e.On = shares.Deceased, day(time.March, 3) })
	late := with(effective, func(e *shares.ExitTookEffect) { e.On = day(time.March, 3) })
	unpaid := with(lot, func(l *shares.Lot) { l.Paid, l.Called = eur("25.00"), eur("50.00") })
	pledged := shares.RestrictionNoted{Restriction: "x1", Party: "ada", Class: "A", Kind: shares.Attached, Document: "writ", On: day(time.February, 9)}
	agreed := shares.TransferAgreed{Transfer: "t1", Party: "ada", To: "bert", Class: "A", Quantity: 2, On: day(time.May, 1)}
	since := shares.Paid{Subscription: "s1", Party: "ada", Class: "A", Amount: eur("25.00"), On: day(time.April, 20), Reference: "b2"}
	taken := shares.Reversed{
		Reversal: "u1", Entry: shares.EntryPayment, Of: "b2", Party: "ada", Class: "A", EntryOn: day(time.April, 20), Document: "certificate of death", On: day(time.May, 10),
		Payment: &shares.PaymentBack{Subscription: "s1", Amount: eur("25.00"), Kept: true, Called: eur("50.00")},
	}
	loss := shares.LossCharged{
		Party: "ada", Class: "A", Year: fiscal(2025), Amount: eur("2.40"), On: day(time.April, 23),
		Lots: []shares.LotLoss{{Subscription: "s1", Subscriber: "ada", Price: eur("25.00"), Amount: eur("2.40")}},
	}
	spared := shares.Reversed{
		Reversal: "u1", Entry: shares.EntryLoss, Of: "2025-12-31", Party: "ada", Class: "A", Losses: loss.Lots, EntryOn: loss.On, Document: "certificate of death", On: day(time.May, 9),
	}
	whole := with(lot, func(l *shares.Lot) { l.Lost = eur("0.00") })
	learnt := with(take, func(c *shares.TakeEffect) { c.On = day(time.May, 10) })
	spec.Check2(t, []exitStory{
		{Rule: "on their day the shares leave the register", Given: append(held[:3:3], requested), When: take, Then: spec.Events{left, effective}},
		{Rule: "not before", Given: append(held[:3:3], requested), When: with(take, func(c *shares.TakeEffect) { c.On = day(time.June, 29) }), Refused: shares.ErrNotDue},
		{
			Rule: "a death of March learnt in May counts from March", Given: append(held[:3:3], death), When: with(take, func(c *shares.TakeEffect) { c.On = day(time.May, 10) }),
			Then: spec.Events{died, late},
		},
		{
			Rule: "and stands in the open books, where that year is closed", Given: append(held[:3:3], death), When: with(take, func(c *shares.TakeEffect) { c.On, c.Closed = calendar.On(2027, time.June, 1), day(time.December, 31) }),
			Then: spec.Events{
				with(died, func(e *shares.Left) { e.BookedOn = calendar.On(2027, time.June, 1) }),
				with(late, func(e *shares.ExitTookEffect) { e.BookedOn = calendar.On(2027, time.June, 1) }),
			},
		},
		{Rule: "what was paid after the death is reversed first", Given: append(partly[:3:3], called, since, death), When: learnt, Refused: shares.ErrSince},
		{
			Rule: "then they leave, on the day of the death in the register, and today in the books", Given: append(partly[:3:3], called, since, taken, death), When: learnt,
			Then: spec.Events{
				with(died, func(e *shares.Left) { e.Lots, e.BookedOn = []shares.Lot{unpaid}, day(time.May, 10) }),
				with(late, func(e *shares.ExitTookEffect) {
					e.Lots, e.Left, e.Unpaid, e.BookedOn = []shares.Lot{unpaid}, eur("25.00"), eur("25.00"), day(time.May, 10)
				}),
			},
		},
		{Rule: "so is a loss that was charged after it", Given: append(held[:3:3], loss, death), When: learnt, Refused: shares.ErrSince},
		{
			Rule: "who died before bears it when the shares are valued, and not twice", Given: append(held[:3:3], loss, spared, death), When: learnt,
			Then: spec.Events{
				with(died, func(e *shares.Left) { e.Lots, e.BookedOn = []shares.Lot{whole}, day(time.May, 10) }),
				with(late, func(e *shares.ExitTookEffect) { e.Lots, e.BookedOn = []shares.Lot{whole}, day(time.May, 10) }),
			},
		},
		{Rule: "so is a call", Given: append(partly[:3:3], with(called, func(e *shares.Called) { e.On = day(time.April, 1) }), death), When: learnt, Refused: shares.ErrSince},
		{Rule: "they do not leave before all of that is reversed", Given: append(held[:3:3], loss, spared, death), When: with(learnt, func(c *shares.TakeEffect) { c.On = day(time.May, 8) }), Refused: shares.ErrTooEarly},
		{
			Rule: "what was called and is unpaid stays owed", Given: append(partly[:3:3], called, requested), When: take,
			Then: spec.Events{
				with(left, func(e *shares.Left) { e.Lots = []shares.Lot{unpaid} }),
				with(effective, func(e *shares.ExitTookEffect) {
					e.Lots, e.Left, e.Unpaid = []shares.Lot{unpaid}, eur("25.00"), eur("25.00")
				}),
			},
		},
		{Rule: "some leave, the oldest first", Given: append(held[:3:3], with(requested, func(e *shares.ExitRequested) { e.Quantity = 2 })), When: take, Then: part(2)},
		{
			Rule: "no more than are left by then", When: take, Then: part(3),
			Given: append(held[:3:3], shares.TransferredOut{Transfer: "t1", Party: "ada", To: "bert", Class: "A", Quantity: 1, Lots: of(lot, 1), On: day(time.April, 1)}, requested),
		},
		{Rule: "nothing leaves where nothing is left", Given: append(held[:3:3], shares.Redeemed{Redemption: "r", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, On: day(time.April, 1)}, requested), When: take, Refused: shares.ErrTooFew},
		{Rule: "where the year is capped, it is decided first how many", Given: append(held[:3:3], capped), When: take, Refused: shares.ErrCapped},
		{Rule: "then as many leave", Given: append(held[:3:3], capped, two), When: take, Then: part(2)},
		{Rule: "or none, by this claim", Given: append(held[:3:3], capped, none), When: take, Refused: shares.ErrClaimState},
		{Rule: "nobody leaves with pledged shares", Given: append(held[:3:3], pledged, requested), When: take, Refused: shares.ErrNotFree},
		{Rule: "nor with what was promised", Given: append(held[:3:3], agreed, requested), When: take, Refused: shares.ErrNotFree},
		{
			Rule: "by death they do, and the claim is bound", Given: append(held[:3:3], pledged, death), When: with(take, func(c *shares.TakeEffect) { c.On = day(time.May, 10) }),
			Then: spec.Events{died, with(late, func(e *shares.ExitTookEffect) { e.Restrictions = []shares.RestrictionID{"x1"} })},
		},
		{Rule: "it was requested", Given: held, When: take, Refused: shares.ErrNoClaim},
		{Rule: "of these shares", Given: append(held[:3:3], requested), When: with(take, func(c *shares.TakeEffect) { c.Party = "bert" }), Refused: shares.ErrNoClaim},
		{Rule: "and not withdrawn", Given: append(held[:3:3], requested, shares.ExitWithdrawn{Claim: "k1", Party: "ada", Class: "A", On: day(time.May, 1)}), When: take, Refused: shares.ErrClaimState},
		{Rule: "by statutes", Given: append(held[:3:3], requested), When: with(take, func(c *shares.TakeEffect) { c.Statutes.Version = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "it is entered on an open day", Given: append(held[:3:3], requested), When: with(take, func(c *shares.TakeEffect) { c.Closed = day(time.July, 2) }), Refused: shares.ErrClosed},
	})

	reverse := shares.ReverseExit{Reversal: "u1", Claim: "k1", Party: "ada", Class: "A", Document: "letter of ada", On: day(time.July, 9)}
	back := shares.Reversed{
		Reversal: "u1", Entry: shares.EntryExit, Of: "k1", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, EntryOn: day(time.June, 30), Document: "letter of ada", On: day(time.July, 9),
	}
	reversed := shares.ExitReversed{Claim: "k1", Party: "ada", Class: "A", Reversal: "u1", Left: eur("100.00"), On: day(time.July, 9)}
	gone := append(held[:3:3], requested, left, effective)
	released := shares.RefundReleased{Claim: "k1", Party: "ada", Class: "A", Budget: "g1", Amount: eur("1.00"), On: day(time.July, 5)}
	spec.Check2(t, []exitStory{
		{Rule: "who was reported dead and lives has the shares back", Given: gone, When: reverse, Then: spec.Events{back, reversed}},
		{Rule: "also once they are valued", Given: append(gone[:6:6], valued), When: reverse, Then: spec.Events{back, with(reversed, func(e *shares.ExitReversed) { e.Value = eur("100.00") })}},
		{Rule: "not once something is released for them", Given: append(gone[:6:6], valued, released), When: reverse, Refused: shares.ErrClaimState},
		{Rule: "if they have left", Given: append(held[:3:3], requested), When: reverse, Refused: shares.ErrNoEntry},
		{Rule: "not before they have", Given: gone, When: with(reverse, func(c *shares.ReverseExit) { c.On = day(time.June, 29) }), Refused: shares.ErrTooEarly},
		{Rule: "once", Given: append(gone[:6:6], back, reversed), When: with(reverse, func(c *shares.ReverseExit) { c.Reversal = "u2" }), Refused: shares.ErrReversed},
		{Rule: "they do not leave again by the same claim", Given: append(gone[:6:6], back, reversed), When: with(take, func(c *shares.TakeEffect) { c.On = day(time.August, 1) }), Refused: shares.ErrClaimState},
		{Rule: "with a document", Given: gone, When: with(reverse, func(c *shares.ReverseExit) { c.Document = "" }), Refused: shares.ErrIncomplete},
	})
}

func TestValuing(t *testing.T) {
	be, de := rules(t), rules(t)
	de.Shares.Exit = statutes.Exit{Accounts: statutes.YearOfExit, Losses: true}
	gain := rules(t)
	gain.Shares.ExitValue, gain.Shares.Exit.NetAssetsCap = statutes.NetAssets, false
	plain := rules(t)
	plain.Shares.Exit = statutes.Exit{}
	rich, poor := accountsOf(approvedFor(2025, "3000.00", "0.00")), accountsOf(approvedFor(2025, "1999.99", "0.00"))
	value := shares.ValueExit{Claim: "k1", Accounts: rich, On: day(time.July, 1), Statutes: be}
	found := func(change func(*shares.ExitValued)) spec.Events { return spec.Events{with(valued, change)} }
	given := spec.Events{requested, effective}
	nextYear := calendar.On(2027, time.June, 1)
	lossOf := func(year int, loss string) shares.Accounts {
		return accountsOf(approvedFor(2025, "3000.00", "0.00"), approvedFor(year, "3000.00", loss))
	}
	spec.Check(t, []claimStory{
		{Rule: "what was paid on them is owed, however rich the co-op is", Given: given, When: value, Then: spec.Events{valued}},
		{
			Rule: "or their part of the net assets, if that is less, rounded down", Given: given, When: with(value, func(c *shares.ValueExit) { c.Accounts = poor }),
			Then: found(func(e *shares.ExitValued) { e.NetAssets, e.Value = eur("79.99"), eur("79.99") }),
		},
		{
			Rule: "of debts there is no part", Given: given, When: with(value, func(c *shares.ValueExit) { c.Accounts = accountsOf(approvedFor(2025, "-5000.00", "0.00")) }),
			Then: found(func(e *shares.ExitValued) { e.NetAssets, e.Value = eur("0.00"), eur("0.00") }),
		},
		{
			Rule: "where the statutes give a gain, their part of the net assets", Given: given, When: with(value, func(c *shares.ValueExit) { c.Statutes = gain }),
			Then: found(func(e *shares.ExitValued) { e.Value = eur("120.00") }),
		},
		{
			Rule: "the last accounts approved by then count, not later ones", Given: given, When: with(value, func(c *shares.ValueExit) {
				c.Accounts = accountsOf(approvedFor(2024, "2000.00", "0.00"), approvedFor(2025, "3000.00", "0.00"))
			}),
			Then: spec.Events{valued},
		},
		{Rule: "without accounts their value is not known", Given: given, When: with(value, func(c *shares.ValueExit) { c.Accounts = shares.Accounts{} }), Refused: shares.ErrAccountsMissing},
		{
			Rule: "unless the statutes look at none", Given: given, When: with(value, func(c *shares.ValueExit) { c.Accounts, c.Statutes = shares.Accounts{}, plain }),
			Then: found(func(e *shares.ExitValued) { e.NetAssets, e.Accounts = money.Money{}, calendar.Period{} }),
		},
		{Rule: "an eG waits for the accounts of the year in which they left", Given: given, When: with(value, func(c *shares.ValueExit) { c.Statutes = de }), Refused: shares.ErrAccountsMissing},
		{
			Rule: "and takes off their part of the loss", Given: given, When: with(value, func(c *shares.ValueExit) { c.Statutes, c.Accounts, c.On = de, lossOf(2026, "250.00"), nextYear }),
			Then: found(func(e *shares.ExitValued) {
				e.NetAssets, e.Loss, e.Value, e.Accounts, e.On = money.Money{}, eur("10.00"), eur("90.00"), fiscal(2026), nextYear
			}),
		},
		{
			Rule: "down to nothing", Given: given, When: with(value, func(c *shares.ValueExit) { c.Statutes, c.Accounts, c.On = de, lossOf(2026, "9999.00"), nextYear }),
			Then: found(func(e *shares.ExitValued) {
				e.NetAssets, e.Loss, e.Value, e.Accounts, e.On = money.Money{}, eur("399.96"), eur("0.00"), fiscal(2026), nextYear
			}),
		},
		{Rule: "not before they have left", Given: given, When: with(value, func(c *shares.ValueExit) { c.On = day(time.June, 29) }), Refused: shares.ErrTooEarly},
		{Rule: "they have left", Given: spec.Events{requested}, When: value, Refused: shares.ErrClaimState},
		{Rule: "by a claim", When: value, Refused: shares.ErrNoClaim},
		{Rule: "once", Given: append(given[:2:2], valued), When: with(value, func(c *shares.ValueExit) { c.On = day(time.July, 2) }), Refused: shares.ErrClaimState},
		{Rule: "by statutes", Given: given, When: with(value, func(c *shares.ValueExit) { c.Statutes.Version = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "in an open year", Given: given, When: with(value, func(c *shares.ValueExit) { c.Accounts = lossOf(2026, "0.00") }), Refused: shares.ErrClosed},
	})
}

func TestUnpaidAtExit(t *testing.T) {
	owing := with(effective, func(e *shares.ExitTookEffect) { e.Left, e.Unpaid = eur("25.00"), eur("25.00") })
	quarter := with(valued, func(e *shares.ExitValued) { e.Left, e.Value, e.NetAssets = eur("25.00"), eur("25.00"), eur("40.00") })
	given := spec.Events{requested, owing, quarter}
	accounts := accountsOf(approvedFor(2025, "1000.00", "0.00"))
	collect := shares.CollectUnpaid{Claim: "k1", Amount: eur("25.00"), Reference: "b9", On: day(time.July, 9), Statutes: rules(t), Accounts: accounts}
	collected := shares.UnpaidCollected{Claim: "k1", Party: "ada", Class: "A", Amount: eur("25.00"), Value: eur("15.00"), Reference: "b9", On: day(time.July, 9)}
	waive := shares.WaiveUnpaid{Claim: "k1", Decision: "board 8", On: day(time.July, 9)}
	waived := shares.UnpaidWaived{Claim: "k1", Party: "ada", Class: "A", Amount: eur("25.00"), Decision: "board 8", On: day(time.July, 9)}
	spec.Check(t, []claimStory{
		{Rule: "what was called before is still paid, and adds to the value, up to the net assets", Given: given, When: collect, Then: spec.Events{collected}},
		{Rule: "in instalments", Given: given, When: with(collect, func(c *shares.CollectUnpaid) { c.Amount = eur("5.00") }), Then: spec.Events{with(collected, func(e *shares.UnpaidCollected) { e.Amount, e.Value = eur("5.00"), eur("5.00") })}},
		{Rule: "no more than that", Given: given, When: with(collect, func(c *shares.CollectUnpaid) { c.Amount = eur("25.01") }), Refused: shares.ErrNotOwed},
		{Rule: "of something", Given: given, When: with(collect, func(c *shares.CollectUnpaid) { c.Amount = money.Money{} }), Refused: shares.ErrIncomplete},
		{Rule: "in its currency", Given: given, When: with(collect, func(c *shares.CollectUnpaid) { c.Amount = moneyCHF }), Refused: shares.ErrCurrency},
		{Rule: "with a reference", Given: given, When: with(collect, func(c *shares.CollectUnpaid) { c.Reference = "" }), Refused: shares.ErrIncomplete},
		{Rule: "once each", Given: append(given[:3:3], collected), When: with(collect, func(c *shares.CollectUnpaid) { c.Amount = eur("1.00") }), Refused: shares.ErrPaid},
		{Rule: "once the shares are valued", Given: given[:2:2], When: collect, Refused: shares.ErrClaimState},
		{Rule: "not before", Given: given, When: with(collect, func(c *shares.CollectUnpaid) { c.On = day(time.June, 30) }), Refused: shares.ErrTooEarly},
		{Rule: "of a claim", When: collect, Refused: shares.ErrNoClaim},
		{Rule: "in an open year", Given: given, When: with(collect, func(c *shares.CollectUnpaid) {
			c.Accounts = accountsOf(approvedFor(2025, "1000.00", "0.00"), approvedFor(2026, "1000.00", "0.00"))
		}), Refused: shares.ErrClosed},
		{Rule: "or it is given up, by a decision", Given: given, When: waive, Then: spec.Events{waived}},
		{Rule: "not without", Given: given, When: with(waive, func(c *shares.WaiveUnpaid) { c.Decision = "" }), Refused: shares.ErrIncomplete},
		{Rule: "where something is owed", Given: spec.Events{requested, effective}, When: waive, Refused: shares.ErrNotOwed},
		{Rule: "by a claim", When: waive, Refused: shares.ErrNoClaim},
		{Rule: "not before the shares have left", Given: given, When: with(waive, func(c *shares.WaiveUnpaid) { c.On = day(time.June, 1) }), Refused: shares.ErrTooEarly},
		{Rule: "nor in a closed year", Given: given, When: with(waive, func(c *shares.WaiveUnpaid) { c.Closed = day(time.July, 9) }), Refused: shares.ErrClosed},
	})
}

func TestReducing(t *testing.T) {
	ask := func(n int64, leaves bool) shares.Asking {
		return shares.Asking{Quantity: n, Left: eur("25.00").Times(n), Leaves: leaves}
	}
	capital := func(s string) shares.Caps { return shares.Caps{OfCapital: true, Capital: eur(s)} }
	s := rules(t)
	s.Shares.Exit.CapitalCap, s.Shares.Exit.MembersCap = statutes.MustFraction("1/10"), statutes.MustFraction("1/10")
	if caps := shares.CapsOf(s, eur("10009.99"), 909); caps != (shares.Caps{OfCapital: true, OfMembers: true, Capital: eur("1000.99"), Members: 90}) {
		t.Errorf("a tenth of 10009.99 and of 909 is %+v", caps)
	}
	ones := make([]shares.Asking, 5)
	for i := range ones {
		ones[i] = ask(1, true)
	}
	for _, tt := range []struct {
		rule   string
		asking []shares.Asking
		caps   shares.Caps
		want   []int64
	}{
		{"without caps all leave", []shares.Asking{ask(10, true), ask(5, false)}, shares.Caps{}, []int64{10, 5}},
		{"within them too", []shares.Asking{ask(10, true), ask(5, false)}, capital("375.00"), []int64{10, 5}},
		{"beyond them as many in proportion", []shares.Asking{ask(10, true), ask(20, false)}, capital("375.00"), []int64{5, 10}},
		{"what does not divide goes to the larger remainder", []shares.Asking{ask(10, true), ask(5, false)}, capital("250.00"), []int64{7, 3}},
		{"and among equals to who asked first", []shares.Asking{ask(3, false), ask(3, false)}, capital("75.00"), []int64{2, 1}},
		{"no member leaves beyond the cap of members", ones, shares.Caps{OfMembers: true, Members: 3}, []int64{1, 1, 1, 0, 0}},
		{"nobody at all may", ones, shares.Caps{OfMembers: true}, []int64{0, 0, 0, 0, 0}},
		{"nothing is asked", nil, capital("1.00"), []int64{}},
	} {
		got := shares.Reduce(tt.asking, tt.caps)
		if len(got) != len(tt.want) {
			t.Fatalf("%s: %v", tt.rule, got)
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: %v, want %v", tt.rule, got, tt.want)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		asking := make([]shares.Asking, rapid.IntRange(1, 12).Draw(t, "claims"))
		var all money.Money
		leaving := int64(0)
		for i := range asking {
			n := rapid.Int64Range(1, 40).Draw(t, "quantity")
			asking[i] = shares.Asking{Quantity: n, Left: money.New(rapid.Int64Range(0, 2500*n).Draw(t, "left"), "EUR"), Leaves: rapid.Bool().Draw(t, "leaves")}
			all = all.Plus(asking[i].Left)
			if asking[i].Leaves {
				leaving++
			}
		}
		caps := shares.Caps{
			OfCapital: rapid.Bool().Draw(t, "of capital"), Capital: money.New(rapid.Int64Range(0, all.Minor()+1).Draw(t, "capital"), "EUR"),
			OfMembers: rapid.Bool().Draw(t, "of members"), Members: rapid.Int64Range(0, leaving+1).Draw(t, "members"),
		}
		bound := caps.OfCapital && all.Compare(caps.Capital) > 0 || caps.OfMembers && leaving > caps.Members
		var out money.Money
		left := int64(0)
		for i, n := range shares.Reduce(asking, caps) {
			a := asking[i]
			if n < 0 || n > a.Quantity || !bound && n != a.Quantity {
				t.Fatalf("%d of %d leave", n, a.Quantity)
			}
			out = out.Plus(money.New(a.Left.Minor()*n/a.Quantity, "EUR"))
			if a.Leaves && n == a.Quantity {
				left++
			}
		}
		if caps.OfCapital && out.Compare(caps.Capital) > 0 || caps.OfMembers && left > caps.Members {
			t.Fatalf("%v and %d members leave, where %+v may", out, left, caps)
		}
	})
}
