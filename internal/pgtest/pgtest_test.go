package pgtest_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"rochdale/internal/pgtest"
)

func TestCluster(t *testing.T) {
	c := pgtest.Start(t, "fsync=on")
	one, other := c.NewDatabase(t), c.NewDatabase(t)
	if one == other {
		t.Fatalf("two databases under one URL, %s", one)
	}
	name := func(database string) string {
		u, err := url.Parse(database)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(u.Path, "/")
	}
	sql := func(database, statements string) string {
		t.Helper()
		out, err := c.SQL(name(database), statements)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	sql(one, `create table kept (n int); insert into kept values (7)`)
	if got := sql(one, `show fsync`); got != "on" {
		t.Errorf("fsync is %s: the setting was not taken", got)
	}
	for _, mode := range []pgtest.Mode{pgtest.Fast, pgtest.Immediate, pgtest.Smart} {
		c.Restart(t, mode)
		if got := sql(one, `select n from kept`); got != "7" {
			t.Errorf("after a stop by %v there is %q", mode, got)
		}
	}
	c.Stop(t, pgtest.Fast)
	c.Stop(t, pgtest.Fast)
	if _, err := c.SQL(name(other), `select 1`); err == nil {
		t.Error("a stopped server answers")
	}
	c.Restart(t, pgtest.Fast)
	if got := sql(other, `select to_regclass('kept') is null`); got != "t" {
		t.Error("the table of one database is in the other")
	}
	u, _ := url.Parse(one)
	u.User = url.UserPassword(c.User, "wrong")
	if out, err := exec.Command("psql", "-X", "-d", u.String(), "-c", "select 1").CombinedOutput(); err == nil || !strings.Contains(string(out), "password authentication failed") {
		t.Errorf("a wrong password: %v, %s", err, out)
	}
}
