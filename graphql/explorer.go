package graphql

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
)

//go:embed explorer
var explorerFiles embed.FS

type page struct {
	plain, zipped []byte
	tag, policy   string
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
	css := file("graphiql.min.css")
	react, dom, graphiql := file("react.production.min.js"), file("react-dom.production.min.js"), file("graphiql.min.js")
	main := strings.ReplaceAll(file("main.js"), "{{.Endpoint}}", "/graphql")
	html := strings.NewReplacer("{{.CSS}}", css, "{{.React}}", react, "{{.ReactDOM}}", dom, "{{.GraphiQL}}", graphiql, "{{.Main}}", main).
		Replace(file("explorer.html"))
	scripts := "" // no others run
	for _, script := range []string{react, dom, graphiql, main} {
		sum := sha256.Sum256([]byte(script))
		scripts += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	policy := "default-src 'none'; script-src" + scripts + "; style-src 'unsafe-inline'; font-src data:; img-src data:; " +
		"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	sum := sha256.Sum256([]byte(html))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(html)) // memory does not fail
	_ = z.Close()
	return page{[]byte(html), zipped.Bytes(), `"` + hex.EncodeToString(sum[:8]) + `"`, policy}
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
		h.Set("Content-Security-Policy", p.policy)
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
