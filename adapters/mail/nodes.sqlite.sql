-- Where mailboxes are found, for mail servers that stand before several nodes.

alter table mail_account add column node text; -- that it is on; null: it is none of several, or none was chosen

create table mail_node (
	node    text primary key,
	host    text not null,    -- its name, as its certificate has it
	address text,             -- where it is reached; null: by its name
	imap    integer not null, -- ports
	lmtp    integer not null
) without rowid;

-- Which way leads to each mailbox; host is null where none is known.
create view mail_route as select a.login, n.host, n.address, n.imap,
	coalesce('lmtp:inet:[' || coalesce(n.address, n.host) || ']:' || n.lmtp, 'retry:4.3.0 The mailbox is on no server yet') as transport
	from mail_account a left join mail_node n on n.node = a.node;
