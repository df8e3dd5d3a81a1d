package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"rochdale/eventstore"
)

// slowly is a KV whose Gets wait to be let go, and are counted.
type slowly struct {
	eventstore.KV
	began, release chan struct{}
	fails          error
	sizes          []int
}

func (s *slowly) Get(ctx context.Context, keys ...string) ([]eventstore.Entry, error) {
	s.sizes = append(s.sizes, len(keys)) // one at a time
	s.began <- struct{}{}
	<-s.release
	if s.fails != nil {
		return nil, s.fails
	}
	return s.KV.Get(ctx, keys...)
}

func TestGather(t *testing.T) {
	memory := new(eventstore.Memory)
	for i := range 10 {
		if err := memory.Put(t.Context(), eventstore.Change{Key: fmt.Sprint("k", i), Value: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	s := &slowly{KV: memory, began: make(chan struct{}, 10), release: make(chan struct{}, 10)}
	kv := eventstore.Gather(s)
	var wg sync.WaitGroup
	ask := func(ctx context.Context, want error, keys ...string) {
		wg.Go(func() {
			entries, err := kv.Get(ctx, keys...)
			if !errors.Is(err, want) {
				t.Errorf("%v: %v", keys, err)
			}
			for i, e := range entries {
				if e.Key != keys[i] || e.Key == "none" && e.Revision != 0 || e.Key != "none" && "k"+string(e.Value) != e.Key {
					t.Errorf("%v: %+v", keys, e)
				}
			}
			if want == nil && len(entries) != len(keys) {
				t.Errorf("%v: %d entries", keys, len(entries))
			}
		})
	}
	waiting := func(n int) {
		for eventstore.Waiting(kv) != n {
			select {
			case <-t.Context().Done():
				t.Fatal("nobody waits")
			default:
			}
		}
	}
	ask(t.Context(), nil, "k0")
	<-s.began
	ask(t.Context(), nil, "k1", "none", "k2")
	ask(t.Context(), nil, "k1")
	waiting(2)
	gone := errors.New("gone")
	leaving, leave := context.WithCancelCause(t.Context())
	ask(leaving, gone, "k9")
	waiting(3)
	leave(gone)
	waiting(2)
	s.release <- struct{}{}
	s.release <- struct{}{}
	wg.Wait()
	if fmt.Sprint(s.sizes) != "[1 4]" {
		t.Errorf("asked for %v keys", s.sizes)
	}

	<-s.began
	ask(t.Context(), nil, "k4")
	<-s.began
	ask(t.Context(), nil, "k5")
	waiting(1) // and so reads for both
	leaving, leave = context.WithCancelCause(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := kv.Get(leaving, "k6")
		left <- err
	}()
	waiting(2)
	s.release <- struct{}{}
	<-s.began
	leave(gone)
	if err := <-left; !errors.Is(err, gone) { // what is being read is not waited for
		t.Errorf("whoever leaves hears %v", err)
	}
	s.release <- struct{}{}
	wg.Wait()

	// Nor does it wait who reads it, for others too: these have theirs, and whoever comes
	// meanwhile reads at once.
	ask(t.Context(), nil, "k1")
	<-s.began
	leaving, leave = context.WithCancelCause(t.Context())
	go func() {
		_, err := kv.Get(leaving, "k7")
		left <- err
	}()
	waiting(1) // and so reads for both
	ask(t.Context(), nil, "k8", "none")
	waiting(2)
	s.release <- struct{}{}
	<-s.began
	leave(gone)
	if err := <-left; !errors.Is(err, gone) {
		t.Errorf("whoever reads for others and leaves hears %v", err)
	}
	ask(t.Context(), nil, "k2")
	<-s.began
	s.release <- struct{}{}
	s.release <- struct{}{}
	wg.Wait()
	if got := fmt.Sprint(s.sizes[len(s.sizes)-2:]); got != "[3 1]" {
		t.Errorf("asked for %v keys", s.sizes)
	}

	s.fails = errors.New("away")
	ask(t.Context(), s.fails, "k3")
	s.release <- struct{}{}
	wg.Wait()
	s.fails = nil
	ask(t.Context(), nil, "k3")
	s.release <- struct{}{}
	wg.Wait()
}
