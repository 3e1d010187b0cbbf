-- On-site complaints: receipts, photos, routing, states.

create table complaints (
  id uuid primary key,
  receipt text not null unique,                -- '20261122-KDTW-4821': the day, and a part that cannot be guessed
  subject text not null,                       -- who reported: 'user:<id>', 'guest:<hash>', 'kakao:<hash>'
  key text not null,                           -- of the confirmation; sent twice it is one complaint
  kind text not null,                          -- services/s11_seoul_talk/complaints.yaml
  title text not null,
  details jsonb not null default '{}',         -- what was asked beyond the place, as [label, value] by field
  place text not null default '',              -- in the reporter's words
  lat double precision,
  lon double precision,
  gu text not null default '',
  dong text not null default '',
  office text not null,                        -- bureau or district that must act
  department text not null default '',         -- line of work there
  routed_because text not null check (routed_because <> ''),
  readers text[] not null check (cardinality(readers) > 0),   -- access tags of the receiving office
  known_to text[] not null default '{}',       -- offices that had it before
  state text not null default 'received'
    check (state in ('received', 'assigned', 'in_progress', 'done', 'transferred', 'rejected')),
  assignee text,
  assignee_name text not null default '',
  channel text not null default 'web',
  phone_salt bytea,                            -- scrypt over receipt and the last four digits; null: no phone given
  phone_check bytea,
  phone text not null default '',              -- whole number only where the reporter agreed to be called
  conversation_id uuid references conversations (id) on delete set null,
  rule text not null,                          -- of policy/complaints.yaml, by which the due day was counted
  received_at timestamptz not null,
  due_on date not null,
  state_at timestamptz not null,
  closed_at timestamptz,
  purge_after date,
  version integer not null default 0,
  unique (subject, key),
  check ((lat is null) = (lon is null))
);
create index on complaints using gin (readers);
create index on complaints (state, due_on);
create index on complaints (subject, received_at desc);
create table complaint_steps (
  id bigserial primary key,
  complaint_id uuid not null references complaints (id) on delete cascade,
  at timestamptz not null,
  state text not null,
  office text not null,
  by_subject text not null,
  by_name text not null default '',            -- as the reporter reads it: the office, never a private name
  note text not null default '',               -- told to the reporter
  internal boolean not null default false      -- a note among colleagues
);
create index on complaint_steps (complaint_id, id);
create table complaint_photos (
  id uuid primary key,
  subject text not null,
  complaint_id uuid references complaints (id) on delete cascade,
  created_at timestamptz not null,
  media_type text not null,
  width integer not null,
  height integer not null,
  data bytea not null,                         -- re-encoded: no metadata, nothing but the picture
  faces integer,                               -- blurred; null: nobody looked, so only the office in charge may see it
  plates_kept boolean not null,                -- the kind needs the number plate as evidence
  sha256 bytea not null
);
create index on complaint_photos (complaint_id);
create index on complaint_photos (created_at) where complaint_id is null;
create table complaint_links (                 -- one-time links by which a messenger's user sends a photo
  token_hash bytea primary key,
  subject text not null,
  conversation_id uuid,
  kind text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  photo_id uuid,                               -- set once: then the link is used up
  offered_lat double precision,                -- the place in the photo, until the person said yes or no
  offered_lon double precision,
  agreed_at timestamptz
);

alter table complaints enable row level security;
alter table complaint_steps enable row level security;
alter table complaint_photos enable row level security;
alter table complaint_links enable row level security;
create function haechi_handles(readers text[]) returns boolean language sql stable as
$$ select 'staff' = any (haechi_tags()) and (readers && haechi_tags() or haechi_has_role('admin')) $$;
create policy read on complaints for select to haechi_app
  using (subject = haechi_subject() or haechi_handles(readers) or haechi_handles(known_to));
create policy put on complaints for insert to haechi_app with check (subject = haechi_subject() and state = 'received');
-- Whoever hands a complaint on no longer handles it afterwards: the row after the change may be another office's.
create policy change on complaints for update to haechi_app using (haechi_handles(readers)) with check (true);
create policy read on complaint_steps for select to haechi_app using (exists (
  select from complaints c where c.id = complaint_id and (not internal or haechi_handles(c.readers))));
create policy put on complaint_steps for insert to haechi_app with check (exists (
  select from complaints c where c.id = complaint_id));
create policy own on complaint_photos for select to haechi_app using (subject = haechi_subject()
  or exists (select from complaints c where c.id = complaint_id and haechi_handles(c.readers)));
create policy put on complaint_photos for insert to haechi_app
  with check (subject = haechi_subject() and complaint_id is null);
create policy bind on complaint_photos for update to haechi_app
  using (subject = haechi_subject() and complaint_id is null) with check (subject = haechi_subject());
create policy everything on complaints to haechi_worker using (true) with check (true);
create policy everything on complaint_steps to haechi_worker using (true) with check (true);
create policy everything on complaint_photos to haechi_worker using (true) with check (true);
create policy everything on complaint_links to haechi_worker using (true) with check (true);
grant select, insert, update on complaints, complaint_photos to haechi_app;
grant select, insert on complaint_steps to haechi_app;
grant select, insert, update, delete on complaints, complaint_steps, complaint_photos, complaint_links to haechi_worker;
grant usage on sequence complaint_steps_id_seq to haechi_app, haechi_worker;
