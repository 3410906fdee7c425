/* lists.c - see lists.h. */
#include "support/store/lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const NAMES[] = {
#define LIST_NAME(name, text, weight) text,
    LIST_OPS(LIST_NAME)
#undef LIST_NAME
};

/* --- Drawing --------------------------------------------------------------------------------- */

uint64_t list_pick(struct list *list, uint64_t below)
{
    return bw_rng_next(&list->dice) % below;
}

bool list_chance(struct list *list, unsigned percent)
{
    return list_pick(list, 100) < percent;
}

struct bw_id list_id(struct list *list)
{
    struct bw_entropy entropy = bw_rng_entropy(&list->dice);
    return bw_id_make((struct bw_stamp){list->now_us}, &entropy);
}

struct bw_str list_json(struct list *list, const char *format, ...)
{
    char json[2000];
    va_list args;
    va_start(args, format);
    vsnprintf(json, sizeof json, format, args);
    va_end(args);
    struct bw_error error;
    struct bw_buf value;
    bw_buf_init(&value, 1u << 20);
    assert_ok(bw_value_from_json(&value, bw_str_of(json), &error), &error);
    struct bw_str copy = bw_arena_copy(&list->arena, bw_buf_str(&value));
    bw_buf_deinit(&value);
    return copy;
}

static struct bw_str repeated(struct list *list, char byte, size_t len)
{
    char *text = bw_arena_calloc(&list->arena, len, 1);
    memset(text, byte, len);
    return bw_str(text, len);
}

/* A value that does not lie in its row. */
static struct bw_str large_value(struct list *list)
{
    struct bw_buf value;
    bw_buf_init(&value, 16u << 20);
    bw_value_put_str(&value,
                     repeated(list, (char)('a' + list_pick(list, 3)), 33000 + list_pick(list, 3)));
    struct bw_str copy = bw_arena_copy(&list->arena, bw_buf_str(&value));
    bw_buf_deinit(&value);
    return copy;
}

struct bw_str list_value(struct list *list)
{
    static const char *const VALUES[] = {"null",
                                         "true",
                                         "[1,2.50,\"x\"]",
                                         "{\"n\":1}",
                                         "{\"by\":\"dana\",\"decision\":\"approve\"}",
                                         "{\"by\":\"kim\",\"decision\":\"reject\",\"at_us\":7}",
                                         "\"\"",
                                         "{}"};
    if (list_chance(list, 3))
        return large_value(list);
    return list_json(list, "%s", VALUES[list_pick(list, COUNT(VALUES))]);
}

/* One of few; now and then one that a database might not like. */
struct bw_str list_key(struct list *list, const char *const *keys, size_t count)
{
    if (!list_chance(list, 2))
        return bw_str_of(keys[list_pick(list, count)]);
    switch (list_pick(list, 6)) {
    case 0:
        return BW_STR("not \xff UTF-8");
    case 1:
        return bw_str("a\0b", 3);
    case 2:
        return repeated(list, 'k', 501);
    case 3:
        return repeated(list, 'k', 1001);
    case 4:
        return BW_STR("");
    default:
        return BW_STR("\xc3\xbc '\"\\{}, 100%");
    }
}

struct bw_str list_message_key(struct list *list)
{
    static const char *const KEYS[] = {"task:1",  "task:2",  "event:1", "event:2", "event:3",
                                       "child:1", "child:2", "tx:1",    "kept:1",  "cancel"};
    return list_key(list, KEYS, COUNT(KEYS));
}

struct bw_str list_place_topic(struct list *list)
{
    static const char *const TOPICS[] = {"paid", "paid", "go"};
    return list_key(list, TOPICS, COUNT(TOPICS));
}

struct bw_str list_place_key(struct list *list)
{
    static const char *const KEYS[] = {"a", "a", "b"};
    return list_key(list, KEYS, COUNT(KEYS));
}

const struct list_run *list_run(struct list *list)
{
    if (list->run_count == 0)
        return NULL;
    /* The newest are the most interesting. */
    size_t among = list->run_count > 5 && list_chance(list, 70) ? 5 : list->run_count;
    return &list->runs[list->run_count - 1 - list_pick(list, among)];
}

static size_t place_of(const struct list *list, struct bw_id tenant)
{
    return bw_id_eq(list->tenants[1], tenant) ? 1 : 0;
}

static struct bw_id some_tenant(struct list *list)
{
    return list->tenants[list_chance(list, 20) ? 1 : 0];
}

/* A run of this tenant, or one that is not there. */
static struct bw_id some_run(struct list *list, struct bw_id tenant)
{
    const struct list_run *run = list_run(list);
    for (int i = 0; run && i < 4 && !bw_id_eq(list->tenants[run->tenant], tenant); i++)
        run = list_run(list);
    return run && !list_chance(list, 4) ? run->id : list_id(list);
}

/* Workflow and start key follow from the id: no engine starts one run under two keys. */
static void set_id(struct bw_run_row *row, struct bw_id id)
{
    static const char *const WORKFLOWS[] = {"tm", "dun"};
    static const char *const KEYS[] = {"", "", "", "k1", "k2", "k3"};
    uint64_t hash = bw_id_hash(id);
    row->id = id;
    row->shard = (uint32_t)(hash % BW_SHARD_COUNT);
    row->workflow = bw_str_of(WORKFLOWS[hash / BW_SHARD_COUNT % COUNT(WORKFLOWS)]);
    row->key = bw_str_of(KEYS[hash / 1024 % COUNT(KEYS)]);
}

/* Another run that wants the key which this one wants, if one is found. */
static void draw_rival(struct list *list, const struct bw_run_row *first, struct bw_run_row *row)
{
    for (size_t i = 0; i < 32; i++) {
        set_id(row, list_id(list));
        if (bw_str_eq(row->key, first->key) && bw_str_eq(row->workflow, first->workflow))
            return;
    }
}

struct bw_run_row list_row(struct list *list, struct bw_id tenant)
{
    static const char *const ACTORS[] = {"dana", "kim", "import", ""};
    struct bw_run_row row = {.tenant = tenant,
                             .release = {1, 2, (uint8_t)list_pick(list, 3)},
                             .status = BW_RUN_OPEN,
                             .wake = BW_WAKE_READY,
                             .is_active = true,
                             .input = list_chance(list, 20) ? BW_STR_NONE : list_value(list),
                             .started_by = bw_str_of(ACTORS[list_pick(list, COUNT(ACTORS))]),
                             .created_at_us = list->now_us - (int64_t)list_pick(list, 5)};
    bool is_again = list_chance(list, 8) && list->run_count > 0;
    set_id(&row, is_again ? list_run(list)->id : list_id(list));
    return row;
}

void list_draw_event(struct list *list, struct bw_id tenant, struct bw_event *event)
{
    static const char *const IDS[] = {"e1", "e2", "e3", "e4", "e5", "e6"};
    *event = (struct bw_event){.tenant = tenant,
                               .topic = list_place_topic(list),
                               .key = list_place_key(list),
                               .id = list_key(list, IDS, COUNT(IDS)),
                               .body = list_value(list)};
    if (list_chance(list, 20))
        event->expires_at_us = list->now_us + (int64_t)list_pick(list, 20000) - 5000;
}

/* --- The door -------------------------------------------------------------------------------- */

static void draw_message(struct list *list, struct list_op *op, struct bw_message *message)
{
    struct bw_str key = list_message_key(list);
    bool is_cancel = bw_str_eq(key, BW_STR("cancel"));
    *message = (struct bw_message){.tenant = op->tenant,
                                   .run = some_run(list, op->tenant),
                                   .key = key,
                                   .kind = is_cancel ? BW_MESSAGE_CANCEL : BW_MESSAGE_OUTCOME,
                                   .seq = list_pick(list, LIST_SEQS),
                                   .value = list_value(list)};
    if (!is_cancel && list_chance(list, 20))
        message->kind = BW_MESSAGE_ERROR;
}

static void draw_door(struct list *list, struct list_op *op)
{
    op->item_count = list_chance(list, 30) ? 1 + list_pick(list, LIST_ITEMS_MAX) : 1;
    for (size_t i = 0; i < op->item_count; i++) {
        switch (op->kind) {
        case LIST_START:
            op->items[i].run = list_row(list, op->tenant);
            if (i > 0 && list_chance(list, 50))
                draw_rival(list, &op->items[0].run, &op->items[i].run);
            break;
        case LIST_MESSAGE:
            draw_message(list, op, &op->items[i].message);
            if (i > 0 && list_chance(list, 50))
                op->items[i].message.run = op->items[0].message.run;
            break;
        case LIST_EVENT:
            list_draw_event(list, op->tenant, &op->items[i].event);
            break;
        default:
            op->items[i].answer.task =
                bw_id_derive(some_run(list, op->tenant), 1 + list_pick(list, 4));
            op->items[i].answer.value = list_value(list);
            if (i > 0 && list_chance(list, 60))
                op->items[i].answer.task = op->items[0].answer.task;
            break;
        }
    }
}

/* --- Leases, scans, reads -------------------------------------------------------------------- */

static bw_shards some_shards(struct list *list)
{
    return list_chance(list, 50)   ? BW_SHARDS_ALL
           : list_chance(list, 50) ? (bw_shards)0xffffffff
                                   : bw_rng_next(&list->dice);
}

static void draw_lease(struct list *list, struct list_op *op)
{
    size_t node = list_pick(list, 2);
    op->shards = some_shards(list);
    op->lease = (struct bw_lease_wish){.node = node ? BW_STR("other") : BW_STR("test"),
                                       .ms = list_chance(list, 70) ? 600000 : 0,
                                       .held = list->held[node],
                                       .take_over = list_chance(list, 15)};
    if (list_chance(list, 20))
        op->lease.held = list_chance(list, 50) ? 0 : some_shards(list);
}

static struct bw_str read_args(struct list *list, struct bw_id tenant)
{
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(some_run(list, tenant), id);
    switch (list_pick(list, 8)) {
    case 0:
        return list_json(list, "{\"limit\":%d}", (int)list_pick(list, 4) + 1);
    case 1:
        return list_json(list, "{\"status\":\"open\"}");
    case 2:
        return list_json(list, "{\"workflow\":\"tm\",\"actor\":\"dana\"}");
    case 3:
        return list_json(list, "{\"after\":\"%s\"}", id);
    case 4:
        return list_json(list, "{\"status\":\"parked\",\"run\":\"%s\"}", id);
    case 5:
        return list_json(list, "{\"subject\":\"%s\",\"since_us\":%lld}", id,
                         (long long)list->now_us - 4000);
    case 6:
        return list_json(list, "{\"id\":\"%s\",\"run\":\"%s\",\"name\":\"s1\"}", id, id);
    default:
        return list_json(list, "{\"action\":\"run.start\",\"series\":\"inv\",\"status\":7}");
    }
}

static void draw_read(struct list *list, struct list_op *op)
{
    static const char *const WHATS[] = {"runs",    "run",    "journal", "tasks",     "task",
                                        "notes",   "inbox",  "tenants", "tenant",    "problems",
                                        "numbers", "series", "audit",   "schedules", "schedule",
                                        "key",     "nothing"};
    op->what = bw_str_of(WHATS[list_pick(list, COUNT(WHATS))]);
    op->value = read_args(list, op->tenant);
}

static void draw_settings(struct list *list, struct list_op *op)
{
    op->value = list_json(list,
                          "{\"policy\":\"rounding\",\"on\":\"2026-1%d-0%d\",\"scopes\":"
                          "{\"customer\":\"C%d\",\"contract\":\"C%d\"}}",
                          (int)list_pick(list, 3), (int)list_pick(list, 10),
                          (int)list_pick(list, 3), (int)list_pick(list, 3));
}

static void draw_query(struct list *list, struct list_op *op)
{
    static const char *const QUERIES[] = {"select 1 as n", "select 1 as n where $1::text = 'x'",
                                          "delete from x", "select 1; select 2", "select $2 as n"};
    op->what = bw_str_of(QUERIES[list_pick(list, COUNT(QUERIES))]);
    op->value = list_json(list, "%s", list_chance(list, 50) ? "[\"x\"]" : "[]");
}

/* --- Writes ---------------------------------------------------------------------------------- */

static void draw_setting(struct list *list, struct list_op *op)
{
    static const char *const SCOPES[] = {"firm", "pack", "tenant", "customer", "contract", "moon"};
    static const char *const VALUES[] = {"6", "15", "null", "\"up\"", "{\"a\":1.10}"};
    const char *scope = SCOPES[list_pick(list, COUNT(SCOPES))];
    op->what = BW_STR("setting");
    op->value = list_json(
        list,
        "{\"policy\":\"rounding\",\"name\":\"%s\",\"scope_type\":\"%s\",\"scope_id\":\"%s\","
        "\"valid_from\":\"2026-1%d-0%d\",\"value\":%s,\"locked\":%s%s%s}",
        list_chance(list, 50) ? "unit" : "mode", scope,
        scope[0] == 'c' ? (list_chance(list, 50) ? "C1" : "C2") : "", (int)list_pick(list, 3),
        (int)list_pick(list, 4), VALUES[list_pick(list, COUNT(VALUES))],
        list_chance(list, 10) ? "true" : "false",
        list_chance(list, 80) ? ",\"set_by\":\"dana\"" : "",
        list_chance(list, 20) ? ",\"at_us\":5,\"audit\":{\"actor\":\"kim\",\"action\":\"policy.set"
                                "\",\"subject\":\"x\",\"detail\":[1],\"at_us\":5}"
                              : "");
}

static void draw_schedule(struct list *list, struct list_op *op)
{
    int name = (int)list_pick(list, LIST_SCHEDULES) + 1;
    long long due = (long long)list->now_us + (long long)list_pick(list, 40000) - 20000;
    long long wake = due + (long long)list_pick(list, 3000);
    int64_t version = list->versions[place_of(list, op->tenant)][name - 1];
    if (list_chance(list, 55)) {
        op->what = BW_STR("schedule");
        op->value =
            list_json(list,
                      "{\"name\":\"s%d\",\"spec\":{\"rule\":\"FREQ=DAILY\"},\"next_due_us\":%lld,"
                      "\"wake_at_us\":%lld,\"set_by\":\"dana\"%s}",
                      name, due, list_chance(list, 10) ? 0 : wake,
                      list_chance(list, 30) ? ",\"at_us\":9" : "");
    } else if (list_chance(list, 70)) {
        op->what = BW_STR("schedule_state");
        op->value = list_json(list, "{\"name\":\"s%d\",\"is_paused\":%s%s%s%s}", name,
                              list_chance(list, 50) ? "true" : "false",
                              list_chance(list, 50) ? ",\"wake_at_us\":17" : "",
                              list_chance(list, 30) ? ",\"next_due_us\":18" : "",
                              list_chance(list, 20)   ? ",\"version\":99"
                              : list_chance(list, 50) ? ",\"set_by\":\"kim\""
                                                      : "");
        if (list_chance(list, 30))
            op->value = list_json(list, "{\"name\":\"s%d\",\"is_paused\":true,\"version\":%lld}",
                                  name, (long long)version);
    } else {
        op->what = BW_STR("schedule_delete");
        op->value = list_json(list, "{\"name\":\"s%d\",\"set_by\":\"dana\"}", name);
    }
}

static void draw_hold(struct list *list, struct list_op *op)
{
    static const char *const SCOPES[] = {"tenant", "workflow", "run", "contract"};
    const char *scope = SCOPES[list_pick(list, COUNT(SCOPES))];
    char id[BW_ID_TEXT_LEN + 1] = "tm";
    if (scope[0] == 'r')
        bw_id_print(op->id, id);
    if (list_chance(list, 60)) {
        op->what = BW_STR("hold");
        op->value =
            list_json(list,
                      "{\"name\":\"h%d\",\"scope\":\"%s\"%s%s%s,\"reason\":\"tax\","
                      "\"set_by\":\"dana\"}",
                      (int)list_pick(list, 2), scope, scope[0] == 't' ? "" : ",\"scope_id\":\"",
                      scope[0] == 't' ? "" : id, scope[0] == 't' ? "" : "\"");
    } else {
        op->what = BW_STR("hold_end");
        op->value = list_json(list, "{\"name\":\"h%d\",\"reason\":\"over\",\"set_by\":\"kim\"}",
                              (int)list_pick(list, 2));
    }
}

static void draw_expired(struct list *list, struct list_op *op)
{
    long long before = (long long)list->now_us + 1 - (long long)list_pick(list, 3) * 5000;
    const char *rule = list_chance(list, 50) ? "" : "\"workflow\":\"tm\",";
    op->value = list_json(list, "{\"rules\":[{%s\"before_us\":%lld,\"books_before_us\":%lld}]%s}",
                          rule, before, before, list_chance(list, 30) ? ",\"limit\":2" : "");
}

static void draw_drop(struct list *list, struct list_op *op)
{
    char ids[3][BW_ID_TEXT_LEN + 1];
    for (size_t i = 0; i < 3; i++)
        bw_id_print(some_run(list, op->tenant), ids[i]);
    op->value =
        list_json(list,
                  "{\"runs\":[\"%s\",\"%s\",\"%s\"],\"stamp\":%d,\"by\":\"dana\","
                  "\"under\":\"all\"%s}",
                  ids[0], ids[1], ids[2], list_chance(list, 75) ? 0 : (int)list_pick(list, 3),
                  list_chance(list, 30) ? ",\"at_us\":44,\"detail\":{\"x\":1}" : "");
}

static void draw_write(struct list *list, struct list_op *op)
{
    static const char *const FORMATS[] = {"N-{SEQ:3}", "{YYYY}/{CUSTOMER}/{SEQ:1}", "no sequence"};
    static const char *const RESETS[] = {"never", "year", "month", "year:04", "century"};
    switch (list_pick(list, 11)) {
    case 10:
        draw_hold(list, op);
        break;
    case 0:
    case 1:
        op->what = BW_STR("series");
        op->value = list_json(list, "{\"series\":\"%s\",\"format\":\"%s\",\"reset\":\"%s\"%s}",
                              list_chance(list, 70) ? "inv" : "cn",
                              FORMATS[list_chance(list, 70) ? 0 : list_pick(list, COUNT(FORMATS))],
                              RESETS[list_chance(list, 70) ? 0 : list_pick(list, COUNT(RESETS))],
                              list_chance(list, 30) ? ",\"next\":7" : "");
        break;
    case 2:
        op->what = BW_STR("audit");
        op->value =
            list_json(list, "{\"actor\":\"%s\",\"action\":\"look\",\"subject\":\"s%d\"%s%s}",
                      list_chance(list, 90) ? "dana" : "", (int)list_pick(list, 2),
                      list_chance(list, 50) ? ",\"at_us\":3" : "",
                      list_chance(list, 30) ? ",\"detail\":{\"x\":1}" : "");
        break;
    case 3:
        op->what = BW_STR("tenant");
        op->value = list_json(list, "{%s%s\"x\":0}", list_chance(list, 50) ? "\"weight\":200," : "",
                              list_chance(list, 50) ? "\"runs_max\":3," : "");
        if (list_chance(list, 10))
            op->value = list_json(list, "{\"weight\":5}");
        break;
    case 4:
        op->what = BW_STR("key");
        op->value = list_json(list, "{\"name\":\"%s\",\"key\":\"%064d\"}",
                              list_chance(list, 50) ? "link" : "other", (int)list_pick(list, 3));
        break;
    case 5:
    case 6:
        draw_setting(list, op);
        break;
    default:
        draw_schedule(list, op);
        break;
    }
    if (list_chance(list, 2))
        op->tenant = list_id(list); /* nobody */
}

/* --- Tenants, releases, firing --------------------------------------------------------------- */

static void draw_release(struct list *list, struct list_op *op)
{
    const struct bw_release_file files[] = {{BW_STR("lib/a.lua"), BW_STR("return 1")},
                                            {BW_STR("workflows/tm.lua"), BW_STR("return")}};
    size_t which = list_pick(list, 3);
    op->release = (struct bw_release_set){
        .hash = {9, (uint8_t)which},
        .files = bw_arena_calloc(&list->arena, 2, sizeof *op->release.files),
        .count = 1 + which % 2};
    memcpy(op->release.files, files, sizeof files);
    op->is_activated = list_chance(list, 60);
    if (op->kind == LIST_PUT_RELEASE && list_chance(list, 10))
        op->tenant = list_chance(list, 50) ? (struct bw_id){{0}} : list_id(list);
}

static void draw_fire(struct list *list, struct list_op *op)
{
    size_t name = list_pick(list, LIST_SCHEDULES);
    int64_t version = list->versions[place_of(list, op->tenant)][name];
    size_t count = list_pick(list, LIST_FIRED_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        op->fired[i] = list_row(list, op->tenant);
        if (i > 0) /* none twice in one firing */
            set_id(&op->fired[i], list_id(list));
    }
    op->fire = (struct bw_schedule_fire){
        .tenant = op->tenant,
        .name = name == 0   ? BW_STR("s1")
                : name == 1 ? BW_STR("s2")
                            : BW_STR("s3"),
        .version = version - (list_chance(list, 15) ? 1 : 0),
        .next_due_us = list_chance(list, 20) ? 0 : list->now_us + (int64_t)list_pick(list, 9000),
        .last_due_us = list_chance(list, 20) ? 0 : list->now_us,
        .skipped_count = (int64_t)list_pick(list, 3),
        .problem = list_chance(list, 20) ? BW_STR("there is no workflow tm") : BW_STR_NONE,
        .runs = op->fired,
        .run_count = count,
        .is_alone = list_chance(list, 40)};
    op->fire.wake_at_us = op->fire.next_due_us;
}

static void draw_kind(struct list *list, struct list_op *op)
{
    static const unsigned WEIGHTS[] = {
#define LIST_WEIGHT(name, text, weight) weight,
        LIST_OPS(LIST_WEIGHT)
#undef LIST_WEIGHT
    };
    uint64_t sum = 0;
    for (size_t i = 0; i < LIST_KIND_COUNT; i++)
        sum += WEIGHTS[i];
    uint64_t at = list_pick(list, sum);
    size_t kind = 0;
    while (at >= WEIGHTS[kind])
        at -= WEIGHTS[kind++];
    op->kind = (enum list_kind)kind;
    if (list->run_count == 0 && op->kind == LIST_COMMIT)
        op->kind = LIST_START;
}

void list_draw(struct list *list, size_t place, struct list_op *op)
{
    bw_rng_seed(&list->dice, list->seed * UINT64_C(0x9e3779b97f4a7c15) + place + 1);
    *op = (struct list_op){0};
    list->now_us += (int64_t)list_pick(list, 3000) + 1000;
    op->now_us = list->now_us;
    op->tenant = some_tenant(list);
    draw_kind(list, op);
    op->shards = some_shards(list);
    op->count_max = list_chance(list, 70) ? 0 : 1 + list_pick(list, 3);
    op->scan = (enum bw_scan)(BW_SCAN_ACTIVE + (int)list_pick(list, 3));
    op->limit_us = list->now_us + (int64_t)list_pick(list, 40000) - 20000;
    op->id = some_run(list, op->tenant);
    switch (op->kind) {
    case LIST_START:
    case LIST_MESSAGE:
    case LIST_EVENT:
    case LIST_ANSWER:
        draw_door(list, op);
        break;
    case LIST_COMMIT:
        list_draw_commit(list, op);
        break;
    case LIST_LEASE:
    case LIST_GIVE_BACK:
        draw_lease(list, op);
        break;
    case LIST_READ:
        draw_read(list, op);
        break;
    case LIST_SETTINGS:
        draw_settings(list, op);
        break;
    case LIST_QUERY:
        draw_query(list, op);
        break;
    case LIST_WRITE:
        draw_write(list, op);
        break;
    case LIST_PUT_TENANT:
    case LIST_FIND_TENANT:
        op->what = list_chance(list, 50) ? BW_STR("acme") : BW_STR("Z\xc3\xbcrich & Co");
        break;
    case LIST_PUT_RELEASE:
    case LIST_GET_RELEASE:
        draw_release(list, op);
        break;
    case LIST_FIRE:
        draw_fire(list, op);
        break;
    case LIST_EXPIRED:
        draw_expired(list, op);
        break;
    case LIST_DROP:
        draw_drop(list, op);
        break;
    default:
        break;
    }
}

/* --- Learning -------------------------------------------------------------------------------- */

static void know_run(struct list *list, struct bw_id tenant, struct bw_id id)
{
    for (size_t i = 0; i < list->run_count; i++) {
        if (bw_id_eq(list->runs[i].id, id) && bw_id_eq(list->tenants[list->runs[i].tenant], tenant))
            return;
    }
    if (list->run_count < LIST_RUNS_MAX)
        list->runs[list->run_count++] =
            (struct list_run){.id = id, .tenant = place_of(list, tenant), .status = BW_RUN_OPEN};
}

static void learn_commit(struct list *list, const struct list_op *op,
                         const struct store_fixture *fixture)
{
    for (size_t i = 0; i < op->commit_count; i++) {
        const struct bw_turn_commit *commit = &op->commits[i];
        if (fixture->results[i].status != BW_COMMIT_DONE)
            continue;
        for (size_t k = 0; k < list->run_count; k++) {
            struct list_run *run = &list->runs[k];
            if (!bw_id_eq(run->id, commit->run) ||
                !bw_id_eq(list->tenants[run->tenant], commit->tenant))
                continue;
            run->head += commit->turn.len > 0;
            run->base = commit->base;
            run->status = commit->status;
        }
        for (size_t k = 0; k < commit->child_count; k++)
            know_run(list, commit->tenant, commit->children[k].id);
    }
}

static void learn_schedule(struct list *list, const struct list_op *op)
{
    struct bw_value map = bw_value_read(op->value);
    struct bw_str name =
        op->kind == LIST_FIRE ? op->fire.name : bw_value_get_str(&map, "name", BW_STR("s1"));
    int64_t *version = &list->versions[place_of(list, op->tenant)][name.ptr[1] - '1'];
    *version = bw_str_eq(op->what, BW_STR("schedule_delete")) ? 0 : *version + 1;
}

void list_learn(struct list *list, const struct list_op *op, const struct store_fixture *fixture)
{
    bool is_ok = fixture->error.code == BW_ERR_OK;
    switch (op->kind) {
    case LIST_START:
        for (size_t i = 0; i < op->item_count; i++)
            know_run(list, op->tenant, op->items[i].run.id);
        break;
    case LIST_COMMIT:
        learn_commit(list, op, fixture);
        break;
    case LIST_LEASE: {
        bw_shards *held = &list->held[bw_str_eq(op->lease.node, BW_STR("other"))];
        *held = 0;
        for (size_t i = 0; i < fixture->lease_count; i++) {
            *held |= (bw_shards)1 << fixture->leases[i].shard;
            list->epochs[fixture->leases[i].shard] = fixture->leases[i].epoch;
        }
        break;
    }
    case LIST_WRITE:
        if (is_ok && bw_str_starts(op->what, BW_STR("schedule")))
            learn_schedule(list, op);
        break;
    case LIST_FIRE:
        for (size_t i = 0; is_ok && i < op->fire.run_count; i++)
            know_run(list, op->tenant, op->fired[i].id);
        if (is_ok)
            learn_schedule(list, op);
        break;
    default:
        break;
    }
}

/* --- Life ------------------------------------------------------------------------------------ */

void list_init(struct list *list, uint64_t seed)
{
    *list = (struct list){.seed = seed, .now_us = FIXTURE_NOW_US};
    bw_arena_init(&list->arena);
    bw_rng_seed(&list->dice, seed);
    for (size_t i = 0; i < LIST_TENANTS; i++)
        list->tenants[i] = list_id(list);
}

void list_deinit(struct list *list)
{
    bw_arena_deinit(&list->arena);
}

/* For printf; what is long is cut. */
#define SHORT(text) (int)((text).len < 40 ? (text).len : 40), (text).ptr

static void put_value_text(struct bw_buf *text, struct bw_str value)
{
    if (!value.len)
        return;
    if (value.len > 400)
        bw_buf_printf(text, " (%zu bytes)", value.len);
    else
        bw_value_to_json(text, value, BW_JSON_DECIMAL_NUMBERS);
}

static void put_id_text(struct bw_buf *text, const char *name, struct bw_id id)
{
    char print[BW_ID_TEXT_LEN + 1];
    bw_id_print(id, print);
    bw_buf_printf(text, " %s %s", name, print);
}

static void commit_text(const struct bw_turn_commit *commit, struct bw_buf *text)
{
    put_id_text(text, "\n      run", commit->run);
    bw_buf_printf(text, " expects %llu, epoch %lld, turn %zu bytes, status %d wake %d%s",
                  (unsigned long long)commit->expected_head, (long long)commit->epoch,
                  commit->turn.len, (int)commit->status, (int)commit->wake,
                  commit->is_active ? " active" : "");
    for (size_t i = 0; i < commit->ack_count; i++)
        bw_buf_printf(text, "; ack %.*s", SHORT(commit->acks[i]));
    for (size_t i = 0; i < commit->message_count; i++) {
        bw_buf_printf(text, "; message %.*s", SHORT(commit->messages[i].key));
        put_id_text(text, "to", commit->messages[i].run);
    }
    for (size_t i = 0; i < commit->unwait_count; i++)
        bw_buf_printf(text, "; unwait %llu", (unsigned long long)commit->unwaits[i]);
    for (size_t i = 0; i < commit->event_count; i++)
        bw_buf_printf(text, "; event %.*s/%.*s/%.*s", SHORT(commit->events[i].topic),
                      SHORT(commit->events[i].key), SHORT(commit->events[i].id));
    for (size_t i = 0; i < commit->wait_count; i++)
        bw_buf_printf(text, "; wait %llu %.*s/%.*s", (unsigned long long)commit->waits[i].seq,
                      SHORT(commit->waits[i].topic), SHORT(commit->waits[i].key));
    for (size_t i = 0; i < commit->task_count; i++)
        bw_buf_printf(text, "; task %llu", (unsigned long long)commit->tasks[i].seq);
    for (size_t i = 0; i < commit->closed_task_count; i++)
        bw_buf_printf(text, "; close task %llu", (unsigned long long)commit->closed_tasks[i]);
    for (size_t i = 0; i < commit->child_count; i++) {
        put_id_text(text, "; child", commit->children[i].id);
        bw_buf_printf(text, " key '%.*s' parent_seq %llu", SHORT(commit->children[i].key),
                      (unsigned long long)commit->children[i].parent_seq);
    }
    for (size_t i = 0; i < commit->db_work_count; i++) {
        bw_buf_printf(text, "; work %llu ", (unsigned long long)commit->db_works[i].seq);
        put_value_text(text, commit->db_works[i].statements);
    }
    bw_buf_printf(text, "; notes %zu; audit '%.*s'", commit->note_count,
                  SHORT(commit->audit.actor));
}

void list_op_text(const struct list_op *op, struct bw_buf *text)
{
    bw_buf_printf(text, "%s", NAMES[op->kind]);
    put_id_text(text, "for", op->tenant);
    bw_buf_printf(text, " %.*s ", SHORT(op->what));
    put_value_text(text, op->value);
    for (size_t i = 0; i < op->item_count; i++) {
        if (op->kind == LIST_START) {
            put_id_text(text, "\n      run", op->items[i].run.id);
            bw_buf_printf(text, " %.*s '%.*s'", SHORT(op->items[i].run.workflow),
                          SHORT(op->items[i].run.key));
        } else if (op->kind == LIST_MESSAGE) {
            put_id_text(text, "\n      to", op->items[i].message.run);
            bw_buf_printf(text, " %.*s ", SHORT(op->items[i].message.key));
            put_value_text(text, op->items[i].message.value);
        } else if (op->kind == LIST_EVENT) {
            bw_buf_printf(text, "\n      %.*s/%.*s/%.*s", SHORT(op->items[i].event.topic),
                          SHORT(op->items[i].event.key), SHORT(op->items[i].event.id));
        } else {
            put_id_text(text, "\n      task", op->items[i].answer.task);
            put_value_text(text, op->items[i].answer.value);
        }
    }
    for (size_t i = 0; i < op->commit_count; i++)
        commit_text(&op->commits[i], text);
    if (op->kind == LIST_LEASE || op->kind == LIST_GIVE_BACK)
        bw_buf_printf(text, "%.*s %lld ms held %llx%s", SHORT(op->lease.node),
                      (long long)op->lease.ms, (unsigned long long)op->lease.held,
                      op->lease.take_over ? " takes over" : "");
    if (op->kind == LIST_LOAD || op->kind == LIST_LOAD_MAIL)
        put_id_text(text, "run", op->id);
    if (op->kind == LIST_FIRE)
        bw_buf_printf(text, "%.*s version %lld with %zu runs%s", SHORT(op->fire.name),
                      (long long)op->fire.version, op->fire.run_count,
                      op->fire.is_alone ? " alone" : "");
}
