-- App passwords: further passwords of accounts, one for each device. What a device
-- shows begins with the id, which is no secret, by which Dovecot finds the hash.

create table mail_app_password (
	id         text primary key check (length(id) = 8 and id not glob '*[^a-z0-9]*'),
	login      text not null,
	name       text not null,
	password   text not null,    -- {SCHEME}hash
	created_at bigint not null   -- seconds since 1970, UTC
) without rowid;

create index mail_app_password_login on mail_app_password (login, created_at);

-- When a device was last let in. Dovecot writes it.
create table mail_app_use (
	id      text primary key,
	used_at bigint not null -- seconds since 1970, UTC
) without rowid;

create trigger mail_app_use_of_none before insert on mail_app_use
when not exists (select 1 from mail_app_password where id = new.id)
begin
	select raise(ignore);
end;

create trigger mail_app_password_gone after delete on mail_app_password
begin
	delete from mail_app_use where id = old.id;
end;

-- With an account go its app passwords.
create trigger mail_account_gone after delete on mail_account
begin
	delete from mail_app_password where login = old.login;
end;
