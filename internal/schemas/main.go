// Command schemas writes what programs outside hold events against: for each edition of
// each type of event a JSON Schema, beside its sample, and a page that lists them all.
// Both are made from the types in Go and what is said beside them.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rochdale/domain"
	"rochdale/domain/modules"
	"rochdale/eventstore"
	"rochdale/processes/feed"
)

//go:generate go run . ../..

func main() {
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

// write writes all files into the tree of the source.
func write(root string) error {
	files, err := files(root)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), text, 0o644); err != nil { //nolint:gosec // G306: a page of the documentation
			return err
		}
	}
	return nil
}

// registry is that of all events of a log: those of the modules, and the log's own.
func registry() *domain.Registry {
	r := modules.Registry()
	domain.Register[eventstore.RequestRecorded](r, "request.recorded")
	return r
}

// files returns all that is made, by its name in the tree of the source, which it reads.
func files(root string) (map[string][]byte, error) {
	said, err := readSource(root)
	if err != nil {
		return nil, err
	}
	all, r := map[string][]byte{}, registry()
	for _, known := range r.Types() {
		for i, shape := range r.Shapes(known.Type) {
			text, err := json.MarshalIndent(schemaOf(said, known.Type, i+1, shape), "", "  ")
			if err != nil {
				return nil, err
			}
			all[fmt.Sprintf("schema/events/%s/%d.schema.json", known.Type, i+1)] = append(text, '\n')
		}
	}
	all["docs/events.md"] = page(said, r)
	return all, nil
}

const preface = `# Events

All that happens in a co-op is an event in one log. Programs outside read them by asking (` + "`GET /events`" + `), as a stream
(` + "`GET /events/stream`" + `, or the GraphQL subscription ` + "`events`" + `), by webhook, or from NATS JetStream or Kafka:
[pipelines.md](pipelines.md) says how. This page is made by ` + "`go generate`" + ` from the source.

- An event is told in the latest edition of its type, whichever it was written in. A released edition never changes: what
  is new in a type comes as another edition, whose number is in the name: ` + "`rochdale.membership.admitted.v2`" + `.
- Each edition has a JSON Schema (draft 2020-12). A server has it at ` + "`/schemas/TYPE/EDITION.json`" + `, for anybody, and the
  event names it as its ` + "`dataschema`" + `. The value lists in them are ` + "`examples`" + `: more may come, and readers leave alone what they do not know.
- Personal data stands in a box ` + "`{\"subject\", \"class\", \"data\"}`" + `: whose it is and why it is kept. ` + "`data`" + ` is there for readers
  with the scope ` + "`events:personal`" + ` only, and for nobody once it is erased.

`

// page lists all types, by module.
func page(said source, r *domain.Registry) []byte {
	var b bytes.Buffer
	b.WriteString(preface)
	for _, module := range append(append([]string{"statutes"}, modules.Names...), "request") {
		fmt.Fprintf(&b, "## %s\n\n| type | edition | what happened | personal data |\n|---|---|---|---|\n", module)
		for _, known := range r.Types() {
			if !strings.HasPrefix(known.Type, module+".") {
				continue
			}
			shapes := r.Shapes(known.Type)
			current := shapes[len(shapes)-1]
			boxes := "–"
			if names := boxesOf(current, ""); len(names) > 0 {
				boxes = "`" + strings.Join(names, "`, `") + "`"
			}
			var editions []string
			for edition := len(shapes); edition > 0; edition-- {
				editions = append(editions, fmt.Sprintf("[%d](../schema/events/%s/%d.schema.json)", edition, known.Type, edition))
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", feed.Type(known.Type, known.Edition), strings.Join(editions, ", "), strings.ReplaceAll(said.types[nameOf(current)], "|", "\\|"), boxes)
		}
		b.WriteString("\n")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
