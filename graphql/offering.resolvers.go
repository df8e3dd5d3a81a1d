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
)

func (m mutation) PublishPriceList(ctx context.Context, version int, text string, from calendar.Date, requestID *string) (done exec.Done, err error) {
	list, err := offering.Parse([]byte(text), "list")
	if err != nil {
		return done, offering.ErrInvalidList.With("problem", err.Error())
	}
	err = m.change(ctx, requestID, &done, func(w *work) error {
		today, err := w.today()
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, offering.Publish{Version: version, On: today, From: from, List: list})
	})
	return done, err
}

func (m mutation) SetVATRate(ctx context.Context, percent decimal.Decimal, from calendar.Date, requestID *string) (done exec.Done, err error) {
	err = m.change(ctx, requestID, &done, func(w *work) error {
		today, err := w.today()
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, offering.SetVATRate{On: today, Rate: offering.VATRate{From: from, Percent: percent}})
	})
	return done, err
}

func (q query) PriceList(ctx context.Context, on *calendar.Date) (*exec.PriceList, error) {
	day, err := q.dayOr(ctx, on)
	if err != nil {
		return nil, err
	}
	list, known, err := q.Models.PriceListOn(ctx, day)
	return found(exec.PriceList{PriceList: list.List, Version: list.Version, From: list.From}, known, err)
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
