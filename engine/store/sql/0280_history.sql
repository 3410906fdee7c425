-- 0280_history.sql: which server's history an engine last worked on.
--
-- A backup that is restored, or a standby that is promoted, writes another timeline; another cluster has another
-- identifier. What the rows say is then perhaps older than what was done. An engine that starts on such a database has no
-- memory of it: from that moment on, runs that began before it ask before they do what cannot be repeated.
create table billow.history (
    one         boolean primary key default true check (one),
    timeline    bigint not null, -- 0: the server could not tell
    system      text not null,   -- likewise empty
    restored_at bigint not null default 0 -- microseconds of an engine's clock; 0: it never fell back, as far as is known
);
grant select on billow.history to billow_engine;

-- p_lived: an engine lived through the change, and has told what was lost. Gives restored_at.
create function billow.look_at_history(p_lived boolean, p_now bigint) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_timeline bigint := 0;
    v_system text := '';
    v_row billow.history;
begin
    begin
        v_timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint;
        v_system := (select system_identifier::text from pg_control_system());
    exception when others then
        null; -- not every server tells, or not to everybody
    end;
    insert into billow.history (timeline, system) values (v_timeline, v_system) on conflict do nothing;
    select * into v_row from billow.history for update;
    if (v_row.timeline, v_row.system) = (v_timeline, v_system) then
        return v_row.restored_at;
    end if;
    if not p_lived and ((v_row.timeline > 0 and v_timeline > 0 and v_row.timeline <> v_timeline)
                        or (v_row.system <> '' and v_system <> '' and v_row.system <> v_system)) then
        v_row.restored_at := p_now;
    end if;
    update billow.history set timeline = v_timeline, system = v_system, restored_at = v_row.restored_at;
    return v_row.restored_at;
end $$;
revoke all on function billow.look_at_history(boolean, bigint) from public;
grant execute on function billow.look_at_history(boolean, bigint) to billow_engine;
