/* pgplace.c - see pgplace.h. */
#include "io/pgplace.h"

#include "codec/crypto.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_FILE "/.s.PGSQL.5432"
#define HASH_CHARS                                                                                 \
    12 /* of the state folder's path: enough to tell folders of one machine apart                  \
        */

static enum bw_err fail_path(struct bw_error *error, const char *what, const char *path)
{
    int number = errno;
    enum bw_err code = number == EACCES || number == EPERM ? BW_ERR_FORBIDDEN : BW_ERR_IO;
    const char *hint = number == ENOSPC ? "; free some space and try again" : "";
    return bw_fail(error, code, "cannot %s %s: %s%s", what, path, strerror(number), hint);
}

static enum bw_err join(char path[static BW_PGPLACE_PATH_MAX], const char *dir, const char *name,
                        struct bw_error *error)
{
    int len = snprintf(path, BW_PGPLACE_PATH_MAX, "%s/%s", dir, name);
    if (len < 0 || len >= BW_PGPLACE_PATH_MAX)
        return bw_fail(error, BW_ERR_INVALID, "the path %.100s... is too long", dir);
    return BW_ERR_OK;
}

/* mkdir -p, for folders of our own user. */
static enum bw_err make_folders(const char *path, struct bw_error *error)
{
    char part[BW_PGPLACE_PATH_MAX];
    if (strlen(path) >= sizeof part)
        return bw_fail(error, BW_ERR_INVALID, "the path %.100s... is too long", path);
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return fail_path(error, "make the folder", part);
        *slash = '/';
    }
    if (mkdir(part, 0755) != 0 && errno != EEXIST)
        return fail_path(error, "make the folder", part);
    return BW_ERR_OK;
}

/* Asked of the kernel, with that user's rights: modes, groups, ACLs and mount options all count. */
static bool can_enter(const struct bw_spawn_user *user, const char *path)
{
    if (geteuid() != 0 || user->uid == 0)
        return access(path, X_OK) == 0;
    pid_t child = fork();
    if (child == 0) {
        bool ok = setgroups(1, &user->gid) == 0 &&
                  setresgid(user->gid, user->gid, user->gid) == 0 &&
                  setresuid(user->uid, user->uid, user->uid) == 0 && chdir(path) == 0;
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* A folder of the server's user alone. One that exists is accepted only when it is that already: in
 * shared places like /tmp somebody else may have made it first. */
static enum bw_err make_private(const char *path, const struct bw_spawn_user *user,
                                struct bw_error *error)
{
    struct stat info;
    if (mkdir(path, 0700) == 0) {
        if (geteuid() == 0 && lchown(path, user->uid, user->gid) != 0) {
            int number = errno;
            rmdir(path);
            errno = number;
            return fail_path(error, "give the server's user the folder", path);
        }
        return BW_ERR_OK;
    }
    if (errno != EEXIST)
        return fail_path(error, "make the folder", path);
    if (lstat(path, &info) != 0)
        return fail_path(error, "look at", path);
    if (!S_ISDIR(info.st_mode) || info.st_uid != user->uid || (info.st_mode & 077) != 0)
        return bw_fail(error, BW_ERR_FORBIDDEN,
                       "%s exists and is not a private folder of user %s (owner %u, mode %04o); "
                       "remove it or set "
                       "its owner and mode 0700",
                       path, user->name, (unsigned)info.st_uid, (unsigned)(info.st_mode & 07777));
    return BW_ERR_OK;
}

static void short_name(const char *path, char hash[HASH_CHARS + 1])
{
    char hex[BW_SHA256_HEX_LEN + 1];
    bw_sha256_hex(bw_str_of(path), hex);
    snprintf(hash, HASH_CHARS + 1, "%.*s", HASH_CHARS, hex);
}

/* --- the lock */

static enum bw_err take_lock(const char *state, struct bw_pgplace *place, struct bw_error *error)
{
    char path[BW_PGPLACE_PATH_MAX], pid[32];
    if (join(path, state, "engine.lock", error))
        return BW_ERR_INVALID;
    place->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (place->lock_fd < 0)
        return fail_path(error, "open the lock", path);
    if (flock(place->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t got = pread(place->lock_fd, pid, sizeof pid - 1, 0);
        pid[got > 0 ? got : 0] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
        return bw_fail(
            error, BW_ERR_CONFLICT,
            "another engine (process %s) is using the private database in %s; stop it, or give the "
            "command to it instead of starting a second one",
            pid[0] ? pid : "unknown", state);
    }
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(place->lock_fd, 0) != 0 || pwrite(place->lock_fd, pid, (size_t)len, 0) != len)
        return fail_path(error, "write to", path);
    return BW_ERR_OK;
}

static enum bw_err take_root_lock(struct bw_pgplace *place, struct bw_error *error)
{
    place->root_fd = open(place->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->root_fd < 0)
        return fail_path(error, "open", place->root);
    if (flock(place->root_fd, LOCK_EX | LOCK_NB) != 0)
        return bw_fail(error, BW_ERR_CONFLICT,
                       "another engine is using the private database in %s (through another state "
                       "folder whose pg "
                       "leads there)",
                       place->root);
    return BW_ERR_OK;
}

/* --- the database's folder */

/* Outside of `state`, because the server's user cannot get there. */
static enum bw_err make_elsewhere(const char *state, const char *link, struct bw_pgplace *place,
                                  struct bw_error *error)
{
    char hash[HASH_CHARS + 1], path[BW_PGPLACE_PATH_MAX];
    short_name(state, hash);
    enum bw_err err = make_folders("/var/lib/billow", error);
    if (!err) {
        snprintf(path, sizeof path, "/var/lib/billow/%s", hash);
        err = can_enter(&place->user, "/var/lib/billow") ? make_private(path, &place->user, error)
                                                         : BW_ERR_FORBIDDEN;
    }
    if (err) {
        snprintf(path, sizeof path, "/var/tmp/billow-%u-%s", (unsigned)geteuid(), hash);
        err = make_private(path, &place->user, error);
    }
    if (err)
        return err;
    if (symlink(path, link) != 0)
        return fail_path(error, "make the link", link);
    snprintf(place->root, sizeof place->root, "%s", path);
    return BW_ERR_OK;
}

static enum bw_err make_root(const char *state, const char *link, struct bw_pgplace *place,
                             struct bw_error *error)
{
    enum bw_err err = bw_spawn_server_user(&place->user, error);
    if (err)
        return err;
    if (!can_enter(&place->user, state))
        return make_elsewhere(state, link, place, error);
    if (make_private(link, &place->user, error)) {
        /* A file system that knows no owners, or no such user: the same way out. */
        return geteuid() == 0 ? make_elsewhere(state, link, place, error) : error->code;
    }
    snprintf(place->root, sizeof place->root, "%s", link);
    return BW_ERR_OK;
}

/* An existing folder keeps its owner: the server has to run as whom the files belong to. */
static enum bw_err use_root(const char *link, struct bw_pgplace *place, struct bw_error *error)
{
    struct stat info;
    char root[PATH_MAX];
    if (!realpath(link, root) || strlen(root) >= sizeof place->root)
        return bw_fail(
            error, BW_ERR_NOT_FOUND,
            "%s leads to a folder that is gone or cannot be reached; the database was there. "
            "Put it back, or remove the link to begin with an empty database",
            link);
    memcpy(place->root, root, strlen(root) + 1);
    if (stat(place->root, &info) != 0)
        return fail_path(error, "look at", place->root);
    if (geteuid() != 0 && info.st_uid != geteuid())
        return bw_fail(
            error, BW_ERR_FORBIDDEN,
            "the private database in %s belongs to user %u; run as that user or as root, or choose "
            "another folder",
            place->root, (unsigned)info.st_uid);
    enum bw_err err = bw_spawn_server_user(&place->user, error);
    if (err)
        return err;
    if (geteuid() == 0 && info.st_uid != place->user.uid) {
        if (info.st_uid == 0)
            return bw_fail(
                error, BW_ERR_FORBIDDEN,
                "%s belongs to root, and PostgreSQL refuses to run as root; give it to user %s: "
                "chown -R %s %s",
                place->root, place->user.name, place->user.name, place->root);
        place->user.uid = info.st_uid;
        place->user.gid = info.st_gid;
        snprintf(place->user.name, sizeof place->user.name, "%u", (unsigned)info.st_uid);
    }
    if (!can_enter(&place->user, place->root))
        return bw_fail(error, BW_ERR_FORBIDDEN,
                       "user %s, whom the database's files belong to, cannot reach %s: a folder "
                       "above it is closed "
                       "to that user",
                       place->user.name, place->root);
    return BW_ERR_OK;
}

static enum bw_err set_paths(struct bw_pgplace *place, struct bw_error *error)
{
    if (join(place->data, place->root, "data", error) ||
        join(place->fresh, place->root, "data.new", error) ||
        join(place->log, place->root, "postgres.log", error) ||
        join(place->sock, place->root, "sock", error))
        return BW_ERR_INVALID;
    struct sockaddr_un address;
    if (strlen(place->sock) + strlen(SOCKET_FILE) >= sizeof address.sun_path) {
        char hash[HASH_CHARS + 1];
        short_name(place->root, hash);
        snprintf(place->sock, sizeof place->sock, "/tmp/billow-%s", hash);
    }
    return make_private(place->sock, &place->user, error);
}

static enum bw_err open_place(const char *state_dir, struct bw_pgplace *place,
                              struct bw_error *error)
{
    struct stat info;
    char state[PATH_MAX], link[BW_PGPLACE_PATH_MAX];
    enum bw_err err = make_folders(state_dir, error);
    if (err)
        return err;
    if (!realpath(state_dir, state))
        return fail_path(error, "find the true path of", state_dir);
    err = join(link, state, "pg", error);
    if (err)
        return err;
    err = take_lock(state, place, error);
    if (err)
        return err;
    bool exists = lstat(link, &info) == 0;
    err = exists ? use_root(link, place, error) : make_root(state, link, place, error);
    if (err)
        return err;
    if (strcmp(place->root, link) != 0)
        snprintf(place->notice, sizeof place->notice,
                 "the private database lies in %s, because user %s cannot use %.900s", place->root,
                 place->user.name, state);
    err = take_root_lock(place, error);
    return err ? err : set_paths(place, error);
}

enum bw_err bw_pgplace_open(const char *state_dir, struct bw_pgplace *place, struct bw_error *error)
{
    struct bw_error own;
    if (!error)
        error = &own;
    *place = (struct bw_pgplace){.lock_fd = -1, .root_fd = -1};
    enum bw_err err = open_place(state_dir, place, error);
    if (err)
        bw_pgplace_close(place);
    return err;
}

void bw_pgplace_close(struct bw_pgplace *place)
{
    if (place->root_fd >= 0)
        close(place->root_fd);
    if (place->lock_fd >= 0)
        close(place->lock_fd);
    place->root_fd = -1;
    place->lock_fd = -1;
}
