package access_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/processes/access"
)

// household are two people of one address.
type household struct{ dead domain.PartyID }

func (household) ByEmail(_ context.Context, email string) ([]access.Person, error) {
	if email != "both@example.org" {
		return nil, nil
	}
	return []access.Person{{Party: "max", Name: "Max", Email: email}, {Party: "eva", Name: "Eva", Email: email}}, nil
}

func (h household) ByID(_ context.Context, party domain.PartyID) (access.Person, error) {
	return access.Person{Party: party, Died: party == h.dead, Roles: []domain.Role{domain.RoleMember}, Language: domain.Dutch}, nil
}

func newAccess(now *time.Time) *access.Access {
	return &access.Access{KV: new(eventstore.Memory), People: household{}, Now: func() time.Time { return *now }}
}

// TestAgain: who asks is looked up anew, as often as what goes on for long wants it.
func TestAgain(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a := newAccess(&now)
	session, _, err := a.StartSession(t.Context(), "max", "test")
	if err != nil {
		t.Fatal(err)
	}
	secret, token, err := a.CreateToken(t.Context(), access.Token{Name: "eva", Party: "eva", Scopes: []string{"read"}, Expires: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	is := func(ctx context.Context, want string, err, wantErr error) {
		t.Helper()
		if v, known := access.Of(ctx); v.Name != want || known != (want != "") || eventstore.Actor(ctx) != want || !errors.Is(err, wantErr) {
			t.Errorf("%q %t, %v; want %q, %v", v.Name, known, err, want, wantErr)
		}
	}
	ctx := access.Identifying(t.Context(), access.Proof{Session: session}, a.Identify)
	again, err := access.Again(ctx, "")
	is(again, "max", err, nil)

	// A token counts from when it is given, and no longer than it is good.
	_, err = access.Again(ctx, "roch_none")
	is(ctx, "", err, access.ErrBadToken)
	withToken, err := access.Again(again, secret)
	is(withToken, "eva", err, nil)
	if v, _ := access.Of(withToken); !v.Allows("read") || v.Allows("write") {
		t.Errorf("scopes: %v", v.Scopes)
	}
	later, err := access.Again(withToken, "")
	is(later, "eva", err, nil)
	if err := a.RevokeToken(t.Context(), token.ID); err != nil {
		t.Fatal(err)
	}
	later, err = access.Again(withToken, "")
	is(later, "", err, access.ErrBadToken)

	// A session that has ended is nobody's, and no error.
	now = now.Add(access.SessionLife)
	again, err = access.Again(ctx, "")
	is(again, "", err, nil)

	// Where nobody can tell, all stays as it is; and a token is no good.
	fixed := access.With(t.Context(), access.Viewer{Name: "somebody"})
	again, err = access.Again(fixed, "")
	is(again, "somebody", err, nil)
	_, err = access.Again(fixed, secret)
	is(fixed, "somebody", err, access.ErrBadToken)
}

// TestNobodyIsLetInAsTheDead, by what let them in, and as whoever lives all are; and those come in again if it was a mistake.
func TestNobodyIsLetInAsTheDead(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a := newAccess(&now)
	for _, party := range []domain.PartyID{"max", "eva"} {
		session, _, err := a.StartSession(t.Context(), party, "test")
		token, _, err2 := a.CreateToken(t.Context(), access.Token{Name: "t", Party: party})
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for _, dead := range []domain.PartyID{"", "max", ""} {
			a.People = household{dead}
			_, err := a.BySession(t.Context(), session)
			_, err2 := a.ByToken(t.Context(), token)
			_, err3 := a.Usable(t.Context(), access.Client{Name: "forum"}, party)
			if dead != party {
				if err := errors.Join(err, err2, err3); err != nil {
					t.Errorf("%s, while %q is dead: %v", party, dead, err)
				}
			} else if !errors.Is(err, access.ErrSignedOut) || !errors.Is(err2, access.ErrBadToken) || !errors.Is(err3, access.ErrNoMember) {
				t.Errorf("who is dead: %v, %v, %v", err, err2, err3)
			}
		}
	}
}

// TestSignOut: of one party nothing lets anybody in any more, and of others all does.
func TestSignOut(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a := newAccess(&now)
	in := func(party domain.PartyID) (session, token, link string) {
		t.Helper()
		session, _, err := a.StartSession(t.Context(), party, "test")
		token, _, err2 := a.CreateToken(t.Context(), access.Token{Name: "t", Party: party})
		link, err3 := a.NewLink(t.Context(), party)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		return session, token, link
	}
	session, token, link := in("max")
	session2, token2, link2 := in("eva")
	machine, _, err := a.CreateToken(t.Context(), access.Token{Name: "machine", Roles: []domain.Role{domain.RoleOperator}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.SignOut(t.Context(), "max"); err != nil {
			t.Fatal(err)
		}
	}
	_, err = a.BySession(t.Context(), session)
	_, err2 := a.ByToken(t.Context(), token)
	_, _, err3 := a.UseLink(t.Context(), link)
	if !errors.Is(err, access.ErrSignedOut) || !errors.Is(err2, access.ErrBadToken) || !errors.Is(err3, access.ErrBadLink) {
		t.Errorf("who is out: %v, %v, %v", err, err2, err3)
	}
	_, err = a.BySession(t.Context(), session2)
	_, err2 = a.ByToken(t.Context(), token2)
	_, _, err3 = a.UseLink(t.Context(), link2)
	_, err4 := a.ByToken(t.Context(), machine)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Errorf("others: %v", err)
	}
	if all, err := a.Tokens(t.Context()); len(all) != 3 || err != nil {
		t.Errorf("%v is listed, %v", all, err)
	}
}

// post fails for some, and keeps the others.
type post struct {
	mu   sync.Mutex
	bad  string
	sent chan string
}

func (p *post) Send(_ context.Context, _, _, text, key string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(text, p.bad) || !strings.HasSuffix(key, "@coop.example") {
		return errors.New("refused")
	}
	p.sent <- text
	return nil
}

// TestLinksOfAHousehold: that one cannot be reached does not keep a link from another.
func TestLinksOfAHousehold(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a, p := newAccess(&now), &post{bad: " Max ", sent: make(chan string, 10)}
	var logged strings.Builder
	links := access.NewLinks(a, p, "https://coop.example/", func() string { return "Demo" }, slog.New(slog.NewTextHandler(&logged, nil)))
	links.Request(t.Context(), "both@example.org", domain.English, "")
	links.Request(t.Context(), "nobody@example.org", domain.English, "")
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { links.Run(ctx) })
	text := <-p.sent
	stop()
	running.Wait()
	_, link, _ := strings.Cut(text, "https://coop.example/sign-in/")
	if link, _, _ = strings.Cut(link, "\n"); !strings.HasPrefix(link, "rocl_") || !strings.Contains(text, " Eva ") {
		t.Fatalf("sent: %s", text)
	}
	if _, s, err := a.UseLink(t.Context(), link); s.Party != "eva" || err != nil {
		t.Errorf("the link is of %s, %v", s.Party, err)
	}
	if log := logged.String(); !strings.Contains(log, "refused") || strings.Contains(log, "example.org") || strings.Contains(log, "rocl_") {
		t.Errorf("logged: %s", log)
	}
}
