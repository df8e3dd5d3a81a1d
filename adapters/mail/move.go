package mail

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain/provisioning"
)

// Exit codes of doveadm when it copies: it meets what it cannot make the same, and
// would not in another run either; or it was done, and for something that changed.
const (
	exitData    = 65 // EX_DATAERR
	exitPartial = 2
)

// Takes reports whether the other node is a Dovecot too that ours can fetch mail from.
func (m *Mailboxes) Takes(from provisioning.Source) error {
	other, ok := from.At.(*Mailboxes)
	switch {
	case !ok, m.front, other.front:
		return fault.New(fault.Unsupported, "", "mail: %s and this are not both Dovecots over tables of ours", from.Node)
	case m.doveadm == nil:
		return fault.New(fault.Unsupported, "", "mail: Dovecot is told nothing here, and so fetches nothing from %s: give it doveadm", from.Node)
	case other.doveadm == nil || other.doveadm.Dsync == "":
		return fault.New(fault.Unsupported, "", "mail: nobody says where mail is fetched from %s: give it doveadm, with dsync", from.Node)
	}
	return nil
}

// TakeOver has Dovecot fetch from the other node what is in the mailbox there, with
// folders, UIDs, flags and subscriptions, and copies by what its holder gets in, and
// the addresses that the wish leaves alone. What is here and not there goes.
//
// While the account is in use there, that is all. Once it is withheld, both are compared,
// message by message, and it fails as long as they differ, of code "not_whole". It
// fails of code "stale" where the account is not withheld here: it is in use here then.
func (m *Mailboxes) TakeOver(ctx context.Context, want provisioning.Desired, from provisioning.Source) error {
	if err := cmp.Or(m.begin(ctx, want.Ref), m.Takes(from)); err != nil {
		return err
	}
	other, _ := from.At.(*Mailboxes) // as was seen
	there, err := other.copied(ctx, want)
	if err != nil {
		return err
	}
	if err := m.paste(ctx, want, there); err != nil {
		return err
	}
	withheld := there.access == provisioning.Suspended && there.inbound != provisioning.Accept
	fetch := func(full bool) (made, same error) {
		made = m.doveadm.fetch(ctx, "backup", map[string]any{"fullSync": full}, want.Login, other.doveadm.Dsync)
		if made == nil && withheld {
			same = m.doveadm.differs(ctx, other.doveadm, want.Login)
		}
		return made, same
	}
	made, same := fetch(false)
	if fault.CodeOf(same) == unlike {
		made, same = fetch(true)
	}
	if err := cmp.Or(made, same); fault.CodeOf(err) != unlike {
		return err
	}
	if err := m.renew(ctx, want); err != nil {
		return err
	}
	made, same = fetch(false)
	return cmp.Or(made, same)
}

// Glean has Dovecot add what came late to where a mailbox was, such as a message of
// which the last line was still to come when nobody was let in any more.
func (m *Mailboxes) Glean(ctx context.Context, want provisioning.Desired, from provisioning.Source) error {
	if err := cmp.Or(m.begin(ctx, want.Ref), m.Takes(from)); err != nil {
		return err
	}
	other, _ := from.At.(*Mailboxes) // as was seen
	if _, err := other.copied(ctx, want); fault.CodeOf(err) == "missing" {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := m.copied(ctx, want); err != nil {
		return err
	}
	return m.doveadm.fetch(ctx, "sync", map[string]any{"onewaySync": true}, want.Login, other.doveadm.Dsync)
}

// unlike is the code of a trouble that mailboxes differ which should not.
const unlike = "not_whole"

// belongings are what goes with an account, beside its mail and what is wished.
type belongings struct {
	row
	password sql.Null[string]
	devices  []device
}

type device struct {
	id, name, password string
	created            int64
	used               sql.Null[int64]
}

// copied returns what is to go along with an account.
func (m *Mailboxes) copied(ctx context.Context, want provisioning.Desired) (b belongings, err error) {
	const failed = "copy an account"
	err = m.transact(ctx, failed, func(tx *sql.Tx) error {
		if b.row, err = m.find(ctx, tx, want.Login); err != nil {
			return err
		}
		if b.box == "" || b.account != want.Account {
			return fault.New(fault.Transient, "missing", "mail: copy %s: it is not on its node, or not ours there", want.Account)
		}
		if err := tx.QueryRowContext(ctx, m.q(`select password from mail_account where login = $1`), want.Login).Scan(&b.password); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, m.q(`select p.id, p.name, p.password, p.created_at, u.used_at from mail_app_password p
			left join mail_app_use u on u.id = p.id where p.login = $1 order by p.id`), want.Login)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d device
			if err := rows.Scan(&d.id, &d.name, &d.password, &d.created, &d.used); err != nil {
				return err
			}
			b.devices = append(b.devices, d)
		}
		return rows.Err()
	})
	return b, err
}

// ours returns the row of an account that is being taken over, or fails.
func (m *Mailboxes) ours(ctx context.Context, tx *sql.Tx, want provisioning.Desired, further ...provisioning.Login) (row, error) {
	is, err := m.find(ctx, tx, want.Login, further...)
	switch {
	case err != nil:
		return is, err
	case is.box == "":
		return is, missing(is, want.Account)
	case is.account != want.Account:
		return is, fault.New(fault.Conflict, "", "mail: the account wanted for %s is not ours: it bears the mark %q", want.Account, is.account)
	case want.Revision < is.revision, is.access != provisioning.Suspended || is.inbound == provisioning.Accept:
		return is, fault.New(fault.Transient, "stale", "mail: take over %s: it is in use here by now: read again what is wanted", want.Account)
	}
	return is, nil
}

// paste has what goes along with an account be here, and nothing else.
func (m *Mailboxes) paste(ctx context.Context, want provisioning.Desired, b belongings) error {
	err := m.transact(ctx, "take over "+string(want.Account), func(tx *sql.Tx) error {
		is, err := m.ours(ctx, tx, want, addresses(b.aliases)...)
		if err != nil {
			return err
		}
		do := func(query string, args ...any) {
			if err == nil {
				_, err = tx.ExecContext(ctx, m.q(query), args...)
			}
		}
		tell := ""
		if m.doveadm != nil {
			tell = flush + rand.Text()
		}
		do(`update mail_account set password = $1, unsettled = $2 where login = $3`, b.password, tell, want.Login)
		if err == nil {
			err = m.setDevices(ctx, tx, want.Login, b.devices)
		}
		if want.Aliases == nil && err == nil {
			next := is
			next.aliases, next.revision = b.aliases, want.Revision
			return m.write(ctx, tx, want, is, next, "")
		}
		return err
	})
	if err != nil {
		return err
	}
	return told(m.settle(ctx, want.Login))
}

// setDevices lets in some devices by their app passwords, and no others.
func (m *Mailboxes) setDevices(ctx context.Context, tx *sql.Tx, login provisioning.Login, devices []device) error {
	if _, err := tx.ExecContext(ctx, m.q(`delete from mail_app_password where login = $1`), login); err != nil {
		return err
	}
	for _, d := range devices {
		_, err := tx.ExecContext(ctx, m.q(`insert into mail_app_password (id, login, name, password, created_at) values ($1, $2, $3, $4, $5)`),
			d.id, login, d.name, d.password, d.created)
		if err == nil && d.used.Valid {
			_, err = tx.ExecContext(ctx, m.q(`insert into mail_app_use (id, used_at) values ($1, $2)`), d.id, d.used.V)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// renew gives an account that is being taken over another box, of which nobody was
// shown anything, since Dovecot cannot make the one it has as it is there.
func (m *Mailboxes) renew(ctx context.Context, want provisioning.Desired) error {
	err := m.transact(ctx, "take over "+string(want.Account)+" anew", func(tx *sql.Tx) error {
		is, err := m.ours(ctx, tx, want)
		if err != nil {
			return err
		}
		do := func(query string, args ...any) {
			if err == nil {
				_, err = tx.ExecContext(ctx, m.q(query), args...)
			}
		}
		do(`insert into mail_purge (box, login, deleted_at) values ($1, $2, $3)`, is.box, want.Login, time.Now().Unix())
		do(m.upsert(`insert into mail_deleted (account, revision, boxes) values ($1, $2, 1)`, "account",
			[2]string{"boxes", "mail_deleted.boxes + 1"}), want.Account, is.revision)
		if err == nil {
			err = tx.QueryRowContext(ctx, m.q(`select boxes from mail_deleted where account = $1`), want.Account).Scan(&is.boxes)
		}
		do(`update mail_account set box = $1, unsettled = $2 where login = $3`, boxOf(want.Account, is.boxes), flush+rand.Text(), want.Login)
		do(`update mail_usage set bytes = 0, messages = 0 where login = $1`, want.Login)
		return err
	})
	if err != nil {
		return err
	}
	if err := m.settle(ctx, want.Login); err != nil {
		return told(err)
	}
	_ = m.remove(ctx, want) // as far as that goes from here: it goes with the account at the latest
	return nil
}

// fetch has Dovecot fetch a mailbox from where dsync finds it, which may take long: by
// "backup" to have it as it is there, or by "sync" to add to it.
func (d *Doveadm) fetch(ctx context.Context, how string, params map[string]any, login provisioning.Login, from string) error {
	const wait = 30 // seconds, for another of the same mailbox
	params["user"], params["reverseSync"], params["lockTimeout"], params["destination"] = string(login), true, wait, []string{from}
	replies, err := d.request(ctx, command{how, params})
	if err != nil {
		return err
	}
	if replies[0].name == "error" && replies[0].exit == exitData {
		return fault.New(fault.Transient, unlike, "mail: doveadm %s cannot make a mailbox as it is on the other node", how)
	}
	return replies[0].failed(how, exitPartial)
}

// folder is what Dovecot tells of one.
type folder struct {
	Mailbox     string `json:"mailbox"`
	UIDValidity string `json:"uidvalidity"`
	UIDNext     string `json:"uidnext"`
	Messages    string `json:"messages"`
	Size        string `json:"vsize"`
	GUID        string `json:"guid"`
}

// message is what Dovecot tells of one. Whether it is recent is told to one session alone.
type message struct {
	UID      string `json:"uid"`
	GUID     string `json:"guid"`
	Flags    string `json:"flags"`
	Size     string `json:"size.physical"`
	Received string `json:"date.received"`
}

const pageOfUIDs = 20_000

// differs fails unless a mailbox is here as it is there: folders, subscriptions, and
// of each message its UID, flags, size and day.
func (d *Doveadm) differs(ctx context.Context, there *Doveadm, login provisioning.Login) error {
	if err := d.subscribe(ctx, there, login); err != nil {
		return err
	}
	theirs, err := there.folders(ctx, login)
	if err != nil {
		return err
	}
	ours, err := d.folders(ctx, login)
	if err != nil {
		return err
	}
	if !maps.Equal(ours, theirs) {
		return fault.New(fault.Transient, unlike, "mail: the folders of a mailbox, or how much is in them, differ from those on the other node: %d and %d", len(ours), len(theirs))
	}
	for _, f := range theirs {
		next, err := strconv.ParseInt(f.UIDNext, 10, 64)
		if err != nil {
			return fault.New(fault.Transient, "answer", "mail: doveadm mailboxStatus: %w", err)
		}
		for uid := int64(1); uid < next; uid += pageOfUIDs {
			is, err := d.messages(ctx, login, f, uid)
			if err != nil {
				return err
			}
			was, err := there.messages(ctx, login, f, uid)
			if err != nil {
				return err
			}
			if !slices.Equal(is, was) {
				return fault.New(fault.Transient, unlike, "mail: the messages of a folder differ from those on the other node: %d and %d from UID %d", len(is), len(was), uid)
			}
		}
	}
	return nil
}

// ask has a command carried out, and reads what it tells.
func ask[T any](ctx context.Context, d *Doveadm, c command) (all []T, err error) {
	replies, err := d.do(ctx, c)
	if err == nil {
		err = replies[0].failed(c.name)
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(replies[0].data, &all); err != nil {
		return nil, fault.New(fault.Transient, "answer", "mail: doveadm %s: %w", c.name, err)
	}
	return all, nil
}

func (d *Doveadm) folders(ctx context.Context, login provisioning.Login) (map[string]folder, error) {
	all, err := ask[folder](ctx, d, command{"mailboxStatus", map[string]any{
		"user": string(login), "field": []string{"uidvalidity", "uidnext", "messages", "vsize", "guid"}, "mailboxMask": []string{"*"},
	}})
	folders := map[string]folder{}
	for _, f := range all {
		folders[f.Mailbox] = f
	}
	return folders, err
}

// messages returns those of a page, by their UIDs.
func (d *Doveadm) messages(ctx context.Context, login provisioning.Login, f folder, from int64) ([]message, error) {
	all, err := ask[message](ctx, d, command{"fetch", map[string]any{
		"user": string(login), "field": []string{"uid", "guid", "flags", "size.physical", "date.received"},
		"query": []string{"mailbox-guid", f.GUID, "uid", fmt.Sprintf("%d:%d", from, from+pageOfUIDs-1)},
	}})
	for i := range all {
		flags := slices.Sorted(strings.FieldsSeq(all[i].Flags))
		all[i].Flags = strings.Join(slices.DeleteFunc(flags, func(flag string) bool { return flag == `\Recent` }), " ")
	}
	return all, err
}

// subscribe has the same folders subscribed here as there: dsync leaves those that
// were, of folders that are no more.
func (d *Doveadm) subscribe(ctx context.Context, there *Doveadm, login provisioning.Login) error {
	subscribed := func(d *Doveadm) ([]string, error) {
		all, err := ask[folder](ctx, d, command{"mailboxList", map[string]any{"user": string(login), "subscriptions": true}})
		var names []string
		for _, f := range all {
			names = append(names, f.Mailbox)
		}
		return names, err
	}
	theirs, err := subscribed(there)
	if err != nil {
		return err
	}
	ours, err := subscribed(d)
	if err != nil {
		return err
	}
	var errs []error
	for name, those := range map[string][2][]string{"mailboxSubscribe": {theirs, ours}, "mailboxUnsubscribe": {ours, theirs}} {
		some := slices.DeleteFunc(slices.Clone(those[0]), func(f string) bool { return slices.Contains(those[1], f) })
		if len(some) > 0 {
			_, err := ask[struct{}](ctx, d, command{name, map[string]any{"user": string(login), "mailbox": some}})
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
