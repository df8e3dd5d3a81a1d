create table entitlement (
	id text primary key,
	subscription text not null,
	party text not null,
	service text not null,
	quota integer not null,    -- bytes; 0 of an app
	status text not null,      -- active, suspended, revoked
	from_date text not null,
	until text                 -- the last day, once it is revoked
) strict, without rowid;

create table gift (
	id text primary key,
	subscription text not null,
	party text not null,
	service text not null,
	quota integer not null,
	from_date text not null,
	until text,                -- the last day
	position integer not null
) strict, without rowid;

create table grace (
	subscription text primary key,
	until text not null        -- the last day
) strict, without rowid;

create index entitlement_party on entitlement (party);
create index entitlement_subscription on entitlement (subscription);
create index gift_party on gift (party, position);
create index gift_until on gift (until);
