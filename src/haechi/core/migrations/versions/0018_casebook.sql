-- Public: good practice that was judged and published. Its author agreed to the credit that stands here.
create table casebook_entries (
  number text primary key,                     -- the case's
  case_id uuid unique references cases (id) on delete set null,
  round text not null,                         -- '2026-1'
  title text not null,
  credit text not null,                        -- a bureau, or a name and a bureau: as the author chose
  bureau text not null default '',
  content jsonb not null,                      -- the answers of the questionnaire, less who wrote them
  grams text[] not null default '{}',
  published_at timestamptz not null,
  withdrawn_at timestamptz,
  withdrawn_why text not null default ''
);
create index on casebook_entries (round, number) where withdrawn_at is null;
create index on casebook_entries using gin (grams);
alter table casebook_entries enable row level security;
create policy anybody on casebook_entries for select to haechi_app using (withdrawn_at is null);
create policy publish on casebook_entries for insert to haechi_app with check (haechi_works_case(case_id));
create policy take_back on casebook_entries for update to haechi_app using (haechi_works_case(case_id)) with check (haechi_works_case(case_id));
create policy office on casebook_entries for select to haechi_app using (haechi_works_case(case_id));
create policy everything on casebook_entries to haechi_worker using (true) with check (true);
grant select, insert on casebook_entries to haechi_app;
grant update (withdrawn_at, withdrawn_why) on casebook_entries to haechi_app;
grant select, insert, update on casebook_entries to haechi_worker;
