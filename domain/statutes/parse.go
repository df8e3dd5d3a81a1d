package statutes

import (
	"embed"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

//go:embed presets/*.yaml
var presets embed.FS

// Preset returns statutes that come with the program, like "be-sc".
func Preset(name string) (Statutes, error) {
	data, err := PresetFile(name)
	if err != nil {
		return Statutes{}, err
	}
	return Parse(data, name+".yaml")
}

// PresetFile returns the file of a preset, with its comments, to be edited.
func PresetFile(name string) ([]byte, error) {
	data, err := presets.ReadFile("presets/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("statutes: there is no preset %q: choose among %s", name, strings.Join(Presets(), ", "))
	}
	return data, nil
}

// Presets returns the names of the statutes that come with the program.
func Presets() []string {
	files, _ := presets.ReadDir("presets") // embedded, so there is nothing to fail
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f.Name(), ".yaml")
	}
	return names
}

// Parse reads statutes written as YAML in the manner of presets/be-sc.yaml. It
// takes no setting that it does not know, none twice and none that contradict
// each other. Every line of its error names the file, the line, the field, the
// rule it breaks and what to do.
func Parse(data []byte, file string) (Statutes, error) {
	parsed, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var where yaml.Error
		if errors.As(err, &where) && where.GetToken() != nil {
			return Statutes{}, fmt.Errorf("%s:%d: this is no YAML: %s: see how the presets are written", file, where.GetToken().Position.Line, where.GetMessage())
		}
		return Statutes{}, fmt.Errorf("%s:1: this is no YAML: %w: see how the presets are written", file, err)
	}
	if len(parsed.Docs) != 1 || parsed.Docs[0].Body == nil {
		return Statutes{}, fmt.Errorf("%s:1: the file holds the statutes of one co-op: start from a preset, %s", file, strings.Join(Presets(), ", "))
	}
	var s Statutes
	d := decoder{file: file, lines: map[string]int{}}
	d.decode(parsed.Docs[0].Body, reflect.ValueOf(&s).Elem(), "")
	if len(d.errors) == 0 {
		for _, p := range s.Problems() {
			d.errors = append(d.errors, fmt.Errorf("%s:%d: %v", file, d.line(p.Field), p))
		}
	}
	if len(d.errors) > 0 {
		return Statutes{}, errors.Join(d.errors...)
	}
	return s, nil
}

// Format writes statutes in the form that [Parse] reads.
func Format(s Statutes) ([]byte, error) {
	data, err := yaml.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("statutes: %w", err)
	}
	return data, nil
}
