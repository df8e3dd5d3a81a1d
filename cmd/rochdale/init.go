package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/offering"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
)

type initCmd struct {
	Preset    string        `help:"Statutes that come with the program: be-sc, nubo, fr-scic, de-eg, hostsharing or nl-coop." placeholder:"NAME" xor:"statutes"`
	Statutes  string        `help:"A file of statutes, such as a preset that was edited." placeholder:"FILE" type:"existingfile" xor:"statutes"`
	Print     bool          `help:"Print the preset, to be edited, and found nothing."`
	Name      string        `help:"Name of the co-op, if not that in the statutes."`
	From      calendar.Date `help:"The first day on which the statutes and the price list hold, also for what is imported and billed; by default today." placeholder:"DATE"`
	PriceList string        `help:"A price list: nubo, a file, or none." default:"nubo" placeholder:"NAME|FILE"`
}

func (initCmd) Help() string {
	return `Examples:
  rochdale init --preset nubo
  rochdale init --preset be-sc --print > statutes.yaml
  rochdale init --statutes statutes.yaml --from 2020-01-01 --price-list prices.yaml`
}

// errFounded refuses to found a co-op twice on different statutes.
var errFounded = domain.Refusal{Code: "rochdale.founded", Reason: "there is a co-op in this log already, {name}: choose another folder with --data"}

func (c initCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	if c.Preset == "" && c.Statutes == "" {
		return misused("give --preset NAME or --statutes FILE")
	}
	if c.Print {
		data, err := statutes.PresetFile(c.Preset)
		if err != nil {
			return usageError{err}
		}
		_, err = t.out.Write(data)
		return err
	}
	rules, err := c.rules()
	if err != nil {
		return usageError{err}
	}
	if c.Name != "" {
		rules.Name = c.Name
	}
	list, err := c.prices()
	if err != nil {
		return usageError{err}
	}
	return withNewHouse(ctx, g, t, func(h *house) error {
		zone, err := zoneOf(rules)
		if err != nil {
			return err
		}
		today := calendar.Of(h.now().In(zone))
		from := c.From
		if from.IsZero() {
			from = today
		}
		if err := found(eventstore.As(ctx, "cli"), h.store, rules, list, today, from); err != nil {
			return err
		}
		data := map[string]any{"name": rules.Name, "from": from, "log": g.logURL()}
		return t.print(g, data, func(w io.Writer) {
			fmt.Fprintf(w, "%s is founded, on statutes that hold from %s.\n\nNext:\n"+
				"  rochdale import members FILE.csv    bring in the register of members\n"+
				"  rochdale serve                      serve the co-op\n", rules.Name, from)
		})
	})
}

func (c initCmd) rules() (statutes.Statutes, error) {
	if c.Preset != "" {
		return statutes.Preset(c.Preset)
	}
	data, err := os.ReadFile(c.Statutes)
	if err != nil {
		return statutes.Statutes{}, err
	}
	return statutes.Parse(data, c.Statutes)
}

func (c initCmd) prices() (*offering.PriceList, error) {
	if c.PriceList == "none" {
		return nil, nil
	}
	list, err := offering.Preset(c.PriceList)
	if data, unread := os.ReadFile(c.PriceList); err != nil && unread == nil {
		list, err = offering.Parse(data, c.PriceList)
	}
	return &list, err
}

// found adopts the first statutes and publishes the first price list. Done again
// with the same, it changes nothing.
func found(ctx context.Context, s *eventstore.Store, rules statutes.Statutes, list *offering.PriceList, on, from calendar.Date) error {
	_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
		if err := begin(tx, rules, list, on, from); err != nil {
			return err
		}
		// Before another node makes a master key of its own, and not for what was refused.
		return s.Bind(ctx)
	})
	return err
}

// begin does so within a transaction.
func begin(tx *eventstore.Tx, rules statutes.Statutes, list *offering.PriceList, on, from calendar.Date) error {
	history, version, err := eventstore.Load[statutes.History](tx, statutes.Stream)
	if err != nil {
		return err
	}
	if version > 0 {
		was := history.Versions()[0]
		if !was.Statutes.Equal(rules) {
			return errFounded.With("name", was.Statutes.Name)
		}
	} else {
		err := eventstore.Do(tx, statutes.Adopt{Version: 1, On: on, InForceFrom: from, By: "foundation", Statutes: rules})
		if err != nil {
			return err
		}
	}
	if list == nil {
		return nil
	}
	offered, _, err := eventstore.Load[offering.Offering](tx, offering.Stream)
	if err != nil || offered.Version() > 0 {
		return err
	}
	return eventstore.Do(tx, offering.Publish{Version: 1, On: on, From: from, List: *list})
}
