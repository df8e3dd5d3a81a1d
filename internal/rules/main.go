// Command rules writes docs/rules.md: what members may and must do, from the stories
// that the tests of the domain tell, and from the statutes that come with the program.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rochdale/domain/modules"
	"rochdale/domain/spec"
)

//go:generate go run . ../../docs/rules.md

func main() {
	page, err := rules()
	if err == nil {
		err = os.WriteFile(os.Args[1], page, 0o644) //nolint:gosec // G306: a page of the documentation
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rules:", err)
		os.Exit(1)
	}
}

const preface = `# The rules

What the members of a co-op may and must do, as the program applies it. This page is made by ` + "`go generate`" + ` from what
the tests hold and from the statutes that come with the program, so nothing on it is merely meant: change the test or the
preset, and not the page.

- [By statutes](#by-statutes): what each preset says, in sentences, with the law that it cites. Your own statutes are one
  of these with your changes.
- [By case](#by-case): what seldom happens, and must be right when it does.
- [By module](#by-module): what holds whatever the statutes say, and what follows from them.
`

const legend = `
## By module

The rules of a module are told in the order of a member's life, and each goes on from the one before. In *italics* stands
what is asked for. After a rule stands **what has happened** then, or why it is refused, with the source of that rule:
*statutes* are those of the co-op, which the part above gives for each preset. A refusal without a source is of plain
sense. In small print stands what had happened before, where that is not the same as for the line above.
`

// rules returns the page.
func rules() ([]byte, error) {
	told, err := tell()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(preface)
	if err := writePresets(&b); err != nil {
		return nil, err
	}
	if err := writeCases(&b, told); err != nil {
		return nil, err
	}
	b.WriteString(legend)
	for _, c := range told {
		c.write(&b)
	}
	return b.Bytes(), nil
}

// A chapter has the stories of one package, in the order in which they are told.
type chapter struct {
	module  string
	stories []story
}

type story struct {
	spec.Told
	test string // that tells it
}

// An output is a line of go test -json.
type output struct{ Action, Package, Test, Key, Value, Output string }

// tell runs the tests that tell stories. One that fails and tells none is somebody
// else's business.
func tell() ([]chapter, error) {
	packages, err := command("go", "list", "-f", `{{if not .Standard}}{{.ImportPath}} {{.TestImports}} {{.XTestImports}}{{end}}`, "rochdale/domain/...").Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages of the domain: %w", err)
	}
	args := []string{"test", "-json", "-vet=off"}
	for line := range strings.Lines(string(packages)) {
		name, imports, _ := strings.Cut(line, " ")
		if strings.Contains(imports, "rochdale/domain/spec") {
			args = append(args, name)
		}
	}
	run := command("go", args...)
	out, err := run.Output()
	if len(out) == 0 {
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	stories, failed := map[string][]story{}, map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o output
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return nil, fmt.Errorf("go test said %q: %w", lines.Text(), err)
		}
		test, _, _ := strings.Cut(o.Test, "/")
		switch {
		case o.Action == "build-fail":
			return nil, fmt.Errorf("the tests do not build: see go vet for the packages of the domain")
		case o.Action == "fail" && test != "":
			failed[o.Package+" "+test] = test
		case o.Action == "attr" && o.Key == spec.Attribute:
			s := story{test: test}
			if err := json.Unmarshal([]byte(o.Value), &s.Told); err != nil {
				return nil, fmt.Errorf("%s: %w", o.Test, err)
			}
			stories[o.Package] = append(stories[o.Package], s)
		}
	}
	var chapters []chapter
	for _, module := range slices.Concat([]string{"statutes"}, modules.Names) {
		of := stories["rochdale/domain/"+module]
		for _, s := range of {
			if _, broken := failed["rochdale/domain/"+module+" "+s.test]; broken {
				return nil, fmt.Errorf("%s of %s fails: mend it first", s.test, module)
			}
		}
		if len(of) == 0 {
			return nil, fmt.Errorf("module %s tells no stories: do its tests pass?", module)
		}
		order, err := commands(module)
		if err != nil {
			return nil, err
		}
		chapters = append(chapters, chapter{module, inOrder(of, order)})
		delete(stories, "rochdale/domain/"+module)
	}
	for other := range stories {
		return nil, fmt.Errorf("%s is none of the modules", other)
	}
	return chapters, lines.Err()
}

// entry is a line of the table in the comment of a module's package.
var entry = regexp.MustCompile(`(?m)^//\t([A-Z]\w+) *→`)

// commands returns those of a module, in the order in which its package lists them.
func commands(module string) (list []string, err error) {
	dir, err := command("go", "list", "-f", "{{.Dir}}", "rochdale/domain/"+module).Output()
	if err != nil {
		return nil, fmt.Errorf("find module %s: %w", module, err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, m := range entry.FindAllStringSubmatch(string(source), -1) {
			list = append(list, title(m[1]))
		}
	}
	return list, nil
}

// inOrder sorts stories by the first command of the test that tells them. Tests of
// commands that are not listed come last.
func inOrder(stories []story, commands []string) []story {
	place := map[string]int{}
	for _, s := range stories {
		if _, placed := place[s.test]; !placed {
			if place[s.test] = slices.Index(commands, sentence(s.When)); place[s.test] < 0 || s.everywhere() {
				place[s.test] = len(commands)
			}
		}
	}
	slices.SortStableFunc(stories, func(a, b story) int { return place[a.test] - place[b.test] })
	return stories
}

func command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...) //nolint:gosec // G204: go, with packages of our own
	cmd.Stderr = os.Stderr
	return cmd
}

func (c chapter) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n### %s\n", sentence(path.Base(c.module)))
	var test, when string
	var given []string
	for i := 0; i < len(c.stories); i++ {
		s := c.stories[i]
		if s.test != test {
			fmt.Fprintf(b, "\n#### %s\n", title(s.test))
			test, when, given = s.test, "", nil
		}
		if s.everywhere() { // one line for all commands of which the same holds
			var list []string
			for ; i < len(c.stories) && c.stories[i].test == test && c.stories[i].outcome() == s.outcome(); i++ {
				list = append(list, c.stories[i].When)
			}
			fmt.Fprintf(b, "\n- %s: %s\n", sentence(strings.Join(list, ", ")), s.outcome())
			i, when, given = i-1, "", nil
			continue
		}
		if s.When != when {
			fmt.Fprintf(b, "\n*%s*\n\n", sentence(s.When))
			when = s.When
		}
		rule := s.Rule
		for s.incomplete() && i+1 < len(c.stories) { // one line for all that must not be missing
			next := c.stories[i+1]
			if !next.incomplete() || next.test != test || next.When != when {
				break
			}
			rule += "; " + next.Rule
			i++
		}
		fmt.Fprintf(b, "- %s: %s", sentence(rule), s.outcome())
		if !s.incomplete() && !slices.Equal(s.Given, given) {
			fmt.Fprintf(b, " <sub>%s</sub>", before(s.Given))
			given = s.Given
		}
		b.WriteByte('\n')
	}
}

// outcome says what follows.
func (s story) outcome() string {
	switch {
	case s.incomplete():
		return "refused otherwise"
	case s.Refused != "" && s.Source != "":
		return fmt.Sprintf("refused, “%s” (%s)", s.Refused, s.Source)
	case s.Refused != "":
		return fmt.Sprintf("refused, “%s”", s.Refused)
	case len(s.Then) == 0:
		return "nothing changes"
	}
	return "**" + counted(s.Then) + "**"
}

// incomplete reports whether something was missing of what was asked.
func (s story) incomplete() bool { return strings.HasSuffix(s.Code, ".incomplete") }

// everywhere reports whether the rule is of many commands alike, and only named after
// its own.
func (s story) everywhere() bool { return title(s.Rule) == sentence(s.When) }

func before(given []string) string {
	if len(given) == 0 {
		return "nothing before"
	}
	return "after " + counted(given)
}

// counted lists events, and how often each happened in a row.
func counted(events []string) string {
	var list []string
	for i := 0; i < len(events); {
		n := i
		for n < len(events) && events[n] == events[i] {
			n++
		}
		name := events[i]
		if n > i+1 {
			name += fmt.Sprintf(" (%d times)", n-i)
		}
		list = append(list, name)
		i = n
	}
	return strings.Join(list, ", ")
}

// title turns the name of a test, like TestAnsweringAnExclusion, into words.
func title(test string) string {
	var b strings.Builder
	for i, r := range strings.TrimPrefix(test, "Test") {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return sentence(b.String())
}

// sentence begins with a capital.
func sentence(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}
