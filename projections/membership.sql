-- Whoever the co-op knows, member or not. Who was erased keeps an id, dates and a
-- number, and nothing else.
create table party (
	id text primary key,
	kind text,
	language text,
	number integer,            -- of the member
	by_number integer not null default 9007199254740991, -- the same; who has none comes last
	applied_on text,           -- of an application that waits
	admitted_on text,          -- the first day of the last membership
	resigns_on text,           -- its last day by a resignation, whatever may end it before
	ended_on text,             -- its last day, if one is known
	end_reason text,
	first_name text, last_name text, organisation text,
	name text,                 -- as on an envelope
	sort_name text not null default '', -- by which lists are ordered
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

-- The words by which a party is found, of the name or the address of e-mail.
create table word (
	word text not null,
	party text not null,
	class text not null,       -- of the personal data that it is from
	primary key (word, party, class)
) strict, without rowid;

-- What made members and ended memberships, so that the register can be read as at
-- a day and as it was known at an instant.
create table member_movement (
	position integer primary key,
	party text not null,
	number integer,            -- given with an admission
	kind text not null,        -- admitted, ended
	on_date text,              -- the first or the last day; null where there is no end any more
	recorded_at integer not null
) strict;

-- What was erased, so that whoever reads the file knows it.
create table erasure (
	position integer primary key,
	party text not null,
	class text not null,
	through integer not null   -- the version of the key
) strict;

-- Lists by number and by name: of all, of who applies, of who has left and of who
-- was never admitted.
create index party_number on party (by_number, id);
create index party_name on party (sort_name, id);
create index applicant_number on party (by_number, id) where applied_on is not null;
create index applicant_name on party (sort_name, id) where applied_on is not null;
create index former_number on party (by_number, id) where ended_on is not null;
create index former_name on party (sort_name, id) where ended_on is not null;
create index outsider_number on party (by_number, id) where admitted_on is null;
create index outsider_name on party (sort_name, id) where admitted_on is null;
create index party_period on party (admitted_on, ended_on) where admitted_on is not null;
create index party_email on party (lower(email)) where email is not null;
create index role_for on role (acts_for) where acts_for <> '';
create index word_party on word (party, word);
