-- Restrictions noted in the register, as pledges are.
create table share_restriction (
	party text not null,
	class text not null,
	id text not null,
	kind text not null,        -- pledge, attachment, contractual, statutory
	quantity integer not null, -- 0: all shares
	beneficiary text,          -- personal data of the party
	document text not null,
	on_date text not null,
	recorded_at integer not null,
	lifted_on text,
	lifted_by text,            -- the document
	lifted_at integer,         -- the instant it was recorded
	primary key (party, class, id)
) strict, without rowid;

-- Transfers, as they stand in the holding of who receives.
create table share_transfer (
	to_party text not null,
	class text not null,
	id text not null,
	from_party text not null,
	kind text not null,        -- empty where nobody said
	quantity integer not null,
	signed text not null,      -- JSON: who signed, as what, when and how
	decision text not null,
	on_date text not null,
	recorded_at integer not null,
	position integer not null,
	reversed_on text,
	reversed_by text,          -- the document
	reversed_at integer,       -- the instant it was recorded
	primary key (to_party, class, id)
) strict, without rowid;

create table share_certificate (
	number integer primary key,
	party text not null,
	class text not null,
	quantity integer not null,
	lots text not null,        -- JSON
	replaces integer not null, -- 0: none
	on_date text not null,
	void_on text,
	void_why text,
	void_by integer            -- the certificate in its place
) strict;

create index share_transfer_day on share_transfer (on_date, position);
create index share_transfer_from on share_transfer (from_party, on_date, position);
create index share_movement_day on share_movement (on_date, position, line);
