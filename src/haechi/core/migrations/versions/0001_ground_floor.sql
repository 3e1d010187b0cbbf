-- The ground floor: people, register, library, conversations, and what is written down of them.
-- Roles (made by city/database.py before this runs): haechi_owner owns everything; haechi_app serves people and is bound
-- by row-level security; haechi_worker reads documents, indexes and sweeps.

-- Who is asking, set for each transaction by core/store.py. Unset means: nobody, who may see only what is public.
create function haechi_tags() returns text[] language sql stable as
$$ select coalesce(nullif(current_setting('haechi.tags', true), ''), '{public}')::text[] $$;
create function haechi_subject() returns text language sql stable as
$$ select coalesce(nullif(current_setting('haechi.subject', true), ''), 'nobody') $$;
create function haechi_bureau() returns text language sql stable as
$$ select coalesce(nullif(current_setting('haechi.bureau', true), ''), '') $$;
create function haechi_has_role(role text) returns boolean language sql stable as
$$ select role = any (coalesce(nullif(current_setting('haechi.roles', true), ''), '{}')::text[]) $$;

-- people ----------------------------------------------------------------------------------------------------------
create table bureaux (
  id text primary key,                       -- the Korean name as the city writes it
  name_en text not null default '',
  contact_name text not null default '',
  contact_phone text not null default ''
);
create table users (
  id uuid primary key,
  login text not null unique check (login = lower(login)),
  name text not null,
  email text not null default '',
  roles text[] not null default '{citizen}',
  bureau text references bureaux (id),
  password_hash text,                        -- argon2id; null: only OpenID Connect
  oidc_issuer text,
  oidc_subject text,
  active boolean not null default true,
  must_change_password boolean not null default false,
  language text not null default 'ko' check (language in ('ko', 'en')),
  created_at timestamptz not null default now(),
  unique (oidc_issuer, oidc_subject)
);
create table sessions (
  token_hash bytea primary key,              -- sha256 of the cookie; the cookie itself is never stored
  user_id uuid not null references users (id) on delete cascade,
  csrf text not null,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  address text not null default '',
  agent text not null default ''
);
create index on sessions (user_id);
create table login_attempts (
  subject text primary key,                  -- 'login:<name>' or 'address:<ip>'
  failures integer not null,
  first_at timestamptz not null,
  locked_until timestamptz
);
create table oidc_flows (
  state text primary key,
  verifier text not null,
  nonce text not null,
  next text not null default '/',
  created_at timestamptz not null default now()
);
create table api_keys (
  id uuid primary key,
  prefix text not null unique,               -- shown to people; finds the row
  secret_hash bytea not null,                -- sha256 of a 256-bit random secret
  holder text not null,                      -- 'service:39', 'bureau:복지실', 'user:<id>'
  tags text[] not null,                      -- access tags that the key reads with
  scopes text[] not null,
  note text not null default '',
  created_by uuid references users (id),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz
);

-- what is written down --------------------------------------------------------------------------------------------
create table audit_log (
  seq bigint primary key,
  at timestamptz not null,
  actor text not null,                       -- 'user:<id>', 'key:<prefix>', 'system'
  action text not null,
  resource text not null,
  detail jsonb not null,
  previous bytea not null,                   -- hash of the entry before; 32 zero bytes for the first
  hash bytea not null
);
create index on audit_log (resource);
create index on audit_log (at);
create table audit_heads (
  day date primary key,                      -- Seoul's calendar
  seq bigint not null,
  hash bytea not null,
  published_at timestamptz not null default now()
);
create table events (                         -- outbox, CloudEvents 1.0 attributes
  seq bigserial primary key,
  id uuid not null,
  source text not null,
  type text not null,
  subject text not null default '',
  time timestamptz not null,
  data jsonb not null,
  unique (source, id)
);
create index on events (type, seq);

-- services --------------------------------------------------------------------------------------------------------
create table register (
  number integer primary key,
  slug text not null unique,
  manifest jsonb not null,
  registered_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create table outcomes (
  id uuid primary key,
  service integer not null,
  at timestamptz not null,
  subject text not null,                     -- who asked, as haechi_subject()
  outcome jsonb not null
);
create index on outcomes (service, at);

-- library ---------------------------------------------------------------------------------------------------------
create table documents (
  id uuid primary key,
  title text not null,
  bureau text not null references bureaux (id),
  grade text not null check (grade in ('public', 'staff', 'bureau', 'named')),
  access text[] not null check (cardinality(access) > 0),
  licence text not null default '',          -- 공공누리 type, '' unknown
  kind text not null default 'documents' check (kind in ('documents', 'colloquial', 'statutes')),
  contact_name text not null default '',
  contact_phone text not null default '',
  source text not null default 'upload' check (source in ('upload', 'folder', 'api', 'demo')),
  source_key text,                           -- path in a watched folder, or an idempotency key
  created_by text not null,
  created_at timestamptz not null default now(),
  review_by date,                            -- when the owner must look at it again
  deleted_at timestamptz,
  unique (source, source_key)
);
create index on documents using gin (access);
create index on documents (bureau);
create table versions (
  id uuid primary key,
  document_id uuid not null references documents (id) on delete cascade,
  number integer not null,
  filename text not null,
  sha256 text not null,
  bytes bigint not null,
  original bytea,                            -- null once the document is deleted
  media_type text not null default '',
  pages integer,
  effective_from date,
  effective_to date,                         -- exclusive; set when the next version takes over
  revised_on date,
  state text not null default 'received'
    check (state in ('received', 'reading', 'searchable', 'complete', 'failed')),
  attempts integer not null default 0,
  lease_until timestamptz,
  error_code text not null default '',
  error text not null default '',
  next_step text not null default '',
  warnings text[] not null default '{}',
  metadata jsonb not null default '{}',
  created_by text not null,
  created_at timestamptz not null default now(),
  searchable_at timestamptz,
  complete_at timestamptz,
  unique (document_id, number)
);
create index on versions (state, created_at) where state in ('received', 'reading', 'searchable');
create table passages (
  id text primary key,                       -- '<version id>:<ordinal>'
  document_id uuid not null references documents (id) on delete cascade,
  version_id uuid not null references versions (id) on delete cascade,
  ordinal integer not null,
  text text not null,
  title text not null,
  heading_path text[] not null default '{}',
  page integer,
  article text not null default '',
  table_data jsonb,
  access text[] not null,
  valid_from date,
  valid_to date,
  kind text not null default 'documents',
  terms jsonb,                               -- content words with weights; null until the background job was here
  vectors bytea,                             -- float16, row-major (n, dimensions): windows, then sentences; null until embedded
  windows smallint,                          -- how many of the rows are windows
  vector_model text not null default ''
);
create index on passages (document_id);
create index on passages (version_id, ordinal);
create index on passages (id) where terms is null;
create index on passages (id) where vectors is null;
create table index_log (                      -- what the search index has to do, in order
  seq bigserial primary key,
  op text not null check (op in ('add', 'remove', 'enrich', 'rights')),
  document_id uuid not null,
  version_id uuid,
  at timestamptz not null default now()
);
create index on index_log (document_id, seq);
create table watched_folders (
  id uuid primary key,
  path text not null unique,
  bureau text not null references bureaux (id),
  grade text not null,
  access text[] not null,
  kind text not null default 'documents',
  created_by text not null,
  last_scan_at timestamptz,
  last_error text not null default ''
);

-- asking ----------------------------------------------------------------------------------------------------------
create table conversations (
  id uuid primary key,
  subject text not null,                     -- whose it is: 'user:<id>' or 'guest:<hash>'
  service integer not null default 39,
  title text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  purge_after date not null
);
create index on conversations (subject, updated_at desc);
create table turns (
  id uuid primary key,
  conversation_id uuid not null references conversations (id) on delete cascade,
  number integer not null,
  asked_at timestamptz not null default now(),
  question text not null,
  resolved_question text not null default '',
  state text not null default 'accepted' check (state in ('accepted', 'answered', 'unknown', 'interrupted')),
  answer text not null default '',
  citations jsonb not null default '[]',
  grounding jsonb not null default '{}',
  model text not null default '',
  elapsed_ms integer,
  unique (conversation_id, number)
);
create table answer_cache (
  key text primary key,                      -- sha256 over question, access tags, day, model, tuning
  document_ids uuid[] not null,
  tags text[] not null,
  knowledge_version bigint not null,
  events jsonb not null,
  created_at timestamptz not null default now()
);
create index on answer_cache using gin (document_ids);
create table feedback (
  id uuid primary key,
  turn_id uuid references turns (id) on delete set null,
  document_id uuid references documents (id) on delete set null,
  bureau text,                               -- whose desk it lies on
  subject text not null,                     -- who gave it
  tags text[] not null,                      -- what they could read; the question is asked again with no more than that
  helpful boolean not null,
  reason text not null default '',
  note text not null default '',
  question text not null,
  answer_before text not null,
  state text not null default 'open' check (state in ('open', 'mended', 'closed', 'declined')),
  mended_version_id uuid references versions (id) on delete set null,
  answer_after text not null default '',
  closing_note text not null default '',
  created_at timestamptz not null default now(),
  closed_at timestamptz
);
create index on feedback (bureau, state);
create table drafts (
  id uuid primary key,
  subject text not null,
  kind text not null check (kind in ('press_release', 'report')),
  title text not null,
  plan_filename text not null,
  plan_sha256 text not null,
  content jsonb not null,                    -- paragraphs, and for each figure the passage of the plan it stands in
  created_at timestamptz not null default now()
);

-- who may see what ------------------------------------------------------------------------------------------------
alter table documents enable row level security;
alter table versions enable row level security;
alter table passages enable row level security;
alter table conversations enable row level security;
alter table turns enable row level security;
alter table answer_cache enable row level security;
alter table feedback enable row level security;
alter table drafts enable row level security;

-- A document is seen by whoever shares a tag with it. It is written by staff of its bureau, or by an administrator.
create function haechi_may_manage(owner_bureau text) returns boolean language sql stable as
$$ select haechi_has_role('admin') or (haechi_has_role('staff') and owner_bureau = haechi_bureau()) $$;

create policy read on documents for select to haechi_app using (access && haechi_tags());
create policy put on documents for insert to haechi_app with check (haechi_may_manage(bureau));
create policy change on documents for update to haechi_app
  using (access && haechi_tags() and haechi_may_manage(bureau)) with check (haechi_may_manage(bureau));
create policy read on versions for select to haechi_app
  using (exists (select from documents d where d.id = document_id));
create policy put on versions for insert to haechi_app
  with check (exists (select from documents d where d.id = document_id and haechi_may_manage(d.bureau)));
create policy change on versions for update to haechi_app
  using (exists (select from documents d where d.id = document_id and haechi_may_manage(d.bureau)));
create policy read on passages for select to haechi_app using (access && haechi_tags());
create policy change on passages for update to haechi_app
  using (exists (select from documents d where d.id = document_id and haechi_may_manage(d.bureau)));
create policy remove on passages for delete to haechi_app
  using (exists (select from documents d where d.id = document_id and haechi_may_manage(d.bureau)));
create policy own on conversations to haechi_app
  using (subject = haechi_subject()) with check (subject = haechi_subject());
create policy own on turns to haechi_app
  using (exists (select from conversations c where c.id = conversation_id))
  with check (exists (select from conversations c where c.id = conversation_id));
create policy read on answer_cache for select to haechi_app using (tags = haechi_tags());
create policy put on answer_cache for insert to haechi_app with check (tags = haechi_tags());
create policy give on feedback for insert to haechi_app with check (subject = haechi_subject());
create policy read on feedback for select to haechi_app
  using (subject = haechi_subject() or haechi_may_manage(bureau) or haechi_has_role('ai_team') and bureau is null);
create policy mend on feedback for update to haechi_app
  using (haechi_may_manage(bureau) or haechi_has_role('ai_team') and bureau is null);
create policy own on drafts to haechi_app
  using (subject = haechi_subject()) with check (subject = haechi_subject());

create policy everything on documents to haechi_worker using (true) with check (true);
create policy everything on versions to haechi_worker using (true) with check (true);
create policy everything on passages to haechi_worker using (true) with check (true);
create policy everything on conversations to haechi_worker using (true) with check (true);
create policy everything on turns to haechi_worker using (true) with check (true);
create policy everything on answer_cache to haechi_worker using (true) with check (true);
create policy everything on feedback to haechi_worker using (true) with check (true);
create policy everything on drafts to haechi_worker using (true) with check (true);

grant usage on schema public to haechi_app, haechi_worker;
grant select, insert, update, delete on all tables in schema public to haechi_worker;
grant select, insert, update, delete on all tables in schema public to haechi_app;
grant usage on all sequences in schema public to haechi_app, haechi_worker;
-- The log can be added to and read, never changed, by anybody who serves.
revoke update, delete on audit_log, audit_heads from haechi_app, haechi_worker;
revoke update, delete on events from haechi_app, haechi_worker;

-- A removed or re-graded document takes every answer that rests on it along, whoever's it is (runs as the owner).
create function haechi_forget_answers() returns trigger language plpgsql security definer set search_path = public as $$
begin
  delete from answer_cache where document_ids @> array[new.document_id];
  perform pg_notify('haechi_index', new.seq::text);
  return null;
end $$;
-- Numbers are given under a lock held to the end of the transaction: who follows the log by number misses nothing that
-- a slower transaction commits later under a lower number.
create function haechi_number_in_order() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(72019);
  new.seq := nextval('index_log_seq_seq');
  return new;
end $$;
create trigger number_in_order before insert on index_log for each row execute function haechi_number_in_order();
create trigger forget_answers after insert on index_log for each row execute function haechi_forget_answers();
create function haechi_new_work() returns trigger language plpgsql as $$
begin
  perform pg_notify('haechi_work', new.id::text);
  return null;
end $$;
create trigger new_work after insert on versions for each row execute function haechi_new_work();
