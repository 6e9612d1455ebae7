-- What happened to each task name of each queue within a minute and within an hour. Both are written at once, so nothing is folded
-- later. Histograms are pairs of upper bound (ms) and count; parts of one row add up.
create table task_parts (
  app_id integer not null references apps (id) on delete cascade,
  grain text not null,
  at bigint not null,
  task text not null,
  queue text not null,
  received bigint not null,
  succeeded bigint not null,
  failed bigint not null,
  retried bigint not null,
  revoked bigint not null,
  run_ms_sum double precision not null,
  run_ms jsonb not null,
  wait_ms jsonb not null,
  primary key (app_id, grain, at, task, queue)
);
create index task_parts_grain_at on task_parts (grain, at);

-- The last failed tasks of each app, with their words.
create table task_failures (
  id bigint generated always as identity primary key,
  app_id integer not null references apps (id) on delete cascade,
  at bigint not null,
  task text not null,
  queue text not null,
  task_id text not null,
  worker text not null,
  error text not null
);
create index task_failures_app on task_failures (app_id, id);
create index task_failures_at on task_failures (at);
