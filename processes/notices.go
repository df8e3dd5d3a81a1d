package processes

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/provisioning"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

// Importer is who acts when a register that was kept elsewhere is brought in: nobody
// is told of what happened long ago.
const Importer = "cli/import"

// Post delivers mail. Of two that come under one key the receiver can tell that they
// are one.
type Post interface {
	Send(ctx context.Context, to, subject, text, key string) error
}

// Notices tells parties by mail of what concerns them, in their language: each event
// once, by the event membership.notice_recorded in a stream named after it. That is in
// the log, and not beside it: whether and when a member was told may have to be shown,
// and a log that was restored tells nobody again. The mail goes out before it is
// recorded; killed between the two, the process sends it again under the same key.
type Notices struct {
	Store   *eventstore.Store
	Post    Post // nil: mails are logged at debug level and not recorded
	Numbers Numbers
	Book    Bookings // nil: nobody is told that who pays for them is no member any more
	Host    string   // that keys of mails end with
	Days    int      // of what was recorded longer ago, nobody is told
	Today   func() calendar.Date
	Log     *slog.Logger
	// Link returns that by which who reads the old address answers a change of it.
	Link    func(context.Context, membership.ContactChangeRequested) (string, error)
	Welcome *Welcome // nil: nobody is told of new accounts
	Pages   string   // where members see their accounts
	Terms   Terms    // for how long what has ended is kept
}

// The kinds of notice.
const (
	noticeApplication  membership.NoticeKind = "application"
	noticeToPay        membership.NoticeKind = "application_to_pay"
	noticeAdmitted     membership.NoticeKind = "admitted"
	noticeRefused      membership.NoticeKind = "refused"
	noticeIssued       membership.NoticeKind = "shares_issued"
	noticeOut          membership.NoticeKind = "transferred_out"
	noticeIn           membership.NoticeKind = "transferred_in"
	noticeProposedTo   membership.NoticeKind = "transfer_proposed"
	noticeAgreed       membership.NoticeKind = "transfer_agreed"
	noticeAwaited      membership.NoticeKind = "transfer_awaited"
	noticeAbandoned    membership.NoticeKind = "transfer_abandoned"
	noticeCalled       membership.NoticeKind = "shares_called"
	noticeCertificate  membership.NoticeKind = "certificate_issued"
	noticeCredit       membership.NoticeKind = "credit_refunded"
	noticeResignation  membership.NoticeKind = "resignation"
	noticeDeferred     membership.NoticeKind = "resignation_deferred"
	noticeProposed     membership.NoticeKind = "exclusion_proposed"
	noticeExcluded     membership.NoticeKind = "excluded"
	noticeNotExcluded  membership.NoticeKind = "not_excluded"
	noticeReleased     membership.NoticeKind = "refund_released"
	noticeRefunded     membership.NoticeKind = "refund_paid"
	noticeAsked        membership.NoticeKind = "contact_asked"
	noticeAskedNew     membership.NoticeKind = "contact_asked_new"
	noticeContact      membership.NoticeKind = "contact_changed"
	noticeFormer       membership.NoticeKind = "contact_changed_former"
	noticeAccount      membership.NoticeKind = "account_changed"
	noticeAccountTaken membership.NoticeKind = "account_removed"
)

// samples are the arguments with which a notice is previewed, besides those that all
// have: the name of the party, that of the co-op and the day.
var samples = map[membership.NoticeKind]domain.Args{
	noticeApplication: {},
	noticeToPay:       {"amount": money.Must("75.00 EUR"), "payee": "BE68 5390 0754 7034", "reference": "+++000/0000/00101+++"},
	noticeAdmitted:    {"number": domain.MemberNumber(643)},
	noticeRefused:     {},
	noticeIssued:      {"quantity": int64(3), "class": "A"},
	noticeOut:         {"quantity": int64(1), "class": "A"},
	noticeIn:          {"quantity": int64(1), "class": "A"},
	noticeProposedTo:  {"quantity": int64(1), "class": "A"},
	noticeAgreed:      {"quantity": int64(1), "class": "A"},
	noticeAwaited:     {"quantity": int64(1), "class": "A"},
	noticeAbandoned:   {"quantity": int64(1), "class": "A"},
	noticeCalled: {
		"amount": money.Must("75.00 EUR"), "class": "A", "due": calendar.On(2026, time.April, 1), "payee": "BE68 5390 0754 7034", "reference": "+++000/0000/00101+++",
	},
	noticeCertificate: {"number": int64(8), "quantity": int64(3), "class": "A"},
	noticeCredit:      {"amount": money.Must("75.00 EUR")},
	noticeResignation: {"effective": calendar.On(2026, time.June, 30)},
	noticeDeferred:    {"effective": calendar.On(2027, time.June, 30)},
	noticeProposed:    {"through": calendar.On(2026, time.April, 1)},
	noticeExcluded:    {}, noticeNotExcluded: {},
	noticeReleased:     {"amount": money.Must("75.00 EUR")},
	noticeRefunded:     {"amount": money.Must("75.00 EUR")},
	noticeAsked:        {"email": "new@example.org", "link": "https://coop.example/contact/rocc_0123", "through": calendar.On(2026, time.March, 15)},
	noticeAskedNew:     {"through": calendar.On(2026, time.March, 15)},
	noticeContact:      {},
	noticeFormer:       {},
	noticeAccount:      {"ending": "7034", "from": calendar.On(2026, time.March, 11)},
	noticeAccountTaken: {},
}

// NoticeKinds returns what parties are told of.
func NoticeKinds() (kinds []membership.NoticeKind) {
	for kind := range samples {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// ErrNoSuchNotice refuses to show a notice that there is none of.
var ErrNoSuchNotice = domain.Refusal{Code: "notices.no_such_kind", Reason: "there is no notice {kind}: choose among {kinds}"}

// SampleNotice returns a notice to nobody, as it is written.
func SampleNotice(kind membership.NoticeKind, lang domain.Language, coop string) (subject, text string, err error) {
	some, known := samples[kind]
	if !known {
		return "", "", ErrNoSuchNotice.With("kind", string(kind)).With("kinds", NoticeKinds())
	}
	args := domain.Args{"name": "Ada Sample", "coop": coop, "on": calendar.On(2026, time.March, 1)}
	for name, value := range some {
		if s, is := value.(settingsOf); is {
			value = s.in(lang, "ada.sample@coop.example")
		}
		args[name] = value
	}
	subject, text = written(kind, lang, args)
	return subject, text, nil
}

// written returns a notice as it is sent.
func written(kind membership.NoticeKind, lang domain.Language, args domain.Args) (subject, text string) {
	say := func(code string) string { return catalogue.Text(lang, "notices."+code, args, code) }
	return say(string(kind) + "_subject"), say("greeting") + "\n\n" + say(string(kind)+"_text") + "\n\n" + say("closing") + "\n"
}

// Process returns the process that sends them.
func (n Notices) Process() Process {
	return Process{
		Name: "notices",
		Wants: []any{
			membership.Applied{},
			membership.Admitted{},
			membership.Rejected{},
			membership.ResignationRequested{},
			membership.ExclusionProposed{},
			membership.ExclusionDecided{},
			membership.ContactChangeRequested{},
			membership.ContactChanged{},
			membership.BankAccountChanged{},
			membership.BankAccountRemoved{},
			shares.Issued{},
			shares.TransferredOut{},
			shares.TransferredIn{},
			shares.TransferProposed{},
			shares.TransferAgreed{},
			shares.TransferAwaited{},
			shares.TransferAbandoned{},
			shares.Called{},
			shares.CertificateIssued{},
			shares.CreditRefunded{},
			shares.RefundReleased{},
			shares.RefundPaid{},
			provisioning.AccountProvisioned{},
			provisioning.UsagePassed{},
			provisioning.SizePostponed{},
			subscription.PartGiven{},
			subscription.PartEnds{},
			subscription.Cancelled{},
			subscription.Suspended{},
			subscription.Resumed{},
			membership.Ended{},
			membership.Died{},
			membership.WoundUp{},
			entitlement.Given{},
			entitlement.GiftEnds{},
			entitlement.GraceGiven{},
			provisioning.AccountDeleted{},
		},
		Handle: n.handle,
	}
}

// A notice is a mail to be written.
type notice struct {
	id     membership.NoticeID
	kind   membership.NoticeKind
	party  domain.PartyID
	former bool   // to the address that was known before
	about  string // the name of the party for which the addressee acts
	args   domain.Args
}

func (n Notices) handle(ctx context.Context, rec eventstore.Record, event any) error {
	if rec.Actor == Importer || rec.RecordedAt.Before(n.Store.Now().AddDate(0, 0, -n.Days)) {
		return nil
	}
	if e, is := event.(provisioning.AccountProvisioned); is {
		if n.Welcome == nil {
			return nil
		}
		return n.welcome(ctx, e, rec)
	}
	switch e := event.(type) {
	case provisioning.AccountDeleted:
		return n.deleted(ctx, e, rec)
	case subscription.Cancelled:
		if err := n.ends(ctx, e, rec); err != nil {
			return err
		}
	case entitlement.Given, entitlement.GiftEnds, entitlement.GraceGiven, membership.Ended:
		if err := n.givenEnds(ctx, e, rec); err != nil {
			return err
		}
	}
	if of, told, is := aboutAccount(event); is {
		return n.tellHolder(ctx, of, told, rec)
	}
	if parts, err := n.linked(ctx, event, rec); err != nil || len(parts) > 0 {
		return errors.Join(err, n.tellLinked(ctx, parts, rec))
	}
	told, ok, err := n.about(ctx, event)
	if err != nil || !ok {
		return err
	}
	told.id = membership.NoticeID(rec.ID.String())
	party, err := n.party(ctx, told.party, rec)
	if err != nil {
		return err
	}
	if e, is := event.(membership.ContactChangeRequested); is {
		return n.asked(ctx, told, party, e)
	}
	err = n.tell(ctx, told, party, party.email)
	err = errors.Join(err, n.tellAgents(ctx, told, party, rec))
	var former string
	switch told.kind {
	case noticeContact:
		former, told.kind = party.left, noticeFormer
	case noticeAccount, noticeAccountTaken:
		former = party.former
	}
	if former == "" || former == party.email {
		return err
	}
	told.id, told.former = told.id+"-former", true
	return errors.Join(err, n.tell(ctx, told, party, former))
}

// tellAgents tells who act for a party, each once and in their language. Who shares its
// address has been told.
func (n Notices) tellAgents(ctx context.Context, told notice, party addressee, rec eventstore.Record) (err error) {
	addresses := []string{strings.ToLower(party.email)}
	for _, id := range party.agents {
		agent, failed := n.party(ctx, id, rec)
		if failed != nil {
			return errors.Join(err, failed)
		}
		if address := strings.ToLower(agent.email); address != "" && slices.Contains(addresses, address) {
			continue
		}
		addresses = append(addresses, strings.ToLower(agent.email))
		to := told
		to.id, to.party, to.about = told.id+"-"+membership.NoticeID(id), id, party.name
		to.args = maps.Clone(told.args)
		err = errors.Join(err, n.tell(ctx, to, agent, agent.email))
	}
	return err
}

// asked has who reads the old address answer a change of it, and says so at the new one.
func (n Notices) asked(ctx context.Context, told notice, party addressee, e membership.ContactChangeRequested) error {
	contact, known := e.Contact.Reveal()
	if !known { // it was erased meanwhile
		return nil
	}
	link, err := n.Link(ctx, e)
	if err != nil {
		return err
	}
	told.args["email"], told.args["link"] = contact.Email, link
	err = n.tell(ctx, told, party, party.email)
	if contact.Email == "" {
		return err
	}
	told.id, told.kind = told.id+"-new", noticeAskedNew
	told.args = domain.Args{"on": e.On, "through": e.ExpiresAfter}
	return errors.Join(err, n.tell(ctx, told, party, contact.Email))
}

// about says what an event tells whom, and whether anything.
func (n Notices) about(ctx context.Context, event any) (told notice, ok bool, err error) {
	with := func(kind membership.NoticeKind, party domain.PartyID, on calendar.Date, args domain.Args) (notice, bool, error) {
		if args == nil {
			args = domain.Args{}
		}
		args["on"] = on
		return notice{kind: kind, party: party, args: args}, true, nil
	}
	switch e := event.(type) {
	case membership.Applied:
		return n.applied(ctx, e)
	case membership.Admitted:
		return with(noticeAdmitted, e.Party, e.On, domain.Args{"number": e.Number})
	case membership.Rejected:
		return with(noticeRefused, e.Party, e.On, nil)
	case membership.ResignationRequested:
		kind := noticeResignation
		if e.Deferred {
			kind = noticeDeferred
		}
		return with(kind, e.Party, e.On, domain.Args{"effective": e.EffectiveOn})
	case membership.ExclusionProposed:
		return with(noticeProposed, e.Party, e.On, domain.Args{"through": e.AnswerThrough})
	case membership.ExclusionDecided:
		if !e.Excluded {
			return with(noticeNotExcluded, e.Party, e.Decision.On, nil)
		}
		return with(noticeExcluded, e.Party, e.Decision.On, nil)
	case membership.ContactChangeRequested:
		return with(noticeAsked, e.Party, e.On, domain.Args{"through": e.ExpiresAfter})
	case membership.ContactChanged:
		return with(noticeContact, e.Party, e.On, nil)
	case membership.BankAccountChanged:
		account, known := e.Account.Reveal()
		if !known { // it was erased meanwhile
			return notice{}, false, nil
		}
		iban := string(account.IBAN)
		return with(noticeAccount, e.Party, e.On, domain.Args{"ending": iban[max(len(iban)-4, 0):], "from": e.UsableFrom})
	case membership.BankAccountRemoved:
		return with(noticeAccountTaken, e.Party, e.On, nil)
	case shares.Issued:
		return with(noticeIssued, e.Party, e.On, domain.Args{"quantity": e.Quantity, "class": e.Class})
	case shares.TransferredOut:
		if e.Kind == shares.Merger { // of two members found to be one: nothing has passed on
			return notice{}, false, nil
		}
		return with(noticeOut, e.Party, e.On, domain.Args{"quantity": e.Quantity, "class": e.Class})
	case shares.TransferredIn:
		if e.Kind == shares.Merger {
			return notice{}, false, nil
		}
		return with(noticeIn, e.Party, e.On, domain.Args{"quantity": e.Quantity, "class": e.Class})
	case shares.TransferProposed:
		return with(noticeProposedTo, e.To, e.On, domain.Args{"quantity": e.Quantity, "class": e.Class})
	case shares.TransferAgreed:
		return with(noticeAgreed, e.Party, e.On, domain.Args{"quantity": e.Quantity, "class": e.Class})
	case shares.TransferAwaited:
		return with(noticeAwaited, e.Party, e.On, domain.Args{"quantity": e.Quantity, "class": e.Class})
	case shares.TransferAbandoned:
		return with(noticeAbandoned, e.Party, e.On, domain.Args{"quantity": max(e.Quantity, -e.Quantity), "class": e.Class})
	case shares.Called:
		return n.called(ctx, e)
	case shares.CertificateIssued:
		return with(noticeCertificate, e.Party, e.On, domain.Args{"number": int64(e.Number), "quantity": e.Quantity, "class": e.Class})
	case shares.CreditRefunded:
		return with(noticeCredit, e.Payer, e.On, domain.Args{"amount": e.Amount})
	case shares.RefundReleased:
		return with(noticeReleased, e.Party, e.On, domain.Args{"amount": e.Amount})
	case shares.RefundPaid:
		return with(noticeRefunded, cmp.Or(e.To, e.Party), e.On, domain.Args{"amount": e.Amount})
	}
	return notice{}, false, nil
}

// applied tells a candidate what to pay, and with which reference: the one of all their
// payments, given with the first application.
func (n Notices) applied(ctx context.Context, e membership.Applied) (told notice, ok bool, err error) {
	told = notice{kind: noticeApplication, party: e.Party, args: domain.Args{"on": e.On}}
	rules, err := n.rules(ctx, e.On)
	if err != nil {
		return told, false, err
	}
	var amount money.Money
	for _, wish := range e.Shares {
		if class, known := rules.Class(wish.Class); known {
			amount = amount.Plus(class.Price.Times(int64(wish.Quantity)))
		}
	}
	if !amount.IsPositive() {
		return told, true, nil
	}
	told.kind = noticeToPay
	err = n.toPay(ctx, told, rules, amount)
	return told, err == nil, err
}

// called tells a holder what a call asks for, until when and how to pay it.
func (n Notices) called(ctx context.Context, e shares.Called) (told notice, ok bool, err error) {
	told = notice{kind: noticeCalled, party: e.Party, args: domain.Args{"on": e.On, "due": e.DueOn, "class": e.Class}}
	rules, err := n.rules(ctx, e.On)
	if err == nil {
		err = n.toPay(ctx, told, rules, e.Amount)
	}
	return told, err == nil, err
}

// toPay says in a notice how much is to be paid to whom, and with which reference.
func (n Notices) toPay(ctx context.Context, told notice, rules statutes.Statutes, amount money.Money) error {
	var last int64
	reference, err := reference(ctx, n.Store, n.Numbers, told.party, &last)
	told.args["amount"], told.args["reference"] = amount, reference.Grouped()
	told.args["payee"] = strings.TrimSuffix(rules.Name+", "+rules.Legal.IBAN, ", ")
	return err
}

// rules returns the statutes in force on a day or, before there were any, the first.
func (n Notices) rules(ctx context.Context, on calendar.Date) (rules statutes.Statutes, err error) {
	_, err = eventstore.Transact(ctx, n.Store, func(tx *eventstore.Tx) error {
		history, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
		var version int
		if rules, version = history.At(on); err == nil && version == 0 {
			if versions := history.Versions(); len(versions) > 0 {
				rules = versions[0].Statutes
			}
		}
		return err
	})
	return rules, err
}

// formerFor is for how many days an address that was left is told of changes too, by
// which somebody might get at an account.
const formerFor = 30

// addressee is a party as it is now or, if it was found to be another, that one: accounts and subscriptions stay under
// the id that they had.
type addressee struct {
	id          domain.PartyID
	name, email string
	left        string // the address that it left with an event
	former      string // the first that it left in some days before
	language    domain.Language
	gone        bool
	agents      []domain.PartyID // who act for it
}

// party returns a party as it is now, with the addresses that it had until an event.
func (n Notices) party(ctx context.Context, id domain.PartyID, at eventstore.Record) (p addressee, err error) {
	var m membership.Member
	for rec, err := range n.Store.Log.Stream(ctx, membership.StreamOf(id), 0) {
		if err != nil {
			return p, err
		}
		event, err := n.Store.Decode(ctx, rec)
		if err != nil {
			return p, err
		}
		e, is := event.(domain.Event[membership.Member])
		if !is {
			continue
		}
		before, _ := m.Contact()
		m = e.Evolve(m)
		after, _ := m.Contact()
		switch {
		case before.Email == after.Email || before.Email == "" || rec.Position > at.Position:
		case rec.Position == at.Position:
			p.left = before.Email
		case rec.RecordedAt.After(at.RecordedAt.AddDate(0, 0, -formerFor)):
			p.former = cmp.Or(p.former, before.Email)
		}
	}
	if into := m.MergedInto(); into != "" {
		return n.party(ctx, into, at)
	}
	contact, _ := m.Contact()
	identity, _ := m.Identity()
	_, died := m.DiedOn()
	wound, over := m.WoundUp()
	rules, err := n.rules(ctx, n.Today())
	p.id, p.gone = id, died || over && wound.How == membership.ByMerger
	p.name = cmp.Or(identity.Organisation, identity.Together, strings.TrimSpace(identity.FirstName+" "+identity.LastName))
	p.email, p.language, p.agents = contact.Email, rules.Language(m.Language()), m.Agents(n.Today(), rules)
	return p, err
}

// tell sends a notice, unless that was done, and records what became of it.
func (n Notices) tell(ctx context.Context, told notice, to addressee, address string) error {
	rules, err := n.rules(ctx, n.Today())
	if err != nil {
		return err
	}
	told.args["name"], told.args["coop"] = cmp.Or(to.name, address), rules.Name
	subject, text := written(told.kind, to.language, told.args)
	if told.about != "" {
		text = catalogue.Text(to.language, "notices.on_behalf", domain.Args{"party": told.about}, "") + "\n\n" + text
	}
	if n.Post == nil {
		n.Log.DebugContext(ctx, "notice", "kind", told.kind, "party", told.party, "subject", subject, "text", text)
		return nil
	}
	if done, err := n.recorded(ctx, told.id); err != nil || done {
		return err
	}
	outcome := membership.NoticeSent
	switch {
	case to.gone:
		outcome = membership.NoticeGone
	case address == "":
		outcome = membership.NoticeNoAddress
	default:
		if err := n.Post.Send(ctx, address, subject, text, string(told.id)+"@"+n.Host); err != nil {
			return err
		}
	}
	_, err = eventstore.Execute(ctx, n.Store, membership.RecordNotice{
		Notice: told.id, Kind: told.kind, Party: told.party, Language: to.language, Former: told.former, Outcome: outcome, On: n.Today(),
	})
	return err
}
