/* doctor_engine.c - the doctor's questions to an engine and a database; see doctor.h. */
#include "base/limits.h"
#include "base/parse.h"
#include "codec/value.h"
#include "edge/client.h"
#include "edge/config.h"
#include "edge/doctor.h"
#include "edge/form.h"
#include "io/httpcall.h"
#include "io/loop.h"
#include "io/pgc.h"
#include "io/pgfind.h"
#include "store/migrate.h"
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 16 * 1024 * 1024, RUNS_LISTED_MAX = 10000 };

static const char *state_path(struct bw_doctor *doctor, const char *name)
{
    struct bw_buf path;
    const char *text;

    bw_buf_init(&path, 8192);
    bw_config_state_path(&path, doctor->cli->dir, name);
    text = bw_arena_cstr(&doctor->arena, bw_buf_str(&path));
    bw_buf_deinit(&path);
    return text;
}

/* --- a running engine */

/* Codes of a script that a ceiling has ended. */
static bool is_of_ceiling(const struct bw_value *row)
{
    struct bw_value error = bw_value_get(row, "error");
    struct bw_str code = bw_value_get_str(&error, "code", BW_STR_NONE);

    return bw_str_eq(code, BW_STR("BUDGET")) || bw_str_eq(code, BW_STR("MEMORY")) ||
           bw_str_eq(code, BW_STR("WALL"));
}

static size_t parked_of(struct bw_client *client, const char *tenant, size_t *over,
                        struct bw_error *error)
{
    struct bw_buf answer;
    struct bw_value row;
    char path[96];
    size_t count = 0;

    bw_buf_init(&answer, ANSWER_BYTES_MAX);
    (void)snprintf(path, sizeof path, "/v1/runs?status=parked&limit=%d", RUNS_LISTED_MAX);
    bw_client_set_tenant(client, tenant);
    if (bw_client_call(client, "GET", path, BW_STR_NONE, &answer, error) == BW_ERR_OK)
        count = bw_value_read(bw_buf_str(&answer)).count;
    if (count) {
        struct bw_str rest = bw_value_read(bw_buf_str(&answer)).items;
        while (bw_value_next(&rest, &row))
            *over += is_of_ceiling(&row);
    }
    bw_buf_deinit(&answer);
    return count;
}

static void say_ceilings(struct bw_doctor *doctor, size_t over)
{
    if (over)
        bw_doctor_say(doctor, BW_DOCTOR_WARN, "script ceilings",
                      "'billow run show ID' names the ceiling and the line; a workflow that needs "
                      "more states limits = { steps = ..., memory = ... } in workflow.define",
                      "%zu run%s stopped at a ceiling", over, over == 1 ? "" : "s");
    else
        bw_doctor_say(doctor, BW_DOCTOR_OK, "script ceilings", "",
                      "%u steps a turn and %u MiB, unless a workflow states its own, up to %u and "
                      "%u MiB; no run stopped there",
                      BW_LIMIT_TURN_STEPS_DEFAULT, BW_LIMIT_VM_DEFAULT_BYTES / BW_MIB,
                      BW_LIMIT_TURN_STEPS, BW_LIMIT_VM_BYTES / BW_MIB);
}

/* Open runs whose replay grows long. */
static size_t long_of(struct bw_client *client, const char *tenant, struct bw_error *error)
{
    struct bw_buf answer;
    struct bw_value row;
    char path[96];
    size_t count = 0;

    bw_buf_init(&answer, ANSWER_BYTES_MAX);
    (void)snprintf(path, sizeof path, "/v1/runs?status=open&limit=%d", RUNS_LISTED_MAX);
    bw_client_set_tenant(client, tenant);
    if (bw_client_call(client, "GET", path, BW_STR_NONE, &answer, error) == BW_ERR_OK) {
        struct bw_str rest = bw_value_read(bw_buf_str(&answer)).items;
        while (bw_value_next(&rest, &row))
            count += bw_value_get_int(&row, "head", 0) - bw_value_get_int(&row, "base", 0) >=
                     BW_LIMIT_HISTORY_TURNS * 8 / 10;
    }
    bw_buf_deinit(&answer);
    return count;
}

static void say_long(struct bw_doctor *doctor, size_t count)
{
    if (count)
        bw_doctor_say(doctor, BW_DOCTOR_WARN, "histories",
                      "'billow run explain ID' tells how long; a checkpoint in the script ends it",
                      "%zu open run%s near the budget of %u turns since a checkpoint", count,
                      count == 1 ? " is" : "s are", BW_LIMIT_HISTORY_TURNS);
    else
        bw_doctor_say(doctor, BW_DOCTOR_OK, "histories", "", "no open run is near its budget");
}

static void check_parked(struct bw_doctor *doctor, struct bw_client *client)
{
    struct bw_buf answer;
    struct bw_error error = {0};
    struct bw_value list, row;
    size_t parked = 0, longs = 0, over = 0;

    bw_buf_init(&answer, ANSWER_BYTES_MAX);
    if (bw_client_call(client, "GET", "/v1/tenants", BW_STR_NONE, &answer, &error) == BW_ERR_OK) {
        list = bw_value_read(bw_buf_str(&answer));
        for (struct bw_str rest = list.items; !error.code && bw_value_next(&rest, &row);) {
            struct bw_str name = bw_value_get_str(&row, "name", BW_STR(""));
            parked += parked_of(client, bw_arena_cstr(&doctor->arena, name), &over, &error);
            if (!error.code)
                longs += long_of(client, bw_arena_cstr(&doctor->arena, name), &error);
        }
    }
    if (error.code)
        bw_doctor_say(doctor, BW_DOCTOR_WARN, "parked runs",
                      "ask again; 'billow run list' tells more",
                      "the engine did not list its runs: %s", error.text);
    else if (parked)
        bw_doctor_say(doctor, BW_DOCTOR_WARN, "parked runs",
                      "'billow run list --status parked', then 'billow run show ID' and 'billow "
                      "run resume ID'",
                      "%zu run%s stopped and wait%s for an operator", parked,
                      parked == 1 ? "" : "s", parked == 1 ? "s" : "");
    else
        bw_doctor_say(doctor, BW_DOCTOR_OK, "parked runs", "", "none");
    if (!error.code) {
        say_ceilings(doctor, over);
        say_long(doctor, longs);
    }
    bw_buf_deinit(&answer);
}

/* Recorded runs that this engine played again: one that comes out otherwise is a defect. */
static void check_replays(struct bw_doctor *doctor, struct bw_client *client)
{
    struct bw_buf answer;
    struct bw_error error = {0};

    bw_buf_init(&answer, ANSWER_BYTES_MAX);
    if (bw_client_call(client, "GET", "/v1/stats", BW_STR_NONE, &answer, &error) == BW_ERR_OK) {
        struct bw_value stats = bw_value_read(bw_buf_str(&answer));
        long long checked = bw_value_get_int(&stats, "rechecks", 0),
                  differing = bw_value_get_int(&stats, "rechecks_differing", 0);
        if (differing)
            bw_doctor_say(doctor, BW_DOCTOR_FAIL, "replays",
                          "look for replay_differs in the engine's log, and report it: 'billow "
                          "replay RUN' shows it again",
                          "%lld of %lld recorded runs came out otherwise", differing, checked);
        else
            bw_doctor_say(doctor, BW_DOCTOR_OK, "replays", "",
                          "none of %lld recorded runs came out otherwise", checked);
    }
    bw_buf_deinit(&answer);
}

/* A database that fell back behind what it had acknowledged. */
static void check_failovers(struct bw_doctor *doctor, struct bw_client *client)
{
    struct bw_buf answer;
    struct bw_error error = {0};

    bw_buf_init(&answer, ANSWER_BYTES_MAX);
    if (bw_client_call(client, "GET", "/v1/stats", BW_STR_NONE, &answer, &error) == BW_ERR_OK) {
        struct bw_value stats = bw_value_read(bw_buf_str(&answer));
        long long lost = bw_value_get_int(&stats, "failover_lost_turns", 0),
                  failovers = bw_value_get_int(&stats, "failovers", 0);
        if (lost)
            bw_doctor_say(
                doctor, BW_DOCTOR_FAIL, "failovers",
                "'billow audit list --action failover.lost' names the runs; those that had "
                "sent something are parked: look there before they go on. A synchronous "
                "standby loses nothing (docs/operating.md)",
                "%lld turn%s that the database had acknowledged %s lost by %lld failover%s", lost,
                lost == 1 ? "" : "s", lost == 1 ? "was" : "were", failovers,
                failovers == 1 ? "" : "s");
        else
            bw_doctor_say(doctor, BW_DOCTOR_OK, "failovers", "",
                          "%lld noticed, and nothing was lost", failovers);
    }
    bw_buf_deinit(&answer);
}

static void ask_engine(struct bw_doctor *doctor, const char *socket)
{
    struct bw_client_options options = {
        .server = socket, .dir = doctor->cli->dir, .actor = doctor->cli->actor, .must_run = true};
    struct bw_client *client;
    struct bw_error error = {0};
    struct bw_buf answer;

    if (bw_client_open(&options, &client, &error)) {
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "engine", "look at its log, then start it again",
                      "%s", error.text);
        return;
    }
    bw_buf_init(&answer, ANSWER_BYTES_MAX);
    if (bw_client_call(client, "GET", "/readyz", BW_STR_NONE, &answer, &error)) {
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "engine", "look at its log and at the database",
                      "one listens on %s but is not ready: %s", socket, error.text);
    } else {
        doctor->has_engine = true;
        bw_doctor_say(doctor, BW_DOCTOR_OK, "engine", "", "one answers on %s", socket);
        check_parked(doctor, client);
        check_replays(doctor, client);
        check_failovers(doctor, client);
    }
    bw_buf_deinit(&answer);
    bw_client_close(client);
}

/* Who holds the lock of the private database: a pid, 0 = nobody. */
static int64_t lock_holder(struct bw_doctor *doctor)
{
    char text[32] = "";
    int64_t pid = 0;
    int fd = open(state_path(doctor, "engine.lock"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return 0;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        ssize_t len = read(fd, text, sizeof text - 1);
        text[len > 0 ? len : 0] = '\0';
        if (!bw_parse_i64(bw_str(text, strcspn(text, "\n")), &pid) || pid <= 0)
            pid = -1;
    }
    (void)close(fd);
    return pid;
}

void bw_doctor_check_engine(struct bw_doctor *doctor)
{
    const char *socket =
        doctor->cli->server ? doctor->cli->server : state_path(doctor, "billow.sock");
    struct stat info;
    int64_t holder;

    if (bw_httpcall_is_alive(socket)) {
        ask_engine(doctor, socket);
        return;
    }
    holder = lock_holder(doctor);
    if (doctor->cli->server)
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "engine",
                      "start it there with 'billow serve --socket', or correct --server",
                      "nothing answers on %s", socket);
    else if (holder)
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "engine",
                      "end that process (kill), then start the engine again",
                      "process %lld holds the private database but does not answer on %s",
                      (long long)holder, socket);
    else if (stat(socket, &info) == 0)
        bw_doctor_say(doctor, BW_DOCTOR_WARN, "engine",
                      "nothing to do: the next start replaces the socket",
                      "none runs; %s was left by one that did not end in order", socket);
    else
        bw_doctor_say(doctor, BW_DOCTOR_OK, "engine", "",
                      "none runs here; commands start one when they need it");
}

/* --- the database */

/* The private one is not started for this: does its folder fit the programs? */
static void check_private(struct bw_doctor *doctor)
{
    const char *path = state_path(doctor, "pg/data/PG_VERSION");
    struct bw_pgfind found;
    struct bw_error error = {0};
    char text[16] = "";
    FILE *file = fopen(path, "re");

    if (!file) {
        bw_doctor_say(doctor, BW_DOCTOR_OK, "database", "",
                      "no private database here yet; it is made with the first start");
        return;
    }
    if (!fgets(text, sizeof text, file))
        text[0] = '\0';
    (void)fclose(file);
    int major = 0;
    if (!bw_parse_int(bw_str(text, strcspn(text, "\n")), 1, 1000, &major))
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "database",
                      "look at what lies there; a backup can be restored into an empty directory",
                      "%s does not name a version: the data directory is damaged", path);
    else if (bw_pgfind(bw_config_pg_bin(), major, &found, &error))
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "database",
                      "install the server of that version again, it alone reads this data", "%s",
                      error.text);
    else
        bw_doctor_say(doctor, BW_DOCTOR_OK, "database", "",
                      "private, of version %d, stopped; its schema is checked at the next start",
                      major);
}

struct schema_look {
    struct bw_loop *loop;
    struct bw_doctor *doctor;
    bool is_done;
};

static void say_schema(struct bw_doctor *doctor, int64_t applied)
{
    int64_t newest = bw_migration_count ? (int64_t)bw_migrations[bw_migration_count - 1].number : 0;

    if (applied < newest)
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "database", "billow migrate",
                      "its schema is at %lld, this version of Billow needs %lld",
                      (long long)applied, (long long)newest);
    else if (applied > newest)
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "database", "install the newer Billow",
                      "its schema is at %lld, newer than this version of Billow (%lld)",
                      (long long)applied, (long long)newest);
    else
        bw_doctor_say(doctor, BW_DOCTOR_OK, "database", "", "it answers; schema %lld, as needed",
                      (long long)applied);
}

static void on_looked(void *ud, const struct bw_pg_outcome *outcome)
{
    struct schema_look *look = ud;

    look->is_done = true;
    if (outcome->status == BW_PG_DONE)
        say_schema(look->doctor, bw_pg_int(outcome->results[0], 0, 0));
    else if (strcmp(outcome->sqlstate, "42P01") == 0 || strcmp(outcome->sqlstate, "3F000") == 0)
        bw_doctor_say(look->doctor, BW_DOCTOR_FAIL, "database", "billow migrate",
                      "it answers, but Billow's schema is not there");
    else
        bw_doctor_say(look->doctor, BW_DOCTOR_FAIL, "database",
                      "start PostgreSQL, or correct --database (BILLOW_DATABASE)", "%s",
                      outcome->error.text);
}

static void on_closed(void *ud)
{
    struct schema_look *look = ud;

    look->is_done = true;
}

static void check_given(struct bw_doctor *doctor)
{
    static const struct bw_pg_statement statement = {
        "doctor", "SELECT coalesce(max(number), 0)::bigint FROM billow.migration", 0};
    struct schema_look look = {.loop = bw_loop_create(), .doctor = doctor};
    struct bw_pgc_options options = {.conninfo = doctor->cli->database, .purpose = "doctor"};
    struct bw_pgc *pgc = bw_pgc_create(bw_loop_uv(look.loop), &options);
    struct bw_pgc_unit *unit = bw_pgc_unit_make();

    (void)bw_pgc_unit_add(unit, &statement);
    bw_pgc_send(pgc, unit, on_looked, &look);
    while (!look.is_done)
        bw_loop_step(look.loop);
    look.is_done = false;
    bw_pgc_close(pgc, on_closed, &look);
    while (!look.is_done)
        bw_loop_step(look.loop);
    bw_loop_destroy(look.loop);
}

void bw_doctor_check_database(struct bw_doctor *doctor)
{
    if (doctor->cli->database)
        check_given(doctor);
    else if (doctor->has_engine)
        bw_doctor_say(doctor, BW_DOCTOR_OK, "database", "", "the running engine uses it");
    else
        check_private(doctor);
}
