-- 0156_financial_years.sql: number series that restart with a financial year, and say it.
--
-- reset may be "year:04": a year that begins in April. {FY} in a format is that year as "26-27" ("26" for calendar
-- years): INV/{FY}/{SEQ:6} has the 16 characters that India allows, unique for each financial year.

ALTER TABLE billow.number_series DROP CONSTRAINT series_reset;
ALTER TABLE billow.number_series ADD CONSTRAINT series_reset
    CHECK (reset ~ '^(year(:(0[2-9]|1[0-2]))?|month|never)$');

-- The first day of the stretch in which a series counts on.
CREATE FUNCTION billow.series_stretch(p_reset text, p_date date) RETURNS date
LANGUAGE sql IMMUTABLE AS $stretch$
    SELECT CASE
        WHEN p_reset = 'month' THEN date_trunc('month', p_date)::date
        WHEN p_reset = 'never' THEN date '0001-01-01'
        WHEN p_reset = 'year' THEN date_trunc('year', p_date)::date
        ELSE (date_trunc('year', date_trunc('month', p_date) - make_interval(months => substr(p_reset, 6)::int - 1))
              + make_interval(months => substr(p_reset, 6)::int - 1))::date
    END
$stretch$;

CREATE OR REPLACE FUNCTION billow.take_number(p_tenant uuid, p_run uuid, p_series text, p_date text, p_customer text,
                                              p_at bigint)
RETURNS jsonb
LANGUAGE plpgsql AS $number$
DECLARE
    v_series billow.number_series;
    v_date date;
    v_year date;
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
    IF billow.series_stretch(v_series.reset, v_date) <> billow.series_stretch(v_series.reset, v_series.last_date) THEN
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
    v_year := CASE WHEN v_series.reset LIKE 'year:%' THEN billow.series_stretch(v_series.reset, v_date) ELSE v_date END;
    v_number := replace(v_number, '{FY}',
                        to_char(v_year, 'YY')
                        || CASE WHEN v_series.reset LIKE 'year:%'
                                THEN '-' || to_char(v_year + make_interval(years => 1), 'YY') ELSE '' END);
    v_number := replace(v_number, '{CUSTOMER}', coalesce(p_customer, ''));
    UPDATE billow.number_series s SET next = v_sequence + 1, last_date = v_date
    WHERE s.tenant_id = p_tenant AND s.series = p_series;
    INSERT INTO billow.number_used (tenant_id, series, number, sequence, date, at, run_id)
    VALUES (p_tenant, p_series, v_number, v_sequence, v_date, p_at, p_run);
    RETURN jsonb_build_object('number', v_number, 'sequence', v_sequence);
END
$number$;

-- As in 0125_verify.sql, for every kind of stretch.
CREATE OR REPLACE VIEW billing.number_order WITH (security_invoker = true) AS
    SELECT w.*, CASE WHEN w.nth = 1 AND w.since = min(w.since) OVER (PARTITION BY w.tenant_id, w.series)
                     THEN w.sequence - 1
                     ELSE coalesce(lag(w.sequence) OVER (PARTITION BY w.tenant_id, w.series, w.since
                                                         ORDER BY w.sequence), 0) END AS expected_before
      FROM (SELECT u.tenant_id, u.series, u.number, u.sequence, u.date, p.since,
                   row_number() OVER (PARTITION BY u.tenant_id, u.series, p.since ORDER BY u.sequence) AS nth
              FROM billow.number_used u
              JOIN billow.number_series s ON s.tenant_id = u.tenant_id AND s.series = u.series
             CROSS JOIN LATERAL (SELECT billow.series_stretch(s.reset, u.date) AS since) p) w;

REVOKE ALL ON FUNCTION billow.series_stretch(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION billow.series_stretch(text, date) TO billow_engine, billow_script;
