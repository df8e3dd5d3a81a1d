package mail

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// Doveadm speaks to a Dovecot by doveadm's HTTP API (version 1), which can do
// anything to all mail: it listens where nobody else comes, and knows a key.
type Doveadm struct {
	URL string                 // like "http://127.0.0.1:8080"
	Key func() (string, error) // doveadm_api_key; it is asked for before each request
	// Store is the folder of all boxes on the mail server, like "/var/mail/rochdale".
	// With it, the mail of deleted accounts is removed from here; empty: a job on the
	// mail server does it.
	Store string
	// Dsync is where the Dovecots of other nodes fetch mail from this one, in Dovecot's
	// words: like "tcp:10.0.0.2:12345". Empty: they do not.
	Dsync   string
	Timeout time.Duration // for one request; 0: 90 seconds: Dovecot waits 60 for its database
	Client  *http.Client  // nil: http.DefaultClient
}

// Exit codes of doveadm (sysexits.h).
const (
	exitNoUser = 67 // EX_NOUSER
	exitNone   = 68 // EX_NOHOST, which it says of what is not found
)

const (
	doveadmWithin = 90 * time.Second
	maxReply      = 16 << 20
	kibi          = 1024
)

// command is one of a request. All its parameters are given: for want of one, a
// worker of Dovecot ends, and the connection with it.
type command struct {
	name   string
	params map[string]any
}

// reply is the answer to a command: of one that failed, with an exit code.
type reply struct {
	name string
	data json.RawMessage
	exit int
}

// do has Dovecot carry out commands, of which each is answered, in the time for a request.
func (d *Doveadm) do(ctx context.Context, commands ...command) ([]reply, error) {
	within := d.Timeout
	if within <= 0 {
		within = doveadmWithin
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return d.request(ctx, commands...)
}

// request does the same, for as long as it takes.
func (d *Doveadm) request(ctx context.Context, commands ...command) ([]reply, error) {
	fail := func(class fault.Class, ambiguous bool, code string, err error) error {
		return &fault.Error{Class: class, Ambiguous: ambiguous, Code: code, Err: fmt.Errorf("mail: doveadm %s: %w", commands[0].name, err)}
	}
	var request [][]any
	for i, c := range commands {
		request = append(request, []any{c.name, c.params, strconv.Itoa(i)})
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, fail(fault.Invalid, false, "", err)
	}
	key, err := d.Key()
	if err != nil {
		return nil, fail(fault.Unavailable, false, fault.Settings, fmt.Errorf("its key: %w", err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(d.URL, "/")+"/doveadm/v1", bytes.NewReader(body))
	if err != nil {
		return nil, fail(fault.Invalid, false, "", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "X-Dovecot-API "+base64.StdEncoding.EncodeToString([]byte(key)))
	client := d.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		if fault.Unreached(err) {
			return nil, fail(fault.Unavailable, false, "", err)
		}
		return nil, fail(fault.Transient, true, "closed", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	switch {
	case err != nil:
		return nil, fail(fault.Transient, true, "closed", err)
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return nil, fail(fault.Denied, false, "http "+strconv.Itoa(resp.StatusCode), errors.New("it does not know our key"))
	case resp.StatusCode == http.StatusBadRequest:
		return nil, fail(fault.Invalid, false, "http 400", errors.New(strings.TrimSpace(string(text))))
	case resp.StatusCode != http.StatusOK:
		return nil, fail(fault.Unavailable, true, "http "+strconv.Itoa(resp.StatusCode), errors.New("is it Dovecot?"))
	}
	replies, err := readReplies(text, len(commands))
	if err != nil {
		return nil, fail(fault.Unavailable, true, "answer", err)
	}
	for i, r := range replies {
		if r.name == "error" && r.exit == 0 { // it knows no such command, or parameter
			return nil, fail(fault.Unsupported, false, "doveadm", fmt.Errorf("%s: %s", commands[i].name, r.data))
		}
	}
	return replies, nil
}

func readReplies(text []byte, want int) ([]reply, error) {
	var raw [][]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	if len(raw) != want {
		return nil, fmt.Errorf("%d answers to %d commands", len(raw), want)
	}
	var all []reply
	for i, parts := range raw {
		var r reply
		var tag string
		if len(parts) != 3 || json.Unmarshal(parts[0], &r.name) != nil || json.Unmarshal(parts[2], &tag) != nil || tag != strconv.Itoa(i) {
			return nil, fmt.Errorf("an answer that is none: %s", text)
		}
		if r.data = parts[1]; r.name == "error" {
			var failed struct {
				ExitCode int `json:"exitCode"`
			}
			if err := json.Unmarshal(r.data, &failed); err != nil {
				return nil, err
			}
			r.exit = failed.ExitCode
		}
		all = append(all, r)
	}
	return all, nil
}

// failed returns the trouble that a reply tells of, unless it is one that is none here.
func (r reply) failed(what string, but ...int) error {
	if r.name != "error" {
		return nil
	}
	for _, exit := range but {
		if r.exit == exit {
			return nil
		}
	}
	return &fault.Error{Class: fault.Transient, Ambiguous: true, Code: "exit " + strconv.Itoa(r.exit), Err: fmt.Errorf("mail: doveadm %s fails", what)}
}

// settle has Dovecot forget what it keeps in mind of an account and, if it is to,
// end its sessions.
func (d *Doveadm) settle(ctx context.Context, login provisioning.Login, kick bool) error {
	commands := []command{{"authCacheFlush", map[string]any{"user": []string{string(login)}}}}
	if kick {
		commands = append(commands, command{"kick", map[string]any{"mask": []string{string(login)}}})
	}
	replies, err := d.do(ctx, commands...)
	for i, r := range replies {
		if err == nil {
			err = r.failed(commands[i].name, exitNoUser, exitNone)
		}
	}
	return err
}

// remove removes a box with all that is in it, and sees that it is gone: Dovecot
// may say so and leave folders. To remove one that is gone fails.
func (d *Doveadm) remove(ctx context.Context, box string) error {
	home := path.Join(d.Store, box)
	there := func() (bool, error) {
		replies, err := d.do(ctx, command{"fsStat", map[string]any{"fsDriver": "posix", "fsArgs": "", "path": home}})
		if err != nil {
			return false, err
		}
		return replies[0].name != "error" || replies[0].exit != exitNone, replies[0].failed("fsStat", exitNone)
	}
	is, err := there()
	if err != nil || !is {
		return err
	}
	replies, err := d.do(ctx, command{"fsDelete", map[string]any{"fsDriver": "posix", "fsArgs": "dirs", "recursive": true, "path": []string{home}}})
	if err != nil {
		return err
	}
	failed := replies[0].failed("fsDelete")
	if is, err = there(); err == nil && is {
		err = failed
		if err == nil {
			err = &fault.Error{Class: fault.Transient, Code: "purging", Err: errors.New("mail: doveadm says that a box is removed, and it is there")}
		}
	}
	return err
}

// Held is how much is in a mailbox, as Dovecot counts it.
type Held struct {
	Used  domain.Bytes // to the kibibyte
	Quota domain.Bytes // the same, or [provisioning.Unlimited]
}

// Quota asks how much is in some mailboxes. Those it does not know are left out.
func (d *Doveadm) Quota(ctx context.Context, logins []provisioning.Login) (map[provisioning.Login]Held, error) {
	const most = 50 // in one request
	all := map[provisioning.Login]Held{}
	for len(logins) > 0 {
		some := logins[:min(len(logins), most)]
		logins = logins[len(some):]
		var commands []command
		for _, login := range some {
			commands = append(commands, command{"quotaGet", map[string]any{"user": string(login)}})
		}
		replies, err := d.do(ctx, commands...)
		if err != nil {
			return nil, err
		}
		for i, r := range replies {
			if err := r.failed("quotaGet", exitNoUser); err != nil {
				return nil, err
			}
			if r.name == "error" {
				continue
			}
			held, err := r.held()
			if err != nil {
				return nil, &fault.Error{Class: fault.Transient, Code: "answer", Err: fmt.Errorf("mail: doveadm quotaGet: %w", err)}
			}
			all[some[i]] = held
		}
	}
	return all, nil
}

// held reads kibibytes, which are written as text.
func (r reply) held() (h Held, err error) {
	var quotas []struct{ Type, Value, Limit string }
	if err := json.Unmarshal(r.data, &quotas); err != nil {
		return h, err
	}
	for _, q := range quotas {
		if q.Type != "STORAGE" {
			continue
		}
		used, err := strconv.ParseInt(q.Value, 10, 64)
		if err != nil {
			return h, err
		}
		h = Held{domain.Bytes(used) * kibi, provisioning.Unlimited}
		if q.Limit != "-" {
			limit, err := strconv.ParseInt(q.Limit, 10, 64)
			if err != nil {
				return h, err
			}
			h.Quota = domain.Bytes(limit) * kibi
		}
		return h, nil
	}
	return h, errors.New("it counts no storage")
}
