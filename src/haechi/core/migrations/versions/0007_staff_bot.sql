-- The staff bot: reminders of stale documents, templates, messenger.
create table stale_notices (
  id uuid primary key,
  document_id uuid not null references documents (id) on delete cascade,
  bureau text not null,                      -- whose desk it lies on: the document's at the time
  rule text not null,                        -- of policy/freshness.yaml
  detail jsonb not null default '{}',        -- what the rule's sentence is filled with
  state text not null default 'open' check (state in ('open', 'confirmed', 'replaced', 'withdrawn')),
  raised_on date not null,
  ended_at timestamptz,
  ended_by text not null default '',
  note text not null default ''
);
create unique index on stale_notices (document_id, rule) where state = 'open';
create index on stale_notices (bureau, state);

alter table stale_notices enable row level security;
-- Whoever reads the document sees that it is old; its bureau ends the notice.
create policy read on stale_notices for select to haechi_app
  using (exists (select from documents d where d.id = document_id));
create policy end_ on stale_notices for update to haechi_app using (haechi_may_manage(bureau)) with check (haechi_may_manage(bureau));
create policy everything on stale_notices to haechi_worker using (true) with check (true);
grant select, update on stale_notices to haechi_app;
grant select, insert, update, delete on stale_notices to haechi_worker;

-- A reply to a citizen's letter is a draft like the others.
alter table drafts drop constraint drafts_kind_check;
alter table drafts add constraint drafts_kind_check check (kind in ('press_release', 'report', 'reply'));
