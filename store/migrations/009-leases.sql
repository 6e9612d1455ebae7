-- Which controllers live, and which of them decides about an app. All times are the database's own clock.
create table controllers (
  id text primary key,
  -- Where the others reach it.
  url text not null,
  until timestamptz not null
);

-- `fence` grows with every change of hands. Without an owner: given back.
create table leases (
  app_id integer primary key references apps (id) on delete cascade,
  owner text,
  fence bigint not null,
  until timestamptz not null
);
create index leases_owner on leases (owner);
