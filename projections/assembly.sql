create table assembly (
	id text primary key,
	kind text not null,
	title text not null,       -- JSON, by language
	place text not null,       -- JSON, by language
	convened_on text not null,
	held_on text not null,
	record_date text not null,
	second_call integer not null,
	statutes_version integer not null,
	voters integer,            -- on the roll, once it is frozen
	votes integer,
	frozen_on text
) strict, without rowid;

create table roll (
	assembly text not null,
	party text not null,
	votes integer not null,
	primary key (assembly, party)
) strict, without rowid;

create table poll (
	id text primary key,
	assembly text not null,
	question text not null,    -- JSON, by language
	decision text not null,
	majority text not null,
	voters integer not null,   -- on the roll
	votes integer not null,
	opens_at integer not null,
	closes_at integer,
	closed_at integer,
	cast_voters integer not null default 0,
	cast_votes integer not null default 0,
	votes_for integer, votes_against integer, votes_abstain integer, -- once the result is declared
	quorate integer, carried integer,
	position integer not null
) strict, without rowid;

create table ballot (
	poll text not null,
	party text not null,
	choice text not null,
	votes integer not null,
	recorded_at integer not null,
	primary key (poll, party)
) strict, without rowid;

create index assembly_held on assembly (held_on, id);
create index poll_assembly on poll (assembly, position);
