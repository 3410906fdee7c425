-- 0181_journal_partitions.sql: the journal lies in quarters by the start of its runs (their ids begin with it; those of
-- children with that of their parent, so that a tree lies together). What there is becomes the first partition as it is:
-- it is read once, to prove that it fits, and nothing is copied. docs/decisions/0035 has the figures.
--
-- What fits no quarter goes to journal_other: ids of a clock that is far off, and a quarter that nobody made in time. So a
-- commit never fails for want of a partition, and a quarter may be dropped although a run of it goes on.

ALTER TABLE billow.journal RENAME TO journal_before;
ALTER TABLE billow.journal_before RENAME CONSTRAINT journal_pkey TO journal_before_pkey;

CREATE TABLE billow.journal (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    turn bigint NOT NULL,
    at bigint NOT NULL,
    batch_id uuid NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (tenant_id, run_id, turn)
) PARTITION BY RANGE (run_id);

-- The first id of a moment.
CREATE FUNCTION billow.first_id(p_at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $first$
    SELECT (lpad(to_hex((extract(epoch FROM p_at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$first$;

CREATE FUNCTION billow.wall_journal(p_table regclass) RETURNS void
LANGUAGE plpgsql AS $wall$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
    EXECUTE format('CREATE POLICY engine ON %s TO billow_engine USING (true) WITH CHECK (true)', p_table);
    EXECUTE format('CREATE POLICY script ON %s TO billow_script USING (tenant_id = billow.current_tenant())'
                   ' WITH CHECK (tenant_id = billow.current_tenant())', p_table);
END
$wall$;

-- Makes this quarter and the next two, when they are not there. Commits go on meanwhile: a table is made beside the journal
-- and attached. What waited for it in journal_other moves along.
CREATE FUNCTION billow.make_journal_partitions(p_now bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $make$
DECLARE
    v_from timestamptz;
    v_to timestamptz;
    v_name text;
    v_count integer := 0;
BEGIN
    SET LOCAL lock_timeout = '2s';
    FOR i IN 0 .. 2 LOOP
        v_from := (date_trunc('quarter', to_timestamp(p_now / 1000000.0) AT TIME ZONE 'UTC') + i * interval '3 months')
                  AT TIME ZONE 'UTC';
        v_to := (v_from AT TIME ZONE 'UTC' + interval '3 months') AT TIME ZONE 'UTC';
        v_name := 'journal_' || to_char(v_from AT TIME ZONE 'UTC', 'YYYY"q"Q');
        -- Is the first moment in a quarter, or in journal_before?
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_inherits n JOIN pg_class c ON c.oid = n.inhrelid
            WHERE n.inhparent = 'billow.journal'::regclass
              AND (c.relname = v_name OR (c.relname = 'journal_before'
                   AND billow.first_id(v_from) < (regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                                               'TO \(''([0-9a-f-]+)''\)'))[1]::uuid)));
        EXECUTE format('CREATE TABLE billow.%I (LIKE billow.journal INCLUDING ALL)', v_name);
        PERFORM billow.wall_journal(format('billow.%I', v_name)::regclass);
        LOCK TABLE billow.journal_other IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('WITH moved AS (DELETE FROM billow.journal_other WHERE run_id >= %L AND run_id < %L RETURNING *)'
                       ' INSERT INTO billow.%I SELECT * FROM moved',
                       billow.first_id(v_from), billow.first_id(v_to), v_name);
        EXECUTE format('ALTER TABLE billow.journal ATTACH PARTITION billow.%I FOR VALUES FROM (%L) TO (%L)', v_name,
                       billow.first_id(v_from), billow.first_id(v_to));
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
EXCEPTION WHEN lock_not_available OR duplicate_table THEN
    RETURN 0; -- another node does it, or the next time
END
$make$;

-- Drops quarters that are over and hold nothing any more: their disk is free at once. Commits wait for at most a fifth of a
-- second; a quarter that is busy is left for the next time.
CREATE FUNCTION billow.drop_journal_partitions(p_now bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $drop$
DECLARE
    v_table record;
    v_is_empty boolean;
    v_count integer := 0;
BEGIN
    SET LOCAL lock_timeout = '200ms';
    FOR v_table IN
        SELECT c.relname FROM pg_inherits n JOIN pg_class c ON c.oid = n.inhrelid
        WHERE n.inhparent = 'billow.journal'::regclass AND c.relname <> 'journal_other'
          AND (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([0-9a-f-]+)''\)'))[1]::uuid
              < billow.first_id(to_timestamp(p_now / 1000000.0) - interval '3 months')
        ORDER BY c.relname
    LOOP
        BEGIN
            EXECUTE format('SELECT NOT EXISTS (SELECT FROM billow.%I)', v_table.relname) INTO v_is_empty;
            CONTINUE WHEN NOT v_is_empty;
            LOCK TABLE billow.journal IN ACCESS EXCLUSIVE MODE;
            EXECUTE format('SELECT NOT EXISTS (SELECT FROM billow.%I)', v_table.relname) INTO v_is_empty;
            CONTINUE WHEN NOT v_is_empty;
            EXECUTE format('DROP TABLE billow.%I', v_table.relname);
            v_count := v_count + 1;
        EXCEPTION WHEN lock_not_available THEN
            EXIT;
        END;
    END LOOP;
    RETURN v_count;
END
$drop$;

DO $convert$
DECLARE
    v_to timestamptz := (date_trunc('quarter', clock_timestamp() AT TIME ZONE 'UTC') + interval '3 months') AT TIME ZONE 'UTC';
BEGIN
    BEGIN
        ALTER TABLE billow.journal ALTER COLUMN body SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN
        NULL; -- as in 0171
    END;
    PERFORM billow.wall_journal('billow.journal');
    CREATE TABLE billow.journal_other (LIKE billow.journal INCLUDING ALL);
    PERFORM billow.wall_journal('billow.journal_other');
    WITH moved AS (DELETE FROM billow.journal_before WHERE run_id >= billow.first_id(v_to) RETURNING *)
    INSERT INTO billow.journal_other SELECT * FROM moved;
    EXECUTE format('ALTER TABLE billow.journal ATTACH PARTITION billow.journal_before FOR VALUES FROM (MINVALUE) TO (%L)',
                   billow.first_id(v_to));
    ALTER TABLE billow.journal ATTACH PARTITION billow.journal_other DEFAULT;
    GRANT SELECT, INSERT, UPDATE, DELETE ON billow.journal TO billow_engine;
    REVOKE ALL ON FUNCTION billow.first_id(timestamptz), billow.wall_journal(regclass),
        billow.make_journal_partitions(bigint), billow.drop_journal_partitions(bigint) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION billow.first_id(timestamptz), billow.make_journal_partitions(bigint),
        billow.drop_journal_partitions(bigint) TO billow_engine;
    PERFORM billow.make_journal_partitions((extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
END
$convert$;
