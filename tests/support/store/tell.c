/* tell.c - see tell.h. */
#include "support/store/tell.h"

#include "codec/crypto.h"
#include "store/rows.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* One call that is under way. */
struct telling {
    struct store_fixture *fixture;
    struct bw_buf *text;
    bool is_done;
};

/* --- Pieces of text -------------------------------------------------------------------------- */

static void put_id(struct bw_buf *text, struct bw_id id)
{
    char print[BW_ID_TEXT_LEN + 1];
    bw_id_print(id, print);
    bw_buf_printf(text, " %s", print);
}

/* Long values by their length and a hash. */
static void put_value(struct bw_buf *text, struct bw_str value)
{
    if (value.len == 0) {
        bw_buf_put_text(text, " -");
    } else if (value.len > 4000) {
        uint8_t hash[BW_SHA256_LEN];
        bw_sha256(value, hash);
        bw_buf_printf(text, " (%zu bytes %02x%02x%02x%02x)", value.len, hash[0], hash[1], hash[2],
                      hash[3]);
    } else {
        bw_buf_put_char(text, ' ');
        bw_value_to_json(text, value, BW_JSON_DECIMAL_STRINGS);
    }
}

static void put_error(struct bw_buf *text, const struct bw_error *error)
{
    if (error->code != BW_ERR_OK)
        bw_buf_printf(text, " %s: %s", bw_err_name(error->code), error->text);
}

static void answer(struct telling *telling, const struct bw_error *error)
{
    telling->fixture->error = *error;
    put_error(telling->text, error);
    bw_buf_put_char(telling->text, '\n');
    telling->is_done = true;
}

/* --- Answers --------------------------------------------------------------------------------- */

static void on_done(void *ud, const struct bw_error *error)
{
    answer(ud, error);
}

static void on_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct telling *telling = ud;
    put_id(telling->text, run);
    bw_buf_put_text(telling->text, is_new ? " new" : "");
    answer(telling, error);
}

static void on_commit(void *ud, const struct bw_commit_result *results, size_t count)
{
    static const char *const STATUSES[] = {"?", "done", "conflict", "fenced", "refused"};
    struct telling *telling = ud;
    struct bw_error ok = {.code = BW_ERR_OK};
    for (size_t i = 0; i < count; i++) {
        telling->fixture->results[i] = results[i];
        bw_buf_printf(telling->text, " %s", STATUSES[results[i].status]);
        if (results[i].status == BW_COMMIT_REFUSED)
            put_error(telling->text, &results[i].error);
    }
    answer(telling, &ok);
}

static void on_lease(void *ud, const struct bw_error *error, const struct bw_leases *leases)
{
    struct telling *telling = ud;
    telling->fixture->lease_count = leases->count;
    bw_buf_printf(telling->text, " %zu nodes:", leases->node_count);
    for (size_t i = 0; i < leases->count; i++) {
        telling->fixture->leases[i] = leases->items[i];
        bw_buf_printf(telling->text, " %u@%" PRId64, leases->items[i].shard,
                      leases->items[i].epoch);
    }
    answer(telling, error);
}

static bool has_no_order(const struct bw_message *message)
{
    return bw_str_starts(message->key, BW_STR("event:")) ||
           bw_str_starts(message->key, BW_STR("tx:"));
}

static void put_message(struct bw_buf *text, const struct bw_message *message)
{
    bw_buf_printf(text, "\n      %.*s kind %d seq %" PRIu64, BW_STR_ARG(message->key),
                  (int)message->kind, message->seq);
    put_value(text, message->value);
}

static int by_key(const void *left, const void *right)
{
    const struct bw_message *a = left, *b = right;
    return bw_str_cmp(a->key, b->key);
}

static void on_load(void *ud, const struct bw_error *error, const struct bw_loaded_run *run)
{
    struct telling *telling = ud;
    if (run) {
        struct bw_buf row;
        bw_buf_init(&row, 64u << 20);
        bw_rows_put_run(&row, &run->row, true);
        put_value(telling->text, bw_buf_str(&row));
        bw_buf_deinit(&row);
        for (size_t i = 0; i < run->turn_count; i++)
            bw_buf_printf(telling->text, " turn '%.*s'", BW_STR_ARG(run->turns[i]));
        struct bw_message *events =
            bw_xcalloc(run->message_count + 1, sizeof *events); /* those of events, by key */
        size_t count = 0;
        for (size_t i = 0; i < run->message_count; i++) {
            if (has_no_order(&run->messages[i]))
                events[count++] = run->messages[i];
            else
                put_message(telling->text, &run->messages[i]);
        }
        qsort(events, count, sizeof *events, by_key);
        for (size_t i = 0; i < count; i++)
            put_message(telling->text, &events[i]);
        bw_free(events);
    }
    answer(telling, error);
}

static int by_run(const void *left, const void *right)
{
    const struct bw_run_ref *a = left, *b = right;
    int order = bw_id_cmp(a->tenant, b->tenant);
    return order ? order : bw_id_cmp(a->run, b->run);
}

static void on_scan(void *ud, const struct bw_error *error, const struct bw_run_ref *refs,
                    size_t count)
{
    struct telling *telling = ud;
    struct bw_run_ref *sorted = bw_xcalloc(count + 1, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = refs[i];
    for (size_t i = 1; i < count && telling->fixture->ref_count == BW_SCAN_DUE; i++)
        assert_true(refs[i - 1].wake_at_us <= refs[i].wake_at_us);
    qsort(sorted, count, sizeof *sorted, by_run);
    bw_buf_printf(telling->text, " %zu:", count);
    for (size_t i = 0; i < count; i++) {
        put_id(telling->text, sorted[i].run);
        bw_buf_printf(telling->text, "@%" PRId64, sorted[i].wake_at_us);
    }
    bw_free(sorted);
    answer(telling, error);
}

static void on_value(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct telling *telling = ud;
    struct bw_value array = bw_value_read(value);
    struct bw_str rest = array.items;
    struct bw_value item;
    if (array.tag == BW_VALUE_ARR) {
        while (bw_value_next(&rest, &item)) {
            bw_buf_put_text(telling->text, "\n     ");
            put_value(telling->text, item.encoded);
        }
    } else {
        put_value(telling->text, value);
    }
    answer(telling, error);
}

static void on_release(void *ud, const struct bw_error *error, const struct bw_release_set *release)
{
    struct telling *telling = ud;
    for (size_t i = 0; release && i < release->count; i++)
        bw_buf_printf(telling->text, " %d/%.*s", release->hash[1],
                      BW_STR_ARG(release->files[i].name));
    answer(telling, error);
}

static void on_due(void *ud, const struct bw_error *error, const struct bw_schedule_row *rows,
                   size_t count, int64_t next_us)
{
    struct telling *telling = ud;
    struct bw_buf row;
    bw_buf_init(&row, 1u << 20);
    bw_buf_printf(telling->text, " next %" PRId64, next_us);
    for (size_t i = 0; i < count; i++) {
        bw_buf_clear(&row);
        bw_rows_put_schedule(&row, &rows[i]);
        bw_buf_printf(telling->text, "\n      shard %u wake %" PRId64, rows[i].shard,
                      rows[i].wake_at_us);
        put_value(telling->text, bw_buf_str(&row));
    }
    bw_buf_deinit(&row);
    answer(telling, error);
}

/* --- Calls ----------------------------------------------------------------------------------- */

static void call_door(struct telling *telling, const struct list_op *op, size_t i)
{
    struct bw_store *store = &telling->fixture->store;
    if (op->kind == LIST_START)
        store->start_run(store->self, &op->items[i].run, on_start, telling);
    else if (op->kind == LIST_MESSAGE)
        store->put_message(store->self, &op->items[i].message, on_done, telling);
    else if (op->kind == LIST_EVENT)
        store->put_event(store->self, &op->items[i].event, on_done, telling);
    else
        store->answer_task(store->self, op->tenant, op->items[i].answer.task,
                           op->items[i].answer.value, on_done, telling);
}

static void call_admin(struct telling *telling, const struct list_op *op)
{
    struct bw_store *store = &telling->fixture->store;
    if (op->kind == LIST_PUT_TENANT)
        store->put_tenant(store->self, op->tenant, op->what, on_done, telling);
    else if (op->kind == LIST_FIND_TENANT)
        store->find_tenant(store->self, op->what, on_start, telling);
    else if (op->kind == LIST_PUT_RELEASE)
        store->put_release(store->self, op->tenant, &op->release, op->is_activated, on_done,
                           telling);
    else if (op->is_activated)
        store->active_release(store->self, op->tenant, true, on_release, telling);
    else
        store->get_release(store->self, op->release.hash, on_release, telling);
}

static void call(struct telling *telling, const struct list_op *op)
{
    struct bw_store *store = &telling->fixture->store;
    switch (op->kind) {
    case LIST_COMMIT:
        store->commit(store->self, op->commits, op->commit_count, on_commit, telling);
        break;
    case LIST_LEASE:
        store->lease(store->self, &op->lease, on_lease, telling);
        break;
    case LIST_GIVE_BACK:
        store->release_leases(store->self, op->lease.node, op->shards, on_done, telling);
        break;
    case LIST_LOAD:
        store->load(store->self, op->tenant, op->id, on_load, telling);
        break;
    case LIST_LOAD_MAIL:
        store->load_mail(store->self, op->tenant, op->id, on_load, telling);
        break;
    case LIST_SCAN:
        telling->fixture->ref_count = (size_t)op->scan;
        store->scan(store->self, op->scan, op->shards, op->limit_us, 0, on_scan, telling);
        break;
    case LIST_READ:
        store->read(store->self, op->tenant, op->what, op->value, on_value, telling);
        break;
    case LIST_SETTINGS:
        store->settings(store->self, op->tenant, op->value, on_value, telling);
        break;
    case LIST_QUERY:
        store->query(store->self, op->tenant, BW_STR("q"), op->what, op->value, on_value, telling);
        break;
    case LIST_WRITE:
        store->write(store->self, op->tenant, op->what, op->value, on_done, telling);
        break;
    case LIST_DUE:
        store->due_schedules(store->self, op->shards, op->limit_us,
                             op->count_max ? op->count_max : 100, on_due, telling);
        break;
    case LIST_EXPIRED:
        store->find_expired(store->self, op->tenant, op->value, on_value, telling);
        break;
    case LIST_DROP:
        store->drop_runs(store->self, op->tenant, op->value, on_value, telling);
        break;
    case LIST_FIRE:
        store->fire_schedule(store->self, &op->fire, on_start, telling);
        break;
    default:
        call_admin(telling, op);
        break;
    }
}

/* Calls of the door that are made at once, each with its own text: one that is refused is answered
 * before the others. */
static void perform_door(struct store_fixture *fixture, const struct list_op *op,
                         struct bw_buf *text)
{
    struct bw_buf texts[LIST_ITEMS_MAX];
    struct telling tellings[LIST_ITEMS_MAX];
    struct bw_error error = {.code = BW_ERR_OK};
    for (size_t i = 0; i < op->item_count; i++) {
        bw_buf_init(&texts[i], 1u << 20);
        tellings[i] = (struct telling){.fixture = fixture, .text = &texts[i]};
        call_door(&tellings[i], op, i);
    }
    for (size_t i = 0; i < op->item_count; i++) {
        fixture_until(fixture, &tellings[i].is_done);
        bw_buf_put_str(text, bw_buf_str(&texts[i]));
        bw_buf_deinit(&texts[i]);
    }
    fixture->error = error;
}

static void perform(struct store_fixture *fixture, const struct list_op *op, struct bw_buf *text)
{
    struct telling telling = {.fixture = fixture, .text = text};
    fixture->tenant = op->tenant;
    if (op->item_count > 0) {
        perform_door(fixture, op, text);
        return;
    }
    call(&telling, op);
    fixture_until(fixture, &telling.is_done);
}

/* --- Mail ------------------------------------------------------------------------------------ */

void tell_on_mail(void *ud, struct bw_id tenant, struct bw_id run)
{
    struct tell_mailbox *mailbox = ud;
    mailbox->mail = bw_xrealloc(mailbox->mail, (mailbox->count + 1) * sizeof *mailbox->mail);
    mailbox->mail[mailbox->count][0] = tenant;
    mailbox->mail[mailbox->count++][1] = run;
}

static int by_addressee(const void *left, const void *right)
{
    return memcmp(left, right, 2 * sizeof(struct bw_id));
}

static void tell_mail(struct tell_mailbox *mailbox, struct bw_buf *text)
{
    if (mailbox->count > 0)
        qsort(mailbox->mail, mailbox->count, sizeof *mailbox->mail, by_addressee);
    for (size_t i = 0; i < mailbox->count; i++) {
        if (i > 0 && by_addressee(mailbox->mail[i - 1], mailbox->mail[i]) == 0)
            continue;
        bw_buf_put_text(text, "      mail:");
        put_id(text, mailbox->mail[i][1]);
        bw_buf_put_char(text, '\n');
    }
    mailbox->count = 0;
}

void tell_op(struct store_fixture *fixture, struct tell_mailbox *mailbox, const struct list_op *op,
             struct bw_buf *text)
{
    mailbox->count = 0;
    fixture->now_us = op->now_us;
    bw_buf_put_text(text, "    answer:");
    perform(fixture, op, text);
    /* Works in memory are played one after the other, and then send their mail. */
    for (size_t i = 0; i <= (fixture->kind == FIXTURE_MEM ? op->commit_count : 0); i++)
        fixture_rest(fixture);
    tell_mail(mailbox, text);
}

/* --- Everything ------------------------------------------------------------------------------ */

static void tell_read(struct store_fixture *fixture, struct bw_id tenant, const char *what,
                      struct bw_str args, struct bw_buf *text)
{
    struct list_op op = {
        .kind = LIST_READ, .tenant = tenant, .what = bw_str_of(what), .value = args};
    bw_buf_printf(text, "  %s", what);
    perform(fixture, &op, text);
}

static void tell_run(struct store_fixture *fixture, struct bw_id tenant, struct bw_id run,
                     struct bw_buf *text)
{
    static const char *const READS[] = {"journal", "notes", "run"};
    char json[150];
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(run, id);
    bw_buf_printf(text, "run %s\n  load", id);
    struct list_op load = {.kind = LIST_LOAD, .tenant = tenant, .id = run};
    perform(fixture, &load, text);
    snprintf(json, sizeof json, "{\"id\":\"%s\",\"run\":\"%s\"}", id, id);
    for (size_t i = 0; i < sizeof READS / sizeof *READS; i++)
        tell_read(fixture, tenant, READS[i], fixture_value(fixture, json), text);
}

/* Read messages have no order that anybody asks for. */
static void tell_inbox(struct store_fixture *fixture, struct bw_id tenant, struct bw_id run,
                       struct bw_buf *text)
{
    char json[100];
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(run, id);
    snprintf(json, sizeof json, "{\"run\":\"%s\"}", id);
    fixture->tenant = tenant;
    assert_ok(fixture_read(fixture, "inbox", json), &fixture->error);
    struct bw_value array = bw_value_read(bw_buf_str(&fixture->value));
    struct bw_str rest = array.items;
    struct bw_value item;
    struct bw_message *rows = bw_xcalloc(array.count + 1, sizeof *rows);
    size_t count = 0;
    while (bw_value_next(&rest, &item))
        rows[count++] = (struct bw_message){.key = bw_value_get_str(&item, "key", BW_STR_NONE),
                                            .value = item.encoded};
    if (count > 0)
        qsort(rows, count, sizeof *rows, by_key);
    bw_buf_put_text(text, "  inbox");
    for (size_t i = 0; i < count; i++)
        put_message(text, &rows[i]);
    bw_buf_put_char(text, '\n');
    bw_free(rows);
}

static void tell_tenant(struct store_fixture *fixture, struct bw_id tenant, struct bw_buf *text)
{
    static const char *const READS[] = {"tenant",    "runs",     "tasks", "numbers",  "series",
                                        "schedules", "problems", "holds", "retention"};
    struct bw_str args = fixture_value(fixture, "{\"limit\":10000}");
    bw_buf_put_text(text, "tenant");
    put_id(text, tenant);
    bw_buf_put_char(text, '\n');
    for (size_t i = 0; i < sizeof READS / sizeof *READS; i++)
        tell_read(fixture, tenant, READS[i], args, text);
    tell_read(fixture, tenant, "audit", args, text);
    for (int i = 0; i < 2; i++)
        tell_read(fixture, tenant, "key",
                  fixture_value(fixture, i ? "{\"name\":\"link\"}" : "{\"name\":\"other\"}"), text);
    struct list_op release = {.kind = LIST_GET_RELEASE, .tenant = tenant, .is_activated = true};
    bw_buf_put_text(text, "  release");
    perform(fixture, &release, text);
    struct list_op settings = {
        .kind = LIST_SETTINGS,
        .tenant = tenant,
        .value = fixture_value(fixture, "{\"policy\":\"rounding\",\"on\":\"2027-01-01\",\"scopes\":"
                                        "{\"customer\":\"C1\",\"contract\":\"C2\"}}")};
    bw_buf_put_text(text, "  settings");
    perform(fixture, &settings, text);
}

void tell_everything(struct store_fixture *fixture, const struct list *list, struct bw_buf *text)
{
    tell_read(fixture, list->tenants[0], "tenants", BW_STR_NONE, text);
    for (size_t i = 0; i < LIST_TENANTS; i++)
        tell_tenant(fixture, list->tenants[i], text);
    for (size_t i = 0; i < list->run_count; i++) {
        tell_run(fixture, list->tenants[list->runs[i].tenant], list->runs[i].id, text);
        tell_inbox(fixture, list->tenants[list->runs[i].tenant], list->runs[i].id, text);
    }
    for (int scan = BW_SCAN_ACTIVE; scan <= BW_SCAN_MAIL; scan++) {
        struct list_op op = {.kind = LIST_SCAN,
                             .scan = (enum bw_scan)scan,
                             .shards = BW_SHARDS_ALL,
                             .limit_us = list->now_us};
        bw_buf_printf(text, "scan %d", scan);
        perform(fixture, &op, text);
    }
    struct list_op due = {
        .kind = LIST_DUE, .shards = BW_SHARDS_ALL, .limit_us = list->now_us + 20000};
    bw_buf_put_text(text, "due");
    perform(fixture, &due, text);
}
