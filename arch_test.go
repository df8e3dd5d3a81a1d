// Package rochdale is the software that runs a co-operative on one event log: see README.
package rochdale

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors are the storeys of the house, from the roof to the ground. Nobody but
// cmd knows the adapters, which implement ports without importing them; what all
// may know of them is the language in which they fail.
var floors = []string{"cmd", "web", "graphql", "processes", "projections", "adapters", "eventstore", "domain"}

// columns are the floors on which packages are neighbours that do not know each
// other. On the others all packages are of one family.
var columns = []string{"adapters", "eventstore", "domain"}

// outdoors is what the domain must not know.
var outdoors = []string{"context", "crypto/rand", "database/sql", "log/slog", "math/rand", "net/http", "os"}

// shared are the packages that all their siblings use.
var shared = []string{
	"domain", "domain/calendar", "domain/catalogue", "domain/money", "domain/modules", "domain/sealed", "domain/spec", "domain/statutes",
	"eventstore/frugal", "eventstore/lite", "eventstore/storetest", "adapters/fault", "adapters/provisiontest", "adapters/remote", "processes/access",
}

// TestArrowsPointDown holds the dependency rule: a package imports from the
// floors below its own or from its own family; of its siblings, which are the
// other modules or backends, it knows only what is shared.
func TestArrowsPointDown(t *testing.T) {
	floor := func(p string) int { return slices.Index(floors, strings.Split(p, "/")[0]) }
	files := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if base := path.Base(name); base == "node_modules" || len(base) > 1 && base[0] == '.' { // not ours, and may come and go
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		from := path.Dir(name)
		if path.Ext(name) != ".go" || floor(from) < 0 {
			return err
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			to, _ := strconv.Unquote(spec.Path.Value)
			to, ours := strings.CutPrefix(to, "rochdale/")
			ours = ours && to != "schema" // has texts, and knows nothing
			family := !slices.Contains(columns, strings.Split(from, "/")[0]) || strings.HasPrefix(from, to+"/") || strings.HasPrefix(to, from+"/") || to == from
			sibling := floor(to) == floor(from) && (slices.Contains(shared, to) || from == "domain/modules")
			family = family && floor(to) == floor(from)
			inTest := strings.HasSuffix(name, "_test.go")
			tool := strings.HasPrefix(to, "internal/") && (inTest || floor(from) == 0) // servers for tests and measures
			if ours && floor(to) <= floor(from) && !family && !sibling && !tool || !inTest && floor(from) == len(floors)-1 && slices.Contains(outdoors, to) {
				t.Errorf("%s must not import %s", name, to)
			}
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("looked at %d files, %v", files, err)
	}
}
