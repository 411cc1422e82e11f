-- A hundred accounts with 1,000 each, and a ledger of the transfers between them, stamped by the server's clock.
create table accounts (id integer primary key, balance bigint not null);
insert into accounts select id, 1000 from generate_series(1, 100) id;
create table ledger (
  id bigserial primary key,
  at timestamptz not null default now(),
  source integer not null,
  target integer not null,
  amount integer not null
);
