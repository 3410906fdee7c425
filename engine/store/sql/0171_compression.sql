-- 0171_compression.sql: journals, events and entries hold much text. lz4 costs a fraction of the processor time of the
-- server's default, where the server has it; values that are stored already stay as they are.

do $$
declare
    wide record;
begin
    for wide in
        select * from (values ('billow.journal', 'body'), ('billow.event', 'body'), ('billow.inbox', 'value'),
                              ('billow.inbox', 'value_json'), ('billing.entry', 'body'),
                              ('billing.invoice', 'body')) as t(name, field)
    loop
        execute format('alter table %s alter column %I set compression lz4', wide.name, wide.field);
    end loop;
exception when feature_not_supported then
    raise notice 'the server has no lz4: values are compressed as it does by default';
end $$;
