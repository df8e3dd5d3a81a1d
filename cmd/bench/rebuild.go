package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"rochdale/domain/modules"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
	"rochdale/eventstore/sqlite"
	"rochdale/projections"
)

var rebuildMeasures = []measure{
	{
		name: "rebuild read models", unit: "events", target: 0.75,
		floor: "the slower of two: a SELECT of the same rows of the log, and the same tables filled from a log in memory",
		begin: rebuild,
	},
}

func rebuild(ctx context.Context, b *bench) (*trial, error) {
	c, err := b.big(ctx)
	if err != nil {
		return nil, err
	}
	path := c.log[len("sqlite:"):]
	d, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	store, err := c.open(ctx, d)
	if err != nil {
		return nil, err
	}
	bare, err := lite.Open(path, lite.ReadOnly)
	if err != nil {
		return nil, err
	}
	memory := new(eventstore.Memory)
	if err := copyLog(ctx, d, memory); err != nil {
		return nil, err
	}
	models, dirs := [2]*projections.Models{}, [2]string{}
	for i, s := range []*eventstore.Store{store, eventstore.New(eventstore.NewLog(memory), modules.Registry(), store.Keys)} {
		if dirs[i], err = b.dir(); err != nil {
			return nil, err
		}
		if models[i], err = projections.Open(ctx, dirs[i], s, slog.New(slog.DiscardHandler)); err != nil {
			return nil, err
		}
	}
	anew := func(m *projections.Models) runner {
		return wholly(func(ctx context.Context) (int, error) { return int(c.events), m.Rebuild(ctx, nil) })
	}
	var want digest
	return &trial{
		ours: anew(models[0]), floors: []runner{selectAll(bare, &want), anew(models[1])},
		finish: func(ctx context.Context, _ *outcome) error {
			if err := sameRows(dirs); err != nil {
				return err
			}
			differences, err := models[0].Verify(ctx, nil)
			if err == nil && len(differences) > 0 {
				err = wrongf("made anew once more, the read models differ: %v", differences[0])
			}
			return err
		},
		end: func() {
			b.warn(errors.Join(models[0].Close(), models[1].Close(), bare.Close(), store.Log.Close()))
		},
	}, nil
}

// sameRows compares how many rows the tables of two folders of read models have.
func sameRows(dirs [2]string) error {
	var counts [2]map[string]int64
	for i, dir := range dirs {
		files, _ := filepath.Glob(filepath.Join(dir, "views-*.db")) // the pattern is right
		if len(files) == 0 {
			return wrongf("there are no read models in %s", dir)
		}
		c, err := lite.Open(files[len(files)-1], lite.ReadOnly)
		if err != nil {
			return err
		}
		counts[i] = map[string]int64{}
		err = c.Query(`select name from sqlite_schema where type = 'table'`, func(r lite.Row) error {
			table := r.Text(0)
			_, err := c.One(`select count(*) from "`+table+`"`, func(r lite.Row) { counts[i][table] = r.Int(0) })
			return err
		})
		if err := errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
	if fmt.Sprint(counts[0]) != fmt.Sprint(counts[1]) {
		return wrongf("the tables have %v rows, and those of the floor %v", counts[0], counts[1])
	}
	return nil
}

// copyLog copies all records of a log into an empty one.
func copyLog(ctx context.Context, from, into eventstore.Driver) error {
	var unit eventstore.Unit
	at, records := map[string]int{}, 0 // where the streams are in the unit
	flush := func() error {
		results, err := into.Write(ctx, []eventstore.Unit{unit})
		if err == nil && results[0].Conflict != nil {
			err = results[0].Conflict
		}
		unit, at, records = nil, map[string]int{}, 0
		return err
	}
	for r, err := range from.All(ctx, 0) {
		if err != nil {
			return err
		}
		// Records of a stream that others have come between begin a new unit, since
		// their positions are in its order.
		i, there := at[string(r.Stream)]
		if there && i != len(unit)-1 || records == 2000 {
			if err := flush(); err != nil {
				return err
			}
			there = false
		}
		if !there {
			at[string(r.Stream)] = len(unit)
			unit = append(unit, eventstore.StreamAppend{Stream: r.Stream, Version: r.Version - 1})
		}
		last := &unit[len(unit)-1]
		last.Records = append(last.Records, r)
		records++
	}
	return flush()
}
