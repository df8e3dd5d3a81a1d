-- What becomes of mail that comes, under which further addresses it comes, and what
-- Dovecot is still to be told.

alter table mail_account add column inbound text not null default 'accept' check (inbound in ('accept', 'defer', 'reject'));
alter table mail_account add column unsettled text not null default ''; -- a token, while Dovecot is to be told of a change

create table mail_alias (
	alias text primary key check (alias = lower(alias) and alias like '%_@_%'),
	login text not null
) without rowid;
create index mail_alias_login on mail_alias (login);
