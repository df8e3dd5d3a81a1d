package provisioning

import (
	"errors"
	"net/mail"
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/sealed"
)

func TestParseLogin(t *testing.T) {
	long := strings.Repeat("a", 64)
	label := strings.Repeat("b", 63)
	for _, s := range []string{
		"a@b.c", "anna@example.org", "anna.lee@example.org", "anna-lee_2@mail.example.org", "7@example.org",
		long + "@example.org", "a@" + label + ".org", "anna@xn--bcher-kva.example",
		"a@" + label + "." + label + "." + label + "." + strings.Repeat("c", 60), // 254
	} {
		l, err := ParseLogin(s)
		if err != nil || string(l) != s || l.Local()+"@"+l.Domain() != s {
			t.Errorf("%q: %q, %v", s, l, err)
		}
	}
	for _, s := range []string{
		"", "@", "anna", "anna@", "@example.org", "anna@org", "Anna@example.org", "anna@Example.org", "ännä@example.org",
		"anna lee@example.org", ".anna@example.org", "anna.@example.org", "anna..lee@example.org", "anna.-lee@example.org",
		"-anna@example.org", "anna+tag@example.org", "anna/../x@example.org", "anna%@example.org", "anna'@example.org",
		`"anna"@example.org`, "anna@lee@example.org", "anna@.org", "anna@example.", "anna@-example.org", "anna@example-.org",
		"anna@exa_mple.org", "anna@[127.0.0.1]", "anna\n@example.org", "anna@example.org\x00",
		long + "a@example.org", "a@" + label + "b.org", "a@" + label + "." + label + "." + label + "." + strings.Repeat("c", 61),
	} {
		if l, err := ParseLogin(s); !errors.Is(err, ErrLogin) || l != "" {
			t.Errorf("%q: %q, %v", s, l, err)
		}
	}
	for _, name := range reserved {
		if _, err := ParseLogin(name + "@example.org"); !errors.Is(err, ErrReserved) && !errors.Is(err, ErrLogin) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParseLogin holds what is taken for a login to being one for others too, and
// safe as the name of a file.
func FuzzParseLogin(f *testing.F) {
	f.Add("anna.lee@example.org")
	f.Add("a_b-c.9@x.y-z.org")
	f.Add("../../etc@passwd.org")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLogin(s)
		if err != nil {
			return
		}
		address, err := mail.ParseAddress(s)
		if err != nil || address.Address != s || address.Name != "" {
			t.Fatalf("%q is no mail address: %v", s, err)
		}
		if strings.ContainsAny(s, "/\\\x00 \"'%$*?<>|:;&(){}[]") || strings.Contains(s, "..") || s[0] == '.' || s[0] == '-' || strings.ToLower(s) != s {
			t.Fatalf("%q is no safe name", s)
		}
		if n := l.Named(digests); n.Stream(domain.Mail) == n.Stream(domain.Storage) {
			t.Fatalf("%q has one stream for two services", s)
		}
	})
}

func TestSuggest(t *testing.T) {
	for _, tt := range []struct {
		names []string
		want  Login
	}{
		{[]string{"Anna", "Lee"}, "anna.lee@example.org"},
		{[]string{" Zoë ", "Müller-Strauß"}, "zoe.muller-strauss@example.org"},
		{[]string{"Søren", "Łukasz Ærø"}, "soren.lukasz.aero@example.org"},
		{[]string{"O'Neil"}, "oneil@example.org"},
		{[]string{"Coop", "A.S.B.L."}, "coop.a.s.b.l@example.org"},
		{[]string{"ﬁona"}, "fiona@example.org"},
		{[]string{"Анна"}, ""},
		{[]string{"Admin"}, ""},
		{nil, ""},
		{[]string{strings.Repeat("long ", 40)}, Login(strings.TrimRight(strings.Repeat("long.", 12)[:56], ".") + "@example.org")},
	} {
		if got := Suggest("example.org", tt.names...); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.names, got, tt.want)
		}
	}
}

func TestLoginStreamSaysNoName(t *testing.T) {
	a, b := address.Stream(domain.Mail), Login("anna.lef@example.org").Named(digests).Stream(domain.Mail)
	if a == b || strings.Contains(string(a), "anna") || a.Kind() != "login" {
		t.Error(a, b)
	}
	plain := login.Named(sealed.Digests{})
	for got, want := range map[domain.Stream]domain.Stream{
		a:                         "login/mail/a4fc0c99383a8eeabd6d6d1ea336d7b0",
		address.NameStream():      "name/edbf9f287b00d2c6c3ea6cf4c11891f7",
		plain.Stream(domain.Mail): "login/mail/650c9a5085e924db80b2f049faeecd97", // in logs founded without a secret
		plain.NameStream():        "name/93ad22f539464ba5ef3d2b32ff6f203a",
	} {
		if got != want {
			t.Errorf("%s, not %s: the names of streams are for ever", got, want)
		}
	}
}
