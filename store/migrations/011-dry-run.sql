-- A manager that decides and records what it would do, and changes nothing.
alter table managers add column dry_run boolean not null default false;
