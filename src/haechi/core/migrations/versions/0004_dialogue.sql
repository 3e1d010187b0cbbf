-- Conversations with bots: turns, answers kept by people (FAQ), scenarios, what stayed unanswered.

-- A conversation belongs to one audience for ever: what is said to a bot of the staff never reaches one of the citizens.
alter table conversations add column bot text not null default '';          -- who answers now; '' : /ask
alter table conversations add column audience text not null default 'citizen' check (audience in ('citizen', 'staff'));
alter table conversations add column channel text not null default 'web';
alter table conversations add column state jsonb not null default '{}';     -- engines/dialogue/ports.DialogueState
alter table conversations add column state_version integer not null default 0;
alter table conversations add column office text not null default '';
create index on conversations (purge_after);
alter table turns add column kind text not null default 'turn' check (kind in ('turn', 'citizen', 'agent', 'system'));
alter table turns add column author text not null default '';               -- of an agent's turn: as the citizen reads it
alter table turns add column bot text not null default '';
alter table turns add column said jsonb not null default '{}';              -- what came: text, choice, value; photos only by number
alter table turns add column events jsonb not null default '[]';            -- what was answered, whole, once it ended
alter table turns add column intent text not null default '';
alter table turns add column confidence double precision;
alter table turns drop constraint turns_state_check;
alter table turns add constraint turns_state_check check (state in
  ('accepted', 'answered', 'unknown', 'interrupted', 'asked', 'handed_off', 'refused', 'emergency', 'closed'));
create index on turns (state) where state = 'accepted';
-- Whoever left the staff no longer reads what they were told as staff.
drop policy own on conversations;
create policy own on conversations to haechi_app
  using (subject = haechi_subject() and (audience = 'citizen' or 'staff' = any (haechi_tags())))
  with check (subject = haechi_subject() and (audience = 'citizen' or 'staff' = any (haechi_tags())));
create table conversation_files (               -- photos of a form that is not sent yet; gone once it is sent or dropped
  id uuid primary key,
  conversation_id uuid not null references conversations (id) on delete cascade,
  name text not null,
  media_type text not null,
  content bytea not null,
  created_at timestamptz not null
);
create index on conversation_files (conversation_id);
create table unanswered (                       -- questions without an answer, personal data masked, without who asked
  id uuid primary key,
  bot text not null,
  audience text not null check (audience in ('citizen', 'staff')),
  text text not null,
  at timestamptz not null,
  reason text not null,
  cluster uuid,
  settled_at timestamptz,
  settled_by text not null default '',
  settled_how text not null default ''
);
create index on unanswered (bot, at desc) where settled_at is null;
alter table conversation_files enable row level security;
alter table unanswered enable row level security;
create policy own on conversation_files to haechi_app
  using (exists (select from conversations c where c.id = conversation_id and c.subject = haechi_subject()))
  with check (exists (select from conversations c where c.id = conversation_id and c.subject = haechi_subject()));
create policy put on unanswered for insert to haechi_app with check (true);
create policy read on unanswered for select to haechi_app using ('staff' = any (haechi_tags()));
create policy settle on unanswered for update to haechi_app using (haechi_has_role('staff') or haechi_has_role('ai_team') or haechi_has_role('admin'));
create policy everything on conversation_files to haechi_worker using (true) with check (true);
create policy everything on unanswered to haechi_worker using (true) with check (true);
grant select, insert, delete on conversation_files to haechi_app;
grant select, insert, update on unanswered to haechi_app;
grant select, insert, update, delete on conversation_files, unanswered to haechi_worker;

-- answers kept by people --------------------------------------------------------------------------------------------
create table kept_answers (
  id uuid primary key,
  kind text not null check (kind in ('faq', 'scenario')),
  bot text not null,
  audience text not null check (audience in ('citizen', 'staff')),
  bureau text not null references bureaux (id),
  created_by text not null,
  created_at timestamptz not null default now(),
  withdrawn_at timestamptz,
  withdrawn_by text not null default '',
  withdrawn_why text not null default ''
);
create index on kept_answers (bot, kind);
create table kept_answer_versions (            -- what was written never changes; a change is a new version
  answer_id uuid not null references kept_answers (id) on delete cascade,
  number integer not null,
  content jsonb not null,                      -- faq: question, answer, links; scenario: title, steps
  owner text not null check (owner <> ''),     -- the person who answers for it
  valid_from date not null,
  valid_until date not null check (valid_until >= valid_from),   -- inclusive; never served after
  state text not null default 'draft' check (state in ('draft', 'review', 'returned', 'published')),
  why text not null check (why <> ''),
  made_by text not null,
  made_by_name text not null,
  made_at timestamptz not null default now(),
  asked_at timestamptz,                        -- when the review was asked for
  decided_by text not null default '',
  decided_by_name text not null default '',
  decided_at timestamptz,
  decision_note text not null default '',
  primary key (answer_id, number)
);
create table kept_answer_phrases (             -- other ways to ask the same; they change when an answer is said, never what
  id uuid primary key,
  answer_id uuid not null references kept_answers (id) on delete cascade,
  phrase text not null,
  source text not null check (source in ('typed', 'unanswered')),
  added_by_name text not null,
  added_at timestamptz not null default now(),
  removed_by_name text not null default '',
  removed_at timestamptz
);
create unique index on kept_answer_phrases (answer_id, phrase) where removed_at is null;
create table kept_answers_changed (            -- counts changes a bot, for caches
  bot text primary key,
  version bigint not null
);
create table test_stories (
  id uuid primary key,
  bot text not null,
  bureau text not null references bureaux (id),
  title text not null,
  lines jsonb not null,                        -- [{said, expect, value}]
  made_by_name text not null,
  made_at timestamptz not null default now(),
  removed_at timestamptz
);
create index on test_stories (bot);
create table test_story_runs (
  id uuid primary key,
  bot text not null,
  bureau text not null,
  candidate uuid references kept_answers (id) on delete cascade,   -- null: what is published was tried
  candidate_number integer,
  ran_by_name text not null,
  ran_at timestamptz not null default now(),
  passed integer not null,
  failed integer not null,
  results jsonb not null                       -- [{story, title, passed, lines: [{said, expect, value, got, passed, why}]}]
);
create index on test_story_runs (bot, ran_at desc);

create function haechi_keep_words() returns trigger language plpgsql as $$
begin
  if (new.content, new.owner, new.valid_from, new.valid_until, new.why, new.made_by, new.made_at)
     is distinct from (old.content, old.owner, old.valid_from, old.valid_until, old.why, old.made_by, old.made_at)
     or (old.state = 'published' and new.state <> 'published') then
    raise exception 'a version of an answer is never rewritten' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$;
create trigger keep_words before update on kept_answer_versions for each row execute function haechi_keep_words();

alter table kept_answers enable row level security;
alter table kept_answer_versions enable row level security;
alter table kept_answer_phrases enable row level security;
alter table test_stories enable row level security;
alter table test_story_runs enable row level security;
-- Published words are read by those whom the bot serves; drafts by the owning bureau, the AI team and the auditors.
create function haechi_sees_drafts(owner_bureau text) returns boolean language sql stable as
$$ select haechi_may_manage(owner_bureau) or haechi_has_role('ai_team') or haechi_has_role('auditor') $$;
create policy read on kept_answers for select to haechi_app
  using (audience = 'citizen' or 'staff' = any (haechi_tags()) or haechi_may_manage(bureau));
create policy put on kept_answers for insert to haechi_app with check (haechi_may_manage(bureau));
create policy change on kept_answers for update to haechi_app
  using (haechi_may_manage(bureau)) with check (haechi_may_manage(bureau));
create policy read on kept_answer_versions for select to haechi_app using (exists (
  select from kept_answers a where a.id = answer_id and (state = 'published' or haechi_sees_drafts(a.bureau))));
create policy put on kept_answer_versions for insert to haechi_app with check (exists (
  select from kept_answers a where a.id = answer_id and haechi_may_manage(a.bureau)));
create policy change on kept_answer_versions for update to haechi_app using (exists (
  select from kept_answers a where a.id = answer_id and haechi_may_manage(a.bureau)));
create policy read on kept_answer_phrases for select to haechi_app using (exists (
  select from kept_answers a where a.id = answer_id));
create policy put on kept_answer_phrases for insert to haechi_app with check (exists (
  select from kept_answers a where a.id = answer_id and haechi_may_manage(a.bureau)));
create policy change on kept_answer_phrases for update to haechi_app using (exists (
  select from kept_answers a where a.id = answer_id and haechi_may_manage(a.bureau)));
create policy read on test_stories for select to haechi_app using ('staff' = any (haechi_tags()));
create policy put on test_stories for insert to haechi_app with check (haechi_may_manage(bureau));
create policy change on test_stories for update to haechi_app using (haechi_may_manage(bureau));
create policy read on test_story_runs for select to haechi_app using ('staff' = any (haechi_tags()));
create policy put on test_story_runs for insert to haechi_app with check (haechi_may_manage(bureau));
create policy everything on kept_answers to haechi_worker using (true) with check (true);
create policy everything on kept_answer_versions to haechi_worker using (true) with check (true);
create policy everything on kept_answer_phrases to haechi_worker using (true) with check (true);
create policy everything on test_stories to haechi_worker using (true) with check (true);
create policy everything on test_story_runs to haechi_worker using (true) with check (true);
grant select, insert, update on kept_answers, kept_answer_versions, kept_answer_phrases, kept_answers_changed,
  test_stories to haechi_app, haechi_worker;
grant select, insert on test_story_runs to haechi_app, haechi_worker;
