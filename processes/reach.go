package processes

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/domain/provisioning"
)

// A Server is one that speaks TLS from the start (RFC 8314).
type Server struct {
	Host string
	Port int
}

// ParseServer reads HOST or HOST:PORT.
func ParseServer(text string, port int) (Server, error) {
	host := text
	if h, p, err := net.SplitHostPort(text); err == nil {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			return Server{}, ErrReach.With("value", text)
		}
		host, port = h, n
	}
	if !isHost(host) {
		return Server{}, ErrReach.With("value", text)
	}
	return Server{host, port}, nil
}

// isHost reports whether something is the full name of a host: it gets into zones,
// and into documents that others read.
func isHost(name string) bool {
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return len(labels) > 1 && len(name) <= 253
}

// ErrReach refuses what is not where something is.
var ErrReach = domain.Refusal{
	Code: "services.bad_address", Reason: "{value} is neither a host like imap.coop.example or imap.coop.example:993, nor an address that begins with https://",
}

// Reach is where members reach their services with the programs on their devices.
type Reach struct {
	Domain     string   // of mail
	Also       []string // domains of addresses besides
	IMAP       Server   // zero: mail is not set up by itself
	Submission Server
	CalDAV     string // addresses; empty: there are none
	CardDAV    string
	WebDAV     string
}

// Check refuses addresses that are none.
func (r Reach) Check() error {
	for _, at := range []string{r.CalDAV, r.CardDAV, r.WebDAV} {
		if u, err := url.Parse(at); at != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
			return ErrReach.With("value", at)
		}
	}
	return nil
}

// Mail reports whether it is known where mail is.
func (r Reach) Mail() bool { return r.IMAP.Host != "" && r.Submission.Host != "" }

// ServiceStatus says in words what has become of an account, like "mailbox ready". That
// something does not work is said of one that is not there yet: of any other its holder
// need not know.
func ServiceStatus(lang domain.Language, service domain.Service, status provisioning.Status, trouble bool) string {
	if trouble && status == provisioning.StatusRequested {
		status = "trouble"
	}
	name := "account"
	if slices.Contains([]domain.Service{domain.Mail, domain.Storage}, service) {
		name = string(service)
	}
	return catalogue.Word(lang, "services."+name+"_"+string(status))
}
