package sealed_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"rochdale/domain/sealed"
)

type contact struct{ Name string }

func Example() {
	box := sealed.New("p1", sealed.Service, contact{"Ada"})
	_, err := json.Marshal(box)
	fmt.Println(box, err != nil) // it is neither printed nor written as it is
	c, _ := box.Reveal()
	fmt.Println(c.Name)
	// Output:
	// [personal data] true
	// Ada
}

type event struct {
	Plain  string
	Box    sealed.Box[contact]
	Boxes  []sealed.Box[contact]
	Nested struct {
		Deep []struct{ Box sealed.Box[string] }
	}
}

func TestEveryBoxIsFoundSealedAndOpened(t *testing.T) {
	e := event{Plain: "x", Box: sealed.New("p1", sealed.Service, contact{"Ada"})}
	e.Boxes = []sealed.Box[contact]{sealed.New("p1", sealed.Service, contact{"Bob"}), {}}
	e.Nested.Deep = append(e.Nested.Deep, struct{ Box sealed.Box[string] }{sealed.New("p2", sealed.Optional, "Cy")})

	within, n := sealed.In(reflect.TypeFor[event]()), 0
	safe := e
	err := within.Each(reflect.ValueOf(&safe).Elem(), func(b sealed.Sealable) error {
		n++
		return b.Seal(func(plain []byte) ([]byte, int, error) { return []byte(strings.ToUpper(string(plain))), 3, nil })
	})
	if err != nil || n != 4 {
		t.Fatalf("visited %d boxes, %v", n, err)
	}
	if c, ok := e.Boxes[0].Reveal(); !ok || c.Name != "Bob" {
		t.Error("sealing a copy has sealed the original")
	}
	data, err := json.Marshal(safe)
	if err != nil || strings.Contains(string(data), "Ada") {
		t.Fatalf("%s, %v", data, err)
	}
	var back event
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if _, ok := back.Box.Reveal(); ok {
		t.Error("a sealed box was read")
	}
	open := func(erased bool) error {
		return within.Each(reflect.ValueOf(&back).Elem(), func(b sealed.Sealable) error {
			return b.Open(func(k sealed.Key, data []byte) ([]byte, error) {
				if erased || k.Version != 3 {
					return nil, nil
				}
				return []byte(strings.ReplaceAll(strings.ToLower(string(data)), "ada", "Ada")), nil
			})
		})
	}
	if err := open(false); err != nil {
		t.Fatal(err)
	}
	if !back.Box.Equal(e.Box) || back.Boxes[0].Equal(e.Boxes[0]) || !back.Boxes[1].IsZero() {
		t.Errorf("read back as %+v", back)
	}
	if err := json.Unmarshal(data, &back); err != nil || open(true) != nil {
		t.Fatal(err)
	}
	if _, ok := back.Box.Reveal(); ok {
		t.Error("an erased box was read")
	}
}

func TestDigestsKeepTheirSecret(t *testing.T) {
	secret := [32]byte([]byte("a secret that has 32 bytes of it"))
	digests := sealed.DigestsUnder(secret)
	for _, said := range []string{fmt.Sprint(digests), fmt.Sprintf("%+v %#v", digests, digests), fmt.Sprintf("%q", struct{ D sealed.Digests }{digests})} {
		if strings.Contains(said, "32 bytes") {
			t.Errorf("it is told: %s", said)
		}
	}
	if digests.Of("anna") == (sealed.Digests{}).Of("anna") || digests.Of("anna") == sealed.DigestsUnder([32]byte{}).Of("anna") || len(digests.Of("anna")) != 32 {
		t.Error("a digest does not depend on the secret")
	}
}
