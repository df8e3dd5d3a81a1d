package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/documents"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/modules"
	"rochdale/domain/money"
	"rochdale/domain/offering"
	"rochdale/domain/payment"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

var (
	began  = time.Date(2026, time.May, 1, 8, 0, 0, 0, time.UTC)
	day    = calendar.Of(began)
	master = make([]byte, 32)
)

// A clock tells the time to all nodes. It moves on whenever it is asked.
type clock struct{ now time.Time }

func (c *clock) tell() time.Time {
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) today() calendar.Date { return calendar.Of(c.now) }

// nodeOf returns a node over a log, with a memory of its own.
func nodeOf(d eventstore.Driver, c *clock) *eventstore.Store {
	keys, err := eventstore.NewKeys(d, master)
	if err != nil {
		panic(err)
	}
	s := eventstore.New(eventstore.NewLog(d), modules.Registry(), keys)
	if c != nil {
		s.Now = c.tell
	}
	return s
}

func as(ctx context.Context) context.Context { return eventstore.As(ctx, "test") }

// rules are statutes under which a lot can happen to few people.
func rules() statutes.Statutes {
	s, err := statutes.Preset("nubo")
	if err != nil {
		panic(err)
	}
	s.Shares.PartialExit, s.Shares.Transfers = true, statutes.Transfers{}
	s.Shares.CallDays, s.Shares.Refunds.Limitation = 0, 1
	c := s.Shares.Classes[0] // of which shares are made, three of one, and none are issued
	c.ID = "C"
	s.Shares.Classes = append(s.Shares.Classes, c)
	s.Shares.Classes[0].Converts = []statutes.Conversion{{To: "C", Take: 1, Give: 3}}
	s.Membership.Resignation = statutes.Resignation{NoticeDays: 3, Effect: statutes.NoticeEnd, Withdrawable: true}
	s.Membership.Exclusion, s.Membership.Retention = statutes.Exclusion{By: statutes.Board}, statutes.Retention{}
	s.Assembly.NoticeDays, s.Assembly.SecondCallNoticeDays, s.Assembly.RecordDays = 2, 1, 1
	return s
}

func prices() offering.PriceList {
	list, err := offering.Preset("nubo")
	if err != nil {
		panic(err)
	}
	return list
}

// A history is a co-op to which things happen at random, decided by the commands
// that decide in earnest.
type history struct {
	*rapid.T
	clock    *clock
	driver   eventstore.Driver
	nodes    []*eventstore.Store // which know the same only by the log
	statutes statutes.Statutes
	versions int // of the statutes
	lists    int // of the price list
	number   domain.MemberNumber
	accounts []domain.AccountID // that were requested
}

func newHistory(t *rapid.T, d eventstore.Driver) *history {
	h := &history{T: t, clock: &clock{began}, driver: d, statutes: rules()}
	h.nodes = []*eventstore.Store{nodeOf(d, h.clock), nodeOf(d, h.clock)}
	for _, found := range []func() error{h.adopt, h.publish} {
		if err := found(); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// any is a number below n, each as likely as any other: rapid prefers small ones.
func (h *history) any(n int, name string) (number int) {
	for _, bit := range rapid.SliceOfN(rapid.Bool(), 10, 10).Draw(h.T, name) {
		number *= 2
		if bit {
			number++
		}
	}
	return number % n
}

func pick[V any](h *history, name string, from ...V) V {
	return rapid.SampledFrom(from).Draw(h.T, name)
}

func (h *history) node() *eventstore.Store {
	return h.nodes[rapid.IntRange(0, len(h.nodes)-1).Draw(h.T, "node")]
}

var parties = []domain.PartyID{"anna", "bert", "weavers"}

func (h *history) party() domain.PartyID { return pick(h, "party", parties...) }

// visitor is a party who may never become a member.
func (h *history) visitor() domain.PartyID {
	return pick(h, "visitor", append(slices.Clone(parties), "guest", "pair")...)
}

func kindOf(p domain.PartyID) membership.Kind {
	switch p {
	case "weavers":
		return membership.Organisation
	case "pair":
		return membership.Joint
	}
	return membership.Person
}

// dated is a day near today.
func (h *history) dated() calendar.Date {
	return h.clock.today().AddDays(rapid.IntRange(-6, 6).Draw(h.T, "days"))
}

// ever is any day of the history, or somewhat before or after.
func (h *history) ever() calendar.Date {
	return day.AddDays(rapid.IntRange(-6, day.DaysUntil(h.clock.today())+6).Draw(h.T, "day"))
}

func (h *history) identityOf(p domain.PartyID) membership.Identity {
	i := membership.Identity{
		Street: "Spinnerstraat 7", PostalCode: pick(h, "postal code", "9000", ""), City: "Gent", Country: "BE",
		BirthDate: calendar.On(1980, time.March, pick(h, "birth", 1, 2)), NationalNumber: pick(h, "national number", "80030112345", ""),
	}
	if kindOf(p) == membership.Organisation {
		return membership.Identity{
			Organisation: pick(h, "organisation", "De Wevers VZW", "Weavers & Co"), Street: "Loomlane 1", City: "Ronse",
			EnterpriseNumber: "0123.456.749",
		}
	}
	if kindOf(p) == membership.Joint {
		return membership.Identity{Together: pick(h, "together", "Ada and Bert", "The Looms"), Street: "Spinnerstraat 7", City: "Gent"}
	}
	i.FirstName = pick(h, "first name", "Ada", "Élodie", "Bert")
	i.LastName = pick(h, "last name", "Loom", "D'Haese-Müller", "Şahin")
	return i
}

func (h *history) contact() membership.Contact {
	return membership.Contact{Email: pick(h, "email", "Ada.Loom@example.org", "b@example.com", ""), Phone: pick(h, "phone", "+32 470 00 00 01", "")}
}

func (h *history) class() domain.ClassID { return pick[domain.ClassID](h, "class", "A", "B") }
func (h *history) lot() shares.SubscriptionID {
	return pick[shares.SubscriptionID](h, "lot", "l1", "l2")
}

func (h *history) sub() domain.SubscriptionID {
	return pick[domain.SubscriptionID](h, "subscription", "s1", "s2", "s3")
}

func (h *history) assembly() domain.AssemblyID {
	return pick[domain.AssemblyID](h, "assembly", "ga1", "ga2")
}
func (h *history) poll() domain.PollID { return pick[domain.PollID](h, "poll", "q1", "q2") }
func (h *history) payment() domain.PaymentID {
	return pick[domain.PaymentID](h, "payment", "m1", "m2", "m3")
}

func (h *history) service() domain.Service {
	return pick(h, "service", domain.Mail, domain.Storage, domain.Calendar)
}

func (h *history) quantity() int64 { return rapid.Int64Range(1, 4).Draw(h.T, "quantity") }
func (h *history) eur() money.Money {
	return money.New(pick[int64](h, "cents", 2500, 5000, 137), "EUR")
}
func (h *history) quota() domain.Bytes { return domain.Bytes(h.quantity()) * domain.GB }
func (h *history) revision() int64     { return int64(h.clock.now.Sub(began)) }

func do[S any](h *history, cmd domain.Command[S]) error {
	_, err := eventstore.Execute(as(h.Context()), h.node(), cmd)
	return err
}

func do2[A, B any](h *history, cmd domain.Command2[A, B]) error {
	_, err := eventstore.Execute2(as(h.Context()), h.node(), cmd)
	return err
}

func (h *history) adopt() error {
	err := do(h, statutes.Adopt{Version: h.versions + 1, On: h.clock.today(), InForceFrom: h.clock.today(), By: "deed", Statutes: h.statutes})
	if err == nil {
		h.versions++
		h.statutes.Version = h.versions
	}
	return err
}

func (h *history) publish() error {
	err := do(h, offering.Publish{Version: h.lists + 1, On: h.clock.today(), From: h.clock.today(), List: prices()})
	if err == nil {
		h.lists++
	}
	return err
}

// An act is something that may happen, if no rule refuses it.
type act func(h *history) error

// acts are of every module, in the order of a member's life.
var acts = []act{
	(*history).adopt, (*history).publish,
	func(h *history) error {
		return do(h, offering.SetVATRate{On: h.clock.today(), Rate: offering.VATRate{From: h.dated(), Percent: decimal.NewFromInt(h.quantity())}})
	},
	func(h *history) error {
		p := h.party()
		return do(h, membership.Apply{
			Party: p, Kind: kindOf(p), Identity: h.identityOf(p), Contact: h.contact(),
			Language: pick(h, "language", domain.French, domain.Dutch, ""), On: h.clock.today(), Statutes: h.statutes,
		})
	},
	func(h *history) error {
		h.number++
		number := pick(h, "number", h.number, 1, 2, 3)
		return do2(h, membership.Admit{
			Party: h.party(), Number: number, On: h.dated(), Shares: 1, Statutes: h.statutes,
			Decision: membership.Decision{By: statutes.Board, On: h.clock.today()},
		})
	},
	func(h *history) error {
		return do(h, membership.Reject{
			Party: h.party(), On: h.clock.today(), Reason: "not a weaver", Statutes: h.statutes,
			Decision: membership.Decision{By: statutes.Board, On: h.clock.today()},
		})
	},
	func(h *history) error {
		p := h.party()
		h.number++
		c := membership.Enter{
			Party: p, Number: pick(h, "number", h.number, 1, 2, 3), Kind: kindOf(p), Identity: h.identityOf(p), Contact: h.contact(),
			Language: domain.French, AdmittedOn: h.dated(), On: h.clock.today(),
		}
		if rapid.Bool().Draw(h.T, "ended") {
			c.EndedOn, c.EndReason = c.AdmittedOn.AddDays(3), membership.Resigned
		}
		return do2(h, c)
	},
	func(h *history) error {
		p := h.visitor()
		return do(h, membership.ChangeIdentity{Party: p, Identity: h.identityOf(p), On: h.clock.today()})
	},
	func(h *history) error {
		return do(h, membership.ChangeContact{Party: h.visitor(), Contact: h.contact(), On: h.clock.today()})
	},
	func(h *history) error {
		return do(h, membership.ChangeLanguage{Party: h.visitor(), Language: pick(h, "language", domain.Languages...), On: h.clock.today()})
	},
	func(h *history) error {
		return do(h, membership.Resign{Party: h.party(), On: h.clock.today(), Statutes: h.statutes})
	},
	func(h *history) error {
		return do(h, membership.DecideExclusion{
			Party: h.party(), Excluded: true, Reasons: "did not weave", Statutes: h.statutes,
			Decision: membership.Decision{By: statutes.Board, On: h.dated()},
		})
	},
	func(h *history) error {
		return do(h, membership.Decease{Party: h.party(), On: h.dated(), LearntOn: h.clock.today(), Statutes: h.statutes})
	},
	func(h *history) error {
		party, today := h.visitor(), h.clock.today()
		role, of := pick(h, "role", domain.RoleBoard, domain.RoleTreasurer, domain.RoleDelegate), domain.PartyID("")
		if role == domain.RoleDelegate {
			of = "weavers"
		}
		return h.course(
			func() error {
				return do(h, membership.GrantRole{Party: party, Role: role, For: of, On: today})
			},
			func() error {
				return do(h, membership.RevokeRole{Party: party, Role: role, For: of, On: today})
			},
		)
	},
	func(h *history) error {
		return do(h, membership.WithdrawApplication{Party: h.party(), On: h.clock.today()})
	},
	func(h *history) error {
		party, today := h.party(), h.clock.today()
		return h.course(
			func() error { return do(h, membership.Resign{Party: party, On: today, Statutes: h.statutes}) },
			func() error {
				return do(h, membership.WithdrawResignation{Party: party, On: today.AddDays(1), Statutes: h.statutes})
			},
		)
	},
	func(h *history) error {
		return do(h, membership.RevokeEnd{Party: h.party(), On: h.clock.today(), Why: "by mistake"})
	},
	func(h *history) error {
		return do2(h, membership.Merge{Party: pick[domain.PartyID](h, "merged", "guest", "bert"), Into: "anna", On: h.clock.today()})
	},
	(*history).rejoin, (*history).rejoin,
	(*history).refund, (*history).refund, (*history).earn, (*history).credit,
	(*history).wait, (*history).move, (*history).pair, (*history).leave, (*history).exclude,
	func(h *history) error {
		return do(h, membership.NameFounder{Party: h.party(), On: h.clock.today()})
	},
	func(h *history) error {
		party, today := h.visitor(), h.clock.today()
		account := membership.BankAccount{IBAN: pick[domain.IBAN](h, "iban", "BE68539007547034", "DE89370400440532013000"), Holder: "Ada Loom"}
		return h.course(
			func() error {
				return do(h, membership.ChangeBankAccount{Party: party, Account: account, On: today, Statutes: h.statutes})
			},
			func() error { return do(h, membership.RemoveBankAccount{Party: party, On: today}) },
		)
	},
	func(h *history) error {
		household, party := pick[membership.HouseholdID](h, "household", "h1", "h2"), h.visitor()
		return h.course(
			func() error {
				return do2(h, membership.JoinHousehold{Household: household, Party: party, On: h.clock.today()})
			},
			func() error {
				return do(h, membership.LeaveHousehold{Household: household, Party: party, On: h.clock.today()})
			},
		)
	},
	(*history).erase,
	func(h *history) error {
		return h.node().Keys.Rotate(h.Context(), h.visitor(), pick(h, "data", sealed.Classes...))
	},

	func(h *history) error {
		return do(h, shares.Subscribe{Subscription: h.lot(), Party: h.party(), Class: h.class(), Quantity: h.quantity(), On: h.dated(), Statutes: h.statutes})
	},
	func(h *history) error {
		reference := fmt.Sprintf("%d", rapid.IntRange(1, 9).Draw(h.T, "reference"))
		return do(h, shares.RecordPayment{Subscription: h.lot(), Party: h.party(), Class: h.class(), Amount: h.eur(), On: h.dated(), Reference: reference})
	},
	func(h *history) error { // in full
		party, class, lot := h.party(), h.class(), h.lot()
		_, err := eventstore.Transact(as(h.Context()), h.node(), func(tx *eventstore.Tx) error {
			holding, _, err := eventstore.Load[shares.Holding](tx, shares.StreamOf(party, class))
			if err != nil {
				return err
			}
			due, _ := holding.Due(lot)
			return eventstore.Do(tx, shares.RecordPayment{Subscription: lot, Party: party, Class: class, Amount: due, On: h.clock.today(), Reference: "rest of " + string(lot)})
		})
		return err
	},
	func(h *history) error {
		return do(h, shares.Issue{Subscription: h.lot(), Party: h.party(), Class: h.class(), On: h.dated(), Statutes: h.statutes})
	},
	func(h *history) error {
		return do2(h, shares.Transfer{
			Transfer: shares.TransferID(fmt.Sprint("t", h.quantity())), From: h.party(), To: h.party(), Class: h.class(),
			Quantity: h.quantity(), On: h.dated(), Statutes: h.statutes,
		})
	},
	func(h *history) error {
		return do(h, shares.Redeem{
			Redemption: shares.RedemptionID(fmt.Sprint("r", h.quantity())), Party: h.party(), Class: h.class(), Quantity: h.quantity(),
			On: h.dated(), Statutes: h.statutes,
		})
	},
	(*history).invest, (*history).invest,
	func(h *history) error {
		return do(h, shares.WithdrawSubscription{Subscription: h.lot(), Party: h.party(), Class: h.class(), Why: shares.Withdrawn, On: h.dated()})
	},
	(*history).convert, (*history).giveBack, (*history).giveBack, (*history).certify,
	(*history).reverse, (*history).reverse,
	(*history).demand, (*history).demand, (*history).lose, (*history).overpay, (*history).overpay, (*history).agree, (*history).propose,
	func(h *history) error {
		today := h.clock.today()
		return do(h, shares.ConsultRegister{
			Consultation: shares.ConsultationID(fmt.Sprint("k", h.revision())), Party: h.party(), Holder: h.party(), AsAt: today, On: today, Held: 1,
		})
	},
	func(h *history) error {
		return do(h, shares.NoteRestriction{
			Restriction: shares.RestrictionID(fmt.Sprint("r", h.quantity())), Party: h.party(), Class: h.class(),
			Kind: pick(h, "kind", shares.Pledged, shares.Contractual), Beneficiary: "Example Bank", Document: "a deed", On: h.dated(),
		})
	},
	func(h *history) error { // one that is in force, if there is one
		lift := shares.LiftRestriction{Restriction: "r", Party: h.party(), Class: h.class(), Document: "a release", On: h.clock.today().AddDays(3)}
		_, err := eventstore.Transact(as(h.Context()), h.node(), func(tx *eventstore.Tx) error {
			holding, _, err := eventstore.Load[shares.Holding](tx, lift.Stream())
			if err != nil {
				return err
			}
			for _, r := range holding.Restrictions() {
				lift.Restriction = r.Restriction
			}
			return eventstore.Do(tx, lift)
		})
		return err
	},
	func(h *history) error { // all
		party, class := h.party(), h.class()
		_, err := eventstore.Transact(as(h.Context()), h.node(), func(tx *eventstore.Tx) error {
			holding, _, err := eventstore.Load[shares.Holding](tx, shares.StreamOf(party, class))
			if err != nil {
				return err
			}
			return eventstore.Do(tx, shares.Redeem{
				Redemption: "all", Party: party, Class: class, Quantity: holding.Held(), On: h.clock.today().AddDays(6), Statutes: h.statutes,
			})
		})
		return err
	},
	func(h *history) error {
		n := h.quantity()
		return do(h, shares.Enter{
			Subscription: h.lot(), Party: h.party(), Class: h.class(), Quantity: n, Paid: money.New(2500*n, "EUR"), On: h.dated(), Statutes: h.statutes,
		})
	},

	func(h *history) error {
		return do(h, assembly.Convene{
			Assembly: h.assembly(), Kind: assembly.Annual, Title: domain.Text{EN: "Annual assembly"}, On: h.clock.today(),
			HeldOn: h.clock.today().AddDays(rapid.IntRange(2, 4).Draw(h.T, "days")), Statutes: h.statutes,
		})
	},
	func(h *history) error {
		return do2(h, assembly.EnterRoll{Assembly: h.assembly(), Party: h.party(), Votes: rapid.Int64Range(0, 3).Draw(h.T, "votes")})
	},
	func(h *history) error {
		return do(h, assembly.FreezeRoll{Assembly: h.assembly(), Voters: 3, Votes: 9, On: h.clock.today().AddDays(4)})
	},
	func(h *history) error {
		c := assembly.OpenPoll{
			Poll: h.poll(), Assembly: h.assembly(), Question: domain.Text{FR: "Oui ?", EN: "Yes?"}, Decision: statutes.Ordinary,
			OpensAt: h.clock.now, Statutes: h.statutes,
		}
		if rapid.Bool().Draw(h.T, "closes") {
			c.ClosesAt = c.OpensAt.Add(time.Hour)
		}
		return do2(h, c)
	},
	(*history).hold, (*history).vote, (*history).vote,
	func(h *history) error { return do(h, assembly.ClosePoll{Poll: h.poll(), At: h.clock.now}) },
	func(h *history) error {
		return do(h, assembly.DeclareResult{Poll: h.poll(), Tally: assembly.Tally{Voters: 2, For: 2}})
	},

	func(h *history) error {
		return do(h, documents.File{
			Document: domain.DocumentID(fmt.Sprint("d", h.quantity())), Kind: pick(h, "kind", documents.Kinds...), Title: "Minutes",
			SHA256: "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", Size: 12, MediaType: "application/pdf",
			On: h.dated(), About: pick[domain.PartyID](h, "about", "", "anna", "bert"),
		})
	},

	func(h *history) error {
		return do(h, subscription.Subscribe{
			Subscription: h.sub(), Party: h.party(), Payer: h.party(), Plan: "nubo", GB: int(h.quantity()),
			Terms: subscription.Terms{PriceList: 1, LeastGB: 1, MostGB: 4}, On: h.clock.today(), From: h.clock.today().AddDays(int(h.quantity()) - 1),
		})
	},
	func(h *history) error {
		return do(h, subscription.ChangeQuota{Subscription: h.sub(), GB: int(h.quantity()), On: h.clock.today(), From: h.dated()})
	},
	func(h *history) error {
		return do(h, subscription.Cancel{Subscription: h.sub(), On: h.clock.today(), Ends: h.dated()})
	},
	func(h *history) error {
		return do(h, subscription.Suspend{Subscription: h.sub(), Reason: subscription.Unpaid, On: h.dated()})
	},
	func(h *history) error { return do(h, subscription.Resume{Subscription: h.sub(), On: h.dated()}) },

	(*history).pause, (*history).pause,
	(*history).share, (*history).share, (*history).book,
	func(h *history) error {
		sub := h.sub()
		c := entitlement.Give{
			Subscription: sub, Gift: entitlement.GiftID(fmt.Sprint("g", h.quantity(), sub)), Party: h.party(), Service: domain.Mail, Quota: h.quota(),
			On: h.clock.today(), From: h.clock.today(),
		}
		return h.course(func() error { return do(h, c) }, func() error {
			return do(h, entitlement.EndGift{Subscription: c.Subscription, Gift: c.Gift, On: h.clock.today(), Until: h.dated()})
		})
	},
	func(h *history) error {
		return do(h, entitlement.GiveGrace{Subscription: h.sub(), Party: h.party(), On: h.clock.today(), Until: h.dated()})
	},
	func(h *history) error {
		return do(h, entitlement.CountMembership{Party: h.party(), Subscription: h.sub(), On: h.clock.today()})
	},
	func(h *history) error {
		service, quota := h.service(), h.quota()
		if service.App() {
			quota = 0
		}
		return do(h, entitlement.Grant{Subscription: h.sub(), Party: h.party(), Service: service, Quota: quota, From: h.clock.today()})
	},
	func(h *history) error {
		return do(h, entitlement.Change{Subscription: h.sub(), Service: h.service(), Quota: h.quota(), From: h.clock.today()})
	},
	func(h *history) error {
		return do(h, entitlement.Suspend{Subscription: h.sub(), Service: h.service(), On: h.clock.today()})
	},
	func(h *history) error {
		return do(h, entitlement.Resume{Subscription: h.sub(), Service: h.service(), On: h.clock.today()})
	},
	func(h *history) error {
		return do(h, entitlement.Revoke{Subscription: h.sub(), Service: h.service(), On: h.clock.today()})
	},

	func(h *history) error { return do2(h, billing.NumberPayer{Payer: h.party(), Number: h.quantity()}) },
	(*history).invoice,

	func(h *history) error {
		c := payment.Record{Payment: h.payment(), Amount: h.eur(), On: h.dated(), Method: payment.Transfer, Reference: "bank 1"}
		if rapid.Bool().Draw(h.T, "known") {
			c.Payer = h.party()
		}
		return do(h, c)
	},
	func(h *history) error {
		id, party := h.payment(), h.party()
		return h.course(
			func() error { return do(h, payment.Match{Payment: id, Payer: party, On: h.clock.today()}) },
			func() error { return do(h, payment.Unmatch{Payment: id, Payer: party, On: h.clock.today()}) },
			func() error { return do(h, payment.Reverse{Payment: id, Document: "notice", On: h.clock.today()}) },
		)
	},

	(*history).provision, (*history).provision,
	func(h *history) error {
		return do(h, provisioning.RecordQuota{Account: h.account(), Quota: h.quota(), Revision: h.revision()})
	},
	func(h *history) error {
		return do(h, provisioning.RecordSuspended{Account: h.account(), Revision: h.revision()})
	},
	func(h *history) error {
		return do(h, provisioning.RecordResumed{Account: h.account(), Revision: h.revision()})
	},
	func(h *history) error {
		return do(h, provisioning.RecordDeleted{Account: h.account(), Revision: h.revision()})
	},
	func(h *history) error {
		return do(h, provisioning.RecordFailure{
			Account: h.account(), Step: provisioning.StepQuota, Class: "transient", Code: "503", Attempts: int(h.quantity()),
			Parked: rapid.Bool().Draw(h.T, "parked"), Revision: h.revision(), Target: pick(h, "target", "", "ldap"),
		})
	},
	func(h *history) error {
		return do(h, provisioning.RecordProvisioned{Account: h.account(), Quota: h.quota(), Revision: h.revision(), Target: "ldap"})
	},
	func(h *history) error {
		return do(h, provisioning.RecordRepaired{Account: h.account(), Repair: fmt.Sprint("r", h.quantity()), Steps: []provisioning.Step{provisioning.StepEnsure}, Revision: h.revision(), Target: pick(h, "target", "", "ldap")})
	},
	(*history).address, (*history).address,
	func(h *history) error {
		today := h.clock.today()
		return do(h, provisioning.HoldAccount{Account: h.account(), On: today, Through: today.AddDays(9)})
	},
	func(h *history) error {
		return do(h, provisioning.ReleaseAccount{Account: h.account(), On: h.clock.today()})
	},
	func(h *history) error {
		today := h.clock.today()
		return do(h, provisioning.AllowExport{Account: h.account(), Reason: "zyxo for heirs", On: today, Through: today.AddDays(9)})
	},
	func(h *history) error {
		return do(h, provisioning.NoteUsage{Account: h.account(), Used: h.quota(), Quota: h.quota(), On: h.clock.today()})
	},
	func(h *history) error {
		today := h.clock.today()
		return do(h, provisioning.PostponeSize{Account: h.account(), Used: h.quota(), Quota: h.quota(), Measured: today, On: today, Until: today.AddDays(30)})
	},
	func(h *history) error {
		return do(h, provisioning.PlaceAccount{Account: h.account(), Node: pick(h, "node", "mail", "mail2")})
	},
	(*history).migrate, (*history).migrate,
	func(h *history) error {
		return do(h, provisioning.SkipWork{Account: h.account(), Revision: h.revision(), Reason: "zyxo the server is being replaced"})
	},
}

// erase erases, and sometimes destroys the keys at once; otherwise whoever is to do
// so has not come to it yet.
func (h *history) erase() error {
	party, class, node := h.visitor(), pick(h, "data", sealed.Classes...), h.node()
	through, err := node.Keys.Version(h.Context(), party, class)
	if err != nil {
		return err
	}
	_, err = eventstore.Execute(as(h.Context()), node, membership.ErasePersonalData{
		Party: party, Class: class, Through: through, On: h.clock.today(), Statutes: h.statutes,
	})
	if err == nil && rapid.Bool().Draw(h.T, "destroyed") {
		err = node.Keys.Destroy(h.Context(), party, class, through)
	}
	return err
}

// invest is the course of shares.
func (h *history) invest() error {
	from, to, class, lot, n := h.party(), h.party(), h.class(), h.lot(), h.quantity()
	first := h.dated()
	return h.course(func() error {
		return do(h, shares.Subscribe{Subscription: lot, Party: from, Class: class, Quantity: n, On: first, Statutes: h.statutes})
	}, func() error {
		return do(h, shares.RecordPayment{
			Subscription: lot, Party: from, Class: class, Amount: money.New(2500*n, "EUR"), On: first.AddDays(1), Reference: string(lot),
		})
	}, func() error {
		return do(h, shares.Issue{Subscription: lot, Party: from, Class: class, On: first.AddDays(3), Statutes: h.statutes})
	}, func() error {
		transfer := shares.TransferID(fmt.Sprint("t", h.revision()))
		return do2(h, shares.Transfer{Transfer: transfer, From: from, To: to, Class: class, Quantity: 1, On: first.AddDays(5), Statutes: h.statutes})
	})
}

// convert is the course of shares that become others, perhaps by mistake.
func (h *history) convert() error {
	party, n := h.party(), h.quantity()
	id := shares.ConversionID(fmt.Sprint("c", h.revision()))
	today := h.clock.today()
	return h.course(func() error {
		return do(h, shares.Enter{
			Subscription: h.lot(), Party: party, Class: "A", Quantity: n, Paid: money.New(2500*n, "EUR"), On: today, Statutes: h.statutes,
		})
	}, func() error {
		return do2(h, shares.Convert{Conversion: id, Party: party, Class: "A", To: "C", Quantity: 1, On: today, Statutes: h.statutes})
	}, func() error {
		return do2(h, shares.ReverseConversion{
			Reversal: shares.ReversalID(id), Conversion: id, Party: party, Class: "A", To: "C", Document: "the minutes", On: today.AddDays(1),
		})
	})
}

// giveBack is the course of shares that are given back, perhaps by mistake.
func (h *history) giveBack() error {
	party, class, today := h.party(), h.class(), h.clock.today()
	id := shares.ClaimID(fmt.Sprint("x", h.revision()))
	return h.course(func() error {
		return do2(h, shares.RequestExit{Claim: id, Party: party, Class: class, Reason: shares.Resigned, Quantity: 1, On: today.AddDays(-3), Statutes: h.statutes})
	}, func() error {
		return do2(h, shares.TakeEffect{Claim: id, Party: party, Class: class, On: today.AddDays(6), Statutes: h.statutes})
	}, func() error {
		return do2(h, shares.ReverseExit{Reversal: shares.ReversalID(id), Claim: id, Party: party, Class: class, Document: "the minutes", On: today.AddDays(6)})
	})
}

// certify is the course of certificates.
func (h *history) certify() error {
	party, class, today := h.party(), h.class(), h.clock.today()
	number := shares.CertificateNumber(2*h.revision() + 1)
	return h.course(func() error {
		return do2(h, shares.IssueCertificate{Number: number, Party: party, Class: class, Quantity: 1, On: today.AddDays(6)})
	}, func() error {
		_, err := eventstore.Transact(as(h.Context()), h.node(), func(tx *eventstore.Tx) error {
			holding, _, err := eventstore.Load[shares.Holding](tx, shares.StreamOf(party, class))
			if err != nil {
				return err
			}
			return eventstore.Do2(tx, shares.ReplaceCertificate{
				Old: number, New: number + 1, Quantity: 1, Why: shares.LostPaper, On: today.AddDays(6), Holding: holding,
			})
		})
		return err
	}, func() error {
		return do(h, shares.CancelCertificate{Number: number + 1, Why: shares.Mistaken, On: today.AddDays(6)})
	})
}

// enterPart enters a lot of which a part is paid.
func (h *history) enterPart(id string, party domain.PartyID, class domain.ClassID, n int64) error {
	return do(h, shares.Enter{
		Subscription: shares.SubscriptionID(id), Party: party, Class: class, Quantity: n, Paid: money.New(1000*n, "EUR"), On: h.clock.today(),
		Statutes: h.statutes,
	})
}

// demand is the course of a call for what is unpaid, perhaps by mistake.
func (h *history) demand() error {
	party, class, n, today := h.party(), h.class(), h.quantity(), h.clock.today()
	id := fmt.Sprint("d", h.revision())
	return h.course(func() error { return h.enterPart(id, party, class, n) }, func() error {
		return do(h, shares.DecideCall{
			Call: shares.CallID(id), Class: class, UpTo: money.New(2000, "EUR"), DueOn: today.AddDays(int(n)), Decision: "the minutes", On: today, Statutes: h.statutes,
		})
	}, func() error {
		return do2(h, shares.CallShares{Call: shares.CallID(id), Party: party, Class: class})
	}, func() error {
		return do(h, shares.RecordPayment{
			Subscription: shares.SubscriptionID(id), Party: party, Class: class, Amount: h.eur(), On: today, Reference: "call " + id, KeepRest: true,
		})
	}, func() error {
		if rapid.Bool().Draw(h.T, "passes on") {
			return do2(h, shares.Transfer{
				Transfer: shares.TransferID(id), Kind: shares.Inheritance, From: party, To: h.party(), Class: class, Quantity: n, On: today.AddDays(1), Statutes: h.statutes,
			})
		}
		return do(h, shares.ReverseEntry{
			Reversal: shares.ReversalID(id), Entry: shares.EntryCall, Of: id, Party: party, Class: class, Document: "the minutes", On: today.AddDays(1),
		})
	}, func() error {
		return do(h, shares.ReverseEntry{
			Reversal: shares.ReversalID(id + "p"), Entry: shares.EntryPayment, Of: "call " + id, Party: party, Class: class, Document: "a notice", On: today.AddDays(2),
		})
	})
}

// lose is the course of a loss that shares bear, perhaps by mistake.
func (h *history) lose() error {
	party, class, n, today := h.party(), h.class(), h.quantity(), h.clock.today()
	id := fmt.Sprint("o", h.revision())
	year := calendar.Period{From: today.AddDays(-int(h.quantity())), Through: today}
	return h.course(func() error { return h.enterPart(id, party, class, n) }, func() error {
		return do(h, shares.ChargeLoss{Party: party, Class: class, On: today.AddDays(6), Accounts: shares.AccountsApproved{
			Year: year, NetAssets: money.New(100, "EUR"), Loss: money.New(700, "EUR"), Decision: "the minutes", On: today,
			Shares: []shares.ClassShares{{Class: class, Quantity: 9, Price: money.New(2500, "EUR")}},
		}})
	}, func() error {
		return do(h, shares.ReverseEntry{
			Reversal: shares.ReversalID(id), Entry: shares.EntryLoss, Of: year.Through.String(), Party: party, Class: class, Document: "the minutes", On: today.AddDays(6),
		})
	})
}

// overpay is the course of money that is owed back.
func (h *history) overpay() error {
	party, payer, class, n, today := h.party(), h.party(), h.class(), h.quantity(), h.clock.today()
	id := fmt.Sprint("y", h.revision())
	one := money.New(100, "EUR")
	return h.course(func() error {
		return do(h, shares.Subscribe{Subscription: shares.SubscriptionID(id), Party: party, Class: class, Quantity: n, On: today, Statutes: h.statutes})
	}, func() error {
		return do(h, shares.RecordPayment{
			Subscription: shares.SubscriptionID(id), Party: party, Class: class, Payer: payer, Amount: money.New(2500*n+500, "EUR"), On: today, Reference: id, KeepRest: true,
		})
	}, func() error {
		return do(h, shares.WithdrawSubscription{Subscription: shares.SubscriptionID(id), Party: party, Class: class, Why: shares.Refused, On: today})
	}, func() error {
		return do(h, shares.Subscribe{Subscription: shares.SubscriptionID(id + "b"), Party: payer, Class: class, Quantity: 1, On: today, Statutes: h.statutes})
	}, func() error {
		return do2(h, shares.AssignCredit{
			Assignment: "a" + id, Party: party, Class: class, Reference: id, Amount: one, To: payer, ToClass: class, Subscription: shares.SubscriptionID(id + "b"), On: today,
		})
	}, func() error {
		return do(h, shares.RefundCredit{Party: party, Class: class, Reference: id, Amount: one, On: today, Payment: "b" + id})
	}, func() error {
		return do(h, shares.ReverseEntry{
			Reversal: shares.ReversalID(id), Entry: shares.EntryCredit, Of: "b" + id, Party: party, Class: class, Document: "a notice", On: today,
		})
	}, func() error {
		return do(h, shares.TimeBarCredit{Party: party, Class: class, Reference: id, On: today.AddDays(400), Statutes: h.statutes})
	})
}

// agree is the course of shares that wait for the admission of who receives them.
func (h *history) agree() error {
	from, to, class, n, today := h.party(), h.party(), h.class(), h.quantity(), h.clock.today()
	id := fmt.Sprint("g", h.revision())
	return h.course(func() error {
		return do(h, shares.Enter{
			Subscription: shares.SubscriptionID(id), Party: from, Class: class, Quantity: n, Paid: money.New(2500*n, "EUR"), On: today, Statutes: h.statutes,
		})
	}, func() error {
		return do2(h, shares.AgreeTransfer{
			Transfer: shares.TransferID(id), Kind: shares.Gift, From: from, To: to, Class: class, Quantity: 1, On: today.AddDays(6), Statutes: h.statutes,
		})
	}, func() error {
		if rapid.Bool().Draw(h.T, "given up") {
			return do2(h, shares.AbandonTransfer{
				Transfer: shares.TransferID(id), From: from, To: to, Class: class, Why: shares.Refused, On: today.AddDays(6),
			})
		}
		return do2(h, shares.CompleteTransfer{Transfer: shares.TransferID(id), From: from, To: to, Class: class, On: today.AddDays(6), Statutes: h.statutes})
	})
}

// propose is the course of a transfer that two sign.
func (h *history) propose() error {
	from, to, today := h.party(), h.party(), h.clock.today()
	id := shares.TransferID(fmt.Sprint("q", h.revision()))
	sign := func(as shares.Signatory, by domain.PartyID) shares.Signature {
		return shares.Signature{As: as, By: by, On: today, How: shares.SignedIn}
	}
	return h.course(func() error {
		return do(h, shares.ProposeTransfer{
			Transfer: id, From: from, To: to, Class: h.class(), Quantity: 1, Kind: shares.Gift, Signed: sign(shares.AsTransferor, from), On: today, Statutes: h.statutes,
		})
	}, func() error {
		return do(h, shares.SignTransfer{Transfer: id, Signed: sign(shares.AsTransferee, to)})
	}, func() error {
		return do(h, shares.EndProposal{Transfer: id, Outcome: shares.ProposalDeclined, On: today})
	})
}

// reverse undoes something that may have been entered.
func (h *history) reverse() error {
	id := shares.ReversalID(fmt.Sprint("v", h.clock.now.UnixMicro()))
	if rapid.Bool().Draw(h.T, "transfer") {
		return do2(h, shares.ReverseTransfer{
			Reversal: id, Transfer: shares.TransferID(fmt.Sprint("t", h.quantity())), From: h.party(), To: h.party(), Class: h.class(),
			Document: "the minutes", On: h.dated(),
		})
	}
	c := shares.ReverseEntry{
		Reversal: id, Entry: shares.EntryIssue, Of: string(h.lot()), Party: h.party(), Class: h.class(), Document: "a notice", On: h.dated(),
	}
	if rapid.Bool().Draw(h.T, "payment") {
		c.Entry, c.Keep = shares.EntryPayment, rapid.Bool().Draw(h.T, "keep")
		c.Of = pick(h, "reference", "rest of "+c.Of, c.Of, "entered "+c.Of, "1", "2")
	}
	return do(h, c)
}

// rejoin is the course of somebody who leaves and comes back.
func (h *history) rejoin() error {
	party, first := h.party(), h.dated()
	apply := membership.Apply{Party: party, Kind: kindOf(party), Identity: h.identityOf(party), On: first, Statutes: h.statutes}
	h.number += 2
	admit := membership.Admit{
		Party: party, Number: h.number - 1, On: first, Shares: 1, Statutes: h.statutes,
		Decision: membership.Decision{By: statutes.Board, On: first},
	}
	return h.course(func() error {
		return do(h, apply)
	}, func() error {
		return do2(h, admit)
	}, func() error {
		return do(h, membership.Resign{Party: party, On: first, Statutes: h.statutes})
	}, func() error {
		apply.On = first.AddDays(5)
		return do(h, apply)
	}, func() error {
		admit.Number, admit.On, admit.Decision.On = h.number, first.AddDays(6), first.AddDays(6)
		return do2(h, admit)
	}, func() error {
		return do(h, membership.DecideExclusion{
			Party: party, Excluded: true, Reasons: "did not weave", Statutes: h.statutes,
			Decision: membership.Decision{By: statutes.Board, On: first.AddDays(9)},
		})
	})
}

// wait is the course of a candidate who waits for their turn.
func (h *history) wait() error {
	party, today := h.party(), h.clock.today()
	return h.course(func() error {
		return do(h, membership.Apply{
			Party: party, Kind: kindOf(party), Identity: h.identityOf(party), On: today, Statutes: h.statutes,
			Accepted: []membership.Acceptance{{Text: "statutes", Version: "3", On: today}}, Shares: []membership.Wish{{Class: "A", Quantity: 2}},
		})
	}, func() error {
		return do(h, membership.PutOnWaitingList{Party: party, On: today})
	}, func() error {
		return do(h, membership.TakeOffWaitingList{Party: party, On: today})
	})
}

// move is the course of somebody whose address changes.
func (h *history) move() error {
	party, today := h.visitor(), h.clock.today()
	request := membership.RequestID(fmt.Sprint("r", h.revision()))
	return h.course(func() error {
		return do(h, membership.RequestContactChange{Party: party, Request: request, Contact: h.contact(), On: today, Statutes: h.statutes})
	}, func() error {
		by := pick(h, "channel", membership.OldChannel, membership.BySecretary)
		if rapid.Bool().Draw(h.T, "declined") {
			return do(h, membership.DeclineContactChange{Party: party, Request: request, By: by, On: today})
		}
		return do(h, membership.ConfirmContactChange{Party: party, Request: request, By: by, Reason: "has called", On: today})
	})
}

// pair is the course of two who hold shares together, and of who acts for them and for
// an organisation.
func (h *history) pair() error {
	today, holders := h.clock.today(), []domain.PartyID{"anna", "bert"}
	party, capacity := pick[domain.PartyID](h, "for", "pair", "weavers"), membership.NamedVoter
	if party == "weavers" {
		capacity = membership.Delegate
	}
	first, next := membership.MandateID(fmt.Sprint("d", h.revision())), membership.MandateID(fmt.Sprint("e", h.revision()))
	return h.course(func() error {
		if party == "weavers" {
			return nil
		}
		return do(h, membership.FormJoint{Party: "pair", Identity: h.identityOf("pair"), Holders: holders, On: today})
	}, func() error {
		if h.any(2, "another course") > 0 {
			return nil
		}
		if party == "weavers" {
			return do(h, membership.WindUp{Party: party, How: membership.ByDissolution, On: today, LearntOn: today.AddDays(1), Statutes: h.statutes})
		}
		return do(h, membership.ChangeHolders{Party: party, Holders: pick(h, "holders", []domain.PartyID{"bert", "guest"}, holders), On: today})
	}, func() error {
		return do2(h, membership.GiveMandate{
			Party: party, Mandate: first, Agent: pick(h, "agent", holders...), Capacity: capacity, From: h.dated(), Proof: "d1", Statutes: h.statutes,
		})
	}, func() error {
		return do2(h, membership.HandOverMandate{Party: party, Mandate: first, To: next, Agent: pick(h, "agent", holders...), On: today.AddDays(7), Statutes: h.statutes})
	}, func() error {
		return do(h, membership.EndMandate{Party: party, Mandate: next, On: today.AddDays(9)})
	})
}

// leave is the course of somebody who has died, of which the co-op learns late.
func (h *history) leave() error {
	party, today := pick[domain.PartyID](h, "deceased", "anna", "bert", "guest"), h.clock.today()
	estate := "estate of " + party
	return h.course(func() error {
		return do(h, membership.Decease{Party: party, On: today.AddDays(-3), LearntOn: today, Statutes: h.statutes})
	}, func() error {
		return do2(h, membership.OpenEstate{
			Party: estate, Of: party, Identity: membership.Identity{Together: "Estate of " + string(party)}, Heirs: []domain.PartyID{"heir"}, On: today,
		})
	}, func() error {
		return do2(h, membership.GiveMandate{
			Party: estate, Mandate: "settles", Agent: h.party(), Capacity: membership.Representative, From: today, Statutes: h.statutes,
		})
	}, func() error {
		return do(h, membership.RevokeEnd{Party: party, On: today, Why: "another of that name"})
	})
}

// exclude is the course of an exclusion, of somebody to whom nothing else happens.
func (h *history) exclude() error {
	party, today, excluded := domain.PartyID(fmt.Sprint("idle", h.revision())), h.clock.today(), rapid.Bool().Draw(h.T, "excluded")
	return h.course(func() error {
		h.number++
		return all(func() error {
			return do2(h, membership.Enter{
				Party: party, Number: h.number + 1000, Kind: membership.Person, Identity: h.identityOf(party), AdmittedOn: today.AddDays(-40), On: today,
			})
		}, func() error {
			return do(h, membership.ProposeExclusion{Party: party, On: today, Grounds: "did not weave", Statutes: h.statutes})
		})
	}, func() error {
		return do(h, membership.AnswerExclusion{Party: party, On: today, Answer: "I did", Hearing: rapid.Bool().Draw(h.T, "hearing")})
	}, func() error {
		return do(h, membership.HoldHearing{Party: party, On: today, Attended: true, Minutes: "7"})
	}, func() error {
		return do(h, membership.DecideExclusion{
			Party: party, Excluded: excluded, Reasons: "did not", Statutes: h.statutes,
			Decision: membership.Decision{By: statutes.Board, On: today, Minutes: "8"},
		})
	}, func() error {
		if !excluded {
			return nil
		}
		return do(h, membership.NotifyExclusion{Party: party, On: today.AddDays(1)})
	})
}

// course has the steps of a course of things happen, through one of them.
func (h *history) course(steps ...func() error) error {
	for _, step := range steps[:1+h.any(len(steps), "steps")] {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// hold is the course of an assembly.
func (h *history) hold() error {
	id, poll := h.assembly(), h.poll()
	return h.course(func() error {
		return do(h, assembly.Convene{
			Assembly: id, Kind: assembly.Extraordinary, Title: domain.Text{EN: "Assembly"}, On: h.clock.today(),
			HeldOn: h.clock.today().AddDays(2), Statutes: h.statutes,
		})
	}, func() error {
		for i, party := range parties {
			if err := do2(h, assembly.EnterRoll{Assembly: id, Party: party, Votes: int64(i + 1)}); err != nil {
				return err
			}
		}
		return nil
	}, func() error {
		h.clock.now = h.clock.now.Add(48 * time.Hour)
		return do(h, assembly.FreezeRoll{Assembly: id, Voters: 3, Votes: 6, On: h.clock.today()})
	}, func() error {
		return do2(h, assembly.OpenPoll{
			Poll: poll, Assembly: id, Question: domain.Text{EN: "Yes?"}, Decision: statutes.Ordinary, OpensAt: h.clock.now, Statutes: h.statutes,
		})
	}, func() error {
		return do2(h, assembly.CastVote{Poll: poll, Assembly: id, Party: h.party(), Choice: assembly.Abstain, At: h.clock.now})
	}, func() error {
		return do(h, assembly.ClosePoll{Poll: poll, At: h.clock.now})
	}, func() error {
		return do(h, assembly.DeclareResult{Poll: poll, Tally: assembly.Tally{Voters: 1, Abstain: 1}})
	})
}

// pause is the course of what is withheld for a while.
func (h *history) pause() error {
	sub, service, party, today := h.sub(), h.service(), h.party(), h.clock.today()
	if rapid.Bool().Draw(h.T, "subscription") {
		return h.course(func() error {
			return do(h, subscription.Subscribe{
				Subscription: sub, Party: party, Payer: party, Plan: "nubo", GB: 2,
				Terms: subscription.Terms{PriceList: 1, LeastGB: 1, MostGB: 4}, On: today, From: today,
			})
		}, func() error {
			return do(h, subscription.Suspend{Subscription: sub, Reason: subscription.Request, On: today})
		}, func() error {
			return do(h, subscription.Resume{Subscription: sub, On: today.AddDays(1)})
		})
	}
	return h.course(func() error {
		return do(h, entitlement.Grant{Subscription: sub, Party: party, Service: service, Quota: domain.GB, From: today})
	}, func() error {
		return do(h, entitlement.Suspend{Subscription: sub, Service: service, On: today})
	}, func() error {
		return do(h, entitlement.Resume{Subscription: sub, Service: service, On: today})
	})
}

// share is the course of a part of a subscription.
func (h *history) share() error {
	sub, party, today := h.sub(), h.party(), h.clock.today()
	link := domain.SubscriptionID(fmt.Sprint("l", h.quantity()))
	return h.course(func() error {
		return do(h, subscription.Subscribe{
			Subscription: sub, Party: "guest", Payer: party, Plan: "nubo", GB: 4,
			Terms: subscription.Terms{PriceList: 1, LeastGB: 1, MostGB: 4}, On: today, From: today,
		})
	}, func() error {
		return do2(h, subscription.Link{Subscription: sub, Link: link, Party: party, GB: int(h.quantity()), Offered: rapid.Bool().Draw(h.T, "offered"), On: today})
	}, func() error {
		return do(h, subscription.AcceptPart{Subscription: sub, Link: link, On: today})
	}, func() error {
		return do(h, subscription.ChangePart{Subscription: sub, Link: link, GB: int(h.quantity()), On: today})
	}, func() error {
		if rapid.Bool().Draw(h.T, "detached") {
			return do2(h, subscription.Detach{Subscription: sub, Link: link, GB: 2, Terms: subscription.Terms{PriceList: 1, LeastGB: 1, MostGB: 4}, On: today, Grace: 30})
		}
		return do(h, subscription.Unlink{Subscription: sub, Link: link, On: today, Ends: today.AddDays(3)})
	})
}

// book is the course of an add-on.
func (h *history) book() error {
	sub, today := h.sub(), h.clock.today()
	id := subscription.AddOnID(fmt.Sprint("a", h.quantity(), sub))
	return h.course(func() error {
		return do(h, subscription.BookAddOn{Subscription: sub, AddOn: id, Payer: h.party(), Service: domain.Storage, GB: int(h.quantity()), On: today, From: today.AddDays(3)})
	}, func() error {
		return do(h, subscription.EndAddOn{Subscription: sub, AddOn: id, On: today, Ends: today.AddDays(5)})
	})
}

func (h *history) vote() error {
	choice := pick(h, "choice", assembly.Choices...)
	return do2(h, assembly.CastVote{Poll: h.poll(), Assembly: h.assembly(), Party: h.party(), Choice: choice, At: h.clock.now})
}

func (h *history) invoice() error {
	eur := h.eur()
	list := prices()
	return do2(h, billing.IssueInvoice{
		Invoice: domain.InvoiceID(uuid.NewSHA1(uuid.Nil, fmt.Append(nil, h.clock.now)).String()), Series: "A",
		Month: h.clock.today().Month().Add(-int(h.quantity())), Payer: h.party(), On: h.clock.today(), TermDays: 30, IncludeVAT: true,
		Charges: []billing.Charge{{
			Kind: "plan", Description: "Nubo, 5 GB", Plan: "nubo", GB: 5, Quantity: decimal.NewFromInt(1), UnitPrice: eur.Decimal(),
			Amount: eur, Category: billing.Standard, Rate: list.VAT[0].Percent,
			Period: calendar.Period{From: day, Through: day},
		}},
		Language: domain.Dutch, Recipient: billing.Recipient{Name: "Ada Loom", City: "Gent", Email: "ada.loom@example.org"}, StatutesVersion: 1,
	})
}

// account is one of those that were requested, or now and then one that may not be.
func (h *history) account() domain.AccountID {
	if n := len(h.accounts); n > 0 && h.any(8, "requested") > 0 {
		return h.accounts[h.any(n, "account")]
	}
	return domain.AccountID(entitlement.IDOf(h.sub(), h.service()))
}

func isMailbox(a domain.AccountID) bool {
	_, service := entitlement.Of(domain.EntitlementID(a))
	return service == domain.Mail
}

// provision is the course of an account.
func (h *history) provision() error {
	sub, service, party := h.sub(), h.service(), h.party()
	id := entitlement.IDOf(sub, service)
	account := domain.AccountID(id)
	return h.course(func() error {
		err := do2(h, provisioning.RequestAccount{
			Account: account, Entitlement: id, Party: party, Service: service,
			Login: provisioning.Login(fmt.Sprintf("ada%d@example.org", h.quantity())).Named(sealed.Digests{}), Quota: h.quota(), On: h.clock.today(),
		})
		if err == nil && !slices.Contains(h.accounts, account) {
			h.accounts = append(h.accounts, account)
		}
		return err
	}, func() error {
		return do(h, provisioning.RecordProvisioned{Account: account, Quota: h.quota(), Revision: h.revision()})
	}, func() error {
		return do(h, provisioning.RecordQuota{Account: account, Quota: h.quota(), Revision: h.revision()})
	}, func() error {
		return do(h, provisioning.RecordSuspended{Account: account, Revision: h.revision()})
	}, func() error {
		return do(h, provisioning.RecordResumed{Account: account, Revision: h.revision()})
	})
}

// migrate is the course of a move to another node.
func (h *history) migrate() error {
	account, to := h.account(), pick(h, "to", "mail", "mail2", "mail3")
	return h.course(func() error {
		return do(h, provisioning.PlaceAccount{Account: account, Node: "mail"})
	}, func() error {
		return do(h, provisioning.BeginMove{Account: account, To: to, Reason: "zyxo the disk is full"})
	}, func() error {
		if h.any(2, "cancelled") == 0 {
			return do(h, provisioning.CancelMove{Account: account, Reason: "zyxo it was another"})
		}
		return do(h, provisioning.RecordProvisioned{Account: account, Quota: h.quota(), Revision: h.revision(), Target: to})
	}, func() error {
		return do(h, provisioning.HoldMove{Account: account, To: to})
	}, func() error {
		return do(h, provisioning.FinishMove{Account: account, To: to, Used: h.quota()})
	}, func() error {
		return do(h, provisioning.RecordDeleted{Account: account, Revision: h.revision(), Target: "mail"})
	})
}

// address has a mailbox get, lose or go by a further address.
func (h *history) address() error {
	account, today := h.account(), h.clock.today()
	if i := slices.IndexFunc(h.accounts, isMailbox); i >= 0 && !isMailbox(account) {
		account = h.accounts[i]
	}
	alias := provisioning.Login(fmt.Sprintf("zyxo%d@example.org", h.quantity())).Named(sealed.Digests{})
	return h.course(func() error {
		return do2(h, provisioning.AddAlias{Account: account, Service: domain.Mail, Alias: alias, Most: 3, On: today})
	}, func() error {
		return do(h, provisioning.RecordAliases{Account: account, Aliases: 1, Revision: h.revision()})
	}, func() error {
		return do(h, provisioning.RecordApps{Account: account, Apps: []domain.Service{domain.Polls}, Revision: h.revision()})
	}, func() error {
		if rapid.Bool().Draw(h.T, "chosen") {
			return do(h, provisioning.ChooseAddress{Account: account, Address: alias, On: today})
		}

		return do2(h, provisioning.RemoveAlias{Account: account, Service: domain.Mail, Alias: alias, On: today, Rests: today.AddDays(1)})
	})
}

// step has something happen, or be refused.
func (h *history) step() {
	if rapid.IntRange(0, 9).Draw(h.T, "pass") == 0 {
		h.clock.now = h.clock.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(h.T, "hours")) * time.Hour)
	}
	err := acts[h.any(len(acts), "act")](h)
	if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
		h.Fatal(err)
	}
}
