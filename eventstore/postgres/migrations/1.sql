create table rochdale_log.migration (
	version integer primary key,
	made_at timestamptz not null default now()
);

-- The row that whoever appends has locked. It is never changed: versions of it
-- would pile up while somebody else reads for long.
create table rochdale_log.head (single boolean primary key default true check (single));
insert into rochdale_log.head default values;

-- Columns stand in the order that wastes no bytes.
create table rochdale_log.event (
	position bigint primary key, -- the last one plus one
	version bigint not null,
	recorded_at timestamptz not null,
	edition smallint not null,
	id uuid not null,
	correlation uuid,            -- null if it is the id
	causation uuid,              -- null if a person acted
	stream text collate "C" not null,
	type text collate "C" not null,
	actor text collate "C" not null,
	data json not null,          -- and not jsonb: its bytes stay as they were written
	unique (stream, version)
);

create table rochdale_log.entry (
	key text collate "C" primary key,
	value bytea not null,
	revision bigint not null
);

-- Appends records to streams, if these and others are at the versions expected,
-- and returns the position of the head before, alone. If any are not, it appends
-- nothing, and returns their numbers, and then the versions at which they are.
--
-- Statements see what others committed before they began, so those after the lock
-- see all that its last holder did. Versions are looked for from the one expected,
-- lest all those before it on a page of the index are looked at too. Arrays are
-- taken apart side by side, which is done as they are read: in from, each would be
-- put aside as a whole first.
create function rochdale_log.append(
	streams text[], expected bigint[],
	versions bigint[], times timestamptz[], editions smallint[], ids uuid[], correlations uuid[], causations uuid[],
	names text[], types text[], actors text[], data json[]
) returns bigint[] language plpgsql as $$
declare
	head bigint;
	conflicts bigint;
	actual bigint[];
begin
	perform from rochdale_log.head where single for update;
	select coalesce((select position from rochdale_log.event order by position desc limit 1), 0), count(*)
		into head, conflicts
		from (select unnest(streams) as s, unnest(expected) as e) as given
		where e <> coalesce((select version from rochdale_log.event where stream = s and version >= e order by version desc limit 1), 0);
	if conflicts = 0 then
		insert into rochdale_log.event (position, version, recorded_at, edition, id, correlation, causation, stream, type, actor, data)
			select generate_series(head + 1, head + cardinality(ids)), unnest(versions), unnest(times), unnest(editions), unnest(ids),
				unnest(correlations), unnest(causations), unnest(names), unnest(types), unnest(actors), unnest(data);
		return array[head];
	end if;
	perform set_config('synchronous_commit', 'off', true); -- as there is nothing to keep
	select array_agg(n order by n) || array_agg(v order by n) into actual from (
		select n, e, coalesce((select version from rochdale_log.event where stream = s order by version desc limit 1), 0) as v
		from (select unnest(streams) as s, unnest(expected) as e, generate_series(1, cardinality(streams)) as n) as given
	) as found where v <> e;
	return actual;
end $$;

-- Appends one record to a stream. It returns its position; or, if the stream is
-- at another version than expected, that version as -1 - version.
create function rochdale_log.append_one(
	_stream text, expected bigint, _recorded_at timestamptz, _edition smallint, _id uuid, _correlation uuid, _causation uuid,
	_type text, _actor text, _data json
) returns bigint language plpgsql as $$
declare
	given bigint;
begin
	perform from rochdale_log.head where single for update;
	insert into rochdale_log.event (position, version, recorded_at, edition, id, correlation, causation, stream, type, actor, data)
		select coalesce((select position from rochdale_log.event order by position desc limit 1), 0) + 1,
			expected + 1, _recorded_at, _edition, _id, _correlation, _causation, _stream, _type, _actor, _data
		where expected = coalesce((select version from rochdale_log.event where stream = _stream and version >= expected order by version desc limit 1), 0)
		returning position into given;
	if given is null then
		select -1 - coalesce((select version from rochdale_log.event where stream = _stream order by version desc limit 1), 0) into given;
	end if;
	return given;
end $$;

-- Puts entries, or deletes them where the value is null. It returns null, or the
-- key of the first that is not at its revision, and has changed nothing then.
create function rochdale_log.put(keys text[], new bytea[], revisions bigint[])
returns text language plpgsql as $$
declare
	stale text;
	made bigint;
begin
	perform from rochdale_log.entry where key = any (keys) order by key for update; -- in an order, lest two wait for each other
	select k into stale
		from unnest(keys, revisions) with ordinality as c (k, r, n) left join rochdale_log.entry on key = k
		where r <> coalesce(revision, 0) order by n limit 1;
	if stale is not null then
		return stale;
	end if;
	delete from rochdale_log.entry using unnest(keys, new) as c (k, v) where key = k and v is null;
	update rochdale_log.entry set value = v, revision = r + 1
		from unnest(keys, new, revisions) as c (k, v, r) where key = k and r > 0 and v is not null;
	insert into rochdale_log.entry (key, value, revision)
		select k, v, 1 from unnest(keys, new, revisions) as c (k, v, r) where r = 0 and v is not null order by k collate "C"
		on conflict do nothing;
	get diagnostics made = row_count;
	if made < (select count(*) from unnest(new, revisions) as c (v, r) where r = 0 and v is not null) then
		raise exception using errcode = 'serialization_failure', message = 'an entry was made meanwhile';
	end if;
	return null;
end $$;
