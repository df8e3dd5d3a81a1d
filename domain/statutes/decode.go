package statutes

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A decoder fills values from a file and remembers where it found them. The
// decoder of the library would do, but for its messages, which do not always
// tell the line, and its leniency: to it 1.5 days are a day.
type decoder struct {
	file   string
	lines  map[string]int // by field
	errors []error
}

func (d *decoder) fail(n ast.Node, field, rule string, args ...any) {
	if field == "" {
		field = "the file"
	}
	d.errors = append(d.errors, fmt.Errorf("%s:%d: %s: %s", d.file, lineOf(n), field, fmt.Sprintf(rule, args...)))
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1
	}
	return n.GetToken().Position.Line
}

func (d *decoder) decode(n ast.Node, to reflect.Value, field string) {
	switch n.(type) {
	case *ast.NullNode:
		d.fail(n, field, "there is nothing after the colon: give a value, or leave the setting out")
		return
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.fail(n, field, "write the value out: anchors, aliases and tags are not taken, so that every line says what it says")
		return
	}
	if text, ok := to.Addr().Interface().(encoding.TextUnmarshaler); ok {
		s, scalar := scalarOf(n)
		if !scalar {
			d.fail(n, field, "give one value here, not a list or further settings")
		} else if err := text.UnmarshalText([]byte(s)); err != nil {
			d.fail(n, field, "%v", err)
		}
		return
	}
	switch to.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, to, field)
	case reflect.Slice:
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			d.fail(n, field, "give a list here, like [a, b]")
			return
		}
		to.Set(reflect.MakeSlice(to.Type(), len(list.Values), len(list.Values)))
		for i, value := range list.Values {
			element := fmt.Sprintf("%s[%d]", field, i)
			d.lines[element] = lineOf(value)
			d.decode(value, to.Index(i), element)
		}
	case reflect.String:
		s, scalar := scalarOf(n)
		if !scalar {
			d.fail(n, field, "give one value here, not a list or further settings")
			return
		}
		to.SetString(s)
	case reflect.Int:
		s, _ := scalarOf(n)
		number, err := strconv.ParseInt(s, 10, 32)
		if _, integer := n.(*ast.IntegerNode); !integer || err != nil {
			d.fail(n, field, "give a whole number here, not %q", s)
			return
		}
		to.SetInt(number)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			s, _ := scalarOf(n)
			d.fail(n, field, "give true or false here, not %q", s)
			return
		}
		to.SetBool(b.Value)
	default:
		panic(fmt.Sprintf("statutes: %s is of %v, which no file can hold", field, to.Type()))
	}
}

func (d *decoder) decodeStruct(n ast.Node, to reflect.Value, field string) {
	var settings []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		settings = n.Values
	case *ast.MappingValueNode:
		settings = []*ast.MappingValueNode{n}
	default:
		d.fail(n, field, "give settings here, each like \"name: value\"")
		return
	}
	known := map[string]int{}
	var names []string
	for i := range to.NumField() {
		if name, _, _ := strings.Cut(to.Type().Field(i).Tag.Get("json"), ","); name != "-" {
			known[name] = i
			names = append(names, name)
		}
	}
	for _, setting := range settings {
		name, scalar := "", false
		if key, ok := setting.Key.(ast.Node); ok {
			name, scalar = scalarOf(key)
		}
		if !scalar {
			d.fail(setting.Key, field, "a setting has a plain name: merges and other keys are not taken")
			continue
		}
		path := strings.TrimPrefix(field+"."+name, ".")
		i, ok := known[name]
		if !ok {
			slices.Sort(names)
			d.fail(setting.Key, path, "there is no such setting: take it out, or choose among %s", strings.Join(names, ", "))
			continue
		}
		if _, twice := d.lines[path]; twice {
			d.fail(setting.Key, path, "it is set in line %d already: take one of them out", d.lines[path])
			continue
		}
		d.lines[path] = lineOf(setting.Key)
		d.decode(setting.Value, to.Field(i), path)
	}
}

// scalarOf returns the text of a plain value as it is written.
func scalarOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// line returns where a field stands or, where it is missing, what should hold it.
func (d *decoder) line(field string) int {
	for ; field != ""; field = field[:max(strings.LastIndexAny(field, ".["), 0)] {
		if line, ok := d.lines[field]; ok {
			return line
		}
	}
	return 1
}
