-- The committee: who sits when, which body acts, which item stands on which agenda, who came, how it was voted.

create table committee_members (
  id uuid primary key,
  body text not null,
  subject text not null,
  name text not null,
  affiliation text not null default '',
  specialties text[] not null default '{}',
  relations text[] not null default '{}',      -- bureaux and companies on whose items they must not sit (제척)
  chair boolean not null default false,
  from_on date not null,
  until_on date not null,
  ended_why text not null default '',
  added_at timestamptz not null,
  added_by text not null,
  unique (body, subject, from_on),
  check (until_on >= from_on)
);
create table committee_acting (                -- from which day on which body sits; the newest line of a day holds
  seq bigserial primary key,
  from_on date not null,
  body text not null,
  why text not null check (why <> ''),
  at timestamptz not null,
  by text not null,
  by_name text not null default ''
);
create table committee_agenda (                -- an item stands on one agenda; switching the body moves nothing
  item uuid primary key references cases (id) on delete cascade,
  meeting uuid not null references cases (id) on delete cascade,
  position integer not null check (position > 0),
  secret boolean not null default false
);
create index on committee_agenda (meeting, position);
create table committee_present (
  meeting uuid not null references cases (id) on delete cascade,
  subject text not null,
  name text not null default '',
  at timestamptz not null,
  by text not null,
  primary key (meeting, subject)
);
create table committee_voted (                 -- that somebody voted: once an item
  item uuid not null references cases (id) on delete cascade,
  subject text not null,
  name text not null default '',
  at timestamptz not null,
  primary key (item, subject)
);
create table committee_ballots (               -- what was voted; of a secret vote nobody's name, no time and no order
  id uuid primary key default gen_random_uuid(),
  item uuid not null references cases (id) on delete cascade,
  choice text not null check (choice in ('찬성', '반대', '기권')),
  subject text
);
create index on committee_ballots (item);

alter table committee_members enable row level security;
alter table committee_acting enable row level security;
alter table committee_agenda enable row level security;
alter table committee_present enable row level security;
alter table committee_voted enable row level security;
alter table committee_ballots enable row level security;
create policy staff on committee_members to haechi_app using ('staff' = any (haechi_tags())) with check ('staff' = any (haechi_tags()));
create policy staff on committee_acting to haechi_app using ('staff' = any (haechi_tags()))
  with check ('staff' = any (haechi_tags()) and by = haechi_subject());
create policy own on committee_agenda to haechi_app using (haechi_reads_case(item)) with check (haechi_reads_case(item) and haechi_works_case(meeting));
create policy own on committee_present to haechi_app using (haechi_reads_case(meeting)) with check (haechi_reads_case(meeting) and by = haechi_subject());
create policy own on committee_voted to haechi_app using (haechi_reads_case(item)) with check (haechi_reads_case(item) and subject = haechi_subject());
-- Ballots are put in by one's own vote and counted only by the function below, so that nobody looks into an open vote.
create policy put on committee_ballots for insert to haechi_app
  with check (haechi_reads_case(item) and (subject is null or subject = haechi_subject()));
create function haechi_count_ballots(of_item uuid) returns table (choice text, n bigint, names text[])
language sql stable security definer set search_path = public as $$
  select b.choice, count(*), coalesce(array_agg(v.name order by v.name) filter (where b.subject is not null), '{}')
  from committee_ballots b left join committee_voted v on v.item = b.item and v.subject = b.subject
  where b.item = of_item and haechi_reads_case(of_item) and (select c.state from cases c where c.id = of_item) <> 'voting'
  group by b.choice
$$;
create policy everything on committee_members to haechi_worker using (true) with check (true);
create policy everything on committee_acting to haechi_worker using (true) with check (true);
create policy everything on committee_agenda to haechi_worker using (true) with check (true);
create policy everything on committee_present to haechi_worker using (true) with check (true);
create policy everything on committee_voted to haechi_worker using (true) with check (true);
grant select, insert, update on committee_members, committee_agenda to haechi_app;
grant select, insert on committee_acting, committee_present, committee_voted to haechi_app;
grant insert on committee_ballots to haechi_app;
grant delete on committee_present to haechi_app;
grant usage on sequence committee_acting_seq_seq to haechi_app, haechi_worker;
grant select, insert, update, delete on committee_members, committee_acting, committee_agenda, committee_present, committee_voted to haechi_worker;
