-- Access logs, detections, reasons (service 45).

-- What is known of a source decides how long its log is kept; null is unknown and counts as the stricter answer.
create table access_sources (
  id text primary key,
  subjects integer,                            -- data subjects in it
  unique_identifiers boolean,                  -- 고유식별정보
  sensitive boolean,                           -- 민감정보
  changed_at timestamptz not null,
  changed_by text not null
);
-- Lines as they came, in batches that are chained by their hashes. No serving role reads `content`: only the function below
-- hands it out, to whoever a second person agreed to, and writes the look down.
create table access_log_batches (
  seq bigint primary key,
  source text not null references access_sources (id),
  format text not null check (format in ('csv', 'jsonl', 'syslog')),
  lines integer not null,
  refused integer not null,
  first_at bigint not null,                    -- Unix seconds
  last_at bigint not null,
  keep_until date not null,
  digest bytea not null,
  previous bytea not null,
  hash bytea not null unique,
  content bytea,                               -- null once it was disposed of
  disposed_on date,
  report jsonb not null,                       -- taken, refused by reason, line numbers: never the text of a line
  put_at timestamptz not null,
  put_by text not null,
  put_name text not null default ''
);
create index on access_log_batches (last_at);
create index on access_log_batches (digest);
create function haechi_keep_batch() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or (to_jsonb(new) - 'content' - 'disposed_on') is distinct from (to_jsonb(old) - 'content' - 'disposed_on')
     or new.content is not null or old.content is null or new.disposed_on is null or new.disposed_on <= old.keep_until then
    raise exception 'an access log is not changed, and not disposed of before its day' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$;
create trigger keep_batch before update or delete on access_log_batches for each row execute function haechi_keep_batch();
-- Whose accounts they are, as the personnel file says it.
create table access_handlers (
  account text primary key,
  subject text not null default '',            -- 'user:<id>' of the person here; '' nobody's
  row jsonb not null                           -- bureau, peers, hired, left, leave, returned, shift
);
create index on access_handlers (subject);
-- Keyed numbers only: whom nobody looks up without a case; which case belongs to whose data.
create table access_watch (
  handler text not null default '',            -- '' for everybody
  number bigint not null,
  primary key (handler, number)
);
create table access_cases (
  pair bigint primary key
);
create table access_roster (
  account text not null,
  day date not null,
  begin_minute integer not null,
  end_minute integer not null,
  primary key (account, day, begin_minute)
);
create table access_shared_places (
  number bigint primary key
);
create table access_alerts (
  id text primary key,                         -- of account, rule and day: the same finding stands once
  handler text not null,
  subject text not null default '',            -- whose account it was when it was found
  bureau text not null default '',
  rule text not null,
  level text not null check (level in ('suspect', 'notice')),
  first date not null,
  last date not null,
  value double precision not null,
  bound double precision not null,
  detail jsonb not null,
  found_at timestamptz not null,
  case_id uuid references cases (id) on delete set null,
  reasoned_by uuid references cases (id) on delete set null   -- a notice: the reason that was given for its downloads
);
create index on access_alerts (last desc);
create index on access_alerts (handler, last);
create index on access_alerts (case_id);
create table access_looks (                     -- each look at lines as they came
  seq bigserial primary key,
  case_id uuid not null references cases (id) on delete restrict,
  at timestamptz not null,
  subject text not null,
  name text not null default '',
  batches integer not null
);
create index on access_looks (case_id);

-- The desk sees what was found, never about themselves; a manager sees it through the case alone; a handler sees the notices.
create function haechi_privacy_desk() returns boolean language sql stable as $$
  select haechi_tags() && array['role:ai_team', 'role:admin', 'role:auditor']
$$;
alter table access_sources enable row level security;
alter table access_log_batches enable row level security;
alter table access_handlers enable row level security;
alter table access_watch enable row level security;
alter table access_cases enable row level security;
alter table access_roster enable row level security;
alter table access_shared_places enable row level security;
alter table access_alerts enable row level security;
alter table access_looks enable row level security;
create policy desk on access_sources for select to haechi_app using (haechi_privacy_desk());
create policy desk on access_log_batches for select to haechi_app using (haechi_privacy_desk());
create policy anybody_at_work on access_handlers for select to haechi_app using (haechi_tags() && array['staff']);
create policy desk on access_alerts for select to haechi_app
  using (subject <> haechi_subject() and haechi_privacy_desk() or level = 'notice' and subject = haechi_subject());
create policy desk on access_looks for select to haechi_app using (haechi_privacy_desk() or subject = haechi_subject());
create policy everything on access_sources to haechi_worker using (true) with check (true);
create policy everything on access_log_batches to haechi_worker using (true) with check (true);
create policy everything on access_handlers to haechi_worker using (true) with check (true);
create policy everything on access_watch to haechi_worker using (true) with check (true);
create policy everything on access_cases to haechi_worker using (true) with check (true);
create policy everything on access_roster to haechi_worker using (true) with check (true);
create policy everything on access_shared_places to haechi_worker using (true) with check (true);
create policy everything on access_alerts to haechi_worker using (true) with check (true);
create policy everything on access_looks to haechi_worker using (true) with check (true);
grant select on access_sources, access_alerts, access_looks to haechi_app;
grant select (account, subject) on access_handlers to haechi_app;  -- not their leave: that is nobody else's
grant select (seq, source, format, lines, refused, first_at, last_at, keep_until, hash, disposed_on, report, put_at, put_by, put_name)
  on access_log_batches to haechi_app;
grant select, insert, update on access_sources, access_log_batches, access_alerts to haechi_worker;
grant select, insert on access_looks to haechi_worker;
grant select, insert, update, delete on access_handlers, access_watch, access_cases, access_roster, access_shared_places to haechi_worker;
grant usage on sequence access_looks_seq_seq to haechi_worker;

-- Raw lines under four eyes: the asker of an open look-up that another person approved, not about the asker's own account,
-- within its hours. Each call is written down before anything is handed out.
create function haechi_access_lines(of_case uuid, at timestamptz)
returns table (seq bigint, format text, content bytea)
language plpgsql volatile security definer set search_path = public as $$
declare
  asked cases%rowtype;
  touched integer;
begin
  select * into asked from cases c where c.id = of_case and c.flow = 'privacy_lookup';
  if not found or asked.state <> 'open' or asked.subject <> haechi_subject() or haechi_recused(of_case)
     or (asked.facts ->> 'until')::timestamptz <= at
     or not exists (select from case_steps s where s.case_id = of_case and s.act = 'approve' and s.subject <> asked.subject)
     or exists (select from access_handlers h where h.account = asked.facts ->> 'account' and h.subject = haechi_subject()) then
    raise exception 'no look-up is open' using errcode = 'insufficient_privilege';
  end if;
  select count(*) into touched from access_log_batches b where b.content is not null
    and b.last_at >= extract(epoch from (asked.facts ->> 'from')::date - interval '9 hours')
    and b.first_at < extract(epoch from (asked.facts ->> 'to')::date + interval '15 hours');
  insert into access_looks (case_id, at, subject, name, batches)
    values (of_case, at, haechi_subject(), coalesce((select p.name from case_people p where p.case_id = of_case and p.subject = haechi_subject() limit 1), ''), touched);
  return query select b.seq, b.format, b.content from access_log_batches b where b.content is not null
    and b.last_at >= extract(epoch from (asked.facts ->> 'from')::date - interval '9 hours')
    and b.first_at < extract(epoch from (asked.facts ->> 'to')::date + interval '15 hours')
    order by b.seq;
end $$;

-- A reason that was recorded or approved answers the notices about its owner's downloads of its day.
create function haechi_reason_given(of_case uuid) returns void
language sql volatile security definer set search_path = public as $$
  update access_alerts a set reasoned_by = c.id from cases c join case_filings f on f.case_id = c.id and f.form = 'privacy_download'
  where c.id = of_case and c.flow = 'privacy_download' and c.state in ('recorded', 'approved') and haechi_reads_case(c.id)
    and a.level = 'notice' and a.subject = c.subject and a.last = (f.answers ->> 'day')::date and a.reasoned_by is null
$$;
