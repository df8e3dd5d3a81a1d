package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
)

// A sampleMember is somebody made up: first names with the tools of weavers.
type sampleMember struct {
	party        domain.PartyID
	number       domain.MemberNumber
	kind         membership.Kind
	identity     membership.Identity
	contact      membership.Contact
	language     domain.Language
	admitted     calendar.Date
	shares       int // of class A
	gb           int // of the subscription; 0: none
	subscribedOn calendar.Date
}

var sampleNames = map[domain.Language]struct{ first, last, streets, cities []string }{
	domain.French: {
		[]string{"Aline", "Basile", "Clémence", "Désiré", "Éloïse", "Firmin", "Ghislaine", "Honoré", "Inès", "Jérôme", "Léopold", "Maëlle", "Noé", "Odile", "Prosper", "Solène"},
		[]string{"Navette", "Delatrame", "Bobine", "Fuseau", "Quenouille", "Dévidoir", "Chaînette", "Lisseron", "Rouet", "Peigne"},
		[]string{"rue des Tisserands", "place du Métier", "chemin de la Filature", "allée des Canuts"},
		[]string{"Bruxelles", "Namur", "Liège", "Ixelles"},
	},
	domain.Dutch: {
		[]string{"Aagje", "Bram", "Cato", "Dries", "Elke", "Floor", "Gijs", "Hanne", "Ivo", "Jorien", "Koen", "Lotte", "Mats", "Noor", "Pepijn", "Saar"},
		[]string{"Weefgetouw", "Van der Spoel", "Schering", "Inslag", "Spinnewiel", "Klos", "Haspel", "De Draad", "Garen", "Weversteen"},
		[]string{"Weversstraat", "Spinnerijplein", "Getouwlaan", "Draadsteeg"},
		[]string{"Gent", "Leuven", "Antwerpen", "Elsene"},
	},
	domain.English: {
		[]string{"Alfie", "Beryl", "Cedric", "Dora", "Edna", "Fergus", "Greta", "Hugh", "Iris", "Jasper", "Kit", "Mabel", "Ned", "Olive", "Piers", "Ruby"},
		[]string{"Shuttle", "Warp", "Weft", "Loom", "Spindle", "Bobbin", "Heddle", "Treadle", "Fuller", "Thread"},
		[]string{"Toad Lane", "Weavers Row", "Spinners Yard", "Loom Street"},
		[]string{"Brussels", "Leuven", "Tervuren", "Waterloo"},
	},
}

var sampleOrganisations = map[domain.Language][]string{
	domain.French:  {"Atelier de la Navette ASBL", "Coopérative du Rouet", "Librairie La Trame SC"},
	domain.Dutch:   {"Werkplaats De Spoel vzw", "Boekhandel Het Garen", "Coöperatie Schering en Inslag cv"},
	domain.English: {"The Toad Lane Reading Room", "Loom and Thread Collective", "Fullers Repair Café"},
}

// sampleCoop makes up a co-op of so many members, always the same for a seed. Of
// 643 members it is as large as the model user was: 5,473 shares, 263 subscribers.
func sampleCoop(seed uint64, members int, today calendar.Date) []sampleMember {
	r := rand.New(rand.NewPCG(seed, 1844)) //nolint:gosec // G404: made-up people need no secrets
	all := make([]sampleMember, members)
	shares := apportion(r, members*5473/643, members)
	subscribers := r.Perm(members)[:members*263/643]
	opened := today.AddMonths(-60)
	for i := range all {
		m := &all[i]
		m.party = domain.PartyID(sampleID(r))
		m.number = domain.MemberNumber(i + 1)
		m.language = domain.French
		switch n := r.IntN(100); {
		case n >= 90:
			m.language = domain.English
		case n >= 55:
			m.language = domain.Dutch
		}
		names := sampleNames[m.language]
		pick := func(from []string) string { return from[r.IntN(len(from))] }
		m.kind = membership.Person
		m.identity = membership.Identity{
			FirstName: pick(names.first), LastName: pick(names.last),
			BirthDate: calendar.On(1940+r.IntN(65), time.Month(1+r.IntN(12)), 1+r.IntN(28)),
		}
		if r.IntN(100) < 6 {
			m.kind = membership.Organisation
			organisation := fmt.Sprintf("%s %d", sampleOrganisations[m.language][r.IntN(3)], i+1)
			m.identity = membership.Identity{Organisation: organisation}
		}
		m.identity.Street = fmt.Sprintf("%s %d", pick(names.streets), 1+r.IntN(180))
		if m.language == domain.English {
			m.identity.Street = fmt.Sprintf("%d %s", 1+r.IntN(180), pick(names.streets))
		}
		m.identity.PostalCode, m.identity.City, m.identity.Country = fmt.Sprint(1000+10*r.IntN(800)), pick(names.cities), "BE"
		m.contact = membership.Contact{Email: fmt.Sprintf("member%d@%s.example", i+1, strings.ToLower(string(m.language)))}
		m.admitted = opened.AddDays(i * 1700 / members)
		m.shares = shares[i]
	}
	for _, i := range subscribers {
		sizes := []int{5, 5, 5, 5, 5, 10, 10, 20, 50, 120}
		all[i].gb = sizes[r.IntN(len(sizes))]
		all[i].subscribedOn = all[i].admitted
	}
	return all
}

// apportion deals shares out: everybody has one, and some have many.
func apportion(r *rand.Rand, shares, among int) []int {
	parts := make([]int, among)
	for i := range parts {
		parts[i] = 1
	}
	for left := shares - among; left > 0; {
		n := min(left, 1+r.IntN(20))
		parts[r.IntN(among)] += n
		left -= n
	}
	return parts
}

// sampleID returns a UUID (version 8) drawn from r.
func sampleID(r *rand.Rand) string {
	hi, lo := r.Uint64(), r.Uint64()
	hi, lo = hi&^uint64(0xf000)|0x8000, lo&^(uint64(3)<<62)|1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
}
