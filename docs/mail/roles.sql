-- For PostgreSQL: what the mail servers may do. Once, as a superuser, in the database
-- of the tables, when Rochdale has made them.
create role dovecot login password 'change-me';
grant select on mail_account, mail_suspended, mail_app_password, mail_route to dovecot;
grant select, insert, update, delete on mail_usage, mail_app_use to dovecot;
grant select, delete on mail_purge to dovecot;

create role postfix login password 'change-me';
grant select (login, inbound) on mail_account to postfix;
grant select on mail_alias, mail_route to postfix;
