-- App passwords: further passwords of accounts, one for each device. What a device
-- shows begins with the id, which is no secret, by which Dovecot finds the hash.

create table mail_app_password (
	id         text collate "C" primary key check (id ~ '^[a-z0-9]{8}$'),
	login      text collate "C" not null,
	name       text not null,
	password   text not null,    -- {SCHEME}hash
	created_at bigint not null   -- seconds since 1970, UTC
);

create index mail_app_password_login on mail_app_password (login, created_at);

-- When a device was last let in. Dovecot writes it.
create table mail_app_use (
	id      text collate "C" primary key references mail_app_password on delete cascade,
	used_at bigint not null -- seconds since 1970, UTC
);

-- A device may come just when its app password goes.
create function mail_app_use_of_none() returns trigger language plpgsql as $$
begin
	if exists (select 1 from mail_app_password where id = new.id) then
		return new;
	end if;
	return null;
end $$;
create trigger mail_app_use_of_none before insert on mail_app_use
for each row execute function mail_app_use_of_none();

-- With an account go its app passwords.
create function mail_account_gone() returns trigger language plpgsql as $$
begin
	delete from mail_app_password where login = old.login;
	return null;
end $$;
create trigger mail_account_gone after delete on mail_account
for each row execute function mail_account_gone();
