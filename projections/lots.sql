-- Shares that were subscribed to together, as far as they are held.
create table share_lot (
	party text not null,
	class text not null,
	subscriber text not null,  -- whose subscription it was
	subscription text not null,
	acquired_on text not null, -- by whoever subscribed to them
	price integer not null,    -- of one share, in minor units
	currency text not null,
	quantity integer not null,
	paid integer not null,     -- on all of them
	called integer not null,   -- that must be paid on all of them by now; 0 where that is no more than was paid
	lost integer not null,     -- of what was paid
	primary key (party, class, subscriber, subscription, acquired_on, price)
) strict, without rowid;

-- Money that is owed back to whoever paid it.
create table share_credit (
	party text not null,       -- the holder of the shares that it was paid for
	class text not null,
	reference text not null,   -- of the payment
	payer text not null,
	amount integer not null,   -- that is left, in minor units
	currency text not null,
	since text not null,       -- the last day on which anything happened to it
	primary key (party, class, reference)
) strict, without rowid;

-- Calls for what is yet to be paid on shares.
create table share_call (
	id text primary key,
	class text not null,
	up_to integer not null,    -- on each share, in minor units
	currency text not null,
	due_on text not null,
	decision text not null,
	on_date text not null,
	position integer not null
) strict, without rowid;

-- What each holder is asked for by a call.
create table share_called (
	party text not null,
	class text not null,
	call text not null,
	amount integer not null,   -- minor units
	currency text not null,
	due_on text not null,
	on_date text not null,
	reversed_on text,
	primary key (party, class, call)
) strict, without rowid;

-- Transfers that wait, or waited, for the admission of who receives.
create table share_agreed (
	from_party text not null,
	class text not null,
	id text not null,
	to_party text not null,
	kind text not null,
	quantity integer not null,
	decision text not null,
	on_date text not null,
	position integer not null,
	outcome text,              -- completed or, why it was abandoned, withdrawn, refused, lapsed
	ended_on text,
	primary key (from_party, class, id)
) strict, without rowid;

-- Transfers that two have in mind and sign.
create table share_proposal (
	id text primary key,
	from_party text not null,
	to_party text not null,
	class text not null,
	kind text not null,
	quantity integer not null,
	signed text not null,      -- JSON: who signed, as what, when and how
	on_date text not null,
	position integer not null,
	outcome text,              -- made, withdrawn, declined
	ended_on text
) strict, without rowid;

-- Who was shown the register.
create table share_consultation (
	id text primary key,
	party text not null,
	holder text,               -- of whom it was an extract
	as_at text not null,
	known_at text,
	on_date text not null,
	recorded_at integer not null,
	position integer not null
) strict, without rowid;

create index share_agreed_to on share_agreed (to_party, position);
create index share_credit_payer on share_credit (payer);
create index share_called_call on share_called (call, party);
create index share_proposal_from on share_proposal (from_party, position);
create index share_proposal_to on share_proposal (to_party, position);
create index share_consultation_party on share_consultation (party, position);
create index share_consultation_position on share_consultation (position);
