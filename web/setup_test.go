package web_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rochdale/processes"
	"rochdale/web"
)

var reach = processes.Reach{
	Domain: "coop.example", IMAP: processes.Server{Host: "imap.coop.example", Port: 993}, Submission: processes.Server{Host: "smtp.coop.example", Port: 465},
	CalDAV: "https://cloud.coop.example/remote.php/dav", CardDAV: "https://cloud.coop.example:8443/remote.php/dav", WebDAV: "https://coop.example/dav/",
}

// A node is an element of an XML document, with its children in order.
type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []node     `xml:",any"`
}

func parse(t *testing.T, text string) (n node) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = true
	if err := d.Decode(&n); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return n
}

// lines writes a document as its structure, a leaf a line.
func (n node) lines(under string) (all []string) {
	at := under + "/" + n.XMLName.Local
	for _, a := range n.Attrs {
		if a.Name.Local != "xmlns" {
			at += "[" + a.Name.Local + "=" + a.Value + "]"
		}
	}
	if len(n.Children) == 0 {
		return []string{at + " " + n.Text}
	}
	for _, c := range n.Children {
		all = append(all, c.lines(at)...)
	}
	return all
}

func same(t *testing.T, what string, got []string, want string) {
	t.Helper()
	wanted := strings.Split(strings.TrimSpace(want), "\n")
	for i := range wanted {
		wanted[i] = strings.TrimSpace(wanted[i])
	}
	if !slices.Equal(got, wanted) {
		t.Errorf("%s is\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(wanted, "\n"))
	}
}

func TestThunderbirdSetsItselfUp(t *testing.T) {
	h := open(t, func(c *web.Config) { c.Reach = reach })
	for _, path := range []string{"/.well-known/autoconfig/mail/config-v1.1.xml", "/mail/config-v1.1.xml?emailaddress=ada%40Coop.Example"} {
		resp, text := send(t, client(t), "GET", h.URL+path, "")
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/xml") {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, text)
		}
		same(t, path, parse(t, text).lines(""), `
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/domain coop.example
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/displayName Demo
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/displayShortName Demo
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/incomingServer[type=imap]/hostname imap.coop.example
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/incomingServer[type=imap]/port 993
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/incomingServer[type=imap]/socketType SSL
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/incomingServer[type=imap]/authentication password-cleartext
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/incomingServer[type=imap]/username %EMAILADDRESS%
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/outgoingServer[type=smtp]/hostname smtp.coop.example
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/outgoingServer[type=smtp]/port 465
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/outgoingServer[type=smtp]/socketType SSL
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/outgoingServer[type=smtp]/authentication password-cleartext
			/clientConfig[version=1.1]/emailProvider[id=coop.example]/outgoingServer[type=smtp]/username %EMAILADDRESS%
			/clientConfig[version=1.1]/addressBook[type=carddav]/username %EMAILADDRESS%
			/clientConfig[version=1.1]/addressBook[type=carddav]/authentication http-basic
			/clientConfig[version=1.1]/addressBook[type=carddav]/serverURL https://cloud.coop.example:8443/remote.php/dav
			/clientConfig[version=1.1]/calendar[type=caldav]/username %EMAILADDRESS%
			/clientConfig[version=1.1]/calendar[type=caldav]/authentication http-basic
			/clientConfig[version=1.1]/calendar[type=caldav]/serverURL https://cloud.coop.example/remote.php/dav
			/clientConfig[version=1.1]/fileShare[type=webdav]/username %EMAILADDRESS%
			/clientConfig[version=1.1]/fileShare[type=webdav]/authentication http-basic
			/clientConfig[version=1.1]/fileShare[type=webdav]/serverURL https://coop.example/dav/`)
	}
	for _, path := range []string{"/mail/config-v1.1.xml?emailaddress=ada@elsewhere.example", "/mail/config-v1.1.xml?emailaddress=nonsense"} {
		if status, _ := ask(t, client(t), "GET", h.URL+path, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	for path, to := range map[string]string{"/.well-known/caldav": reach.CalDAV, "/.well-known/carddav": reach.CardDAV} {
		resp, _ := send(t, client(t), "PROPFIND", h.URL+path, "")
		if resp.StatusCode != http.StatusMovedPermanently || resp.Header.Get("Location") != to {
			t.Errorf("%s: %d to %s", path, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	unknown := open(t)
	for _, path := range []string{"/mail/config-v1.1.xml", "/.well-known/caldav", "/.well-known/openid-configuration", "/services"} {
		if status, _ := ask(t, client(t), "GET", unknown.URL+path, ""); status != http.StatusNotFound {
			t.Errorf("where nothing is known, %s: %d", path, status)
		}
	}
}

// TestFurtherDomainsSetThemselvesUp: who has chosen an address in another domain of the
// co-op gets by it what all others do.
func TestFurtherDomainsSetThemselvesUp(t *testing.T) {
	h := open(t, func(c *web.Config) {
		c.Reach = reach
		c.Reach.Also = []string{"weavers.example"}
	})
	_, text := send(t, client(t), "GET", h.URL+"/mail/config-v1.1.xml?emailaddress=ada@Weavers.Example", "")
	if lines := parse(t, text).lines(""); !slices.Contains(lines, "/clientConfig[version=1.1]/emailProvider[id=coop.example]/domain weavers.example") ||
		!slices.Contains(lines, "/clientConfig[version=1.1]/emailProvider[id=coop.example]/domain coop.example") {
		t.Error(text)
	}
	if _, text := send(t, client(t), "POST", h.URL+"/autodiscover/autodiscover.xml", "<Autodiscover><Request><EMailAddress>ada@weavers.example</EMailAddress></Request></Autodiscover>"); !strings.Contains(text, "<LoginName>ada@weavers.example<") {
		t.Error(text)
	}
	for _, address := range []string{"ada@elsewhere.example", "ada@x.weavers.example"} {
		if status, _ := ask(t, client(t), "GET", h.URL+"/mail/config-v1.1.xml?emailaddress="+address, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d", address, status)
		}
	}
}

func TestOutlookSetsItselfUp(t *testing.T) {
	h := open(t, func(c *web.Config) { c.Reach = reach })
	asking := func(address string) string {
		_, text := send(t, client(t), "POST", h.URL+"/autodiscover/autodiscover.xml", fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?>
			<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>
			<EMailAddress>%s</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
			</Request></Autodiscover>`, address))
		return text
	}
	n := parse(t, asking("ada@coop.example"))
	if n.XMLName.Space != "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006" ||
		n.Children[0].XMLName.Space != "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a" {
		t.Errorf("the spaces of names are %v, %v", n.XMLName, n.Children[0].XMLName)
	}
	same(t, "the answer", n.lines(""), `
		/Autodiscover/Response/Account/AccountType email
		/Autodiscover/Response/Account/Action settings
		/Autodiscover/Response/Account/Protocol/Type IMAP
		/Autodiscover/Response/Account/Protocol/Server imap.coop.example
		/Autodiscover/Response/Account/Protocol/Port 993
		/Autodiscover/Response/Account/Protocol/DomainRequired off
		/Autodiscover/Response/Account/Protocol/LoginName ada@coop.example
		/Autodiscover/Response/Account/Protocol/SPA off
		/Autodiscover/Response/Account/Protocol/SSL on
		/Autodiscover/Response/Account/Protocol/AuthRequired on
		/Autodiscover/Response/Account/Protocol/Type SMTP
		/Autodiscover/Response/Account/Protocol/Server smtp.coop.example
		/Autodiscover/Response/Account/Protocol/Port 465
		/Autodiscover/Response/Account/Protocol/DomainRequired off
		/Autodiscover/Response/Account/Protocol/LoginName ada@coop.example
		/Autodiscover/Response/Account/Protocol/SPA off
		/Autodiscover/Response/Account/Protocol/SSL on
		/Autodiscover/Response/Account/Protocol/AuthRequired on`)
	for _, address := range []string{"ada@elsewhere.example", "", "x</EMailAddress><"} {
		if got := parse(t, asking(address)).lines(""); len(got) != 2 || got[0] != "/Autodiscover/Response/Error/ErrorCode 600" {
			t.Errorf("of %q: %v", address, got)
		}
	}
}

// plist reads a property list as Apple's DTD has it.
func plist(t *testing.T, n node) any {
	t.Helper()
	text := strings.TrimSpace(n.Text)
	switch n.XMLName.Local {
	case "plist":
		if len(n.Children) != 1 {
			t.Fatalf("a plist of %d", len(n.Children))
		}
		return plist(t, n.Children[0])
	case "dict":
		d := map[string]any{}
		if len(n.Children)%2 != 0 {
			t.Fatal("a dict of an odd number")
		}
		for i := 0; i < len(n.Children); i += 2 {
			key := n.Children[i]
			if _, twice := d[key.Text]; twice || key.XMLName.Local != "key" || key.Text == "" {
				t.Fatalf("a key %q in %s", key.Text, key.XMLName.Local)
			}
			d[key.Text] = plist(t, n.Children[i+1])
		}
		return d
	case "array":
		var a []any
		for _, c := range n.Children {
			a = append(a, plist(t, c))
		}
		return a
	case "string":
		return text
	case "integer":
		number, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return number
	case "true", "false":
		return n.XMLName.Local == "true"
	}
	t.Fatalf("a plist has no %s", n.XMLName.Local)
	return nil
}

func TestAppleSetsItselfUp(t *testing.T) {
	c := openCoop(t)
	browser := c.in(t, "ada")
	get := func(browser *http.Client, account string) (*http.Response, string) {
		return send(t, browser, "GET", c.URL+"/services/"+account+"/profile", "")
	}
	resp, text := get(browser, "mail%2Fs1")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-apple-aspen-config" || !strings.Contains(resp.Header.Get("Content-Disposition"), ".mobileconfig") {
		t.Fatalf("%d %v %s", resp.StatusCode, resp.Header, text)
	}
	if !strings.Contains(text, `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN"`) {
		t.Error(text)
	}
	profile := plist(t, parse(t, text)).(map[string]any)
	if profile["PayloadType"] != "Configuration" || profile["PayloadVersion"] != 1 || profile["PayloadIdentifier"] != "example.coop.profile" {
		t.Errorf("the profile is %v", profile)
	}
	content := profile["PayloadContent"].([]any)
	uuids := []string{profile["PayloadUUID"].(string)}
	for i, want := range []map[string]any{
		{
			"PayloadType": "com.apple.mail.managed", "EmailAccountType": "EmailTypeIMAP", "EmailAddress": "ada@coop.example",
			"IncomingMailServerHostName": "imap.coop.example", "IncomingMailServerPortNumber": 993, "IncomingMailServerUseSSL": true,
			"IncomingMailServerUsername": "ada@coop.example", "OutgoingMailServerHostName": "smtp.coop.example", "OutgoingMailServerPortNumber": 465,
			"OutgoingPasswordSameAsIncomingPassword": true,
		},
		{"PayloadType": "com.apple.caldav.account", "CalDAVHostName": "cloud.coop.example", "CalDAVPort": 443, "CalDAVUseSSL": true, "CalDAVPrincipalURL": "/remote.php/dav", "CalDAVUsername": "ada@coop.example"},
		{"PayloadType": "com.apple.carddav.account", "CardDAVHostName": "cloud.coop.example", "CardDAVPort": 8443, "CardDAVUseSSL": true, "CardDAVUsername": "ada@coop.example"},
	} {
		got := content[i].(map[string]any)
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%s is %v, want %v", key, got[key], value)
			}
		}
		for key := range got {
			if strings.HasSuffix(key, "Password") && key != "OutgoingPasswordSameAsIncomingPassword" {
				t.Errorf("there is a password: %s", key)
			}
		}
		uuids = append(uuids, got["PayloadUUID"].(string))
	}
	slices.Sort(uuids)
	if len(slices.Compact(uuids)) != 4 || len(content) != 3 {
		t.Errorf("of %d parts, the ids are %v", len(content), uuids)
	}
	if _, again := get(browser, "mail%2Fs1"); again != text {
		t.Error("made again, it is another")
	}
	for what, by := range map[string]*http.Client{"another": c.in(t, "eva"), "of no mailbox": browser} {
		account := "mail%2Fs1"
		if what == "of no mailbox" {
			account = "storage%2Fs1"
		}
		if resp, _ := get(by, account); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", what, resp.StatusCode)
		}
	}
	if resp, text := get(client(t), "mail%2Fs1"); resp.StatusCode != 200 || !strings.Contains(text, `value="/services/mail%2fs1/profile"`) && !strings.Contains(text, `value="/services/mail%2Fs1/profile"`) {
		t.Errorf("signed out: %d %s", resp.StatusCode, text)
	}
}
