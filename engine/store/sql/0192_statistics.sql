-- 0192_statistics.sql: what the planner knows of the books, after much of them is new.
--
-- The server counts by itself only some time after a large import, and a bill may follow at once. Who may call this
-- learns nothing; who owns the tables may count them, and so does the function.
create function billing.count_anew(p_rows bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    -- What is a small part of all changes no plan.
    if p_rows < (select greatest(1000, reltuples / 10) from pg_class where oid = 'billing.entry'::regclass) then
        return false;
    end if;
    analyze billing.entry;
    analyze billing.ledger_balance;
    return true;
end $$;
revoke all on function billing.count_anew(bigint) from public;
grant execute on function billing.count_anew(bigint) to billow_script, billow_engine;
