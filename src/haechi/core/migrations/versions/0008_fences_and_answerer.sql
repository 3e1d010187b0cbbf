-- Feedback remembers inside which bot the question was asked: mended, it is asked again there and nowhere else.
alter table feedback add column within text not null default '';  -- a collection ('bot:<id>'), '' for a service's bot
-- The bot may be withdrawn by now, so that who gives feedback no longer sees its row: what matters is where it was asked.
create function haechi_bot_of_turn(wanted text) returns table (kind text, audience text)
language sql stable security definer set search_path = public as
$$ select b.kind, b.audience from bots b where b.id = wanted $$;
update feedback f set within = 'bot:' || b.id, tags = case when b.audience = 'citizen' then '{public}' else f.tags end
  from turns t join bots b on b.id = t.bot where t.id = f.turn_id and b.kind = 'department';

-- The answerer that every installation has, as the last way out of a chat model's name. It never takes a place in line: a
-- gateway asks it itself once every model server of the name has failed or is left alone.
alter table model_backends drop constraint model_backends_kind_check;
alter table model_backends add constraint model_backends_kind_check
  check (kind in ('openai', 'built_in', 'built_in_answerer'));
do $$
declare
  v_old constant text := 'b.enabled and coalesce(';
  v_new constant text := 'b.enabled and b.kind <> ''built_in_answerer'' and coalesce(';
  v_text text := pg_get_functiondef('model_step(text, text, jsonb, jsonb, jsonb, jsonb)'::regprocedure);
begin
  if array_length(string_to_array(v_text, v_old), 1) <> 3 then
    raise exception 'model_step is not as 0002 made it';
  end if;
  v_text := replace(v_text, v_old, v_new);
  -- With every backend at rest the list is null, and null said neither yes nor no: calls waited for what would not come.
  if position('b.id = any (v_ids))' in v_text) = 0 then raise exception 'model_step is not as 0002 made it'; end if;
  execute replace(v_text, 'b.id = any (v_ids))', 'b.id = any (coalesce(v_ids, ''{}'')))');
end $$;

-- A lease that a dead gateway was given, or had not yet brought to the model, is settled for nothing: nothing came of it.
do $$
declare
  v_old constant text := 'case when state = ''running'' then';
  v_new constant text := 'case when state = ''running'' and tokens_out > 0 then';
  v_text text := pg_get_functiondef('model_sweep(timestamptz)'::regprocedure);
begin
  if array_length(string_to_array(v_text, v_old), 1) <> 3 then
    raise exception 'model_sweep is not as 0002 made it';
  end if;
  execute replace(v_text, v_old, v_new);
end $$;
