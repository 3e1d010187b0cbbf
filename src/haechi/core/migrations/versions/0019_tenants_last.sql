-- Whose key this is, and that its holder is a tenant from now on. Null: no such key. p_first: {kind of holder: [lane, [lanes]]}.
create or replace function model_principal(p_prefix text, p_first jsonb) returns jsonb language plpgsql
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
  if found then
    -- The gateway commits without waiting for the disk; calls of this tenant that are written later must find it there.
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if k.holder like 'bureau:%' then v_bureau := substr(k.holder, 8);
  elsif k.holder like 'user:%' then
    select coalesce(bureau, '') into v_bureau from users where id::text = substr(k.holder, 6) and active;
    if not found then return null; end if;
  end if;
  update api_keys set last_used_at = now() where id = k.id and (last_used_at is null or last_used_at < now() - interval '1 minute');
  return jsonb_build_object('hash', encode(k.secret_hash, 'hex'), 'holder', k.holder, 'scopes', k.scopes, 'bureau', v_bureau,
    'in_force', k.revoked_at is null and k.expires_at > now(), 'tenant', (select to_jsonb(t) from model_tenants t where id = k.holder));
end $$;
