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

-- The staff messenger: whose messenger account belongs to whom, proved by a code from the person's own page.
create table messenger_codes (
  code_hash bytea primary key,
  user_id uuid not null references users (id) on delete cascade,
  expires_at timestamptz not null
);
create table messenger_links (
  program text not null,                     -- the key with which the messenger calls: 'key:<prefix>'
  account text not null,                     -- as the messenger names the person
  user_id uuid not null references users (id) on delete cascade,
  linked_at timestamptz not null,
  conversation_id uuid,                      -- the conversation that goes on; looked up with the person's own rights
  asked_at timestamptz,
  primary key (program, account)
);
create index on messenger_links (user_id);
alter table messenger_links enable row level security;
alter table messenger_codes enable row level security;
-- The program finds its own links; a person sees and ends theirs.
create policy program on messenger_links to haechi_app using (program = haechi_subject()) with check (program = haechi_subject());
create policy own on messenger_links to haechi_app
  using ('user:' || user_id::text = haechi_subject()) with check ('user:' || user_id::text = haechi_subject());
create policy own on messenger_codes to haechi_app
  using ('user:' || user_id::text = haechi_subject()) with check ('user:' || user_id::text = haechi_subject());
create policy taken on messenger_codes to haechi_app using (haechi_subject() like 'key:%');
create policy everything on messenger_links to haechi_worker using (true) with check (true);
create policy everything on messenger_codes to haechi_worker using (true) with check (true);
grant select, insert, update, delete on messenger_links, messenger_codes to haechi_app, haechi_worker;

-- What was used, without the words of a call: for the departments that answer for it.
create view model_usage with (security_barrier) as
select id, at, tenant, subject, bureau, service, bot, alias, backend, kind, lane, state, streamed, tokens_in, tokens_out, counted,
  microwon, won, wait_ms, first_token_ms, latency_ms, milliwatthours, co2_milligrams, energy_method
from model_calls where haechi_of_tenant(tenant) or subject = haechi_subject();
grant select on model_usage to haechi_app;
