-- For MariaDB: what the mail servers may do. Once, as an administrator, in the database
-- of the tables, when Rochdale has made them.
create user dovecot@'%' identified by 'change-me';
grant select on mail_account to dovecot@'%';
grant select on mail_suspended to dovecot@'%';
grant select on mail_app_password to dovecot@'%';
grant select on mail_route to dovecot@'%';
grant select, insert, update, delete on mail_usage to dovecot@'%';
grant select, insert, update, delete on mail_app_use to dovecot@'%';
grant select, delete on mail_purge to dovecot@'%';

create user postfix@'%' identified by 'change-me';
grant select (login, inbound) on mail_account to postfix@'%';
grant select on mail_alias to postfix@'%';
grant select on mail_route to postfix@'%';
