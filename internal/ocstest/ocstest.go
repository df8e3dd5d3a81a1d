// Package ocstest gives a test a server that answers as Nextcloud 31 was recorded to
// answer: its OCS provisioning API, error bodies and oddities included, and as much
// of its WebDAV as shows who is let in and what there is room for. It is not for use
// outside tests.
//
// Its test holds it to the recordings in testdata.
package ocstest

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Who administrates it.
const (
	Admin    = "admin"
	Password = "app-password-of-the-administrator"
)

// Trouble is one that it can have with a request.
type Trouble string

const (
	None     Trouble = ""
	Fails    Trouble = "500"               // and nothing happens
	Late     Trouble = "500 afterwards"    // it happens, and 500 is the answer
	Lies     Trouble = "200"               // and nothing happens
	Hangs    Trouble = "no answer"         // until the client goes away, and nothing happens
	Cuts     Trouble = "connection closed" // after it has happened
	TooMany  Trouble = "429"
	Halfway  Trouble = "500 halfway" // an account is made, and neither its groups nor its quota
	Gateway  Trouble = "502"         // of a proxy before it
	Nonsense Trouble = "nonsense"    // 200, and a page of a proxy
)

const (
	editsAllowed = 50
	editsWithin  = 600 * time.Second
	mostWrong    = 11 // logins from one address
	minPassword  = 10
	unlimited    = -3
)

// Server is such a server. Its fields are set before it is used.
type Server struct {
	URL string
	// Limited is whether accounts are edited 50 times in 10 minutes at most, by Now.
	Limited bool
	Now     func() time.Time

	mu          sync.Mutex
	users       map[string]*user // by lower case
	groups      []string
	wrong       map[string]int // logins, by address
	edits       []time.Time
	maintenance bool
	trouble     func(*http.Request) Trouble
	asked       map[string]int // by method and kind of path
}

type user struct {
	id, password, email, name, language string
	quota                               string // as stored
	disabled                            bool
	login                               int64 // when they first came
	groups                              []string
	used                                int64
}

// Start starts one, which ends with t.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		Now: time.Now, wrong: map[string]int{}, asked: map[string]int{}, groups: []string{"admin"},
		users: map[string]*user{Admin: {id: Admin, password: Password, quota: "none", language: "en", login: 1795464447, groups: []string{"admin"}, used: 17544006}},
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// SetMaintenance has it in maintenance, or not.
func (s *Server) SetMaintenance(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maintenance = on
}

// SetTrouble has a function say what goes wrong with each request; nil, and nothing does.
func (s *Server) SetTrouble(trouble func(*http.Request) Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = trouble
}

// ResetWrong forgets wrong logins, as "occ security:bruteforce:reset" does.
func (s *Server) ResetWrong() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.wrong)
}

// Wrong returns how many wrong logins it remembers.
func (s *Server) Wrong() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, more := range s.wrong {
		n += more
	}
	return n
}

// SetPassword gives somebody another password.
func (s *Server) SetPassword(id, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[strings.ToLower(id)].password = password
}

// Make makes an account, as an administrator would by hand.
func (s *Server) Make(id, password string, groups ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[strings.ToLower(id)] = &user{id: id, password: password, quota: "none", language: "en", groups: groups}
}

// Remove removes an account, in the same way.
func (s *Server) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, strings.ToLower(id))
}

// Groups returns all groups there are.
func (s *Server) Groups() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.groups)
}

// Asked returns how often something was asked, like "PUT /cloud/users/{id}".
func (s *Server) Asked(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[what]
}

// answer is what is said, before it is written.
type answer struct {
	status  int // of HTTP
	code    int // of OCS
	message string
	data    any
}

func ok(data any) answer { return answer{http.StatusOK, http.StatusOK, "OK", data} }

func failed(status, code int, message string) answer { return answer{status, code, message, none} }

// none is how PHP writes no data.
var none = []any{}

// ServeHTTP answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	meet, trouble := s.trouble, None
	s.mu.Unlock()
	if meet != nil {
		trouble = meet(r)
	}
	switch trouble {
	case Fails:
		writeXML(w, r, http.StatusInternalServerError, 996, "Internal Server Error\n")
		return
	case Hangs:
		_, _ = io.Copy(io.Discard, r.Body) // what is left of it: then the end of the connection is seen
		<-r.Context().Done()
		return
	case TooMany:
		w.Header().Set("Content-type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case Gateway:
		http.Error(w, "<html><h1>502 Bad Gateway</h1></html>", http.StatusBadGateway)
		return
	case Nonsense:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>Welcome to nginx!</html>")
		return
	case Lies:
		writeJSON(w, r, ok(none))
		return
	case None, Late, Cuts, Halfway:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := w
	if trouble != None {
		out = httptest.NewRecorder() // for nobody
	}
	s.serve(out, r, trouble == Halfway)
	switch trouble {
	case Late, Halfway:
		writeXML(w, r, http.StatusInternalServerError, 996, "Internal Server Error\n")
	case Cuts:
		panic(http.ErrAbortHandler)
	case None, Fails, Lies, Hangs, TooMany, Gateway, Nonsense:
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, halfway bool) {
	if r.URL.Path == "/status.php" {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"installed":true,"maintenance":%v,"needsDbUpgrade":false,"version":"31.0.6.2","versionstring":"31.0.6","edition":"","productname":"Nextcloud","extendedSupport":false}`, s.maintenance)
		return
	}
	path, isOCS := strings.CutPrefix(r.URL.EscapedPath(), "/ocs/v2.php")
	if !isOCS {
		path, isOCS = strings.CutPrefix(r.URL.EscapedPath(), "/ocs/v1.php")
	}
	if s.maintenance {
		w.Header().Set("X-Nextcloud-Maintenance-Mode", "1")
		if isOCS {
			writeXML(w, r, http.StatusServiceUnavailable, http.StatusServiceUnavailable, "Service unavailable")
		} else {
			writeDAV(w, http.StatusServiceUnavailable, `OCA\DAV\Exception\ServerMaintenanceMode`, "System is in maintenance mode.")
		}
		return
	}
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	if s.wrong[address] >= mostWrong {
		writeXML(w, r, http.StatusTooManyRequests, http.StatusTooManyRequests, "Reached maximum delay")
		return
	}
	id, password, given := r.BasicAuth()
	who := s.users[strings.ToLower(id)]
	right := who != nil && who.password == password
	if given && !right {
		s.wrong[address]++
	}
	if isOCS {
		s.ocs(w, r, path, who, given, right, halfway)
		return
	}
	if file, isDAV := strings.CutPrefix(r.URL.Path, "/remote.php/dav/files/"); isDAV {
		s.dav(w, r, file, who, right)
		return
	}
	http.NotFound(w, r)
}

func (s *Server) ocs(w http.ResponseWriter, r *http.Request, path string, who *user, given, right, halfway bool) {
	switch {
	case !given && r.Header.Get("Accept") == "application/json":
		writeJSON(w, r, failed(http.StatusUnauthorized, 997, "Current user is not logged in"))
		return
	case !given:
		writeXMLAs(w, r, "application/xml; charset=utf-8", http.StatusUnauthorized, 997, "Current user is not logged in")
		return
	case !right || who.disabled:
		w.Header().Set("WWW-Authenticate", `Basic realm="Authorisation Required"`)
		writeXML(w, r, http.StatusUnauthorized, 997, "Unauthorised")
		return
	case r.Header.Get("OCS-APIRequest") != "true":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusPreconditionFailed)
		fmt.Fprint(w, `{"message":"CSRF check failed"}`)
		return
	}
	if who.login == 0 {
		who.login = s.Now().Unix()
	}
	values, err := form(r)
	if err != nil {
		writeJSON(w, r, failed(http.StatusBadRequest, http.StatusBadRequest, err.Error()))
		return
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, p := range parts {
		parts[i], _ = url.PathUnescape(p)
	}
	is := func(method string, pattern ...string) bool {
		if r.Method != method || len(parts) != len(pattern) {
			return false
		}
		for i, p := range pattern {
			if p != "*" && p != parts[i] {
				return false
			}
		}
		s.asked[strings.ReplaceAll(method+" /"+strings.Join(pattern, "/"), "*", "{id}")]++
		return true
	}
	limited := func() bool {
		if !s.Limited {
			return false
		}
		now := s.Now()
		s.edits = slices.DeleteFunc(s.edits, func(at time.Time) bool { return now.Sub(at) >= editsWithin })
		if len(s.edits) >= editsAllowed {
			w.Header().Set("Content-type", "text/html; charset=UTF-8")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		s.edits = append(s.edits, now)
		return false
	}
	if is(http.MethodGet, "cloud", "user") {
		writeJSON(w, r, ok(s.show(who)))
		return
	}
	admin := slices.Contains(who.groups, "admin")
	if is(http.MethodPut, "cloud", "users", "*") {
		if !limited() {
			writeAny(w, r, s.edit(parts[2], values.Get("key"), values.Get("value"), admin))
		}
		return
	}
	if !admin {
		writeJSON(w, r, failed(http.StatusForbidden, http.StatusForbidden, "Logged in account must be at least a sub admin"))
		return
	}
	var a answer
	switch {
	case is(http.MethodGet, "cloud", "users"):
		a = ok(map[string]any{"users": ids(s.some(r))})
	case is(http.MethodGet, "cloud", "users", "details"):
		a = ok(s.details(s.some(r)))
	case is(http.MethodGet, "cloud", "users", "disabled"):
		a = ok(s.details(slices.DeleteFunc(s.some(r), func(u *user) bool { return !u.disabled })))
	case is(http.MethodPost, "cloud", "users"):
		a = s.create(values, halfway)
	case is(http.MethodGet, "cloud", "users", "*"):
		if u := s.users[strings.ToLower(parts[2])]; u != nil {
			a = ok(s.show(u))
		} else {
			a = failed(http.StatusNotFound, http.StatusNotFound, "User does not exist")
		}
	case is(http.MethodDelete, "cloud", "users", "*"):
		a = s.remove(parts[2], who)
	case is(http.MethodPut, "cloud", "users", "*", "disable"), is(http.MethodPut, "cloud", "users", "*", "enable"):
		a = failed(http.StatusBadRequest, 101, "")
		if u := s.users[strings.ToLower(parts[2])]; u != nil && u != who {
			u.disabled = parts[3] == "disable"
			a = ok(none)
		}
	case is(http.MethodPost, "cloud", "users", "*", "wipe"):
		a = ok(none)
	case len(parts) == 4 && parts[1] == "users" && parts[3] == "groups":
		a = s.membership(r.Method, parts[2], values.Get("groupid"))
	case is(http.MethodGet, "cloud", "groups"):
		a = ok(map[string]any{"groups": slices.Sorted(slices.Values(s.groups))})
	case is(http.MethodPost, "cloud", "groups"):
		a = s.createGroup(values.Get("groupid"))
	case is(http.MethodDelete, "cloud", "groups", "*"):
		a = s.removeGroup(parts[2])
	case is(http.MethodGet, "cloud", "groups", "*", "users"), is(http.MethodGet, "cloud", "groups", "*", "users", "details"):
		if !slices.Contains(s.groups, parts[2]) {
			a = failed(http.StatusNotFound, http.StatusNotFound, "The requested group could not be found")
			break
		}
		members := slices.DeleteFunc(s.some(r), func(u *user) bool { return !slices.Contains(u.groups, parts[2]) })
		if a = ok(map[string]any{"users": ids(members)}); len(parts) == 5 {
			a = ok(s.details(members))
		}
	default:
		writeXML(w, r, http.StatusNotFound, 998, "Invalid query, please check the syntax. API specifications are here: http://www.freedesktop.org/wiki/Specifications/open-collaboration-services.\n")
		return
	}
	writeAny(w, r, a)
}

// form reads what is sent, as a form or as JSON.
func form(r *http.Request) (url.Values, error) {
	values := url.Values{}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return url.ParseQuery(string(body))
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, err
	}
	for key, value := range fields {
		switch v := value.(type) {
		case []any:
			for _, one := range v {
				values.Add(key+"[]", fmt.Sprint(one))
			}
		default:
			values.Set(key, fmt.Sprint(v))
		}
	}
	return values, nil
}

// some returns the accounts that are asked for, in the order in which they are
// stored: by their names, of which most have none.
func (s *Server) some(r *http.Request) []*user {
	all := slices.SortedFunc(maps.Values(s.users), func(a, b *user) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)), cmp.Compare(strings.ToLower(a.id), strings.ToLower(b.id)))
	})
	q := r.URL.Query()
	all = slices.DeleteFunc(all, func(u *user) bool {
		return !strings.Contains(strings.ToLower(u.id+" "+u.name+" "+u.email), strings.ToLower(q.Get("search")))
	})
	if n, err := strconv.Atoi(q.Get("offset")); err == nil {
		all = all[min(n, len(all)):]
	}
	if n, err := strconv.Atoi(q.Get("limit")); err == nil {
		all = all[:min(n, len(all))]
	} else {
		slices.SortFunc(all, func(a, b *user) int { return cmp.Compare(a.id, b.id) })
	}
	return all
}

func ids(users []*user) []string {
	all := []string{}
	for _, u := range users {
		all = append(all, u.id)
	}
	return all
}

// pairs is an object whose members stay in order. Without any, PHP writes an array.
type pairs []pair

type pair struct {
	key   string
	value any
}

func (p pairs) MarshalJSON() ([]byte, error) {
	if len(p) == 0 {
		return []byte("[]"), nil
	}
	text := []byte("{")
	for i, member := range p {
		key, keyErr := json.Marshal(member.key)
		value, err := json.Marshal(member.value)
		if err = errors.Join(keyErr, err); err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, key...), ':'), value...)
	}
	return append(text, '}'), nil
}

func (s *Server) details(users []*user) any {
	var all pairs
	for _, u := range users {
		all = append(all, pair{u.id, s.show(u)})
	}
	return pairs{{"users", all}}
}

func (s *Server) show(u *user) any {
	quota := stored(u.quota)
	free, total, relative := int64(unlimited), int64(unlimited), 0.0
	if quota > 0 {
		free, total, relative = quota-u.used, quota, math.Round(float64(u.used)*10000/float64(quota))/100
	}
	var email any
	if u.email != "" {
		email = u.email
	}
	name := cmp.Or(u.name, u.id)
	p := pairs{
		{"enabled", !u.disabled},
		{"storageLocation", "/srv/nextcloud/data/" + u.id},
		{"id", u.id},
		{"firstLoginTimestamp", u.login},
		{"lastLoginTimestamp", u.login},
		{"lastLogin", u.login * 1000},
		{"backend", "Database"},
		{"subadmin", none},
		{"quota", pairs{{"free", free}, {"used", u.used}, {"total", total}, {"relative", relative}, {"quota", quota}}},
		{"manager", ""},
		{"email", email},
		{"additional_mail", none},
		{"displayname", name},
		{"display-name", name},
	}
	for _, key := range []string{"phone", "address", "website", "twitter", "fediverse", "organisation", "role", "headline", "biography"} {
		p = append(p, pair{key, ""})
	}
	return append(p, pairs{
		{"profile_enabled", "1"},
		{"pronouns", ""},
		{"groups", append([]string{}, u.groups...)},
		{"language", u.language},
		{"locale", ""},
		{"notify_email", nil},
		{"backendCapabilities", pairs{{"setDisplayName", true}, {"setPassword", true}}},
	}...)
}

var idForm = regexp.MustCompile(`^[a-zA-Z0-9 _.@'-]+$`)

// create makes an account, in the order in which Nextcloud does: what fails late
// leaves what was made before.
func (s *Server) create(v url.Values, halfway bool) answer {
	id, password := v.Get("userid"), v.Get("password")
	for _, group := range v["groups[]"] {
		if !slices.Contains(s.groups, group) {
			return failed(http.StatusBadRequest, 104, "Group "+group+" does not exist")
		}
	}
	switch {
	case s.users[strings.ToLower(id)] != nil:
		return failed(http.StatusBadRequest, 102, "User already exists")
	case password == "" && v.Get("email") == "":
		return failed(http.StatusBadRequest, 108, "An email address is required, to send a password link to the user.")
	case id == "":
		return failed(http.StatusBadRequest, 101, "A valid Login must be provided")
	case strings.TrimSpace(id) != id:
		return failed(http.StatusBadRequest, 101, "Login contains whitespace at the beginning or at the end")
	case !idForm.MatchString(id):
		return failed(http.StatusBadRequest, 101, `Only the following characters are allowed in an Login: "a-z", "A-Z", "0-9", spaces and "_.@-'"`)
	}
	if password != "" {
		if hint := weak(password); hint != "" {
			return failed(http.StatusBadRequest, 107, hint)
		}
	}
	u := &user{id: id, password: password, quota: "none", language: cmp.Or(v.Get("language"), "en")}
	s.users[strings.ToLower(id)] = u
	if halfway {
		return ok(none)
	}
	u.groups = v["groups[]"]
	u.name, u.email = v.Get("displayName"), v.Get("email")
	if v.Has("quota") && v.Get("quota") != "" {
		quota, a := kept(v.Get("quota"))
		if a.status != http.StatusOK {
			return a
		}
		u.quota = quota
	}
	return ok(map[string]any{"id": id})
}

// weak says why a password is refused.
func weak(password string) string {
	switch {
	case slices.Contains([]string{"abc", "123", "password", "12345678"}, password):
		return "Password is among the 1,000,000 most common ones. Please make it unique. Password needs to be at least 10 characters long."
	case len(password) < minPassword:
		return "Password needs to be at least 10 characters long."
	}
	return ""
}

func (s *Server) edit(id, key, value string, admin bool) answer {
	u := s.users[strings.ToLower(id)]
	switch {
	case u == nil:
		return failed(http.StatusNotFound, 998, "")
	case key == "quota" && admin:
		quota, a := kept(value)
		if a.status == http.StatusOK {
			u.quota = quota
		}
		return a
	case key == "password":
		if hint := weak(value); hint != "" {
			return failed(http.StatusBadRequest, 107, hint)
		}
		u.password = value
	case key == "displayname":
		u.name = value
	case key == "email":
		if _, err := mail.ParseAddress(value); err != nil {
			return failed(http.StatusBadRequest, 101, "")
		}
		u.email = value
	default:
		return failed(http.StatusBadRequest, 113, "")
	}
	return ok(none)
}

func (s *Server) remove(id string, who *user) answer {
	switch u := s.users[strings.ToLower(id)]; u {
	case nil:
		return failed(http.StatusNotFound, 998, "")
	case who:
		return failed(http.StatusBadRequest, 101, "")
	}
	delete(s.users, strings.ToLower(id))
	return ok(none)
}

func (s *Server) membership(method, id, group string) answer {
	u := s.users[strings.ToLower(id)]
	switch {
	case u == nil && method == http.MethodGet:
		return failed(http.StatusNotFound, 404, "User does not exist")
	case u == nil:
		return failed(http.StatusBadRequest, 103, "")
	case method == http.MethodGet:
		return ok(map[string]any{"groups": append([]string{}, u.groups...)})
	case group == "":
		return failed(http.StatusBadRequest, 101, "")
	case !slices.Contains(s.groups, group):
		return failed(http.StatusBadRequest, 102, "")
	}
	u.groups = slices.DeleteFunc(u.groups, func(g string) bool { return g == group })
	if method == http.MethodPost {
		u.groups = append(u.groups, group)
	}
	return ok(none)
}

func (s *Server) createGroup(id string) answer {
	switch {
	case id == "":
		return failed(http.StatusBadRequest, 101, "Invalid group name")
	case slices.Contains(s.groups, id):
		return failed(http.StatusBadRequest, 102, "group exists")
	}
	s.groups = append(s.groups, id)
	return ok(none)
}

func (s *Server) removeGroup(id string) answer {
	if !slices.Contains(s.groups, id) {
		return failed(http.StatusBadRequest, 101, "")
	}
	s.groups = slices.DeleteFunc(s.groups, func(g string) bool { return g == id })
	for _, u := range s.users {
		u.groups = slices.DeleteFunc(u.groups, func(g string) bool { return g == id })
	}
	return ok(none)
}

// kept returns a quota as it is stored: as a size for people to read.
func kept(value string) (string, answer) {
	if value == "none" || value == "default" {
		return "none", ok(none)
	}
	n, valid := bytesOf(value)
	switch {
	case !valid:
		return "", failed(http.StatusBadRequest, 101, "Invalid quota value: "+value)
	case n < 0:
		return "", failed(http.StatusInternalServerError, 996, "Internal Server Error\n")
	}
	return human(n), ok(none)
}

func stored(quota string) int64 {
	if quota == "none" {
		return unlimited
	}
	n, _ := bytesOf(quota)
	return n
}

var (
	sizeForm = regexp.MustCompile(`([kmgtp]?b?)$`)
	leading  = regexp.MustCompile(`^[0-9]*\.?[0-9]*`)
	units    = map[string]float64{
		"b": 1, "k": 1 << 10, "kb": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30,
		"t": 1 << 40, "tb": 1 << 40, "p": 1 << 50, "pb": 1 << 50,
	}
)

// bytesOf reads a size as PHP reads numbers: as far as it is one.
func bytesOf(text string) (int64, bool) {
	text = strings.ReplaceAll(strings.ToLower(text), " ", "")
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return int64(math.Round(n)), true
	}
	unit, known := units[sizeForm.FindString(text)]
	if !known {
		return 0, false
	}
	n, _ := strconv.ParseFloat(leading.FindString(text), 64) // nothing is 0
	return int64(math.Round(n * unit)), true
}

func human(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size := math.Round(float64(n) / 1024)
	for _, unit := range []string{"KB", "MB", "GB", "TB"} {
		if size < 1024 {
			return strconv.FormatFloat(size, 'f', -1, 64) + " " + unit
		}
		size = math.Round(size/1024*10) / 10
	}
	return strconv.FormatFloat(size, 'f', -1, 64) + " PB"
}

// dav answers for the files of an account, of which it keeps how many bytes they are.
func (s *Server) dav(w http.ResponseWriter, r *http.Request, path string, who *user, right bool) {
	owner, file, _ := strings.Cut(path, "/")
	switch {
	case !right:
		writeDAV(w, http.StatusUnauthorized, `Sabre\DAV\Exception\NotAuthenticated`,
			"No public access to this resource., Username or password was incorrect, No 'Authorization: Bearer' header found. Either the client didn't send one, or the server is mis-configured, Username or password was incorrect")
		return
	case who.disabled:
		writeDAV(w, http.StatusServiceUnavailable, `Sabre\DAV\Exception\ServiceUnavailable`, `OC\User\LoginException: Account disabled`)
		return
	case !strings.EqualFold(owner, who.id):
		writeDAV(w, http.StatusNotFound, `Sabre\DAV\Exception\NotFound`, "File not found: "+owner)
		return
	}
	if who.login == 0 {
		who.login = s.Now().Unix()
	}
	quota := stored(who.quota)
	switch r.Method {
	case http.MethodPut:
		size, _ := io.Copy(io.Discard, r.Body)
		if room := quota - who.used; quota >= 0 && room < size {
			writeDAV(w, http.StatusInsufficientStorage, `Sabre\DAV\Exception\InsufficientStorage`,
				fmt.Sprintf("Insufficient space in /%s, %d required, %d available", file, size, max(0, room)))
			return
		}
		who.used += size
		w.Header().Set("Content-type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusCreated)
	case "PROPFIND":
		available := int64(unlimited)
		if quota >= 0 {
			available = max(0, quota-who.used)
		}
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		w.WriteHeader(http.StatusMultiStatus)
		fmt.Fprintf(w, `<?xml version="1.0"?>
<d:multistatus xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns"><d:response><d:href>/remote.php/dav/files/%s/</d:href><d:propstat><d:prop><d:getlastmodified>Mon, 23 Nov 2026 20:08:11 GMT</d:getlastmodified><d:resourcetype><d:collection/></d:resourcetype><d:quota-used-bytes>%d</d:quota-used-bytes><d:quota-available-bytes>%d</d:quota-available-bytes><d:getetag>&quot;6b049d2b38b63&quot;</d:getetag></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>
`, who.id, who.used, available)
	default:
		writeDAV(w, http.StatusNotImplemented, `Sabre\DAV\Exception\NotImplemented`, r.Method)
	}
}

// writeAny writes an answer: an error 500 as XML whatever was asked for.
func writeAny(w http.ResponseWriter, r *http.Request, a answer) {
	switch {
	case a.status == http.StatusInternalServerError:
		writeXML(w, r, a.status, a.code, a.message)
	case r.Header.Get("Accept") != "application/json":
		writeXMLAs(w, r, "application/xml; charset=utf-8", a.status, a.code, a.message)
	default:
		writeJSON(w, r, a)
	}
}

// v1 turns an answer into that of the first version: HTTP says that all is well.
func v1(r *http.Request, status, code int) (isV1 bool, s, c int) {
	if !strings.HasPrefix(r.URL.Path, "/ocs/v1.php") {
		return false, status, code
	}
	if code == http.StatusOK {
		code = 100
	}
	if !slices.Contains([]int{http.StatusUnauthorized, http.StatusPreconditionFailed, http.StatusServiceUnavailable, http.StatusTooManyRequests}, status) {
		status = http.StatusOK
	}
	return true, status, code
}

func writeJSON(w http.ResponseWriter, r *http.Request, a answer) {
	isV1, status, code := v1(r, a.status, a.code)
	word := map[bool]string{true: "ok", false: "failure"}[a.code == http.StatusOK]
	meta := pairs{{"status", word}, {"statuscode", code}, {"message", a.message}}
	if isV1 {
		meta = append(meta, pair{"totalitems", ""}, pair{"itemsperpage", ""})
	}
	text, err := json.Marshal(pairs{{"ocs", pairs{{"meta", meta}, {"data", a.data}}}})
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(strings.ReplaceAll(string(text), "/", `\/`))) // as PHP writes it
}

func writeXML(w http.ResponseWriter, r *http.Request, status, code int, message string) {
	writeXMLAs(w, r, "text/xml; charset=UTF-8", status, code, message)
}

func writeXMLAs(w http.ResponseWriter, r *http.Request, contentType string, status, code int, message string) {
	isV1, status, code := v1(r, status, code)
	word := map[bool]string{true: "ok", false: "failure"}[code == http.StatusOK || code == 100]
	more := ""
	if isV1 {
		more = "  <totalitems></totalitems>\n  <itemsperpage></itemsperpage>\n"
	}
	var text strings.Builder
	_ = xml.EscapeText(&text, []byte(message))
	w.Header().Set("Content-type", contentType)
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\"?>\n<ocs>\n <meta>\n  <status>%s</status>\n  <statuscode>%d</statuscode>\n  <message>%s</message>\n%s </meta>\n <data/>\n</ocs>\n",
		word, code, strings.ReplaceAll(text.String(), "&#xA;", "\n"), more)
}

func writeDAV(w http.ResponseWriter, status int, exception, message string) {
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">\n  <s:exception>%s</s:exception>\n  <s:message>%s</s:message>\n</d:error>\n", exception, message)
}
