package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rochdale": main})
}

// TestScripts tells what the command line does, a file of testdata/script for each
// thing that people do with it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "Europe/Brussels")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"replace": replace,
			"await":   await,
			"numbers": numbers,
			"unpack":  unpack,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exits CODE PROGRAM ARGS: the program ends with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		ended, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = ended.ExitCode()
	}
	if got != want {
		ts.Fatalf("it ended with %d, not %d", got, want)
	}
}

// replace FILE OLD NEW: in the file, which must have it.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	if !bytes.Contains(text, []byte(args[1])) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, bytes.ReplaceAll(text, []byte(args[1]), []byte(args[2])), 0o600))
}

// await FILE TEXT: a program in the background has written the text to the file.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE TEXT")
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		text, _ := os.ReadFile(ts.MkAbs(args[0]))
		if bytes.Contains(text, []byte(args[1])) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s has no %q after a minute: %s", args[0], args[1], text)
		}
	}
}

// unpack ARCHIVE FOLDER: the files of a zip archive.
func unpack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: unpack ARCHIVE FOLDER")
	}
	archive, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), archive))
	ts.Check(archive.Close())
}

// numbers FILE FIELD: the numbers that follow the field in the file begin anywhere,
// and have no gap and no double.
func numbers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: numbers FILE FIELD")
	}
	text, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	last, n := 0, 0
	for _, part := range strings.Split(string(text), args[1])[1:] {
		digits := part[:strings.IndexFunc(part+"x", func(r rune) bool { return r < '0' || r > '9' })]
		number, err := strconv.Atoi(digits)
		ts.Check(err)
		if n > 0 && number != last+1 {
			ts.Fatalf("%d comes after %d", number, last)
		}
		last, n = number, n+1
	}
	if n == 0 {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
}

// TestSettingsAreDocumented: the page of settings is what the program says of itself.
func TestSettingsAreDocumented(t *testing.T) {
	var out, errOut bytes.Buffer
	if code := run([]string{"doctor", "--settings"}, strings.NewReader(""), &out, &errOut); code != 0 {
		t.Fatal(errOut.String())
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil || !bytes.Equal(page, out.Bytes()) {
		t.Errorf("docs/configuration.md is not what rochdale doctor --settings prints: run go generate ./cmd/rochdale (%v)", err)
	}
}

// TestEveryCommandHasHelp with an example.
func TestEveryCommandHasHelp(t *testing.T) {
	var out bytes.Buffer
	if code := run([]string{"completion", "bash"}, strings.NewReader(""), &out, io.Discard); code != 0 {
		t.Fatal(out.String())
	}
	leaves := 0
	for _, path := range commandPaths(t) {
		out.Reset()
		if code := run(append(strings.Fields(path), "--help"), strings.NewReader(""), &out, &out); code != 0 || !strings.Contains(out.String(), "Example") {
			t.Errorf("rochdale %s --help ended with %d and has no example:\n%s", path, code, out.String())
		}
		leaves++
	}
	if leaves < 20 {
		t.Errorf("only %d commands", leaves)
	}
}

// commandPaths are those of all commands that do something.
func commandPaths(t *testing.T) (paths []string) {
	t.Helper()
	app, err := newApp(new(commands), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range app.Model.Leaves(true) {
		paths = append(paths, commandPath(leaf))
	}
	return paths
}
