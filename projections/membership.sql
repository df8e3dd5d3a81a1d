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
	end_learnt_on text,        -- the day on which the co-op learnt of what ended it
	waiting_on text,           -- since when the candidate is on the waiting list
	waiting_at integer,        -- the position of that, which is the order of the list
	founder integer not null default 0,
	merged_into text, merged_on text, -- the party that it was found to be
	estate_of text,            -- of an estate: who has left it
	estate text,               -- of who has died: what they have left
	died_on text, died_learnt_on text,
	wound_up text, wound_up_on text, wound_up_learnt_on text, successor text,
	first_name text, last_name text, organisation text,
	together text,             -- how joint holders or an estate are called
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

-- The numbers of parties that were found to be another, under which that is known too.
create table also_number (
	number integer not null,
	position integer not null,
	party text not null,
	primary key (number, position)
) strict, without rowid;

-- Who acts for a party; an agent who was found to be another is that one.
create table mandate (
	party text not null,
	id text not null,
	agent text not null,
	capacity text not null,
	from_date text not null,
	through text,
	proof text,
	primary key (party, id)
) strict, without rowid;

-- Joint holders, and the heirs of estates.
create table holder (
	party text not null,
	ordinal integer not null,
	holder text not null,
	primary key (party, ordinal)
) strict, without rowid;

-- Changes of how to reach a party that wait to be confirmed.
create table contact_request (
	party text primary key,
	request text not null,
	email text, phone text,
	on_date text not null,
	expires_after text not null
) strict, without rowid;

create table bank_account (
	party text primary key,
	iban text, bic text, holder text,
	on_date text not null,
	usable_from text not null
) strict, without rowid;

-- All applications there ever were.
create table application (
	party text not null,
	position integer not null,
	on_date text not null,
	accepted text not null,    -- JSON: texts and their versions
	wishes text not null,      -- JSON: shares
	heir_of text,
	withdrawable_through text,
	outcome text,              -- admitted, rejected, withdrawn, merged
	outcome_on text,
	body text, minutes text,   -- who decided, and where it is written
	reason text,               -- of a rejection
	primary key (party, position)
) strict, without rowid;

-- Procedures by which members are to be excluded.
create table exclusion (
	party text not null,
	position integer not null,
	over integer not null default 0, -- another membership began, or it was annulled
	proposed_on text,          -- null where the statutes ask for no proposal
	grounds text,
	answer_through text,
	hearing integer not null default 0, -- was asked for in time
	heard_on text, attended integer, hearing_minutes text,
	decided_on text, body text, minutes text,
	excluded integer,
	reasons text,
	notice_by text, last_day text,
	notified_on text,
	notified_late integer,
	due text not null default '9999', -- by when the next thing is due; or never
	primary key (party, position)
) strict, without rowid;

create table exclusion_answer (
	position integer primary key,
	party text not null,
	exclusion integer not null, -- the position of the procedure
	on_date text not null,
	answer text,
	hearing integer not null,
	late integer not null
) strict;

create table household (
	id text not null,
	party text not null,
	on_date text not null,
	primary key (id, party)
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
create index member_movement_party on member_movement (party, position);
create index waiting on party (waiting_at, id) where waiting_at is not null;
create index merged_party on party (merged_into) where merged_into is not null;
create index mandate_agent on mandate (agent, party);
create index joint_holder on holder (holder);
create index exclusion_open on exclusion (due, party) where over = 0 and notified_on is null;
create index exclusion_answer_party on exclusion_answer (party);
create index household_party on household (party);
create index role_for on role (acts_for) where acts_for <> '';
create index word_party on word (party, word);
