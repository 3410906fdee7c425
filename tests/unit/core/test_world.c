/* test_world.c - real scripts through the real core: the in-process host over engine/lua, with the
 * standard library as it is shipped. */
#include "support/test.h"

#include "core/world_call.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct bw_world *world;
static struct bw_buf files; /* pairs of the release under way: encoded keys and strings */
static struct bw_buf answer, text;

/* --- A release: the standard library from the source tree, and one workflow. */

struct file {
    char *name;
    char *bytes;
    size_t len;
};
static struct file all[512];
static size_t file_count;

static void add_file(const char *name, const char *bytes, size_t len)
{
    assert_true(file_count < 512);
    all[file_count++] = (struct file){bw_xstrdup(name), bw_xstrndup(bytes, len), len};
}

static void read_file(const char *path, const char *name)
{
    FILE *file = fopen(path, "rb");
    struct bw_buf buf;
    char chunk[4096];
    assert_non_null(file);
    bw_buf_init(&buf, 1 << 22);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        bw_buf_put(&buf, chunk, n);
    fclose(file);
    add_file(name, buf.ptr ? buf.ptr : "", buf.len);
    bw_buf_deinit(&buf);
}

static void read_folder(const char *root, const char *name)
{
    char path[2048], child[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat info;
        size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        snprintf(child, sizeof child, "%s/%s", name, entry->d_name);
        snprintf(path, sizeof path, "%s/%s", root, child);
        assert_int_equal(stat(path, &info), 0);
        if (S_ISDIR(info.st_mode) && strcmp(entry->d_name, "testing") != 0 &&
            strcmp(entry->d_name, "meta") != 0)
            read_folder(root, child);
        else if (len > 4 && strcmp(entry->d_name + len - 4, ".lua") == 0)
            read_file(path, child);
    }
    closedir(dir);
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void free_files(void)
{
    for (size_t i = 0; i < file_count; i++) {
        bw_free(all[i].name);
        bw_free(all[i].bytes);
    }
    file_count = 0;
}

/* --- Calls, with JSON on both sides. */

static enum bw_err try_call_value(const char *op, struct bw_str args, struct bw_error *error)
{
    bw_buf_clear(&answer);
    bw_buf_clear(&text);
    enum bw_err code = bw_world_call(world, bw_str_of(op), args, &answer, error);
    if (code == BW_ERR_OK)
        bw_value_to_json(&text, bw_buf_str(&answer), BW_JSON_DECIMAL_STRINGS);
    return code;
}

static const char *call(const char *op, const char *format, ...) BW_PRINTF(2, 3);
static const char *call(const char *op, const char *format, ...)
{
    char json[8192];
    struct bw_buf args;
    struct bw_error error;
    va_list list;
    va_start(list, format);
    vsnprintf(json, sizeof json, format, list);
    va_end(list);
    bw_buf_init(&args, 1 << 20);
    assert_ok(bw_value_from_json(&args, bw_str_of(json), &error), &error);
    enum bw_err code = try_call_value(op, bw_buf_str(&args), &error);
    bw_buf_deinit(&args);
    if (code != BW_ERR_OK)
        fail_msg("%s: %s: %s", op, bw_err_name(code), error.text);
    return bw_buf_cstr(&text);
}

/* A member of the last answer, as text. */
static const char *member(const char *name)
{
    static char found[4096];
    struct bw_value map = bw_value_read(bw_buf_str(&answer));
    struct bw_value item = bw_value_get(&map, name);
    struct bw_buf json;
    if (item.tag == BW_VALUE_STR) {
        snprintf(found, sizeof found, "%.*s", BW_STR_ARG(item.text));
        return found;
    }
    bw_buf_init(&json, sizeof found);
    if (item.tag != BW_VALUE_NIL)
        bw_value_to_json(&json, item.encoded, BW_JSON_DECIMAL_STRINGS);
    snprintf(found, sizeof found, "%s", bw_buf_cstr(&json));
    bw_buf_deinit(&json);
    return found;
}

static char run_id[BW_ID_TEXT_LEN + 1];

static void start(const char *workflow)
{
    (void)call("start", "{\"workflow\":\"%s\",\"input\":{\"contract\":\"C-17\"}}", workflow);
    snprintf(run_id, sizeof run_id, "%s", member("run"));
}

static const char *run_member(const char *name)
{
    (void)call("run", "{\"id\":\"%s\"}", run_id);
    return member(name);
}

static void assert_ends(const char *status)
{
    (void)call("run", "{\"id\":\"%s\"}", run_id);
    if (strcmp(member("status"), status) != 0)
        fail_msg("the run is %s", bw_buf_cstr(&text));
}

/* Answers the oldest request; false when none waits. */
static bool http(int status, const char *body)
{
    (void)call("http_pending", "{}");
    struct bw_value list = bw_value_read(bw_buf_str(&answer)), first;
    struct bw_str rest = list.items;
    if (!bw_value_next(&rest, &first))
        return false;
    (void)call(
        "http_answer",
        "{\"id\":%lld,\"status\":%d,\"body\":\"%s\",\"headers\":{\"content-type\":\"text/plain\"}}",
        (long long)bw_value_get_int(&first, "id", 0), status, body);
    return true;
}

static bool answer_task(const char *decision)
{
    (void)call("tasks", "{\"status\":\"open\"}");
    struct bw_value list = bw_value_read(bw_buf_str(&answer)), first;
    struct bw_str rest = list.items;
    if (!bw_value_next(&rest, &first))
        return false;
    struct bw_str id = bw_value_get_str(&first, "id", BW_STR_NONE);
    (void)call("answer_task",
               "{\"task\":\"%.*s\",\"answer\":{\"decision\":\"%s\",\"by\":\"dana\",\"at_us\":1}}",
               BW_STR_ARG(id), decision);
    return true;
}

static int64_t db_request(void)
{
    (void)call("db_pending", "{}");
    struct bw_value list = bw_value_read(bw_buf_str(&answer)), first;
    struct bw_str rest = list.items;
    return bw_value_next(&rest, &first) ? bw_value_get_int(&first, "id", 0) : 0;
}

/* --- Worlds. */

static void put_release(const char *workflow, const char *source)
{
    struct bw_error error;
    char name[128];
    const char *root = getenv("BW_SOURCE_DIR");
    snprintf(name, sizeof name, "workflows/%s.lua", workflow);
    free_files();
    read_folder(root ? root : ".", "stdlib");
    add_file(name, source, strlen(source));
    if (strcmp(workflow, "parent") == 0) {
        static const char CHILD[] =
            "local workflow, http = require('billow.workflow'), require('billow.http')\n"
            "return workflow.define({ name = 'child', version = '1.0.0', run = function(input)\n"
            "  return { got = input.n, body = http.get('https://a.example/c').body }\n"
            "end })\n";
        add_file("workflows/child.lua", CHILD, sizeof CHILD - 1);
    }
    qsort(all, file_count, sizeof *all, compare_files);
    bw_buf_clear(&files);
    bw_value_put_map(&files, 1);
    bw_value_put_key(&files, "files");
    bw_value_put_map(&files, file_count);
    for (size_t i = 0; i < file_count; i++) {
        bw_value_put_key(&files, all[i].name);
        bw_value_put_str(&files, bw_str(all[i].bytes, all[i].len));
    }
    assert_ok(try_call_value("put_release", bw_buf_str(&files), &error), &error);
}

static void open_world(const char *workflow, const char *source)
{
    world =
        bw_world_create(&(struct bw_world_options){.now_us = INT64_C(1790000000000000), .seed = 5});
    put_release(workflow, source);
}

static void close_world(void)
{
    bw_world_destroy(world);
    world = NULL;
}

static int set_up(void **state)
{
    (void)state;
    bw_buf_init(&files, 1 << 25);
    bw_buf_init(&answer, 1 << 24);
    bw_buf_init(&text, 1 << 24);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_world();
    free_files();
    bw_buf_deinit(&files);
    bw_buf_deinit(&answer);
    bw_buf_deinit(&text);
    return 0;
}

#define WORKFLOW(name, body)                                                                       \
    "local billow = require('billow')\n"                                                           \
    "local workflow, http, timer = require('billow.workflow'), require('billow.http'), "           \
    "require('billow.timer')\n"                                                                    \
    "local event, task, number, db = require('billow.event'), require('billow.task'), "            \
    "require('billow.number'), "                                                                   \
    "require('billow.db')\n"                                                                       \
    "return workflow.define({ name = '" name                                                       \
    "', version = '1.0.0', run = function(input, state)\n" body "\nend })\n"

/* --- Tests. */

static const char LONG[] = WORKFLOW(
    "long",
    "  local first = http.post({ url = 'https://a.example/1', body = 'x' })\n"
    "  timer.sleep('1h')\n"
    "  local paid = event.wait('paid', { key = input.contract })\n"
    "  local answer = task.open({ kind = 'approval', title = 'Ok?', assignees = { 'dana' } })\n"
    "  local invoice = number.next('invoice', { date = '2026-10-31' })\n"
    "  return { first = first.body, amount = paid.body.amount,\n"
    "    decision = answer.decision, number = invoice.number,\n"
    "    random = billow.random and billow.random(1, 1000000) or 0 }\n");

static void drive_long(void)
{
    (void)call(
        "number_series",
        "{\"series\":\"invoice\",\"format\":\"R-{YYYY}-{SEQ:4}\",\"reset\":\"year\",\"next\":7}");
    start("long");
    assert_true(http(200, "hello"));
    (void)call("advance", "{\"us\":3600000000}");
    (void)call(
        "send_event",
        "{\"topic\":\"paid\",\"key\":\"C-17\",\"id\":\"e-1\",\"body\":{\"amount\":\"12.50\"}}");
    assert_true(answer_task("approve"));
    assert_ends("done");
}

static void test_a_script_runs_through_every_sort_of_effect(void **state)
{
    (void)state;
    open_world("long", LONG);
    drive_long();
    assert_non_null(strstr(run_member("result"), "\"decision\":\"approve\""));
    assert_non_null(strstr(run_member("result"), "\"first\":\"hello\""));
    assert_non_null(strstr(run_member("result"), "\"number\":\"R-2026-0007\""));
}

static void test_a_crash_after_every_turn_changes_nothing(void **state)
{
    (void)state;
    char *result = NULL;
    char *journal = NULL;
    for (int is_crashing = 0; is_crashing < 2; is_crashing++) {
        close_world();
        open_world("long", LONG);
        bw_world_set_crash_each(world, is_crashing, 1, 0);
        drive_long();
        (void)run_member("result");
        if (!is_crashing) {
            result = bw_xstrdup(run_member("result"));
            journal = bw_xstrdup(run_member("head"));
        } else {
            assert_true(bw_world_crashes(world) >= 5);
            assert_string_equal(run_member("head"), journal);
            assert_string_equal(run_member("result"), result);
        }
    }
    bw_free(result);
    bw_free(journal);
}

static void test_an_event_may_come_before_its_wait(void **state)
{
    (void)state;
    open_world("early", WORKFLOW("early", "  http.get('https://a.example/')\n"
                                          "  return event.wait('paid', { key = 'I-1' }).body"));
    start("early");
    (void)call("send_event",
               "{\"topic\":\"paid\",\"key\":\"I-1\",\"id\":\"e\",\"body\":\"seven\"}");
    assert_true(http(200, ""));
    assert_ends("done");
    assert_string_equal(run_member("result"), "seven");
}

static void test_a_wait_times_out(void **state)
{
    (void)state;
    open_world("late",
               WORKFLOW("late",
                        "  local got = event.wait('paid', { key = 'I-1', timeout = '2d' })\n"
                        "  return got == nil and 'nothing' or got"));
    start("late");
    (void)call("advance", "{\"us\":%lld}", 2LL * 86400 * 1000000 - 1);
    assert_ends("open");
    (void)call("advance", "{\"us\":1}");
    assert_ends("done");
}

static void test_a_child_is_called(void **state)
{
    (void)state;
    open_world("parent", WORKFLOW("parent", "  local child = workflow.call('child', { n = 3 })\n"
                                            "  return { child.got, child.body }"));
    start("parent");
    assert_true(http(200, "from the child"));
    assert_ends("done");
    assert_string_equal(run_member("result"), "[3,\"from the child\"]");
}

static void test_an_error_parks_at_its_line_and_resume_goes_on(void **state)
{
    (void)state;
    open_world("fails",
               WORKFLOW("fails",
                        "  local answer = http.get({ url = 'https://a.example/', attempts = 1 })\n"
                        "  return answer.status"));
    start("fails");
    assert_true(http(503, "busy"));
    assert_ends("parked");
    assert_non_null(strstr(run_member("error"), "\"code\":\"UNAVAILABLE\""));
    assert_non_null(strstr(run_member("error"), "workflows/fails.lua"));
    assert_non_null(strstr(run_member("error"), "\"effect\":1"));
    (void)call("resume", "{\"run\":\"%s\"}", run_id);
    assert_true(http(200, ""));
    assert_ends("done");
    assert_string_equal(run_member("result"), "200");
}

static void test_cancel_runs_the_compensations(void **state)
{
    (void)state;
    open_world(
        "undo",
        WORKFLOW("undo",
                 "  http.post({ url = 'https://a.example/book' })\n"
                 "  billow.compensate(function() http.post({ url = 'https://a.example/unbook' }) "
                 "end, 'unbook')\n"
                 "  task.open({ kind = 'approval', title = 'Ok?', assignees = { 'dana' } })"));
    start("undo");
    assert_true(http(200, ""));
    (void)call("cancel", "{\"run\":\"%s\",\"reason\":\"wrong month\"}", run_id);
    assert_ends("open");
    assert_non_null(strstr(call("http_pending", "{}"), "unbook"));
    (void)call("crash", "{}");
    assert_true(http(200, ""));
    assert_ends("cancelled");
    assert_false(answer_task("approve"));
}

static void test_a_checkpoint_keeps_the_state_and_drops_the_history(void **state)
{
    (void)state;
    open_world("months", WORKFLOW("months", "  state = state or { month = 0 }\n"
                                            "  if state.month == 3 then return state end\n"
                                            "  timer.sleep('30d')\n"
                                            "  billow.checkpoint({ month = state.month + 1 })"));
    start("months");
    (void)call("advance", "{\"us\":%lld}", 90LL * 86400 * 1000000);
    assert_ends("done");
    assert_string_equal(run_member("result"), "{\"month\":3}");
    assert_string_equal(run_member("base"), "6");
    assert_string_equal(run_member("last_seq"), "6");
}

static void test_losers_of_a_race_are_given_up(void **state)
{
    (void)state;
    open_world("race",
               WORKFLOW("race",
                        "  local strands = require('billow.strands')\n"
                        "  local run_race = billow.race or strands.race\n"
                        "  run_race({ function() return http.get('https://a.example/').body end,\n"
                        "    function() task.open({ kind = 'question', title = '?', assignees = { "
                        "'dana' } }) end })\n"
                        "  timer.sleep('1h')\n"
                        "  return 'over'"));
    start("race");
    assert_true(http(200, "won"));
    assert_ends("open");
    assert_false(answer_task("approve"));
    (void)call("crash", "{}");
    assert_false(http(200, "again"));
    (void)call("advance", "{\"us\":3600000000}");
    assert_ends("done");
}

static void test_a_transaction_is_part_of_the_turn(void **state)
{
    (void)state;
    open_world("books",
               WORKFLOW("books",
                        "  local insert = db.statement({ name = 'books.insert', sql = 'insert into "
                        "x values ($1)' })\n"
                        "  local results = db.transaction(function(tx)\n"
                        "    local n = tx:number({ series = 'invoice', date = '2026-10-31' })\n"
                        "    tx:exec(insert, { n })\n"
                        "  end)\n"
                        "  return results[1].number"));
    (void)call("number_series",
               "{\"series\":\"invoice\",\"format\":\"R-{SEQ:4}\",\"reset\":\"never\",\"next\":1}");
    start("books");
    assert_string_equal(run_member("wake"), "database");
    int64_t id = db_request();
    assert_true(id > 0);
    assert_non_null(strstr(bw_buf_cstr(&text), "R-0001"));
    (void)call("crash", "{}");
    (void)call("db_answer", "{\"id\":%lld,\"value\":[{},[]]}", (long long)id);
    assert_ends("done");
    assert_string_equal(run_member("result"), "R-0001");
}

static void test_a_failed_transaction_is_performed_again_by_resume(void **state)
{
    (void)state;
    open_world("books",
               WORKFLOW("books",
                        "  local insert = db.statement({ name = 'books.insert', sql = 'insert into "
                        "x values ($1)' })\n"
                        "  return db.transaction(function(tx) tx:exec(insert, { 1 }) end)"));
    start("books");
    (void)call("db_answer",
               "{\"id\":%lld,\"error\":{\"code\":\"CONFLICT\",\"text\":\"duplicate key\"}}",
               (long long)db_request());
    assert_ends("parked");
    assert_int_equal(db_request(), 0);
    (void)call("resume", "{\"run\":\"%s\"}", run_id);
    (void)call("db_answer", "{\"id\":%lld,\"value\":[[]]}", (long long)db_request());
    assert_ends("done");
}

static void test_a_query_is_asked_again_after_a_crash(void **state)
{
    (void)state;
    open_world(
        "reads",
        WORKFLOW("reads",
                 "  local all = db.statement({ name = 'reads.all', sql = 'select 1 as n' })\n"
                 "  return db.query(all)[1].n"));
    start("reads");
    assert_true(db_request() > 0);
    (void)call("crash", "{}");
    (void)call("db_answer", "{\"id\":%lld,\"value\":[{\"n\":1}]}", (long long)db_request());
    assert_ends("done");
    assert_string_equal(run_member("result"), "1");
}

static void test_an_endless_loop_is_parked(void **state)
{
    (void)state;
    open_world("loops", WORKFLOW("loops", "  while true do end"));
    start("loops");
    assert_ends("parked");
    assert_non_null(strstr(run_member("error"), "BUDGET"));
    assert_non_null(strstr(run_member("error"), "the 5000000 steps in one turn that a workflow has "
                                                "when it states no limits"));
    assert_non_null(strstr(run_member("error"), "limits = { steps ="));
}

static void test_an_unknown_operation_is_refused_by_name(void **state)
{
    (void)state;
    struct bw_error error;
    open_world("early", WORKFLOW("early", "  return 1"));
    assert_err(try_call_value("fly", BW_STR_NONE, &error), INVALID);
    assert_string_equal(error.text, "there is no operation 'fly'");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_script_runs_through_every_sort_of_effect),
        CASE(test_a_crash_after_every_turn_changes_nothing),
        CASE(test_an_event_may_come_before_its_wait),
        CASE(test_a_wait_times_out),
        CASE(test_a_child_is_called),
        CASE(test_an_error_parks_at_its_line_and_resume_goes_on),
        CASE(test_cancel_runs_the_compensations),
        CASE(test_a_checkpoint_keeps_the_state_and_drops_the_history),
        CASE(test_losers_of_a_race_are_given_up),
        CASE(test_a_transaction_is_part_of_the_turn),
        CASE(test_a_failed_transaction_is_performed_again_by_resume),
        CASE(test_a_query_is_asked_again_after_a_crash),
        CASE(test_an_endless_loop_is_parked),
        CASE(test_an_unknown_operation_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
