package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/domain/money"
	"rochdale/processes"
	"rochdale/projections"
)

// A reconciliation holds a register that was kept elsewhere against that of the log, and
// names what is odd in the former, though nothing of it is wrong.
type reconciliation struct {
	Members  comparison[int]   `json:"members"`
	Classes  []classReconciled `json:"classes"`
	Differ   []holdingDiffers  `json:"differences"`
	Findings []oddity          `json:"findings"`
}

// A comparison is of the same in the file and in the register.
type comparison[V any] struct {
	File     V `json:"file"`
	Register V `json:"register"`
}

type classReconciled struct {
	Class domain.ClassID `json:"class"`
	comparison[classSum]
}

type classSum struct {
	Holders int         `json:"holders"`
	Shares  int64       `json:"shares"`
	Paid    money.Money `json:"paid"`
}

// holdingDiffers is a holding of which the two say something else.
type holdingDiffers struct {
	Number domain.MemberNumber `json:"number"`
	Class  domain.ClassID      `json:"class"`
	comparison[heldOf]
}

type heldOf struct {
	Shares int64       `json:"shares"`
	Paid   money.Money `json:"paid"`
}

// oddity is something odd, by the code of its message.
type oddity struct {
	Code string      `json:"finding"`
	Args domain.Args `json:"of"`
}

func (r *reconciliation) find(code string, args domain.Args) {
	r.Findings = append(r.Findings, oddity{code, args})
}

// equal reports whether the file and the register say the same.
func (r reconciliation) equal() bool {
	return r.Members.File == r.Members.Register && len(r.Differ) == 0
}

// numbered is a holding by its holder's number.
type numbered struct {
	number domain.MemberNumber
	class  domain.ClassID
}

// reconcile compares; without members, or without shares, only the others are.
func (h *house) reconcile(ctx context.Context, members []processes.MemberRow, lots []processes.ShareRow, priceOf func(domain.ClassID) money.Money) (r reconciliation, err error) {
	r = reconciliation{Classes: []classReconciled{}, Differ: []holdingDiffers{}, Findings: []oddity{}} // lists, even if empty
	r.oddities(members, lots, priceOf)
	known, err := h.models.MembersAt(ctx, h.today(), h.known(h.today()))
	if err != nil {
		return r, err
	}
	r.Members.Register = len(known)
	for _, row := range members {
		if row.Enter.EndedOn.IsZero() || !row.Enter.EndedOn.Before(h.today()) {
			r.Members.File++
		}
	}
	file, register := map[numbered]heldOf{}, map[numbered]heldOf{}
	for _, row := range lots {
		paid := priceOf(row.Class).Times(row.Quantity)
		if row.Price.IsPositive() {
			paid = row.Price.Times(row.Quantity)
		}
		if row.Paid != nil {
			paid = *row.Paid
		}
		n := numbered{row.Number, row.Class}
		file[n] = heldOf{file[n].Shares + row.Quantity, file[n].Paid.Plus(paid)}
	}
	for e, err := range h.models.Register(ctx, projections.AsAt{Day: h.today()}, "") {
		if err != nil {
			return r, err
		}
		n := numbered{e.Member.Number, e.Class}
		register[n] = heldOf{register[n].Shares + e.Quantity, register[n].Paid.Plus(e.Paid)}
	}
	rules, _, err := h.rules(ctx)
	r.compare(file, register, money.New(0, rules.Currency))
	return r, err
}

// compare adds up by class, and names each holding that differs.
func (r *reconciliation) compare(file, register map[numbered]heldOf, none money.Money) {
	sums := map[domain.ClassID]*classReconciled{}
	of := func(class domain.ClassID) *classReconciled {
		if sums[class] == nil {
			sums[class] = &classReconciled{class, comparison[classSum]{classSum{Paid: none}, classSum{Paid: none}}}
		}
		return sums[class]
	}
	for n, held := range file {
		s := &of(n.class).File
		s.Holders, s.Shares, s.Paid = s.Holders+1, s.Shares+held.Shares, s.Paid.Plus(held.Paid)
		was := heldOf{register[n].Shares, register[n].Paid.Plus(none)}
		if was.Shares != held.Shares || was.Paid.Minor() != held.Paid.Minor() {
			r.Differ = append(r.Differ, holdingDiffers{n.number, n.class, comparison[heldOf]{held, was}})
		}
	}
	for n, held := range register {
		s := &of(n.class).Register
		s.Holders, s.Shares, s.Paid = s.Holders+1, s.Shares+held.Shares, s.Paid.Plus(held.Paid)
		if _, there := file[n]; !there {
			r.Differ = append(r.Differ, holdingDiffers{n.number, n.class, comparison[heldOf]{heldOf{Paid: none}, held}})
		}
	}
	for _, class := range slices.Sorted(maps.Keys(sums)) {
		r.Classes = append(r.Classes, *sums[class])
	}
	slices.SortFunc(r.Differ, func(a, b holdingDiffers) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Class, b.Class))
	})
}

// oddities names what is odd in the files by themselves.
func (r *reconciliation) oddities(members []processes.MemberRow, lots []processes.ShareRow, priceOf func(domain.ClassID) money.Money) {
	holds := map[domain.MemberNumber]bool{}
	for _, row := range lots {
		holds[row.Number] = true
		price := priceOf(row.Class)
		if row.Price.IsPositive() {
			price = row.Price
		}
		if row.Paid != nil && price.IsPositive() && row.Paid.Minor() != price.Times(row.Quantity).Minor() {
			r.find("ragged", domain.Args{"line": row.Line, "amount": *row.Paid, "price": price, "quantity": row.Quantity})
		}
	}
	listed, same := map[domain.MemberNumber]bool{}, map[string]domain.MemberNumber{}
	for _, row := range members {
		e := row.Enter
		listed[e.Number] = true
		if !holds[e.Number] && e.EndedOn.IsZero() && len(lots) > 0 {
			r.find("without_shares", domain.Args{"line": row.Line, "number": e.Number})
		}
		who := strings.ToLower(strings.Join([]string{e.Identity.FirstName, e.Identity.LastName, e.Identity.Organisation, e.Contact.Email}, "|"))
		if other, twice := same[who]; twice && other != e.Number {
			r.find("duplicate", domain.Args{"line": row.Line, "number": e.Number, "other": other})
		} else {
			same[who] = e.Number
		}
	}
	if len(members) == 0 {
		return
	}
	for _, row := range lots {
		if !listed[row.Number] {
			r.find("without_member", domain.Args{"line": row.Line, "number": row.Number})
		}
	}
	last := domain.MemberNumber(0)
	for _, n := range slices.Sorted(maps.Keys(listed)) {
		if n > last+1 {
			r.find("gap", domain.Args{"from": last + 1, "to": n - 1})
		}
		last = n
	}
}

// write prints it for people.
func (r reconciliation) write(w io.Writer, lang domain.Language) error {
	say := func(code string, args domain.Args) string {
		return catalogue.Text(lang, "rochdale.reconcile_"+code, args, code)
	}
	fmt.Fprintln(w, say("members", domain.Args{"file": r.Members.File, "register": r.Members.Register}))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s\t\t%s\t%s\t%s\n", say("class", nil), say("holders", nil), say("shares", nil), say("paid", nil))
	for _, c := range r.Classes {
		for _, side := range []struct {
			code string
			sum  classSum
		}{{"file", c.File}, {"register", c.Register}} {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", c.Class, say(side.code, nil), catalogue.Integer(lang, int64(side.sum.Holders)), catalogue.Integer(lang, side.sum.Shares), catalogue.Money(lang, side.sum.Paid))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if r.equal() {
		fmt.Fprintln(w, say("equal", nil))
	}
	for _, d := range r.Differ {
		fmt.Fprintln(w, say("differs", domain.Args{
			"number": d.Number, "class": d.Class, "file": d.File.Shares, "file_paid": d.File.Paid, "register": d.Register.Shares, "register_paid": d.Register.Paid,
		}))
	}
	for _, f := range r.Findings {
		if _, err := fmt.Fprintln(w, say(f.Code, f.Args)); err != nil {
			return err
		}
	}
	return nil
}
