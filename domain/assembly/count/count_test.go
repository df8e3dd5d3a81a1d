package count_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rochdale/domain/assembly/count"
)

const board = `# the board, two seats
4 2
-3
7 1 2=4 0     # seven prefer Ada
5 2 1 0
2 3 4 0
1 1=2 0
3 0

0
"Ada"
"Bo # not a comment"
"Cy" "Di"
"Board of 2026"
`

func parse(t testing.TB, file string) count.Election {
	t.Helper()
	e, err := count.Parse([]byte(file), "board.blt")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func names(who []count.Who) (names []string) {
	for _, w := range who {
		names = append(names, w.Name)
	}
	return names
}

func TestParse(t *testing.T) {
	want := count.Election{
		Title: "Board of 2026", Seats: 2,
		Candidates: []count.Candidate{{Name: "Ada"}, {Name: "Bo # not a comment"}, {Name: "Cy", Withdrawn: true}, {Name: "Di"}},
		Ballots: []count.Ballot{
			{7, [][]int{{1}, {2, 4}}}, {5, [][]int{{2}, {1}}}, {2, [][]int{{3}, {4}}}, {1, [][]int{{1, 2}}}, {3, nil},
		},
	}
	if diff := cmp.Diff(want, parse(t, board)); diff != "" {
		t.Error(diff)
	}
	windows := "\ufeff" + strings.ReplaceAll(board, "\n", "\r\n")
	if diff := cmp.Diff(want, parse(t, windows)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoBLTNamesTheLine(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"", "f.blt:1: the file is empty"},
		{"# nothing\n", "the file is empty"},
		{"4\n", `f.blt:1: "4": the file begins with the number of candidates`},
		{"4 2 1\n", "f.blt:1:"},
		{"0 0\n", "each from 1 to"},
		{"+4 2\n", "each from 1 to"},
		{"two one\n", "f.blt:1:"},
		{"2 3\n", "3 seats for 2 candidates"},
		{"2 1\n-3\n", `f.blt:2: "-3": who has withdrawn`},
		{"2 1\n-1 2\n", `f.blt:2: "2": who has withdrawn`},
		{"2 1\n1 1 0\n-1\n", `f.blt:3: "-1": a ballot begins with how many`},
		{"2 1\n1 1\n", `f.blt:2: "1 1": a ballot ends with 0`},
		{"2 1\n1\n", `a ballot ends with 0`},
		{"2 1\n\n# c\nx 1 0\n", `f.blt:4: "x": a ballot begins`},
		{"2 1\n0 1 0\n", `f.blt:2: "0": a ballot begins`},
		{"2 1\n1 3 0\n", `f.blt:2: "3": candidates are given by their number, from 1 to 2`},
		{"2 1\n1 1= 0\n", `"1=": candidates`},
		{"2 1\n1 1 0 2 0\n", `"0": candidates`},
		{"2 1\n1 1 2 1 0\n", "candidate 1 stands on the ballot twice"},
		{"2 1\n1000000000000 1 0\n1 1 0\n", "f.blt:3: there are more than"},
		{"2 1\n1 1 0\n", "f.blt:3: the file ends among the ballots"},
		{"2 1\n1 1 0\n\"A\"\n", "f.blt:3: a name stands among the ballots"},
		{"2 1\n0\n\"A\n", "f.blt:3:"},
		{"2 1\n0\nA\n", `f.blt:3: "A" stands outside of quotes`},
		{"2 1\n0\n\"\"\n", "f.blt:3: a name is empty"},
		{"2 1\n0\n\"A\"\n", "there are 1 names for 2 candidates"},
		{"3 1\n0\n\"A\"\n\"B\"\n# again\n\" A \"\n\"A\"\n", `f.blt:6: "A" is the name of a candidate already, in line 3: give each one of their own`},
		{"2 1\n0\n\"A\"\n\"B\"\n\"T\"\n\"U\"\n", "there are 4 names for 2 candidates and a title"},
	} {
		_, err := count.Parse([]byte(tt.file), "f.blt")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.file, err, tt.want)
		}
	}
}

func TestMethods(t *testing.T) {
	for _, tt := range []struct {
		method         string
		blank, invalid int64
		scores         string
		elected        []string
	}{
		{"plurality", 3, 1, "Ada 7, Bo # not a comment 5, Di 2, ", []string{"Ada", "Bo # not a comment"}},
		{"approval", 3, 0, "Ada 13, Bo # not a comment 13, Di 9, ", []string{"Ada", "Bo # not a comment"}},
	} {
		m, err := count.Named(tt.method)
		if err != nil {
			t.Fatal(err)
		}
		c, scores := m.Count(parse(t, board)), ""
		for _, s := range c.Rounds[0].Scores {
			scores += fmt.Sprintf("%s %d, ", s.Name, s.Votes)
		}
		if c.Votes != 18 || c.Blank != tt.blank || c.Invalid != tt.invalid || scores != tt.scores || !slices.Equal(names(c.Elected), tt.elected) || c.Tied != nil {
			t.Errorf("%+v; want %+v", c, tt)
		}
	}
	if _, err := count.Named("lot"); err == nil || !strings.Contains(err.Error(), "plurality, approval") {
		t.Error(err)
	}
}

func TestATieIsLeftOpen(t *testing.T) {
	c := count.Plurality{}.Count(parse(t, "4 2\n5 1 0\n2 2 0\n2 3 0\n1 4 0\n0\n\"Ada\"\n\"Bo\"\n\"Cy\"\n\"Di\"\n"))
	if !slices.Equal(names(c.Elected), []string{"Ada"}) || !slices.Equal(names(c.Tied), []string{"Bo", "Cy"}) {
		t.Errorf("%+v", c)
	}
	want := `Method: plurality. Seats: 2. Votes: 10, of which 0 blank and 0 invalid.
           5  Ada
           2  Bo
           2  Cy
           1  Di
Elected: Ada.
Tied for 1 of the seats: Bo, Cy. Draw lots, or do as the statutes say.
`
	if diff := cmp.Diff(want, c.Report()); diff != "" {
		t.Error(diff)
	}
}

func TestNobodyIsElectedWithoutAVote(t *testing.T) {
	c := count.Approval{}.Count(parse(t, "3 2\n1 1 0\n0\n\"Ada\"\n\"Bo\"\n\"Cy\"\n"))
	if !slices.Equal(names(c.Elected), []string{"Ada"}) || c.Tied != nil {
		t.Errorf("%+v", c)
	}
	if c := (count.Plurality{}).Count(parse(t, "1 1\n1 0\n0\n\"Ada\"\n")); c.Elected != nil || !strings.Contains(c.Report(), "Elected: nobody.") {
		t.Errorf("%+v", c)
	}
}

func elections(t *rapid.T) count.Election {
	e := count.Election{Title: rapid.SampledFrom([]string{"", "Board"}).Draw(t, "title")}
	n := rapid.IntRange(1, 6).Draw(t, "candidates")
	e.Seats = rapid.IntRange(1, n).Draw(t, "seats")
	numbers := make([]int, n)
	for i := range n {
		e.Candidates = append(e.Candidates, count.Candidate{Name: fmt.Sprint("C", i), Withdrawn: rapid.Bool().Draw(t, "withdrawn")})
		numbers[i] = i + 1
	}
	for range rapid.IntRange(0, 10).Draw(t, "ballots") {
		b := count.Ballot{Weight: rapid.Int64Range(1, 100).Draw(t, "weight")}
		for _, c := range rapid.Permutation(numbers).Draw(t, "order")[:rapid.IntRange(0, n).Draw(t, "named")] {
			if last := len(b.Ranks) - 1; last >= 0 && rapid.Bool().Draw(t, "alike") {
				b.Ranks[last] = append(b.Ranks[last], c)
				continue
			}
			b.Ranks = append(b.Ranks, []int{c})
		}
		e.Ballots = append(e.Ballots, b)
	}
	return e
}

// format writes an election as a file.
func format(e count.Election) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d\n", len(e.Candidates), e.Seats)
	for i, c := range e.Candidates {
		if c.Withdrawn {
			fmt.Fprintf(&b, "-%d\n", i+1)
		}
	}
	for _, ballot := range e.Ballots {
		fmt.Fprintf(&b, "%d ", ballot.Weight)
		for _, rank := range ballot.Ranks {
			fmt.Fprint(&b, strings.ReplaceAll(strings.Trim(fmt.Sprint(rank), "[]"), " ", "="), " ")
		}
		fmt.Fprintln(&b, "0")
	}
	fmt.Fprintln(&b, "0")
	for _, c := range e.Candidates {
		fmt.Fprintf(&b, "%q\n", c.Name)
	}
	if e.Title != "" {
		fmt.Fprintf(&b, "%q\n", e.Title)
	}
	return b.String()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := elections(t)
		got, err := count.Parse([]byte(format(e)), "f.blt")
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Fatalf("%v\n%s\n%s", err, format(e), diff)
		}
	})
}

func TestVotesAreNeitherLostNorMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := elections(t)
		for _, m := range count.Methods {
			c := m.Count(e)
			var sum, most int64
			for _, s := range c.Rounds[0].Scores {
				sum += s.Votes
				most = max(most, s.Votes)
				if e.Candidates[s.Candidate-1].Withdrawn {
					t.Errorf("%s has withdrawn", s.Name)
				}
			}
			valid := e.Total() - c.Blank - c.Invalid
			if m.Name() == "plurality" && sum != valid || most > valid {
				t.Errorf("%s: %d votes, %d valid, %d counted, %d for one", m.Name(), e.Total(), valid, sum, most)
			}
			if len(c.Elected) > e.Seats || len(c.Tied) > 0 && len(c.Elected)+len(c.Tied) <= e.Seats {
				t.Errorf("%d seats: %v elected, %v tied", e.Seats, c.Elected, c.Tied)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(board)
	f.Add("1 1\n0\n\"A\"\n")
	f.Add("2 1\n-1\n1 1=2 0\n0\n\"A\" \"B\" \"T\"")
	f.Fuzz(func(t *testing.T, file string) {
		e, err := count.Parse([]byte(file), "f.blt")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.blt:") {
				t.Errorf("%v names no line", err)
			}
			return
		}
		for _, m := range count.Methods {
			if c := m.Count(e); c.Votes != e.Total() {
				t.Errorf("%d of %d votes", c.Votes, e.Total())
			}
		}
	})
}
