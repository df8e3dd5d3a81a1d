package graphql

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
)

//go:embed explorer
var explorerFiles embed.FS

type page struct {
	plain, zipped []byte
	tag           string
}

// explorerPage is GraphiQL on one page, which loads nothing from anywhere.
var explorerPage = sync.OnceValue(func() page {
	file := func(name string) string {
		data, err := explorerFiles.ReadFile("explorer/" + name)
		if err != nil {
			panic(err) // it is embedded
		}
		return string(data)
	}
	html := strings.NewReplacer(
		"{{.CSS}}", file("graphiql.min.css"),
		"{{.React}}", file("react.production.min.js"),
		"{{.ReactDOM}}", file("react-dom.production.min.js"),
		"{{.GraphiQL}}", file("graphiql.min.js"),
		"{{.Endpoint}}", "/graphql",
	).Replace(file("explorer.html"))
	sum := sha256.Sum256([]byte(html))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(html)) // memory does not fail
	_ = z.Close()
	return page{[]byte(html), zipped.Bytes(), `"` + hex.EncodeToString(sum[:8]) + `"`}
})

// Explorer returns the page on which people explore the API, of which the address
// is /graphql on the same server.
func Explorer() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, h := explorerPage(), w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("Vary", "Accept-Encoding")
		h.Set("ETag", p.tag)
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "+
			"font-src data:; img-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		if r.Header.Get("If-None-Match") == p.tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		body := p.plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = p.zipped
		}
		_, _ = w.Write(body)
	})
}
