/* config.c - see config.h. */
#include "edge/config.h"
#include "base/parse.h"
#include "edge/cli.h"
#include "edge/fleet.h"
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static const char *login_name(void)
{
    static char name[128];
    const struct passwd *entry = getpwuid(getuid());
    snprintf(name, sizeof name, "%s", entry ? entry->pw_name : "operator");
    return name;
}

void bw_config_defaults(struct bw_cli *cli)
{
    cli->tenant = env("BILLOW_TENANT");
    cli->dir = env("BILLOW_DIR") ? env("BILLOW_DIR") : ".";
    cli->server = env("BILLOW_SERVER");
    cli->database = env("BILLOW_DATABASE");
    cli->actor = env("BILLOW_USER") ? env("BILLOW_USER") : login_name();
    cli->is_tty = isatty(STDERR_FILENO) == 1;
    cli->has_color = isatty(STDOUT_FILENO) == 1 && !env("NO_COLOR");
}

/* The directory of the running binary, without a slash at the end; empty when /proc does not tell.
 */
static const char *binary_dir(void)
{
    static char dir[PATH_MAX];
    if (dir[0])
        return dir;
    ssize_t len = readlink("/proc/self/exe", dir, sizeof dir - 1);
    if (len <= 0)
        return "";
    dir[len] = '\0';
    char *slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
    return dir;
}

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* Tries the candidates below the binary's directory; the first whose `probe` exists wins. */
static const char *find_beside(const char *const *candidates, const char *probe, char *found,
                               size_t found_len)
{
    for (size_t i = 0; candidates[i]; i++) {
        char path[PATH_MAX];
        int len = snprintf(path, sizeof path, "%s/%s%s", binary_dir(), candidates[i], probe);
        if (len < 0 || (size_t)len >= sizeof path || !exists(path))
            continue;
        path[(size_t)len - strlen(probe)] = '\0';
        char real[PATH_MAX];
        if (realpath(path, real) && strlen(real) < found_len) {
            snprintf(found, found_len, "%s", real);
            return found;
        }
    }
    return NULL;
}

enum bw_err bw_config_share_dir(const char **dir, struct bw_error *error)
{
    static char found[PATH_MAX];
    static const char *const candidates[] = {"../share/billow", "..",          "../..",
                                             "../../..",        "../../../..", NULL};
    *dir = env("BILLOW_SHARE");
    if (!*dir)
        *dir = find_beside(candidates, "/stdlib/workflow.lua", found, sizeof found);
    if (*dir)
        return BW_ERR_OK;
    return bw_fail(
        error, BW_ERR_NOT_FOUND,
        "the standard library is not where it should be: no share/billow/stdlib beside %s; install "
        "Billow again, or name its share directory in BILLOW_SHARE",
        binary_dir());
}

enum bw_err bw_config_host_path(const char **path, struct bw_error *error)
{
    static char found[PATH_MAX];
    static const char *const candidates[] = {"../libexec/billow-host", "billow-host",
                                             "../bin/billow-host", NULL};
    *path = env("BILLOW_HOST");
    if (!*path)
        *path = find_beside(candidates, "", found, sizeof found);
    if (*path)
        return BW_ERR_OK;
    return bw_fail(
        error, BW_ERR_NOT_FOUND,
        "billow-host, which runs the scripts, is not where it should be: no ../libexec/billow-host "
        "beside %s; install Billow again, or name it in BILLOW_HOST",
        binary_dir());
}

bool bw_config_host_unconfined(void)
{
    const char *value = env("BILLOW_HOST_UNCONFINED");
    return value && strcmp(value, "1") == 0;
}

bool bw_config_read_hosts(const char *text, size_t *count)
{
    int number;
    if (!bw_parse_int(bw_str_of(text), 1, BW_HOSTS_MAX, &number))
        return false;
    *count = (size_t)number;
    return true;
}

enum bw_err bw_config_hosts(size_t *count, struct bw_error *error)
{
    const char *value = env("BILLOW_HOSTS");
    *count = BW_FLEET_HOSTS_DEFAULT;
    if (value && !bw_config_read_hosts(value, count))
        return bw_fail(error, BW_ERR_INVALID, "BILLOW_HOSTS is '%.32s': a number from 1 to %d",
                       value, BW_HOSTS_MAX);
    return BW_ERR_OK;
}

void bw_config_state_path(struct bw_buf *path, const char *dir, const char *name)
{
    bw_buf_printf(path, "%s/.billow/%s", dir ? dir : ".", name);
}

const char *bw_config_pg_bin(void)
{
    return env("BILLOW_PG_BIN");
}
