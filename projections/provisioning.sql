create table account (
	id text primary key,
	entitlement text not null,
	party text not null,
	service text not null,
	login text,                -- null once it is erased
	quota integer not null,    -- that it has, or is to have
	status text not null,      -- requested, active, suspended, deleted
	revision integer not null,
	step text, class text, code text, attempts integer, parked integer, -- what keeps it from being as it is wanted
	position integer not null
) strict, without rowid;

create index account_party on account (party);
create index account_position on account (position);
create index account_trouble on account (position) where step is not null;
