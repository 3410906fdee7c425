-- 0190_number_refusals.sql: every refusal of a number says what is wrong in our own words: a date that no calendar has,
-- a customer that is empty, a number that the series gave before (its format does not name the stretch in which it
-- counts).

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
    IF (p_date ~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' AND left(p_date, 4) <> '0000'
        AND right(p_date, 2)::int <= date_part('day', make_date(left(p_date, 4)::int, substr(p_date, 6, 2)::int, 1)
                                                      + interval '1 month - 1 day')) IS NOT TRUE THEN
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
    IF coalesce(p_customer, '') = '' AND position('{CUSTOMER}' IN v_series.format) > 0 THEN
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
    IF EXISTS (SELECT FROM billow.number_used u
               WHERE u.tenant_id = p_tenant AND u.series = p_series AND u.number = v_number) THEN
        RAISE EXCEPTION USING ERRCODE = 'BW409',
            MESSAGE = format('series %s gave the number %s before', p_series, v_number);
    END IF;
    UPDATE billow.number_series s SET next = v_sequence + 1, last_date = v_date
    WHERE s.tenant_id = p_tenant AND s.series = p_series;
    INSERT INTO billow.number_used (tenant_id, series, number, sequence, date, at, run_id)
    VALUES (p_tenant, p_series, v_number, v_sequence, v_date, p_at, p_run);
    RETURN jsonb_build_object('number', v_number, 'sequence', v_sequence);
END
$number$;
