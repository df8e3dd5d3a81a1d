package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// yamlSettings reads settings from a file: the names of flags, as in "log:", or of
// flags of one verb under its name. A name that is no flag is an error, lest a
// slip of the pen go unnoticed.
func yamlSettings(r io.Reader) (kong.Resolver, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(data, &values); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return settings(values), nil
}

type settings map[string]any

// Validate refuses names that no flag has.
func (s settings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, n := range settingsOf(app) {
		known[n.key] = true
	}
	for name, value := range s {
		verb, nested := value.(map[string]any)
		if !nested {
			verb = map[string]any{"": nil}
		}
		for flag := range verb {
			key := strings.TrimSuffix(name+"."+flag, ".")
			if !known[key] {
				return fmt.Errorf("settings: there is no setting %q: see rochdale doctor --settings", key)
			}
		}
	}
	return nil
}

// Resolve finds the value of a flag, unless the environment has one.
func (s settings) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if slices.ContainsFunc(flag.Envs, func(name string) bool { return os.Getenv(name) != "" }) {
		return nil, nil
	}
	if node := parent.Node(); node != nil && node.Type == kong.CommandNode {
		verb, _ := s[strings.ReplaceAll(commandPath(node), " ", "-")].(map[string]any)
		return verb[flag.Name], nil
	}
	if _, nested := s[flag.Name].(map[string]any); nested {
		return nil, nil
	}
	return s[flag.Name], nil
}

// setting is a row of the table of settings.
type setting struct{ key, flag, env, fallback, help string }

// settingsOf lists all that can be set, from the flags themselves.
func settingsOf(app *kong.Application) (all []setting) {
	var visit func(*kong.Node)
	visit = func(n *kong.Node) {
		for _, f := range n.Flags {
			if f.Name == "help" || f.Name == "config" || f.Name == "version" || f.Hidden {
				continue
			}
			key := f.Name
			if n.Type == kong.CommandNode {
				key = strings.ReplaceAll(commandPath(n), " ", "-") + "." + f.Name
			}
			help := strings.TrimSpace(strings.ReplaceAll(f.Help, "|", "\\|"))
			all = append(all, setting{key, "--" + f.Name, strings.Join(f.Envs, ", "), f.Default, help})
		}
		for _, child := range n.Children {
			visit(child)
		}
	}
	visit(app.Node)
	slices.SortStableFunc(all, func(a, b setting) int {
		return cmp.Compare(strings.Count(a.key, "."), strings.Count(b.key, "."))
	})
	return all
}

// variables returns those of the environment that are settings.
func variables(app *kong.Application) []string {
	all := []string{"ROCHDALE_CONFIG"}
	for _, s := range settingsOf(app) {
		if s.env != "" {
			all = append(all, s.env)
		}
	}
	return all
}

// A stray is a variable of the environment that has the name of a setting, and is none.
type stray struct {
	variable string
	nearest  string // setting, if one is near
}

// do is what is to be done about it.
func (s stray) do() string {
	if s.nearest != "" {
		return "is it " + s.nearest + "? See rochdale doctor --settings"
	}
	return "see rochdale doctor --settings"
}

// strays returns what is set of the environment for settings that there are not, lest a
// slip of the pen go unnoticed.
func strays(app *kong.Application) (all []stray) {
	known := variables(app)
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		own, ours := strings.CutPrefix(name, "ROCHDALE_")
		if !ours || value == "" || slices.Contains(known, name) {
			continue
		}
		s := stray{variable: name}
		least := len(own)/2 + 1
		for _, k := range known {
			if d := levenshtein.ComputeDistance(own, strings.TrimPrefix(k, "ROCHDALE_")); d < least {
				s.nearest, least = k, d
			}
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b stray) int { return cmp.Compare(a.variable, b.variable) })
	return all
}

func commandPath(n *kong.Node) string {
	if n.Parent == nil || n.Parent.Type == kong.ApplicationNode {
		return n.Name
	}
	return commandPath(n.Parent) + " " + n.Name
}

// writeSettings writes the page of all settings, in Markdown: docs/configuration.md.
func writeSettings(w io.Writer, app *kong.Application) {
	fmt.Fprint(w, `# Settings

A setting is given by a flag, or else by an environment variable, or else in a file, which `+"`--config FILE` or `ROCHDALE_CONFIG`"+`
names, or else has its default. The file is YAML: a setting of all commands under its name, one of a command under that of
the command. A name in it that is no setting is an error; every command warns of a variable that begins like these and is none.

`+"```yaml"+`
data: /var/lib/rochdale
master-key: /etc/rochdale/master.key
serve:
  listen: 127.0.0.1:8080
  url: https://coop.example
`+"```"+`

This page is what `+"`rochdale doctor --settings`"+` prints. Options of single commands, such as `+"`export register --format`"+`, are not on
it, and can be put in the file all the same (`+"`export-register: {format: pdf}`"+`): see the help of each.

| in the file | flag | environment | default | meaning |
|---|---|---|---|---|
`)
	for _, s := range settingsOf(app) {
		if s.env != "" && !strings.HasPrefix(s.key, "demo.") && !strings.HasPrefix(s.key, "log-replay.") { // which have those of serve
			fmt.Fprintf(w, "| `%s` | `%s` | %s | %s | %s |\n", s.key, s.flag, code(s.env), code(s.fallback), s.help)
		}
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// version is that of the program, as the build recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
