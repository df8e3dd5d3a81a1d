create table payment (
	id text primary key,
	payer text not null,       -- empty while nobody is known to have paid it
	amount integer not null,   -- minor units
	currency text not null,
	on_date text not null,
	method text not null,
	reference text not null,
	communication text not null,
	position integer not null,
	reversed_on text           -- null while it is a payment
) strict, without rowid;

create index payment_payer on payment (payer, position);
create index payment_position on payment (position);
