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

create table part (
	id text primary key,       -- and of the subscription that it may become
	subscription text not null,
	party text not null,
	payer text not null,
	gb integer not null,
	offered integer not null,  -- its party has not accepted it yet
	from_date text not null,
	ends text,                 -- the last day
	position integer not null
) strict, without rowid;

create table add_on (
	id text primary key,
	subscription text not null,
	party text not null,
	payer text not null,
	service text not null,
	gb integer not null,
	from_date text not null,
	ends text,                 -- the last day
	position integer not null
) strict, without rowid;

create index part_subscription on part (subscription, position);
create index part_party on part (party, position);
create index add_on_subscription on add_on (subscription, position);
create index add_on_payer on add_on (payer, position);
create index subscription_party on subscription (party, position);
create index subscription_payer on subscription (payer, position);
create index subscription_position on subscription (position);
