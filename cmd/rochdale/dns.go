package main

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"strings"

	"rochdale/processes"
)

// reachFlags say where members reach their services with the programs on their devices.
type reachFlags struct {
	IMAP       string `name:"imap" help:"Where members read mail, by TLS from the start: HOST or HOST:PORT. With --submission, programs for mail set themselves up." placeholder:"HOST" env:"ROCHDALE_IMAP"`
	Submission string `help:"Where they send it, in the same way." placeholder:"HOST" env:"ROCHDALE_SUBMISSION"`
	CalDAV     string `name:"caldav" help:"Where their calendars are." placeholder:"URL" env:"ROCHDALE_CALDAV"`
	CardDAV    string `name:"carddav" help:"Where their address books are." placeholder:"URL" env:"ROCHDALE_CARDDAV"`
	WebDAV     string `name:"webdav" help:"Where their folders are; by default under the URL." placeholder:"URL" env:"ROCHDALE_WEBDAV"`
}

// reach reads them.
func (f reachFlags) reach(domain, base string) (r processes.Reach, err error) {
	r = processes.Reach{Domain: domain, CalDAV: f.CalDAV, CardDAV: f.CardDAV, WebDAV: cmp.Or(f.WebDAV, strings.TrimSuffix(base, "/")+"/dav/")}
	if f.IMAP != "" {
		if r.IMAP, err = processes.ParseServer(f.IMAP, 993); err != nil {
			return r, err
		}
	}
	if f.Submission != "" {
		if r.Submission, err = processes.ParseServer(f.Submission, 465); err != nil {
			return r, err
		}
	}
	return r, r.Check()
}

type dnsCmd struct {
	reachFlags

	MailDomain string `help:"Domain of the mailboxes." default:"coop.example" env:"ROCHDALE_MAIL_DOMAIN"`
	URL        string `name:"url" help:"Under which people reach the co-op." placeholder:"URL" required:"" env:"ROCHDALE_URL"`
}

func (dnsCmd) Help() string {
	return `What programs for mail, calendars and files look up to set themselves up (RFC 6186, 8314, 6764), to be added to the zone
of the mail domain; for each further domain of addresses print them once more, by --mail-domain. That of MX, SPF, DKIM and
DMARC is as for any mail server.
Example:
  rochdale dns --mail-domain coop.example --url https://coop.example --imap imap.coop.example --submission smtp.coop.example --caldav https://cloud.coop.example/remote.php/dav`
}

// Run prints a snippet of a zone.
func (c dnsCmd) Run(g *Globals, t *terminal) error {
	r, err := c.reach(c.MailDomain, c.URL)
	if err != nil {
		return err
	}
	records, err := zone(r, c.URL)
	if err != nil {
		return err
	}
	return t.print(g, records, func(w io.Writer) {
		fmt.Fprintf(w, "$ORIGIN %s.\n", r.Domain)
		for _, record := range records {
			fmt.Fprintf(w, "%-22s 3600 IN %-5s %s\n", record.Name, record.Type, record.Data)
		}
	})
}

// A dnsRecord is a line of a zone.
type dnsRecord struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Data string `json:"data"`
}

// zone returns what belongs into the zone of the mail domain.
func zone(r processes.Reach, base string) (records []dnsRecord, err error) {
	add := func(name, kind, format string, args ...any) {
		records = append(records, dnsRecord{name, kind, fmt.Sprintf(format, args...)})
	}
	own, err := url.Parse(base)
	if err != nil || own.Hostname() == "" {
		return nil, processes.ErrReach.With("value", base)
	}
	if r.Mail() {
		add("_imaps._tcp", "SRV", "0 1 %d %s.", r.IMAP.Port, r.IMAP.Host)
		add("_submissions._tcp", "SRV", "0 1 %d %s.", r.Submission.Port, r.Submission.Host)
		for _, not := range []string{"_imap", "_submission", "_pop3", "_pop3s"} { // RFC 6186, section 3.4: there is none
			add(not+"._tcp", "SRV", "0 0 0 .")
		}
		add("autoconfig", "CNAME", "%s.", own.Hostname())
		add("_autodiscover._tcp", "SRV", "0 1 443 %s.", own.Hostname())
	}
	for _, dav := range []struct{ name, at string }{{"caldav", r.CalDAV}, {"carddav", r.CardDAV}} {
		u, err := url.Parse(dav.at)
		if dav.at == "" || err != nil {
			continue
		}
		service, port := "_"+dav.name+"s._tcp", "443"
		if u.Scheme == "http" {
			service, port = "_"+dav.name+"._tcp", "80"
		}
		add(service, "SRV", "0 1 %s %s.", cmp.Or(u.Port(), port), u.Hostname())
		add(service, "TXT", "%q", "path="+cmp.Or(u.Path, "/"))
	}
	return records, nil
}
