-- Answers to requests that carried an Idempotency-Key, for a day. `id` is a hash of the key and of who sent it, `request` one of
-- what was asked; `answer` can be read only with the key. A row without a status is a request that is still being answered.
create table idempotency_keys (
  id text primary key,
  request text not null,
  at bigint not null,
  status integer,
  answer text
);
create index idempotency_keys_at on idempotency_keys (at);
