/* sim_outside.c - the world outside: an ERP and a mail server that do a thing once per
 * Idempotency-Key, whatever becomes of the answer; a bank that does it as often as it is told, and
 * can be asked; and a database that plays transactions. Requests may hang before they arrive. */
#include "sim.h"

#include "codec/value.h"
#include "store/mem_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BANK "https://bank.example/payments"

/* One thing done. */
struct sim_accepted {
    char key[96];
    uint64_t print; /* of method, url, body: a key means one thing */
    char receipt[24];
    size_t payments; /* beyond the first */
};

/* A key that was sent, whether it arrived or not. */
struct sim_sent {
    char key[96];
};

static bool find_key(const struct bw_http_request *request, char *key, size_t len)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (bw_str_eq(request->headers[i].name, BW_STR("Idempotency-Key"))) {
            snprintf(key, len, "%.*s", BW_STR_ARG(request->headers[i].value));
            return true;
        }
    }
    return false;
}

static uint64_t add_print(uint64_t print, struct bw_str text)
{
    for (size_t i = 0; i < text.len; i++)
        print = (print ^ (uint8_t)text.ptr[i]) * UINT64_C(1099511628211);
    return (print ^ 0xff) * UINT64_C(1099511628211);
}

static uint64_t print_of(const struct bw_http_request *request)
{
    uint64_t print = UINT64_C(14695981039346656037);
    print = add_print(print, request->method);
    print = add_print(print, request->url);
    return add_print(print, request->body);
}

static struct sim_accepted *find_accepted(const struct sim *sim, const char *key)
{
    for (size_t i = 0; i < sim->accepted_count; i++) {
        if (strcmp(sim->accepted[i].key, key) == 0)
            return &sim->accepted[i];
    }
    return NULL;
}

const char *sim_outside_receipt(const struct sim *sim, const char *key)
{
    const struct sim_accepted *accepted = find_accepted(sim, key);
    return accepted ? accepted->receipt : NULL;
}

/* At the very moment a request leaves: the row that asks for it is committed (J4). */
void sim_outside_check_sent(struct sim *sim, const struct sim_node *node,
                            const struct bw_http_request *request)
{
    char key[96];
    struct bw_id run;
    if (!find_key(request, key, sizeof key))
        sim_fail(sim, "a request to %.*s carries no Idempotency-Key", BW_STR_ARG(request->url));
    if (strlen(key) < BW_ID_TEXT_LEN + 2 || !bw_id_parse(bw_str(key, BW_ID_TEXT_LEN), &run))
        sim_fail(sim, "a request carries the key '%s', not <run>/<seq>", key);
    uint64_t seq = strtoull(key + BW_ID_TEXT_LEN + 1, NULL, 10);
    if (!sim_oracle_knows(sim, run, seq, "http"))
        sim_fail(sim, "J4: request %s left before its row was committed", key);
    if (bw_str_eq(request->method, BW_STR("GET")) || bw_str_eq(request->method, BW_STR("HEAD")))
        return; /* may be sent as often as one likes */
    sim_standby_check_sent(sim, node, key);
    if (!sim_outside_has_seen(sim, key)) {
        MEM_PUSH(sim->sent, sim->sent_count, (struct sim_sent){{0}});
        snprintf(sim->sent[sim->sent_count - 1].key, sizeof key, "%s", key);
    }
}

bool sim_outside_has_seen(const struct sim *sim, const char *key)
{
    for (size_t i = 0; i < sim->sent_count; i++) {
        if (strcmp(sim->sent[i].key, key) == 0)
            return true;
    }
    return false;
}

/* The bank's list of payments: asked, it answers what is true now. */
static void look_up_payment(struct sim *sim, const struct bw_http_request *request,
                            struct sim_accepted *answer)
{
    char reference[96];
    const struct sim_accepted *payment;
    struct bw_str url = request->url;
    size_t skipped = strlen(BANK "?reference=");
    snprintf(reference, sizeof reference, "%.*s", (int)(url.len - skipped), url.ptr + skipped);
    payment = find_accepted(sim, reference);
    snprintf(answer->receipt, sizeof answer->receipt, "%s", payment ? payment->receipt : "none");
    sim_mark(sim, payment ? SIM_PAYMENT_FOUND : SIM_PAYMENT_NOT_THERE);
}

static const char *accept(struct sim *sim, const struct bw_http_request *request)
{
    char key[96];
    (void)find_key(request, key, sizeof key);
    struct sim_accepted *accepted = find_accepted(sim, key);
    if (bw_str_eq(request->url, BW_STR(BANK))) {
        if (accepted && ++accepted->payments > sim_standby_losses(sim, key))
            sim_fail(sim, "payment %s was made twice", key);
        sim_mark(sim, SIM_PAYMENT);
    }
    if (accepted) {
        sim_mark(sim, SIM_HTTP_REPEATED);
        if (accepted->print != print_of(request) && !sim_standby_losses(sim, key))
            sim_fail(sim, "the key %s came again with another request", key);
        if (bw_str_starts(request->url, BW_STR(BANK "?reference=")))
            look_up_payment(sim, request, accepted);
        return accepted->receipt;
    }
    if ((sim->accepted_count & (sim->accepted_count - 1)) == 0)
        sim->accepted =
            bw_xrealloc(sim->accepted, (sim->accepted_count * 2 + 1) * sizeof *sim->accepted);
    if (bw_str_eq(request->url, BW_STR("https://erp.example/unbook")))
        sim_mark(sim, SIM_UNDONE);
    accepted = &sim->accepted[sim->accepted_count++];
    *accepted = (struct sim_accepted){.print = print_of(request)};
    snprintf(accepted->key, sizeof accepted->key, "%s", key);
    snprintf(accepted->receipt, sizeof accepted->receipt, "r-%zu", sim->accepted_count);
    if (bw_str_starts(request->url, BW_STR(BANK "?reference=")))
        look_up_payment(sim, request, accepted);
    return accepted->receipt;
}

/* The process dies while requests are under way: some had arrived. */
void sim_outside_lost(struct sim *sim, struct sim_node *node)
{
    uint64_t handle = 0;
    const struct bw_http_request *request;
    while ((request = bw_httpc_fake_next(node->http, handle, &handle))) {
        if (sim_chance(sim, 50)) {
            sim_mark(sim, SIM_HTTP_ANSWER_LOST);
            (void)accept(sim, request);
        }
    }
}

static void answer(struct sim *sim, struct sim_node *node, uint64_t handle,
                   const struct bw_http_request *request)
{
    struct bw_error error = {.code = BW_ERR_UNAVAILABLE, .text = "connection refused"};
    struct bw_http_header pause = {BW_STR("retry-after"), BW_STR("2")};
    if (sim_trouble(sim, 200)) {
        sim_mark(sim, SIM_HTTP_REFUSED);
        (void)bw_httpc_fake_answer(node->http, handle, NULL, &error);
    } else if (sim_trouble(sim, 200)) {
        struct bw_http_response busy = {.status = 503, .headers = &pause};
        busy.header_count = sim_chance(sim, 50);
        sim_mark(sim, SIM_HTTP_BUSY);
        (void)bw_httpc_fake_answer(node->http, handle, &busy, NULL);
    } else if (sim_trouble(sim, 300)) {
        sim_mark(sim, SIM_HTTP_ANSWER_LOST);
        (void)accept(sim, request);
        error.code = sim_chance(sim, 50) ? BW_ERR_UNKNOWN_OUTCOME : BW_ERR_TIMEOUT;
        (void)bw_httpc_fake_answer(node->http, handle, NULL, &error);
    } else {
        struct bw_http_response fine = {.status = 200, .body = bw_str_of(accept(sim, request))};
        (void)bw_httpc_fake_answer(node->http, handle, &fine, NULL);
    }
}

/* --- The database. */

static void fail_work(struct sim *sim, uint64_t id)
{
    struct bw_buf buf;
    bw_buf_init(&buf, 1024);
    bw_value_put_map(&buf, 2);
    bw_value_put_key(&buf, "code");
    bw_value_put_text(&buf, "UNAVAILABLE");
    bw_value_put_key(&buf, "text");
    bw_value_put_text(&buf, "deadlock detected");
    bw_store_mem_answer_error(&sim->store, id, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
}

static void do_work(struct sim *sim, const struct bw_mem_request *request)
{
    struct bw_buf buf;
    bool is_query = request->kind == BW_MEM_QUERY;
    if (sim_trouble(sim, 150)) {
        sim_mark(sim, SIM_DB_FAILED);
        fail_work(sim, request->id);
        return;
    }
    bw_buf_init(&buf, 1024);
    bw_value_put_arr(&buf, is_query ? 0 : 2);
    if (!is_query) { /* the place of the number, and the row that was inserted */
        bw_value_put_map(&buf, 0);
        bw_value_put_arr(&buf, 0);
        sim_mark(sim, SIM_DB_DONE);
    }
    bw_store_mem_answer(&sim->store, request->id, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
}

static void database_step(struct sim *sim)
{
    struct bw_mem_request request;
    while (bw_store_mem_next_request(&sim->store, &request)) {
        sim->works = bw_xrealloc(sim->works, (sim->work_count + 1) * sizeof *sim->works);
        sim->works[sim->work_count++] = (struct sim_work){.request = request};
    }
    for (size_t i = 0; i < sim->work_count;) {
        if (!sim->is_calm && !sim_chance(sim, 40)) {
            i++;
            continue;
        }
        request = sim->works[i].request;
        sim->works[i] = sim->works[--sim->work_count];
        do_work(sim, &request);
    }
}

void sim_outside_init(struct sim *sim)
{
    sim->accepted = NULL;
    sim->sent = NULL;
    sim->sent_count = 0;
    sim->works = NULL;
    sim->accepted_count = sim->work_count = 0;
}

/* Some requests hang: they arrive, or are refused, long after they left. */
static bool is_hanging(struct sim *sim, uint64_t handle)
{
    bool is_slow = (handle * UINT64_C(0x9e3779b97f4a7c15) ^ sim->seed) % 100 < sim->trouble / 5;
    if (is_slow && !sim->is_calm)
        sim_mark(sim, SIM_HTTP_HUNG);
    return is_slow && !sim->is_calm && !sim_chance(sim, 2);
}

void sim_outside_step(struct sim *sim)
{
    for (size_t i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        uint64_t handle = 0;
        const struct bw_http_request *request;
        while (node->is_up && (request = bw_httpc_fake_next(node->http, handle, &handle))) {
            if (sim->is_calm || (sim_chance(sim, 40) && !is_hanging(sim, handle)))
                answer(sim, node, handle, request);
        }
    }
    database_step(sim);
}

void sim_outside_deinit(struct sim *sim)
{
    bw_free(sim->accepted);
    bw_free(sim->sent);
    bw_free(sim->works);
}
