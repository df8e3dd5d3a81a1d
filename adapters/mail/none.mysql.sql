-- A session that outlives its account, or its app password, leaves nothing of it: what
-- Dovecot would write then is refused.
delete from mail_usage where login not in (select login from mail_account)

delete from mail_app_use where id not in (select id from mail_app_password)

alter table mail_usage add constraint mail_usage_of_none foreign key if not exists (login)
	references mail_account (login) on delete cascade

alter table mail_app_use add constraint mail_app_use_of_none foreign key if not exists (id)
	references mail_app_password (id) on delete cascade
