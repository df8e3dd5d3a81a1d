-- What Dovecot and Postfix read. See package mail, and docs/mail for their side.

create table mail_account (
	login       text collate "C" primary key check (login = lower(login) and login like '%_@_%'),
	account     text,            -- our mark; null: somebody else's, and left alone
	box         text not null unique check (box ~ '^[a-z0-9]+$'), -- the folder of its mail
	password    text,            -- {SCHEME}hash; null: nobody logs in
	quota_bytes bigint check (quota_bytes >= 0), -- null: unlimited
	access      text not null default 'active' check (access in ('active', 'suspended')),
	revision    bigint not null default 0
);

-- Of each account that ever was deleted, by which wish, and how many boxes it had.
create table mail_deleted (
	account  text primary key,
	revision bigint not null,
	boxes    integer not null
);

-- The boxes of deleted accounts whose mail is still to be removed. Who removes it
-- removes the row.
create table mail_purge (
	box        text primary key,
	login      text not null,
	deleted_at bigint not null -- seconds since 1970, UTC
);

-- Whose sessions are to end.
create view mail_suspended as select login, box from mail_account where access = 'suspended';

-- How much is in a box. Dovecot writes it.
create table mail_usage (
	login    text collate "C" primary key,
	bytes    bigint not null default 0,
	messages bigint not null default 0
);

-- A session that outlives its account says no more how much there is.
create function mail_usage_of_none() returns trigger language plpgsql as $$
begin
	if exists (select 1 from mail_account where login = new.login) then
		return new;
	end if;
	return null;
end $$;
create trigger mail_usage_of_none before insert on mail_usage
for each row execute function mail_usage_of_none();
