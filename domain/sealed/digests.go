package sealed

import (
	"crypto/hmac"   //nolint:depguard // a digest to tell things apart by; it seals nothing
	"crypto/sha256" //nolint:depguard // the same
	"encoding/hex"
)

// Digests make digests of personal data that stand in the clear, as in names of streams, so that the same is found again.
// People's logins can be guessed, so digests are made under a secret, which is kept with the keys: without it a guess cannot
// be tried, not even once what was sealed is erased. The zero value has no secret, and makes the plain digests of a
// log that was founded before there were any; what these have named is found by them alone, so it keeps them for ever.
type Digests struct{ secret string }

// DigestsUnder returns digests under a secret of 32 bytes.
func DigestsUnder(secret [32]byte) Digests { return Digests{string(secret[:])} }

// Of returns the digest of a text, of 32 hexadecimal digits.
func (d Digests) Of(text string) string {
	h := sha256.New()
	if d.secret != "" {
		h = hmac.New(sha256.New, []byte(d.secret))
	}
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// String keeps the secret out of messages and diagnostics.
func (Digests) String() string { return "[secret]" }

// GoString does the same for %#v.
func (Digests) GoString() string { return "[secret]" }
