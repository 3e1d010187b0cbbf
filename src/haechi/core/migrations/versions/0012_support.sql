-- Support of AI fees: rounds, applications, draws, money. Integer won.
create function haechi_funds() returns boolean language sql stable as
$$ select haechi_has_role('ai_team') or haechi_has_role('admin') $$;

create table support_rounds (                   -- all staff may read them: what is funded, how, by which seed
  id uuid primary key,
  title text not null check (title <> ''),
  year integer not null,
  number integer not null,
  mode text not null check (mode in ('subscription', 'metered')),
  fund text not null default '',                -- 본예산, 추경 …: whose money it is
  opens_at timestamptz not null,
  closes_at timestamptz not null check (closes_at > opens_at),
  starts_on date not null,
  ends_on date not null check (ends_on > starts_on),
  seats_main integer not null check (seats_main >= 0),
  seats_branch integer not null check (seats_branch >= 0),
  cap_won bigint not null check (cap_won > 0),
  budget_won bigint not null check (budget_won >= 0),
  state text not null default 'planned' check (state in ('planned', 'open', 'drawing', 'drawn', 'ended')),
  commitment text not null,                     -- sha256 of the secret, published before anybody applies
  warned text not null default '',              -- why it was opened although the money does not reach for every seat
  held_won bigint not null default 0 check (held_won >= 0),
  paid_won bigint not null default 0 check (paid_won >= 0),
  returned_won bigint not null default 0 check (returned_won >= 0 and returned_won <= paid_won),
  drawn_at timestamptz,
  drawn_by text not null default '',
  made_at timestamptz not null,
  made_by text not null,
  unique (year, number, mode),
  check (held_won + paid_won - returned_won <= budget_won)
);
create table support_secrets (                  -- read by nobody before the draw: see haechi_fee_reveal
  round_id uuid primary key references support_rounds (id) on delete cascade,
  secret text not null
);
create table support_applications (
  case_id uuid primary key,                     -- outlives the case, which is purged in its time
  round_id uuid not null references support_rounds (id),
  number text not null unique,
  subject text not null,
  login text not null default '',
  name text not null default '',
  bureau text not null default '',
  pool text not null check (pool in ('main', 'branch')),
  service text not null,
  listed boolean not null,                      -- on the open list; else a person checks it first
  cleared_at timestamptz,
  ask_won bigint not null check (ask_won > 0),
  state text not null check (state in ('applied', 'refused', 'withdrawn', 'drawn', 'waiting', 'missed', 'paid', 'reported',
    'settled', 'clawback', 'returned')),
  carried text not null default 'applied',      -- where its case stands
  first_time boolean,                           -- as of the draw
  place integer,                                -- in the order of the draw
  why_ko text not null default '',
  why_en text not null default '',
  spent_won bigint,
  key_prefix text not null default '',
  at timestamptz not null
);
create unique index support_once on support_applications (round_id, subject) where state not in ('refused', 'withdrawn');
create index on support_applications (round_id, place);
create index on support_applications (subject);
create index on support_applications (case_id) where carried <> state;
create table support_draws (
  round_id uuid primary key references support_rounds (id),   -- one draw a round
  secret text not null,
  list_sha256 text not null,
  seed text not null,
  result_sha256 text not null,
  rows bytea not null,                          -- CSV: number, bureau, pool, first time, asked, place, result; no names
  at timestamptz not null,
  by_subject text not null
);
create table support_ledger (                   -- a line is never changed; a mistake is put right by another line
  seq bigserial primary key,
  round_id uuid not null references support_rounds (id),
  case_id uuid not null references support_applications (case_id),
  kind text not null check (kind in ('hold', 'release', 'settle', 'return')),
  won bigint not null check (won > 0),
  note text not null default '',
  at timestamptz not null,
  subject text not null
);
create unique index support_ledger_once on support_ledger (case_id, kind);
create index on support_ledger (round_id);
create table support_payments (
  id text primary key,                          -- the batch's name, given by who pays: the same name is the same batch
  round_id uuid not null references support_rounds (id),
  people integer not null,
  won bigint not null,
  sha256 text not null,                         -- of the CSV
  csv bytea not null,
  xlsx bytea not null,
  at timestamptz not null,
  subject text not null,
  name text not null default ''
);
create table support_payment_lines (
  payment_id text not null references support_payments (id),
  case_id uuid primary key references support_applications (case_id),   -- paid once
  won bigint not null check (won > 0)
);

-- What is held, paid and returned stands in the round, kept by the database itself: its check refuses a line too many.
create function haechi_fee_sums() returns trigger language plpgsql security definer set search_path = public as $$
begin
  update support_rounds r set held_won = r.held_won + n.held, paid_won = r.paid_won + n.paid, returned_won = r.returned_won + n.back
  from (select round_id,
      coalesce(sum(won) filter (where kind = 'hold'), 0) - coalesce(sum(won) filter (where kind in ('release', 'settle')), 0) as held,
      coalesce(sum(won) filter (where kind = 'settle'), 0) as paid, coalesce(sum(won) filter (where kind = 'return'), 0) as back
    from added group by round_id) n where r.id = n.round_id;
  return null;
end $$;
create trigger sums after insert on support_ledger referencing new table as added for each statement execute function haechi_fee_sums();
-- No application gives back more than it holds, nor returns more than it was paid.
create function haechi_fee_line() returns trigger language plpgsql security definer set search_path = public as $$
begin
  if exists (
    select from support_ledger l where l.case_id in (select case_id from added) group by l.case_id
    having coalesce(sum(won) filter (where kind in ('release', 'settle')), 0) > coalesce(sum(won) filter (where kind = 'hold'), 0)
      or coalesce(sum(won) filter (where kind = 'return'), 0) > coalesce(sum(won) filter (where kind = 'settle'), 0)) then
    raise exception 'an application cannot give back more than it was given' using errcode = 'check_violation';
  end if;
  return null;
end $$;
create trigger line after insert on support_ledger referencing new table as added for each statement execute function haechi_fee_line();
-- The secret behind the commitment, once the round is being drawn.
create function haechi_fee_reveal(p_round uuid) returns text
language sql stable security definer set search_path = public as $$
  select s.secret from support_secrets s join support_rounds r on r.id = s.round_id
  where r.id = p_round and r.state = 'drawing' and haechi_funds()
$$;

-- Held to the end of the transaction, also by applicants, who may not change a round: share keeps the draw away while somebody
-- applies; lock lets one at a time touch a round's money. Always taken before any application of the round.
create function haechi_fee_share(p_round uuid) returns text
language plpgsql volatile security definer set search_path = public as $$
declare found_state text;
begin
  select state into found_state from support_rounds where id = p_round for share;
  return found_state;
end $$;
create function haechi_fee_lock(p_round uuid) returns text
language plpgsql volatile security definer set search_path = public as $$
declare found_state text;
begin
  select state into found_state from support_rounds where id = p_round for update;
  return found_state;
end $$;

alter table support_rounds enable row level security;
alter table support_secrets enable row level security;
alter table support_applications enable row level security;
alter table support_draws enable row level security;
alter table support_ledger enable row level security;
alter table support_payments enable row level security;
alter table support_payment_lines enable row level security;
create policy read on support_rounds for select to haechi_app using ('staff' = any (haechi_tags()));
create policy keep on support_rounds to haechi_app using (haechi_funds()) with check (haechi_funds());
create policy put on support_secrets for insert to haechi_app with check (haechi_funds());
create policy own on support_applications for select to haechi_app
  using (subject = haechi_subject() or haechi_funds() or haechi_has_role('auditor'));
create policy apply on support_applications for insert to haechi_app with check (subject = haechi_subject());
create policy move on support_applications for update to haechi_app
  using (subject = haechi_subject() or haechi_funds()) with check (subject = haechi_subject() or haechi_funds());
create policy read on support_draws for select to haechi_app using ('staff' = any (haechi_tags()));
create policy put on support_draws for insert to haechi_app with check (haechi_funds());
create policy own on support_ledger for select to haechi_app
  using (haechi_funds() or haechi_has_role('auditor') or exists (
    select from support_applications a where a.case_id = support_ledger.case_id and a.subject = haechi_subject()));
create policy put on support_ledger for insert to haechi_app with check (subject = haechi_subject() and (haechi_funds()
  or (kind = 'release' and exists (
    select from support_applications a where a.case_id = support_ledger.case_id and a.subject = haechi_subject()))));
create policy read on support_payments for select to haechi_app using (haechi_funds() or haechi_has_role('auditor'));
create policy put on support_payments for insert to haechi_app with check (haechi_funds());
create policy read on support_payment_lines for select to haechi_app using (haechi_funds() or haechi_has_role('auditor'));
create policy put on support_payment_lines for insert to haechi_app with check (haechi_funds());
create policy everything on support_rounds to haechi_worker using (true) with check (true);
create policy everything on support_secrets to haechi_worker using (true) with check (true);
create policy everything on support_applications to haechi_worker using (true) with check (true);
create policy everything on support_draws to haechi_worker using (true) with check (true);
create policy everything on support_ledger to haechi_worker using (true) with check (true);
create policy everything on support_payments to haechi_worker using (true) with check (true);
create policy everything on support_payment_lines to haechi_worker using (true) with check (true);
grant select, insert, update on support_rounds, support_applications to haechi_app, haechi_worker;
grant insert on support_secrets to haechi_app;
grant select, insert on support_draws, support_ledger, support_payments, support_payment_lines to haechi_app, haechi_worker;
grant update (csv, xlsx) on support_payments to haechi_worker;  -- retention
grant usage on sequence support_ledger_seq_seq to haechi_app, haechi_worker;
