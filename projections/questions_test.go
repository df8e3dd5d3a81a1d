package projections_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/documents"
	"rochdale/domain/membership"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
	"rochdale/projections"
)

// TestPages takes every list apart into pages of any size, forwards and backwards.
func TestPages(t *testing.T) {
	s := nodeOf(new(eventstore.Memory), &clock{began})
	populate(t, s, 23, true)
	for n := range 7 {
		_, err := eventstore.Execute(as(t.Context()), s, documents.File{
			Document: domain.DocumentID(fmt.Sprint("d", n)), Kind: documents.Report, Title: "Report", On: day.AddDays(n % 3),
			SHA256: documents.Digest(strings.Repeat("0a", 32)), Size: 1, MediaType: "text/plain",
		})
		must(t, err)
	}
	// Some of one name, and some without a number.
	for n := range 5 {
		_, err := eventstore.Execute(as(t.Context()), s, membership.ChangeIdentity{
			Party: domain.PartyID(fmt.Sprint("guest", n)), Identity: membership.Identity{FirstName: "Ada", LastName: "Loom"}, On: day,
		})
		must(t, err)
	}
	m := open(t, t.TempDir(), s)
	ctx := t.Context()
	members := func(filter projections.MemberFilter, by projections.MemberOrder) func(projections.Page) (projections.List[projections.Member], error) {
		return func(p projections.Page) (projections.List[projections.Member], error) {
			return m.Members(ctx, filter, by, p)
		}
	}
	paged(t, "by number", 28, members(projections.MemberFilter{}, projections.ByNumber), func(m projections.Member) string { return string(m.ID) })
	paged(t, "by name", 28, members(projections.MemberFilter{}, projections.ByName), func(m projections.Member) string { return string(m.ID) })
	paged(t, "members", 23, members(projections.MemberFilter{Status: projections.StatusMember, On: day}, projections.ByName), func(m projections.Member) string { return string(m.ID) })
	paged(t, "others", 5, members(projections.MemberFilter{Status: projections.StatusKnown, On: day}, projections.ByNumber), func(m projections.Member) string { return string(m.ID) })
	paged(t, "who is called so", 8, members(projections.MemberFilter{Search: "loom"}, projections.ByName), func(m projections.Member) string { return string(m.ID) })
	paged(t, "invoices", 46, func(p projections.Page) (projections.List[projections.Invoice], error) {
		return m.Invoices(ctx, projections.InvoiceFilter{}, p)
	}, func(i projections.Invoice) string { return string(i.ID) })
	paged(t, "invoices of a month", 23, func(p projections.Page) (projections.List[projections.Invoice], error) {
		return m.Invoices(ctx, projections.InvoiceFilter{Month: day.Month()}, p)
	}, func(i projections.Invoice) string { return string(i.ID) })
	paged(t, "payments", 46, func(p projections.Page) (projections.List[projections.Payment], error) {
		return m.Payments(ctx, projections.PaymentFilter{}, p)
	}, func(p projections.Payment) string { return string(p.ID) })
	paged(t, "accounts", 46, func(p projections.Page) (projections.List[projections.Account], error) {
		return m.Accounts(ctx, false, p)
	},
		func(a projections.Account) string { return string(a.ID) })
	paged(t, "subscriptions", 23, func(p projections.Page) (projections.List[projections.Subscription], error) {
		return m.Subscriptions(ctx, p)
	},
		func(s projections.Subscription) string { return string(s.ID) })
	paged(t, "documents", 7, func(p projections.Page) (projections.List[projections.Document], error) {
		return m.Documents(ctx, nil, p)
	},
		func(d projections.Document) string { return string(d.ID) })
}

func paged[T any](t *testing.T, what string, total int, list func(projections.Page) (projections.List[T], error), id func(T) string) {
	t.Helper()
	all, err := list(projections.Page{})
	if err != nil || all.Total != total || len(all.Items) != total || all.HasNext || all.HasPrevious {
		t.Fatalf("%s: %d of %d, %v", what, len(all.Items), all.Total, err)
	}
	var want []string
	for _, item := range all.Items {
		want = append(want, id(item))
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(want))); len(distinct) != total {
		t.Errorf("%s: some occur twice in %v", what, want)
	}
	for size := 1; size <= total+1; size += 1 + size/3 {
		var forward, backward []string
		for p := (projections.Page{First: size}); ; {
			part, err := list(p)
			must(t, err)
			if part.HasPrevious != (p.After != "") || part.HasNext != (len(forward)+len(part.Items) < total) || part.Total != total {
				t.Fatalf("%s: page of %d after %d: next %v, previous %v, of %d", what, size, len(forward), part.HasNext, part.HasPrevious, part.Total)
			}
			for _, item := range part.Items {
				forward = append(forward, id(item))
			}
			if !part.HasNext {
				break
			}
			p.After = part.Cursor(len(part.Items) - 1)
		}
		for p := (projections.Page{Last: size, Uncounted: true}); ; {
			part, err := list(p)
			must(t, err)
			if part.HasNext != (p.Before != "") || part.Total != 0 {
				t.Fatalf("%s: page of %d before %d: next %v, of %d", what, size, len(backward), part.HasNext, part.Total)
			}
			var ids []string
			for _, item := range part.Items {
				ids = append(ids, id(item))
			}
			backward = append(ids, backward...)
			if !part.HasPrevious {
				break
			}
			p.Before = part.Cursor(0)
		}
		if !slices.Equal(forward, want) || !slices.Equal(backward, want) {
			t.Errorf("%s in pages of %d: %v forwards, %v backwards, not %v", what, size, forward, backward, want)
		}
	}
}

func TestPagesThatAreNotGiven(t *testing.T) {
	s := nodeOf(new(eventstore.Memory), &clock{began})
	populate(t, s, 3, true)
	m := open(t, t.TempDir(), s)
	ctx := t.Context()
	byName, err := m.Members(ctx, projections.MemberFilter{}, projections.ByName, projections.Page{})
	must(t, err)
	invoices, err := m.Invoices(ctx, projections.InvoiceFilter{}, projections.Page{})
	must(t, err)
	own, err := m.Members(ctx, projections.MemberFilter{}, projections.ByNumber, projections.Page{})
	must(t, err)
	for _, c := range []struct {
		page projections.Page
		want domain.Refusal
	}{
		{projections.Page{First: -1}, projections.ErrPage},
		{projections.Page{Last: -1}, projections.ErrPage},
		{projections.Page{First: projections.MaxPage + 1}, projections.ErrPage},
		{projections.Page{Last: projections.MaxPage + 1}, projections.ErrPage},
		{projections.Page{First: 1, Last: 1}, projections.ErrPage},
		{projections.Page{First: 1, Before: own.Cursor(1)}, projections.ErrPage},
		{projections.Page{Last: 1, After: own.Cursor(1)}, projections.ErrPage},
		{projections.Page{After: "loom"}, projections.ErrCursor},
		{projections.Page{After: "WzEsMl0"}, projections.ErrCursor},         // [1,2]
		{projections.Page{After: own.Cursor(1)[:8]}, projections.ErrCursor}, // cut short
		{projections.Page{After: byName.Cursor(1)}, projections.ErrCursor},  // in another order
		{projections.Page{After: invoices.Cursor(1)}, projections.ErrCursor},
	} {
		if l, err := m.Members(ctx, projections.MemberFilter{}, projections.ByNumber, c.page); !errors.Is(err, c.want) || len(l.Items) > 0 {
			t.Errorf("%+v: %v", c.page, err)
		}
	}
}

func TestSearch(t *testing.T) {
	s := nodeOf(new(eventstore.Memory), &clock{began})
	n := 0
	who := func(i membership.Identity, email string) {
		t.Helper()
		n++
		kind := i.Kind()
		_, err := eventstore.Execute2(as(t.Context()), s, membership.Enter{
			Party: domain.PartyID(fmt.Sprint("p", n)), Number: domain.MemberNumber(n), Kind: kind, Identity: i,
			Contact: membership.Contact{Email: email}, AdmittedOn: day, On: day,
		})
		must(t, err)
	}
	who(membership.Identity{FirstName: "Élodie", LastName: "D'Haese"}, "Elodie@Ville.be")                // 1
	who(membership.Identity{FirstName: "Jean-Pierre", LastName: "Müller-Loom"}, "jp.muller@example.org") // 2
	who(membership.Identity{Organisation: "Weavers & Spinners 42 VZW"}, "info@weavers.example")          // 3
	who(membership.Identity{FirstName: "Łukasz", LastName: "Großmann"}, "")                              // 4
	who(membership.Identity{FirstName: "Ada", LastName: "Şahin"}, "loom_ada@example.org")                // 5
	who(membership.Identity{FirstName: "Ægir", LastName: "Ødegård"}, "percent%sign@example.org")         // 6
	who(membership.Identity{FirstName: "李", LastName: "小龍"}, "bruce@example.org")                        // 7
	for range 40 {                                                                                       // 8 to 47
		who(membership.Identity{FirstName: "Piet", LastName: "Peeters"}, fmt.Sprintf("piet%d@example.com", n))
	}
	m := open(t, t.TempDir(), s)
	for search, want := range map[string]string{
		"elodie": "1", "ÉLODIE": "1", "elo": "1", "dhaese": "", "d'haese": "1", "haese d": "1", "@ville": "1", "elodie@ville.be": "1",
		"muller": "2", "Müller": "2", "jean pierre": "2", "pierre-jean": "2", "loom": "2 5", "jp.muller@exam": "2",
		"weavers": "3", "spin 42": "3", "42": "3 42", "7": "7", "007": "7", "lukasz gross": "4", "grossmann": "4", "großmann": "4",
		"sahin": "5", "loom_ada": "5", "ægir": "6", "aegir odegard": "6", "percent%": "6", "%": "", "_": "", "\\": "", "—": "", "小": "7", "李小": "",
		"loom weavers": "", "ein": "", "p99": "", "9223372036854775808": "", "-1": "", "  ada  ": "5", "piet 47": "",
		"piet46": "47", "piet 46": "",
	} {
		for _, by := range []projections.MemberOrder{projections.ByNumber, projections.ByName} {
			list, err := m.Members(t.Context(), projections.MemberFilter{Search: search, Status: projections.StatusMember, On: day}, by, projections.Page{})
			must(t, err)
			var got []string
			for _, p := range list.Items {
				got = append(got, strings.TrimPrefix(string(p.ID), "p"))
			}
			if slices.SortFunc(got, func(a, b string) int { return len(a) - len(b) }); strings.Join(got, " ") != want && by == projections.ByNumber || len(got) != list.Total {
				t.Errorf("%q finds %v, not %s", search, got, want)
			}
		}
	}
	list, err := m.Members(t.Context(), projections.MemberFilter{}, projections.ByName, projections.Page{First: 7})
	must(t, err)
	var order []string
	for _, p := range list.Items {
		order = append(order, p.Name)
	}
	if want := "Élodie D'Haese, Łukasz Großmann, Jean-Pierre Müller-Loom, Ægir Ødegård, Piet Peeters, Piet Peeters, Piet Peeters"; strings.Join(order, ", ") != want {
		t.Errorf("by name they are %v", order)
	}
	for address, want := range map[string]int{"elodie@ville.be": 1, "ELODIE@VILLE.BE": 1, "elodie@ville": 0, "": 0, "loom_ada@example.org": 1, "loomxada@example.org": 0} {
		if found, err := m.MembersByEmail(t.Context(), address); err != nil || len(found) != want {
			t.Errorf("%s is that of %d, %v", address, len(found), err)
		}
	}
	if p, known, err := m.MemberByNumber(t.Context(), 5); err != nil || !known || p.ID != "p5" {
		t.Errorf("number 5 is %+v, %v", p, err)
	}
	if _, known, err := m.MemberByNumber(t.Context(), 99); err != nil || known {
		t.Errorf("nobody has number 99: %v", err)
	}
	if last, err := m.LastMemberNumber(t.Context()); err != nil || int(last) != n {
		t.Errorf("the last number is %d, %v", last, err)
	}
}

// TestCommonWordsAreFoundToo searches for words that so many have that they are
// looked for in another way.
func TestCommonWordsAreFoundToo(t *testing.T) {
	s := nodeOf(new(eventstore.Memory), &clock{began})
	populate(t, s, 50, false)
	m := open(t, t.TempDir(), s)
	must(t, m.Writer(func(c *lite.Conn) error {
		return c.Script(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 6000)
			insert into party (id, kind, name, sort_name) select 'x' || i, 'person', 'Everyman', 'everyman' from n;
			insert into word select 'everyman', id, 'register' from party where id like 'x%';
			insert into word select 'common', id, 'service' from party;`)
	}))
	for search, want := range map[string]int{"everyman": 6000, "common": 6050, "common every": 6000, "common loom": 5, "loom common every": 0, "co": 6050} {
		for _, by := range []projections.MemberOrder{projections.ByNumber, projections.ByName} {
			list, err := m.Members(t.Context(), projections.MemberFilter{Search: search}, by, projections.Page{First: 10})
			if err != nil || list.Total != want || len(list.Items) != min(want, 10) {
				t.Errorf("%q finds %d of %d, %v", search, len(list.Items), list.Total, err)
			}
		}
	}
	first, err := m.Members(t.Context(), projections.MemberFilter{Search: "common"}, projections.ByNumber, projections.Page{First: 1})
	if err != nil || first.Items[0].Number != 1 {
		t.Errorf("the first of all is %+v, %v", first.Items, err)
	}
}

// TestListsGoByIndexes, so that they are as fast with many as with few.
func TestListsGoByIndexes(t *testing.T) {
	_, s := founded(t, 5)
	m := open(t, t.TempDir(), s)
	for _, by := range []projections.MemberOrder{projections.ByNumber, projections.ByName} {
		for status, index := range map[projections.MemberStatus]string{
			"": "party", projections.StatusMember: "party", projections.StatusApplicant: "applicant", projections.StatusFormer: "former", projections.StatusKnown: "outsider",
		} {
			list, err := m.Members(t.Context(), projections.MemberFilter{}, by, projections.Page{First: 2})
			must(t, err)
			for _, p := range []projections.Page{{}, {Last: 5}, {After: list.Cursor(1)}, {Last: 1, Before: list.Cursor(1)}} {
				plan, err := m.Plan(t.Context(), projections.MemberFilter{Status: status, On: day}, by, p)
				must(t, err)
				if !strings.Contains(plan, "USING INDEX "+index+"_"+string(by)) || strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("%s by %s, %+v: %s", status, by, p, plan)
				}
			}
		}
		plan, err := m.Plan(t.Context(), projections.MemberFilter{Search: "ada loom"}, by, projections.Page{})
		must(t, err)
		if !strings.Contains(plan, "SEARCH party USING PRIMARY KEY") || !strings.Contains(plan, "SEARCH word USING PRIMARY KEY") || !strings.Contains(plan, "USING COVERING INDEX word_party") {
			t.Errorf("a search by %s: %s", by, plan)
		}
	}
}

func TestFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		if once := projections.Fold(s); projections.Fold(once) != once {
			t.Errorf("%q is folded to %q and then to %q", s, once, projections.Fold(once))
		}
		for _, word := range projections.WordsOf(s) {
			if again := projections.WordsOf(word); len(again) != 1 || again[0] != word {
				t.Errorf("the word %q of %q is %q by itself", word, s, again)
			}
		}
	})
}
