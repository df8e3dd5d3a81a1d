package graphql_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"rochdale/domain/modules"
	"rochdale/eventstore"
	"rochdale/graphql"
	"rochdale/processes/access"
)

// coop is a co-op whose API is asked through HTTP.
type coop struct {
	t   *testing.T
	url string
}

type still struct{}

func (still) Position() int64                      { return 0 }
func (still) WaitFor(context.Context, int64) error { return nil }

// viewers are who may ask, by the token that a test shows.
var viewers = map[string]access.Viewer{}

func serve(t *testing.T, adapt ...func(*graphql.Config)) *coop {
	t.Helper()
	store := eventstore.New(eventstore.NewLog(new(eventstore.Memory)), modules.Registry(), nil)
	c := graphql.Config{Store: store, Models: still{}}
	for _, f := range adapt {
		f(&c)
	}
	handler := graphql.NewHandler(c)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v, ok := viewers[r.Header.Get("Viewer")]; ok {
			r = r.WithContext(access.With(r.Context(), v))
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return &coop{t, server.URL}
}

func (c *coop) post(body string, headers ...string) (int, http.Header, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url, bytes.NewBufferString(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(answer)
}

func jsonOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}
