package csvfile

// Members are the columns of a register of members, one row each. People have a
// first and a last name, organisations a name of their own. The language is a
// code, the country too, by ISO 3166.
var Members = []Column{
	{Key: "member_number", Required: true, Also: []string{"number", "no", "numéro", "numéro de membre", "n° coopérateur", "lidnr", "nummer", "Mitgliedsnr"}},
	{Key: "kind", Also: []string{"type", "soort", "nature"}},
	{Key: "first_name", Also: []string{"given name", "prénoms", "voornamen"}},
	{Key: "last_name", Also: []string{"name", "surname", "family name", "nom", "naam", "achternaam", "Name", "Familienname"}},
	{Key: "organisation", Also: []string{"organization", "company", "société", "dénomination", "association", "bedrijf", "vereniging", "Firma", "Verein"}},
	{Key: "enterprise_number", Also: []string{"BCE", "n° BCE", "numéro d'entreprise", "KBO", "KBO-nummer", "company number"}},
	{Key: "birth_date", Also: []string{"born", "né le", "né(e) le", "geboren op"}},
	{Key: "language", Also: []string{"lang"}},
	{Key: "email", Also: []string{"mail", "courriel", "adresse e-mail", "adresse mail", "mailadres"}},
	{Key: "phone", Also: []string{"telephone", "tel", "gsm", "mobile"}},
	{Key: "street", Also: []string{"address", "adresse", "rue", "adres", "straat", "Straße"}},
	{Key: "postal_code", Also: []string{"postcode", "zip", "CP", "PLZ"}},
	{Key: "city", Also: []string{"town", "ville", "commune", "plaats", "stad", "woonplaats", "Stadt"}},
	{Key: "country"},
	{Key: "admitted_on", Required: true, Also: []string{"date", "member since", "membre depuis", "date d'admission", "date d'entrée", "lid sinds", "toetredingsdatum", "Mitglied seit", "Eintrittsdatum"}},
}

// Shares are the columns of an opening register of shares, one row per member,
// class and day of acquisition. What has been paid is the price in full where
// the column is not there.
var Shares = []Column{
	{Key: "member_number", Required: true, Also: []string{"number", "no", "numéro", "numéro de membre", "n° coopérateur", "lidnr", "nummer", "Mitgliedsnr"}},
	{Key: "class", Required: true, Also: []string{"share class", "catégorie", "type", "type de part", "categorie", "aandelenklasse", "Kategorie"}},
	{Key: "quantity", Required: true, Also: []string{"shares", "number of shares", "parts", "actions", "nombre de parts", "nombre d'actions", "nombre", "aandelen", "aantal", "Anteile", "Anzahl"}},
	{Key: "paid", Also: []string{"amount paid", "montant versé", "libéré", "montant libéré", "betaald", "gestort", "bezahlt"}},
	{Key: "acquired_on", Required: true, Also: []string{"date", "since", "issued on", "date d'acquisition", "émis le", "date d'émission", "datum", "uitgegeven op", "Datum"}},
}
