package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// spreadOf returns how far the floors lay apart from round to round, as a part of
// their median: how much the machine itself was of two minds.
func spreadOf(all []*outcome) float64 {
	var spreads []float64
	for _, o := range all {
		if len(o.floors) > 1 {
			spreads = append(spreads, o.Spread)
		}
	}
	if len(spreads) == 0 {
		return 0
	}
	return median(spreads)
}

// print writes the table that people read.
func (r report) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "MEASURE\tOURS\tFLOOR\tRATIO\tAT LEAST\tROUNDS\t")
	for _, o := range r.Outcomes {
		if o.Ratio > 0 {
			fmt.Fprintf(tw, "%s\t%s %s/s\t%s/s\t%.2f\t%s\t%s\t\n", o.Measure, number(o.Ours), o.Unit, number(o.Floors), o.Ratio, o.aim(), o.range_())
		} else {
			fmt.Fprintf(tw, "%s\t\t\t\t%s\t\t\n", o.Measure, o.aim())
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, o := range r.Outcomes {
		if o.Floor != "" {
			fmt.Fprintf(w, "%s: held against %s\n", o.Measure, o.Floor)
		} else {
			fmt.Fprintf(w, "%s:\n", o.Measure)
		}
		for _, line := range o.lines() {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
	_, err := fmt.Fprintf(w, "\n%s, %d processors, %d rounds of %g s. The floors lay apart by %.0f %% of their median from round to round.\n",
		r.Go, r.Processors, r.Rounds, r.Seconds, 100*r.Spread)
	return err
}

// aim says what the measure should reach, and whether it does.
func (o *outcome) aim() string {
	said := ""
	if o.Target > 0 {
		said = fmt.Sprintf("%.2f", o.Target)
	}
	switch {
	case o.Wrong != "":
		said += " WRONG ANSWERS"
	case !o.reached():
		said += " missed"
	case o.Target > 0:
		said += " reached"
	}
	return strings.TrimSpace(said)
}

func (o *outcome) range_() string {
	least, most := o.Ratios[0], o.Ratios[0]
	for _, r := range o.Ratios {
		least, most = min(least, r), max(most, r)
	}
	return fmt.Sprintf("%.2f to %.2f", least, most)
}

// lines are the figures, a few on a line, and what was wrong.
func (o *outcome) lines() (lines []string) {
	var said []string
	for _, f := range o.Figures {
		text := fmt.Sprintf("%s %s", f.Name, number(f.Value))
		if f.Unit != "" {
			text += " " + f.Unit
		}
		if f.Most > 0 {
			verdict := "reached"
			if f.Value > f.Most {
				verdict = "missed"
			}
			text += fmt.Sprintf(" (at most %s: %s)", number(f.Most), verdict)
		}
		said = append(said, text)
	}
	if len(said) > 0 {
		lines = append(lines, strings.Join(said, ", "))
	}
	if o.Wrong != "" {
		lines = append(lines, "wrong: "+o.Wrong)
	}
	return lines
}

// number writes a number so that a person sees its size.
func number(v float64) string {
	switch {
	case v >= 1000:
		text := fmt.Sprintf("%.0f", v)
		var b strings.Builder
		for i, digit := range text {
			if i > 0 && (len(text)-i)%3 == 0 {
				b.WriteByte(',')
			}
			b.WriteRune(digit)
		}
		return b.String()
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 1:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
