package modules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rochdale/domain"
	"rochdale/domain/modules"
)

const samples = "../../schema/events"

// TestEveryEditionEverWrittenIsRead decodes the sample of each edition of each
// type. One in the current edition must come out as it went in: a field that the
// program no longer knows, or writes otherwise, shows here.
func TestEveryEditionEverWrittenIsRead(t *testing.T) {
	r := modules.Registry()
	for _, known := range r.Types() {
		for edition := 1; edition <= known.Edition; edition++ {
			name := filepath.Join(samples, known.Type, fmt.Sprint(edition)+".json")
			data, err := os.ReadFile(name)
			if err != nil {
				t.Errorf("%s, edition %d has no sample: %v", known.Type, edition, err)
				continue
			}
			event, err := r.Decode(domain.Encoded{Type: known.Type, Edition: edition, Data: data})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if edition < known.Edition {
				continue
			}
			enc, err := r.Encode(event)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			var want bytes.Buffer
			if err := json.Compact(&want, data); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.String(), string(enc.Data)); diff != "" {
				t.Errorf("%s (-sample +written again): %s", name, diff)
			}
		}
	}
}

func TestNoSampleIsOfAnUnknownType(t *testing.T) {
	known := map[string]int{}
	for _, e := range modules.Registry().Types() {
		known[e.Type] = e.Edition
	}
	files, err := filepath.Glob(filepath.Join(samples, "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	for _, name := range files {
		kind := filepath.Base(filepath.Dir(name))
		if strings.HasSuffix(name, ".schema.json") { // is made of the program
			continue
		}
		if kind == "request.recorded" { // the event store's own, and read by its tests
			continue
		}
		var edition int
		if _, err := fmt.Sscanf(filepath.Base(name), "%d.json", &edition); err != nil || edition < 1 || edition > known[kind] {
			t.Errorf("%s is of no type and edition that the program knows: names and editions are for ever", name)
		}
	}
}

func TestTypesAreNamedAfterTheirModule(t *testing.T) {
	for _, e := range modules.Registry().Types() {
		module, name, _ := strings.Cut(e.Type, ".")
		if name == "" || module != "statutes" && !strings.Contains(strings.Join(modules.Names, " "), module) {
			t.Errorf("%s is named after no module", e.Type)
		}
	}
}
