create table document (
	id text primary key,
	kind text not null,
	title text not null,
	language text not null,
	sha256 text not null,
	size integer not null,
	media_type text not null,
	on_date text not null,
	about text not null,
	position integer not null
) strict, without rowid;

create index document_date on document (on_date, id);
create index document_about on document (about, on_date) where about <> '';
