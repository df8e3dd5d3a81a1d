package graphql

import (
	"context"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/offering"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

func (m mutation) PublishPriceList(ctx context.Context, version int, text string, from calendar.Date, requestID *string) (done exec.PriceListDone, err error) {
	list, err := offering.Parse([]byte(text), "list")
	if err != nil {
		return done, offering.ErrInvalidList.With("problem", err.Error())
	}
	done.Version = version
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		today, err := w.today()
		if err != nil {
			return err
		}
		billed, err := processes.Billed(w.Tx, today, list.VAT...)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, offering.Publish{Version: version, On: today, From: from, List: list, Billed: billed})
	})
	return done, err
}

func (m mutation) SetVATRate(ctx context.Context, percent decimal.Decimal, from calendar.Date, requestID *string) (done exec.VATRateDone, err error) {
	done.VATRate = offering.VATRate{From: from, Percent: percent}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		today, err := w.today()
		if err != nil {
			return err
		}
		billed, err := processes.Billed(w.Tx, today, done.VATRate)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, offering.SetVATRate{On: today, Rate: done.VATRate, Billed: billed})
	})
	return done, err
}

func (q query) PriceList(ctx context.Context, on *calendar.Date) (*exec.PriceList, error) {
	day, err := q.dayOr(ctx, on)
	if err != nil {
		return nil, err
	}
	list, known, err := q.Models.PriceListOn(ctx, day)
	return found(priceListOf(list), known, err)
}

func (q query) PriceLists(ctx context.Context) ([]exec.PriceList, error) {
	lists, err := q.Models.PriceLists(ctx)
	all := make([]exec.PriceList, len(lists))
	for i, list := range lists {
		all[i] = priceListOf(list)
	}
	return all, err
}

func priceListOf(p projections.PriceList) exec.PriceList {
	return exec.PriceList{PriceList: p.List, Version: p.Version, From: p.From}
}

type priceListPayload struct{ *resolver }

func (r *resolver) PriceListPayload() exec.PriceListPayloadResolver { return priceListPayload{r} }

func (p priceListPayload) PriceList(ctx context.Context, done *exec.PriceListDone) (*exec.PriceList, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	lists, err := p.Models.PriceLists(ctx)
	for _, list := range lists {
		if list.Version == done.Version {
			return found(priceListOf(list), true, err)
		}
	}
	return nil, err
}

func (q query) Price(ctx context.Context, plan string, gb int, member bool, on *calendar.Date) (price money.Money, err error) {
	day, err := q.dayOr(ctx, on)
	if err != nil {
		return price, err
	}
	list, _, err := q.Models.PriceListOn(ctx, day)
	if err != nil {
		return price, err
	}
	if _, err := list.List.Offer(domain.PlanID(plan), gb); err != nil {
		return price, err
	}
	return list.List.Price(domain.PlanID(plan), gb, member)
}
