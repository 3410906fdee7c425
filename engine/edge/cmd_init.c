/* cmd_init.c - billow init: a small project that works, from the templates in <share>/init.
 *
 * Writes into a directory that is missing or empty, and nowhere else. In templates, {{share}} is
 * where the standard library lies (for the editor), {{name}} the directory's own name.
 */
#include "edge/cmd.h"
#include "edge/config.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { TEMPLATE_BYTES_MAX = 1024 * 1024 };

/* Dot files have plain names among the templates, where they would be taken for settings of the
 * templates. */
static const struct {
    const char *from;
    const char *to;
} FILES[] = {
    {"README.md", "README.md"},
    {"gitignore", ".gitignore"},
    {"luacheckrc", ".luacheckrc"},
    {"luarc.json", ".luarc.json"},
    {"policies/discount/policy.lua", "policies/discount/policy.lua"},
    {"policies/discount/settings.json", "policies/discount/settings.json"},
    {"spec/hello_spec.lua", "spec/hello_spec.lua"},
    {"workflows/hello.lua", "workflows/hello.lua"},
};
static const char *const DIRS[] = {"", "/workflows", "/policies/discount", "/spec", "/lib"};

static enum bw_err check_empty(const char *dir, struct bw_error *error)
{
    DIR *handle = opendir(dir);
    const struct dirent *item;
    enum bw_err err = BW_ERR_OK;

    if (!handle && errno == ENOENT)
        return BW_ERR_OK;
    if (!handle)
        return bw_fail(error, errno == ENOTDIR ? BW_ERR_CONFLICT : BW_ERR_IO, "%s: %s", dir,
                       strerror(errno));
    while (!err && (item = readdir(handle)) != NULL) {
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
            err = bw_fail(error, BW_ERR_CONFLICT,
                          "%s is not empty (%.100s is there): a project is only written into a new "
                          "or empty directory",
                          dir, item->d_name);
    }
    (void)closedir(handle);
    return err;
}

/* The last part of the path, for the project's name. */
static struct bw_str name_of(const char *dir)
{
    static char real[PATH_MAX];
    const char *slash;

    if (!realpath(dir, real))
        return bw_str_of(dir);
    slash = strrchr(real, '/');
    return bw_str_of(slash && slash[1] ? slash + 1 : real);
}

/* Copies `text` with {{share}} and {{name}} filled in. */
static void fill(struct bw_str text, const char *share, struct bw_str name, struct bw_buf *out)
{
    static const struct bw_str SHARE = {"{{share}}", 9}, NAME = {"{{name}}", 8};

    for (size_t i = 0; i < text.len;) {
        struct bw_str rest = bw_str(text.ptr + i, text.len - i);
        if (bw_str_starts(rest, SHARE)) {
            bw_buf_put_text(out, share);
            i += SHARE.len;
        } else if (bw_str_starts(rest, NAME)) {
            bw_buf_put_str(out, name);
            i += NAME.len;
        } else {
            bw_buf_put_char(out, text.ptr[i++]);
        }
    }
}

static enum bw_err write_file(const char *share, const char *from, const char *dir, const char *to,
                              struct bw_error *error)
{
    struct bw_buf path, text, filled;
    enum bw_err err;

    bw_buf_init(&path, 2 * PATH_MAX);
    bw_buf_init(&text, TEMPLATE_BYTES_MAX);
    bw_buf_init(&filled, TEMPLATE_BYTES_MAX);
    bw_buf_printf(&path, "%s/init/%s", share, from);
    err = bw_cmd_read_file(bw_buf_cstr(&path), &text, error);
    if (!err) {
        fill(bw_buf_str(&text), share, name_of(dir), &filled);
        bw_buf_clear(&path);
        bw_buf_printf(&path, "%s/%s", dir, to);
        err = bw_cmd_write_file(bw_buf_cstr(&path), bw_buf_str(&filled), error);
    }
    bw_buf_deinit(&path);
    bw_buf_deinit(&text);
    bw_buf_deinit(&filled);
    return err;
}

static enum bw_err make_dirs(const char *dir, struct bw_error *error)
{
    enum bw_err err = BW_ERR_OK;

    for (size_t i = 0; !err && i < sizeof DIRS / sizeof DIRS[0]; i++) {
        struct bw_buf path;
        bw_buf_init(&path, 2 * PATH_MAX);
        bw_buf_printf(&path, "%s%s", dir, DIRS[i]);
        err = bw_cmd_make_dir(bw_buf_cstr(&path), error);
        bw_buf_deinit(&path);
    }
    return err;
}

int bw_cmd_init(struct bw_cli *cli)
{
    const char *dir = cli->arguments[0], *share;
    struct bw_error error = {0};
    enum bw_err err = bw_config_share_dir(&share, &error);

    if (!err)
        err = check_empty(dir, &error);
    if (!err)
        err = make_dirs(dir, &error);
    for (size_t i = 0; !err && i < sizeof FILES / sizeof FILES[0]; i++)
        err = write_file(share, FILES[i].from, dir, FILES[i].to, &error);
    if (err)
        return bw_cli_fail(cli, &error);
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
        bw_cli_say(cli, "  %s/%s", dir, FILES[i].to);
    bw_cli_say(cli, "next: billow test %s/spec", dir);
    return BW_EXIT_OK;
}
