/** The CRM's tables. `staff` says who may see which region; every change stands in `history` with the person and the program that acted. */
export const TABLES = `
create table staff (
  sub text primary key,
  name text not null unique, -- customers name who looks after them by it
  regions text[] not null
);
create table customers (
  id text primary key,
  name text not null,
  company text not null,
  email text not null,
  phone text not null,
  city text not null,
  region text not null,
  plan text not null,
  owner text not null,
  since date not null
);
create table tickets (
  id text primary key,
  customer_id text not null references customers,
  subject text not null,
  body text not null,
  status text not null check (status in ('open', 'waiting', 'solved')),
  priority text not null check (priority in ('low', 'normal', 'urgent')),
  opened timestamptz not null
);
create table notes (
  id bigint generated always as identity primary key,
  ticket_id text not null references tickets,
  text text not null,
  author text not null,
  written timestamptz not null default now()
);
create table orders (
  id text primary key,
  customer_id text not null references customers,
  item text not null,
  amount_cents integer not null check (amount_cents > 0),
  refunded_cents integer not null default 0 check (refunded_cents between 0 and amount_cents),
  currency text not null,
  placed date not null
);
create table history (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  customer_id text not null references customers,
  what text not null,
  change jsonb not null,
  by_user text not null,
  by_agent text not null,
  token_id text
);
create index customers_region on customers (region);
create index tickets_customer on tickets (customer_id);
create index orders_customer on orders (customer_id);
create index history_customer on history (customer_id);
`;
