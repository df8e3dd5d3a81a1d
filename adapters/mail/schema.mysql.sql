-- What Dovecot and Postfix read. See package mail, and docs/mail for their side.
create table if not exists mail_account (
	login       varchar(254) character set ascii collate ascii_bin primary key check (login = lower(login) and login like '%_@_%'),
	account     varchar(200) character set utf8mb4 collate utf8mb4_bin, -- our mark; null: somebody else's, and left alone
	box         varchar(64) character set ascii collate ascii_bin not null unique check (box regexp '^[a-z0-9]+$'), -- the folder of its mail
	password    varchar(500) character set ascii collate ascii_bin,     -- {SCHEME}hash; null: nobody logs in
	quota_bytes bigint check (quota_bytes >= 0),                        -- null: unlimited
	access      enum('active', 'suspended') not null default 'active',
	revision    bigint not null default 0,
	inbound     enum('accept', 'defer', 'reject') not null default 'accept', -- what becomes of mail that comes
	unsettled   varchar(64) character set ascii collate ascii_bin not null default '' -- a token, while Dovecot is to be told of a change
) engine=InnoDB;

-- Of each account that ever was deleted, by which wish, and how many boxes it had.
create table if not exists mail_deleted (
	account  varchar(200) character set utf8mb4 collate utf8mb4_bin primary key,
	revision bigint not null,
	boxes    integer not null
) engine=InnoDB;

-- The boxes of deleted accounts whose mail is still to be removed. Who removes it
-- removes the row.
create table if not exists mail_purge (
	box        varchar(64) character set ascii collate ascii_bin primary key,
	login      varchar(254) character set ascii collate ascii_bin not null,
	deleted_at bigint not null -- seconds since 1970, UTC
) engine=InnoDB;

-- Whose sessions are to end.
create or replace view mail_suspended as select login, box from mail_account where access = 'suspended';

-- How much is in a box. Dovecot writes it.
create table if not exists mail_usage (
	login    varchar(254) character set ascii collate ascii_bin primary key,
	bytes    bigint not null default 0,
	messages bigint not null default 0
) engine=InnoDB;

-- Under which further addresses mail comes.
create table if not exists mail_alias (
	alias varchar(254) character set ascii collate ascii_bin primary key check (alias = lower(alias) and alias like '%_@_%'),
	login varchar(254) character set ascii collate ascii_bin not null,
	index mail_alias_login (login)
) engine=InnoDB;

-- App passwords: further passwords of accounts, one for each device. What a device
-- shows begins with the id, which is no secret, by which Dovecot finds the hash.
create table if not exists mail_app_password (
	id         char(8) character set ascii collate ascii_bin primary key check (id regexp '^[a-z0-9]{8}$'),
	login      varchar(254) character set ascii collate ascii_bin not null,
	name       varchar(200) character set utf8mb4 collate utf8mb4_bin not null,
	password   varchar(500) character set ascii collate ascii_bin not null, -- {SCHEME}hash
	created_at bigint not null, -- seconds since 1970, UTC
	index mail_app_password_login (login, created_at)
) engine=InnoDB;

-- When a device was last let in. Dovecot writes it.
create table if not exists mail_app_use (
	id      char(8) character set ascii collate ascii_bin primary key,
	used_at bigint not null -- seconds since 1970, UTC
) engine=InnoDB;

-- With an account go its app passwords.
create or replace trigger mail_account_gone after delete on mail_account for each row
	delete from mail_app_password where login = old.login;

create or replace trigger mail_app_password_gone after delete on mail_app_password for each row
	delete from mail_app_use where id = old.id;

-- Who changes accounts locks the row, one at a time.
create table if not exists mail_lock (
	one integer primary key check (one = 1)
) engine=InnoDB;

insert ignore into mail_lock values (1);
