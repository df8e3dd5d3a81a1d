-- Where mailboxes are found, for mail servers that stand before several nodes.
alter table mail_account add column if not exists node varchar(64) character set ascii collate ascii_bin; -- that it is on; null: it is none of several, or none was chosen

create table if not exists mail_node (
	node    varchar(64) character set ascii collate ascii_bin primary key,
	host    varchar(254) character set ascii not null, -- its name, as its certificate has it
	address varchar(64) character set ascii,           -- where it is reached; null: by its name
	imap    integer not null,                          -- ports
	lmtp    integer not null
) engine=InnoDB;

-- Which way leads to each mailbox; host is null where none is known.
create or replace view mail_route as select a.login, n.host, n.address, n.imap,
	coalesce(concat('lmtp:inet:[', coalesce(n.address, n.host), ']:', n.lmtp), 'retry:4.3.0 The mailbox is on no server yet') as transport
	from mail_account a left join mail_node n on n.node = a.node;
