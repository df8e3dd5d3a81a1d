package offering

import (
	"embed"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/shopspring/decimal"

	"rochdale/domain/calendar"
)

//go:embed pricelists/*.yaml
var pricelists embed.FS

// Preset returns a price list that comes with the program, like "nubo".
func Preset(name string) (PriceList, error) {
	file := name + ".yaml"
	data, err := pricelists.ReadFile("pricelists/" + file)
	if err != nil {
		return PriceList{}, fmt.Errorf("offering: there is no price list %q: there are %s", name, strings.Join(Presets(), ", "))
	}
	return Parse(data, file)
}

// Presets returns the names of the price lists that come with the program.
func Presets() []string {
	files, _ := pricelists.ReadDir("pricelists") // embedded, so there is nothing to fail
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f.Name(), ".yaml")
	}
	return names
}

// Parse reads a price list written as YAML in the manner of pricelists/nubo.yaml.
// It takes no setting that it does not know, and none twice. Every line of its
// error names the file, the line, the field, the rule it breaks and what to do.
func Parse(data []byte, file string) (PriceList, error) {
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		return PriceList{}, at(file, err)
	}
	if len(parsed.Docs) != 1 || parsed.Docs[0].Body == nil {
		return PriceList{}, fmt.Errorf("%s:1: the file holds one price list: see that of nubo", file)
	}
	body := parsed.Docs[0].Body
	var wrong misread
	if ast.Walk(&wrong, body); len(wrong) > 0 {
		return PriceList{}, fmt.Errorf("%s:%w", file, wrong[0])
	}
	var list PriceList
	if err := yaml.NodeToValue(body, &list, yaml.Strict()); err != nil {
		return PriceList{}, at(file, err)
	}
	var all []error
	for _, p := range list.Problems() {
		all = append(all, fmt.Errorf("%s:%d: %v", file, line(body, p.Field), p))
	}
	if len(all) > 0 {
		return PriceList{}, errors.Join(all...)
	}
	return list, nil
}

// at says where in the file an error of the YAML library lies.
func at(file string, err error) error {
	var where yaml.Error
	if errors.As(err, &where) && where.GetToken() != nil {
		return fmt.Errorf("%s:%d: %s", file, where.GetToken().Position.Line, where.GetMessage())
	}
	return fmt.Errorf("%s: %w", file, err)
}

// misread collects what the YAML library would not say the place of, numbers and
// days that cannot be read, and what it does not always survive.
type misread []error

// Visit is that of [ast.Visitor].
func (m *misread) Visit(n ast.Node) ast.Visitor {
	wrong := func(n ast.Node, format string, args ...any) {
		line := 1
		if token := n.GetToken(); token != nil {
			line = token.Position.Line
		}
		*m = append(*m, fmt.Errorf("%d: %w", line, fmt.Errorf(format, args...)))
	}
	switch n := n.(type) {
	case *ast.TagNode, *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.DirectiveNode:
		wrong(n, "a price list has no tags, anchors, aliases or directives: write the setting out")
		return nil
	case *ast.MappingValueNode:
		if n.Key == nil || n.Value == nil || n.Value.GetToken() == nil {
			break
		}
		field, text := n.Key.String(), n.Value.GetToken().Value
		switch field {
		case "from":
			if _, err := calendar.ParseDate(text); err != nil {
				wrong(n.Value, "%s: %q: a day is written like 1996-01-01", field, text)
			}
		case "percent", "price", "per_gb", "non_member_extra":
			if _, err := decimal.NewFromString(text); err != nil {
				wrong(n.Value, "%s: %q: a number is written like 2.50", field, text)
			}
		}
	}
	return m
}

var parent = regexp.MustCompile(`(\.[a-z_]+|\[\d+\])$`)

// line returns where a field stands or, where it is missing, what should hold it.
func line(body ast.Node, field string) int {
	for ; field != ""; field = parent.ReplaceAllString("."+field, "") {
		field = strings.TrimPrefix(field, ".")
		path, err := yaml.PathString("$." + field)
		if err != nil {
			break
		}
		if node, err := path.FilterNode(body); err == nil && node != nil && node.GetToken() != nil {
			return node.GetToken().Position.Line
		}
	}
	return 1
}
