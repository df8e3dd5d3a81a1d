package catalogue

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rochdale/domain"
)

// TestRefusals reads the source of the whole project: every refusal is in the
// catalogue, in English with the words it has in the source, and whatever a
// command may be told to lack is there as a word.
func TestRefusals(t *testing.T) {
	refusals, words := 0, 0
	err := filepath.WalkDir("../..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if base := d.Name(); len(base) > 2 && base[0] == '.' || base == "testdata" || base == "node_modules" { // not ours, and may come and go
				return filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if code, reason, is := refusal(n); is {
					refusals++
					checkRefusal(t, name, code, reason)
				}
			case *ast.CallExpr: // With("missing", "the title")
				if f, is := n.Fun.(*ast.SelectorExpr); is && f.Sel.Name == "With" && len(n.Args) == 2 && text(n.Args[0]) == "missing" {
					words += checkWord(t, name, text(n.Args[1]))
				}
			case *ast.AssignStmt: // missing = "date"
				if to, is := n.Lhs[0].(*ast.Ident); is && to.Name == "missing" && len(n.Rhs) == 1 {
					words += checkWord(t, name, text(n.Rhs[0]))
				}
			case *ast.FuncDecl: // func (c File) missing() string { ... return "title" ... }
				if n.Name.Name == "missing" {
					ast.Inspect(n, func(n ast.Node) bool {
						if r, is := n.(*ast.ReturnStmt); is && len(r.Results) > 0 {
							words += checkWord(t, name, text(r.Results[0]))
						}
						return true
					})
				}
			}
			return true
		})
		return nil
	})
	if err != nil || refusals == 0 || words == 0 {
		t.Errorf("%d refusals, %d words, %v", refusals, words, err)
	}
}

// refusal returns the code and the reason of a literal domain.Refusal.
func refusal(n *ast.CompositeLit) (code, reason string, is bool) {
	switch t := n.Type.(type) {
	case *ast.SelectorExpr:
		is = t.Sel.Name == "Refusal"
	case *ast.Ident:
		is = t.Name == "Refusal"
	}
	for _, e := range n.Elts {
		if field, ok := e.(*ast.KeyValueExpr); ok && is {
			switch key, _ := field.Key.(*ast.Ident); key.Name {
			case "Code":
				code = text(field.Value)
			case "Reason":
				reason = text(field.Value)
			}
		}
	}
	return code, reason, is && strings.Contains(code, ".") // one without is of a protocol, for programs
}

// text returns the value of a literal, or of several added together.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.BinaryExpr:
		return text(e.X) + text(e.Y)
	}
	return ""
}

// choice is a word with its singular and its plural.
var choice = regexp.MustCompile(`\{\w+\|[^|}]*\|([^|}]*)\}`)

func checkRefusal(t *testing.T, file, code, reason string) {
	t.Helper()
	if english, known := messages()[code][domain.English]; !known {
		t.Errorf("%s: no message %s in domain/catalogue/%s.json: %q", file, code, domain.Stream(strings.Replace(code, ".", "/", 1)).Kind(), reason)
	} else if plural := choice.ReplaceAllString(english, "$1"); plural != reason {
		t.Errorf("%s: %s is %q there, and %q in the catalogue", file, code, reason, english)
	}
}

func checkWord(t *testing.T, file, word string) int {
	t.Helper()
	if word == "" { // nothing is missing, or it is found by other means
		return 0
	}
	if messages()["words."+word][domain.English] != word {
		t.Errorf("%s: no message %q in domain/catalogue/words.json", file, "words."+word)
	}
	return 1
}
