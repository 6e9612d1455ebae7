-- What needs a person: open while resolved_at is null, and then at most one of a kind per manager.
create table issues (
  id bigint generated always as identity primary key,
  manager_id integer not null references managers (id) on delete cascade,
  kind text not null,
  severity text not null,
  title text not null,
  text text not null,
  since bigint not null,
  opened_at bigint not null,
  seen_at bigint not null,
  resolved_at bigint
);
create unique index issues_open on issues (manager_id, kind) where resolved_at is null;
create index issues_opened_at on issues (opened_at);

-- Where people are told. `notifier` is the adapter with its options, `tells` says what, about which apps, and when not.
create table channels (
  id integer generated always as identity primary key,
  name text not null unique,
  notifier jsonb not null,
  tells jsonb not null,
  created_at bigint not null
);
