-- Puts entries at the revisions that come next, or deletes them where the value is
-- null. It returns null, or the key of the first that is not at its revision, and has
-- changed nothing then.
--
-- The put of three arguments stays: it is called by programs that were started before
-- this one, which take it that entries begin at revision 1.
create function rochdale_log.put(keys text[], new bytea[], revisions bigint[], next bigint[])
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
	update rochdale_log.entry set value = v, revision = n
		from unnest(keys, new, revisions, next) as c (k, v, r, n) where key = k and r > 0 and v is not null;
	insert into rochdale_log.entry (key, value, revision)
		select k, v, n from unnest(keys, new, revisions, next) as c (k, v, r, n) where r = 0 and v is not null order by k collate "C"
		on conflict do nothing;
	get diagnostics made = row_count;
	if made < (select count(*) from unnest(new, revisions) as c (v, r) where r = 0 and v is not null) then
		raise exception using errcode = 'serialization_failure', message = 'an entry was made meanwhile';
	end if;
	return null;
end $$;
