package projections

import (
	"context"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore/lite"
)

// Dividends returns the dividends that were decided, oldest first.
func (m *Models) Dividends(ctx context.Context) ([]shares.DividendDecided, error) {
	return rows(ctx, m, `select type, data, position, recorded_at from share_event where type = 'shares.dividend_decided' order by position`,
		func(r lite.Row) (shares.DividendDecided, error) {
			k, err := decodeKept[shares.Dividend](r)
			decided, _ := k.Event.(shares.DividendDecided)
			return decided, err
		})
}

// Dividend returns one, and whether it was decided.
func (m *Models) Dividend(ctx context.Context, id shares.DividendID) (shares.DividendDecided, bool, error) {
	all, err := m.Dividends(ctx)
	i := slices.IndexFunc(all, func(d shares.DividendDecided) bool { return d.Dividend == id })
	if err != nil || i < 0 {
		return shares.DividendDecided{}, false, err
	}
	return all[i], true, nil
}

// Withholding returns the rates of the tax that is withheld from dividends, in the order
// in which they were set.
func (m *Models) Withholding(ctx context.Context) ([]shares.WithholdingSet, error) {
	return rows(ctx, m, `select type, data, position, recorded_at from share_event where type = 'shares.withholding_set' order by position`,
		func(r lite.Row) (shares.WithholdingSet, error) {
			k, err := decodeKept[shares.Withholding](r)
			set, _ := k.Event.(shares.WithholdingSet)
			return set, err
		})
}

// Allotments returns what each party has of a dividend at some rates, and all of it
// together: by what happened through a position of the log, and is known of the year
// then. It reads one holding at a time.
func (m *Models) Allotments(ctx context.Context, d shares.DividendDecided, rules statutes.Statutes) (all []shares.Allotment, total money.Money, err error) {
	err = m.read(ctx, func(c *lite.Conn) error {
		set, err := keptOf[shares.Withholding](c, shares.WithholdingStream, d.Counted)
		if err != nil {
			return err
		}
		tax, err := foldOf(set).At(d.PayableOn)
		if err != nil {
			return err
		}
		streams, err := textsOf(c, `select distinct stream from share_event where stream >= 'holding/' and stream < 'holding0' order by stream`)
		if err != nil {
			return err
		}
		var earnings []shares.Earning
		for _, stream := range streams {
			events, err := keptOf[shares.Holding](c, domain.Stream(stream), d.Counted)
			if err != nil {
				return err
			}
			if len(events) == 0 {
				continue
			}
			e := shares.Earning{}
			if e.Party, e.Class, err = holderOf(c, stream); err != nil {
				return err
			}
			if !slices.ContainsFunc(d.Rates, func(r shares.ClassRate) bool { return r.Class == e.Class }) {
				continue
			}
			if _, e.PaidDays = shares.Earned(eventsOf(events), d.Year); e.PaidDays > 0 {
				earnings = append(earnings, e)
			}
		}
		all, total = shares.Allot(d.Year, d.Rates, earnings, tax, rules.Currency)
		return nil
	})
	return all, total, err
}

// holderOf returns whose shares a stream has, and of which class.
func holderOf(c *lite.Conn, stream string) (party domain.PartyID, class domain.ClassID, err error) {
	_, err = c.One(`select data ->> 'party', data ->> 'class' from share_event where stream = ? order by position limit 1`, func(r lite.Row) {
		party, class = domain.PartyID(r.Text(0)), domain.ClassID(r.Text(1))
	}, stream)
	return party, class, err
}

// SharePayout is what a party has of a dividend.
type SharePayout struct {
	Dividend   shares.DividendID
	Party      domain.PartyID
	Number     domain.MemberNumber // 0: none
	Name       string              // empty once erased
	Gross, Tax money.Money
	Payable    money.Money // that is not paid; less than nothing: it is owed back
	PayableOn  calendar.Date
	BarredFrom calendar.Date // the day on which it is time-barred; no day: never, as it stands
	Account    PaidTo
	Entries    []ShareEntry // what happened to it
}

// Net returns what is paid out, tax withheld.
func (p SharePayout) Net() money.Money { return p.Gross.Minus(p.Tax) }

// payoutOf returns what a party has of a dividend, and whither money may go on a day.
func payoutOf(c *lite.Conn, dividend shares.DividendID, party domain.PartyID, day calendar.Date, rules statutes.Statutes) (p SharePayout, err error) {
	all, err := keptOf[shares.Payout](c, shares.PayoutStream(dividend, party), always)
	if err != nil {
		return p, err
	}
	payout := foldOf(all)
	allotted, _ := payout.Allotted()
	nothing := money.New(0, rules.Currency)
	p = SharePayout{
		Dividend: dividend, Party: party, Gross: nothing.Plus(allotted.Gross), Tax: nothing.Plus(allotted.Tax), Payable: nothing.Plus(payout.Payable()),
		PayableOn: allotted.PayableOn, BarredFrom: payout.BarredFrom(rules.Shares.Dividend.Limitation), Entries: entriesOf(all),
	}
	_, err = c.One(`select number, name from party where id = ?`, func(r lite.Row) {
		p.Number, p.Name = domain.MemberNumber(r.Int(0)), r.Text(1)
	}, party)
	if err == nil {
		p.Account, err = paidTo(c, party, day)
	}
	return p, err
}

// SharePayoutFilter says which payouts are listed.
type SharePayoutFilter struct {
	Dividend shares.DividendID
	Payable  bool // only those of which something is to be paid out yet
}

// SharePayouts returns a page of what parties have of a dividend, by their ids, and
// whither money may go on a day.
func (m *Models) SharePayouts(ctx context.Context, filter SharePayoutFilter, day calendar.Date, p Page) (list List[SharePayout], err error) {
	parties, err := page(ctx, m, query{
		columns: `party`, from: `share_payout`, where: `dividend = ? and (not ? or payable > 0)`, args: []any{filter.Dividend, filter.Payable}, key: `party`, id: `dividend`,
	}, p, func(r lite.Row) (domain.PartyID, error) { return domain.PartyID(r.Text(0)), nil })
	if err != nil {
		return list, err
	}
	list = List[SharePayout]{Cursor: parties.Cursor, HasNext: parties.HasNext, HasPrevious: parties.HasPrevious, Total: parties.Total}
	err = m.read(ctx, func(c *lite.Conn) error {
		rules, err := rulesNow(c)
		for _, party := range parties.Items {
			var payout SharePayout
			if err == nil {
				payout, err = payoutOf(c, filter.Dividend, party, day, rules)
			}
			list.Items = append(list.Items, payout)
		}
		return err
	})
	return list, err
}

// SharePayoutsOf returns what a party has of all dividends, in the order of their ids.
func (m *Models) SharePayoutsOf(ctx context.Context, party domain.PartyID, day calendar.Date) (payouts []SharePayout, err error) {
	err = m.read(ctx, func(c *lite.Conn) error {
		rules, err := rulesNow(c)
		if err != nil {
			return err
		}
		ids, err := textsOf(c, `select dividend from share_payout where party = ? order by dividend`, party)
		for _, id := range ids {
			var payout SharePayout
			if err == nil {
				payout, err = payoutOf(c, shares.DividendID(id), party, day, rules)
			}
			payouts = append(payouts, payout)
		}
		return err
	})
	return payouts, err
}

// SharePayout returns what one party has of one dividend, and whether it is anything.
func (m *Models) SharePayout(ctx context.Context, dividend shares.DividendID, party domain.PartyID, day calendar.Date) (SharePayout, bool, error) {
	all, err := m.SharePayoutsOf(ctx, party, day)
	i := slices.IndexFunc(all, func(p SharePayout) bool { return p.Dividend == dividend })
	if err != nil || i < 0 {
		return SharePayout{}, false, err
	}
	return all[i], true, nil
}

// ShareHolders returns who holds shares now, and of which classes.
func (m *Models) ShareHolders(ctx context.Context) ([]shares.Holder, error) {
	return rows(ctx, m, `select party, class from holding where quantity > 0 order by party, class`, func(r lite.Row) (shares.Holder, error) {
		return shares.Holder{Party: domain.PartyID(r.Text(0)), Class: domain.ClassID(r.Text(1))}, nil
	})
}
