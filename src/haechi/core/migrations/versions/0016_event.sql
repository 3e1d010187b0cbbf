-- Smart Life Week: editions, the drawn plan, the online hall, the programme, tickets and scans, meetings, the survey.

create table event_editions (
  id text primary key check (id ~ '^[0-9]{4}[a-z0-9-]*$'),
  name_ko text not null check (name_ko <> ''),
  name_en text not null default '',
  begins_on date not null,
  ends_on date not null,
  place text not null default '',
  aisle_m double precision not null default 3 check (aisle_m >= 0),   -- between two booths of a zone, metres
  tickets integer not null default 0 check (tickets >= 0),            -- how many may register; 0: no registration
  stated jsonb not null default '{}',          -- figures that a document gives: name → {value, source}; never measured here
  shown boolean not null default false,        -- whether the public sees it
  version integer not null default 0,
  check (ends_on >= begins_on)
);
create table event_spaces (                    -- halls, their zones, the zones' booths: rectangles in metres
  id uuid primary key,
  edition text not null references event_editions (id),
  kind text not null check (kind in ('hall', 'zone', 'booth')),
  code text not null check (code <> ''),
  parent uuid references event_spaces (id) on delete cascade,
  name_ko text not null default '',
  name_en text not null default '',
  x double precision not null default 0,
  y double precision not null default 0,
  w double precision not null default 0 check (w >= 0),
  d double precision not null default 0 check (d >= 0),
  area_m2 double precision check (area_m2 > 0),   -- as a document states it; null: width times depth
  power_kw double precision not null default 0,
  exhibitor uuid references cases (id) on delete set null,
  version integer not null default 0,
  unique (edition, code),
  unique (exhibitor),
  check ((kind = 'hall') = (parent is null)),
  check (exhibitor is null or kind = 'booth')
);
create index on event_spaces (parent);
create table event_online (                    -- public: a page of the online hall
  id uuid primary key,
  edition text not null references event_editions (id),
  case_id uuid unique references cases (id) on delete set null,
  name_ko text not null,
  name_en text not null default '',
  theme text not null default '',
  intro_ko text not null,
  intro_en text not null default '',
  website text not null default '',
  country text not null default '',
  grams text[] not null default '{}',
  published_at timestamptz not null
);
create index on event_online (edition, name_ko);
create index on event_online using gin (grams);
create table event_sessions (                  -- public: the programme
  id uuid primary key,
  edition text not null references event_editions (id),
  room text not null check (room <> ''),
  title_ko text not null check (title_ko <> ''),
  title_en text not null default '',
  begins timestamptz not null,
  ends timestamptz not null,
  languages text not null default '한국어',
  check (ends > begins),
  unique (edition, room, begins)
);
create table event_speakers (
  session uuid not null references event_sessions (id) on delete cascade,
  name text not null check (name <> ''),
  affiliation text not null default '',
  role text not null default '연사',
  primary key (session, name, affiliation)
);
create table event_tickets (
  code_sha256 text primary key,                -- the code itself is with its owner alone
  edition text not null references event_editions (id),
  kind text not null default '일반',
  name text not null,
  affiliation text not null default '',
  country text not null default '',
  made_at timestamptz not null,
  key text unique,
  cancelled_at timestamptz,
  purge_after date not null
);
create index on event_tickets (edition, made_at);
create table event_scans (                     -- one line a scan; the nonce is the device's, so that sending again is one scan
  nonce text primary key,
  edition text not null references event_editions (id),
  list text not null check (list in ('입장', '명찰')),
  code_sha256 text not null,
  outcome text not null check (outcome in ('확인', '이미 확인', '취소된 표', '없는 표')),
  first_at timestamptz,                        -- when the ticket was confirmed first, if this was not it
  at_device timestamptz not null,              -- when it was scanned, perhaps without a network
  at timestamptz not null,
  by text not null
);
create unique index on event_scans (edition, list, code_sha256) where outcome = '확인';
create table event_meetings (                  -- a city meets a company; people confirm what the machine proposes
  id uuid primary key,
  edition text not null references event_editions (id),
  city text not null,
  company text not null,
  wished_by text not null check (wished_by in ('도시', '기업', '양쪽')),
  begins timestamptz,
  ends timestamptz,
  place text not null default '',
  state text not null default '희망' check (state in ('희망', '제안', '확정', '거절')),
  version integer not null default 0,
  unique (edition, city, company)
);
create table event_survey (                    -- anonymous
  id uuid primary key default gen_random_uuid(),
  edition text not null references event_editions (id),
  satisfied integer not null check (satisfied between 1 and 5),
  again integer not null check (again between 1 and 5),
  best text not null default '',
  comment text not null default '',
  on_day date not null
);
create index on event_survey (edition);

alter table event_editions enable row level security;
alter table event_spaces enable row level security;
alter table event_online enable row level security;
alter table event_sessions enable row level security;
alter table event_speakers enable row level security;
alter table event_tickets enable row level security;
alter table event_scans enable row level security;
alter table event_meetings enable row level security;
alter table event_survey enable row level security;
create policy shown on event_editions for select to haechi_app using (shown or 'staff' = any (haechi_tags()));
create policy keep on event_editions to haechi_app using ('role:ai_team' = any (haechi_tags())) with check ('role:ai_team' = any (haechi_tags()));
create function haechi_event_shown(of_edition text) returns boolean
language sql stable security definer set search_path = public as $$
  select exists (select from event_editions e where e.id = of_edition and (e.shown or 'staff' = any (haechi_tags())))
$$;
create policy shown on event_spaces for select to haechi_app using (haechi_event_shown(edition));
create policy keep on event_spaces to haechi_app using ('role:ai_team' = any (haechi_tags())) with check ('role:ai_team' = any (haechi_tags()));
create policy shown on event_online for select to haechi_app using (haechi_event_shown(edition));
create policy keep on event_online to haechi_app using ('role:ai_team' = any (haechi_tags())) with check ('role:ai_team' = any (haechi_tags()));
create policy put on event_online for insert to haechi_app with check (case_id is not null and haechi_reads_case(case_id));
-- An exhibitor that withdraws gives its booth and its page back.
create function haechi_event_leave(of_case uuid) returns void
language sql volatile security definer set search_path = public as $$
  update event_spaces set exhibitor = null, version = version + 1 where exhibitor = of_case and haechi_reads_case(of_case);
  delete from event_online where case_id = of_case and haechi_reads_case(of_case);
$$;
create policy shown on event_sessions for select to haechi_app using (haechi_event_shown(edition));
create policy keep on event_sessions to haechi_app using ('role:ai_team' = any (haechi_tags())) with check ('role:ai_team' = any (haechi_tags()));
create policy shown on event_speakers for select to haechi_app using (exists (select from event_sessions s where s.id = session));
create policy keep on event_speakers to haechi_app using ('role:ai_team' = any (haechi_tags())) with check ('role:ai_team' = any (haechi_tags()));
create policy register on event_tickets for insert to haechi_app with check (haechi_event_shown(edition));
create policy office on event_tickets for select to haechi_app using ('role:ai_team' = any (haechi_tags()));
create policy office on event_scans to haechi_app using ('staff' = any (haechi_tags())) with check ('staff' = any (haechi_tags()) and by = haechi_subject());
create policy office on event_meetings to haechi_app using ('role:ai_team' = any (haechi_tags())) with check ('role:ai_team' = any (haechi_tags()));
create policy put on event_survey for insert to haechi_app with check (haechi_event_shown(edition));
create policy office on event_survey for select to haechi_app using ('staff' = any (haechi_tags()));
-- Awards given in a category, whoever asks: somebody kept out of a winner must still not give one award too many.
create function haechi_event_winners(of_edition text, of_category text) returns bigint
language sql stable security definer set search_path = public as $$
  select count(*) from cases c join case_filings f on f.case_id = c.id and f.form = 'award_entry' and f.author = ''
  where c.kind = 'award' and c.round = of_edition and c.state = 'winner' and f.answers ->> 'category' = of_category
$$;
-- What an edition came to, the same for all staff; nothing of persons.
create function haechi_event_figures(of_edition text) returns table (
  companies bigint, countries bigint, online bigint, sessions bigint, speakers bigint, registered bigint, visitors bigint,
  meetings bigint, winners bigint, answers bigint, satisfied numeric)
language sql stable security definer set search_path = public as $$
  select
    (select count(*) from cases c where c.kind = 'exhibitor' and c.round = of_edition and c.state in ('confirmed', 'setup', 'closed')),
    (select count(distinct o.country) from event_online o where o.edition = of_edition and o.country <> ''),
    (select count(*) from event_online o where o.edition = of_edition),
    (select count(*) from event_sessions s where s.edition = of_edition),
    (select count(distinct (p.name, p.affiliation)) from event_speakers p join event_sessions s on s.id = p.session where s.edition = of_edition),
    (select count(*) from event_tickets t where t.edition = of_edition and t.cancelled_at is null),
    (select count(*) from event_scans n where n.edition = of_edition and n.list = '입장' and n.outcome = '확인'),
    (select count(*) from event_meetings m where m.edition = of_edition and m.state = '확정'),
    (select count(*) from cases c where c.kind = 'award' and c.round = of_edition and c.state = 'winner'),
    (select count(*) from event_survey v where v.edition = of_edition),
    (select round(avg(v.satisfied), 2) from event_survey v where v.edition = of_edition)
  where 'staff' = any (haechi_tags())
$$;
-- What a ticket's holder may know or do with its code, and how many tickets are taken: names stay shut.
create function haechi_event_taken(of_edition text) returns bigint
language sql stable security definer set search_path = public as $$
  select count(*) from event_tickets where edition = of_edition and cancelled_at is null
$$;
create function haechi_event_ticket(sha text) returns table (edition text, kind text, name text, made_at timestamptz, cancelled_at timestamptz)
language sql stable security definer set search_path = public as $$
  select t.edition, t.kind, t.name, t.made_at, t.cancelled_at from event_tickets t where t.code_sha256 = sha
$$;
create function haechi_event_cancel(sha text, at timestamptz) returns integer
language plpgsql volatile security definer set search_path = public as $$
declare done integer;
begin
  update event_tickets set cancelled_at = at where code_sha256 = sha and cancelled_at is null
    and not exists (select from event_scans s where s.code_sha256 = sha and s.outcome = '확인');
  get diagnostics done = row_count;
  return done;
end $$;
create policy everything on event_editions to haechi_worker using (true) with check (true);
create policy everything on event_spaces to haechi_worker using (true) with check (true);
create policy everything on event_online to haechi_worker using (true) with check (true);
create policy everything on event_sessions to haechi_worker using (true) with check (true);
create policy everything on event_speakers to haechi_worker using (true) with check (true);
create policy everything on event_tickets to haechi_worker using (true) with check (true);
create policy everything on event_scans to haechi_worker using (true) with check (true);
create policy everything on event_meetings to haechi_worker using (true) with check (true);
create policy everything on event_survey to haechi_worker using (true) with check (true);
grant select, insert, update on event_editions, event_spaces, event_online, event_sessions, event_meetings to haechi_app;
grant delete on event_spaces, event_sessions, event_speakers, event_online to haechi_app;
grant select, insert on event_speakers, event_tickets, event_scans, event_survey to haechi_app;
grant select, insert, update, delete on event_editions, event_spaces, event_online, event_sessions, event_speakers, event_tickets,
  event_scans, event_meetings, event_survey to haechi_worker;
