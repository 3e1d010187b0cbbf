-- Courses, duty, certificates.
-- Whoever looks after learning: the AI team and the administrators.
create function haechi_teaches() returns boolean language sql stable as
$$ select haechi_has_role('ai_team') or haechi_has_role('admin') $$;

create table courses (                          -- public inside the city: every member of staff may read it
  id uuid primary key,
  title text not null check (title <> ''),
  kind text not null check (kind in ('lecture', 'prompt', 'owner', 'duty', 'other')),
  about text not null default '',
  minutes integer not null check (minutes between 10 and 6000),
  audience text[] not null default '{}',        -- roles; empty: all staff
  asked integer not null default 0 check (asked between 0 and 50),   -- questions of its test; 0: no test
  made_at timestamptz not null,
  made_by text not null,
  closed_at timestamptz
);
create table course_questions (                 -- the bank: who takes a test never reads which choice is right
  id uuid primary key,
  course_id uuid not null references courses (id) on delete cascade,
  number integer not null,
  text text not null,
  choices text[] not null check (cardinality(choices) between 2 and 6),
  right_choice integer not null check (right_choice >= 1 and right_choice <= cardinality(choices)),
  unique (course_id, number)
);
create table course_sessions (
  id uuid primary key,
  course_id uuid not null references courses (id),
  place text not null default '',
  enrol_from timestamptz not null,
  enrol_until timestamptz not null check (enrol_until > enrol_from),
  starts_at timestamptz not null,
  ends_at timestamptz not null check (ends_at > starts_at),
  seats integer not null check (seats between 1 and 10000),
  cancelled_at timestamptz,
  cancelled_why text not null default '',
  made_at timestamptz not null,
  made_by text not null
);
create index on course_sessions (starts_at);
create table enrolments (
  id uuid primary key,
  session_id uuid not null references course_sessions (id),
  subject text not null,
  name text not null default '',
  bureau text not null default '',
  state text not null check (state in ('enrolled', 'waiting', 'withdrawn')),
  turn bigserial,                               -- the order of arrival: who waits moves up by it
  at timestamptz not null,
  checked_in_at timestamptz,
  checked_in_by text not null default '',
  passed_at timestamptz,
  completed_at timestamptz,
  minutes integer not null default 0,           -- counted towards the duty once completed
  year integer not null                         -- the duty's year: that of the session, in Seoul
);
create unique index enrolments_once on enrolments (session_id, subject) where state <> 'withdrawn';
create index on enrolments (subject, year);
create index on enrolments (session_id, state, turn);
create table course_attempts (
  id uuid primary key,
  enrolment_id uuid not null references enrolments (id),
  subject text not null,
  number integer not null,
  asked uuid[] not null,
  answers jsonb,                                -- question → choice; null: begun, not yet handed in
  right_answers integer,
  pass_percent integer not null,                -- as it was in force on the day
  passed boolean,
  begun_at timestamptz not null,
  at timestamptz,
  unique (enrolment_id, number)
);
create table certificates (
  code text primary key,                        -- what somebody types to check it
  number text not null unique,
  enrolment_id uuid not null unique references enrolments (id),
  subject text not null,
  name text not null,
  title text not null,
  minutes integer not null,
  held_on date not null,
  issued_at timestamptz not null,
  revoked_at timestamptz,
  revoked_why text not null default ''
);
create table duty_exceptions (
  year integer not null,
  subject text not null,
  minutes integer not null check (minutes >= 0),   -- what is required of them instead
  why text not null check (why <> ''),
  case_id uuid references cases (id) on delete set null,
  decided_by text not null,
  at timestamptz not null,
  primary key (year, subject)
);
create table duty_heads (                       -- who looks after a bureau's duty
  bureau text not null references bureaux (id),
  subject text not null,
  named_at timestamptz not null,
  named_by text not null,
  primary key (bureau, subject)
);

alter table courses enable row level security;
alter table course_questions enable row level security;
alter table course_sessions enable row level security;
alter table enrolments enable row level security;
alter table course_attempts enable row level security;
alter table certificates enable row level security;
alter table duty_exceptions enable row level security;
alter table duty_heads enable row level security;
create policy read on courses for select to haechi_app using ('staff' = any (haechi_tags()));
create policy keep on courses to haechi_app using (haechi_teaches()) with check (haechi_teaches());
create policy keep on course_questions to haechi_app using (haechi_teaches()) with check (haechi_teaches());
create policy read on course_sessions for select to haechi_app using ('staff' = any (haechi_tags()));
create policy keep on course_sessions to haechi_app using (haechi_teaches()) with check (haechi_teaches());
create policy own on enrolments for select to haechi_app
  using (subject = haechi_subject() or haechi_teaches() or haechi_has_role('auditor'));
create policy keep on enrolments for update to haechi_app using (haechi_teaches()) with check (haechi_teaches());
create policy own on course_attempts for select to haechi_app using (subject = haechi_subject() or haechi_teaches());
create policy own on certificates for select to haechi_app
  using (subject = haechi_subject() or haechi_teaches() or haechi_has_role('auditor'));
create policy issue on certificates for insert to haechi_app with check (haechi_teaches());
create policy revoke on certificates for update to haechi_app using (haechi_teaches()) with check (haechi_teaches());
create policy own on duty_exceptions for select to haechi_app
  using (subject = haechi_subject() or haechi_teaches() or haechi_has_role('auditor'));
create policy decide on duty_exceptions for insert to haechi_app with check (haechi_teaches() and subject <> haechi_subject());
create policy change on duty_exceptions for update to haechi_app
  using (haechi_teaches() and subject <> haechi_subject()) with check (haechi_teaches() and subject <> haechi_subject());
create policy read on duty_heads for select to haechi_app using ('staff' = any (haechi_tags()));
create policy keep on duty_heads to haechi_app using (haechi_teaches()) with check (haechi_teaches());
create policy everything on courses to haechi_worker using (true) with check (true);
create policy everything on course_questions to haechi_worker using (true) with check (true);
create policy everything on course_sessions to haechi_worker using (true) with check (true);
create policy everything on enrolments to haechi_worker using (true) with check (true);
create policy everything on course_attempts to haechi_worker using (true) with check (true);
create policy everything on certificates to haechi_worker using (true) with check (true);
create policy everything on duty_exceptions to haechi_worker using (true) with check (true);
create policy everything on duty_heads to haechi_worker using (true) with check (true);
grant select, insert, update on courses, course_questions, course_sessions, duty_exceptions to haechi_app;
grant delete on course_questions to haechi_app;
grant select, update on enrolments to haechi_app;
grant select on course_attempts to haechi_app;
grant select, insert on certificates to haechi_app;
grant update (revoked_at, revoked_why) on certificates to haechi_app;
grant select, insert, delete on duty_heads to haechi_app;
grant select, insert, update, delete on courses, course_questions, course_sessions, enrolments, course_attempts, certificates,
  duty_exceptions, duty_heads to haechi_worker;
grant usage on sequence enrolments_turn_seq to haechi_app, haechi_worker;

-- A seat, or a place in the line; the session's row is locked, so no seat is given twice. Asked again: what stands already.
create function haechi_enrol(p_id uuid, p_session uuid, p_name text, p_at timestamptz) returns text
language plpgsql volatile security definer set search_path = public as $$
declare
  s course_sessions;
  known text;
  taken integer;
  became text;
begin
  if not ('staff' = any (haechi_tags())) then return 'forbidden'; end if;
  select * into s from course_sessions where id = p_session for update;
  if not found or s.cancelled_at is not null then return 'gone'; end if;
  select state into known from enrolments where session_id = p_session and subject = haechi_subject() and state <> 'withdrawn';
  if known is not null then return known; end if;
  if p_at < s.enrol_from then return 'early'; end if;
  if p_at >= s.enrol_until then return 'late'; end if;
  select count(*) into taken from enrolments where session_id = p_session and state = 'enrolled';
  became := case when taken < s.seats then 'enrolled' else 'waiting' end;
  insert into enrolments (id, session_id, subject, name, bureau, state, at, year)
  values (p_id, p_session, haechi_subject(), p_name, haechi_bureau(), became, p_at,
    extract(year from s.starts_at at time zone 'Asia/Seoul'));
  return became;
end $$;
-- Give one's place up; whoever has waited longest gets the seat in the same moment. The one who moved up, or null.
create function haechi_leave(p_session uuid, p_at timestamptz) returns text
language plpgsql volatile security definer set search_path = public as $$
declare
  mine enrolments;
  next enrolments;
begin
  perform 1 from course_sessions where id = p_session for update;
  select * into mine from enrolments where session_id = p_session and subject = haechi_subject() and state <> 'withdrawn';
  if not found then return 'none'; end if;
  if mine.checked_in_at is not null then return 'attended'; end if;
  update enrolments set state = 'withdrawn' where id = mine.id;
  if mine.state = 'waiting' then return ''; end if;
  select * into next from enrolments where session_id = p_session and state = 'waiting' order by turn limit 1;
  if not found then return ''; end if;
  update enrolments set state = 'enrolled' where id = next.id;
  return next.subject;
end $$;
create function haechi_places(p_session uuid) returns table (enrolled bigint, waiting bigint)
language sql stable security definer set search_path = public as $$
  select count(*) filter (where state = 'enrolled'), count(*) filter (where state = 'waiting')
  from enrolments where session_id = p_session and 'staff' = any (haechi_tags())
$$;
-- A test of one's own: begun with questions drawn from the bank, handed in once, counted here.
create function haechi_begin_test(p_id uuid, p_enrolment uuid, p_pass integer, p_most integer, p_at timestamptz) returns text
language plpgsql volatile security definer set search_path = public as $$
declare
  e enrolments;
  c courses;
  n integer;
  picked uuid[];
begin
  select * into e from enrolments where id = p_enrolment and subject = haechi_subject() for update;
  if not found then return 'none'; end if;
  if e.checked_in_at is null then return 'absent'; end if;
  if e.passed_at is not null then return 'passed'; end if;
  if exists (select from course_attempts where enrolment_id = e.id and answers is null) then return 'open'; end if;
  select count(*) into n from course_attempts where enrolment_id = e.id;
  if n >= p_most then return 'used'; end if;
  select k.* into c from courses k join course_sessions s on s.course_id = k.id where s.id = e.session_id;
  select array_agg(id) into picked from (
    select q.id from course_questions q where q.course_id = c.id order by md5(q.id::text || p_id::text) limit c.asked) q;
  if c.asked = 0 or coalesce(cardinality(picked), 0) < c.asked then return 'bank'; end if;
  insert into course_attempts (id, enrolment_id, subject, number, asked, pass_percent, begun_at)
  values (p_id, e.id, e.subject, n + 1, picked, p_pass, p_at);
  return 'begun';
end $$;
create function haechi_questions(p_enrolment uuid) returns table (attempt uuid, id uuid, text text, choices text[])
language sql stable security definer set search_path = public as $$
  select a.id, q.id, q.text, q.choices from course_attempts a cross join lateral unnest(a.asked) with ordinality as k(id, n)
  join course_questions q on q.id = k.id
  where a.enrolment_id = p_enrolment and a.subject = haechi_subject() and a.answers is null order by k.n
$$;
create function haechi_hand_in(p_attempt uuid, p_answers jsonb, p_at timestamptz) returns table (right_answers integer, asked integer, passed boolean)
language plpgsql volatile security definer set search_path = public as $$
declare
  a course_attempts;
  n integer;
begin
  select * into a from course_attempts t where t.id = p_attempt and t.subject = haechi_subject() for update;
  if not found then return; end if;
  if a.answers is null then
    select count(*) into n from course_questions q where q.id = any (a.asked) and p_answers ->> q.id::text = q.right_choice::text;
    update course_attempts t set answers = p_answers, right_answers = n, at = p_at,
      passed = n * 100 >= a.pass_percent * cardinality(a.asked) where t.id = a.id returning t.* into a;
    if a.passed then update enrolments set passed_at = p_at where id = a.enrolment_id; end if;
  end if;
  return query select a.right_answers, cardinality(a.asked), a.passed;
end $$;
-- Who attended, and passed where there is a test, has completed the course: once, with its minutes.
create function haechi_complete(p_enrolment uuid, p_at timestamptz) returns boolean
language sql volatile security definer set search_path = public as $$
  with done as (
    update enrolments e set completed_at = p_at, minutes = c.minutes from course_sessions s join courses c on c.id = s.course_id
    where e.id = p_enrolment and s.id = e.session_id and e.state = 'enrolled' and e.completed_at is null
      and e.checked_in_at is not null and (c.asked = 0 or e.passed_at is not null)
      and (e.subject = haechi_subject() or haechi_teaches()) returning 1)
  select exists (select from done)
$$;
create function haechi_certify(p_enrolment uuid, p_code text, p_number text, p_at timestamptz) returns boolean
language sql volatile security definer set search_path = public as $$
  with made as (
    insert into certificates (code, number, enrolment_id, subject, name, title, minutes, held_on, issued_at)
    select p_code, p_number, e.id, e.subject, e.name, c.title, c.minutes, (s.starts_at at time zone 'Asia/Seoul')::date, p_at
    from enrolments e join course_sessions s on s.id = e.session_id join courses c on c.id = s.course_id
    where e.id = p_enrolment and e.completed_at is not null and (e.subject = haechi_subject() or haechi_teaches())
    on conflict do nothing returning 1)
  select exists (select from made)
$$;
-- Public: whoever has the code of a paper may ask whether it holds; a list of them cannot be asked for.
create function haechi_certificate(p_code text) returns table (number text, name text, title text, minutes integer, held_on date,
  issued_at timestamptz, revoked_at timestamptz)
language sql stable security definer set search_path = public as $$
  select number, name, title, minutes, held_on, issued_at, revoked_at from certificates where code = p_code
$$;
-- Of each member of staff in the bureaux asked for: what the duty wants of them, and what they did.
create function haechi_duty_rows(p_year integer, p_role_minutes jsonb) returns table (subject text, name text, bureau text,
  required integer, done integer, excused boolean)
language sql stable security definer set search_path = public as $$
  select 'user:' || u.id, u.name, u.bureau,
    coalesce(x.minutes, (select max((p_role_minutes ->> r)::integer) from unnest(u.roles) r), 0)::integer,
    coalesce(d.done, 0)::integer, x.subject is not null
  from users u
  left join duty_exceptions x on x.year = p_year and x.subject = 'user:' || u.id
  left join (select e.subject, sum(e.minutes) as done from enrolments e
    where e.year = p_year and e.completed_at is not null group by e.subject) d on d.subject = 'user:' || u.id
  where u.active and u.bureau is not null
$$;
revoke all on function haechi_duty_rows(integer, jsonb) from public, haechi_app;
grant execute on function haechi_duty_rows(integer, jsonb) to haechi_worker;
-- Rates are for all staff; people who still owe something are named to those who look after them only.
create function haechi_duty_rates(p_year integer, p_role_minutes jsonb) returns table (bureau text, people bigint, met bigint, excused bigint)
language sql stable security definer set search_path = public as $$
  select bureau, count(*), count(*) filter (where done >= required), count(*) filter (where excused)
  from haechi_duty_rows(p_year, p_role_minutes) where required > 0 and 'staff' = any (haechi_tags()) group by bureau order by bureau
$$;
create function haechi_duty_gaps(p_year integer, p_role_minutes jsonb) returns table (subject text, name text, bureau text,
  required integer, done integer)
language sql stable security definer set search_path = public as $$
  select subject, name, bureau, required, done from haechi_duty_rows(p_year, p_role_minutes) r where done < required
    and (haechi_teaches() or haechi_has_role('auditor')
      or exists (select from duty_heads h where h.bureau = r.bureau and h.subject = haechi_subject()))
  order by bureau, name, subject
$$;
