-- Bots: cards, versions, documents, test questions.
-- A bot's documents carry the tag 'bot:<id>' (what is published) or 'bot:<id>:draft' (what its office works on) in
-- documents.access and passages.access. bot_documents is the truth; triggers keep the tags equal to it, whoever writes.

create table bots (
  id text primary key check (id ~ '^[a-z][a-z0-9_]{1,39}$'),
  kind text not null check (kind in ('service', 'department')),
  service integer,                             -- number of the 45; null for a department's own bot
  name_ko text not null check (name_ko <> ''),
  name_en text not null default '',
  audience text not null check (audience in ('citizen', 'staff')),
  bureau text not null,                        -- whose bot it is; cards of services may name offices outside the register
  purpose text not null default '',
  greeting text not null default '',
  does text[] not null default '{}',
  does_not text[] not null default '{}',
  examples text[] not null default '{}',
  office text not null default '',             -- whom to ask instead
  phone text not null default '',
  built boolean not null default false,
  emergency boolean not null default false,
  state text not null default 'draft' check (state in ('draft', 'tested', 'published', 'withdrawn')),
  published_number integer,                    -- the version in service; null while none is
  switched_on boolean not null default true,
  off_why text not null default '',
  switched_by text not null default '',
  switched_at timestamptz,
  revision integer not null default 1,         -- counts changes of what its office says and of its documents
  created_by text not null,
  created_at timestamptz not null default now(),
  check (switched_on or off_why <> ''),
  check ((state = 'published' and kind = 'department') = (published_number is not null))
);
create index on bots (bureau);
create table bot_documents (
  bot_id text not null references bots (id) on delete cascade,
  document_id uuid not null references documents (id) on delete cascade,
  edition text not null check (edition in ('draft', 'published')),
  added_by text not null,
  added_at timestamptz not null default now(),
  primary key (bot_id, edition, document_id)
);
create index on bot_documents (document_id);
create table bot_questions (                    -- the office's own test questions
  id uuid primary key,
  place bigserial,
  bot_id text not null references bots (id) on delete cascade,
  question text not null check (question <> ''),
  expected text not null default '',           -- what the answer must contain; '' when only the document is named
  unknown boolean not null default false,      -- the right answer is 모름
  document_id uuid references documents (id) on delete set null,
  proposed boolean not null default false,     -- made from the documents; counts only once a person accepts it
  made_by text not null,
  accepted_by text not null default '',
  made_at timestamptz not null default now(),
  check (proposed = (accepted_by = ''))
);
create unique index on bot_questions (bot_id, question);
create table bot_scores (
  id uuid primary key,
  bot_id text not null references bots (id) on delete cascade,
  at timestamptz not null,
  revision integer not null,                   -- of the bot, when it was tested
  by_subject text not null,
  by_name text not null,
  tags text[] not null,                        -- the rights that the questions were asked with; one must hold them all to see it
  knowledge_version bigint not null,
  model text not null,
  figures jsonb not null,                      -- {name: {count, n, value, low, high}}
  passed boolean not null,
  rows jsonb not null                          -- each question with its answer, citations and verdicts
);
create index on bot_scores (bot_id, at desc);
create table bot_versions (                     -- what was published never changes
  bot_id text not null references bots (id) on delete cascade,
  number integer not null,
  revision integer not null,
  published_at timestamptz not null,
  published_by text not null,
  by_name text not null,
  content jsonb not null,                      -- name, audience, greeting, examples, contact, documents [{document, version}]
  changes jsonb not null,                      -- [{what, before, after}] against the version before
  score_id uuid references bot_scores (id),
  warnings text[] not null default '{}',
  confirmed_why text not null default '',      -- why it was published in spite of the warnings
  primary key (bot_id, number),
  check (cardinality(warnings) = 0 or confirmed_why <> '')
);
create table bot_events (                       -- what happened to a bot, for its page
  id bigserial primary key,
  bot_id text not null references bots (id) on delete cascade,
  at timestamptz not null default now(),
  by_name text not null default '',
  what text not null,
  why text not null default '',
  document_id uuid
);
create index on bot_events (bot_id, id desc);

-- a collection's tags follow bot_documents ----------------------------------------------------------------------------
create function haechi_collections(wanted uuid) returns text[] language sql stable security definer set search_path = public as
$$ select coalesce(array_agg('bot:' || bot_id || case edition when 'draft' then ':draft' else '' end order by bot_id, edition), '{}')
   from bot_documents where document_id = wanted $$;
create function haechi_with_collections(access text[], wanted uuid) returns text[] language sql stable as
$$ select coalesce((select array_agg(tag) from unnest(access) tag where tag not like 'bot:%'), '{}') || haechi_collections(wanted) $$;

-- Whoever writes a document's readers (an upload, a change of rights, a folder) leaves its collections as they are.
create function haechi_tag_document() returns trigger language plpgsql as $$
begin
  new.access := haechi_with_collections(new.access, new.id);
  return new;
end $$;
create function haechi_tag_passage() returns trigger language plpgsql as $$
begin
  new.access := haechi_with_collections(new.access, new.document_id);
  return new;
end $$;
create trigger tag_document before insert or update of access on documents for each row execute function haechi_tag_document();
create trigger tag_passage before insert or update of access on passages for each row execute function haechi_tag_passage();

create function haechi_collection_changed() returns trigger language plpgsql security definer set search_path = public as $$
begin
  update passages set access = access where document_id in (select document_id from changed);
  update documents set access = access where id in (select document_id from changed);
  -- Only what leaves is a withdrawal, for which every asker waits.
  insert into index_log (op, document_id)
    select distinct case tg_op when 'DELETE' then 'rights' else 'add' end, document_id from changed;
  update bots set revision = revision + 1, state = case when state = 'tested' then 'draft' else state end
    where id in (select bot_id from changed where edition = 'draft');
  return null;
end $$;
create trigger collection_grew after insert on bot_documents
  referencing new table as changed for each statement execute function haechi_collection_changed();
create trigger collection_shrank after delete on bot_documents
  referencing old table as changed for each statement execute function haechi_collection_changed();

-- A citizens' bot carries only what is public: neither a slip of a hand nor of a program puts anything else in.
create function haechi_fit_for_bot() returns trigger language plpgsql security definer set search_path = public as $$
begin
  if exists (select from bots b, documents d where b.id = new.bot_id and d.id = new.document_id
             and (d.deleted_at is not null or b.audience = 'citizen' and d.grade <> 'public')) then
    raise check_violation using message = 'a citizens'' bot carries only public documents', constraint = 'bot_documents_public';
  end if;
  return new;
end $$;
create trigger fit_for_bot before insert or update on bot_documents for each row execute function haechi_fit_for_bot();
create function haechi_audience_fits() returns trigger language plpgsql security definer set search_path = public as $$
begin
  if new.audience = 'citizen' and exists (select from bot_documents m join documents d on d.id = m.document_id
                                          where m.bot_id = new.id and d.grade <> 'public') then
    raise check_violation using message = 'a citizens'' bot carries only public documents', constraint = 'bot_documents_public';
  end if;
  return new;
end $$;
create trigger audience_fits before update of audience on bots for each row execute function haechi_audience_fits();

-- A document whose grade is raised leaves the citizens' bots, and a deleted one every bot, in the same transaction.
create function haechi_leave_bots() returns trigger language plpgsql security definer set search_path = public as $$
begin
  with gone as (
    delete from bot_documents m using bots b where b.id = m.bot_id and m.document_id = new.id
      and (new.deleted_at is not null or b.audience = 'citizen' and new.grade <> 'public')
    returning m.bot_id
  )
  insert into bot_events (bot_id, what, document_id)
    select distinct bot_id, case when new.deleted_at is null then 'document_closed' else 'document_deleted' end, new.id from gone;
  return null;
end $$;
create trigger leave_bots after update of grade, deleted_at on documents for each row
  when (new.grade <> 'public' or new.deleted_at is not null) execute function haechi_leave_bots();

-- Nobody holds a collection's tag.
alter table api_keys add constraint no_collection_tags check (array_to_string(tags, '|') !~ '(^|\|)bot:');

-- who may see what ----------------------------------------------------------------------------------------------------
create function haechi_is_staff() returns boolean language sql stable as $$ select 'staff' = any (haechi_tags()) $$;
create function haechi_may_run_bot(wanted text) returns boolean language sql stable security definer set search_path = public as
$$ select exists (select from bots b where b.id = wanted and haechi_may_manage(b.bureau)) $$;
create function haechi_bot_exists(wanted text) returns boolean language sql stable security definer set search_path = public as
$$ select exists (select from bots b where b.id = wanted) $$;
-- The whole collection, with what its publisher may not read himself: a colleague who may has put it in.
create function haechi_publish_collection(wanted text, by_whom text) returns setof uuid
language plpgsql security definer set search_path = public as $$
begin
  if not haechi_may_run_bot(wanted) then raise insufficient_privilege; end if;
  delete from bot_documents m where bot_id = wanted and edition = 'published' and not exists
    (select from bot_documents d where d.bot_id = wanted and d.edition = 'draft' and d.document_id = m.document_id);
  insert into bot_documents (bot_id, document_id, edition, added_by)
    select wanted, document_id, 'published', by_whom from bot_documents where bot_id = wanted and edition = 'draft'
    on conflict do nothing;
  return query select document_id from bot_documents where bot_id = wanted and edition = 'published' order by 1;
end $$;
create function haechi_withdraw_collection(wanted text) returns void
language plpgsql security definer set search_path = public as $$
begin
  if not haechi_may_run_bot(wanted) then raise insufficient_privilege; end if;
  delete from bot_documents where bot_id = wanted and edition = 'published';
end $$;
-- What people say of a bot's answers, as two counts: whose answers and words they are stays with those who may see them.
create function haechi_bot_feedback(wanted text) returns table (helpful bigint, not_helpful bigint)
language plpgsql stable security definer set search_path = public as $$
begin
  return query select count(*) filter (where f.helpful), count(*) filter (where not f.helpful)
    from feedback f join turns t on t.id = f.turn_id where t.bot = wanted;
end $$;
alter table bots enable row level security;
alter table bot_documents enable row level security;
alter table bot_questions enable row level security;
alter table bot_scores enable row level security;
alter table bot_versions enable row level security;
alter table bot_events enable row level security;

create policy read on bots for select to haechi_app using (
  audience = 'citizen' and state = 'published' or haechi_is_staff() and (state in ('published', 'withdrawn') or haechi_may_manage(bureau))
  or haechi_may_manage(bureau) or haechi_has_role('ai_team') or haechi_has_role('auditor'));
create policy make on bots for insert to haechi_app with check (kind = 'department' and haechi_may_manage(bureau));
create policy change on bots for update to haechi_app
  using (haechi_may_manage(bureau) or haechi_has_role('ai_team')) with check (haechi_may_manage(bureau) or haechi_has_role('ai_team'));
create policy remove on bots for delete to haechi_app using (kind = 'department' and haechi_may_manage(bureau));
-- Of a bot's documents one sees those that one may read.
create policy read on bot_documents for select to haechi_app
  using (exists (select from documents d where d.id = document_id) and exists (select from bots b where b.id = bot_id));
create policy put on bot_documents for insert to haechi_app
  with check (haechi_may_run_bot(bot_id) and exists (select from documents d where d.id = document_id));
create policy remove on bot_documents for delete to haechi_app using (haechi_may_run_bot(bot_id));
create policy own on bot_questions to haechi_app using (haechi_may_run_bot(bot_id)) with check (haechi_may_run_bot(bot_id));
create policy read on bot_scores for select to haechi_app using (
  tags <@ haechi_tags() and (haechi_may_run_bot(bot_id) or haechi_has_role('ai_team') or haechi_has_role('auditor')));
create policy put on bot_scores for insert to haechi_app with check (tags <@ haechi_tags() and haechi_may_run_bot(bot_id));
create policy read on bot_versions for select to haechi_app using (exists (select from bots b where b.id = bot_id));
create policy put on bot_versions for insert to haechi_app with check (haechi_may_run_bot(bot_id));
create policy read on bot_events for select to haechi_app using (haechi_is_staff());
create policy put on bot_events for insert to haechi_app with check (exists (select from bots b where b.id = bot_id));

do $$ declare named text; begin
  foreach named in array array['bots', 'bot_documents', 'bot_questions', 'bot_scores', 'bot_versions', 'bot_events'] loop
    execute format('create policy everything on %I to haechi_worker using (true) with check (true)', named);
    execute format('grant select, insert, update, delete on %I to haechi_app, haechi_worker', named);
  end loop;
end $$;
revoke update, delete on bot_versions from haechi_app, haechi_worker;
grant usage on all sequences in schema public to haechi_app, haechi_worker;
