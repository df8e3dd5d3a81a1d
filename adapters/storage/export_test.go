package storage

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"testing"

	"rochdale/domain"
)

// TestExport has all that a folder holds in an archive, that of one who is suspended too.
func TestExport(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	s.is(http.StatusCreated, "PUT", "/letter", "Dear Bert")
	s.is(http.StatusCreated, "MKCOL", "/folder", "")
	s.is(http.StatusCreated, "MKCOL", "/folder/empty", "")
	s.is(http.StatusCreated, "PUT", "/folder/größe", "wide")
	want := s.want(anna, domain.GB)
	if _, err := s.Suspend(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	var written bytes.Buffer
	if err := s.Export(t.Context(), ref(anna), &written); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(written.Bytes()), int64(written.Len()))
	if err != nil {
		t.Fatal(err)
	}
	is := map[string]string{}
	for _, f := range archive.File {
		from, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(from)
		if err != nil || from.Close() != nil || f.Modified.IsZero() {
			t.Errorf("%s: %v, of %v", f.Name, err, f.Modified)
		}
		is[f.Name] = string(content)
	}
	if len(is) != 4 || is["letter"] != "Dear Bert" || is["folder/größe"] != "wide" || is["folder/"] != "" || is["folder/empty/"] != "" {
		t.Errorf("%q", is)
	}
	if err := s.Export(t.Context(), ref("nobody@example.org"), &written); err == nil {
		t.Error("of nobody, there is an archive")
	}
}
