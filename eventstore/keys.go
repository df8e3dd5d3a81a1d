package eventstore

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"rochdale/domain"
	"rochdale/domain/sealed"
)

// ErrNoKey says that a key is not there, though nobody has destroyed it: it was lost.
var ErrNoKey = errors.New("is missing")

// ErrErased says that a key was destroyed, and with it all that it sealed.
var ErrErased = errors.New("eventstore: key destroyed")

// keySpace is where the wrapped keys are in the [KV]: key/<class>/<subject>.
const keySpace = "key/"

// IsKey reports whether an entry of the [KV] is a wrapped key: nothing may be left
// of it once it is changed or deleted.
func IsKey(entry string) bool { return strings.HasPrefix(entry, keySpace) }

// Keys is the key ring: a key for each party and class, wrapped by a master key
// that is kept outside of the database. Keys are made when they are first needed.
type Keys struct {
	kv     KV
	master cipher.AEAD
	sums   []byte                         // made of the master key, for sums alone
	opened *lru.Cache[sealed.Key, Secret] // by subject, class and version; of version 0 the current one

	mu   sync.Mutex
	gone map[sealed.Key]int // by subject and class, the version through which keys are known to be erased

	forgotten atomic.Int64 // how often something was
}

// cachedKeys bounds the memory that opened keys take to some 50 MB.
const cachedKeys = 1 << 18

// Secret is a version of a key. It is kept raw: ready for use it would take ten
// times the memory, and hardly less time.
type Secret struct {
	Version int
	raw     [32]byte
}

func (s Secret) seal(plain, bound []byte) ([]byte, error) {
	aead, err := newAEAD(s.raw[:])
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plain, bound), nil
}

func (s Secret) open(ciphertext, bound []byte) ([]byte, error) {
	aead, err := newAEAD(s.raw[:])
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, nil, ciphertext, bound)
}

// A ring is what the database holds of one party and class.
type ring struct {
	Destroyed int              `json:"destroyed,omitempty"` // all versions through this one
	Wrapped   []wrappedVersion `json:"keys,omitempty"`      // oldest first
}

type wrappedVersion struct {
	Version int    `json:"version"`
	Wrapped []byte `json:"wrapped"` // by the master key, bound to the name of the ring
}

// NewKeys returns the key ring kept in kv under a master key of 32 bytes.
func NewKeys(kv KV, master []byte) (*Keys, error) {
	aead, err := newAEAD(master)
	if err != nil {
		return nil, fmt.Errorf("eventstore: master key: %w", err)
	}
	sums, err := hkdf.Key(sha256.New, master, nil, "rochdale: sums", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("eventstore: master key: %w", err)
	}
	opened, _ := lru.New[sealed.Key, Secret](cachedKeys) // fails for sizes below 1 only
	return &Keys{kv: kv, master: aead, sums: sums, opened: opened, gone: map[sealed.Key]int{}}, nil
}

// Sum returns a digest of something (HMAC-SHA-256) that can be compared, and by
// which nobody without the master key can tell whether a guess at it is right.
func (k *Keys) Sum(data []byte) []byte {
	h := hmac.New(sha256.New, k.sums)
	h.Write(data)
	return h.Sum(nil)
}

// Seal seals what is kept beside the log under the current key of a subject and class,
// bound to a name, and returns the version of the key.
func (k *Keys) Seal(ctx context.Context, key sealed.Key, plain, bound []byte) (ciphertext []byte, version int, err error) {
	wanted := map[sealed.Key]Secret{key: {}}
	if err := k.current(ctx, wanted); err != nil {
		return nil, 0, err
	}
	ciphertext, err = wanted[key].seal(plain, bound)
	return ciphertext, wanted[key].Version, err
}

// Open undoes Seal, or returns [ErrErased].
func (k *Keys) Open(ctx context.Context, key sealed.Key, ciphertext, bound []byte) ([]byte, error) {
	secret, err := k.named(ctx, key)
	if err != nil {
		return nil, err
	}
	return secret.open(ciphertext, bound)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("a key of AES-256 has 32 bytes, not %d", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func ringName(k sealed.Key) string {
	return keySpace + string(domain.StreamOf(string(k.Class), string(k.Subject)))
}

// current fills in the current version of each of the keys wanted, all of
// version 0, and makes in one transaction those that are not there.
func (k *Keys) current(ctx context.Context, wanted map[sealed.Key]Secret) error {
	for {
		var missing []sealed.Key
		var names []string
		for key := range wanted {
			if secret, ok := k.opened.Get(key); ok && secret.Version > k.goneThrough(key) {
				wanted[key] = secret
			} else {
				missing, names = append(missing, key), append(names, ringName(key))
			}
		}
		if len(missing) == 0 {
			return nil
		}
		entries, err := k.kv.Get(ctx, names...)
		if err != nil {
			return err
		}
		var changes []Change
		for i, key := range missing {
			r, err := readRing(entries[i])
			if err != nil {
				return err
			}
			if through := k.goneThrough(key); through > r.Destroyed {
				r.destroy(through) // whoever is about to has not come to it yet
			}
			if len(r.Wrapped) == 0 {
				if err := k.add(&r, names[i]); err != nil {
					return err
				}
				changes = append(changes, Change{Key: names[i], Value: r.bytes(), Revision: entries[i].Revision})
			}
			last := r.Wrapped[len(r.Wrapped)-1]
			if wanted[key], err = k.unwrap(names[i], last); err != nil {
				return err
			}
		}
		if len(changes) > 0 {
			if err := k.kv.Put(ctx, changes...); IsStale(err) {
				continue // somebody else has made it
			} else if err != nil {
				return err
			}
		}
		for _, key := range missing { // only now: a key that is not kept must not be used
			k.opened.Add(key, wanted[key])
			k.opened.Add(sealed.Key{Subject: key.Subject, Class: key.Class, Version: wanted[key].Version}, wanted[key])
		}
		return nil
	}
}

// named returns a version of a key, or [ErrErased].
func (k *Keys) named(ctx context.Context, key sealed.Key) (Secret, error) {
	if key.Version <= k.goneThrough(key) {
		return Secret{}, ErrErased
	}
	if secret, ok := k.opened.Get(key); ok {
		return secret, nil
	}
	name := ringName(key)
	entries, err := k.kv.Get(ctx, name)
	if err != nil {
		return Secret{}, err
	}
	r, err := readRing(entries[0])
	if err != nil {
		return Secret{}, err
	}
	for _, w := range r.Wrapped {
		if w.Version == key.Version {
			secret, err := k.unwrap(name, w)
			if err == nil {
				k.opened.Add(key, secret)
			}
			return secret, err
		}
	}
	if key.Version <= r.Destroyed {
		return Secret{}, ErrErased
	}
	return Secret{}, fmt.Errorf("eventstore: key %s, version %d, %w: restore the keys that belong to this log", name, key.Version, ErrNoKey)
}

// Keep bounds how many opened keys are kept: who goes once through all parties needs few.
func (k *Keys) Keep(most int) { k.opened.Resize(most) }

// Warm opens all keys, which is faster than one by one before all is read.
func (k *Keys) Warm(ctx context.Context) error {
	for e, err := range Entries(ctx, k.kv, keySpace) {
		if err != nil {
			return err
		}
		r, err := readRing(e)
		if err != nil {
			return err
		}
		class, subject, _ := strings.Cut(strings.TrimPrefix(e.Key, keySpace), "/")
		for _, w := range r.Wrapped {
			secret, err := k.unwrap(e.Key, w)
			if err != nil {
				return err
			}
			party := domain.PartyID(strings.NewReplacer("%2F", "/", "%25", "%").Replace(subject))
			k.opened.Add(sealed.Key{Subject: party, Class: sealed.Class(class), Version: w.Version}, secret)
		}
	}
	return nil
}

// Version returns the current version of a party's key, or 0 if there is none.
func (k *Keys) Version(ctx context.Context, subject domain.PartyID, class sealed.Class) (int, error) {
	entries, err := k.kv.Get(ctx, ringName(sealed.Key{Subject: subject, Class: class}))
	if err != nil {
		return 0, err
	}
	r, err := readRing(entries[0])
	if err != nil || len(r.Wrapped) == 0 {
		return 0, err
	}
	return r.Wrapped[len(r.Wrapped)-1].Version, nil
}

// Rotate makes a new version of a party's key, with which all is sealed from now
// on. What older versions have sealed can still be read.
func (k *Keys) Rotate(ctx context.Context, subject domain.PartyID, class sealed.Class) error {
	key := sealed.Key{Subject: subject, Class: class}
	name := ringName(key)
	defer k.opened.Remove(key)
	return Update(ctx, k.kv, name, func(e Entry) ([]byte, error) {
		r, err := readRing(e)
		if err == nil {
			err = k.add(&r, name)
		}
		return r.bytes(), err
	})
}

// Destroy destroys the versions of a party's key through one of them, for ever.
// To do so again changes nothing.
func (k *Keys) Destroy(ctx context.Context, subject domain.PartyID, class sealed.Class, through int) error {
	k.Forget(subject, class, through)
	return Update(ctx, k.kv, ringName(sealed.Key{Subject: subject, Class: class}), func(e Entry) ([]byte, error) {
		r, err := readRing(e)
		r.destroy(through)
		return r.bytes(), err
	})
}

// Forget makes this node treat the versions of a party's key through one of them
// as destroyed, whoever destroys them. It is what a node does when it learns from
// the log that they are to be.
func (k *Keys) Forget(subject domain.PartyID, class sealed.Class, through int) {
	key := sealed.Key{Subject: subject, Class: class}
	k.mu.Lock()
	known := k.gone[key]
	k.gone[key] = max(known, through)
	k.mu.Unlock()
	if through > known {
		k.forgotten.Add(1)
	}
	k.opened.Remove(key)
	for key.Version = known + 1; key.Version <= through; key.Version++ {
		k.opened.Remove(key)
	}
}

func (k *Keys) goneThrough(key sealed.Key) int {
	key.Version = 0
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.gone[key]
}

func (r *ring) destroy(through int) {
	r.Destroyed = max(r.Destroyed, through)
	r.Wrapped = slices.DeleteFunc(slices.Clone(r.Wrapped), func(w wrappedVersion) bool { return w.Version <= through })
}

// Rewrap wraps all keys under another master key. It may be interrupted and
// begun again: what is wrapped under the new one already is left.
func (k *Keys) Rewrap(ctx context.Context, master []byte) error {
	next, err := NewKeys(k.kv, master)
	if err != nil {
		return err
	}
	for e, err := range Entries(ctx, k.kv, keySpace) {
		if err != nil {
			return err
		}
		err = Update(ctx, k.kv, e.Key, func(e Entry) ([]byte, error) {
			r, err := readRing(e)
			if err != nil {
				return nil, err
			}
			for i, w := range r.Wrapped {
				if _, err := next.unwrap(e.Key, w); err == nil {
					continue
				}
				raw, err := k.master.Open(nil, nil, w.Wrapped, wrapName(e.Key, w.Version))
				if err != nil {
					return nil, errWrongMaster(e.Key, err)
				}
				r.Wrapped[i].Wrapped = next.master.Seal(nil, nil, raw, wrapName(e.Key, w.Version))
			}
			return r.bytes(), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// exported is a ring as it stands on a line: see [Keys.Export].
type exported struct {
	Key string `json:"key"`
	ring
}

// Export writes all keys, wrapped as they are, one ring of them a line.
func (k *Keys) Export(ctx context.Context, w io.Writer) error {
	lines := json.NewEncoder(w)
	for e, err := range Entries(ctx, k.kv, keySpace) {
		if err != nil {
			return err
		}
		r, err := readRing(e)
		if err != nil {
			return err
		}
		if err := lines.Encode(exported{e.Key, r}); err != nil {
			return err
		}
	}
	return nil
}

// Import restores what [Keys.Export] wrote, and returns how many keys were not
// there before. Those that are there, or were destroyed, stay as they are. All of
// them must have been wrapped under this master key. Where there is another key under
// the name of one, made after that was lost, the others are restored, and it is told.
func (k *Keys) Import(ctx context.Context, r io.Reader) (restored int, err error) {
	var others error
	lines := json.NewDecoder(r)
	lines.DisallowUnknownFields()
	for n := 1; ; n++ {
		var from exported
		if err := lines.Decode(&from); errors.Is(err, io.EOF) {
			return restored, others
		} else if err != nil || !IsKey(from.Key) {
			return restored, fmt.Errorf("eventstore: entry %d is no key: %w", n, cmp.Or(err, errors.New("it has another name")))
		}
		for _, w := range from.Wrapped {
			if _, err := k.unwrap(from.Key, w); err != nil {
				return restored, err
			}
		}
		var added, made int
		err := Update(ctx, k.kv, from.Key, func(e Entry) ([]byte, error) {
			r, err := readRing(e)
			r.destroy(from.Destroyed)
			added, made = 0, 0
			for _, w := range from.Wrapped {
				i := slices.IndexFunc(r.Wrapped, func(o wrappedVersion) bool { return o.Version == w.Version })
				switch {
				case i >= 0 && !k.same(from.Key, r.Wrapped[i], w):
					made = w.Version
				case i < 0 && w.Version > r.Destroyed:
					r.Wrapped = append(r.Wrapped, w)
					added++
				}
			}
			slices.SortFunc(r.Wrapped, func(a, b wrappedVersion) int { return cmp.Compare(a.Version, b.Version) })
			return r.bytes(), err
		})
		if err != nil {
			return restored, err
		}
		restored += added
		if made > 0 {
			others = errors.Join(others, fmt.Errorf("eventstore: %s, version %d, was made anew since it was lost, and is kept: what was sealed before cannot be read by it", from.Key, made))
		}
	}
}

// same reports whether two are one key.
func (k *Keys) same(name string, a, b wrappedVersion) bool {
	one, err := k.unwrap(name, a)
	other, err2 := k.unwrap(name, b)
	return err == nil && err2 == nil && one == other
}

// Keyed reports whether there are keys in a log, which a master key opens.
func Keyed(ctx context.Context, kv KV) (bool, error) {
	entries, err := kv.Range(ctx, keySpace, "", 1)
	return len(entries) > 0, err
}

// Check reports whether the master key is the one under which the keys were
// wrapped, by trying one of them.
func (k *Keys) Check(ctx context.Context) error {
	for e, err := range Entries(ctx, k.kv, keySpace) {
		if err != nil {
			return err
		}
		r, err := readRing(e)
		if err != nil {
			return err
		}
		for _, w := range r.Wrapped {
			_, err := k.unwrap(e.Key, w)
			return err
		}
	}
	return nil
}

func (k *Keys) add(r *ring, name string) error {
	raw := make([]byte, 32)
	rand.Read(raw)
	version := r.Destroyed + 1
	if n := len(r.Wrapped); n > 0 {
		version = r.Wrapped[n-1].Version + 1
	}
	r.Wrapped = append(slices.Clip(r.Wrapped), wrappedVersion{version, k.master.Seal(nil, nil, raw, wrapName(name, version))})
	return nil
}

func (k *Keys) unwrap(name string, w wrappedVersion) (Secret, error) {
	raw, err := k.master.Open(nil, nil, w.Wrapped, wrapName(name, w.Version))
	if err != nil {
		return Secret{}, errWrongMaster(name, err)
	}
	if len(raw) != 32 {
		return Secret{}, fmt.Errorf("eventstore: %s, version %d, has %d bytes instead of 32", name, w.Version, len(raw))
	}
	return Secret{w.Version, [32]byte(raw)}, nil
}

func errWrongMaster(name string, err error) error {
	return fmt.Errorf("eventstore: %s was wrapped under another master key: give the one that belongs to this log: %w", name, err)
}

func wrapName(name string, version int) []byte { return fmt.Appendf(nil, "%s@%d", name, version) }

func readRing(e Entry) (r ring, err error) {
	if e.Revision > 0 {
		if err = json.Unmarshal(e.Value, &r); err != nil {
			err = fmt.Errorf("eventstore: %s: %w", e.Key, err)
		}
	}
	return r, err
}

func (r ring) bytes() []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers and bytes can always be written
	}
	return data
}

// MasterKey reads the master key from a file: 32 bytes in base64. Where there is
// no file it makes one with mode 0600, and reports that it did: whoever loses it
// loses all personal data in the log.
func MasterKey(path string) (key []byte, made bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		rand.Read(key)
		if err := writeMaster(path, key); errors.Is(err, fs.ErrExist) {
			return MasterKey(path) // made by another process meanwhile
		} else if err != nil {
			return nil, false, fmt.Errorf("eventstore: make the master key: %w", err)
		}
		return key, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("eventstore: read the master key: %w", err)
	}
	key, err = ParseMasterKey(string(text))
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	return key, false, nil
}

// ParseMasterKey reads the text form of a master key: 32 bytes in base64.
func ParseMasterKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != 32 {
		return nil, errors.New("eventstore: a master key is 32 bytes in base64")
	}
	return key, nil
}

// writeMaster makes the file as a whole or not at all, and never over another.
func writeMaster(path string, key []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".master-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
