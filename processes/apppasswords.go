package processes

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// AppPasswords lets devices in to accounts by passwords of their own, beside that of
// the account. A [Provisioner] has it if its service can; it fails as on the others.
type AppPasswords interface {
	// AddAppPassword lets an account in by one more. Added again, it is as it was.
	AddAppPassword(ctx context.Context, ref provisioning.Ref, p provisioning.AppPassword, c provisioning.Credential) error
	// AppPasswords returns those of an account, oldest first.
	AppPasswords(ctx context.Context, ref provisioning.Ref) ([]provisioning.AppPassword, error)
	// RemoveAppPassword is no error for one that is not there.
	RemoveAppPassword(ctx context.Context, ref provisioning.Ref, id string) error
}

// The rules of app passwords.
var (
	ErrNoAppPasswords = domain.Refusal{
		Code: "provisioning.no_app_passwords", Reason: "this service lets devices in by the password of the account alone",
	}
	ErrDeviceName = domain.Refusal{
		Code: "provisioning.device_name", Reason: "a device has a name of 1 to {most} characters, such as telephone",
	}
	ErrTooManyDevices = domain.Refusal{
		Code: "provisioning.too_many_devices", Reason: "an account has at most {most} app passwords: remove those that you do not use",
	}
)

const (
	maxDevices    = 30
	maxDeviceName = 60
	secretLetters = 20 // of 5 bits each
)

// NewAppPassword lets a device of the holder of an account in by a password of its
// own, which is returned, kept nowhere but hashed on the service, and never shown
// again. Whatever is made of a seed, which is secret or empty, is the same again.
func NewAppPassword(ctx context.Context, s *eventstore.Store, at Provisioner, account domain.AccountID, name, seed string) (secret string, made provisioning.AppPassword, err error) {
	if name = strings.TrimSpace(name); name == "" || utf8.RuneCountInString(name) > maxDeviceName || strings.ContainsFunc(name, unicode.IsControl) {
		return "", made, ErrDeviceName.With("most", maxDeviceName)
	}
	to, ref, err := devicesOf(ctx, s, at, account)
	if err != nil {
		return "", made, err
	}
	raw := make([]byte, provisioning.AppPasswordID+secretLetters)
	if rand.Read(raw); seed != "" {
		sum := sha512.Sum512(s.Keys.Sum([]byte("app password " + string(account) + " " + seed)))
		copy(raw, sum[:])
	}
	for i, b := range raw {
		raw[i] = provisioning.AppPasswordLetters[b%32]
	}
	made = provisioning.AppPassword{ID: string(raw[:provisioning.AppPasswordID]), Name: name, Created: s.Now().UTC()}
	all, err := to.AppPasswords(ctx, ref)
	if err != nil {
		return "", made, err
	}
	if i := slices.IndexFunc(all, func(p provisioning.AppPassword) bool { return p.ID == made.ID }); i >= 0 {
		made = all[i]
	} else if len(all) >= maxDevices {
		return "", made, ErrTooManyDevices.With("most", maxDevices)
	}
	var groups []string
	for rest := raw; len(rest) > 0; rest = rest[4:] {
		groups = append(groups, string(rest[:4]))
	}
	secret = groups[0] + groups[1] + "-" + strings.Join(groups[2:], "-") // the id is in one piece
	// Of a hundred random bits a hash need not be slow, and mail clients log in often.
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	if err != nil {
		return "", made, err
	}
	return secret, made, to.AddAppPassword(ctx, ref, made, provisioning.Credential{Scheme: "BLF-CRYPT", Hash: string(hash)})
}

// ListAppPasswords returns the app passwords of an account, oldest first; none where
// its service has none.
func ListAppPasswords(ctx context.Context, s *eventstore.Store, at Provisioner, account domain.AccountID) ([]provisioning.AppPassword, error) {
	if _, can := at.(AppPasswords); !can {
		return nil, nil
	}
	to, ref, err := devicesOf(ctx, s, at, account)
	if err != nil {
		return nil, err
	}
	return to.AppPasswords(ctx, ref)
}

// RevokeAppPassword lets the holder of an account in by one of its app passwords no
// more. To do so again changes nothing.
func RevokeAppPassword(ctx context.Context, s *eventstore.Store, at Provisioner, account domain.AccountID, id string) error {
	to, ref, err := devicesOf(ctx, s, at, account)
	if err != nil {
		return err
	}
	return to.RemoveAppPassword(ctx, ref, id)
}

// devicesOf returns what lets devices in to an account that is there or is to be.
func devicesOf(ctx context.Context, s *eventstore.Store, at Provisioner, account domain.AccountID) (to AppPasswords, ref provisioning.Ref, err error) {
	to, can := at.(AppPasswords)
	if !can {
		return nil, ref, ErrNoAppPasswords
	}
	want, err := letsIn(ctx, s, account)
	return to, want.Ref, err
}
