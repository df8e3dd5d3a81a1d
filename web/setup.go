package web

import (
	"cmp"
	"encoding/xml"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"rochdale/processes"
	"rochdale/processes/access"
)

// setUp serves what programs for mail, calendars and files ask for to set themselves
// up. Nobody need be signed in for it: it says no more than what is in the DNS.
func (s *server) setUp(mux *http.ServeMux) {
	if s.Reach.Mail() {
		mux.HandleFunc("GET /.well-known/autoconfig/mail/config-v1.1.xml", s.autoconfig)
		mux.HandleFunc("GET /mail/config-v1.1.xml", s.autoconfig)
		for _, path := range []string{"/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/AutoDiscover.xml"} {
			mux.HandleFunc("POST "+path, s.autodiscover)
		}
	}
	for path, to := range map[string]string{"/.well-known/caldav": s.Reach.CalDAV, "/.well-known/carddav": s.Reach.CardDAV} { // RFC 6764
		if to != "" {
			mux.Handle(path, http.RedirectHandler(to, http.StatusMovedPermanently))
		}
	}
}

// ours reports whether an address is one of our mail domains; so is none at all.
func (s *server) ours(address string) bool {
	if address == "" {
		return true
	}
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address {
		return false
	}
	_, domain, _ := strings.Cut(address, "@")
	return slices.ContainsFunc(s.domains(), func(ours string) bool { return strings.EqualFold(domain, ours) })
}

func (s *server) domains() []string { return append([]string{s.Reach.Domain}, s.Reach.Also...) }

// clientConfig is that of Thunderbird and others, of version 1.1.
type clientConfig struct {
	XMLName  xml.Name `xml:"clientConfig"`
	Version  string   `xml:"version,attr"`
	Provider struct {
		ID       string       `xml:"id,attr"`
		Domains  []string     `xml:"domain"`
		Name     string       `xml:"displayName"`
		Short    string       `xml:"displayShortName"`
		Incoming configServer `xml:"incomingServer"`
		Outgoing configServer `xml:"outgoingServer"`
	} `xml:"emailProvider"`
	AddressBook *configDAV `xml:"addressBook"`
	Calendar    *configDAV `xml:"calendar"`
	FileShare   *configDAV `xml:"fileShare"`
}

type configServer struct {
	Type           string `xml:"type,attr"`
	Host           string `xml:"hostname"`
	Port           int    `xml:"port"`
	Socket         string `xml:"socketType"`
	Authentication string `xml:"authentication"`
	Username       string `xml:"username"`
}

type configDAV struct {
	Type           string `xml:"type,attr"`
	Username       string `xml:"username"`
	Authentication string `xml:"authentication"`
	URL            string `xml:"serverURL"`
}

const theirAddress = "%EMAILADDRESS%"

func (s *server) autoconfig(w http.ResponseWriter, r *http.Request) {
	if !s.ours(r.URL.Query().Get("emailaddress")) {
		s.refuse(w, r, http.StatusNotFound, errNoPage)
		return
	}
	c := clientConfig{Version: "1.1"}
	p := &c.Provider
	p.ID, p.Domains, p.Name, p.Short = s.Reach.Domain, s.domains(), s.Coop(), s.Coop()
	server := func(kind string, at processes.Server) configServer {
		return configServer{kind, at.Host, at.Port, "SSL", "password-cleartext", theirAddress} // in clear over TLS
	}
	p.Incoming, p.Outgoing = server("imap", s.Reach.IMAP), server("smtp", s.Reach.Submission)
	dav := func(kind, at string) *configDAV {
		if at == "" {
			return nil
		}
		return &configDAV{kind, theirAddress, "http-basic", at}
	}
	c.AddressBook, c.Calendar, c.FileShare = dav("carddav", s.Reach.CardDAV), dav("caldav", s.Reach.CalDAV), dav("webdav", s.Reach.WebDAV)
	writeXML(w, c)
}

func writeXML(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = io.WriteString(w, xml.Header)
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	_ = enc.Encode(document)
	_, _ = io.WriteString(w, "\n")
}

const outlook = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

// discovered is what Outlook is answered, in plain old XML.
type discovered struct {
	XMLName  xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006 Autodiscover"`
	Response struct {
		XMLName xml.Name
		Account *discoveredAccount `xml:"Account"`
		Error   *discoveredError   `xml:"Error"`
	}
}

type discoveredAccount struct {
	Type      string               `xml:"AccountType"`
	Action    string               `xml:"Action"`
	Protocols []discoveredProtocol `xml:"Protocol"`
}

type discoveredProtocol struct {
	Type           string `xml:"Type"`
	Server         string `xml:"Server"`
	Port           int    `xml:"Port"`
	DomainRequired string `xml:"DomainRequired"`
	Login          string `xml:"LoginName"`
	SPA            string `xml:"SPA"`
	SSL            string `xml:"SSL"`
	AuthRequired   string `xml:"AuthRequired"`
}

type discoveredError struct {
	Code    int    `xml:"ErrorCode"`
	Message string `xml:"Message"`
}

func (s *server) autodiscover(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Address string `xml:"Request>EMailAddress"`
	}
	err := xml.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&asked)
	var d discovered
	d.Response.XMLName = xml.Name{Space: outlook, Local: "Response"}
	if asked.Address = strings.TrimSpace(asked.Address); err != nil || asked.Address == "" || !s.ours(asked.Address) {
		d.Response.XMLName.Space = d.XMLName.Space
		d.Response.Error = &discoveredError{600, "Invalid Request"}
		writeXML(w, d)
		return
	}
	protocol := func(kind string, at processes.Server) discoveredProtocol {
		return discoveredProtocol{kind, at.Host, at.Port, "off", asked.Address, "off", "on", "on"}
	}
	d.Response.Account = &discoveredAccount{"email", "settings", []discoveredProtocol{protocol("IMAP", s.Reach.IMAP), protocol("SMTP", s.Reach.Submission)}}
	writeXML(w, d)
}

// profiles names what is made of the accounts of members: installed again, a profile
// takes the place of the one before.
var profiles = uuid.MustParse("5d1d5c0e-3c1f-4b62-9a51-8f0d6b0c5f3a")

// profile returns the profile by which devices of Apple set up an account. It has no
// password: the device asks for it.
func (s *server) profile(held access.Held) []byte {
	id := func(part string) string {
		return strings.ToUpper(uuid.NewSHA1(profiles, []byte(string(held.ID)+" "+part)).String())
	}
	login, coop := string(held.Login), s.Coop()
	payload := func(kind, part, name string, more ...any) dict {
		return append(dict{
			"PayloadType", kind, "PayloadVersion", 1, "PayloadIdentifier", reversed(s.Reach.Domain) + "." + part, "PayloadUUID", id(part),
			"PayloadDisplayName", name, "PayloadOrganization", coop,
		}, more...)
	}
	content := array{payload("com.apple.mail.managed", "mail", coop,
		"EmailAccountType", "EmailTypeIMAP", "EmailAccountDescription", coop, "EmailAddress", string(cmp.Or(held.Address, held.Login)),
		"IncomingMailServerHostName", s.Reach.IMAP.Host, "IncomingMailServerPortNumber", s.Reach.IMAP.Port, "IncomingMailServerUseSSL", true,
		"IncomingMailServerAuthentication", "EmailAuthPassword", "IncomingMailServerUsername", login,
		"OutgoingMailServerHostName", s.Reach.Submission.Host, "OutgoingMailServerPortNumber", s.Reach.Submission.Port, "OutgoingMailServerUseSSL", true,
		"OutgoingMailServerAuthentication", "EmailAuthPassword", "OutgoingMailServerUsername", login, "OutgoingPasswordSameAsIncomingPassword", true,
	)}
	for _, dav := range []struct{ kind, part, prefix, at string }{
		{"com.apple.caldav.account", "calendar", "CalDAV", s.Reach.CalDAV},
		{"com.apple.carddav.account", "contacts", "CardDAV", s.Reach.CardDAV},
	} {
		u, err := url.Parse(dav.at)
		if dav.at == "" || err != nil {
			continue
		}
		tls, port := u.Scheme == "https", 80
		if tls {
			port = 443
		}
		if n, err := strconv.Atoi(u.Port()); err == nil {
			port = n
		}
		content = append(content, payload(dav.kind, dav.part, coop,
			dav.prefix+"AccountDescription", coop, dav.prefix+"HostName", u.Hostname(), dav.prefix+"Port", port,
			dav.prefix+"UseSSL", tls, dav.prefix+"PrincipalURL", u.Path, dav.prefix+"Username", login))
	}
	var b strings.Builder
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n<plist version=\"1.0\">\n")
	write(&b, payload("Configuration", "profile", coop+" ("+login+")", "PayloadContent", content))
	b.WriteString("</plist>\n")
	return []byte(b.String())
}

// reversed turns a domain round, as Apple names things.
func reversed(domain string) string {
	labels := strings.Split(domain, ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return strings.Join(labels, ".")
}

// A dict is a dictionary of a property list: names and values in turn.
type (
	dict  []any
	array []dict
)

func write(b *strings.Builder, v any) {
	element := func(name, text string) {
		b.WriteString("<" + name + ">")
		_ = xml.EscapeText(b, []byte(text))
		b.WriteString("</" + name + ">\n")
	}
	switch v := v.(type) {
	case string:
		element("string", v)
	case int:
		element("integer", strconv.Itoa(v))
	case bool:
		b.WriteString("<" + strconv.FormatBool(v) + "/>\n")
	case array:
		b.WriteString("<array>\n")
		for _, d := range v {
			write(b, d)
		}
		b.WriteString("</array>\n")
	case dict:
		b.WriteString("<dict>\n")
		for i := 0; i+1 < len(v); i += 2 {
			name, _ := v[i].(string)
			element("key", name)
			write(b, v[i+1])
		}
		b.WriteString("</dict>\n")
	}
}
