package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rochdale/domain"
	"rochdale/domain/shares"
	"rochdale/eventstore"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rochdale": onItsDay})
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
			"certify": certify,
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

// certify NUMBER MEMBER CLASS QUANTITY [REPLACED]: a certificate of shares is issued in
// the co-op of the script, as the API issues one, perhaps in the place of another.
func certify(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: certify NUMBER MEMBER CLASS QUANTITY [REPLACED]")
	}
	ctx := context.Background()
	term := &terminal{out: io.Discard, err: io.Discard, log: slog.New(slog.DiscardHandler)}
	ts.Check(withModels(ctx, &Globals{Data: ts.MkAbs(defaultData), Language: domain.English}, term, func(h *house) error {
		number := func(text string) int64 {
			n, err := strconv.ParseInt(text, 10, 64)
			ts.Check(err)
			return n
		}
		holder, found, err := h.models.MemberByNumber(ctx, domain.MemberNumber(number(args[1])))
		if err != nil || !found {
			return errors.Join(err, errors.New("nobody has that number"))
		}
		class, today := domain.ClassID(args[2]), h.today()
		next := shares.CertificateNumber(number(args[0]))
		if len(args) == 4 {
			_, err = eventstore.Execute2(asCLI(ctx), h.store, shares.IssueCertificate{Number: next, Party: holder.ID, Class: class, Quantity: number(args[3]), On: today})
			return err
		}
		_, err = eventstore.Transact(asCLI(ctx), h.store, func(tx *eventstore.Tx) error {
			holding, _, err := eventstore.Load[shares.Holding](tx, shares.StreamOf(holder.ID, class))
			if err != nil {
				return err
			}
			return eventstore.Do2(tx, shares.ReplaceCertificate{
				Old: shares.CertificateNumber(number(args[4])), New: next, Quantity: number(args[3]), Why: shares.LostPaper, On: today, Holding: holding,
			})
		})
		return err
	}))
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
