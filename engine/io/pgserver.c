/* pgserver.c - see pgserver.h.
 *
 * What is true is read from postmaster.pid, as pg_ctl does (pid, socket folder, "ready"), and
 * believed only when that process has our data directory as its working directory and answers on
 * the socket.
 */
#include "io/pgserver.h"

#include "base/assert.h"
#include "base/mem.h"
#include "io/pgfind.h"
#include "io/pgplace.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TIMEOUT_MS_DEFAULT 60000
#define STOP_TIMEOUT_MS 30000
#define POLL_MS 2
#define FREE_BYTES_MIN                                                                             \
    (256ull * 1024 * 1024) /* a new database with its first WAL files and room to work */
#define LOG_BYTES_MAX (16ll * 1024 * 1024) /* then it is put aside at the next start */
#define LOG_TAIL_BYTES 600

struct bw_pgserver {
    struct bw_pgplace place;
    struct bw_pgfind programs;
    int64_t start_timeout_ms;
    pid_t pid;
    bool is_child; /* ours to wait for */
    bool is_adopted;
    bool is_new;
    off_t log_start; /* size of the log before this start */
    char conninfo[BW_PGPLACE_PATH_MAX * 2];
};

/* What postmaster.pid says. */
struct pid_file {
    pid_t pid;
    char sock[BW_PGPLACE_PATH_MAX];
    bool is_ready;
};

/* Read by the server at each start; ours, written each time. local.conf beside it is the
 * operator's. */
static const char settings[] =
    "# Written by billow at each start. Put settings of your own into local.conf in this folder.\n"
    "listen_addresses = ''\n"
    "port = 5432\n"
    "unix_socket_permissions = 0700\n"
    "max_connections = 50\n"
    "shared_buffers = 128MB\n"
    "fsync = on\n"
    "synchronous_commit = on\n"
    "full_page_writes = on\n"
    "wal_level = replica\n"
    "wal_buffers = 16MB\n"
    "min_wal_size = 128MB\n"
    "max_wal_size = 2GB\n"
    "checkpoint_timeout = 15min\n"
    "checkpoint_completion_target = 0.9\n"
    "jit = off\n"
    /* The hot tables are small and change all the time: vacuum often, a little, without pauses. */
    "autovacuum_naptime = 5s\n"
    "autovacuum_vacuum_scale_factor = 0.02\n"
    "autovacuum_vacuum_threshold = 500\n"
    "autovacuum_vacuum_insert_scale_factor = 0.2\n"
    "autovacuum_analyze_scale_factor = 0.05\n"
    "autovacuum_vacuum_cost_delay = 0\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n"
    "lc_messages = 'C'\n"
    "logging_collector = off\n"
    "log_destination = 'stderr'\n"
    "log_line_prefix = '%m [%p] '\n"
    "log_checkpoints = off\n";

/* --- small helpers */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_briefly(void)
{
    struct timespec pause = {0, POLL_MS * 1000000};
    nanosleep(&pause, NULL);
}

static enum bw_err fail_disk(struct bw_error *error, const char *what, const char *path)
{
    int number = errno;
    return bw_fail(error, BW_ERR_IO, "cannot %s %s: %s%s", what, path, strerror(number),
                   number == ENOSPC ? "; free some space and try again" : "");
}

static size_t read_file(const char *path, off_t from, char *text, size_t text_size)
{
    text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = pread(fd, text, text_size - 1, from);
    close(fd);
    size_t len = got > 0 ? (size_t)got : 0;
    text[len] = '\0';
    return len;
}

/* Written beside and renamed, so that a full disk never leaves half a file; owned by the server's
 * user. */
static enum bw_err write_file(const struct bw_pgplace *place, const char *path, const char *text,
                              struct bw_error *error)
{
    char fresh[BW_PGPLACE_PATH_MAX + 64];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_disk(error, "write", fresh);
    size_t len = strlen(text);
    bool ok = write(fd, text, len) == (ssize_t)len;
    if (ok && geteuid() == 0)
        ok = fchown(fd, place->user.uid, place->user.gid) == 0;
    ok = close(fd) == 0 && ok;
    if (!ok || rename(fresh, path) != 0)
        return fail_disk(error, "write", path);
    return BW_ERR_OK;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/* The last lines of the log since this start, for error texts. */
static void log_tail(const struct bw_pgserver *server, char *text, size_t text_size)
{
    struct stat info;
    off_t from = server->log_start;
    if (stat(server->place.log, &info) == 0 && info.st_size - from > (off_t)text_size - 1)
        from = info.st_size - (off_t)text_size + 1;
    size_t len = read_file(server->place.log, from, text, text_size);
    while (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
}

/* --- the data directory */

static enum bw_err check_space(const struct bw_pgplace *place, struct bw_error *error)
{
    struct statvfs info;
    if (statvfs(place->root, &info) != 0)
        return fail_disk(error, "look at", place->root);
    unsigned long long free_bytes = (unsigned long long)info.f_bavail * info.f_frsize;
    if (free_bytes < FREE_BYTES_MIN)
        return bw_fail(error, BW_ERR_IO,
                       "a private database needs %llu MiB in %s, where only %llu MiB are free; "
                       "free some space or "
                       "choose another folder",
                       FREE_BYTES_MIN >> 20, place->root, free_bytes >> 20);
    return BW_ERR_OK;
}

static enum bw_err run_initdb(struct bw_pgserver *server, struct bw_error *error)
{
    const struct bw_pgplace *place = &server->place;
    char program[600];
    snprintf(program, sizeof program, "%s/initdb", server->programs.bin_dir);
    /* Order of bytes, so that indexes and LIKE are fast and never depend on the C library's
     * version; but letters beyond ASCII are letters. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    const char *ctype = utf8 ? "--lc-ctype=C.UTF-8" : "--lc-ctype=C";
    if (utf8)
        freelocale(utf8);
    const char *const argv[] = {program,
                                "--pgdata",
                                place->fresh,
                                "--username=billow",
                                "--encoding=UTF8",
                                "--locale=C",
                                ctype,
                                "--data-checksums",
                                "--auth-local=trust",
                                "--auth-host=reject",
                                "--no-instructions",
                                NULL};
    const char *const env[] = {"PATH=/usr/bin:/bin", "TZ=UTC", NULL};
    struct bw_spawn_options options = {.argv = argv,
                                       .env = env,
                                       .user = &place->user,
                                       .directory = place->root,
                                       .dies_with_parent = true};
    struct bw_buf output;
    bw_buf_init(&output, 16384);
    int status = 0;
    enum bw_err err = bw_spawn_capture(&options, &output, &status, error);
    if (!err && status != 0) {
        char ending[96];
        bw_spawn_wait_text(status, ending, sizeof ending);
        const char *text = bw_buf_cstr(&output);
        size_t skip = output.len > LOG_TAIL_BYTES ? output.len - LOG_TAIL_BYTES : 0;
        bool is_full = strstr(text, "No space left on device") != NULL;
        err = bw_fail(error, is_full ? BW_ERR_IO : BW_ERR_UNAVAILABLE, "%sinitdb in %s %s:\n%s",
                      is_full ? "the disk is full: " : "", place->root, ending, text + skip);
    }
    bw_buf_deinit(&output);
    return err;
}

static enum bw_err write_settings(struct bw_pgserver *server, const char *data,
                                  struct bw_error *error)
{
    char path[BW_PGPLACE_PATH_MAX + 32], text[sizeof settings + BW_PGPLACE_PATH_MAX + 64];
    /* The path has no quote: it is a folder name of ours or below the user's, where quotes are
     * doubled. */
    char quoted[BW_PGPLACE_PATH_MAX];
    size_t len = 0;
    for (const char *at = server->place.sock; *at && len + 2 < sizeof quoted; at++) {
        if (*at == '\'')
            quoted[len++] = '\'';
        quoted[len++] = *at;
    }
    quoted[len] = '\0';
    snprintf(path, sizeof path, "%s/billow.conf", data);
    snprintf(text, sizeof text, "%sunix_socket_directories = '%s'\n", settings, quoted);
    return write_file(&server->place, path, text, error);
}

static enum bw_err append_includes(const struct bw_pgserver *server, struct bw_error *error)
{
    static const char lines[] =
        "\ninclude_if_exists = 'billow.conf'\ninclude_if_exists = 'local.conf'\n";
    char path[BW_PGPLACE_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/postgresql.conf", server->place.fresh);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail_disk(error, "open", path);
    bool ok = write(fd, lines, sizeof lines - 1) == (ssize_t)sizeof lines - 1;
    ok = close(fd) == 0 && ok;
    return ok ? BW_ERR_OK : fail_disk(error, "write", path);
}

static enum bw_err make_local_conf(const struct bw_pgplace *place, struct bw_error *error)
{
    char path[BW_PGPLACE_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/local.conf", place->fresh);
    return write_file(place, path, "# Settings of your own; they win over billow.conf.\n", error);
}

/* The directory gets its final name when it is whole: a kill in the middle leaves nothing that
 * looks like a database. */
static enum bw_err make_data(struct bw_pgserver *server, struct bw_error *error)
{
    const struct bw_pgplace *place = &server->place;
    nftw(place->fresh, remove_entry, 16, FTW_DEPTH | FTW_PHYS); /* of an interrupted attempt */
    enum bw_err err = check_space(place, error);
    if (!err)
        err = run_initdb(server, error);
    if (!err)
        err = append_includes(server, error);
    if (!err)
        err = make_local_conf(place, error);
    if (!err && rename(place->fresh, place->data) != 0)
        err = fail_disk(error, "make", place->data);
    if (err)
        nftw(place->fresh, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    server->is_new = !err;
    return err;
}

static int data_major(const struct bw_pgplace *place)
{
    char path[BW_PGPLACE_PATH_MAX + 32], text[16];
    snprintf(path, sizeof path, "%s/PG_VERSION", place->data);
    read_file(path, 0, text, sizeof text);
    int major = 0;
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        major = major * 10 + (*at - '0');
    return major;
}

/* --- a running server */

/* The number at the beginning of `text`; 0 when there is none. */
static long parse_pid(const char *text)
{
    long pid = 0;
    for (; *text >= '0' && *text <= '9' && pid < 100000000; text++)
        pid = pid * 10 + (*text - '0');
    return pid;
}

static const char *line_of(const char *text, int number, char *line, size_t line_size)
{
    for (int i = 1; i < number && text; i++) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    snprintf(line, line_size, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
    return line;
}

/* Does this process work in our data directory? Where /proc hides the directory from us (root
 * without CAP_SYS_PTRACE, in many containers) its name has to do, and check_answers has the last
 * word. */
static bool is_our_postgres(const struct bw_pgserver *server, long pid)
{
    char path[64], text[BW_PGPLACE_PATH_MAX];
    snprintf(path, sizeof path, "/proc/%ld/cwd", pid);
    ssize_t len = readlink(path, text, sizeof text - 1);
    if (len >= 0) {
        text[len] = '\0';
        return strcmp(text, server->place.data) == 0;
    }
    if (errno != EACCES && errno != EPERM)
        return false; /* gone, or a zombie */
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    read_file(path, 0, text, sizeof text);
    const char *name = strchr(text, '('), *end = strrchr(text, ')');
    return name && end && strncmp(name, "(postgres)", 10) == 0 && strncmp(end, ") Z", 3) != 0;
}

/* False when there is none, or it was left by a server that is gone. */
static bool read_pid_file(const struct bw_pgserver *server, struct pid_file *file)
{
    char path[BW_PGPLACE_PATH_MAX + 32], text[BW_PGPLACE_PATH_MAX * 3], line[64];
    snprintf(path, sizeof path, "%s/postmaster.pid", server->place.data);
    if (read_file(path, 0, text, sizeof text) == 0)
        return false;
    long pid = parse_pid(text);
    file->pid = (pid_t)pid;
    line_of(text, 5, file->sock, sizeof file->sock);
    file->is_ready = strncmp(line_of(text, 8, line, sizeof line), "ready", 5) == 0;
    return pid > 0 && is_our_postgres(server, pid);
}

static void quote_conninfo(const char *text, char *quoted, size_t quoted_size)
{
    size_t len = 0;
    for (; *text && len + 3 < quoted_size; text++) {
        if (*text == '\'' || *text == '\\')
            quoted[len++] = '\\';
        quoted[len++] = *text;
    }
    quoted[len] = '\0';
}

static void make_conninfo(const char *sock, const char *database, char *text, size_t text_size)
{
    char quoted[BW_PGPLACE_PATH_MAX];
    quote_conninfo(sock, quoted, sizeof quoted);
    snprintf(text, text_size, "host='%s' port=5432 dbname=%s user=billow application_name=billow",
             quoted, database);
}

static enum bw_err create_database(const char *sock, struct bw_error *error)
{
    char conninfo[BW_PGPLACE_PATH_MAX * 2];
    make_conninfo(sock, "postgres", conninfo, sizeof conninfo);
    PGconn *conn = PQconnectdb(conninfo);
    PGresult *result = NULL;
    enum bw_err err = BW_ERR_OK;
    if (PQstatus(conn) == CONNECTION_OK)
        result = PQexec(conn, "create database billow");
    if (!result || PQresultStatus(result) != PGRES_COMMAND_OK)
        err = bw_fail(error, BW_ERR_UNAVAILABLE, "cannot create the database billow: %s",
                      PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return err;
}

/* A server found running has to be the one of our folder. */
static bool is_of_data(PGconn *conn, const char *data)
{
    PGresult *result = PQexec(conn, "show data_directory");
    bool is_same =
        PQresultStatus(result) == PGRES_TUPLES_OK && strcmp(PQgetvalue(result, 0, 0), data) == 0;
    PQclear(result);
    return is_same;
}

/* Proves that it answers, as our user, in our database; makes that at the first start. */
static enum bw_err check_answers(struct bw_pgserver *server, const char *sock,
                                 struct bw_error *error)
{
    make_conninfo(sock, "billow", server->conninfo, sizeof server->conninfo);
    for (int attempt = 0;; attempt++) {
        PGconn *conn = PQconnectdb(server->conninfo);
        bool is_ok = PQstatus(conn) == CONNECTION_OK;
        bool is_missing = !is_ok && strstr(PQerrorMessage(conn), "does not exist") != NULL;
        bool is_other = is_ok && server->is_adopted && !is_of_data(conn, server->place.data);
        if (!is_ok && (!is_missing || attempt > 0))
            (void)bw_fail(error, BW_ERR_UNAVAILABLE, "the private PostgreSQL does not answer: %s",
                          PQerrorMessage(conn));
        PQfinish(conn);
        if (is_other)
            return bw_fail(error, BW_ERR_CONFLICT,
                           "another PostgreSQL server answers on the socket in %s", sock);
        if (is_ok)
            return BW_ERR_OK;
        if (!is_missing || attempt > 0)
            return BW_ERR_UNAVAILABLE;
        enum bw_err err = create_database(sock, error);
        if (err)
            return err;
    }
}

/* --- starting */

static bool is_data_in_use(const struct bw_pgserver *server)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    bool is_used = false;
    while (processes && !is_used && (entry = readdir(processes)) != NULL) {
        long pid = parse_pid(entry->d_name);
        is_used = pid > 0 && is_our_postgres(server, pid);
    }
    if (processes)
        closedir(processes);
    return is_used || !processes;
}

/* What a crashed server left is PostgreSQL's to judge, with one exception: where pids come again
 * soon, as in containers, it takes any process with the old number for a running server. We know
 * better when nobody works in the data directory, and we hold its lock. */
static void remove_stale_pid_file(const struct bw_pgserver *server)
{
    char path[BW_PGPLACE_PATH_MAX + 32], text[32];
    snprintf(path, sizeof path, "%s/postmaster.pid", server->place.data);
    long pid = read_file(path, 0, text, sizeof text) > 0 ? parse_pid(text) : 0;
    bool is_number_taken = pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
    if (is_number_taken && !is_data_in_use(server))
        unlink(path);
}

static enum bw_err open_log(struct bw_pgserver *server, int *fd, struct bw_error *error)
{
    const struct bw_pgplace *place = &server->place;
    char old[BW_PGPLACE_PATH_MAX + 16];
    struct stat info;
    if (stat(place->log, &info) == 0 && info.st_size > LOG_BYTES_MAX) {
        snprintf(old, sizeof old, "%s.old", place->log);
        if (rename(place->log, old) != 0)
            return fail_disk(error, "put aside", place->log);
    }
    *fd = open(place->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return fail_disk(error, "open", place->log);
    if (geteuid() == 0 && fchown(*fd, place->user.uid, place->user.gid) != 0) {
        enum bw_err err = fail_disk(error, "give away", place->log);
        close(*fd);
        return err;
    }
    server->log_start = fstat(*fd, &info) == 0 ? info.st_size : 0;
    return BW_ERR_OK;
}

static enum bw_err spawn_server(struct bw_pgserver *server, struct bw_error *error)
{
    const struct bw_pgplace *place = &server->place;
    char program[600];
    int log_fd = -1;
    snprintf(program, sizeof program, "%s/postgres", server->programs.bin_dir);
    remove_stale_pid_file(server);
    enum bw_err err = write_settings(server, place->data, error);
    if (!err)
        err = open_log(server, &log_fd, error);
    if (err)
        return err;
    const char *const argv[] = {program, "-D", place->data, NULL};
    const char *const env[] = {"PATH=/usr/bin:/bin", "TZ=UTC", NULL};
    struct bw_spawn_options options = {
        .argv = argv,
        .env = env,
        .fds = {-1, log_fd, log_fd},
        .fd_count = 3,
        .user = &place->user,
        .directory = place->data,
        .is_session_leader = true, /* it outlives us and our terminal */
    };
    err = bw_spawn(&options, &server->pid, error);
    close(log_fd);
    server->is_child = !err;
    return err;
}

static enum bw_err explain_death(struct bw_pgserver *server, int status, struct bw_error *error)
{
    char tail[LOG_TAIL_BYTES + 1], ending[96];
    bw_spawn_wait_text(status, ending, sizeof ending);
    log_tail(server, tail, sizeof tail);
    if (strstr(tail, "No space left on device"))
        return bw_fail(error, BW_ERR_IO,
                       "the disk is full: the private PostgreSQL in %s cannot start; free some "
                       "space and try again. Its log ends:\n%s",
                       server->place.root, tail);
    if (strstr(tail, "could not bind Unix") || strstr(tail, "could not create any Unix"))
        return bw_fail(error, BW_ERR_CONFLICT,
                       "the private PostgreSQL cannot open its socket in %s: another server "
                       "may be using it. Its log ends:\n%s",
                       server->place.sock, tail);
    if (strstr(tail, "could not create shared memory segment") ||
        strstr(tail, "could not map anonymous"))
        return bw_fail(error, BW_ERR_UNAVAILABLE,
                       "the private PostgreSQL got no shared memory; less can be asked for "
                       "with shared_buffers in %s/local.conf. Its log ends:\n%s",
                       server->place.data, tail);
    return bw_fail(error, BW_ERR_UNAVAILABLE,
                   "the private PostgreSQL %s instead of starting. The end of its log (%s):\n%s",
                   ending, server->place.log, tail);
}

/* Waits until postmaster.pid says ready. A server found running that is stopping is waited for and
 * started anew. */
static enum bw_err start_or_adopt(struct bw_pgserver *server, struct bw_error *error)
{
    int64_t deadline = now_ms() + server->start_timeout_ms;
    struct pid_file file;
    for (;; pause_briefly()) {
        int status;
        if (server->is_child && waitpid(server->pid, &status, WNOHANG) == server->pid) {
            server->is_child = false;
            server->pid = 0;
            return explain_death(server, status, error);
        }
        bool is_running = read_pid_file(server, &file);
        if (is_running && file.is_ready && (!server->is_child || file.pid == server->pid)) {
            server->is_adopted = !server->is_child;
            server->pid = file.pid;
            return check_answers(server, file.sock, error);
        }
        if (!is_running && !server->is_child) {
            enum bw_err err = spawn_server(server, error);
            if (err)
                return err;
        }
        if (now_ms() > deadline) {
            char tail[LOG_TAIL_BYTES + 1];
            log_tail(server, tail, sizeof tail);
            return bw_fail(error, BW_ERR_TIMEOUT,
                           "the private PostgreSQL in %s did not become ready within %lld s. The "
                           "end of its log:\n%s",
                           server->place.root, (long long)(server->start_timeout_ms / 1000), tail);
        }
    }
}

/* --- open and close */

static enum bw_err open_server(struct bw_pgserver *server,
                               const struct bw_pgserver_options *options, struct bw_error *error)
{
    enum bw_err err = bw_pgplace_open(options->state_dir, &server->place, error);
    if (err)
        return err;
    int major = data_major(&server->place);
    err = bw_pgfind(options->bin_dir, major, &server->programs, error);
    if (!err && major == 0)
        err = make_data(server, error);
    return err ? err : start_or_adopt(server, error);
}

enum bw_err bw_pgserver_open(const struct bw_pgserver_options *options, struct bw_pgserver **out,
                             struct bw_error *error)
{
    struct bw_pgserver *server = bw_xcalloc(1, sizeof *server);
    server->place.lock_fd = -1;
    server->place.root_fd = -1;
    server->start_timeout_ms =
        options->start_timeout_ms > 0 ? options->start_timeout_ms : START_TIMEOUT_MS_DEFAULT;
    enum bw_err err = open_server(server, options, error);
    if (err) {
        (void)bw_pgserver_close(server, server->is_child, NULL);
        return err;
    }
    *out = server;
    return BW_ERR_OK;
}

enum bw_err bw_pgserver_revive(struct bw_pgserver *server, bool *was_gone, struct bw_error *error)
{
    struct pid_file file;
    if (server->is_child)
        *was_gone = waitpid(server->pid, NULL, WNOHANG) == server->pid;
    else
        *was_gone = !read_pid_file(server, &file);
    if (!*was_gone)
        return BW_ERR_OK;
    server->is_child = server->is_adopted = false;
    server->pid = 0;
    enum bw_err err = start_or_adopt(server, error);
    if (err && server->is_child) { /* it is there, but does not answer: the next call begins anew */
        kill(server->pid, SIGQUIT);
        waitpid(server->pid, NULL, 0);
        server->is_child = false;
        server->pid = 0;
    }
    return err;
}

/* The server removes its pid file last. */
static enum bw_err stop_server(struct bw_pgserver *server, struct bw_error *error)
{
    int64_t deadline = now_ms() + STOP_TIMEOUT_MS;
    struct pid_file file;
    kill(server->pid, SIGINT); /* "fast": open transactions are rolled back */
    for (;; pause_briefly()) {
        if (server->is_child) {
            if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
                break;
        } else if (!read_pid_file(server, &file)) {
            break;
        }
        if (now_ms() > deadline)
            return bw_fail(error, BW_ERR_TIMEOUT,
                           "the private PostgreSQL (process %ld) did not end within %d s; see %s",
                           (long)server->pid, STOP_TIMEOUT_MS / 1000, server->place.log);
    }
    if (strncmp(server->place.sock, "/tmp/", 5) == 0)
        rmdir(server->place.sock); /* inside the database's folder it may stay */
    return BW_ERR_OK;
}

enum bw_err bw_pgserver_close(struct bw_pgserver *server, bool stop, struct bw_error *error)
{
    enum bw_err err = BW_ERR_OK;
    if (!server)
        return err;
    if (stop && server->pid > 0)
        err = stop_server(server, error);
    bw_pgplace_close(&server->place);
    bw_free(server);
    return err;
}

const char *bw_pgserver_conninfo(const struct bw_pgserver *server)
{
    return server->conninfo;
}

pid_t bw_pgserver_pid(const struct bw_pgserver *server)
{
    return server->pid;
}

bool bw_pgserver_is_adopted(const struct bw_pgserver *server)
{
    return server->is_adopted;
}

bool bw_pgserver_is_new(const struct bw_pgserver *server)
{
    return server->is_new;
}

int bw_pgserver_major(const struct bw_pgserver *server)
{
    return server->programs.major;
}

const char *bw_pgserver_notice(const struct bw_pgserver *server)
{
    return server->place.notice;
}
