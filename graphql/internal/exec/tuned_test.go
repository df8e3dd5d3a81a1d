package exec

import (
	"bytes"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

// FuzzText holds that texts are written as they would be without tuning.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "Anna", "Éloïse", `"`, `\`, "a\tb\r\nc", "\x00\x1f\x7f", "\xff\xfe", "\u2028<>&"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want bytes.Buffer
		graphql.MarshalString(s).MarshalGQL(&want)
		o := newObject(&selected{})
		o.text(s)
		if !bytes.Equal(o.data, want.Bytes()) {
			t.Errorf("got %s, want %s", o.data, want.Bytes())
		}
	})
}
