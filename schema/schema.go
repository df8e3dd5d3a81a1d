// Package schema has contracts in their own languages. What is in it for programs to
// read is the JSON Schema of each edition of each type of event, which
// internal/schemas makes.
package schema

import "embed"

// Events are the schemas, under events/TYPE/EDITION.schema.json.
//
//go:embed events/*/*.schema.json
var Events embed.FS
