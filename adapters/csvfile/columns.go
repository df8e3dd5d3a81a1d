package csvfile

// Members are the columns of a register of members, one row each. People have a
// first and a last name, organisations a name of their own. The language is a
// code or a word of [Languages], the country a code of ISO 3166-1; a birth date and
// a reason for leaving may be empty.
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
	{Key: "national_number", Also: []string{"numéro national", "NISS", "INSZ", "rijksregister"}},
	{Key: "applied_on", Also: []string{"date de demande", "aanvraagdatum", "Antragsdatum"}},
	{Key: "admitted_on", Required: true, Also: []string{"date", "member since", "membre depuis", "date d'admission", "date d'entrée", "lid sinds", "toetredingsdatum", "Mitglied seit", "Eintrittsdatum"}},
	{Key: "ended_on", Also: []string{"date de sortie", "date de démission", "uittredingsdatum", "Austrittsdatum"}},
	{Key: "reason", Also: []string{"motif de sortie", "reden van uittreding", "Austrittsgrund"}},
}

// Words that people write in such columns, for [Row.Choice].
var (
	Languages = map[string]string{
		"français": "fr", "FRA": "fr", "French": "fr", "Frans": "fr", "Französisch": "fr",
		"Nederlands": "nl", "NLD": "nl", "Dutch": "nl", "néerlandais": "nl", "Niederländisch": "nl",
		"English": "en", "ENG": "en", "anglais": "en", "Engels": "en", "Englisch": "en",
		"Deutsch": "de", "DEU": "de", "German": "de", "allemand": "de", "Duits": "de",
	}
	Kinds = map[string]string{
		"personne": "person", "personne physique": "person", "persoon": "person", "natuurlijke persoon": "person", "individual": "person", "Person": "person", "natürliche Person": "person",
		"personne morale": "organisation", "société": "organisation", "organisatie": "organisation", "rechtspersoon": "organisation", "organization": "organisation", "company": "organisation", "juristische Person": "organisation",
	}
	Reasons = map[string]string{
		"démission": "resigned", "retrait": "resigned", "uittreding": "resigned", "ontslag": "resigned", "resignation": "resigned", "Kündigung": "resigned", "Austritt": "resigned",
		"exclusion": "excluded", "exclu": "excluded", "uitsluiting": "excluded", "uitgesloten": "excluded", "Ausschluss": "excluded",
		"décès": "deceased", "décédé": "deceased", "overlijden": "deceased", "overleden": "deceased", "death": "deceased", "Tod": "deceased", "verstorben": "deceased",
		"dissolution": "dissolved", "dissoute": "dissolved", "faillite": "dissolved", "ontbinding": "dissolved", "faillissement": "dissolved", "Auflösung": "dissolved", "Insolvenz": "dissolved",
	}
)

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
