package count

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Method is a way to count ballots. It draws no lots: where it leaves open who
// is elected, the count says so.
type Method interface {
	// Name is how the method is asked for, like "approval".
	Name() string
	Count(Election) Count
}

// Methods are all methods.
var Methods = []Method{Plurality{}, Approval{}}

// Named returns the method of a name.
func Named(name string) (Method, error) {
	var names []string
	for _, m := range Methods {
		if m.Name() == name {
			return m, nil
		}
		names = append(names, m.Name())
	}
	return nil, fmt.Errorf("there is no method %q: choose among %s", name, strings.Join(names, ", "))
}

// Count is what came of an election and how.
type Count struct {
	Method  string  `json:"method"`
	Title   string  `json:"title,omitempty"`
	Seats   int     `json:"seats"`
	Votes   int64   `json:"votes"`   // of all ballots
	Blank   int64   `json:"blank"`   // of those that name nobody who stands
	Invalid int64   `json:"invalid"` // of those that the method cannot read
	Rounds  []Round `json:"rounds"`
	Elected []Who   `json:"elected"`        // in the order in which they were
	Tied    []Who   `json:"tied,omitempty"` // among whom the seats left are to be drawn by lot, or as the statutes say
}

// Round is a step of a count.
type Round struct {
	Scores []Score `json:"scores"` // highest first; those alike by number
}

// Score is the votes of a candidate in a round.
type Score struct {
	Who
	Votes int64 `json:"votes"`
}

// Who is a candidate.
type Who struct {
	Candidate int    `json:"candidate"` // their number, from 1
	Name      string `json:"name"`
}

// Plurality gives each ballot's votes to the candidate it prefers; those with the
// most are elected. A ballot that prefers several alike is invalid.
type Plurality struct{}

// Name is that of [Method].
func (Plurality) Name() string { return "plurality" }

// Count is that of [Method].
func (m Plurality) Count(e Election) Count {
	return byScore(e, m, func(ranks [][]int) ([]int, bool) { return ranks[0], len(ranks[0]) == 1 })
}

// Approval gives each ballot's votes to every candidate that it names, in
// whatever order; those with the most are elected.
type Approval struct{}

// Name is that of [Method].
func (Approval) Name() string { return "approval" }

// Count is that of [Method].
func (m Approval) Count(e Election) Count {
	return byScore(e, m, func(ranks [][]int) ([]int, bool) { return slices.Concat(ranks...), true })
}

// byScore counts in one round, by a function that says to whom the votes of a
// ballot go, and whether it is valid.
func byScore(e Election, m Method, to func(ranks [][]int) (candidates []int, valid bool)) Count {
	c := Count{Method: m.Name(), Title: e.Title, Seats: e.Seats, Votes: e.Total()}
	votes := make([]int64, len(e.Candidates))
	for _, b := range e.Ballots {
		ranks := e.ranks(b)
		if len(ranks) == 0 {
			c.Blank += b.Weight
			continue
		}
		candidates, valid := to(ranks)
		if !valid {
			c.Invalid += b.Weight
			continue
		}
		for _, n := range candidates {
			votes[n-1] += b.Weight
		}
	}
	var scores []Score
	for i, candidate := range e.Candidates {
		if !candidate.Withdrawn {
			scores = append(scores, Score{Who{i + 1, candidate.Name}, votes[i]})
		}
	}
	slices.SortStableFunc(scores, func(a, b Score) int { return cmp.Compare(b.Votes, a.Votes) })
	c.Rounds = []Round{{scores}}
	c.Elected, c.Tied = first(scores, e.Seats)
	return c
}

// first returns who has the seats by scores that are sorted, and who is tied for
// the last of them. Nobody is elected without a vote.
func first(scores []Score, seats int) (elected, tied []Who) {
	scores = slices.DeleteFunc(slices.Clone(scores), func(s Score) bool { return s.Votes == 0 })
	if len(scores) <= seats {
		seats = len(scores)
	} else if edge := scores[seats-1].Votes; scores[seats].Votes == edge {
		seats = slices.IndexFunc(scores, func(s Score) bool { return s.Votes == edge })
		for _, s := range scores[seats:] {
			if s.Votes == edge {
				tied = append(tied, s.Who)
			}
		}
	}
	for _, s := range scores[:seats] {
		elected = append(elected, s.Who)
	}
	return elected, tied
}

// Report tells the count in English, for whoever recounts.
func (c Count) Report() string {
	var b strings.Builder
	if c.Title != "" {
		fmt.Fprintln(&b, c.Title)
	}
	fmt.Fprintf(&b, "Method: %s. Seats: %d. Votes: %d, of which %d blank and %d invalid.\n", c.Method, c.Seats, c.Votes, c.Blank, c.Invalid)
	for i, r := range c.Rounds {
		if len(c.Rounds) > 1 {
			fmt.Fprintf(&b, "Round %d\n", i+1)
		}
		for _, s := range r.Scores {
			fmt.Fprintf(&b, "%12d  %s\n", s.Votes, s.Name)
		}
	}
	fmt.Fprintf(&b, "Elected: %s.\n", list(c.Elected))
	if open := c.Seats - len(c.Elected); len(c.Tied) > 0 {
		fmt.Fprintf(&b, "Tied for %d of the seats: %s. Draw lots, or do as the statutes say.\n", open, list(c.Tied))
	}
	return b.String()
}

func list(who []Who) string {
	if len(who) == 0 {
		return "nobody"
	}
	names := make([]string, len(who))
	for i, w := range who {
		names[i] = w.Name
	}
	return strings.Join(names, ", ")
}
