create table payer (
	party text primary key,
	number integer not null,
	communication text not null
) strict, without rowid;

create table invoice (
	id text primary key,
	series text not null,
	year integer not null,
	number integer not null,
	month text not null,
	payer text not null,
	issued_on text not null,
	due_on text not null,
	include_vat integer not null,
	net integer not null,      -- minor units
	vat integer not null,
	gross integer not null,
	currency text not null,
	communication text not null,
	language text not null,
	lines text not null,       -- JSON
	taxes text not null,       -- JSON
	recipient text,            -- JSON; null once it is erased
	statutes_version integer not null,
	position integer not null
) strict, without rowid;

create index payer_number on payer (number);
create index invoice_number on invoice (series, year, number);
create index invoice_month on invoice (month, position);
create index invoice_payer on invoice (payer, position);
create index invoice_position on invoice (position);
