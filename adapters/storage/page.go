package storage

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"rochdale/domain"
)

// page is what is in a folder, for a browser. It says nothing in any language.
type page struct {
	Name, Up    string
	Used, Quota string
	Entries     []entry
}

type entry struct{ Name, Href, Size, At string }

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page shows a browser what is in a folder.
func (v *visit) page(w http.ResponseWriter) {
	name := v.name
	f, err := v.root.Open(inside(name))
	if err != nil {
		fail(w, v.request, v.account.name, err)
		return
	}
	defer f.Close()
	all, err := (&download{f, v}).Readdir(-1)
	if err != nil {
		fail(w, v.request, v.account.name, err)
		return
	}
	slices.SortFunc(all, func(a, b os.FileInfo) int {
		if a.IsDir() != b.IsDir() {
			if a.IsDir() {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name(), b.Name())
	})
	href := func(name string) string { return (&url.URL{Path: v.storage.prefix + name}).EscapedPath() }
	p := page{Name: strings.Trim(name, "/")}
	if name != "/" {
		p.Up = href(strings.TrimSuffix(path.Dir(name), "/") + "/")
	}
	used, quota := v.usage()
	if p.Used = inUnits(used); quota >= 0 {
		p.Quota = inUnits(quota)
	}
	for _, is := range all {
		e := entry{Name: is.Name(), Href: href(path.Join(name, is.Name())), At: is.ModTime().UTC().Format("2006-01-02 15:04")}
		if is.IsDir() {
			e.Name, e.Href = e.Name+"/", e.Href+"/"
		} else {
			e.Size = inUnits(domain.Bytes(is.Size()))
		}
		p.Entries = append(p.Entries, e)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.WriteHeader(http.StatusOK)
	if v.request.Method != http.MethodHead {
		_ = pageTemplate.Execute(w, p) // whoever reads it is gone
	}
}

// inUnits writes an amount in units of the SI, to a tenth.
func inUnits(b domain.Bytes) string {
	n, unit := float64(b), 0
	for n >= 999.95 && unit < 4 {
		n, unit = n/1000, unit+1
	}
	if unit == 0 {
		return strconv.FormatInt(int64(b), 10) + " B"
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + " " + []string{"", "kB", "MB", "GB", "TB"}[unit]
}
