package projections

import (
	"strings"
	"testing"

	"rochdale/eventstore/lite"
)

// TestRegisterIsNotSorted: what is streamed is read in its order by indexes.
func TestRegisterIsNotSorted(t *testing.T) {
	c, err := lite.Open(t.TempDir()+"/plan.db", lite.Rebuild)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tables, indexes := schema()
	if err := c.Script(tables + indexes); err != nil {
		t.Fatal(err)
	}
	for name, sql := range map[string]string{
		"register": registerQueries[0], "movements": movementsQuery, "transfers": transfersQuery,
	} {
		var plan []string
		if err := c.Query("explain query plan "+sql, func(r lite.Row) error { plan = append(plan, r.Text(3)); return nil }); err != nil {
			t.Fatal(err)
		}
		if steps := strings.Join(plan, "; "); steps == "" || strings.Contains(strings.ReplaceAll(steps, "USE TEMP B-TREE FOR LAST", ""), "TEMP B-TREE") { // the movements of one holder may be
			t.Errorf("%s: %s", name, steps)
		}
	}
}
