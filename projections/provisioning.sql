create table account (
	id text primary key,
	entitlement text not null,
	party text not null,
	service text not null,
	login text,                -- null once it is erased
	quota integer not null,    -- that it has, or is to have
	asked integer not null,    -- that it was to have to begin with
	status text not null,      -- requested, active, suspended, deleted
	revision integer not null,
	node text, moving text,    -- of several, the one that it is on, and is being moved to
	step text, class text, code text, attempts integer, parked integer, -- what keeps it from being as it is wanted
	held_through text,         -- while its holder is known to have died
	export_through text,       -- while heirs may have a copy of what is in it
	position integer not null
) strict, without rowid;

-- The further addresses of accounts, gone once they are erased.
create table alias (
	account text not null,
	digest text not null,
	party text not null,
	login text not null,
	chosen integer not null,   -- the account goes by it
	position integer not null,
	primary key (account, digest)
) strict, without rowid;

-- How each account is wanted, and what came of it, on each target that has it.
create table wanted (
	account text not null,
	target text not null,      -- empty: the one named after the service
	service text not null,
	access text not null,      -- active, suspended, absent: as it is wanted
	quota integer not null,    -- that it is to have
	wish integer not null,     -- position of what was wished last
	status text not null,      -- requested, active, suspended, deleted: as it was last known to be
	held integer not null,     -- the quota that it was last known to have
	revision integer not null, -- the latest of which an outcome is known
	parked integer not null,   -- whether nothing more is tried
	trouble text,              -- its class; null if there is none
	skipped integer not null,  -- whether somebody has given up on it
	deleted_on text, backups text,
	astray integer not null,   -- whether it is not wanted here any more, whatever is wished
	primary key (account, target)
) strict, without rowid;

create index wanted_target on wanted (service, target);
create index account_node on account (service, node, id);
create index account_login on account (service, login);
create index alias_party on alias (party);
create index account_party on account (party);
create index account_position on account (position);
create index account_trouble on account (position) where step is not null;
