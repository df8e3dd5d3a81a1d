-- Whoever the co-op knows, member or not. Who was erased keeps an id, dates and a
-- number, and nothing else.
create table party (
	id text primary key,
	kind text,
	language text,
	number integer,            -- of the member
	applied_on text,           -- of an application that waits
	admitted_on text,          -- the first day of the last membership
	ended_on text,             -- its last day, if one is known
	end_reason text,
	first_name text, last_name text, organisation text,
	name text,                 -- as on an envelope
	sort_name text,            -- by which lists are ordered
	street text, postal_code text, city text, country text,
	birth_date text, national_number text, enterprise_number text,
	email text, phone text
) strict, without rowid;

create table role (
	party text not null,
	role text not null,
	acts_for text not null,    -- of a delegate; or empty
	primary key (party, role, acts_for)
) strict, without rowid;

-- What made members and ended memberships, so that the register can be read as at
-- a day and as it was known at an instant.
create table member_movement (
	position integer primary key,
	party text not null,
	number integer,            -- given with an admission
	kind text not null,        -- admitted, ended
	on_date text not null,
	recorded_at integer not null
) strict;

create index party_number on party (number, id);
create index party_name on party (sort_name, id);
create index party_email on party (lower(email)) where email is not null;
create index role_for on role (acts_for) where acts_for <> '';
create index member_movement_party on member_movement (party, position);
