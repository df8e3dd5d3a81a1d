-- What the books and the register say of a party and no other table has.
create table affair (
	party text primary key,
	booked text not null default '', -- the last day of an entry in the books; empty: none
	registered integer not null      -- 1: named as one of joint holders, or as an heir
) strict, without rowid;
