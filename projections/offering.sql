create table price_list (
	version integer primary key,
	on_date text not null,
	from_date text not null,
	list text not null         -- JSON
) strict;

create table vat_rate (
	position integer primary key,
	from_date text not null,
	percent text not null
) strict;
