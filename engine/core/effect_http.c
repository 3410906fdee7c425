/* effect_http.c - requests to the world outside.
 *
 *     "http" {method, url, headers?, body?, timeout_ms?, attempts_max?, idempotency_key?, once?}
 *            -> {body, headers, status}
 *
 * At least once, with a stable key: every attempt of one command, in this process or in the next
 * one after a crash, carries the same Idempotency-Key, "<run id>/<seq>" unless the script names
 * one. Retried: 408, 425, 429, 5xx, no connection, no answer in time, and an answer cut short.
 * Pauses double from half a second to a minute, spread by a jitter that run, seq and attempt
 * decide; Retry-After is honoured. How hard a host may be pressed: core/http_gate.h. When the
 * attempts are used up the script gets an error outcome.
 *
 * With `once` the other side cannot tell a repetition, so nothing is sent again that may have been
 * carried out: only what was never sent, and what was turned away (425, 429). The intent is the
 * committed row. After a restart or a take-over the request's timeout is waited out, because it may
 * still be on its way. Whenever the answer is not known - no answer, an answer cut short, 408 or
 * 5xx, or a process that died between the commit and the row with the outcome - the outcome is the
 * error UNKNOWN_OUTCOME, and stdlib/http.lua finds out what happened: by the script's `reconcile`,
 * or by asking a person.
 */
#include "base/assert.h"
#include "base/fault.h"
#include "codec/date.h"
#include "core/args.h"
#include "core/inside.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    HTTP_TIMEOUT_MS = 30 * 1000,
    HTTP_TIMEOUT_MS_MAX = 10 * 60 * 1000,
    HTTP_ATTEMPTS = 5,
    HTTP_ATTEMPTS_MAX = 100,
    HTTP_PAUSE_MS_MIN = 500,
    HTTP_PAUSE_MS_MAX = 60 * 1000,
    HTTP_RETRY_AFTER_MS_MAX = 60 * 60 * 1000,
    HTTP_LEASE_PAUSE_MS = 100,
    HTTP_HEADERS_MAX = 128,
    HTTP_DETAIL_BODY_MAX = 4096,
};

struct http_work {
    struct bw_list link; /* in engine->answered, once the client told */
    struct bw_gate_pass pass;
    struct bw_engine *engine;
    struct bw_effect *effect;
    char *memory; /* of args */
    struct bw_str args;
    uint64_t handle; /* 0 = not in flight */
    int64_t attempt; /* from 1 */
    bool is_once;    /* sent again only when it cannot have been carried out */

    /* What the last attempt brought. */
    enum bw_err code;
    char text[256];
    int status;
    int64_t retry_after_ms; /* -1 = the server named none */
    struct bw_buf outcome;
};

/* --- Before the commit. */

static enum bw_err check_headers(const struct bw_value *args, struct bw_error *error)
{
    struct bw_value headers = bw_value_get(args, "headers"), value;
    struct bw_str name;
    if (headers.tag == BW_VALUE_NIL || (headers.tag == BW_VALUE_ARR && headers.count == 0))
        return BW_ERR_OK;
    if (headers.tag != BW_VALUE_MAP)
        return bw_fail(error, BW_ERR_INVALID, "'headers' must be a map, it is %s",
                       bw_value_tag_name(headers.tag));
    if (headers.count > HTTP_HEADERS_MAX)
        return bw_fail(error, BW_ERR_INVALID, "%zu headers, at most %d are allowed", headers.count,
                       HTTP_HEADERS_MAX);
    for (struct bw_str rest = headers.items; bw_value_next_pair(&rest, &name, &value);) {
        if (value.tag != BW_VALUE_STR)
            return bw_fail(error, BW_ERR_INVALID, "header '%.*s' must be a string, it is %s",
                           BW_STR_ARG(name), bw_value_tag_name(value.tag));
        for (size_t i = 0; i < value.text.len; i++) {
            if (value.text.ptr[i] == '\r' || value.text.ptr[i] == '\n' || value.text.ptr[i] == '\0')
                return bw_fail(error, BW_ERR_INVALID,
                               "header '%.*s' has a line break or a zero in it", BW_STR_ARG(name));
        }
    }
    return BW_ERR_OK;
}

static enum bw_err http_plan(struct bw_plan *plan, struct bw_error *error)
{
    const struct bw_value *args = &plan->args;
    struct bw_str text = BW_STR_NONE;
    int64_t timeout_ms = HTTP_TIMEOUT_MS, attempts_max = HTTP_ATTEMPTS;
    bool is_once;
    enum bw_err code = bw_args_need_str(args, "method", &text, error);
    if (code == BW_ERR_OK)
        code = bw_args_need_str(args, "url", &text, error);
    if (code == BW_ERR_OK && !bw_str_starts(text, BW_STR("http://")) &&
        !bw_str_starts(text, BW_STR("https://")))
        return bw_fail(error, BW_ERR_INVALID, "'url' must begin with http:// or https://");
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(args, "body", &text, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(args, "idempotency_key", &text, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_int(args, "timeout_ms", &timeout_ms, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_int(args, "attempts_max", &attempts_max, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_bool(args, "once", &is_once, error);
    if (code != BW_ERR_OK)
        return code;
    if (timeout_ms < 1 || timeout_ms > HTTP_TIMEOUT_MS_MAX)
        return bw_fail(error, BW_ERR_INVALID, "'timeout_ms' must be from 1 to %d",
                       HTTP_TIMEOUT_MS_MAX);
    if (attempts_max < 1 || attempts_max > HTTP_ATTEMPTS_MAX)
        return bw_fail(error, BW_ERR_INVALID, "'attempts_max' must be from 1 to %d",
                       HTTP_ATTEMPTS_MAX);
    return check_headers(args, error);
}

/* --- The answer, as the client tells it: between turns. Only news is made here. */

static int64_t http_date_us(struct bw_str text)
{
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const char SHAPE[] = "aaa, 00 aaa 0000 00:00:00 GMT";
    if (text.len != sizeof SHAPE - 1)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        bool fits = SHAPE[i] == '0'   ? text.ptr[i] >= '0' && text.ptr[i] <= '9'
                    : SHAPE[i] == 'a' ? text.ptr[i] >= 'A' && text.ptr[i] <= 'z'
                                      : text.ptr[i] == SHAPE[i];
        if (!fits)
            return -1;
    }
    int month = 0;
    while (month < 12 && memcmp(MONTHS + (ptrdiff_t)month * 3, text.ptr + 8, 3) != 0)
        month++;
#define TWO(at) ((text.ptr[at] - '0') * 10 + text.ptr[(at) + 1] - '0')
    struct bw_date date = {
        .year = TWO(12) * 100 + TWO(14), .month = (int8_t)(month + 1), .day = (int8_t)TWO(5)};
    int64_t second = TWO(17) * 3600 + TWO(20) * 60 + TWO(23);
#undef TWO
    if (month == 12 || !bw_date_is_valid(date))
        return -1;
    return (bw_date_to_days(date) * 86400 + second) * BW_US_PER_S;
}

static int64_t retry_after_ms(const struct http_work *work, struct bw_str text)
{
    int64_t ms = 0;
    bool is_number = text.len > 0 && text.len <= 9;
    for (size_t i = 0; is_number && i < text.len; i++) {
        is_number = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        ms = ms * 10 + (text.ptr[i] - '0');
    }
    if (is_number) {
        ms *= 1000;
    } else {
        int64_t at_us = http_date_us(text);
        if (at_us < 0)
            return -1;
        ms = (at_us - bw_clock_utc(work->engine->config.clock).us) / BW_US_PER_MS;
    }
    if (ms < 0)
        ms = 0;
    return ms < HTTP_RETRY_AFTER_MS_MAX ? ms : HTTP_RETRY_AFTER_MS_MAX;
}

/* Headers as a sorted map; those with one name are joined, as RFC 9110 5.3 allows. */
static void put_headers(struct bw_buf *buf, const struct bw_http_header *headers, size_t count)
{
    size_t order[HTTP_HEADERS_MAX];
    size_t sorted = 0, names = 0;
    for (size_t i = 0; i < count && sorted < HTTP_HEADERS_MAX; i++) {
        size_t at = sorted++;
        for (; at > 0 && bw_str_cmp(headers[order[at - 1]].name, headers[i].name) > 0; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (size_t i = 0; i < sorted; i++)
        names += i == 0 || !bw_str_eq(headers[order[i]].name, headers[order[i - 1]].name);
    bw_value_put_map(buf, names);
    for (size_t i = 0; i < sorted;) {
        struct bw_str name = headers[order[i]].name;
        struct bw_buf joined;
        bw_buf_init(&joined, buf->bytes_max);
        bw_buf_put_str(&joined, headers[order[i]].value);
        for (i++; i < sorted && bw_str_eq(headers[order[i]].name, name); i++) {
            bw_buf_put_text(&joined, ", ");
            bw_buf_put_str(&joined, headers[order[i]].value);
        }
        bw_value_put_key_str(buf, name);
        bw_value_put_str(buf, bw_buf_str(&joined));
        bw_buf_deinit(&joined);
    }
}

static bool is_status_retryable(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void take_response(struct http_work *work, const struct bw_http_response *response)
{
    work->status = response->status;
    work->retry_after_ms = -1;
    for (size_t i = 0; i < response->header_count; i++) {
        if (bw_str_eq(response->headers[i].name, BW_STR("retry-after")))
            work->retry_after_ms = retry_after_ms(work, response->headers[i].value);
    }
    struct bw_buf *buf = &work->outcome;
    bw_buf_clear(buf);
    if (is_status_retryable(response->status)) { /* the detail of the error it may become */
        size_t len =
            response->body.len < HTTP_DETAIL_BODY_MAX ? response->body.len : HTTP_DETAIL_BODY_MAX;
        bw_value_put_map(buf, 3);
        bw_value_put_key(buf, "attempts");
        bw_value_put_int(buf, work->attempt);
        bw_value_put_key(buf, "body");
        bw_value_put_str(buf, bw_str(response->body.ptr, len));
        bw_value_put_key(buf, "status");
        bw_value_put_int(buf, response->status);
        return;
    }
    bw_value_put_map(buf, 3);
    bw_value_put_key(buf, "body");
    bw_value_put_str(buf, response->body);
    bw_value_put_key(buf, "headers");
    put_headers(buf, response->headers, response->header_count);
    bw_value_put_key(buf, "status");
    bw_value_put_int(buf, response->status);
}

static void http_done(void *ud, const struct bw_error *error,
                      const struct bw_http_response *response)
{
    struct http_work *work = ud;
    work->handle = 0;
    (void)BW_FAULT(HTTP_AFTER_ANSWER);
    work->code = response ? BW_ERR_OK : error->code;
    work->status = 0;
    work->retry_after_ms = -1;
    bw_buf_clear(&work->outcome);
    if (response)
        take_response(work, response);
    else
        snprintf(work->text, sizeof work->text, "%.*s", (int)sizeof work->text - 1, error->text);
    bw_list_push_back(&work->engine->answered, &work->link);
    bw_engine_poke(work->engine);
}

/* --- After the commit. */

static void http_free(struct bw_effect *effect)
{
    struct http_work *work = effect->work;
    effect->work = NULL;
    bw_gate_leave(work->engine, &work->pass, BW_GATE_WITHDRAWN, 0);
    work->engine->counters.once -= work->is_once;
    bw_list_remove(&work->link);
    bw_buf_deinit(&work->outcome);
    bw_free(work->memory);
    bw_free(work);
}

static void http_send(struct bw_engine *engine, struct http_work *work)
{
    struct bw_effect *effect = work->effect;
    struct bw_value args = bw_value_read(work->args);
    struct bw_value map = bw_value_get(&args, "headers"), value;
    struct bw_http_header headers[HTTP_HEADERS_MAX + 1];
    size_t count = 0;
    struct bw_str name;
    char run[BW_ID_TEXT_LEN + 1];
    char key[BW_ID_TEXT_LEN + 32];
    bw_id_print(effect->run->keyed.id, run);
    int len = snprintf(key, sizeof key, "%s/%" PRIu64, run, effect->seq);
    struct bw_str rest = map.tag == BW_VALUE_MAP ? map.items : BW_STR_NONE;
    while (count < HTTP_HEADERS_MAX && bw_value_next_pair(&rest, &name, &value))
        headers[count++] = (struct bw_http_header){name, value.text};
    headers[count++] = (struct bw_http_header){
        BW_STR("Idempotency-Key"),
        bw_value_get_str(&args, "idempotency_key", bw_str(key, (size_t)len))};
    work->attempt++;
    (void)BW_FAULT(HTTP_BEFORE_SEND);
    work->handle = engine->config.httpc->send(
        engine->config.httpc->self,
        &(struct bw_http_request){
            .method = bw_value_get_str(&args, "method", BW_STR("GET")),
            .url = bw_value_get_str(&args, "url", BW_STR_NONE),
            .headers = headers,
            .header_count = count,
            .body = bw_value_get_str(&args, "body", BW_STR_NONE),
            .timeout_ms = bw_value_get_int(&args, "timeout_ms", HTTP_TIMEOUT_MS),
            .response_bytes_max = engine->limits.response_bytes_max,
        },
        http_done, work);
}

/* A node that was paused may have been replaced, and the request sent by another one: nothing
 * leaves before the lease is renewed. A run that is not ours any more leaves memory then, or, when
 * a turn of it is under way, with that turn. */
static bool http_may_send(struct bw_engine *engine, struct http_work *work)
{
    if (bw_lease_may_act(engine) && !work->effect->run->is_doomed)
        return true;
    bw_timer_arm(&engine->timers_mono, &work->effect->timer,
                 engine->now_ns / BW_NS_PER_US + HTTP_LEASE_PAUSE_MS * BW_US_PER_MS);
    return false;
}

/* Through the gate of its host, now or in turn. */
static void http_try(struct bw_engine *engine, struct http_work *work)
{
    if (!http_may_send(engine, work))
        return;
    struct bw_value args = bw_value_read(work->args);
    struct bw_str url = bw_value_get_str(&args, "url", BW_STR_NONE);
    if (bw_gate_enter(engine, work->effect->run->tenant, url, &work->pass))
        http_send(engine, work);
}

static void http_go(struct bw_engine *engine, struct bw_gate_pass *pass)
{
    struct http_work *work = bw_container_of(pass, struct http_work, pass);
    if (http_may_send(engine, work))
        http_send(engine, work);
}

static void http_fail(struct bw_engine *engine, struct bw_effect *effect);

/* Its host has not answered anybody for a long time. */
static void http_give_up(struct bw_engine *engine, struct bw_gate_pass *pass, unsigned failures)
{
    struct http_work *work = bw_container_of(pass, struct http_work, pass);
    work->code = BW_ERR_UNAVAILABLE;
    if (failures > 0)
        snprintf(work->text, sizeof work->text,
                 "not sent: it waited too long for its host, whose last %u attempts failed",
                 failures);
    else
        snprintf(
            work->text, sizeof work->text,
            "not sent: it waited too long for its turn; too many requests of this tenant go to "
            "its host, or the host asked for a pause");
    bw_buf_clear(&work->outcome);
    http_fail(engine, work->effect);
}

static void http_pause_over(struct bw_engine *engine, struct bw_timer *timer)
{
    struct bw_effect *effect = bw_container_of(timer, struct bw_effect, timer);
    struct http_work *work = effect->work;
    if (work->pass.is_inside)
        http_go(engine, &work->pass);
    else
        http_try(engine, work);
}

static void http_begin(struct bw_engine *engine, struct bw_effect *effect,
                       const struct bw_value *args)
{
    struct http_work *work = bw_xcalloc(1, sizeof *work);
    bw_list_init(&work->link);
    work->engine = engine;
    work->effect = effect;
    work->memory = bw_xstrndup(args->encoded.ptr, args->encoded.len);
    work->args = bw_str(work->memory, args->encoded.len);
    bw_buf_init(&work->outcome, engine->limits.response_bytes_max + 256 * 1024);
    effect->work = work;
    effect->timer.on_due = http_pause_over;
    work->is_once = bw_value_get_bool(args, "once", false);
    engine->counters.once += work->is_once;
    work->pass.go = http_go;
    work->pass.give_up = http_give_up;
    http_try(engine, work);
}

static void http_may_be_done(struct bw_engine *engine, struct bw_timer *timer)
{
    bw_effect_fail(engine, bw_container_of(timer, struct bw_effect, timer),
                   bw_err_name(BW_ERR_UNKNOWN_OUTCOME),
                   "the database was restored, or fell back, after this run began: nobody knows "
                   "whether the request was carried out before",
                   BW_STR_NONE, false);
}

/* Sent after somebody has proven that it is not there: stdlib/http.lua says so by the key of the
 * step that was first, or by `again` where the script has given the key. */
static bool is_first_sending(const struct bw_effect *effect, const struct bw_value *args)
{
    struct bw_str key = bw_value_get_str(args, "idempotency_key", BW_STR_NONE);
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(effect->run->keyed.id, id);
    return !bw_str_starts(key, bw_str_of(id)) && !bw_value_get_bool(args, "again", false);
}

/* May a history that the database has lost have sent it? Runs keep their ids and steps, and those
 * that they start have ids of the same time. */
static bool may_be_done(const struct bw_engine *engine, const struct bw_effect *effect,
                        const struct bw_value *args)
{
    return bw_value_get_bool(args, "once", false) &&
           bw_id_stamp(effect->run->keyed.id).us < engine->config.restored_at_us &&
           is_first_sending(effect, args);
}

static void http_is_unknown(struct bw_engine *engine, struct bw_timer *timer)
{
    (void)BW_FAULT(HTTP_UNKNOWN);
    bw_effect_fail(engine, bw_container_of(timer, struct bw_effect, timer),
                   bw_err_name(BW_ERR_UNKNOWN_OUTCOME),
                   "the engine stopped before the answer was stored: nobody knows whether the "
                   "request was carried out",
                   BW_STR_NONE, false);
}

/* Begun before, by a process that is gone, or by this one before the run was parked. Perhaps it was
 * never sent: nobody knows. Asking has to wait until what may still be under way has arrived or
 * timed out, or "not there" would prove nothing. */
static void http_recover(struct bw_engine *engine, struct bw_effect *effect,
                         const struct bw_value *args)
{
    if (!bw_value_get_bool(args, "once", false)) {
        http_begin(engine, effect, args);
        return;
    }
    int64_t wait_ms = bw_value_get_int(args, "timeout_ms", HTTP_TIMEOUT_MS);
    effect->timer.on_due = http_is_unknown;
    bw_timer_arm(&engine->timers_mono, &effect->timer,
                 engine->now_ns / BW_NS_PER_US +
                     (engine->config.is_world ? 0 : wait_ms * BW_US_PER_MS));
}

static void http_first(struct bw_engine *engine, struct bw_effect *effect,
                       const struct bw_value *args)
{
    if (!may_be_done(engine, effect, args)) {
        http_begin(engine, effect, args);
        return;
    }
    effect->timer.on_due = http_may_be_done;
    bw_timer_arm(&engine->timers_mono, &effect->timer, engine->now_ns / BW_NS_PER_US);
}

static void http_cancel(struct bw_engine *engine, struct bw_effect *effect)
{
    struct http_work *work = effect->work;
    if (!work)
        return;
    if (work->handle)
        engine->config.httpc->cancel(engine->config.httpc->self, work->handle);
    http_free(effect);
}

/* Doubling, plus or minus a quarter; the same for the same run, seq and attempt on every machine.
 */
static int64_t pause_ms(const struct http_work *work)
{
    int64_t ms = bw_fault_setting("BILLOW_HTTP_PAUSE_MS", HTTP_PAUSE_MS_MIN);
    for (int64_t i = 1; i < work->attempt && ms < HTTP_PAUSE_MS_MAX; i++)
        ms *= 2;
    if (ms > HTTP_PAUSE_MS_MAX)
        ms = HTTP_PAUSE_MS_MAX;
    struct bw_id mix = bw_id_derive(work->effect->run->keyed.id,
                                    work->effect->seq * 1000 + (uint64_t)work->attempt);
    int64_t jittered = ms * 3 / 4 + (int64_t)(bw_id_hash(mix) % (uint64_t)(ms / 2 + 1));
    return work->retry_after_ms > jittered ? work->retry_after_ms : jittered;
}

/* May the other side have carried it out, as far as this answer, or its absence, tells? */
static bool is_unknown(const struct http_work *work)
{
    switch (work->code) {
    case BW_ERR_OK:
        return is_status_retryable(work->status) && work->status != 425 && work->status != 429;
    case BW_ERR_UNAVAILABLE: /* nothing was sent */
    case BW_ERR_INVALID:
    case BW_ERR_FORBIDDEN:
        return false;
    default:
        return true;
    }
}

static void http_fail(struct bw_engine *engine, struct bw_effect *effect)
{
    struct http_work *work = effect->work;
    struct bw_value args = bw_value_read(work->args);
    struct bw_str url = bw_value_get_str(&args, "url", BW_STR_NONE);
    struct bw_buf text;
    bw_buf_init(&text, 4096);
    if (work->code == BW_ERR_OK)
        bw_buf_printf(&text, "%.300s answered %d", bw_arena_cstr(&engine->scratch, url),
                      work->status);
    else
        bw_buf_printf(&text, "%s", work->text);
    if (work->attempt > 1)
        bw_buf_printf(&text, ", after %" PRId64 " attempts", work->attempt);
    const char *code = work->code == BW_ERR_OK ? "UNAVAILABLE" : bw_err_name(work->code);
    bool is_retryable = work->code == BW_ERR_OK || work->code == BW_ERR_UNAVAILABLE ||
                        work->code == BW_ERR_TIMEOUT || work->code == BW_ERR_UNKNOWN_OUTCOME;
    if (work->is_once && is_unknown(work)) {
        (void)BW_FAULT(HTTP_UNKNOWN);
        code = bw_err_name(BW_ERR_UNKNOWN_OUTCOME);
        is_retryable = false;
    }
    struct bw_str detail = bw_arena_copy(&engine->scratch, bw_buf_str(&work->outcome));
    struct bw_str words = bw_arena_copy(&engine->scratch, bw_buf_str(&text));
    bw_buf_deinit(&text);
    http_free(effect);
    bw_effect_fail(engine, effect, code, words.ptr, detail, is_retryable);
}

/* What the answer says about the host, not about the request. */
static void leave_gate(struct bw_engine *engine, struct http_work *work)
{
    bool is_down = work->code == BW_ERR_OK
                       ? work->status >= 500
                       : work->code == BW_ERR_UNAVAILABLE || work->code == BW_ERR_TIMEOUT ||
                             work->code == BW_ERR_UNKNOWN_OUTCOME;
    bool is_asking = work->code == BW_ERR_OK && (work->status == 429 || work->status == 503);
    bool is_unsent = work->code == BW_ERR_INVALID || work->code == BW_ERR_FORBIDDEN;
    bw_gate_leave(engine, &work->pass,
                  is_down     ? BW_GATE_FAILED
                  : is_unsent ? BW_GATE_WITHDRAWN
                              : BW_GATE_GOOD,
                  is_asking ? work->retry_after_ms : 0);
}

static void http_answered(struct bw_engine *engine, struct http_work *work)
{
    struct bw_effect *effect = work->effect;
    struct bw_value args = bw_value_read(work->args);
    bool is_failure = work->code != BW_ERR_OK || is_status_retryable(work->status);
    bool may_retry = work->code == BW_ERR_OK || work->code == BW_ERR_UNAVAILABLE ||
                     work->code == BW_ERR_TIMEOUT || work->code == BW_ERR_UNKNOWN_OUTCOME;
    if (work->is_once && is_unknown(work))
        may_retry = false;
    leave_gate(engine, work);
    if (is_failure && may_retry &&
        work->attempt < bw_value_get_int(&args, "attempts_max", HTTP_ATTEMPTS)) {
        (void)BW_FAULT(HTTP_RETRY);
        bw_timer_arm(&engine->timers_mono, &effect->timer,
                     engine->now_ns / BW_NS_PER_US + pause_ms(work) * BW_US_PER_MS);
        return;
    }
    if (!is_failure && work->outcome.is_over) {
        work->code = BW_ERR_LIMIT;
        snprintf(work->text, sizeof work->text, "the answer is over the limit of %zu bytes",
                 engine->limits.response_bytes_max);
        bw_buf_clear(&work->outcome);
        is_failure = true;
    }
    if (is_failure) {
        http_fail(engine, effect);
        return;
    }
    struct bw_str outcome = bw_arena_copy(&engine->scratch, bw_buf_str(&work->outcome));
    http_free(effect);
    (void)BW_FAULT(HTTP_BEFORE_DELIVERY);
    bw_effect_answer(engine, effect, outcome);
}

void bw_http_take(struct bw_engine *engine)
{
    struct bw_list *link;
    while ((link = bw_list_pop_front(&engine->answered)))
        http_answered(engine, bw_container_of(link, struct http_work, link));
}

const struct bw_effect_kind bw_effect_http = {
    .name = "http",
    .wake = BW_WAKE_EFFECT,
    .is_own = true,
    .plan = http_plan,
    .begin = http_first,
    .recover = http_recover,
    .cancel = http_cancel,
};
