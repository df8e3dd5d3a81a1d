create table subscription (
	id text primary key,
	party text not null,
	payer text not null,
	plan text not null,
	gb integer not null,       -- decided last
	gb_from text not null,     -- the first day of that size
	from_date text not null,
	ends text,                 -- the last day
	pauses text not null,      -- JSON: of each suspension the first day and, once it is known, the first after it
	price_list integer not null,
	position integer not null
) strict, without rowid;

create index subscription_party on subscription (party, position);
create index subscription_payer on subscription (payer, position);
create index subscription_position on subscription (position);
