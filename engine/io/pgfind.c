/* pgfind.c - see pgfind.h. */
#include "io/pgfind.h"

#include "io/spawn.h"
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Folders that packages and source builds use; the newest version found in any of them wins. */
static const char *const usual_places[] = {
    "/usr/lib/postgresql/*/bin", /* Debian, Ubuntu */
    "/usr/pgsql-*/bin",          /* packages of the PostgreSQL project for Red Hat and SUSE */
    "/usr/lib/postgresql*/bin",  /* SUSE */
    "/usr/libexec/postgresql*",  /* Alpine */
    "/usr/local/pgsql/bin",      /* built from source */
    "/usr/local/bin",
    "/usr/bin",
};

static const char *const pg_config_places[] = {"/usr/bin/pg_config", "/usr/local/bin/pg_config"};

static bool has_programs(const char *dir)
{
    char path[600];
    snprintf(path, sizeof path, "%s/postgres", dir);
    if (access(path, X_OK) != 0)
        return false;
    snprintf(path, sizeof path, "%s/initdb", dir);
    return access(path, X_OK) == 0;
}

/* First line of what a program prints; empty when it fails. */
static void ask(const char *program, const char *question, char *line, size_t line_size)
{
    const char *const argv[] = {program, question, NULL};
    struct bw_spawn_options options = {.argv = argv};
    struct bw_buf output;
    int status = 0;
    bw_buf_init(&output, 4096);
    line[0] = '\0';
    if (bw_spawn_capture(&options, &output, &status, NULL) == BW_ERR_OK && status == 0) {
        snprintf(line, line_size, "%s", bw_buf_cstr(&output));
        line[strcspn(line, "\n")] = '\0';
    }
    bw_buf_deinit(&output);
}

/* "postgres (PostgreSQL) 15.20 (Debian ...)" -> 15; 0 when it does not look like that. */
static int major_of(const char *dir)
{
    char program[600], line[256];
    snprintf(program, sizeof program, "%s/postgres", dir);
    ask(program, "--version", line, sizeof line);
    const char *at = strstr(line, ") ");
    int major = 0;
    for (at = at ? at + 2 : ""; *at >= '0' && *at <= '9' && major < 1000; at++)
        major = major * 10 + (*at - '0');
    return major;
}

/* Keeps `dir` when it is the version wanted, or newer than what is kept. */
static void consider(const char *dir, int wanted, struct bw_pgfind *best)
{
    if (strlen(dir) >= sizeof best->bin_dir || !has_programs(dir))
        return;
    int major = major_of(dir);
    bool is_fit = wanted > 0 ? major == wanted : major >= BW_PGFIND_MAJOR_MIN;
    if (!is_fit || major <= best->major)
        return;
    snprintf(best->bin_dir, sizeof best->bin_dir, "%s", dir);
    best->major = major;
}

static void look_around(int wanted, struct bw_pgfind *best)
{
    for (size_t i = 0; i < sizeof usual_places / sizeof usual_places[0]; i++) {
        glob_t matches;
        if (glob(usual_places[i], 0, NULL, &matches) == 0) {
            for (size_t k = 0; k < matches.gl_pathc; k++)
                consider(matches.gl_pathv[k], wanted, best);
            globfree(&matches);
        }
    }
    for (size_t i = 0; best->major == 0 && i < sizeof pg_config_places / sizeof pg_config_places[0];
         i++) {
        char dir[512];
        if (access(pg_config_places[i], X_OK) != 0)
            continue;
        ask(pg_config_places[i], "--bindir", dir, sizeof dir);
        consider(dir, wanted, best);
    }
}

enum bw_err bw_pgfind(const char *bin_dir, int major, struct bw_pgfind *found,
                      struct bw_error *error)
{
    *found = (struct bw_pgfind){.major = 0};
    if (bin_dir) {
        consider(bin_dir, major, found);
        if (found->major > 0)
            return BW_ERR_OK;
        if (!has_programs(bin_dir))
            return bw_fail(
                error, BW_ERR_UNAVAILABLE,
                "BILLOW_PG_BIN is %s, but there is no postgres and initdb that can be run",
                bin_dir);
        if (major > 0)
            return bw_fail(
                error, BW_ERR_UNAVAILABLE,
                "the data was made by PostgreSQL %d, but BILLOW_PG_BIN=%s holds version %d", major,
                bin_dir, major_of(bin_dir));
        return bw_fail(error, BW_ERR_UNAVAILABLE,
                       "BILLOW_PG_BIN=%s holds PostgreSQL %d; version %d or later is needed",
                       bin_dir, major_of(bin_dir), BW_PGFIND_MAJOR_MIN);
    }
    look_around(major, found);
    if (found->major > 0)
        return BW_ERR_OK;
    if (major > 0)
        return bw_fail(error, BW_ERR_UNAVAILABLE,
                       "the data was made by PostgreSQL %d, whose server programs are not on this "
                       "machine; install "
                       "them (Debian, Ubuntu: apt-get install postgresql-%d) or set BILLOW_PG_BIN "
                       "to their folder",
                       major, major);
    return bw_fail(
        error, BW_ERR_UNAVAILABLE,
        "PostgreSQL's server programs (version %d or later) are not on this machine; install them "
        "(Debian, Ubuntu: apt-get install postgresql), or set BILLOW_PG_BIN to their folder, or "
        "use a database of your own (BILLOW_DATABASE)",
        BW_PGFIND_MAJOR_MIN);
}
