/* cmd_doctor.c - billow doctor: what is missing or wrong here, and how to mend it.
 *
 * Changes nothing and starts nothing. The checks of engine and database are in doctor_engine.c.
 */
#include "edge/cmd.h"
#include "edge/config.h"
#include "edge/doctor.h"
#include "edge/form.h"
#include "edge/grid.h"
#include "io/pgfind.h"
#include "io/spawn.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPACE_FAIL_MB 256u
#define SPACE_WARN_MB 1024u

static const char *const LEVELS[] = {"OK", "WARN", "FAIL"};

void bw_doctor_say(struct bw_doctor *doctor, enum bw_doctor_level level, const char *name,
                   const char *remedy, const char *format, ...)
{
    char text[BW_ERROR_TEXT_MAX];
    va_list args;

    if (doctor->count == BW_DOCTOR_FINDINGS_MAX)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    doctor->findings[doctor->count++] =
        (struct bw_doctor_finding){.level = level,
                                   .name = name,
                                   .text = bw_arena_cstr(&doctor->arena, bw_str_of(text)),
                                   .remedy = level == BW_DOCTOR_OK ? "" : remedy};
}

static void check_postgresql(struct bw_doctor *doctor)
{
    struct bw_pgfind found;
    struct bw_error error = {0};
    bool is_needed = !doctor->cli->database;

    if (bw_pgfind(bw_config_pg_bin(), 0, &found, &error) == BW_ERR_OK)
        bw_doctor_say(doctor, BW_DOCTOR_OK, "postgresql", "", "server programs of version %d in %s",
                      found.major, found.bin_dir);
    else
        bw_doctor_say(doctor, is_needed ? BW_DOCTOR_FAIL : BW_DOCTOR_WARN, "postgresql",
                      "apt-get install postgresql-15, or name the folder with initdb and postgres "
                      "in BILLOW_PG_BIN",
                      "%s", error.text);
    if (geteuid() == 0 && is_needed) {
        struct bw_spawn_user user;
        if (bw_spawn_server_user(&user, &error) == BW_ERR_OK)
            bw_doctor_say(doctor, BW_DOCTOR_OK, "server user", "",
                          "as root, the private PostgreSQL runs as '%s'", user.name);
        else
            bw_doctor_say(doctor, BW_DOCTOR_FAIL, "server user",
                          "create a system user: adduser --system postgres", "%s", error.text);
    }
}

static void check_host(struct bw_doctor *doctor)
{
    const char *path;
    struct bw_error error = {0};

    if (bw_config_host_path(&path, &error))
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "billow-host",
                      "install Billow again, or name the program in BILLOW_HOST", "%s", error.text);
    else if (access(path, X_OK) != 0)
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "billow-host",
                      "name the program in BILLOW_HOST, and make it executable: chmod 755",
                      "%s: %s", path, strerror(errno));
    else
        bw_doctor_say(doctor, BW_DOCTOR_OK, "billow-host", "", "%s", path);
}

/* The files that every release is made of. */
static void check_share(struct bw_doctor *doctor)
{
    static const char *const needed[] = {"stdlib/workflow.lua", "workflows/tm.lua",
                                         "policies/rates/policy.lua"};
    const char *dir;
    char path[4096];
    struct bw_error error = {0};

    if (bw_config_share_dir(&dir, &error)) {
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "share", "install Billow again, or set BILLOW_SHARE",
                      "%s", error.text);
        return;
    }
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, needed[i]);
        if (access(path, R_OK) == 0)
            continue;
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "share",
                      "install Billow again: the standard library is not whole", "%s: %s", path,
                      strerror(errno));
        return;
    }
    bw_doctor_say(doctor, BW_DOCTOR_OK, "share", "", "%s", dir);
}

static void check_zones(struct bw_doctor *doctor)
{
    static const char zone[] = "/usr/share/zoneinfo/Europe/Berlin";

    if (access(zone, R_OK) == 0)
        bw_doctor_say(doctor, BW_DOCTOR_OK, "time zones", "", "/usr/share/zoneinfo");
    else
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "time zones", "apt-get install tzdata", "%s: %s",
                      zone, strerror(errno));
}

/* Where the state lies or will lie: <dir>/.billow, else <dir>. */
static const char *state_dir(struct bw_doctor *doctor, bool *is_there)
{
    struct bw_buf path;
    struct stat info;
    const char *dir;

    bw_buf_init(&path, 8192);
    bw_buf_printf(&path, "%s/.billow", doctor->cli->dir);
    *is_there = stat(bw_buf_cstr(&path), &info) == 0;
    dir = *is_there ? bw_arena_cstr(&doctor->arena, bw_buf_str(&path)) : doctor->cli->dir;
    bw_buf_deinit(&path);
    return dir;
}

static void check_state(struct bw_doctor *doctor)
{
    struct stat info;
    bool is_there;
    const char *dir = state_dir(doctor, &is_there);

    if (stat(dir, &info) != 0)
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "state", "create it, or name another with --dir",
                      "%s: %s", dir, strerror(errno));
    else if (!S_ISDIR(info.st_mode))
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "state",
                      "move the file away, or name another directory with --dir",
                      "%s is not a directory", dir);
    else if (access(dir, W_OK | X_OK) != 0)
        bw_doctor_say(doctor, BW_DOCTOR_FAIL, "state",
                      "take the directory over (chown), or name another with --dir", "%s: %s", dir,
                      strerror(errno));
    else
        bw_doctor_say(doctor, BW_DOCTOR_OK, "state", "",
                      is_there ? "%s" : "%s: .billow comes with the first start", dir);
}

static void check_space(struct bw_doctor *doctor)
{
    struct statvfs info;
    bool is_there;
    const char *dir = state_dir(doctor, &is_there);
    uint64_t free_mb;
    enum bw_doctor_level level;

    if (statvfs(dir, &info) != 0) {
        bw_doctor_say(doctor, BW_DOCTOR_WARN, "space", "look at the file system", "%s: %s", dir,
                      strerror(errno));
        return;
    }
    free_mb = (uint64_t)info.f_bavail * info.f_frsize / (1024u * 1024u);
    level = free_mb < SPACE_FAIL_MB   ? BW_DOCTOR_FAIL
            : free_mb < SPACE_WARN_MB ? BW_DOCTOR_WARN
                                      : BW_DOCTOR_OK;
    bw_doctor_say(doctor, level, "space", "make room on that file system", "%llu MB free for %s",
                  (unsigned long long)free_mb, dir);
}

static void print_text(const struct bw_doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++) {
        const struct bw_doctor_finding *finding = &doctor->findings[i];
        fprintf(doctor->cli->out, "%-4s  %-12s  %s", LEVELS[finding->level], finding->name,
                finding->text);
        if (finding->remedy[0])
            fprintf(doctor->cli->out, "; to mend it: %s", finding->remedy);
        fputc('\n', doctor->cli->out);
    }
}

static void print_json(const struct bw_doctor *doctor, bool is_fine)
{
    struct bw_buf list;
    struct bw_form form;

    bw_buf_init(&list, 1 << 20);
    bw_value_put_arr(&list, doctor->count);
    for (size_t i = 0; i < doctor->count; i++) {
        struct bw_form row;
        bw_form_init(&row);
        bw_form_put_text(&row, "name", doctor->findings[i].name);
        bw_form_put_text(&row, "level", LEVELS[doctor->findings[i].level]);
        bw_form_put_text(&row, "text", doctor->findings[i].text);
        bw_form_put_text(&row, "remedy", doctor->findings[i].remedy);
        bw_buf_put_str(&list, bw_form_finish(&row));
        bw_form_deinit(&row);
    }
    bw_form_init(&form);
    bw_form_put_value(&form, "checks", bw_buf_str(&list));
    bw_form_put_bool(&form, "is_fine", is_fine);
    bw_print_json(doctor->cli->out, bw_form_finish(&form));
    bw_form_deinit(&form);
    bw_buf_deinit(&list);
}

int bw_cmd_doctor(struct bw_cli *cli)
{
    struct bw_doctor *doctor = bw_xcalloc(1, sizeof *doctor);
    bool is_fine = true;

    if (bw_cli_option(cli, "runs")) {
        bw_free(doctor);
        return bw_cmd_doctor_runs(cli);
    }
    doctor->cli = cli;
    bw_arena_init(&doctor->arena);
    check_postgresql(doctor);
    check_host(doctor);
    check_share(doctor);
    check_zones(doctor);
    check_state(doctor);
    check_space(doctor);
    bw_doctor_check_engine(doctor);
    bw_doctor_check_database(doctor);
    for (size_t i = 0; i < doctor->count; i++)
        is_fine = is_fine && doctor->findings[i].level != BW_DOCTOR_FAIL;
    if (cli->is_json)
        print_json(doctor, is_fine);
    else
        print_text(doctor);
    bw_arena_deinit(&doctor->arena);
    bw_free(doctor);
    return is_fine ? BW_EXIT_OK : BW_EXIT_FAILED;
}
