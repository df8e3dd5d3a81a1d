package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rochdale/adapters/documents"
	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/projections"
)

type exportPersonCmd struct {
	Party string `arg:"" help:"The id of a party, or the number of a member."`
	Out   string `short:"o" required:"" help:"The archive to write." placeholder:"FILE" type:"path"`
}

func (exportPersonCmd) Help() string {
	return `The archive is for the person: it has what concerns nobody else, and a README in their language.
Examples:
  rochdale export person 643 -o member-643.zip
  rochdale export person 0198c1a0-5b1e-7c3a-9f00-000000000001 -o archive.zip`
}

// errUnknownParty refuses to export what is known of nobody.
var errUnknownParty = domain.Refusal{
	Code: "person.unknown", Reason: "nobody is known as {party}: give the id of a party or the number of a member",
}

// A personFile is all that is known of a party.
type personFile struct {
	*house
	member projections.Member
	rules  statutes.Statutes
	lang   domain.Language // the party's
	events []personEvent
}

// A personEvent is an event that names a party.
type personEvent struct {
	rec   eventstore.Record
	event any
	data  map[string]any // as people read it: see [personFile.readable]
}

// openPerson finds a party and all events about it.
func (h *house) openPerson(ctx context.Context, name string) (p personFile, err error) {
	p.house = h
	found := false
	if number, notOne := strconv.ParseInt(name, 10, 32); notOne == nil {
		p.member, found, err = h.models.MemberByNumber(ctx, domain.MemberNumber(number))
	}
	if err == nil && !found {
		p.member, found, err = h.models.Member(ctx, domain.PartyID(name))
	}
	if err != nil {
		return p, err
	}
	if !found {
		return p, errUnknownParty.With("party", name)
	}
	if p.rules, _, err = h.rules(ctx); err != nil {
		return p, err
	}
	p.lang = p.rules.Language(p.member.Language)
	quoted, err := json.Marshal(string(p.member.ID))
	if err != nil {
		return p, err
	}
	for rec, err := range h.store.Log.All(ctx, 0) {
		if err != nil {
			return p, err
		}
		if !bytes.Contains(rec.Data, quoted) {
			continue
		}
		e := personEvent{rec: rec}
		if e.event, err = h.store.Decode(ctx, rec); err != nil {
			return p, err
		}
		if e.data, err = p.readable(e.event); err != nil {
			return p, fmt.Errorf("position %d: %w", rec.Position, err)
		}
		p.events = append(p.events, e)
	}
	return p, nil
}

// readable returns an event as JSON has it, with the personal data of the party open
// and that of others left out.
func (p personFile) readable(event any) (map[string]any, error) {
	v := reflect.New(reflect.TypeOf(event)).Elem()
	v.Set(reflect.ValueOf(event))
	err := sealed.In(v.Type()).Each(v, func(box sealed.Sealable) error {
		return box.Seal(func(plain []byte) ([]byte, int, error) {
			if box.Key().Subject != p.member.ID {
				plain = nil
			}
			return plain, 1, nil
		})
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return nil, err
	}
	var data map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&data); err != nil {
		return nil, err
	}
	open, err := p.open(data)
	data, _ = open.(map[string]any)
	return data, err
}

// open puts what is in boxes in their place.
func (p personFile) open(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			var err error
			if v[i], err = p.open(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		subject, of := v["subject"].(string)
		_, class := v["class"].(string)
		_, key := v["key"]
		if of && class && key {
			return p.unboxed(subject, v["sealed"])
		}
		for name := range v {
			var err error
			if v[name], err = p.open(v[name]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func (p personFile) unboxed(subject string, content any) (any, error) {
	text, held := content.(string)
	switch {
	case subject != string(p.member.ID):
		return p.say("other", nil), nil
	case !held:
		return p.say("erased", nil), nil
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	var v any
	return v, json.Unmarshal(plain, &v)
}

func (p personFile) say(code string, args domain.Args) string {
	return catalogue.Text(p.lang, "person."+code, args, code)
}

// name is how the party is addressed.
func (p personFile) name() string {
	if p.member.Name != "" {
		return p.member.Name
	}
	return string(p.member.ID)
}

// all collects a list of the read models, a page after the other.
func all[T any](list func(projections.Page) (projections.List[T], error)) (items []T, err error) {
	page := projections.Page{First: projections.MaxPage, Uncounted: true}
	for {
		some, err := list(page)
		if err != nil {
			return nil, err
		}
		items = append(items, some.Items...)
		if !some.HasNext || len(some.Items) == 0 {
			return items, nil
		}
		page.After = some.Cursor(len(some.Items) - 1)
	}
}

// A part is a file of the archive.
type part struct {
	name string
	of   func(context.Context) (any, error)
}

// parts are the files of the archive, in the order in which the README names them.
func (p personFile) parts() []part {
	party := p.member.ID
	return []part{
		{"party", p.party},
		{"events", p.told},
		{"register", func(ctx context.Context) (any, error) {
			entries := []projections.RegisterEntry{}
			for e, err := range p.models.Register(ctx, projections.AsAt{Day: p.today()}, party) {
				if err != nil {
					return nil, err
				}
				entries = append(entries, e)
			}
			restrictions := []projections.RestrictionEntry{}
			for r, err := range p.models.Restrictions(ctx, projections.AsAt{Day: p.today()}, party) {
				if err != nil {
					return nil, err
				}
				restrictions = append(restrictions, r)
			}
			certificates, err := p.models.CertificatesOf(ctx, party)
			return map[string]any{"shares": entries, "restrictions": restrictions, "certificates": certificates}, err
		}},
		{"shares", func(ctx context.Context) (any, error) {
			holdings, err := p.models.Holdings(ctx, party)
			subscriptions, err2 := p.models.ShareSubscriptions(ctx, party)
			movements, err3 := p.models.ShareMovements(ctx, party)
			return map[string]any{"holdings": holdings, "subscriptions": subscriptions, "movements": movements}, errors.Join(err, err2, err3)
		}},
		{"votes", p.votes},
		{"invoices", func(ctx context.Context) (any, error) { return p.invoices(ctx) }},
		{"payments", func(ctx context.Context) (any, error) {
			payments, err := all(func(page projections.Page) (projections.List[projections.Payment], error) {
				return p.models.Payments(ctx, projections.PaymentFilter{Payer: party}, page)
			})
			balance, err2 := p.models.Balance(ctx, party)
			return map[string]any{"payments": payments, "balance": balance}, errors.Join(err, err2)
		}},
		{"subscriptions", func(ctx context.Context) (any, error) {
			subscriptions, err := p.models.SubscriptionsOf(ctx, party)
			entitlements, err2 := p.models.Entitlements(ctx, party)
			parts, err3 := p.models.PartsOfParty(ctx, party)
			gifts, err4 := p.models.Gifts(ctx, party)
			return map[string]any{
				"subscriptions": subscriptions, "linked_accounts": parts, "gifts": gifts, "entitlements": entitlements,
			}, errors.Join(err, err2, err3, err4)
		}},
		{"accounts", func(ctx context.Context) (any, error) { return p.models.AccountsOf(ctx, party) }},
		{"documents", func(ctx context.Context) (any, error) {
			return all(func(page projections.Page) (projections.List[projections.Document], error) {
				return p.models.Documents(ctx, &party, page)
			})
		}},
		{"mails", func(ctx context.Context) (any, error) {
			return p.noticesSent(ctx, func(e membership.NoticeRecorded) bool { return e.Party == party })
		}},
	}
}

// party is who the party is now.
func (p personFile) party(ctx context.Context) (any, error) {
	id := p.member.ID
	account, has, err := p.models.BankAccount(ctx, id)
	roles, err2 := p.models.Roles(ctx, id)
	numbers, err3 := p.models.NumbersOf(ctx, id)
	applications, err4 := p.models.ApplicationsOf(ctx, id)
	given, err5 := p.models.MandatesOf(ctx, id, p.today())
	held, err6 := p.models.MandatesHeld(ctx, id, p.today())
	state := map[string]any{
		"party": p.member, "numbers": numbers, "roles": roles, "applications": applications, "mandates_given": given, "mandates_held": held,
	}
	if has {
		state["bank_account"] = account
	}
	if identity, known := p.state(ctx).Identity(); known { // with what no list shows, like the day of birth
		state["identity"] = identity
	}
	return state, errors.Join(err, err2, err3, err4, err5, err6)
}

// state is the party as its events have it.
func (p personFile) state(ctx context.Context) (m membership.Member) {
	for _, e := range p.events {
		if change, of := e.event.(domain.Event[membership.Member]); of && e.rec.Stream == membership.StreamOf(p.member.ID) && ctx.Err() == nil {
			m = change.Evolve(m)
		}
	}
	return m
}

// told is the events about the party.
func (p personFile) told(context.Context) (any, error) {
	type told struct {
		Position   int64          `json:"position"`
		RecordedAt time.Time      `json:"recorded_at"`
		Type       string         `json:"type"`
		ByThemself bool           `json:"by_themself"`
		Data       map[string]any `json:"data"`
	}
	list := make([]told, len(p.events))
	for i, e := range p.events {
		list[i] = told{e.rec.Position, e.rec.RecordedAt, e.rec.Type, e.rec.Actor == string(p.member.ID), e.data}
	}
	return list, nil
}

// votes is how the party voted.
func (p personFile) votes(ctx context.Context) (any, error) {
	type vote struct {
		Poll     domain.PollID     `json:"poll"`
		Question string            `json:"question"`
		Assembly domain.AssemblyID `json:"assembly"`
		Choice   assembly.Choice   `json:"choice"`
		Votes    int64             `json:"votes"`
		At       time.Time         `json:"at"`
	}
	votes := []vote{}
	for _, e := range p.events {
		cast, is := e.event.(assembly.VoteCast)
		if !is || cast.Party != p.member.ID {
			continue
		}
		poll, _, err := p.models.Poll(ctx, cast.Poll)
		if err != nil {
			return nil, err
		}
		votes = append(votes, vote{cast.Poll, poll.Question.In(p.lang), cast.Assembly, cast.Choice, cast.Votes, e.rec.RecordedAt})
	}
	return votes, nil
}

func (p personFile) invoices(ctx context.Context) ([]projections.Invoice, error) {
	return all(func(page projections.Page) (projections.List[projections.Invoice], error) {
		return p.models.Invoices(ctx, projections.InvoiceFilter{Payer: p.member.ID}, page)
	})
}

// Run writes the archive.
func (c exportPersonCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		p, err := h.openPerson(ctx, c.Party)
		if err != nil {
			return err
		}
		if err := toFile(t, c.Out, func(w io.Writer) error { return p.writeArchive(ctx, w) }); err != nil {
			return err
		}
		return t.print(g, map[string]any{"party": p.member.ID, "events": len(p.events), "file": c.Out}, func(w io.Writer) {
			fmt.Fprintf(w, "%d events about %s written to %s, with what follows from them\n", len(p.events), p.name(), c.Out)
		})
	})
}

func (p personFile) writeArchive(ctx context.Context, w io.Writer) error {
	archive, made := zip.NewWriter(w), p.now().In(p.zone).Truncate(time.Second)
	add := func(name string) (io.Writer, error) {
		return archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: made})
	}
	f, err := add("README.txt")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, p.readme()); err != nil {
		return err
	}
	for _, part := range p.parts() {
		content, err := part.of(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		text, err := plainJSON(content)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		f, err := add(part.name + ".json")
		if err != nil {
			return err
		}
		if _, err := f.Write(text); err != nil {
			return err
		}
	}
	invoices, err := p.invoices(ctx)
	if err != nil {
		return err
	}
	for _, i := range invoices {
		rules, found, err := p.models.StatutesVersion(ctx, i.StatutesVersion)
		if err != nil || !found {
			return errors.Join(err, fmt.Errorf("invoice %s follows statutes of version %d, found: %t", i.Number, i.StatutesVersion, found))
		}
		f, err := add("invoices/" + i.Number.String() + ".pdf")
		if err != nil {
			return err
		}
		if err := documents.WriteInvoice(f, invoiceDocument(rules.Statutes, i)); err != nil {
			return fmt.Errorf("invoice %s: %w", i.Number, err)
		}
	}
	return archive.Close()
}

// readme explains the archive to whom it is about.
func (p personFile) readme() string {
	args := domain.Args{"coop": p.rules.Name, "name": p.name(), "date": p.today(), "erased": p.say("erased", nil), "other": p.say("other", nil)}
	var b strings.Builder
	b.WriteString(p.say("title", args) + "\n\n" + p.say("intro", args) + "\n\n")
	for _, part := range p.parts() {
		fmt.Fprintf(&b, "%-20s %s\n", part.name+".json", p.say("file_"+part.name, nil))
	}
	b.WriteString("\n" + p.say("outro", args) + "\n")
	for _, line := range nonEmpty(p.rules.Legal.Email, p.rules.Legal.Website) {
		b.WriteString("\n" + line)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// plainJSON writes a value with names in snake case, and without what is empty.
func plainJSON(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var data any
	if err := dec.Decode(&data); err != nil {
		return nil, err
	}
	if data == nil {
		data = []any{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(plain(data))
	return b.Bytes(), err
}

func plain(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		named := make(map[string]any, len(v))
		for name, value := range v {
			if value != nil && value != "" {
				named[snake(name)] = plain(value)
			}
		}
		return named
	}
	return v
}

// snake turns IssuedOn into issued_on.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		begins := unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if begins && runes[i-1] != '_' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

type exportErasureCmd struct {
	Party string `arg:"" help:"The id of a party, or the number of a member."`
	Out   string `short:"o" help:"The file to write; by default what is printed." placeholder:"FILE" type:"path"`
}

func (exportErasureCmd) Help() string {
	return `What was erased of a person's data, what stays, why and until when, in their language.
Examples:
  rochdale export erasure 643
  rochdale export erasure 643 -o receipt.txt`
}

// A kept is what becomes of the data of one class.
type kept struct {
	Class    sealed.Class               `json:"class"`
	State    projections.RetentionState `json:"state"`
	ErasedOn calendar.Date              `json:"erased_on,omitzero"`
	Code     string                     `json:"code,omitempty"` // of the reason for which it is kept
	Reason   string                     `json:"reason,omitempty"`
	Source   string                     `json:"source,omitempty"`
	Through  calendar.Date              `json:"through,omitzero"`
}

// Run writes the receipt.
func (c exportErasureCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		p, err := h.openPerson(ctx, c.Party)
		if err != nil {
			return err
		}
		list, err := p.survey(ctx)
		if err != nil {
			return err
		}
		return toFile(t, c.Out, func(w io.Writer) error {
			if g.JSON {
				text, err := plainJSON(map[string]any{"party": p.member.ID, "on": p.today(), "classes": list})
				_, err2 := w.Write(text)
				return errors.Join(err, err2)
			}
			_, err := io.WriteString(w, p.receipt(list))
			return err
		})
	})
}

// survey says for each class what was erased, or why it is kept.
func (p personFile) survey(ctx context.Context) ([]kept, error) {
	all, err := p.models.Retention(asCLI(ctx), p.member.ID, p.today(), p.rules)
	list := []kept{}
	for _, r := range all {
		k := kept{Class: r.Class, State: r.State, ErasedOn: r.ErasedOn}
		if r.State == projections.RetentionKept {
			k.Code, k.Reason, k.Source, k.Through = r.Kept.Code, catalogue.Refusal(p.lang, r.Kept), r.Kept.Source, r.Through
		}
		list = append(list, k)
	}
	return list, err
}

// receipt tells a person what became of their data.
func (p personFile) receipt(list []kept) string {
	args := domain.Args{"coop": p.rules.Name, "name": p.name(), "date": p.today()}
	var b strings.Builder
	b.WriteString(p.say("receipt", args) + "\n" + p.say("as_of", args) + "\n")
	for _, k := range list {
		say := domain.Args{"on": k.ErasedOn, "reason": k.Reason, "source": k.Source, "through": k.Through}
		code := map[projections.RetentionState]string{
			projections.RetentionNone: "none", projections.RetentionErased: "gone", projections.RetentionErasable: "free", projections.RetentionKept: "kept",
		}[k.State]
		if k.State == projections.RetentionKept && !k.Through.IsZero() {
			code = "kept_through"
		}
		fmt.Fprintf(&b, "\n- %s: %s\n", p.say("class_"+string(k.Class), nil), p.say(code, say))
	}
	return b.String()
}
