package statutes

import "fmt"

// Majority is how many of the votes must be in favour: "simple", "absolute",
// "unanimity", or a fraction of more than a half of them, like "3/4".
type Majority struct {
	kind majorityKind
	part Fraction
}

type majorityKind int

const (
	undecided majorityKind = iota // the zero value, by which nothing is carried
	simple
	absolute
	unanimous
	qualified
)

// The majorities that have names.
var (
	Simple    = Majority{kind: simple}    // more for than against
	Absolute  = Majority{kind: absolute}  // more than half of the votes
	Unanimity = Majority{kind: unanimous} // every vote, and at least one
)

// AtLeast is the majority of at least a part of the votes.
func AtLeast(part Fraction) Majority { return Majority{qualified, part} }

// ParseMajority reads what [Majority.String] writes.
func ParseMajority(s string) (Majority, error) {
	switch s {
	case "simple":
		return Simple, nil
	case "absolute":
		return Absolute, nil
	case "unanimity":
		return Unanimity, nil
	}
	part, err := ParseFraction(s)
	if err != nil || part.Compare(Fraction{1, 2}) <= 0 || part == (Fraction{1, 1}) {
		return Majority{}, fmt.Errorf("%q is not a majority: write simple (more for than against), absolute (more than half), unanimity, or a fraction of more than a half, like 3/4", s)
	}
	return AtLeast(part), nil
}

// Carries reports whether so many votes carry a motion. Where abstentions are
// counted they are part of the votes of which the majority must be reached; to a
// simple majority they never matter. Nothing is carried without a vote for it.
func (m Majority) Carries(votesFor, against, abstaining int64, a Abstentions) bool {
	all := votesFor + against
	if a == Counted {
		all += abstaining
	}
	if votesFor <= 0 {
		return false
	}
	switch m.kind {
	case simple:
		return votesFor > against
	case absolute:
		return Fraction{1, 2}.Exceeded(votesFor, all)
	case unanimous:
		return votesFor == all
	case qualified:
		return m.part.Reached(votesFor, all)
	case undecided:
	}
	return false
}

// IsZero reports whether it is no majority.
func (m Majority) IsZero() bool { return m.kind == undecided }

func (m Majority) String() string {
	switch m.kind {
	case simple:
		return "simple"
	case absolute:
		return "absolute"
	case unanimous:
		return "unanimity"
	case qualified:
		return m.part.String()
	case undecided:
	}
	return ""
}

// MarshalText writes the form of [Majority.String].
func (m Majority) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what [ParseMajority] reads.
func (m *Majority) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMajority(string(text))
	return err
}
