-- Times are milliseconds since the Unix epoch.

create table apps (
  id integer generated always as identity primary key,
  name text not null unique,
  token text not null,
  url text,
  fleet jsonb not null,
  created_at bigint not null
);

create table managers (
  id integer generated always as identity primary key,
  app_id integer not null references apps (id) on delete cascade,
  process_type text not null,
  rules jsonb not null,
  limits jsonb not null,
  meters jsonb not null,
  minimum integer not null,
  maximum integer not null,
  paused boolean not null,
  hold jsonb,
  learned jsonb not null,
  config_hash text,
  created_at bigint not null,
  unique (app_id, process_type)
);

-- One checkup of one manager. Null is unknown, never zero.
create table points (
  manager_id integer not null references managers (id) on delete cascade,
  at bigint not null,
  waiting double precision,
  running double precision,
  later double precision,
  oldest_seconds double precision,
  slots double precision,
  current double precision not null,
  desired double precision not null,
  unknown double precision not null,
  readings jsonb not null,
  primary key (manager_id, at)
);
create index points_at on points (at);

-- Roll-ups keep sums and how many checkups knew the number, so that hours made of minutes are exact.
create table point_minutes (
  manager_id integer not null references managers (id) on delete cascade,
  at bigint not null,
  checkups integer not null,
  waiting_sum double precision,
  waiting_known integer not null,
  running_sum double precision,
  running_known integer not null,
  later_sum double precision,
  later_known integer not null,
  slots_sum double precision,
  slots_known integer not null,
  oldest_seconds double precision,
  current_sum double precision not null,
  desired_sum double precision not null,
  unknown_sum double precision not null,
  primary key (manager_id, at)
);
create index point_minutes_at on point_minutes (at);

create table point_hours (like point_minutes including all);
alter table point_hours add foreign key (manager_id) references managers (id) on delete cascade;

-- How far each grain is folded from the finer one, and before which time its rows no longer count.
create table roll_ups (
  grain text primary key,
  done_until bigint not null default 0,
  forgotten_until bigint not null default 0
);
insert into roll_ups (grain) values ('raw'), ('minute'), ('hour');

create table decisions (
  id bigint generated always as identity primary key,
  manager_id integer not null references managers (id) on delete cascade,
  at bigint not null,
  current double precision not null,
  desired double precision not null,
  unknown boolean not null,
  reasons jsonb not null,
  sentence text not null,
  outcome text not null,
  error text
);
create index decisions_manager_id on decisions (manager_id, id);
create index decisions_manager_at on decisions (manager_id, at);
create index decisions_at on decisions (at);

create table settings (
  key text primary key,
  value text not null
);
