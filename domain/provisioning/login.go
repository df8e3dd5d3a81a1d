package provisioning

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"rochdale/domain"
	"rochdale/domain/sealed"
)

// Login is the name of an account: a mail address, on whatever service, so that
// people have one to remember and mail programs find the rest by it.
//
// It is narrower than the standards allow, so that every server and every file
// system takes it as it is: in lower case; the local part is a dot-string (RFC
// 5321 §4.1.2) of a to z, 0 to 9, hyphen and underscore, begins and ends with a
// letter or digit and has no two signs in a row; the domain has two or more labels
// of letters, digits and inner hyphens (RFC 1035 §2.3.1), international ones in
// their ASCII form. Of RFC 6532's addresses in all scripts there are none: too
// many servers still refuse their mail.
type Login string

const (
	maxLocalPart = 64  // octets, RFC 5321 §4.5.3.1.1
	maxLogin     = 254 // octets: a path of 256 (RFC 5321 §4.5.3.1.3) less its brackets
	maxLabel     = 63  // octets, RFC 1035 §2.3.4
)

// reserved are the local parts that a domain keeps for roles (RFC 2142) or that
// people would take for them.
var reserved = []string{
	"abuse", "admin", "administrator", "billing", "contact", "ftp", "hostmaster", "info", "mailer-daemon",
	"marketing", "news", "no-reply", "nobody", "noc", "noreply", "postmaster", "root", "sales", "security",
	"support", "usenet", "uucp", "webmaster", "www",
}

// ParseLogin reads a login. It refuses, with [ErrLogin] or [ErrReserved], what is
// not one; it mends nothing.
func ParseLogin(s string) (Login, error) {
	local, host, _ := strings.Cut(s, "@")
	switch {
	case len(s) > maxLogin || !localPart(local) || !hostname(host):
		return "", ErrLogin
	case slices.Contains(reserved, local):
		return "", ErrReserved.With("name", local)
	}
	return Login(s), nil
}

// Local returns the part before the @.
func (l Login) Local() string {
	local, _, _ := strings.Cut(string(l), "@")
	return local
}

// Domain returns the part after the @.
func (l Login) Domain() string {
	_, host, _ := strings.Cut(string(l), "@")
	return host
}

// A Named is a login as the log names it: by digests, since logins are personal data, and names of streams are in the
// clear. Only [Login.Named] makes one, so that no stream is named without the digests of the co-op.
type Named struct {
	login  Login
	digest string
	local  string // the digest of the part before the @
}

// Named returns the login as a log names it that has these digests.
func (l Login) Named(by sealed.Digests) Named { return Named{l, by.Of(string(l)), by.Of(l.Local())} }

// Stream returns the stream by which no two accounts of a service have the same login.
func (n Named) Stream(service domain.Service) domain.Stream {
	return domain.StreamOf("login", string(service), n.digest)
}

// Suggest returns a login made of a person's names, like anna.lee@example.org for
// "Anna" and "Lée", or "" where nothing of them can be written with its letters.
// Whether it is free is another question.
func Suggest(host string, names ...string) Login {
	var local []byte
	for _, r := range norm.NFKD.String(strings.ToLower(foreign.Replace(strings.Join(names, " ")))) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			local = append(local, byte(r))
		case (r == ' ' || r == '-' || r == '.') && len(local) > 0 && alphanumeric(local[len(local)-1]):
			local = append(local, map[rune]byte{' ': '.', '-': '-', '.': '.'}[r])
		}
	}
	if room := maxLocalPart - 8; len(local) > room { // for a number, if it is taken
		local = local[:room]
	}
	login, err := ParseLogin(strings.TrimRight(string(local), ".-") + "@" + host)
	if err != nil {
		return ""
	}
	return login
}

// foreign are letters that Unicode does not take apart into those of ASCII.
var foreign = strings.NewReplacer("ß", "ss", "æ", "ae", "Æ", "ae", "œ", "oe", "Œ", "oe", "ø", "o", "Ø", "o",
	"đ", "d", "Đ", "d", "ł", "l", "Ł", "l", "ı", "i", "þ", "th", "Þ", "th", "ð", "d", "Ð", "d")

func localPart(s string) bool {
	if s == "" || len(s) > maxLocalPart || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && (c != '.' && c != '-' && c != '_' || !alphanumeric(s[i-1])) {
			return false
		}
	}
	return true
}

func hostname(s string) bool {
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > maxLabel || !alphanumeric(label[0]) || !alphanumeric(label[len(label)-1]) {
			return false
		}
		for i := range len(label) {
			if !alphanumeric(label[i]) && label[i] != '-' {
				return false
			}
		}
	}
	return len(labels) >= 2
}

func alphanumeric(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
