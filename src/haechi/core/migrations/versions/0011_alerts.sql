-- Alerts to the public, their messages, the outbox; the review queue of what services propose; shift hand-over.

-- What a service proposed waits here until it was carried to the office: its own row is the outbox.
alter table outcomes add column carried_at timestamptz;
create index outcomes_to_carry on outcomes (at)
  where carried_at is null and (outcome -> 'proposal' ->> 'kind') is not null;
grant update (carried_at) on outcomes to haechi_worker;

-- Public: alert messages as they were sent. A message never changes; only that another took its place is added.
create table alert_messages (
  id uuid primary key,
  identifier text not null unique,             -- CAP: sender and identifier name a message in all the world
  case_id uuid references cases (id) on delete set null,
  number integer not null,                     -- 1 the alert, then its updates and its cancellation
  msg_type text not null check (msg_type in ('Alert', 'Update', 'Cancel')),
  exercise boolean not null,
  severity text not null,
  sender text not null,
  sent_at timestamptz not null,
  expires_at timestamptz not null,
  headline_ko text not null,
  headline_en text not null,
  xml text not null,                           -- CAP 1.2, valid against policy/cap/cap-1.2.xsd
  replaced_at timestamptz,
  replaced_by text,                            -- identifier of the update or cancellation
  unique (case_id, number)
);
create index on alert_messages (sent_at desc);
create index on alert_messages (expires_at) where replaced_at is null;
create function haechi_keep_message() returns trigger language plpgsql as $$
begin
  if old.replaced_at is not null or (to_jsonb(new) - 'replaced_at' - 'replaced_by' - 'case_id')
     is distinct from (to_jsonb(old) - 'replaced_at' - 'replaced_by' - 'case_id') then
    raise exception 'a message that was sent never changes' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$;
create trigger keep_message before update of identifier, number, msg_type, exercise, severity, sender, sent_at, expires_at,
  headline_ko, headline_en, xml, replaced_at, replaced_by on alert_messages
  for each row execute function haechi_keep_message();
alter table alert_messages enable row level security;
create policy anybody on alert_messages for select to haechi_app using (true);
create policy send on alert_messages for insert to haechi_app with check (haechi_works_case(case_id));
create policy replaced on alert_messages for update to haechi_app using (haechi_works_case(case_id)) with check (haechi_works_case(case_id));
create policy everything on alert_messages to haechi_worker using (true) with check (true);
grant select, insert on alert_messages to haechi_app;
grant update (replaced_at, replaced_by) on alert_messages to haechi_app;
grant select, insert, update on alert_messages to haechi_worker;

-- What goes out, once for each message and sink; tried again until it went or its alert is over.
create table alert_outbox (
  id uuid primary key,
  message_id uuid not null references alert_messages (id) on delete cascade,
  case_id uuid references cases (id) on delete cascade,
  sink text not null,                          -- 'screen', 'siren', 'sms', 'email', 'webhook'
  key text not null unique,                    -- identifier and sink: receivers drop what they had already
  state text not null check (state in ('waiting', 'sent', 'missing', 'held', 'given_up')),
  attempts integer not null default 0,
  next_at timestamptz not null,
  leased_until timestamptz,
  made_at timestamptz not null,
  sent_at timestamptz,
  said text not null default '',               -- what the receiver answered, or what went wrong
  next_step text not null default ''
);
create index on alert_outbox (next_at) where state in ('waiting', 'missing');
create index on alert_outbox (case_id);
create index on alert_outbox (made_at desc);
alter table alert_outbox enable row level security;
create policy read on alert_outbox for select to haechi_app using (haechi_reads_case(case_id));
create policy put on alert_outbox for insert to haechi_app with check (haechi_works_case(case_id));
create policy again on alert_outbox for update to haechi_app using (haechi_works_case(case_id)) with check (haechi_works_case(case_id));
create policy everything on alert_outbox to haechi_worker using (true) with check (true);
grant select, insert on alert_outbox to haechi_app;
grant update (state, next_at) on alert_outbox to haechi_app;
grant select, insert, update, delete on alert_outbox to haechi_worker;

-- 정탐·오탐·과탐 on what was proposed: what thresholds are later tuned with. The reason stands in the case's history.
create table alert_verdicts (
  case_id uuid primary key references cases (id) on delete cascade,
  service integer,                             -- null: a person began it
  outcome_id uuid,
  verdict text not null check (verdict in ('정탐', '오탐', '과탐')),
  exercise boolean not null,
  at timestamptz not null,
  subject text not null,
  name text not null default ''
);
create index on alert_verdicts (service, at);
alter table alert_verdicts enable row level security;
create policy read on alert_verdicts for select to haechi_app using (haechi_reads_case(case_id));
create policy put on alert_verdicts for insert to haechi_app with check (haechi_works_case(case_id) and subject = haechi_subject());
create policy everything on alert_verdicts to haechi_worker using (true) with check (true);
grant select, insert on alert_verdicts to haechi_app;
grant select, insert, delete on alert_verdicts to haechi_worker;

-- The queue that all services share: what they propose and a person decides on.
create table reviews (
  id uuid primary key,                         -- the outcome's
  service integer not null,
  kind text not null check (kind in ('alert', 'incident', 'request', 'handoff', 'review')),
  title text not null,
  severity smallint not null check (severity between 1 and 5),
  bureau text not null default '',
  exercise boolean not null default false,
  why text not null,                           -- the human step, as the service says it
  made_at timestamptz not null,
  case_id uuid references cases (id) on delete set null,
  office text[] not null,                      -- access tags of those who decide
  readers text[] not null,
  state text not null default 'waiting' check (state in ('waiting', 'taken', 'accepted', 'corrected', 'refused')),
  taken_by text,
  taken_name text not null default '',
  taken_at timestamptz,
  decided_by text,
  decided_name text not null default '',
  decided_at timestamptz,
  reason text not null default '',
  verdict text not null default '',
  correction jsonb not null default '{}',
  version integer not null default 0
);
create index on reviews (service, severity, made_at) where state in ('waiting', 'taken');
create index on reviews (service, made_at) where state in ('waiting', 'taken');
create index on reviews (decided_at desc, state) where decided_at is not null;
create index on reviews (case_id);
alter table reviews enable row level security;
create policy read on reviews for select to haechi_app
  using ((office && (select haechi_tags()) or readers && (select haechi_tags()))
    and (case_id is null or case_id not in (select haechi_my_recusals())));
create policy decide on reviews for update to haechi_app
  using (office && (select haechi_tags()) and (case_id is null or case_id not in (select haechi_my_recusals()))) with check (true);
create policy everything on reviews to haechi_worker using (true) with check (true);
grant select on reviews to haechi_app;
grant update (state, taken_by, taken_name, taken_at, decided_by, decided_name, decided_at, reason, verdict, correction, version)
  on reviews to haechi_app;
grant select, insert, update, delete on reviews to haechi_worker;

-- 인수인계: what one shift leaves to the next, and who of the next confirmed it.
create table shift_handovers (
  id uuid primary key,
  at timestamptz not null,
  given_by text not null,
  given_name text not null,
  note text not null check (note <> ''),
  open_cases jsonb not null,                   -- as they stood then: id, number, title, state, severity, held by the giver
  confirmed_at timestamptz,
  confirmed_by text,
  confirmed_name text not null default '',
  question text not null default ''            -- what the next shift asked or added when it confirmed
);
create index on shift_handovers (at desc);
alter table shift_handovers enable row level security;
create policy desk on shift_handovers for select to haechi_app
  using (haechi_tags() && array['role:operator', 'role:auditor', 'role:admin']);
create policy give on shift_handovers for insert to haechi_app
  with check ('role:operator' = any (haechi_tags()) and given_by = haechi_subject());
create policy confirm on shift_handovers for update to haechi_app
  using ('role:operator' = any (haechi_tags()) and confirmed_at is null and given_by <> haechi_subject())
  with check (confirmed_by = haechi_subject());
create policy everything on shift_handovers to haechi_worker using (true) with check (true);
grant select, insert on shift_handovers to haechi_app;
grant update (confirmed_at, confirmed_by, confirmed_name, question) on shift_handovers to haechi_app;
grant select, insert, update, delete on shift_handovers to haechi_worker;

-- The alert desk: open cases of one kind, the gravest and oldest first.
create index cases_of_desk on cases (kind, severity, opened_at) where closed_at is null;
