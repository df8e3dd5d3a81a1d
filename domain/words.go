package domain

import "slices"

// The words that more than one module needs. A module that is alone in using a
// word keeps it to itself.

type (
	// PartyID identifies a person or an organisation in whatever role: one who
	// applies, is a member, holds shares, subscribes, pays or votes.
	PartyID string
	// MemberNumber is the number of a member in the register, from 1. It is
	// given once and never to anyone else.
	MemberNumber int64
	// ClassID identifies a class of shares, like "A".
	ClassID string
	// AssemblyID identifies a general assembly.
	AssemblyID string
	// PollID identifies a question put to the vote.
	PollID string
	// DocumentID identifies a document the co-op keeps.
	DocumentID string
	// PlanID identifies a plan of the price list.
	PlanID string
	// SubscriptionID identifies one party's subscription to a plan.
	SubscriptionID string
	// EntitlementID identifies what a subscription entitles its holder to.
	EntitlementID string
	// InvoiceID identifies an invoice or credit note.
	InvoiceID string
	// PaymentID identifies money received or paid out.
	PaymentID string
	// AccountID identifies an account on a provisioned service.
	AccountID string
)

// Service is what the co-op runs for people.
type Service string

const (
	Mail     Service = "mail"    // a mailbox
	Storage  Service = "storage" // a folder reached by WebDAV
	Calendar Service = "calendar"
	Contacts Service = "contacts"
	Polls    Service = "polls"  // to find a date, or what others think
	Visio    Service = "visio"  // meetings by video
	Sharing  Service = "shares" // of files with whoever has a link
)

// Services are all services, in the order in which they are shown.
var Services = []Service{Mail, Storage, Calendar, Contacts, Polls, Visio, Sharing}

// Valid reports whether it is one of [Services].
func (s Service) Valid() bool { return slices.Contains(Services, s) }

// App reports whether it is an app: on or off and not measured in bytes, it is used
// with the account of storage. Mail and storage have bytes and accounts of their own.
func (s Service) App() bool { return s.Valid() && s != Mail && s != Storage }

// Language is a language in which the co-op writes to people, by its ISO 639-1
// code. The zero value leaves the choice to the co-op.
type Language string

const (
	French  Language = "fr"
	Dutch   Language = "nl"
	English Language = "en"
	German  Language = "de"
)

// Languages are all languages, in the order in which they are offered.
var Languages = []Language{French, Dutch, English, German}

// Valid reports whether it is one of [Languages].
func (l Language) Valid() bool {
	return l == French || l == Dutch || l == English || l == German
}

// Role is what somebody may do in the co-op, beyond what concerns themselves.
type Role string

const (
	RoleMember     Role = "member"     // sees their own data, votes
	RoleDelegate   Role = "delegate"   // acts for an organisation that is a member
	RoleBoard      Role = "board"      // decides on applications, convenes assemblies
	RoleTreasurer  Role = "treasurer"  // invoices, payments, registers
	RoleSecretary  Role = "secretary"  // members, convocations, documents
	RoleScrutineer Role = "scrutineer" // watches a vote and its count
	RoleOperator   Role = "operator"   // keeps the services running; sees no register
	RolePipeline   Role = "pipeline"   // a machine that consumes events
)

// Roles are all roles.
var Roles = []Role{
	RoleMember, RoleDelegate, RoleBoard, RoleTreasurer, RoleSecretary, RoleScrutineer, RoleOperator, RolePipeline,
}

// Bytes is an amount of storage.
type Bytes int64

// GB is the gigabyte in which plans are sold: 10^9 bytes, as the SI has it.
const GB Bytes = 1_000_000_000
