package main

import (
	"context"
	"os"
	"time"
)

var startMeasures = []measure{{name: "server start", begin: startServer}}

// startServer tells how long it takes the program to be ready, with read models that
// are there and with none, and what memory it has when it has nothing to do.
func startServer(ctx context.Context, b *bench) (*trial, error) {
	c, err := b.big(ctx)
	if err != nil {
		return nil, err
	}
	return &trial{finish: func(ctx context.Context, o *outcome) error {
		o.figure("members", float64(len(c.members)), "", 0)
		o.figure("events", float64(c.events), "", 0)
		var warm, memory []float64
		for i := range b.count + 1 {
			b.progress("server start: %d of %d", i+1, b.count+1)
			if i == 0 {
				if err := os.RemoveAll(c.views()); err != nil {
					return err
				}
			}
			began := time.Now()
			s, err := b.serve(ctx, c)
			if err != nil {
				return err
			}
			err = await(ctx, s.address)
			took := time.Since(began).Seconds()
			if i == 0 {
				o.figure("start that fills the read models", took, "s", 0)
			} else {
				warm = append(warm, took)
				time.Sleep(2 * time.Second) // in which it gets to rest
				memory = append(memory, float64(residentMemory(s.pid()))/(1<<20))
			}
			s.stop()
			if err != nil {
				return err
			}
		}
		o.figure("start", median(warm), "s", 0)
		o.figure("idle memory", median(memory), "MiB", 0)
		return nil
	}}, nil
}
