-- What is held now.
create table holding (
	party text not null,
	class text not null,
	quantity integer not null,
	paid integer not null,     -- minor units
	currency text not null,
	primary key (party, class)
) strict, without rowid;

-- Promises to take shares.
create table share_subscription (
	party text not null,
	id text not null,
	class text not null,
	quantity integer not null,
	price integer not null,    -- of one share, in minor units
	currency text not null,
	paid integer not null default 0,
	on_date text not null,
	issued_on text,
	primary key (party, class, id)
) strict, without rowid;

-- Every change to the two ledgers, the number of shares and the money paid on
-- them, with the day on which it takes effect and the instant it was recorded.
create table share_movement (
	position integer not null,
	line integer not null,     -- of those of one event
	party text not null,
	class text not null,
	lot text not null,         -- shares subscribed to together
	acquired_on text not null, -- by whoever subscribed to them
	kind text not null,        -- paid, withdrawn, issued, transferred_in, transferred_out, converted_in, converted_out, left, redeemed, reversed
	quantity integer not null, -- more or less
	paid integer not null,     -- minor units, more or less
	price integer not null,    -- of one share
	currency text not null,
	counterparty text,
	reference text not null,
	on_date text not null,
	recorded_at integer not null,
	primary key (position, line)
) strict, without rowid;

create index share_movement_party on share_movement (party, position, line);
