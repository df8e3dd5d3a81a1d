create table statutes (
	version integer primary key,
	adopted_on text not null,
	in_force_from text not null,
	by_whom text not null,
	rules text not null -- JSON
) strict;
