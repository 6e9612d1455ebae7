-- Every change that a person or a key made: who, what, what it was before and after with secrets as dots, when, from where.
create table audit (
  id bigint generated always as identity primary key,
  organisation_id integer not null references organisations (id) on delete cascade,
  at bigint not null,
  who text not null,
  by_means_of text not null,
  address text not null,
  action text not null,
  subject text not null,
  before jsonb,
  after jsonb
);
create index audit_organisation_id on audit (organisation_id, id);
create index audit_at on audit (at);

-- Failed log-ins by the hash of the account's e-mail, from whatever address; one row stands for one span of time.
create table login_failures (
  account text primary key,
  failures integer not null,
  since bigint not null
);
create index login_failures_since on login_failures (since);
