package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// A progress shows how far long work has come, where somebody is looking.
type progress struct {
	w     io.Writer
	unit  string
	began time.Time

	mu    sync.Mutex
	shown time.Time
	done  bool
}

func newProgress(t *terminal, unit string) *progress {
	p := &progress{unit: unit, began: time.Now()}
	if f, ok := t.err.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.w = f
		}
	}
	return p
}

// show draws a bar, at most ten times a second; of 0, which is how many is not known,
// it draws none and counts.
func (p *progress) show(done, of int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil || time.Since(p.shown) < 100*time.Millisecond && (done < of || of == 0) {
		return
	}
	p.shown = time.Now()
	rate := float64(done) / max(time.Since(p.began).Seconds(), 0.001)
	if of == 0 {
		fmt.Fprintf(p.w, "\r%d %s, %.0f/s\033[K", done, p.unit, rate)
	} else {
		const width = 30
		filled := min(width, width*done/of)
		fmt.Fprintf(p.w, "\r[%s%s] %d of %d %s, %.0f/s\033[K", strings.Repeat("#", filled), strings.Repeat(".", width-filled), done, of, p.unit, rate)
	}
	p.done = true
}

// end leaves the bar behind.
func (p *progress) end() {
	if p.w != nil && p.done {
		fmt.Fprintln(p.w)
	}
}
