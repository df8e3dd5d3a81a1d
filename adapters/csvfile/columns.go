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
// the column is not there, and the price that of the class now. A restriction is of
// the shares of its row.
var Shares = []Column{
	{Key: "member_number", Required: true, Also: []string{"number", "no", "numéro", "numéro de membre", "n° coopérateur", "lidnr", "nummer", "Mitgliedsnr"}},
	{Key: "class", Required: true, Also: []string{"share class", "catégorie", "type", "type de part", "categorie", "aandelenklasse", "Kategorie"}},
	{Key: "quantity", Required: true, Also: []string{"shares", "number of shares", "parts", "actions", "nombre de parts", "nombre d'actions", "nombre", "aandelen", "aantal", "Anteile", "Anzahl"}},
	{Key: "paid", Also: []string{"amount paid", "montant versé", "libéré", "montant libéré", "betaald", "gestort", "bezahlt"}},
	{Key: "acquired_on", Required: true, Also: []string{"date", "since", "issued on", "date d'acquisition", "émis le", "date d'émission", "datum", "uitgegeven op", "Datum"}},
	{Key: "price", Also: []string{"issue price", "prix", "prix d'émission", "prijs", "uitgifteprijs", "Preis", "Ausgabepreis"}},
	{Key: "restriction", Also: []string{"encumbrance", "charge", "bezwaring", "Belastung"}},
	{Key: "restricted_quantity"},
	{Key: "beneficiary", Also: []string{"creditor", "créancier", "schuldeiser", "Gläubiger"}},
	{Key: "document", Also: []string{"deed", "acte", "akte", "Urkunde"}},
	{Key: "noted_on"},
}

// Restrictions are the words for what keeps shares from being disposed of freely, by
// what they mean; those of the domain are understood besides.
var Restrictions = map[string]string{
	"gage": "pledge", "nantissement": "pledge", "pand": "pledge", "inpandgeving": "pledge", "Pfand": "pledge", "Verpfändung": "pledge", "pledged": "pledge",
	"saisie": "attachment", "saisie-arrêt": "attachment", "beslag": "attachment", "Pfändung": "attachment", "attached": "attachment",
	"conventionnelle": "contractual", "contractuelle": "contractual", "contractueel": "contractual", "vertraglich": "contractual",
	"statutaire": "statutory", "statutair": "statutory", "satzungsmäßig": "statutory",
}

// What the module of co-operators of the Odoo Community Association (OCA/cooperative)
// exports: contacts, share lines, requests to subscribe and operations. A column is
// known by the name of its field, or by its label in English; what is of a contact goes
// by that contact's number.
var (
	odooNumber   = []string{"partner_id/cooperator_register_number", "partner_id/Cooperator Number", "Cooperator/Cooperator Number", "Cooperator Number"}
	odooClass    = []string{"share_product_id", "share_product_id/short_name", "share_product_id/default_code", "Share type", "Share type name", "Share type/Short name"}
	odooID       = Column{Key: "id", Also: []string{"External ID", ".id"}}
	OdooPartners = []Column{
		odooID,
		{Key: "cooperator_register_number", Required: true, Also: []string{"Cooperator Number", "cooperative_membership_id/cooperator_register_number"}},
		{Key: "name"},
		{Key: "firstname", Also: []string{"First name"}},
		{Key: "lastname", Also: []string{"Last name"}},
		{Key: "is_company", Also: []string{"Is a Company"}},
		{Key: "company_register_number", Also: []string{"Company Register Number", "vat"}},
		{Key: "street"},
		{Key: "street2"},
		{Key: "zip"},
		{Key: "city"},
		{Key: "country_id", Also: []string{"country_id/code", "country_id/id", "Country", "Country/Country Code"}},
		{Key: "email"},
		{Key: "phone"},
		{Key: "mobile"},
		{Key: "lang", Also: []string{"Language"}},
		{Key: "birthdate_date", Also: []string{"Birthdate", "Date of birth"}},
		{Key: "effective_date", Also: []string{"Effective Date"}},
		{Key: "cooperator"},
		{Key: "member", Also: []string{"Effective cooperator"}},
		{Key: "old_member", Also: []string{"Old cooperator"}},
		{Key: "number_of_share", Also: []string{"Number of share"}},
		{Key: "total_value", Also: []string{"Total value of shares"}},
	}
	OdooShares = []Column{
		odooID,
		{Key: "cooperator_register_number", Required: true, Also: odooNumber},
		{Key: "share_short_name", Required: true, Also: odooClass},
		{Key: "share_number", Required: true, Also: []string{"Number of Share"}},
		{Key: "share_unit_price", Required: true, Also: []string{"Share price"}},
		{Key: "effective_date", Required: true, Also: []string{"Effective Date"}},
		{Key: "total_amount_line", Also: []string{"Total amount line"}},
	}
	OdooRequests = []Column{
		odooID,
		{Key: "cooperator_register_number", Required: true, Also: odooNumber},
		{Key: "share_short_name", Required: true, Also: odooClass},
		{Key: "ordered_parts", Required: true, Also: []string{"Number of Share"}},
		{Key: "state", Required: true},
		{Key: "date", Required: true, Also: []string{"Subscription date request"}},
		{Key: "subscription_amount", Also: []string{"Subscription amount"}},
	}
	OdooOperations = []Column{
		odooID,
		{Key: "cooperator_register_number", Required: true, Also: odooNumber},
		{Key: "share_short_name", Required: true, Also: odooClass},
		{Key: "quantity", Required: true, Also: []string{"Number of share"}},
		{Key: "operation_type", Required: true, Also: []string{"Operation Type"}},
		{Key: "state", Required: true},
		{Key: "effective_date", Required: true, Also: []string{"Effective date"}},
	}
	// OdooTruths, OdooStates and OdooKinds are words of such files.
	OdooTruths = map[string]string{"True": "1", "1": "1", "Yes": "1", "False": "0", "0": "0", "No": "0"}
	OdooStates = map[string]string{
		"draft": "draft", "block": "blocked", "blocked": "blocked", "waiting": "waiting", "transfer": "transfer", "cancelled": "cancelled", "paid": "paid",
		"done": "done", "approved": "approved", "refused": "refused",
	}
	OdooKinds = map[string]string{"subscription": "subscription", "transfer": "transfer", "sell_back": "sell_back", "Sell Back": "sell_back", "convert": "convert", "Conversion": "convert"}
)
