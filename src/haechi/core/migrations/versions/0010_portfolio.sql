-- The portfolio with its money, the rounds of checks, and the public register with every version.

-- What the office knows of a service besides its manifest; null: as the manifest says.
create table portfolio_services (
  number integer primary key check (number between 1 and 999),
  bureau text,
  technology text,
  continuity text check (continuity in ('신규', '계속', '미상')),
  contact text,                                -- a shared mailbox, never a person's own
  note text,
  version integer not null default 0,
  changed_at timestamptz not null,
  changed_by text not null
);
create table portfolio_changes (               -- who changed which cell; also the ground on which two edits are merged
  seq bigserial primary key,
  number integer not null,                     -- 0: a line of money that belongs to no single service
  version integer not null,
  field text not null,
  before text,
  after text,
  origin text not null default 'edit' check (origin in ('edit', 'import')),
  at timestamptz not null,
  subject text not null,
  name text not null default ''
);
create index on portfolio_changes (number, version);
create table portfolio_money (
  id uuid primary key,
  service integer not null default 0,          -- 0: no single service (a programme of the plan)
  label text not null default '',
  year integer not null check (year between 2000 and 2100),
  kind text not null check (kind in ('본예산', '추경')),
  won bigint check (won >= 0),                 -- null: 미상
  source text not null check (source <> ''),
  version integer not null default 1,
  entered_at timestamptz not null,
  entered_by text not null,
  entered_name text not null default '',
  unique (service, label, year, kind)
);

-- Rounds of checks, and what the platform measured when a round was opened. No figure here is typed by anybody.
create table check_rounds (
  id text primary key,                         -- '2026-08', '2026-12'
  year integer not null,
  kind text not null check (kind in ('중간', '연말')),
  since date not null,
  until date not null,
  due_on date not null,
  opened_at timestamptz not null,
  opened_by text not null,
  opened_name text not null default '',
  unique (year, kind)
);
create table check_readings (
  round text not null references check_rounds (id),
  service integer not null,
  kpi text not null,
  name text not null,
  unit text not null,
  better text not null check (better in ('higher', 'lower')),
  target double precision,                     -- null: 미상
  value double precision,                      -- null: 미상, and why says why
  n bigint not null default 0,
  source text not null,
  why text not null default '',
  measured_at timestamptz not null,
  primary key (round, service, kpi)
);

-- Public: what everybody may read of the services. Nothing undecided stands here, and nobody's personal data.
create table register_versions (
  service integer not null,
  version integer not null check (version > 0),
  state text not null check (state in ('published', 'withdrawn')),
  schema text not null,
  stage text not null,
  entry jsonb not null,
  note text not null default '',               -- what changed, in words
  reason text not null default '',             -- why it was withdrawn
  running jsonb not null default '{}',         -- what ran when it was published: the ground of the drift flag
  sha256 text not null,
  grams text[] not null default '{}',
  case_id uuid references cases (id) on delete set null,
  published_at timestamptz not null,
  primary key (service, version)
);
create index on register_versions using gin (grams);
create table register_receipts (               -- the code with which somebody without an account asks after an objection
  code_sha256 text primary key,
  case_id uuid not null references cases (id) on delete cascade,
  service integer not null,
  at timestamptz not null
);

alter table portfolio_services enable row level security;
alter table portfolio_changes enable row level security;
alter table portfolio_money enable row level security;
alter table check_rounds enable row level security;
alter table check_readings enable row level security;
alter table register_versions enable row level security;
alter table register_receipts enable row level security;
create policy staff on portfolio_services to haechi_app using ('staff' = any (haechi_tags())) with check ('staff' = any (haechi_tags()));
create policy staff on portfolio_changes to haechi_app using ('staff' = any (haechi_tags()))
  with check ('staff' = any (haechi_tags()) and subject = haechi_subject());
create policy staff on portfolio_money to haechi_app using ('staff' = any (haechi_tags()))
  with check ('staff' = any (haechi_tags()) and entered_by = haechi_subject());
create policy staff on check_rounds to haechi_app using ('staff' = any (haechi_tags())) with check ('staff' = any (haechi_tags()));
create policy staff on check_readings to haechi_app using ('staff' = any (haechi_tags())) with check ('staff' = any (haechi_tags()));
create policy anybody on register_versions for select to haechi_app using (true);
create policy publish on register_versions for insert to haechi_app with check (haechi_works_case(case_id));
create policy put on register_receipts for insert to haechi_app with check (haechi_reads_case(case_id));
create policy everything on portfolio_services to haechi_worker using (true) with check (true);
create policy everything on portfolio_changes to haechi_worker using (true) with check (true);
create policy everything on portfolio_money to haechi_worker using (true) with check (true);
create policy everything on check_rounds to haechi_worker using (true) with check (true);
create policy everything on check_readings to haechi_worker using (true) with check (true);
create policy everything on register_versions to haechi_worker using (true) with check (true);
create policy everything on register_receipts to haechi_worker using (true) with check (true);

grant select, insert, update on portfolio_services, portfolio_money to haechi_app;
grant select, insert on portfolio_changes, check_rounds, check_readings, register_versions to haechi_app;
grant insert on register_receipts to haechi_app;
grant usage on sequence portfolio_changes_seq_seq to haechi_app, haechi_worker;
grant select, insert, update, delete on portfolio_services, portfolio_changes, portfolio_money, check_rounds, check_readings,
  register_receipts to haechi_worker;
grant select, insert on register_versions to haechi_worker;

-- A published version never changes; a mistake is mended by the next one. (The case it came from may be purged.)
create function haechi_keep_version() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or (to_jsonb(new) - 'case_id') is distinct from (to_jsonb(old) - 'case_id') then
    raise exception 'a published version never changes' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$;
create trigger keep_version before update or delete on register_versions for each row execute function haechi_keep_version();

-- How many cases are open about each service, without telling which: less those that the asker is kept out of.
create index cases_open_by_service on cases (service, kind) include (id, due_at) where closed_at is null and service is not null;
create function haechi_open_cases(at timestamptz) returns table (service integer, kind text, open bigint, late bigint)
language sql stable security definer set search_path = public as $$
  select c.service, c.kind, count(*), count(*) filter (where c.due_at < at) from cases c
  where c.closed_at is null and c.service is not null and 'staff' = any (haechi_tags())
    and c.id not in (select p.case_id from case_people p where p.subject = haechi_subject() and p.recused_at is not null)
  group by c.service, c.kind
$$;
-- Whether the asker, or anybody, has a draft of a service's entry open.
create function haechi_register_drafts() returns table (service integer, case_id uuid, state text)
language sql stable security definer set search_path = public as $$
  select c.service, c.id, c.state from cases c
  where c.kind = 'register_entry' and c.closed_at is null and 'staff' = any (haechi_tags()) and not haechi_recused(c.id)
$$;
-- What somebody with the receipt code of an objection may know: how it stands and what was answered, never by whom.
create function haechi_objection(code text)
returns table (number text, flow text, flow_version integer, state text, opened_at timestamptz, due_at timestamptz, closed_at timestamptz,
  answer text, service integer)
language sql stable security definer set search_path = public as $$
  select c.number, c.flow, c.flow_version, c.state, c.opened_at, c.due_at, c.closed_at,
    coalesce((select s.note from case_steps s where s.case_id = c.id and s.target = c.state and c.closed_at is not null
      and s.source <> '' order by s.number desc limit 1), ''), r.service
  from register_receipts r join cases c on c.id = r.case_id where r.code_sha256 = code
$$;
