-- Hand-off to people: tickets, their steps, who is at the desk; one timeline for citizen, bot and agents.

alter table turns add column ticket_id uuid;     -- of what the desk wrote (kinds 'agent' and 'system', see 0004)

create table tickets (
  id uuid primary key,
  number bigserial unique,                     -- as people say it: 상담 123
  conversation_id uuid references conversations (id) on delete set null,
  subject text not null,                       -- whose conversation it is
  bot text not null default '',
  audience text not null check (audience in ('citizen', 'staff')),
  office text not null,                        -- policy/desk.yaml, or a bureau
  serves text[] not null,                      -- access tags of those who answer now
  known_to text[] not null,                    -- and of every office that ever had it
  reason text not null check (reason <> ''),
  priority smallint not null default 2 check (priority between 1 and 3),
  state text not null default 'unanswered' check (state in ('unanswered', 'active', 'pending', 'history')),
  opened_at timestamptz not null,
  state_at timestamptz not null,
  waits_since timestamptz,                     -- since when the citizen waits for a word of a person; null: they do not
  answered_once boolean not null default false,
  sla_due timestamptz,                         -- when the citizen must be answered; null while nobody waits
  overdue_at timestamptz,                      -- when the deadline was found to have passed: once a deadline
  overdue_times integer not null default 0,
  taken_by text,
  taken_by_name text not null default '',
  taken_at timestamptz,
  closed_at timestamptz,
  result text not null default '',
  result_note text not null default '',
  readable_until timestamptz,                  -- how long the agent who closed it may read the conversation
  reopened integer not null default 0,
  rating smallint check (rating between 1 and 5),
  rating_note text not null default '',
  rated_at timestamptz,
  summary jsonb not null default '[]',         -- personal data masked: [{kind, text, turn, number}]
  version integer not null default 0,          -- grows with every change; who changes an older one is told so
  purge_after date,
  -- A conversation of staff never lies on a citizens' desk.
  check (audience = 'citizen' or not 'role:call_taker' = any (serves)),
  check (state in ('unanswered', 'history') or taken_by is not null)
);
create unique index one_open_ticket on tickets (conversation_id) where state <> 'history';
create index on tickets (state, office, priority, opened_at);
create index on tickets (subject);
create index on tickets (taken_by, state);
create index on tickets (sla_due) where sla_due is not null and overdue_at is null;
create table ticket_steps (                     -- what happened to a ticket, in the order in which it was committed
  seq bigint primary key,
  ticket_id uuid not null references tickets (id) on delete cascade,
  conversation_id uuid,
  at timestamptz not null,
  act text not null,                           -- opened, taken, said (by the citizen), replied, asked, transferred, closed, …
  by_subject text not null,
  by_name text not null default '',
  detail jsonb not null default '{}',
  key text,                                    -- '<subject>:<act>:<idempotency key>'
  unique (ticket_id, key)
);
create index on ticket_steps (conversation_id, seq);
create index on ticket_steps (ticket_id, seq);
create sequence ticket_steps_seq owned by ticket_steps.seq;
create table desk_presence (
  subject text primary key,
  name text not null,
  tags text[] not null,
  state text not null check (state in ('available', 'away')),
  at_once integer not null check (at_once between 1 and 20),
  seen_at timestamptz not null
);

-- Numbers -------------------------------------------------------------------------------------------------------------
-- Citizen, bot and agent may write into one conversation at the same moment. Turns take their number under a lock of the
-- conversation, steps under a lock of all steps, both held to the end of the transaction: who follows by number misses
-- nothing. Order of locks everywhere: conversation, ticket, steps, audit log.
create function haechi_lock_conversation(conversation uuid) returns void
language plpgsql volatile security definer set search_path = public as $$
begin perform 1 from conversations where id = conversation for no key update; end $$;
create function haechi_number_turn() returns trigger language plpgsql security definer set search_path = public as $$
begin
  perform haechi_lock_conversation(new.conversation_id);
  new.number := 1 + coalesce((select max(number) from turns where conversation_id = new.conversation_id), 0);
  return new;
end $$;
create trigger number_turn before insert on turns for each row execute function haechi_number_turn();
create function haechi_number_step() returns trigger language plpgsql security definer set search_path = public as $$
begin
  perform pg_advisory_xact_lock(72050);
  new.seq := nextval('ticket_steps_seq');
  perform pg_notify('haechi_desk', coalesce(new.conversation_id::text, ''));
  return new;
end $$;
create trigger number_step before insert on ticket_steps for each row execute function haechi_number_step();

-- What a citizen writes to the person at the desk (kind 'citizen') calls a waiting ticket back and starts a deadline; what
-- they go on asking the bot meanwhile (kind 'turn') is only told to the desk.
create function haechi_turn_told() returns trigger language plpgsql security definer set search_path = public as $$
declare found_ticket tickets;
begin
  perform pg_notify('haechi_chat', new.conversation_id::text);
  if new.kind in ('agent', 'system') then
    update conversations set updated_at = new.asked_at where id = new.conversation_id;
    return null;
  end if;
  select * into found_ticket from tickets where conversation_id = new.conversation_id and state <> 'history' for update;
  if found then
    if new.kind = 'citizen' then
      update tickets set
        state = case when state = 'pending' then 'active' else state end,
        state_at = case when state = 'pending' then new.asked_at else state_at end,
        waits_since = coalesce(waits_since, new.asked_at),
        version = version + 1
      where id = found_ticket.id;
    end if;
    insert into ticket_steps (seq, ticket_id, conversation_id, at, act, by_subject, detail)
    values (0, found_ticket.id, new.conversation_id, new.asked_at, 'said', found_ticket.subject,
      jsonb_build_object('turn', new.id, 'number', new.number));
  end if;
  return null;
end $$;
create trigger turn_told after insert on turns for each row execute function haechi_turn_told();

-- A conversation that its owner deletes takes what was said along; the ticket stays as a number. The daily purge waits
-- until the ticket is closed.
create function haechi_conversation_gone() returns trigger language plpgsql security definer set search_path = public as $$
begin
  if session_user = 'haechi_worker' and exists (select from tickets where conversation_id = old.id and state <> 'history') then
    return null;
  end if;
  update tickets set summary = '[]', rating_note = '', result_note = '',
    result = case when state = 'history' then result else 'withdrawn' end,
    closed_at = case when state = 'history' then closed_at else now() end,
    state_at = case when state = 'history' then state_at else now() end,
    state = 'history', waits_since = null, sla_due = null, version = version + 1
  where conversation_id = old.id;
  insert into ticket_steps (seq, ticket_id, conversation_id, at, act, by_subject)
  select 0, id, old.id, now(), 'forgotten', old.subject from tickets where conversation_id = old.id;
  update ticket_steps set detail = '{}' where conversation_id = old.id;
  return old;
end $$;
create trigger conversation_gone before delete on conversations for each row execute function haechi_conversation_gone();

-- Who may see what ----------------------------------------------------------------------------------------------------
create function haechi_serves(tags text[]) returns boolean language sql stable as
$$ select haechi_has_role('admin') or ((haechi_has_role('staff') or haechi_has_role('call_taker')) and tags && haechi_tags()) $$;
-- The conversation for which this transaction was opened at the desk (city/desk), '' elsewhere: an agent's own list of
-- conversations never shows those of citizens.
create function haechi_desk() returns uuid language sql stable as
$$ select nullif(current_setting('haechi.desk', true), '')::uuid $$;
create function haechi_desk_reads(conversation uuid) returns boolean
language sql stable security definer set search_path = public as $$
  select exists (select from tickets t where t.conversation_id = conversation and (
    (t.state <> 'history' and (haechi_serves(t.serves) or t.taken_by = haechi_subject()))
    or (t.taken_by = haechi_subject() and now() < t.readable_until)))
$$;
create function haechi_desk_holds(conversation uuid) returns boolean
language sql stable security definer set search_path = public as $$
  select exists (select from tickets t where t.conversation_id = conversation and t.state in ('active', 'pending')
    and t.taken_by = haechi_subject())
$$;
-- How long the line is, counted over tickets that the asker may not see. busy: conversations held by those present.
create function haechi_desk_line(of_office text, of_ticket uuid, present_since timestamptz, latest integer)
returns table (ahead bigint, seats bigint, busy bigint, present bigint, handling_seconds double precision, samples bigint)
language sql stable security definer set search_path = public as $$
  with mine as (select priority, opened_at, number from tickets where id = of_ticket),
  office as (select coalesce((select serves from tickets where id = of_ticket), '{}') as serves),
  people as (select p.subject, p.at_once from desk_presence p, office
    where p.state = 'available' and p.seen_at >= present_since and p.tags && office.serves),
  done as (select extract(epoch from closed_at - taken_at) as seconds from tickets
    where office = of_office and state = 'history' and taken_at is not null and closed_at > taken_at
    order by closed_at desc limit latest)
  select
    (select count(*) from tickets t, mine where t.office = of_office and t.state = 'unanswered'
      and (t.priority, t.opened_at, t.number) < (mine.priority, mine.opened_at, mine.number)),
    (select coalesce(sum(at_once), 0) from people),
    (select count(*) from tickets t join people on t.taken_by = people.subject where t.state = 'active'),
    (select count(*) from people),
    (select percentile_cont(0.5) within group (order by seconds) from done),
    (select count(*) from done)
$$;

alter table tickets enable row level security;
alter table ticket_steps enable row level security;
alter table desk_presence enable row level security;
create policy read on tickets for select to haechi_app
  using (subject = haechi_subject() or haechi_serves(known_to) or taken_by = haechi_subject());
create policy put on tickets for insert to haechi_app
  with check (subject = haechi_subject() and exists (select from conversations c where c.id = conversation_id));
create policy change on tickets for update to haechi_app
  using (subject = haechi_subject() or haechi_serves(serves) or taken_by = haechi_subject()) with check (true);
create policy read on ticket_steps for select to haechi_app using (exists (select from tickets t where t.id = ticket_id));
create policy put on ticket_steps for insert to haechi_app
  with check (by_subject = haechi_subject() and exists (select from tickets t where t.id = ticket_id));
create policy read on desk_presence for select to haechi_app
  using (haechi_has_role('staff') or haechi_has_role('call_taker') or haechi_has_role('admin'));
create policy own on desk_presence to haechi_app
  using (subject = haechi_subject()) with check (subject = haechi_subject());
-- What the citizen may change of a ticket: open it again, and say how it was. What nobody changes: whose it is.
create function haechi_keep_ticket() returns trigger language plpgsql as $$
begin
  if (new.id, new.number, new.subject, new.audience, new.opened_at)
     is distinct from (old.id, old.number, old.subject, old.audience, old.opened_at)
     or (new.conversation_id is distinct from old.conversation_id and new.conversation_id is not null) then
    raise exception 'whose ticket it is never changes' using errcode = 'integrity_constraint_violation';
  end if;
  if old.state = 'history' and new.state not in ('history', 'unanswered') then
    raise exception 'a closed ticket is opened again before it is taken' using errcode = 'integrity_constraint_violation';
  end if;
  if current_user = 'haechi_app' and not haechi_serves(old.serves) and old.taken_by is distinct from haechi_subject()
     and new.state <> old.state and not (old.state = 'history' and new.state = 'unanswered') then
    raise exception 'only the desk moves a ticket' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger keep_ticket before update on tickets for each row execute function haechi_keep_ticket();

-- The owner of a conversation alone writes turns into it; the desk reads it, and the one who holds the ticket answers.
drop policy own on turns;
create policy own on turns to haechi_app
  using (exists (select from conversations c where c.id = conversation_id and c.subject = haechi_subject()))
  with check (kind not in ('agent', 'system') and exists (select from conversations c where c.id = conversation_id and c.subject = haechi_subject()));
create policy desk on conversations for select to haechi_app using (id = haechi_desk() and haechi_desk_reads(id));
create policy desk on turns for select to haechi_app
  using (conversation_id = haechi_desk() and haechi_desk_reads(conversation_id));
create policy desk_says on turns for insert to haechi_app
  with check (kind in ('agent', 'system') and conversation_id = haechi_desk() and haechi_desk_holds(conversation_id));

create policy everything on tickets to haechi_worker using (true) with check (true);
create policy everything on ticket_steps to haechi_worker using (true) with check (true);
create policy everything on desk_presence to haechi_worker using (true) with check (true);
grant select, insert, update on tickets to haechi_app;
grant select, insert on ticket_steps to haechi_app;
grant select, insert, update, delete on desk_presence to haechi_app;
grant select, insert, update, delete on tickets, ticket_steps, desk_presence to haechi_worker;
grant usage on sequence ticket_steps_seq, tickets_number_seq to haechi_app, haechi_worker;
