-- 0002_functions.sql - what has to happen inside a commit, next to the rows: events find their waiters, numbers are
-- taken under lock, a script's SQL runs as the low-privilege role in a subtransaction.

-- --- Events -------------------------------------------------------------------------------------------------------

-- Brings the oldest free event to the oldest open waiter of one place (tenant, topic, key), until one side runs out.
CREATE FUNCTION billow.match_events(p_tenant uuid, p_topic text, p_key text, p_now bigint)
RETURNS TABLE (tenant_id uuid, run_id uuid)
LANGUAGE plpgsql AS $match$
#variable_conflict use_column
DECLARE
    v_run uuid;
    v_seq bigint;
    v_shard smallint;
    v_event bigint;
BEGIN
    LOOP
        SELECT w.run_id, w.seq, r.shard INTO v_run, v_seq, v_shard
        FROM billow.wait w JOIN billow.run r ON r.tenant_id = w.tenant_id AND r.run_id = w.run_id
        WHERE w.tenant_id = p_tenant AND w.topic = p_topic AND w.key = p_key AND w.event_ordinal IS NULL
          AND r.status IN (1, 2)
        ORDER BY w.ordinal LIMIT 1;
        EXIT WHEN NOT FOUND;
        SELECT e.ordinal INTO v_event
        FROM billow.event e
        WHERE e.tenant_id = p_tenant AND e.topic = p_topic AND e.key = p_key AND e.taken_run IS NULL
          AND (e.expires_at IS NULL OR e.expires_at > p_now)
        ORDER BY e.ordinal LIMIT 1;
        EXIT WHEN NOT FOUND;
        UPDATE billow.event e SET taken_run = v_run, taken_seq = v_seq
        WHERE e.tenant_id = p_tenant AND e.ordinal = v_event;
        UPDATE billow.wait w SET event_ordinal = v_event
        WHERE w.tenant_id = p_tenant AND w.run_id = v_run AND w.seq = v_seq;
        INSERT INTO billow.inbox (tenant_id, run_id, key, shard, kind, seq, event_ordinal)
        VALUES (p_tenant, v_run, 'event:' || v_seq, v_shard, 1, v_seq, v_event)
        ON CONFLICT DO NOTHING;
        tenant_id := p_tenant;
        run_id := v_run;
        RETURN NEXT;
    END LOOP;
END
$match$;

-- Ends waits, stores events and waits, and matches the places they touch. An advisory lock on each place makes two
-- transactions match one after the other: the second one's queries see what the first one committed, so an event and
-- its waiter can never miss each other. What belongs to a turn (batch not null) counts only if that turn was accepted
-- in this transaction, which its run's last_batch tells.
CREATE FUNCTION billow.settle_events(
    p_unwait_tenant uuid[], p_unwait_run uuid[], p_unwait_batch uuid[], p_unwait_seq bigint[],
    p_event_tenant uuid[], p_event_run uuid[], p_event_batch uuid[], p_event_topic text[], p_event_key text[],
    p_event_id text[], p_event_body bytea[], p_event_expires bigint[],
    p_wait_tenant uuid[], p_wait_run uuid[], p_wait_batch uuid[], p_wait_seq bigint[], p_wait_topic text[],
    p_wait_key text[],
    p_now bigint)
RETURNS TABLE (tenant_id uuid, run_id uuid)
LANGUAGE plpgsql AS $settle$
#variable_conflict use_column
DECLARE
    v_wait billow.wait;
    v_tenants uuid[];
    v_topics text[];
    v_keys text[];
BEGIN
    SELECT array_agg(p.tenant ORDER BY p.hash), array_agg(p.topic ORDER BY p.hash), array_agg(p.key ORDER BY p.hash)
    INTO v_tenants, v_topics, v_keys
    FROM (SELECT q.tenant, q.topic, q.key,
                 hashtextextended(q.tenant::text || chr(1) || q.topic || chr(1) || q.key, 0) AS hash
          FROM (SELECT * FROM unnest(p_event_tenant, p_event_topic, p_event_key)
                UNION SELECT * FROM unnest(p_wait_tenant, p_wait_topic, p_wait_key)
                UNION SELECT w.tenant_id, w.topic, w.key
                      FROM unnest(p_unwait_tenant, p_unwait_run, p_unwait_seq) AS u (tenant, run, seq)
                      JOIN billow.wait w ON w.tenant_id = u.tenant AND w.run_id = u.run AND w.seq = u.seq
               ) AS q (tenant, topic, key)) AS p;
    -- In one order everywhere, so that two transactions cannot wait for each other.
    FOR i IN 1 .. coalesce(cardinality(v_tenants), 0) LOOP
        PERFORM pg_advisory_xact_lock(
            hashtextextended(v_tenants[i]::text || chr(1) || v_topics[i] || chr(1) || v_keys[i], 0));
    END LOOP;

    FOR v_wait IN
        DELETE FROM billow.wait w
        USING unnest(p_unwait_tenant, p_unwait_run, p_unwait_batch, p_unwait_seq) AS u (tenant, run, batch, seq)
        JOIN billow.run r ON r.tenant_id = u.tenant AND r.run_id = u.run AND r.last_batch = u.batch
        WHERE w.tenant_id = u.tenant AND w.run_id = u.run AND w.seq = u.seq
        RETURNING w.*
    LOOP
        -- It got an event that the run never saw (the timeout came first): the event is free again, at its old place.
        IF v_wait.event_ordinal IS NOT NULL THEN
            DELETE FROM billow.inbox i
            WHERE i.tenant_id = v_wait.tenant_id AND i.run_id = v_wait.run_id
              AND i.key = 'event:' || v_wait.seq AND NOT i.is_read;
            IF FOUND THEN
                UPDATE billow.event e SET taken_run = NULL, taken_seq = NULL
                WHERE e.tenant_id = v_wait.tenant_id AND e.ordinal = v_wait.event_ordinal;
            END IF;
        END IF;
    END LOOP;

    INSERT INTO billow.event (tenant_id, topic, key, event_id, at, expires_at, body)
    SELECT e.tenant, e.topic, e.key, e.event_id, p_now, e.expires, e.body
    FROM unnest(p_event_tenant, p_event_run, p_event_batch, p_event_topic, p_event_key, p_event_id, p_event_body,
                p_event_expires) WITH ORDINALITY AS e (tenant, run, batch, topic, key, event_id, body, expires, place)
    LEFT JOIN billow.run r ON r.tenant_id = e.tenant AND r.run_id = e.run
    WHERE e.batch IS NULL OR r.last_batch = e.batch
    ORDER BY e.place
    ON CONFLICT DO NOTHING;

    INSERT INTO billow.wait (tenant_id, run_id, seq, topic, key)
    SELECT w.tenant, w.run, w.seq, w.topic, w.key
    FROM unnest(p_wait_tenant, p_wait_run, p_wait_batch, p_wait_seq, p_wait_topic, p_wait_key)
         WITH ORDINALITY AS w (tenant, run, batch, seq, topic, key, place)
    JOIN billow.run r ON r.tenant_id = w.tenant AND r.run_id = w.run AND r.last_batch = w.batch
    ORDER BY w.place
    ON CONFLICT DO NOTHING;

    FOR i IN 1 .. coalesce(cardinality(v_tenants), 0) LOOP
        RETURN QUERY SELECT m.tenant_id, m.run_id
                     FROM billow.match_events(v_tenants[i], v_topics[i], v_keys[i], p_now) AS m;
    END LOOP;
END
$settle$;

-- --- Numbers ------------------------------------------------------------------------------------------------------

-- The next number of a series, by a row lock held to the end of the transaction: one commit after the other takes
-- numbers of a series, in the order of the numbers, and a rollback gives its number back.
CREATE FUNCTION billow.take_number(p_tenant uuid, p_run uuid, p_series text, p_date text, p_customer text, p_at bigint)
RETURNS jsonb
LANGUAGE plpgsql AS $number$
DECLARE
    v_series billow.number_series;
    v_date date;
    v_sequence bigint;
    v_number text;
    v_digits text;
BEGIN
    IF p_date IS NULL OR p_date !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN
        RAISE EXCEPTION USING ERRCODE = 'BW400',
            MESSAGE = format('number of series %s: the date has to be YYYY-MM-DD', p_series);
    END IF;
    v_date := p_date::date;
    SELECT * INTO v_series FROM billow.number_series s
    WHERE s.tenant_id = p_tenant AND s.series = p_series FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'BW404', MESSAGE = format('there is no number series %s', p_series);
    END IF;
    IF v_date < v_series.last_date THEN
        RAISE EXCEPTION USING ERRCODE = 'BW400',
            MESSAGE = format('series %s: the date %s is before %s, the date of its last number', p_series, v_date,
                             v_series.last_date);
    END IF;
    v_sequence := v_series.next;
    IF v_series.last_date IS NOT NULL AND (
           (v_series.reset = 'year' AND date_part('year', v_date) <> date_part('year', v_series.last_date))
        OR (v_series.reset = 'month' AND date_trunc('month', v_date) <> date_trunc('month', v_series.last_date))) THEN
        v_sequence := 1;
    END IF;
    IF p_customer IS NULL AND position('{CUSTOMER}' IN v_series.format) > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'BW400', MESSAGE = format('series %s needs a customer', p_series);
    END IF;
    v_digits := substring(v_series.format FROM '\{SEQ:([0-9]+)\}');
    v_number := replace(v_series.format, '{SEQ:' || v_digits || '}',
                        CASE WHEN length(v_sequence::text) >= v_digits::int THEN v_sequence::text
                             ELSE lpad(v_sequence::text, v_digits::int, '0') END);
    v_number := replace(replace(replace(v_number, '{YYYY}', to_char(v_date, 'YYYY')), '{YY}', to_char(v_date, 'YY')),
                        '{MM}', to_char(v_date, 'MM'));
    v_number := replace(v_number, '{CUSTOMER}', coalesce(p_customer, ''));
    UPDATE billow.number_series s SET next = v_sequence + 1, last_date = v_date
    WHERE s.tenant_id = p_tenant AND s.series = p_series;
    INSERT INTO billow.number_used (tenant_id, series, number, sequence, date, at, run_id)
    VALUES (p_tenant, p_series, v_number, v_sequence, v_date, p_at, p_run);
    RETURN jsonb_build_object('number', v_number, 'sequence', v_sequence);
END
$number$;

-- --- Tenants ------------------------------------------------------------------------------------------------------

-- The tenant of the statement at work: for policies and column defaults of tables that scripts may touch. Without one
-- it raises, so everything fails closed.
CREATE FUNCTION billow.current_tenant() RETURNS uuid
LANGUAGE sql STABLE AS $tenant$ SELECT pg_catalog.current_setting('billow.tenant')::uuid $tenant$;

-- --- A script's SQL -----------------------------------------------------------------------------------------------

-- Runs one statement as billow_script (it owns this function, and only the engine may call it). $1 in the text is the
-- array of parameters. A FOR loop over a dynamic text opens a cursor, so the server itself refuses a text that holds
-- more than one statement.
CREATE FUNCTION billow.script_execute(p_sql text, p_params text[], p_is_returning boolean, p_rows_max integer,
                                      OUT result jsonb, OUT affected bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, billing, pg_temp
SET plan_cache_mode = auto SET enable_seqscan = on SET enable_hashjoin = on SET enable_mergejoin = on AS $execute$
DECLARE
    v_row record;
    v_rows jsonb[] := '{}';
BEGIN
    affected := 0;
    FOR v_row IN EXECUTE p_sql USING p_params LOOP
        affected := affected + 1;
        IF p_is_returning THEN
            IF affected > p_rows_max THEN
                RAISE EXCEPTION USING ERRCODE = 'BW413',
                    MESSAGE = format('over %s rows: ask for fewer, in several queries', p_rows_max);
            END IF;
            v_rows := array_append(v_rows, to_jsonb(v_row));
        END IF;
    END LOOP;
    result := to_jsonb(v_rows);
END
$execute$;

-- Checks deferred constraints now, as the script role, so that what they say becomes the outcome of the work.
CREATE FUNCTION billow.script_settle() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, billing, pg_temp AS $constraints$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
END
$constraints$;

-- A read. The engine calls it in a READ ONLY transaction.
CREATE FUNCTION billow.script_query(p_tenant uuid, p_sql text, p_params text[], p_rows_max integer) RETURNS text
LANGUAGE plpgsql AS $query$
DECLARE
    v_result jsonb;
    v_text text;
BEGIN
    PERFORM set_config('billow.tenant', p_tenant::text, true);
    SELECT e.result INTO v_result FROM billow.script_execute(p_sql, p_params, true, p_rows_max) AS e;
    IF current_setting('billow.tenant') <> p_tenant::text THEN
        RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'a statement changed its tenant';
    END IF;
    v_text := v_result::text;
    IF octet_length(v_text) > 8 * 1024 * 1024 THEN
        RAISE EXCEPTION USING ERRCODE = 'BW413', MESSAGE = 'over 8 MiB of rows: ask for less, in several queries';
    END IF;
    RETURN v_text;
END
$query$;

-- The error map that a script sees, from what an exception handler knows.
CREATE FUNCTION billow.error_json(p_state text, p_text text, p_detail text, p_constraint text, p_statement text)
RETURNS text LANGUAGE sql IMMUTABLE AS $error$
    SELECT jsonb_build_object(
        'code', CASE WHEN p_state = 'BW404' THEN 'NOT_FOUND' WHEN p_state = 'BW409' THEN 'CONFLICT'
                     WHEN p_state = 'BW413' THEN 'LIMIT' WHEN p_state = 'BW400' THEN 'INVALID'
                     WHEN p_state IN ('23505', '23P01') THEN 'CONFLICT' WHEN p_state = '42501' THEN 'FORBIDDEN'
                     WHEN p_state = '57014' THEN 'TIMEOUT' WHEN left(p_state, 2) = '54' THEN 'LIMIT'
                     WHEN left(p_state, 2) IN ('XX', '0Z', 'F0') THEN 'INTERNAL' ELSE 'INVALID' END,
        'text', CASE WHEN p_statement IS NULL THEN p_text ELSE p_statement || ': ' || p_text END,
        'is_retryable', p_state = '57014',
        'detail', jsonb_strip_nulls(jsonb_build_object('sqlstate', p_state, 'statement', p_statement,
                                                       'constraint', nullif(p_constraint, ''),
                                                       'detail', nullif(p_detail, ''))))::text
$error$;

-- Replaces {"$ref": "name"} (or "name.sequence") among a statement's parameters by the number taken under that name;
-- everything else is text or null already.
CREATE FUNCTION billow.work_params(p_params jsonb, p_refs jsonb, p_statement text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $params$
DECLARE
    v_param jsonb;
    v_ref text;
    v_params text[] := '{}';
BEGIN
    FOR v_param IN SELECT value FROM jsonb_array_elements(p_params) LOOP
        IF jsonb_typeof(v_param) = 'object' THEN
            v_ref := v_param ->> '$ref';
            IF NOT p_refs ? v_ref THEN
                RAISE EXCEPTION USING ERRCODE = 'BW400',
                    MESSAGE = format('a parameter refers to the number %s, which no earlier item takes', v_ref);
            END IF;
            v_params := array_append(v_params, p_refs ->> v_ref);
        ELSE
            v_params := array_append(v_params, v_param #>> '{}');
        END IF;
    END LOOP;
    RETURN v_params;
END
$params$;

-- One db.transaction of a turn: {"items": [{"sql", "name", "params", "returning", "expect"} | {"number", "date",
-- "customer", "as"}]} or {"fault": error map} when the engine refused it before. Its outcome becomes the message
-- "tx:<seq>" in this same transaction; an error undoes the items and nothing else. What may succeed later as it is
-- (deadlock, disk full, shutdown) is no outcome: it fails the commit, which the engine repeats.
CREATE FUNCTION billow.run_work(p_tenant uuid, p_run uuid, p_batch uuid, p_seq bigint, p_at bigint, p_work jsonb)
RETURNS TABLE (tenant_id uuid, run_id uuid)
LANGUAGE plpgsql AS $work$
#variable_conflict use_column
DECLARE
    v_shard smallint;
    v_item jsonb;
    v_name text;
    v_number jsonb;
    v_refs jsonb := '{}';
    v_rows jsonb;
    v_affected bigint;
    v_expect text;
    v_results jsonb[] := '{}';
    v_kind smallint := 1;
    v_outcome text;
    v_state text;
    v_text text;
    v_detail text;
    v_constraint text;
BEGIN
    SELECT r.shard INTO v_shard FROM billow.run r
    WHERE r.tenant_id = p_tenant AND r.run_id = p_run AND r.last_batch = p_batch;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF p_work ? 'fault' THEN
        v_kind := 2;
        v_outcome := (p_work -> 'fault')::text;
    ELSE
        PERFORM set_config('billow.tenant', p_tenant::text, true);
        BEGIN
            SET CONSTRAINTS ALL DEFERRED;
            FOR v_item IN SELECT value FROM jsonb_array_elements(p_work -> 'items') LOOP
                IF v_item ? 'number' THEN
                    v_name := NULL;
                    v_number := billow.take_number(p_tenant, p_run, v_item ->> 'number', v_item ->> 'date',
                                                   v_item ->> 'customer', p_at);
                    IF v_item ? 'as' THEN
                        v_refs := v_refs || jsonb_build_object(v_item ->> 'as', v_number ->> 'number',
                                                               (v_item ->> 'as') || '.sequence', v_number ->> 'sequence');
                    END IF;
                    v_results := array_append(v_results, v_number);
                    CONTINUE;
                END IF;
                v_name := v_item ->> 'name';
                SELECT e.result, e.affected INTO v_rows, v_affected
                FROM billow.script_execute(v_item ->> 'sql',
                                           billow.work_params(v_item -> 'params', v_refs, v_name),
                                           (v_item ->> 'returning')::boolean, 100000) AS e;
                IF current_setting('billow.tenant') <> p_tenant::text THEN
                    RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'the statement changed its tenant';
                END IF;
                v_expect := v_item ->> 'expect';
                IF NOT (CASE v_expect WHEN 'any' THEN true WHEN 'some' THEN v_affected >= 1
                              WHEN 'one' THEN v_affected = 1 ELSE v_affected = v_expect::bigint END) THEN
                    RAISE EXCEPTION USING ERRCODE = 'BW409',
                        MESSAGE = format('%s rows where %s expected', v_affected,
                                         CASE v_expect WHEN 'some' THEN 'at least one was' WHEN 'one' THEN 'one was'
                                                       ELSE v_expect || ' were' END);
                END IF;
                v_results := array_append(v_results, v_rows);
            END LOOP;
            v_name := NULL;
            PERFORM billow.script_settle();
            v_outcome := to_jsonb(v_results)::text;
            IF octet_length(v_outcome) > 8 * 1024 * 1024 THEN
                RAISE EXCEPTION USING ERRCODE = 'BW413', MESSAGE = 'over 8 MiB of rows: return less';
            END IF;
        EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
            GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_text = MESSAGE_TEXT,
                                    v_detail = PG_EXCEPTION_DETAIL, v_constraint = CONSTRAINT_NAME;
            IF left(v_state, 2) IN ('08', '40', '53', '58') OR left(v_state, 3) = '57P' OR v_state IN ('25006', '55P03')
            THEN
                RAISE;
            END IF;
            v_kind := 2;
            v_outcome := billow.error_json(v_state, v_text, v_detail, v_constraint, v_name);
        END;
    END IF;
    INSERT INTO billow.inbox (tenant_id, run_id, key, shard, kind, seq, value_json)
    VALUES (p_tenant, p_run, 'tx:' || p_seq, v_shard, v_kind, p_seq, v_outcome)
    -- Performed again by a resume, after its error was acknowledged.
    ON CONFLICT (tenant_id, run_id, key) DO UPDATE
    SET is_read = false, kind = excluded.kind, value = NULL, value_json = excluded.value_json
    WHERE inbox.is_read;
    tenant_id := p_tenant;
    run_id := p_run;
    RETURN NEXT;
END
$work$;

-- --- What a script may touch -----------------------------------------------------------------------------------------

-- Opens a table that has a tenant_id to scripts: row-level security on and forced, then the privileges. Migrations of
-- the product's own schemas call it: SELECT billow.open_to_scripts('billing.entry', 'SELECT, INSERT');
CREATE FUNCTION billow.open_to_scripts(p_table regclass, p_privileges text) RETURNS void
LANGUAGE plpgsql AS $open$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
                   WHERE attrelid = p_table AND attname = 'tenant_id' AND atttypid = 'uuid'::regtype) THEN
        RAISE EXCEPTION '% has no column tenant_id uuid: scripts may not touch it', p_table;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO billow_script, billow_engine',
                   (SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                    WHERE c.oid = p_table));
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = p_table AND polname = 'script') THEN
        EXECUTE format('CREATE POLICY script ON %s TO billow_script '
                       'USING (tenant_id = billow.current_tenant()) '
                       'WITH CHECK (tenant_id = billow.current_tenant())', p_table);
        EXECUTE format('CREATE POLICY engine ON %s TO billow_engine USING (true) WITH CHECK (true)', p_table);
    END IF;
    EXECUTE format('GRANT %s ON %s TO billow_script', p_privileges, p_table);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO billow_engine', p_table);
END
$open$;

GRANT CREATE ON SCHEMA billow TO billow_script;
ALTER FUNCTION billow.script_execute(text, text[], boolean, integer) OWNER TO billow_script;
ALTER FUNCTION billow.script_settle() OWNER TO billow_script;
REVOKE CREATE ON SCHEMA billow FROM billow_script;

DO $privileges$
DECLARE
    v_function text;
BEGIN
    FOR v_function IN SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc p
                      WHERE p.pronamespace = 'billow'::regnamespace LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_function);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO billow_engine', v_function);
    END LOOP;
    REVOKE ALL ON FUNCTION billow.open_to_scripts(regclass, text) FROM billow_engine;
    GRANT EXECUTE ON FUNCTION billow.current_tenant() TO PUBLIC;
    -- Functions of the server that reach past a statement: they change the tenant, run SQL held in text, block
    -- others, or keep things outside of transactions. Nobody but the engine has them in this database.
    FOR v_function IN
        SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
          AND (p.proname IN ('set_config', 'query_to_xml', 'query_to_xml_and_xmlschema', 'query_to_xmlschema',
                             'cursor_to_xml', 'cursor_to_xmlschema', 'table_to_xml', 'table_to_xml_and_xmlschema',
                             'table_to_xmlschema', 'schema_to_xml', 'schema_to_xml_and_xmlschema',
                             'schema_to_xmlschema', 'database_to_xml', 'database_to_xml_and_xmlschema',
                             'database_to_xmlschema', 'ts_stat', 'ts_rewrite', 'pg_notify', 'pg_sleep', 'pg_sleep_for',
                             'pg_sleep_until', 'pg_cancel_backend', 'pg_terminate_backend', 'pg_export_snapshot',
                             'currtid2', 'lowrite', 'loread', 'pg_logical_emit_message')
               OR p.proname LIKE 'pg\_advisory\_%' OR p.proname LIKE 'pg\_try\_advisory\_%' OR p.proname LIKE 'lo\_%')
    LOOP
        BEGIN
            EXECUTE format('REVOKE EXECUTE ON FUNCTION pg_catalog.%s FROM PUBLIC', v_function);
            EXECUTE format('GRANT EXECUTE ON FUNCTION pg_catalog.%s TO billow_engine', v_function);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING '% stays open to scripts: only a superuser may close it', v_function;
        END;
    END LOOP;
    BEGIN
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE WARNING 'scripts may make temporary tables: only the owner of the database may forbid it';
    END;
END
$privileges$;
