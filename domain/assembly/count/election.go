// Package count counts elections from ballot files, so that anyone can recount.
//
// A file is in the BLT format, in which elections are published and exchanged
// (Hill, Wichmann and Woodall, Algorithm 123, The Computer Journal 30(3), 1987):
// [Parse] reads it. A [Method] turns an [Election] into a [Count], which tells how
// it came about. Whoever adds a method adds it to [Methods].
package count

import (
	"fmt"
	"strconv"
	"strings"
)

// Election is what was voted on, and how.
type Election struct {
	Title      string
	Seats      int
	Candidates []Candidate // by number, of which the first is 1
	Ballots    []Ballot
}

// Candidate is somebody, or something, to be chosen.
type Candidate struct {
	Name      string
	Withdrawn bool // is not chosen; ballots read as if they did not name them
}

// Ballot is a way to vote, and how many voted so.
type Ballot struct {
	Weight int64
	Ranks  [][]int // numbers of candidates, in the order preferred; those of one rank are preferred alike
}

// Total returns the number of votes, blank ones included.
func (e Election) Total() (n int64) {
	for _, b := range e.Ballots {
		n += b.Weight
	}
	return n
}

// ranks returns the ranks of a ballot without withdrawn candidates.
func (e Election) ranks(b Ballot) (ranks [][]int) {
	for _, rank := range b.Ranks {
		var standing []int
		for _, c := range rank {
			if !e.Candidates[c-1].Withdrawn {
				standing = append(standing, c)
			}
		}
		if len(standing) > 0 {
			ranks = append(ranks, standing)
		}
	}
	return ranks
}

const (
	maxCandidates = 10_000
	maxVotes      = 1_000_000_000_000
)

// Parse reads a BLT file:
//
//	4 2          four candidates, two seats
//	-3           the third has withdrawn
//	7 1 2=4 0    seven ballots: 1 first, then 2 and 4 alike
//	2 0          two blank ones
//	0            the end of the ballots
//	"Ada" …      the names, one a line
//	"Board"      the title
//
// Empty lines and what follows a # outside of quotes are passed over. Every error
// names the file, the line, the rule it breaks and what to do.
func Parse(data []byte, file string) (Election, error) {
	p := parser{file: file, lines: strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n")}
	var e Election
	if err := p.head(&e); err != nil {
		return Election{}, err
	}
	if err := p.ballots(&e); err != nil {
		return Election{}, err
	}
	if err := p.names(&e); err != nil {
		return Election{}, err
	}
	return e, nil
}

type parser struct {
	file  string
	lines []string
	line  int // number of the line last read
}

func (p *parser) fail(rule string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", p.file, max(p.line, 1), fmt.Sprintf(rule, args...))
}

// next returns the next line that says something.
func (p *parser) next() (text string, ok bool) {
	for p.line < len(p.lines) {
		text = strings.TrimSpace(uncomment(p.lines[p.line]))
		p.line++
		if text != "" {
			return text, true
		}
	}
	return "", false
}

func uncomment(line string) string {
	quoted := false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '#' && !quoted:
			return line[:i]
		}
	}
	return line
}

func (p *parser) head(e *Election) error {
	const like = "the file begins with the number of candidates and that of seats, like \"4 2\""
	text, ok := p.next()
	if !ok {
		return p.fail("the file is empty: %s", like)
	}
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return p.fail("%q: %s", text, like)
	}
	candidates, ok1 := number(fields[0], maxCandidates)
	seats, ok2 := number(fields[1], maxCandidates)
	switch {
	case !ok1 || !ok2:
		return p.fail("%q: %s, each from 1 to %d", text, like, maxCandidates)
	case seats > candidates:
		return p.fail("there are %d seats for %d candidates: give at most as many", seats, candidates)
	}
	e.Candidates, e.Seats = make([]Candidate, candidates), int(seats)
	return nil
}

// number reads a number from 1 to most.
func number(s string, most int64) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 1 && n <= most && s[0] != '+'
}

func (p *parser) ballots(e *Election) error {
	var total int64
	for withdrawals := true; ; {
		text, ok := p.next()
		if !ok {
			return p.fail("the file ends among the ballots: end them with a line \"0\", and give the names of the candidates after it")
		}
		switch {
		case text == "0":
			return nil
		case text[0] == '"':
			return p.fail("a name stands among the ballots: end these with a line \"0\" first")
		case text[0] == '-' && withdrawals:
			for field := range strings.FieldsSeq(text) {
				c, ok := number(strings.TrimPrefix(field, "-"), int64(len(e.Candidates)))
				if !ok || field[0] != '-' {
					return p.fail("%q: who has withdrawn is given like \"-3\", by a number from 1 to %d", field, len(e.Candidates))
				}
				e.Candidates[c-1].Withdrawn = true
			}
			continue
		}
		withdrawals = false
		b, err := p.ballot(text, len(e.Candidates))
		if err != nil {
			return err
		}
		if total += b.Weight; total > maxVotes {
			return p.fail("there are more than %d votes: check the first number of each line", int64(maxVotes))
		}
		e.Ballots = append(e.Ballots, b)
	}
}

func (p *parser) ballot(text string, candidates int) (b Ballot, err error) {
	fields := strings.Fields(text)
	weight, ok := number(fields[0], maxVotes)
	if !ok {
		return b, p.fail("%q: a ballot begins with how many voted so, from 1", fields[0])
	}
	if len(fields) == 1 || fields[len(fields)-1] != "0" {
		return b, p.fail("%q: a ballot ends with 0: add it", text)
	}
	b.Weight = weight
	seen := make(map[int64]bool, len(fields))
	for _, field := range fields[1 : len(fields)-1] {
		var rank []int
		for alike := range strings.SplitSeq(field, "=") {
			c, ok := number(alike, int64(candidates))
			switch {
			case !ok:
				return b, p.fail("%q: candidates are given by their number, from 1 to %d, and those alike like 2=4", field, candidates)
			case seen[c]:
				return b, p.fail("candidate %d stands on the ballot twice: take one out", c)
			}
			seen[c] = true
			rank = append(rank, int(c))
		}
		b.Ranks = append(b.Ranks, rank)
	}
	return b, nil
}

func (p *parser) names(e *Election) error {
	var names []string
	lines := map[string]int{} // of the candidates
	for {
		text, ok := p.next()
		if !ok {
			break
		}
		parts := strings.Split(text, `"`)
		if len(parts)%2 == 0 {
			return p.fail("%q: a name stands in double quotes, on one line, without any inside", text)
		}
		for i, part := range parts {
			quoted := i%2 == 1
			switch name := strings.TrimSpace(part); {
			case !quoted && name != "":
				return p.fail("%q stands outside of quotes: put each name in double quotes", name)
			case quoted && name == "":
				return p.fail("a name is empty: fill it in")
			case quoted && len(names) < len(e.Candidates) && lines[name] > 0:
				return p.fail("%q is the name of a candidate already, in line %d: give each one of their own, or none can tell who was chosen", name, lines[name])
			case quoted:
				lines[name] = p.line
				names = append(names, name)
			}
		}
	}
	switch n := len(e.Candidates); {
	case len(names) < n:
		return p.fail("there are %d names for %d candidates: give one each, and the title after them", len(names), n)
	case len(names) > n+1:
		return p.fail("there are %d names for %d candidates and a title: take some out", len(names), n)
	case len(names) == n+1:
		e.Title = names[n]
	}
	for i := range e.Candidates {
		e.Candidates[i].Name = names[i]
	}
	return nil
}
