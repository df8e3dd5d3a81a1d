package provisioning

import (
	"maps"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

// The rules by which names say no.
var (
	ErrNameTaken    = domain.Refusal{Code: "provisioning.name_taken", Reason: "somebody else has the name {name}, here or in another domain of ours: choose another"}
	ErrLoginResting = domain.Refusal{Code: "provisioning.login_resting", Reason: "this name was somebody else's until lately: choose another, or this one from {from} on"}
)

// NameStream returns the stream by which the part of a login before the @ is one party's on all services and in all
// domains of the co-op: who writes to anna in one of them shall not reach another Anna in another.
func (n Named) NameStream() domain.Stream { return domain.StreamOf("name", n.local) }

// Name is who has a name, and for what.
type Name struct {
	party domain.PartyID
	uses  map[string]calendar.Date // through which day it is kept for them; no day: until they are freed
	rests calendar.Date            // the first day on which somebody else may have it, once there is no use
}

// Party returns who has it, and whether anybody does or did.
func (n Name) Party() (domain.PartyID, bool) { return n.party, n.party != "" }

// free refuses a name to a party that has had it never, while another has it or it rests.
func (n Name) free(name string, party domain.PartyID, on calendar.Date) error {
	if n.party == "" || n.party == party {
		return nil
	}
	for _, through := range n.uses {
		if through.IsZero() || !on.After(through) {
			return ErrNameTaken.With("name", name)
		}
	}
	return resting(n.rests, on)
}

// Free refuses a login to a party where its name is another's, as [Binding.Free] does.
func (n Name) Free(login Login, party domain.PartyID, on calendar.Date) error {
	return n.free(login.Local(), party, on)
}

func resting(until, on calendar.Date) error {
	if on.Before(until) {
		return ErrLoginResting.With("from", until)
	}
	return nil
}

// Free refuses a login to a party that another has, or had until lately.
func (b Binding) Free(party domain.PartyID, on calendar.Date) error {
	switch {
	case b.foreign || b.account != "" && !b.freed:
		return ErrLoginTaken
	case b.account == "" || b.party == party:
		return nil
	}
	return resting(b.rests, on)
}

type nameEvent = domain.Event[Name]

// NameHeld keeps a name for a party.
type NameHeld struct {
	Party   domain.PartyID `json:"party"`
	Digest  string         `json:"digest"` // of the part before the @, as in the name of the stream
	Use     string         `json:"use"`    // a login of a service by its digest, like mail/5f1c…, or a wish
	On      calendar.Date  `json:"on"`
	Through calendar.Date  `json:"through,omitzero"` // of a wish: the last day for which it is kept
}

func (e NameHeld) Evolve(n Name) Name {
	uses := maps.Clone(n.uses)
	if uses == nil || n.party != e.Party {
		uses = map[string]calendar.Date{}
	}
	uses[e.Use] = e.Through
	return Name{party: e.Party, uses: uses, rests: n.rests}
}

// NameFreed says that a party needs a name no more for something. Once it needs it for nothing, the name rests.
type NameFreed struct {
	Party  domain.PartyID `json:"party"`
	Digest string         `json:"digest"`
	Use    string         `json:"use"`
	On     calendar.Date  `json:"on"`
	Rests  calendar.Date  `json:"rests"` // the first day on which somebody else may have it
}

func (e NameFreed) Evolve(n Name) Name {
	n.uses = maps.Clone(n.uses)
	delete(n.uses, e.Use)
	if e.Rests.After(n.rests) {
		n.rests = e.Rests
	}
	return n
}

// LoginFreed takes a login from an account that is gone, or needs it no more. It rests, so that nobody else gets mail
// that was meant for who had it; who had it may have it back at once.
type LoginFreed struct {
	Subject
	Digest string        `json:"digest"` // as in the name of the stream
	On     calendar.Date `json:"on"`
	Rests  calendar.Date `json:"rests"` // the first day on which somebody else may have it
}

func (e LoginFreed) Evolve(b Binding) Binding {
	b.freed, b.rests = true, e.Rests
	return b
}

// LoginWished says under which login a party wants accounts, before there are any.
type LoginWished struct {
	Party   domain.PartyID    `json:"party"`
	Login   sealed.Box[Login] `json:"login"`
	On      calendar.Date     `json:"on"`
	Through calendar.Date     `json:"through"` // the last day for which its name is kept
}

func (e LoginWished) Evolve(Wish) Wish { return Wish{e} }

// Wish is under which login a party wants accounts.
type Wish struct{ wished LoginWished }

// Login returns it, unless there is none or it was erased.
func (w Wish) Login() (Login, bool) { return w.wished.Login.Reveal() }

// WishStream returns the stream of what a party wishes.
func WishStream(party domain.PartyID) domain.Stream {
	return domain.StreamOf("login-wish", string(party))
}

// LoginUse is that of a login by an account, for which a name is held.
func LoginUse(service domain.Service, login Named) string {
	return string(service) + "/" + login.digest
}

// WishUse is that of a name that a party wishes for.
func WishUse(party domain.PartyID) string { return "wish/" + string(party) }

// HoldName keeps the name of a login for a party.
type HoldName struct {
	Login   Named
	Party   domain.PartyID
	Use     string
	On      calendar.Date
	Through calendar.Date // no day: until it is freed
}

func (c HoldName) Stream() domain.Stream { return c.Login.NameStream() }

func (c HoldName) Decide(n Name) ([]nameEvent, error) {
	if c.Party == "" || c.Use == "" || c.On.IsZero() {
		return nil, ErrIncomplete.With("missing", "date")
	}
	if err := n.Free(c.Login.login, c.Party, c.On); err != nil {
		return nil, err
	}
	if through, held := n.uses[c.Use]; held && n.party == c.Party && through == c.Through {
		return nil, nil
	}
	return []nameEvent{NameHeld{c.Party, c.Login.local, c.Use, c.On, c.Through}}, nil
}

// FreeName needs a name no more for something.
type FreeName struct {
	Login Named
	Party domain.PartyID
	Use   string
	On    calendar.Date
	Rests calendar.Date
}

func (c FreeName) Stream() domain.Stream { return c.Login.NameStream() }

func (c FreeName) Decide(n Name) ([]nameEvent, error) {
	if _, held := n.uses[c.Use]; !held || n.party != c.Party {
		return nil, nil
	}
	if c.On.IsZero() {
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []nameEvent{NameFreed{c.Party, c.Login.local, c.Use, c.On, c.Rests}}, nil
}

// FreeLogin takes a login from the account that had it, if it has it still.
type FreeLogin struct {
	Account domain.AccountID
	Service domain.Service
	Login   Named
	On      calendar.Date
	Rests   calendar.Date
}

func (c FreeLogin) Stream() domain.Stream { return c.Login.Stream(c.Service) }

func (c FreeLogin) Decide(b Binding) ([]loginEvent, error) {
	switch {
	case b.account != c.Account || b.account == "" || b.freed:
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []loginEvent{LoginFreed{Subject{b.account, b.entitlement, b.party, c.Service}, c.Login.digest, c.On, c.Rests}}, nil
}

// WishLogin says under which login a party wants accounts. That its name is free is for [HoldName] to say.
type WishLogin struct {
	Party   domain.PartyID
	Login   Login
	On      calendar.Date
	Through calendar.Date
}

func (c WishLogin) Stream() domain.Stream { return WishStream(c.Party) }

func (c WishLogin) Decide(w Wish) ([]domain.Event[Wish], error) {
	if _, err := ParseLogin(string(c.Login)); err != nil {
		return nil, err
	}
	if known, ok := w.Login(); ok && known == c.Login && w.wished.Through == c.Through {
		return nil, nil
	}
	if c.Party == "" || c.On.IsZero() || c.Through.Before(c.On) {
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []domain.Event[Wish]{LoginWished{c.Party, sealed.New(c.Party, sealed.Service, c.Login), c.On, c.Through}}, nil
}
