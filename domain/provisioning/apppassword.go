package provisioning

import (
	"strings"
	"time"
)

// AppPassword is a further password of an account, for one device, as it is listed.
// The password itself begins with its id, so that a service finds the hash of the one
// that is shown.
type AppPassword struct {
	ID      string // no secret: [AppPasswordID] characters
	Name    string // that its holder gave it, like the device
	Created time.Time
	Used    time.Time // when it last let somebody in, as far as the service knows; or zero
}

// AppPasswordID is the length of the id of an app password.
const AppPasswordID = 8

// AppPasswordLetters are those of which ids, and the passwords after them, are made:
// small, and none that is taken for another.
const AppPasswordLetters = "abcdefghijkmnpqrstuvwxyz23456789"

// IsAppPasswordID reports whether something can be the id of an app password.
func IsAppPasswordID(id string) bool {
	return len(id) == AppPasswordID && strings.Trim(id, AppPasswordLetters) == ""
}
