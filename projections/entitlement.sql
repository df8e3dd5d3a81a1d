create table entitlement (
	id text primary key,
	subscription text not null,
	party text not null,
	service text not null,
	quota integer not null,    -- bytes
	status text not null,      -- active, suspended, revoked
	from_date text not null
) strict, without rowid;

create index entitlement_party on entitlement (party);
create index entitlement_subscription on entitlement (subscription);
