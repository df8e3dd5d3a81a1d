package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"rochdale/domain/spec"
)

// TestFresh holds docs/rules.md to what the stories and the presets say now.
func TestFresh(t *testing.T) {
	want, err := rules()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	old, now := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i, line := range now {
		if i >= len(old) || old[i] != line {
			t.Fatalf("docs/rules.md is not fresh from line %d on, which is now\n\t%s\nrun go generate ./internal/rules", i+1, line)
		}
	}
	t.Fatalf("docs/rules.md goes on after line %d: run go generate ./internal/rules", len(now))
}

// TestCasesNameWhatThereIs: a case that names a story or a test that is not there is
// found.
func TestCasesNameWhatThereIs(t *testing.T) {
	told := []chapter{{"shares", []story{{spec.Told{Rule: "there is one"}, "TestOne"}}}}
	for r, want := range map[rule]bool{
		{"shares", "TestOne", "there is one"}: true, {"shares", "TestOne", "there is another"}: false, {"shares", "TestTwo", "there is one"}: false,
		{"billing", "TestOne", "there is one"}: false,
	} {
		if isTold(told, r) != want {
			t.Errorf("%+v is told: %t", r, !want)
		}
	}
	if err := (trial{"internal/rules", "TestFresh"}).exists(); err != nil {
		t.Error(err)
	}
	for _, none := range []trial{{"internal/rules", "TestFres"}, {"internal/none", "TestFresh"}} {
		if none.exists() == nil {
			t.Errorf("%+v is there", none)
		}
	}
	if err := writeCases(new(bytes.Buffer), told); err == nil || !strings.Contains(err.Error(), cases[0].told[0].rule) {
		t.Errorf("without its stories: %v", err)
	}
}

func TestSettings(t *testing.T) {
	about, all := settings(`# A sample
# of two lines.
name: Sample
membership:
  # They join (Law 1).
  admission:
    by: board      # says Law 2
    # texts: [rules]
    min_shares: 1
shares:
  classes:
    - id: A
      name: {en: Share}
      price: 1.00 EUR
  votes: {per: share}
`)
	if about != "A sample\nof two lines." {
		t.Errorf("about: %q", about)
	}
	want := []setting{
		{"name", "Sample", ""},
		{"membership", "", ""},
		{"membership.admission", "", "They join (Law 1)."},
		{"membership.admission.by", "board", "says Law 2"},
		{"membership.admission.min_shares", "1", ""},
		{"shares", "", ""},
		{"shares.classes", "", ""},
		{"shares.classes.A.id", "A", ""},
		{"shares.classes.A.name", "{en: Share}", ""},
		{"shares.classes.A.price", "1.00 EUR", ""},
		{"shares.votes", "{per: share}", ""},
	}
	if len(all) != len(want) {
		t.Fatalf("%d settings: %+v", len(all), all)
	}
	for i := range want {
		if all[i] != want[i] {
			t.Errorf("%+v, want %+v", all[i], want[i])
		}
	}
}
