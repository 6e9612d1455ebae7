-- Who may do what. Everything belongs to an organisation; the first one is made here and owns what is there already, also
-- what an older controller adds while it still runs. People are in the table `people`, which the login library makes later.
create table organisations (
  id integer generated always as identity primary key,
  name text not null,
  created_at bigint not null
);
insert into organisations (name, created_at) values ('My organisation', (extract(epoch from now()) * 1000)::bigint);

create table members (
  organisation_id integer not null references organisations (id) on delete cascade,
  person_id text not null,
  role text not null check (role in ('read-only', 'member', 'admin', 'owner')),
  joined_at bigint not null,
  -- When the person last chose this one to work in; the newest is where what they add goes.
  chosen_at bigint not null default 0,
  primary key (organisation_id, person_id)
);
create index members_person_id on members (person_id);

-- Of an invitation only the hash of what its link carries is kept; it goes when it is used.
create table invitations (
  id integer generated always as identity primary key,
  organisation_id integer not null references organisations (id) on delete cascade,
  email text not null,
  role text not null check (role in ('read-only', 'member', 'admin', 'owner')),
  token_hash text not null unique,
  invited_by text not null,
  created_at bigint not null,
  expires_at bigint not null
);
create index invitations_organisation_id on invitations (organisation_id);

alter table apps add organisation_id integer not null default 1 references organisations (id);
alter table channels add organisation_id integer not null default 1 references organisations (id);
alter table channels drop constraint channels_name_key;
alter table channels add unique (organisation_id, name);
