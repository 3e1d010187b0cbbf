-- The model gateway: backends, tenants, leases, ledger.
-- What several gateway processes must agree on is decided here, in `model_step`, under one lock: who is admitted next, what
-- is reserved, what was used. The rules are those of engines/models/fair.py and budget.py; tests compare the two.

create table model_backends (
  id text primary key check (id ~ '^[a-z0-9][a-z0-9_.-]{0,59}$'),
  kind text not null default 'openai' check (kind in ('openai', 'built_in')),
  url text not null default '',                -- base, 'http://host:8000/v1'
  key_variable text not null default '',       -- environment variable that holds its key; the key itself is never stored
  offers text[] not null,                      -- chat, embeddings, rerank, transcriptions, speech
  max_num_seqs integer not null default 16 check (max_num_seqs > 0),
  slots integer not null generated always as (ceil(max_num_seqs * 1.2)::integer) stored,
  passes_priority boolean not null default false,  -- vLLM --scheduling-policy priority
  unit_in double precision not null default 1, -- virtual tokens a token read, and a token written: what fair sharing counts
  unit_out double precision not null default 2,
  parameters_b double precision not null default 0,  -- active parameters in billions, for the energy estimate; 0: unknown
  enabled boolean not null default true,
  source text not null check (source in ('settings', 'file', 'console', 'built_in')),
  state text not null default 'unknown' check (state in ('unknown', 'up', 'down')),
  why text not null default '',
  failures integer not null default 0,         -- in a row
  open_until timestamptz,                      -- circuit breaker: nothing is sent before
  checked_at timestamptz
);
create table model_aliases (
  alias text not null,                         -- the name that callers use; stays when the model behind it is swapped
  backend text not null references model_backends (id) on delete cascade,
  upstream text not null,                      -- the backend's own name of the model
  place integer not null default 0,            -- 0 first; higher only when the lower are full or down
  primary key (alias, backend)
);
create table model_tenants (
  id text primary key,                         -- 'bureau:복지실', 'service:39', 'project:…', 'user:<id>': the holder of its keys
  name text not null default '',
  weight double precision not null default 1 check (weight > 0),
  lane smallint not null default 2 check (lane between 0 and 3),
  lanes smallint[] not null default '{2,3}',   -- those it may ask for
  models text[],                               -- aliases it may use; null: all
  month_microwon bigint check (month_microwon >= 0),   -- budgets of a calendar month in Seoul; null: none
  month_tokens bigint check (month_tokens >= 0),
  per_minute integer check (per_minute >= 0),
  waiting_limit integer not null default 1000,
  open boolean not null default true,
  -- kept by model_step only
  served double precision not null default 0,  -- virtual tokens / weight
  waiting integer not null default 0,
  reserved_microwon bigint not null default 0,
  reserved_tokens bigint not null default 0,
  minute timestamptz not null default 'epoch',
  minute_calls integer not null default 0,
  created_at timestamptz not null default now()
) with (fillfactor = 50);
create table model_spending (
  tenant text not null references model_tenants (id),
  month date not null,
  microwon bigint not null default 0,
  tokens_in bigint not null default 0,
  tokens_out bigint not null default 0,
  calls bigint not null default 0,
  warned_at timestamptz,                       -- when 80 % were used
  primary key (tenant, month)
) with (fillfactor = 50);
create table model_lanes (
  lane smallint primary key,
  name text not null,
  share double precision not null,             -- of admissions, guaranteed while it waits
  owed double precision not null default 0
) with (fillfactor = 20);
create table model_pulse (
  one boolean primary key default true check (one),
  level double precision not null default 0,   -- how far fair sharing has got; newcomers start here
  admitted bigint not null default 0,
  swept_at timestamptz not null default 'epoch'
) with (fillfactor = 20);

create table model_leases (                     -- requests that wait or run; gone once settled
  id uuid primary key,
  tenant text not null,
  gateway text not null,                       -- the process that serves it: '<name>/<start>'
  state text not null check (state in ('waiting', 'running')),
  lane smallint not null,
  alias text not null,
  kind text not null,
  backend text,
  tried text[] not null default '{}',          -- backends that failed before the first token
  units double precision not null,             -- virtual tokens due at admission
  charged double precision not null default 0,
  reserved_tokens bigint not null,
  reserved_microwon bigint not null,
  tokens_in integer not null,                  -- estimated until the backend says
  tokens_out integer not null default 0,       -- known so far
  entered_at timestamptz not null,
  admitted_at timestamptz,
  expires_at timestamptz not null,
  detail jsonb not null                        -- what the ledger needs if the gateway dies
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
create index model_leases_waiting on model_leases (tenant, lane, entered_at, id) where state = 'waiting';
create index model_leases_running on model_leases (backend) where state = 'running';

create table model_calls (                      -- the ledger: one row a call, written once
  id uuid primary key,                         -- of its lease
  at timestamptz not null,
  ended_at timestamptz not null default clock_timestamp(),
  tenant text not null,
  subject text not null,                       -- 'key:<prefix>'
  bureau text not null default '',
  service integer,
  bot text not null default '',
  alias text not null,
  backend text not null default '',
  kind text not null,
  lane smallint not null,
  state text not null check (state in ('done', 'hung_up', 'failed', 'left', 'expired')),
  streamed boolean not null default false,
  tokens_in integer not null,
  tokens_out integer not null,
  counted text not null check (counted in ('backend', 'estimate')),  -- who counted the tokens
  microwon bigint not null,
  won numeric(20, 6) not null generated always as (microwon / 1000000.0) stored,
  wait_ms integer not null,
  first_token_ms integer,                      -- from arrival
  latency_ms integer not null,
  milliwatthours double precision,             -- null: the model's size is unknown
  co2_milligrams double precision,
  energy_method text not null default '',
  found text[] not null default '{}',          -- kinds of personal data that were masked
  log_text text not null default '',           -- masked, cut
  error text not null default ''
);
create index on model_calls (tenant, at);
create index on model_calls (at);
create index on model_calls (subject, at);

-- settle: free the lease, write the ledger once, book what was really used ------------------------------------------------
create function model_settle(p_rows jsonb) returns void language plpgsql as $$
declare
  v_tenants text[];
begin
  with given as (
    select g.*, coalesce(g.units, 0) as used from jsonb_to_recordset(p_rows) as g(
      id uuid, at timestamptz, tenant text, subject text, bureau text, service integer, bot text, alias text, backend text,
      kind text, lane smallint, state text, streamed boolean, tokens_in integer, tokens_out integer, counted text,
      microwon bigint, units double precision, wait_ms integer, first_token_ms integer, latency_ms integer,
      milliwatthours double precision, co2_milligrams double precision, energy_method text, found text[], log_text text,
      error text)
  ), freed as (
    delete from model_leases l using given g where l.id = g.id
    returning l.tenant, l.state, l.reserved_microwon, l.reserved_tokens, g.used - l.charged as more
  ), booked as (
    insert into model_calls (id, at, tenant, subject, bureau, service, bot, alias, backend, kind, lane, state, streamed,
      tokens_in, tokens_out, counted, microwon, wait_ms, first_token_ms, latency_ms, milliwatthours, co2_milligrams,
      energy_method, found, log_text, error)
    select id, at, tenant, subject, coalesce(bureau, ''), service, coalesce(bot, ''), alias, coalesce(backend, ''), kind, lane,
      state, coalesce(streamed, false), tokens_in, tokens_out, counted, microwon, wait_ms, first_token_ms, latency_ms,
      milliwatthours, co2_milligrams, coalesce(energy_method, ''), coalesce(g.found, '{}'), coalesce(log_text, ''),
      coalesce(error, '')
    from given g on conflict (id) do nothing
    returning tenant, at, microwon, tokens_in, tokens_out
  ), returned as (
    update model_tenants t set reserved_microwon = t.reserved_microwon - f.microwon,
      reserved_tokens = t.reserved_tokens - f.tokens, waiting = t.waiting - f.waited, served = t.served + f.more / t.weight
    from (select tenant, sum(reserved_microwon) as microwon, sum(reserved_tokens) as tokens,
            count(*) filter (where state = 'waiting') as waited, sum(more) as more from freed group by tenant) f
    where t.id = f.tenant
  ), spent as (
    insert into model_spending as s (tenant, month, microwon, tokens_in, tokens_out, calls)
    select tenant, date_trunc('month', at at time zone 'Asia/Seoul')::date, sum(microwon), sum(tokens_in), sum(tokens_out),
      count(*) from booked group by 1, 2
    on conflict (tenant, month) do update set microwon = s.microwon + excluded.microwon,
      tokens_in = s.tokens_in + excluded.tokens_in, tokens_out = s.tokens_out + excluded.tokens_out,
      calls = s.calls + excluded.calls
    returning tenant
  )
  select array_agg(tenant) into v_tenants from spent;
  with near as (
    update model_spending s set warned_at = clock_timestamp() from model_tenants t
    where s.tenant = any (v_tenants) and t.id = s.tenant and s.warned_at is null
      and (s.microwon >= 0.8 * t.month_microwon or s.tokens_in + s.tokens_out >= 0.8 * t.month_tokens)
    returning s.tenant, s.month, s.microwon, s.tokens_in + s.tokens_out as tokens, t.month_microwon, t.month_tokens
  )
  insert into events (id, source, type, subject, time, data)
  select gen_random_uuid(), 'haechi', 'model.budget_warning', tenant, clock_timestamp(), jsonb_build_object('month', month,
    'microwon', microwon, 'tokens', tokens, 'month_microwon', month_microwon, 'month_tokens', month_tokens) from near;
end $$;

-- sweep: leases whose gateway is gone are settled by what was known of them ------------------------------------------------
create function model_sweep(p_now timestamptz) returns void language plpgsql as $$
declare
  v_rows jsonb;
begin
  -- Right after a start of the database every gateway gets the time to say that it lives.
  if pg_postmaster_start_time() > p_now - interval '12 seconds' then return; end if;
  select jsonb_agg(jsonb_build_object('id', id, 'at', entered_at, 'tenant', tenant, 'alias', alias, 'backend', backend,
      'kind', kind, 'lane', lane, 'state', 'expired',
      'tokens_in', case when state = 'running' then tokens_in else 0 end, 'tokens_out', tokens_out, 'counted', 'estimate',
      'microwon', case when state = 'running' then round(tokens_in * coalesce((detail ->> 'price_in')::float8, 0)
        + tokens_out * coalesce((detail ->> 'price_out')::float8, 0)) else 0 end,
      'units', charged,
      'wait_ms', (extract(epoch from coalesce(admitted_at, p_now) - entered_at) * 1000)::integer,
      'latency_ms', (extract(epoch from p_now - entered_at) * 1000)::integer) || (detail - 'price_in' - 'price_out'))
    into v_rows from model_leases where expires_at < p_now;
  if v_rows is not null then perform model_settle(v_rows); end if;
end $$;

-- One step of a gateway: everything that happened since its last one, decided at once --------------------------------------
-- p_settled: ledger rows (see model_settle). p_moved: [{id, backend}] failed before the first token. p_alive:
-- [{id, waits, tokens_out, more}] leases held, `more`: virtual tokens since the last time, `waits`: not told of admission yet. p_arrivals: see the loop below.
-- p_order: 'fair' or 'fcfs'. Returns {admitted: [[id, backend]], refused: [[id, code, seconds]], lost: [id], begun, flushed,
-- total} where `begun` and `flushed` are places in the write-ahead log, as numbers.
create function model_step(p_gateway text, p_order text, p_settled jsonb, p_moved jsonb, p_alive jsonb, p_arrivals jsonb)
returns jsonb language plpgsql security definer set search_path = public as $$
declare
  v_now timestamptz;
  v_minute timestamptz;
  v_month date;
  v_life constant interval := '10 seconds';
  v_begun numeric := pg_current_wal_insert_lsn() - '0/0'::pg_lsn;
  v_ids text[]; v_free integer[]; v_at integer;
  v_level double precision; v_count bigint := 0; v_total integer; v_seconds integer;
  v_admitted jsonb[] := '{}'; v_refused jsonb[] := '{}'; v_lost jsonb;
  v_open text[]; v_skip uuid[] := '{}'; v_backend text; v_code text; v_served double precision;
  a record; t record; h record; s record;
begin
  perform pg_advisory_xact_lock(72200);
  v_now := clock_timestamp();
  v_minute := date_trunc('minute', v_now);
  if p_settled is not null then perform model_settle(p_settled); end if;
  update model_pulse set swept_at = v_now where swept_at < v_now - interval '1 second';
  if found then perform model_sweep(v_now); end if;
  select level into v_level from model_pulse;

  if p_alive is not null then
    with given as (
      select * from jsonb_to_recordset(p_alive) as g(id uuid, waits boolean, tokens_out integer, more double precision)
    ), kept as (
      update model_leases l set tokens_out = g.tokens_out, charged = l.charged + g.more, expires_at = v_now + v_life
      from given g where l.id = g.id returning l.id, l.tenant, g.more, g.waits and l.state = 'running' as told_late, l.backend
    ), charged as (
      update model_tenants c set served = c.served + k.more / c.weight
      from (select tenant, sum(more) as more from kept group by tenant having sum(more) > 0) k where c.id = k.tenant
    )
    select jsonb_agg(g.id) filter (where k.id is null),
      coalesce(array_agg(jsonb_build_array(k.id, k.backend)) filter (where k.told_late), '{}')
    into v_lost, v_admitted from given g left join kept k on k.id = g.id;
  end if;

  if p_moved is not null then
    with given as (select * from jsonb_to_recordset(p_moved) as g(id uuid, backend text)),
    moved as (
      update model_leases l set state = 'waiting', tried = l.tried || g.backend, backend = null
      from given g where l.id = g.id and l.state = 'running' and l.backend = g.backend returning l.id, l.tenant
    )
    update model_tenants m set waiting = m.waiting + c.n from (select tenant, count(*) as n from moved group by tenant) c
    where m.id = c.tenant;
    select v_refused || coalesce(array_agg(jsonb_build_array(l.id, 'no_backend', 5)), '{}') into v_refused
    from jsonb_to_recordset(p_moved) as g(id uuid) join model_leases l on l.id = g.id
    where not exists (select from model_aliases m join model_backends b on b.id = m.backend
      where m.alias = l.alias and l.kind = any (b.offers) and b.enabled and coalesce(b.open_until < v_now, true)
      and b.id <> all (l.tried));
  end if;

  select array_agg(b.id), array_agg(b.slots - coalesce(r.n, 0)::integer) into v_ids, v_free from model_backends b
  left join (select backend, count(*) as n from model_leases where state = 'running' group by backend) r on r.backend = b.id
  where b.enabled and coalesce(b.open_until < v_now, true);
  select coalesce(sum(waiting), 0) into v_total from model_tenants where waiting > 0;

  -- arrivals: id, key, tenant, lane, alias, kind, units, tokens, microwon, tokens_in, detail; again: the backend on which the
  -- request runs already, when the database lost its lease in a crash
  if p_arrivals is not null then
    v_month := date_trunc('month', v_now at time zone 'Asia/Seoul')::date;
    for a in select * from jsonb_to_recordset(p_arrivals) as r(id uuid, key text, tenant text, lane smallint, alias text,
        kind text, units double precision, tokens bigint, microwon bigint, tokens_in integer, detail jsonb, again text) loop
      v_code := null; v_seconds := 0; v_backend := a.again;
      select * into t from model_tenants where id = a.tenant;
      if a.again is not null then
        continue when exists (select from model_calls where id = a.id) or exists (select from model_leases where id = a.id);
      elsif not found or not t.open then v_code := 'tenant_closed';
      elsif not exists (select from api_keys k where k.prefix = a.key and k.revoked_at is null and k.expires_at > v_now
          and (k.holder not like 'user:%' or exists (select from users u where u.id::text = substr(k.holder, 6) and u.active)))
        then v_code := 'key_ended';
      elsif a.lane <> all (t.lanes) then v_code := 'lane_forbidden';
      elsif t.models is not null and a.alias <> all (t.models) then v_code := 'model_forbidden';
      elsif t.waiting >= t.waiting_limit then v_code := 'queue_full'; v_seconds := 5;
      elsif t.per_minute is not null and t.minute = v_minute and t.minute_calls >= t.per_minute
          or t.per_minute = 0 then
        v_code := 'per_minute'; v_seconds := ceil(extract(epoch from v_minute + interval '1 minute' - v_now));
      elsif t.month_microwon is not null or t.month_tokens is not null then
        select coalesce(sum(microwon), 0) as microwon, coalesce(sum(tokens_in + tokens_out), 0) as tokens into s
        from model_spending where tenant = a.tenant and month = v_month;
        if s.microwon + t.reserved_microwon >= t.month_microwon then v_code := 'budget_won';
        elsif s.tokens + t.reserved_tokens >= t.month_tokens then v_code := 'budget_tokens'; end if;
        if v_code is not null and (s.microwon >= t.month_microwon or s.tokens >= t.month_tokens) then
          v_seconds := ceil(extract(epoch from (v_month + interval '1 month') at time zone 'Asia/Seoul' - v_now));
        elsif v_code is not null then v_code := v_code || '_reserved'; v_seconds := 5;
        end if;
      end if;
      if v_code is null and v_backend is null then
        if v_total = 0 then
          select m.backend into v_backend from model_aliases m join model_backends b on b.id = m.backend
          join unnest(v_ids, v_free) f(id, free) on f.id = m.backend
          where m.alias = a.alias and a.kind = any (b.offers) and f.free > 0 order by m.place, f.free desc, m.backend limit 1;
        end if;
        if v_backend is null then
          select case when not bool_or(a.kind = any (b.offers)) then 'not_offered'
            when not bool_or(a.kind = any (b.offers) and b.id = any (v_ids)) then 'no_backend' end into v_code
          from model_aliases m join model_backends b on b.id = m.backend where m.alias = a.alias having count(*) > 0;
          if not found then v_code := 'unknown_model'; end if;
          if v_code = 'no_backend' then v_seconds := 5; end if;
        end if;
      end if;
      if v_code is not null then
        v_refused := v_refused || jsonb_build_array(a.id, v_code, v_seconds);
        continue;
      end if;
      -- VTC: who returns from idle starts where the others are, and keeps no savings.
      v_served := t.served;
      if t.waiting = 0 and v_total = 0 then v_served := greatest(t.served, v_level);
      elsif t.waiting = 0 then
        select greatest(t.served, min(served)) into v_served from model_tenants where waiting > 0;
      end if;
      insert into model_leases (id, tenant, gateway, state, lane, alias, kind, backend, units, charged, reserved_tokens,
        reserved_microwon, tokens_in, entered_at, admitted_at, expires_at, detail)
      values (a.id, a.tenant, p_gateway, case when v_backend is null then 'waiting' else 'running' end, a.lane, a.alias, a.kind,
        v_backend, a.units, case when v_backend is null then 0 else a.units end, a.tokens, a.microwon, a.tokens_in,
        clock_timestamp(), case when v_backend is not null then v_now end, v_now + v_life, a.detail);
      if v_backend is not null then v_served := v_served + a.units / t.weight; end if;
      update model_tenants set served = v_served, waiting = waiting + case when v_backend is null then 1 else 0 end,
        reserved_tokens = reserved_tokens + a.tokens, reserved_microwon = reserved_microwon + a.microwon,
        minute = v_minute, minute_calls = case when minute = v_minute then minute_calls else 0 end + 1
      where id = a.tenant;
      if v_backend is null then v_total := v_total + 1;
      else
        v_admitted := v_admitted || jsonb_build_array(a.id, v_backend);
        v_count := v_count + 1;
        v_level := greatest(v_level, v_served);
        v_at := array_position(v_ids, v_backend);
        if v_at is not null then v_free[v_at] := v_free[v_at] - 1; end if;
      end if;
    end loop;
  end if;

  -- who waits is admitted while there is room
  if p_moved is not null then select coalesce(sum(waiting), 0) into v_total from model_tenants where waiting > 0; end if;
  while v_total > 0 loop
    select array_agg(distinct m.alias || ' ' || k.kind) into v_open from model_aliases m join model_backends b on b.id = m.backend
    join unnest(v_ids, v_free) f(id, free) on f.id = b.id cross join unnest(b.offers) k(kind) where f.free > 0;
    exit when v_open is null;
    if p_order = 'fcfs' then
      select l.* into h from model_leases l where l.state = 'waiting' and l.alias || ' ' || l.kind = any (v_open)
        and l.id <> all (v_skip) order by l.entered_at, l.id limit 1;
    else
      select w.* into h from model_tenants c cross join model_lanes n cross join lateral (
        select l.* from model_leases l where l.tenant = c.id and l.lane = n.lane and l.state = 'waiting'
          and l.alias || ' ' || l.kind = any (v_open) and l.id <> all (v_skip) order by l.entered_at, l.id limit 1) w
      where c.waiting > 0
      order by case when n.lane = 0 then 0 when n.owed >= 1 then 1 else 2 end, n.lane, c.served, w.entered_at, w.id limit 1;
    end if;
    exit when not found;
    select m.backend into v_backend from model_aliases m join model_backends b on b.id = m.backend
    join unnest(v_ids, v_free) f(id, free) on f.id = m.backend
    where m.alias = h.alias and h.kind = any (b.offers) and f.free > 0 and b.id <> all (h.tried)
    order by m.place, f.free desc, m.backend limit 1;
    if v_backend is null then
      v_skip := v_skip || h.id;  -- it has tried those that are free; the others are busy
      continue;
    end if;
    update model_leases set state = 'running', backend = v_backend, admitted_at = v_now, expires_at = v_now + v_life,
      charged = greatest(charged, units) where id = h.id;
    update model_tenants set waiting = waiting - 1, served = served + greatest(h.units - h.charged, 0) / weight
      where id = h.tenant returning served into v_served;
    -- A lane that waits is owed its share of each admission that another gets; what nobody waits for is not saved up.
    update model_lanes n set owed = case when n.lane = h.lane then greatest(0, n.owed - 1)
      when exists (select from model_leases l join model_tenants c on c.id = l.tenant
        where c.waiting > 0 and l.state = 'waiting' and l.lane = n.lane) then n.owed + n.share else 0 end
      where n.lane > 0;
    v_level := greatest(v_level, v_served);
    v_count := v_count + 1;
    v_total := v_total - 1;
    v_at := array_position(v_ids, v_backend);
    v_free[v_at] := v_free[v_at] - 1;
    if h.gateway = p_gateway then v_admitted := v_admitted || jsonb_build_array(h.id, v_backend);
    else perform pg_notify('haechi_models', h.gateway || ' ' || h.id || ' ' || v_backend);
    end if;
  end loop;
  if v_count > 0 then update model_pulse set level = v_level, admitted = admitted + v_count; end if;
  return jsonb_build_object('admitted', v_admitted, 'refused', v_refused, 'lost', v_lost, 'total', v_total, 'begun', v_begun,
    'flushed', pg_current_wal_flush_lsn() - '0/0'::pg_lsn);
end $$;

-- A gateway begins: its predecessor of the same name is gone. The rows that are the same everywhere are made here and not
-- by the migration, so that a backup is restored into empty tables.
create function model_begin(p_name text, p_gateway text) returns integer language plpgsql security definer
set search_path = public as $$
declare
  v_count integer;
begin
  perform pg_advisory_xact_lock(72200);
  insert into model_lanes (lane, name, share) values (0, '긴급', 0), (1, '시민', 0.25), (2, '직원', 0.10), (3, '배치', 0.05)
  on conflict do nothing;
  insert into model_pulse default values on conflict do nothing;
  update model_leases set expires_at = '-infinity' where gateway like replace(p_name, '_', '\_') || '/%' and gateway <> p_gateway;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- Whose key this is, and that its holder is a tenant from now on. Null: no such key. p_first: {kind of holder: [lane, [lanes]]}.
create function model_principal(p_prefix text, p_first jsonb) returns jsonb language plpgsql
security definer set search_path = public as $$
declare
  k api_keys;
  v_bureau text := '';
begin
  select * into k from api_keys where prefix = p_prefix;
  if not found then return null; end if;
  insert into model_tenants (id, name, lane, lanes)
  select k.holder, substr(k.holder, strpos(k.holder, ':') + 1), (f ->> 0)::smallint,
    array(select jsonb_array_elements_text(f -> 1)::smallint)
  from coalesce(p_first -> split_part(k.holder, ':', 1), '[3, [3]]') f
  on conflict (id) do nothing;
  if k.holder like 'bureau:%' then v_bureau := substr(k.holder, 8);
  elsif k.holder like 'user:%' then
    select coalesce(bureau, '') into v_bureau from users where id::text = substr(k.holder, 6) and active;
    if not found then return null; end if;
  end if;
  update api_keys set last_used_at = now() where id = k.id and (last_used_at is null or last_used_at < now() - interval '1 minute');
  return jsonb_build_object('hash', encode(k.secret_hash, 'hex'), 'holder', k.holder, 'scopes', k.scopes, 'bureau', v_bureau,
    'in_force', k.revoked_at is null and k.expires_at > now(), 'tenant', (select to_jsonb(t) from model_tenants t where id = k.holder));
end $$;

-- What a gateway has seen of a backend. p_open: seconds during which nothing is sent to it; 0 closes the breaker.
create function model_health(p_backend text, p_state text, p_why text, p_failures integer, p_open double precision)
returns void language sql security definer set search_path = public as $$
  update model_backends set state = p_state, why = p_why, failures = p_failures, checked_at = clock_timestamp(),
    open_until = case when p_open > 0 then clock_timestamp() + p_open * interval '1 second' end where id = p_backend
$$;

-- Where those stand in line who wait at this gateway: rank among their tenant's in their lane, and every queue there is.
create function model_queue(p_gateway text) returns jsonb language sql security definer set search_path = public as $$
  with ranked as (
    select id, gateway, tenant, lane, row_number() over (partition by tenant, lane order by entered_at, id) as rank
    from model_leases where state = 'waiting'
  )
  select jsonb_build_object('admitted', (select admitted from model_pulse),
    'queues', (select coalesce(jsonb_agg(jsonb_build_array(q.tenant, q.lane, t.weight, q.n)), '[]')
      from (select tenant, lane, count(*) as n from ranked group by tenant, lane) q join model_tenants t on t.id = q.tenant),
    'mine', (select coalesce(jsonb_agg(jsonb_build_array(id, tenant, lane, rank)), '[]') from ranked where gateway = p_gateway))
$$;

-- What one tenant may know of itself.
create function model_standing(p_tenant text) returns jsonb language sql security definer set search_path = public as $$
  select jsonb_build_object('tenant', t.id, 'weight', t.weight, 'lane', t.lane, 'lanes', t.lanes, 'waiting', t.waiting,
    'running', (select count(*) from model_leases l where l.tenant = t.id and l.state = 'running'),
    'month_won', t.month_microwon / 1000000.0, 'month_tokens', t.month_tokens, 'per_minute', t.per_minute,
    'used_won', coalesce(s.microwon, 0) / 1000000.0, 'used_tokens', coalesce(s.tokens_in + s.tokens_out, 0),
    'reserved_won', t.reserved_microwon / 1000000.0, 'reserved_tokens', t.reserved_tokens, 'calls', coalesce(s.calls, 0),
    'resets_at', (date_trunc('month', now() at time zone 'Asia/Seoul') + interval '1 month') at time zone 'Asia/Seoul')
  from model_tenants t left join model_spending s
    on s.tenant = t.id and s.month = date_trunc('month', now() at time zone 'Asia/Seoul')::date
  where t.id = p_tenant
$$;

-- Gateways read their configuration anew when somebody changed it.
create function model_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('haechi_models', 'configuration');
  return null;
end $$;
create trigger changed after insert or delete or update of kind, url, key_variable, offers, max_num_seqs, passes_priority, unit_in,
  unit_out, parameters_b, enabled on model_backends for each statement execute function model_changed();
create trigger changed after insert or update or delete on model_aliases for each statement execute function model_changed();

-- Where every counter must agree with the rows that it counts; empty when all is well.
create view model_drift with (security_invoker = true) as
select t.id as tenant, t.waiting - coalesce(l.waiting, 0) as waiting, t.reserved_tokens - coalesce(l.tokens, 0) as tokens,
  t.reserved_microwon - coalesce(l.microwon, 0) as microwon, coalesce(s.microwon, 0) - coalesce(c.microwon, 0) as spent,
  coalesce(s.calls, 0) - coalesce(c.calls, 0) as calls
from model_tenants t
left join (select tenant, count(*) filter (where state = 'waiting') as waiting, sum(reserved_tokens) as tokens,
  sum(reserved_microwon) as microwon from model_leases group by tenant) l on l.tenant = t.id
left join (select tenant, sum(microwon) as microwon, sum(calls) as calls from model_spending
  where month = date_trunc('month', now() at time zone 'Asia/Seoul')::date group by tenant) s on s.tenant = t.id
left join (select tenant, sum(microwon) as microwon, count(*) as calls from model_calls
  where at >= date_trunc('month', now() at time zone 'Asia/Seoul') at time zone 'Asia/Seoul' group by tenant) c on c.tenant = t.id
where t.waiting <> coalesce(l.waiting, 0) or t.reserved_tokens <> coalesce(l.tokens, 0)
  or t.reserved_microwon <> coalesce(l.microwon, 0) or coalesce(s.microwon, 0) <> coalesce(c.microwon, 0)
  or coalesce(s.calls, 0) <> coalesce(c.calls, 0);

-- who may see what: money and counts for those who answer for them, words of a call for nobody but auditors and admins ------
create function haechi_of_tenant(tenant text) returns boolean language sql stable as
$$ select haechi_has_role('admin') or haechi_has_role('ai_team') or haechi_has_role('auditor')
  or tenant = haechi_subject() or haechi_has_role('staff') and tenant = 'bureau:' || haechi_bureau() $$;
alter table model_backends enable row level security;
alter table model_aliases enable row level security;
alter table model_tenants enable row level security;
alter table model_spending enable row level security;
alter table model_leases enable row level security;
alter table model_calls enable row level security;
create policy read on model_backends for select to haechi_app using (true);
create policy read on model_aliases for select to haechi_app using (true);
create policy change on model_backends to haechi_app using (haechi_has_role('admin')) with check (haechi_has_role('admin'));
create policy change on model_aliases to haechi_app using (haechi_has_role('admin')) with check (haechi_has_role('admin'));
create policy read on model_tenants for select to haechi_app using (haechi_of_tenant(id));
create policy change on model_tenants to haechi_app using (haechi_has_role('admin')) with check (haechi_has_role('admin'));
create policy read on model_spending for select to haechi_app using (haechi_of_tenant(tenant));
create policy read on model_leases for select to haechi_app using (haechi_of_tenant(tenant));
create policy read on model_calls for select to haechi_app
  using (haechi_has_role('admin') or haechi_has_role('auditor') or tenant = haechi_subject() or subject = haechi_subject());
create policy everything on model_backends to haechi_worker using (true) with check (true);
create policy everything on model_aliases to haechi_worker using (true) with check (true);
create policy everything on model_tenants to haechi_worker using (true) with check (true);
create policy everything on model_spending to haechi_worker using (true) with check (true);
create policy everything on model_leases to haechi_worker using (true) with check (true);
create policy everything on model_calls to haechi_worker using (true) with check (true);
grant select, insert, update, delete on model_backends, model_aliases, model_tenants to haechi_app, haechi_worker;
grant select on model_spending, model_leases, model_lanes, model_pulse, model_calls, model_drift to haechi_app, haechi_worker;
grant update (log_text), delete on model_calls to haechi_worker;  -- retention
revoke execute on function model_settle(jsonb), model_sweep(timestamptz) from public;
do $$
declare
  f text;
begin
  foreach f in array array['model_step(text, text, jsonb, jsonb, jsonb, jsonb)', 'model_begin(text, text)',
      'model_principal(text, jsonb)', 'model_health(text, text, text, integer, double precision)',
      'model_queue(text)', 'model_standing(text)'] loop
    execute format('revoke execute on function %s from public', f);
    execute format('grant execute on function %s to haechi_app, haechi_worker', f);
  end loop;
end $$;
