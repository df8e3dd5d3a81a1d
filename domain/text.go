package domain

// Text says the same in each of [Languages], or in those that it was given in.
type Text struct {
	FR string `json:"fr,omitempty"`
	NL string `json:"nl,omitempty"`
	EN string `json:"en,omitempty"`
	DE string `json:"de,omitempty"`
}

// In returns the text in a language or, where it lacks that one, in English,
// French, Dutch or German, whichever it has first.
func (t Text) In(l Language) string {
	switch {
	case l == French && t.FR != "":
		return t.FR
	case l == Dutch && t.NL != "":
		return t.NL
	case l == German && t.DE != "":
		return t.DE
	}
	for _, text := range []string{t.EN, t.FR, t.NL} {
		if text != "" {
			return text
		}
	}
	return t.DE
}

// Has reports whether it was given in a language.
func (t Text) Has(l Language) bool {
	return l == French && t.FR != "" || l == Dutch && t.NL != "" || l == English && t.EN != "" || l == German && t.DE != ""
}

// IsZero reports whether it says nothing in any language.
func (t Text) IsZero() bool { return t == Text{} }
