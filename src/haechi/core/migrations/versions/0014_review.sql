-- Pre-review, consulting, advice, trials: what is counted, joined, or kept from some eyes; the rest lives in cases.

create table review_rounds (                   -- a window of pre-review, a demand survey, a sitting of the advisory board
  id text primary key check (id <> ''),
  kind text not null check (kind in ('pre_review', 'consulting', 'advice')),
  title text not null check (title <> ''),
  opens_on date not null,
  closes_on date not null,
  due_on date,                                 -- consulting: the report's last day; advice: the day of the sitting
  seats integer check (seats > 0),             -- consulting: how many are chosen; advice: how many items one sitting takes
  cap_won bigint check (cap_won > 0),          -- pre_review: what all approved projects may cost together; null: 미상
  place text not null default '',
  made_at timestamptz not null,
  made_by text not null,
  made_name text not null default '',
  check (closes_on >= opens_on and (due_on is null or due_on >= opens_on))
);
create index on review_rounds (kind, opens_on desc);
create table review_roster (                   -- 심사위원, 자문위원, 컨설턴트: terms, specialties, and whom they are related to
  id uuid primary key,
  kind text not null check (kind in ('reviewer', 'advisor', 'consultant')),
  subject text not null,
  name text not null,
  affiliation text not null default '',
  specialties text[] not null default '{}',
  relations text[] not null default '{}',      -- bureaux and companies that they must not judge (제척)
  from_on date not null,
  until_on date not null,
  ended_why text not null default '',
  added_at timestamptz not null,
  added_by text not null,
  unique (kind, subject, from_on),
  check (until_on >= from_on)
);
create table review_projects (                 -- what a new project is compared with: the services, and every filing
  ref text primary key,                        -- 'service:27', 'case:<id>'
  source text not null check (source in ('service', 'filing')),
  case_id uuid unique references cases (id) on delete cascade,
  service integer,
  round text not null default '',
  number text not null default '',
  title text not null,
  bureau text not null default '',
  state text not null default '',              -- a service's stage; a filing's state
  total_won bigint,
  terms text[] not null,                       -- distinct, sorted
  changed_at timestamptz not null,
  check ((source = 'filing') = (case_id is not null))
);
create index on review_projects using gin (terms);
create index on review_projects (round, state);
create table review_terms (                    -- in how many projects each term stands; '' : how many projects there are
  term text primary key,
  projects integer not null
);
create table advice_replies (                  -- the owner's answer to one opinion
  case_id uuid not null references cases (id) on delete cascade,
  filing_id uuid not null references case_filings (id) on delete cascade,
  answer text not null check (answer in ('반영', '일부반영', '미반영')),
  why text not null check (why <> ''),
  at timestamptz not null,
  subject text not null,
  name text not null default '',
  primary key (case_id, filing_id)
);

-- Trials with people. A participant is a number to everybody but the office of the trial.
create table pilot_people (
  case_id uuid not null references cases (id) on delete cascade,
  number integer not null check (number > 0),
  subject text not null,
  name text not null default '',
  bureau text not null default '',
  joined_at timestamptz not null,
  agreed_at timestamptz,                       -- agreed to take part; before that nothing of theirs is kept
  left_at timestamptz,
  primary key (case_id, number),
  unique (case_id, subject)
);
create table pilot_diary (
  id uuid primary key,
  case_id uuid not null references cases (id) on delete cascade,
  number integer not null,
  day date not null,
  task text not null check (task <> ''),
  minutes integer not null check (minutes between 1 and 1440),
  usual_minutes integer not null check (usual_minutes between 1 and 1440),   -- how long the same took without the tool
  note text not null default '',
  at timestamptz not null,
  key text,
  foreign key (case_id, number) references pilot_people (case_id, number) on delete cascade,
  unique (case_id, number, key)
);
create index on pilot_diary (case_id, number, day);
create table pilot_surveys (
  case_id uuid not null references cases (id) on delete cascade,
  number integer not null,
  moment text not null check (moment in ('before', 'after')),
  question text not null,
  value smallint not null check (value between 1 and 5),
  at timestamptz not null,
  primary key (case_id, number, moment, question),
  foreign key (case_id, number) references pilot_people (case_id, number) on delete cascade
);
create table pilot_outputs (                   -- what was written without and with the tool, for raters who do not know which
  id uuid primary key,
  case_id uuid not null references cases (id) on delete cascade,
  number integer not null,
  task text not null,
  arm text not null check (arm in ('without', 'with')),
  content text not null check (content <> ''),
  at timestamptz not null,
  foreign key (case_id, number) references pilot_people (case_id, number) on delete cascade,
  unique (case_id, number, task, arm)
);
create table pilot_ratings (
  output_id uuid not null references pilot_outputs (id) on delete cascade,
  case_id uuid not null references cases (id) on delete cascade,
  rater text not null,
  score smallint not null check (score between 1 and 5),
  at timestamptz not null,
  primary key (output_id, rater)
);
create index on pilot_ratings (case_id);

-- Whether the asker runs the trial: leads it or works on it, and neither rates it nor takes part.
create function haechi_pilot_runs(of_case uuid) returns boolean
language sql stable security definer set search_path = public as $$
  select not haechi_recused(of_case)
    and (haechi_works_case(of_case) or exists (select from case_people p
      where p.case_id = of_case and p.subject = haechi_subject() and p.part = 'lead' and p.recused_at is null))
    and not exists (select from case_people p
      where p.case_id = of_case and p.subject = haechi_subject() and p.part in ('rater', 'participant') and p.recused_at is null)
$$;
-- The number of one who agreed to take part; nothing of anybody else is kept.
create function haechi_pilot_number(of_case uuid) returns integer
language sql stable security definer set search_path = public as $$
  select p.number from pilot_people p
  where p.case_id = of_case and p.subject = haechi_subject() and p.agreed_at is not null and p.left_at is null
$$;
-- Whoever leaves takes everything of theirs along.
create function haechi_pilot_leave(of_case uuid, at timestamptz) returns integer
language sql volatile security definer set search_path = public as $$
  with me as (select p.number from pilot_people p where p.case_id = of_case and p.subject = haechi_subject() and p.left_at is null),
    diary as (delete from pilot_diary d using me where d.case_id = of_case and d.number = me.number),
    surveys as (delete from pilot_surveys s using me where s.case_id = of_case and s.number = me.number),
    outputs as (delete from pilot_outputs o using me where o.case_id = of_case and o.number = me.number)
  update pilot_people p set left_at = at from me where p.case_id = of_case and p.number = me.number returning p.number
$$;
-- The texts as a rater may see them: in an order that tells nothing, without who wrote them and how.
create function haechi_pilot_blind(of_case uuid) returns table (id uuid, task text, content text)
language sql stable security definer set search_path = public as $$
  select o.id, o.task, o.content from pilot_outputs o
  where o.case_id = of_case and not haechi_recused(of_case) and exists (select from case_people p
    where p.case_id = of_case and p.subject = haechi_subject() and p.part = 'rater' and p.recused_at is null)
  order by md5(o.id::text)
$$;
-- How many ratings each rater still owes.
create function haechi_pilot_owed(of_case uuid) returns table (rater text, owed bigint)
language sql stable security definer set search_path = public as $$
  select p.subject, (select count(*) from pilot_outputs o where o.case_id = of_case and not exists (
    select from pilot_ratings r where r.output_id = o.id and r.rater = p.subject))
  from case_people p where p.case_id = of_case and p.part = 'rater' and p.recused_at is null and haechi_reads_case(of_case)
$$;

alter table review_rounds enable row level security;
alter table review_roster enable row level security;
alter table review_projects enable row level security;
alter table review_terms enable row level security;
alter table advice_replies enable row level security;
alter table pilot_people enable row level security;
alter table pilot_diary enable row level security;
alter table pilot_surveys enable row level security;
alter table pilot_outputs enable row level security;
alter table pilot_ratings enable row level security;
create policy staff on review_rounds to haechi_app using ('staff' = any (haechi_tags())) with check ('staff' = any (haechi_tags()) and made_by = haechi_subject());
create policy staff on review_roster to haechi_app using ('staff' = any (haechi_tags())) with check ('staff' = any (haechi_tags()));
-- Title, bureau and state of what was filed are for all staff: that is how double spending is seen. Not for somebody recused.
create policy staff on review_projects to haechi_app
  using ('staff' = any (haechi_tags()) and (case_id is null or not haechi_recused(case_id)))
  with check ('staff' = any (haechi_tags()) and (case_id is null or haechi_reads_case(case_id)));
create policy staff on review_terms to haechi_app using ('staff' = any (haechi_tags())) with check ('staff' = any (haechi_tags()));
create policy own on advice_replies to haechi_app using (haechi_reads_case(case_id))
  with check (haechi_reads_case(case_id) and subject = haechi_subject());
create policy own on pilot_people to haechi_app using (subject = haechi_subject() or haechi_pilot_runs(case_id))
  with check (subject = haechi_subject() or haechi_pilot_runs(case_id));
create policy own on pilot_diary to haechi_app using (number = haechi_pilot_number(case_id) or haechi_pilot_runs(case_id))
  with check (number = haechi_pilot_number(case_id));
create policy own on pilot_surveys to haechi_app using (number = haechi_pilot_number(case_id) or haechi_pilot_runs(case_id))
  with check (number = haechi_pilot_number(case_id));
create policy runs on pilot_outputs to haechi_app using (number = haechi_pilot_number(case_id) or haechi_pilot_runs(case_id))
  with check (number = haechi_pilot_number(case_id) or haechi_pilot_runs(case_id));
-- A rater sees their own; whoever runs the trial sees both when rating is over.
create policy own on pilot_ratings to haechi_app
  using (rater = haechi_subject() or (haechi_pilot_runs(case_id)
    and not exists (select from haechi_pilot_owed(case_id) w where w.owed > 0)))
  with check (rater = haechi_subject() and output_id in (select b.id from haechi_pilot_blind(case_id) b));
create policy everything on review_rounds to haechi_worker using (true) with check (true);
create policy everything on review_roster to haechi_worker using (true) with check (true);
create policy everything on review_projects to haechi_worker using (true) with check (true);
create policy everything on review_terms to haechi_worker using (true) with check (true);
create policy everything on advice_replies to haechi_worker using (true) with check (true);
create policy everything on pilot_people to haechi_worker using (true) with check (true);
create policy everything on pilot_diary to haechi_worker using (true) with check (true);
create policy everything on pilot_surveys to haechi_worker using (true) with check (true);
create policy everything on pilot_outputs to haechi_worker using (true) with check (true);
create policy everything on pilot_ratings to haechi_worker using (true) with check (true);
grant select, insert, update on review_rounds, review_roster, review_projects, review_terms, advice_replies, pilot_people, pilot_ratings to haechi_app;
grant select, insert on pilot_diary, pilot_surveys, pilot_outputs to haechi_app;
grant select, insert, update, delete on review_rounds, review_roster, review_projects, review_terms, advice_replies, pilot_people, pilot_diary,
  pilot_surveys, pilot_outputs, pilot_ratings to haechi_worker;
-- How much a round has promised already, whoever may see the single projects.
create function haechi_round_promised(of_round text) returns bigint
language sql stable security definer set search_path = public as $$
  select coalesce(sum(p.total_won), 0)::bigint from review_projects p
  where p.round = of_round and p.state in ('approved', 'conditional', 'fulfilled')
$$;
-- How many projects a person reviews now; only the number, and only for the office.
create function haechi_review_load(of_part text) returns table (subject text, cases bigint)
language sql stable security definer set search_path = public as $$
  select p.subject, count(*) from case_people p join cases c on c.id = p.case_id
  where p.part = of_part and p.recused_at is null and c.closed_at is null and 'role:ai_team' = any (haechi_tags())
  group by p.subject
$$;
