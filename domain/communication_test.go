package domain_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rochdale/domain"
)

func TestCommunication(t *testing.T) {
	for _, tt := range []struct {
		number  int64
		grouped string
	}{
		{0, "+++000/0000/00097+++"}, // the remainder 0 is written 97
		{1, "+++000/0000/00101+++"},
		{97, "+++000/0000/09797+++"},
		{90_9337_554, "+++090/9337/55493+++"}, // the example of Belgian banks
		{domain.MaxCommunication, "+++999/9999/99948+++"},
	} {
		c, ok := domain.CommunicationOf(tt.number)
		if !ok || c.Grouped() != tt.grouped || !c.Valid() {
			t.Errorf("%d is %s, want %s", tt.number, c.Grouped(), tt.grouped)
		}
	}
	for _, n := range []int64{-1, domain.MaxCommunication + 1} {
		if c, ok := domain.CommunicationOf(n); ok {
			t.Errorf("%d is %s", n, c)
		}
	}
	for _, s := range []string{"", "+++090/9337/55494+++", "090933755493x", "09093375549", "0909337554933", "٠٩٠933755493", "000000000000"} {
		if c, err := domain.ParseCommunication(s); err == nil || c != "" || !strings.Contains(err.Error(), "communication") {
			t.Errorf("%q is %q, %v", s, c, err)
		}
	}
	if c := domain.Communication(""); c.Valid() || c.Grouped() != "" {
		t.Error("the zero value is no communication")
	}
}

func TestCommunicationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Int64Range(0, domain.MaxCommunication).Draw(t, "number")
		c, _ := domain.CommunicationOf(number)
		if n, ok := c.Number(); n != number || !ok {
			t.Errorf("%s is of %d, not %d", c, n, number)
		}
		for _, written := range []string{string(c), c.Grouped(), strings.ReplaceAll(c.Grouped(), "+", "*"), string(c[:3]) + " " + string(c[3:7]) + " " + string(c[7:])} {
			if read, err := domain.ParseCommunication(written); read != c || err != nil {
				t.Errorf("%q is %q, %v", written, read, err)
			}
		}
		// one digit mistyped is found out
		at, by := rapid.IntRange(0, 11).Draw(t, "at"), rapid.IntRange(1, 9).Draw(t, "by")
		wrong := []byte(c)
		wrong[at] = '0' + (wrong[at]-'0'+byte(by))%10
		if domain.Communication(wrong).Valid() {
			t.Errorf("%s for %s is not found out", wrong, c)
		}
	})
}

func FuzzParseCommunication(f *testing.F) {
	f.Add("+++090/9337/55493+++")
	f.Add("***000/0000/00097***")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := domain.ParseCommunication(s)
		if (err == nil) != c.Valid() {
			t.Fatalf("%q: %q, %v", s, c, err)
		}
		if err != nil {
			return
		}
		n, _ := c.Number()
		if made, ok := domain.CommunicationOf(n); !ok || made != c {
			t.Fatalf("%q is read as %q, which %d does not make", s, c, n)
		}
	})
}
