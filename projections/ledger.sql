-- What happened to shares, as far as it is in the books or decides what is owed: the
-- events themselves, so that they can be told in the order of their days.
create table share_event (
	stream text not null,
	position integer not null,
	type text not null,
	data text not null,        -- JSON, of the latest edition
	recorded_at integer not null,
	primary key (stream, position)
) strict, without rowid;

-- The postings of each event, on the day on which it stands in the books.
create table posting (
	stream text not null,
	position integer not null,
	line integer not null,     -- of those of one event
	on_date text not null,
	account text not null,
	party text not null,
	class text not null,       -- empty where it is of none
	amount integer not null,   -- minor units; debits are more than nothing
	currency text not null,
	primary key (stream, position, line)
) strict, without rowid;

-- Shares given back, as they stand.
create table share_claim (
	id text primary key,
	party text not null,
	class text not null,
	state text not null,
	effective_on text not null,
	waiting integer not null,  -- minor units
	released integer not null,
	unpaid integer not null
) strict, without rowid;

-- What parties have of dividends, as it stands.
create table share_payout (
	dividend text not null,
	party text not null,
	payable integer not null,  -- minor units
	primary key (dividend, party)
) strict, without rowid;

create view journal as
	select s.on_date, printf('%020d.%04d', s.position, s.line) as id, s.position, s.line, s.account, s.party, s.class, s.amount, s.currency,
		e.type, p.number, p.name
	from posting s join share_event e on e.stream = s.stream and e.position = s.position left join party p on p.id = s.party;

create index posting_day on posting (on_date, position, line);
create index share_claim_day on share_claim (effective_on, id);
create index share_claim_party on share_claim (party, effective_on, id);
create index share_payout_party on share_payout (party, dividend);
