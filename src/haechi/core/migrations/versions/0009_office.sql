-- The office: a case is one piece of work that people do along a flow (policy/flows); everything else hangs on it.

create table cases (
  id uuid primary key,
  number text not null unique,                 -- as people say it: 사전검토-2026-0001
  flow text not null,
  flow_version integer not null,               -- a case goes on by the flow it was opened with
  kind text not null,
  title text not null check (title <> ''),
  grams text[] not null default '{}',         -- pairs of letters of number and title: found without an extension
  state text not null,
  bureau text not null default '',             -- whose it is; '' nobody's
  service integer,                             -- of the 45, when it is about one
  round text not null default '',              -- '2026-1': a round, an edition, a year
  parent uuid references cases (id) on delete set null,
  subject text not null,                       -- whose case it is: who opened it, or for whom it was opened
  subject_name text not null default '',
  origin text not null default 'person' check (origin in ('person', 'service', 'machine', 'import')),
  origin_key text unique,                      -- what opened it, so that the same thing opens one case
  office text[] not null,                      -- access tags of those who work on it
  readers text[] not null,                     -- and of everybody who sees it (the office among them)
  facts jsonb not null default '{}',           -- what steps decided and machines found
  severity smallint not null default 3 check (severity between 1 and 5),   -- 1 the gravest
  exercise boolean not null default false,     -- a drill: watermarked everywhere, reaches no siren
  holder text,                                 -- who works on it now
  holder_name text not null default '',
  opened_at timestamptz not null,
  state_at timestamptz not null,
  closed_at timestamptz,
  due_at timestamptz,                          -- the next of its deadlines
  version integer not null default 0,          -- grows with every change that somebody decides on
  purge_after date
);
create index on cases (kind, state, opened_at desc);
create index on cases (opened_at desc, id);
create index on cases (kind, opened_at desc, id);
create index on cases (opened_at desc) where closed_at is null;
create index on cases (due_at) where closed_at is null and due_at is not null;
create index on cases (bureau, opened_at desc);
create index on cases (subject, opened_at desc);
create index on cases (holder) where holder is not null;
create index on cases (service) where service is not null;
create index on cases (kind, round);
create index on cases using gin (grams);
create table case_serials (
  flow text not null,
  year integer not null,
  last integer not null,
  primary key (flow, year)
);
create table case_people (
  case_id uuid not null references cases (id) on delete cascade,
  part text not null,                          -- as the flow calls it; 'recused' for somebody who plays none
  subject text not null,
  name text not null default '',
  party boolean not null default false,        -- of the side whose case it is; sees no note of the office
  named_at timestamptz not null,
  named_by text not null,
  recused_at timestamptz,                      -- 제척·기피·회피: from here on the case does not exist for them
  recused_kind text not null default '' check (recused_kind in ('', '제척', '기피', '회피')),
  recused_why text not null default '',
  primary key (case_id, part, subject)
);
create index on case_people (subject);
create table case_filings (
  id uuid primary key,
  case_id uuid not null references cases (id) on delete cascade,
  form text not null,
  form_version integer not null,               -- pinned when it was begun
  author text not null default '',             -- '' the case's one filing of this form; else each author's own
  author_name text not null default '',
  answers jsonb not null default '{}',
  state text not null default 'draft' check (state in ('draft', 'filed')),
  version integer not null default 0,
  begun_at timestamptz not null,
  changed_at timestamptz not null,
  changed_by text not null,
  filed_at timestamptz,
  unique (case_id, form, author)
);
create table case_filing_changes (             -- who changed which answer, so that the second of two sees the difference
  filing_id uuid not null references case_filings (id) on delete cascade,
  version integer not null,
  question text not null,
  before jsonb,
  after jsonb,
  at timestamptz not null,
  subject text not null,
  name text not null default '',
  primary key (filing_id, version, question)
);
create table case_steps (
  seq bigint primary key,                      -- the entry of the audit log that holds the same words
  case_id uuid not null references cases (id) on delete cascade,
  number integer not null,
  act text not null,                           -- a step of the flow, or opened, named, recused, noted, task…
  source text not null default '',
  target text not null default '',
  at timestamptz not null,
  subject text not null,                       -- 'machine' for what follows by itself
  name text not null default '',
  note text not null default '',
  detail jsonb not null default '{}',
  key text,
  unique (case_id, number),
  unique (case_id, key)
);
create table case_deadlines (
  id uuid primary key,
  case_id uuid not null references cases (id) on delete cascade,
  deadline text not null,                      -- as the flow calls it
  since timestamptz not null,
  due_at timestamptz not null,
  remind_at timestamptz[] not null default '{}',
  reminded integer not null default 0,
  escalated_at timestamptz,
  met_at timestamptz,
  unique (case_id, deadline, since)
);
create index on case_deadlines (due_at) where met_at is null and escalated_at is null;
create table case_tasks (
  id uuid primary key,
  case_id uuid not null references cases (id) on delete cascade,
  text text not null check (text <> ''),
  source text not null default '',             -- the step that made it: a condition, an action of a check
  owner text not null default '',              -- a person's subject, or '' for the bureau
  bureau text not null default '',
  due_on date,
  state text not null default 'open' check (state in ('open', 'reported', 'done', 'dropped')),
  result text not null default '',
  version integer not null default 0,
  made_at timestamptz not null,
  changed_at timestamptz not null,
  reminded_at timestamptz,
  overdue_at timestamptz
);
create index on case_tasks (case_id);
create index on case_tasks (due_on) where state in ('open', 'reported');
create table case_notes (
  id uuid primary key,
  case_id uuid not null references cases (id) on delete cascade,
  at timestamptz not null,
  subject text not null,
  name text not null default '',
  text text not null check (text <> ''),
  audience text not null check (audience in ('office', 'all'))   -- all: also whose case it is
);
create index on case_notes (case_id, at);
create table case_evidence (
  id uuid primary key,
  case_id uuid not null references cases (id) on delete cascade,
  question text not null default '',           -- the question of a filing that it proves
  kind text not null check (kind in ('file', 'run', 'record')),
  name text not null,
  media_type text not null,
  size bigint not null,
  sha256 bytea not null,
  content bytea,                               -- null once it was disposed of; the hash stays
  reference text not null default '',          -- 'trial:39', 'case:<id>', 'document:<id>' for run and record
  note text not null default '',
  added_at timestamptz not null,
  added_by text not null,
  added_name text not null default ''
);
create index on case_evidence (case_id);
create table case_custody (                     -- who held a piece of evidence when: added, seen, exported, disposed
  seq bigserial primary key,
  evidence_id uuid not null references case_evidence (id) on delete cascade,
  at timestamptz not null,
  act text not null,
  subject text not null,
  name text not null default '',
  sha256 bytea not null
);
create index on case_custody (evidence_id, seq);
create table case_letters (
  id uuid primary key,
  case_id uuid not null references cases (id) on delete cascade,
  template text not null,
  number text not null,
  name text not null,
  hwpx bytea not null,
  docx bytea not null,
  pdf bytea,
  made_at timestamptz not null,
  made_by text not null
);
create index on case_letters (case_id);
create table notices (                          -- what somebody should know; their inbox
  id uuid primary key,
  to_tag text not null,                        -- 'user:<id>', 'role:ai_team', 'bureau:복지실'
  case_id uuid references cases (id) on delete cascade,
  kind text not null,
  text_ko text not null,
  text_en text not null default '',
  address text not null default '',
  at timestamptz not null,
  key text unique                              -- the same reminder is sent once
);
create index on notices (to_tag, at desc);
create table notices_read (
  notice_id uuid not null references notices (id) on delete cascade,
  subject text not null,
  at timestamptz not null,
  primary key (notice_id, subject)
);

-- Who may see what ----------------------------------------------------------------------------------------------------
-- Somebody recused gets no row, no count and no hint. Whose case it is, the people in it and the readers' tags see it.
create function haechi_recused(of_case uuid) returns boolean
language sql stable security definer set search_path = public as $$
  select exists (select from case_people p where p.case_id = of_case and p.subject = haechi_subject() and p.recused_at is not null)
$$;
create function haechi_in_case(of_case uuid) returns boolean
language sql stable security definer set search_path = public as $$
  select exists (select from case_people p where p.case_id = of_case and p.subject = haechi_subject() and p.recused_at is null)
$$;
create function haechi_reads_case(of_case uuid) returns boolean
language sql stable security definer set search_path = public as $$
  select exists (select from cases c where c.id = of_case
    and (c.subject = haechi_subject() or c.readers && haechi_tags() or haechi_in_case(c.id)) and not haechi_recused(c.id))
$$;
-- The same for lists: asked once for a whole query instead of once for each row.
create function haechi_my_cases() returns setof uuid
language sql stable security definer set search_path = public as $$
  select p.case_id from case_people p where p.subject = haechi_subject() and p.recused_at is null
$$;
create function haechi_my_recusals() returns setof uuid
language sql stable security definer set search_path = public as $$
  select p.case_id from case_people p where p.subject = haechi_subject() and p.recused_at is not null
$$;
-- Whether the asker works on this case, and is not of the side whose case it is.
create function haechi_works_case(of_case uuid) returns boolean
language sql stable security definer set search_path = public as $$
  select exists (select from cases c where c.id = of_case
    and (c.office && haechi_tags() or exists (select from case_people p
      where p.case_id = c.id and p.subject = haechi_subject() and not p.party)) and not haechi_recused(c.id))
$$;

alter table cases enable row level security;
alter table case_people enable row level security;
alter table case_filings enable row level security;
alter table case_filing_changes enable row level security;
alter table case_steps enable row level security;
alter table case_deadlines enable row level security;
alter table case_tasks enable row level security;
alter table case_notes enable row level security;
alter table case_evidence enable row level security;
alter table case_custody enable row level security;
alter table case_letters enable row level security;
alter table notices enable row level security;
alter table notices_read enable row level security;

create policy read on cases for select to haechi_app
  using ((subject = (select haechi_subject()) or readers && (select haechi_tags()) or id in (select haechi_my_cases()))
    and id not in (select haechi_my_recusals()));
create policy put on cases for insert to haechi_app with check (true);
create policy change on cases for update to haechi_app
  using ((subject = (select haechi_subject()) or readers && (select haechi_tags()) or id in (select haechi_my_cases()))
    and id not in (select haechi_my_recusals()))
  with check (true);
create policy own on case_people to haechi_app using (haechi_reads_case(case_id)) with check (haechi_reads_case(case_id));
create policy own on case_filings to haechi_app using (haechi_reads_case(case_id)) with check (haechi_reads_case(case_id));
create policy own on case_filing_changes to haechi_app
  using (exists (select from case_filings f where f.id = filing_id)) with check (exists (select from case_filings f where f.id = filing_id));
create policy own on case_steps to haechi_app using (haechi_reads_case(case_id))
  with check (haechi_reads_case(case_id) and subject in (haechi_subject(), 'machine'));
create policy own on case_deadlines to haechi_app using (haechi_reads_case(case_id)) with check (haechi_reads_case(case_id));
create policy own on case_tasks to haechi_app using (haechi_reads_case(case_id)) with check (haechi_reads_case(case_id));
create policy own on case_notes to haechi_app
  using (haechi_works_case(case_id) or (audience = 'all' and haechi_reads_case(case_id)))
  with check (haechi_reads_case(case_id) and subject = haechi_subject());
create policy own on case_evidence to haechi_app using (haechi_reads_case(case_id)) with check (haechi_reads_case(case_id));
create policy own on case_custody to haechi_app
  using (exists (select from case_evidence e where e.id = evidence_id)) with check (subject in (haechi_subject(), 'machine'));
create policy own on case_letters to haechi_app using (haechi_reads_case(case_id)) with check (haechi_reads_case(case_id));
create policy mine on notices for select to haechi_app
  using ((to_tag = any (haechi_tags()) or to_tag = haechi_subject()) and (case_id is null or not haechi_recused(case_id)));
create policy mine on notices_read to haechi_app using (subject = haechi_subject()) with check (subject = haechi_subject());

-- Whose case it is, what flow it follows and what opened it never change.
create function haechi_keep_case() returns trigger language plpgsql as $$
begin
  if (new.id, new.number, new.flow, new.flow_version, new.subject, new.origin, new.origin_key, new.exercise, new.opened_at)
     is distinct from (old.id, old.number, old.flow, old.flow_version, old.subject, old.origin, old.origin_key, old.exercise, old.opened_at) then
    raise exception 'what a case is never changes' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$;
create trigger keep_case before update on cases for each row execute function haechi_keep_case();

create policy everything on cases to haechi_worker using (true) with check (true);
create policy everything on case_people to haechi_worker using (true) with check (true);
create policy everything on case_filings to haechi_worker using (true) with check (true);
create policy everything on case_filing_changes to haechi_worker using (true) with check (true);
create policy everything on case_steps to haechi_worker using (true) with check (true);
create policy everything on case_deadlines to haechi_worker using (true) with check (true);
create policy everything on case_tasks to haechi_worker using (true) with check (true);
create policy everything on case_notes to haechi_worker using (true) with check (true);
create policy everything on case_evidence to haechi_worker using (true) with check (true);
create policy everything on case_custody to haechi_worker using (true) with check (true);
create policy everything on case_letters to haechi_worker using (true) with check (true);
create policy everything on notices to haechi_worker using (true) with check (true);
create policy everything on notices_read to haechi_worker using (true) with check (true);
grant select, insert, update on cases, case_serials, case_people, case_filings, case_deadlines, case_tasks, case_evidence to haechi_app;
grant select, insert on case_steps, case_notes, case_custody, case_letters, case_filing_changes, notices_read to haechi_app;
grant select on notices to haechi_app;
grant select, insert, update, delete on cases, case_serials, case_people, case_filings, case_filing_changes, case_steps,
  case_deadlines, case_tasks, case_notes, case_evidence, case_custody, case_letters, notices, notices_read to haechi_worker;
grant usage on sequence case_custody_seq_seq to haechi_app, haechi_worker;
-- Stepping back, or being taken out: whatever parts they play end, and a row stands even where they played none.
create function haechi_recuse(of_case uuid, who text, how text, reason text, decided_by text, at timestamptz) returns void
language plpgsql volatile security definer set search_path = public as $$
begin
  if not haechi_reads_case(of_case) then
    raise exception 'not in this case' using errcode = 'insufficient_privilege';
  end if;
  insert into case_people (case_id, part, subject, named_at, named_by, recused_at, recused_kind, recused_why)
  values (of_case, 'recused', who, at, decided_by, at, how, reason) on conflict do nothing;
  update case_people set recused_at = at, recused_kind = how, recused_why = reason
  where case_id = of_case and subject = who and recused_at is null;
end $$;
-- Into somebody's inbox, which the one who writes may not read; a key is written once.
create function haechi_notify(id uuid, to_tag text, case_id uuid, kind text, ko text, en text, address text, at timestamptz, key text)
returns void language sql volatile security definer set search_path = public as $$
  insert into notices (id, to_tag, case_id, kind, text_ko, text_en, address, at, key)
  values (id, to_tag, case_id, kind, ko, en, address, at, key) on conflict do nothing
$$;
