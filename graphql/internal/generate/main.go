// Generate makes the package graphql/internal/exec of the schema, by
// gqlgen, and then tunes it: see [tune]. With -plain it does not tune,
// so that the two can be compared.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
)

func main() {
	plain := flag.Bool("plain", false, "leave the code as gqlgen makes it")
	flag.Parse()
	if err := run(*plain); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(plain bool) error {
	cfg, err := config.LoadConfigFromDefaultLocations() // gqlgen.yml, in this directory or above
	if err != nil {
		return err
	}
	if err := api.Generate(cfg); err != nil {
		return err
	}
	code, err := os.ReadFile(cfg.Exec.Filename)
	if err != nil {
		return err
	}
	if code, err = tune(code, plain); err != nil {
		return err
	}
	return os.WriteFile(cfg.Exec.Filename, code, 0o644) //nolint:gosec // G306: source, for everybody to read
}
