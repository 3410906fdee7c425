/* project.c - see project.h. */
#include "edge/project.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 2000, FILE_BYTES_MAX = 256 * 1024, ZONES_MAX = 600, NAME_BYTES_MAX = 200 };
static const char ZONEINFO[] = "/usr/share/zoneinfo";

/* Files collected from directories; of equal names the last wins. */
struct collection {
    struct bw_arena arena;
    struct bw_release_file files[FILES_MAX];
    size_t count;
};

static enum bw_err read_file(const char *path, struct bw_arena *arena, struct bw_str *bytes,
                             struct bw_error *error)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return bw_fail(error, BW_ERR_IO, "%s: %s", path, strerror(errno));
    struct bw_buf buf;
    bw_buf_init(&buf, FILE_BYTES_MAX);
    char chunk[16384];
    size_t len;
    while ((len = fread(chunk, 1, sizeof chunk, file)) > 0)
        bw_buf_put(&buf, chunk, len);
    fclose(file);
    enum bw_err err = BW_ERR_OK;
    if (buf.is_over)
        err = bw_fail(error, BW_ERR_INVALID, "%s: a script file has at most %d bytes: split it",
                      path, FILE_BYTES_MAX);
    else
        *bytes = bw_arena_copy(arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    return err;
}

static bool is_plain(const char *name)
{
    for (; *name; name++)
        if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
              (*name >= '0' && *name <= '9') || *name == '-' || *name == '_' || *name == '.'))
            return false;
    return true;
}

static bool is_script(const char *name)
{
    size_t len = strlen(name);
    return (len > 4 && strcmp(name + len - 4, ".lua") == 0) ||
           (len > 5 && strcmp(name + len - 5, ".json") == 0);
}

static enum bw_err add_file(struct collection *all, const char *path, const char *name,
                            struct bw_error *error)
{
    struct bw_str bytes;
    enum bw_err err = read_file(path, &all->arena, &bytes, error);
    if (err)
        return err;
    struct bw_str wanted = bw_str_of(name);
    for (size_t i = 0; i < all->count; i++) {
        if (bw_str_eq(all->files[i].name, wanted)) {
            all->files[i].bytes = bytes;
            return BW_ERR_OK;
        }
    }
    if (all->count == FILES_MAX)
        return bw_fail(error, BW_ERR_LIMIT, "%s: more than %d script files", path, FILES_MAX);
    all->files[all->count++] = (struct bw_release_file){bw_arena_copy(&all->arena, wanted), bytes};
    return BW_ERR_OK;
}

/* Adds the scripts below `dir`/`name` as `name`/...; a directory that is not there holds none. */
static enum bw_err add_dir(struct collection *all, const char *dir, const char *name, int depth,
                           struct bw_error *error)
{
    char path[4096], inner[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    DIR *handle = opendir(path);
    if (!handle)
        return errno == ENOENT ? BW_ERR_OK
                               : bw_fail(error, BW_ERR_IO, "%s: %s", path, strerror(errno));
    enum bw_err err = BW_ERR_OK;
    const struct dirent *item;
    while (!err && (item = readdir(handle)) != NULL) {
        if (item->d_name[0] == '.')
            continue;
        struct stat info;
        int len = snprintf(inner, sizeof inner, "%s/%s", name, item->d_name);
        int path_len = snprintf(path, sizeof path, "%s/%s", dir, inner);
        if (len < 0 || (size_t)len >= sizeof inner || path_len < 0 ||
            (size_t)path_len >= sizeof path)
            err = bw_fail(error, BW_ERR_INVALID, "%s/%.200s: the path is too long", dir, name);
        else if (!is_plain(item->d_name))
            err = bw_fail(error, BW_ERR_INVALID,
                          "%s: names of scripts have letters, digits, '-', '_' and '.' only", path);
        else if (stat(path, &info) != 0)
            err = bw_fail(error, BW_ERR_IO, "%s: %s", path, strerror(errno));
        else if (S_ISDIR(info.st_mode) && depth < 8)
            err = add_dir(all, dir, inner, depth + 1, error);
        else if (S_ISREG(info.st_mode) && is_script(item->d_name))
            err = add_file(all, path, inner, error);
    }
    closedir(handle);
    return err;
}

static int by_name(const void *a, const void *b)
{
    const struct bw_release_file *left = a, *right = b;
    return bw_str_cmp(left->name, right->name);
}

enum bw_err bw_project_read(const char *share_dir, const char *project_dir, struct bw_buf *files,
                            struct bw_error *error)
{
    static const char *const shared[] = {"stdlib", "workflows", "policies"};
    static const char *const own[] = {"workflows", "policies", "lib"};
    struct collection *all = bw_xcalloc(1, sizeof *all);
    bw_arena_init(&all->arena);
    enum bw_err err = BW_ERR_OK;
    for (size_t i = 0; !err && i < sizeof shared / sizeof shared[0]; i++)
        err = add_dir(all, share_dir, shared[i], 0, error);
    for (size_t i = 0; !err && project_dir && i < sizeof own / sizeof own[0]; i++)
        err = add_dir(all, project_dir, own[i], 0, error);
    if (!err) {
        qsort(all->files, all->count, sizeof all->files[0], by_name);
        bw_value_put_map(files, all->count);
        for (size_t i = 0; i < all->count; i++) {
            bw_value_put_key_str(files, all->files[i].name);
            bw_value_put_str(files, all->files[i].bytes);
        }
    }
    bw_arena_deinit(&all->arena);
    bw_free(all);
    return err;
}

enum bw_err bw_project_check_name(struct bw_str name, struct bw_error *error)
{
    bool is_good = name.len >= 1 && name.len <= 63;
    for (size_t i = 0; is_good && i < name.len; i++) {
        char c = name.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        is_good = is_word || (i > 0 && (c == '-' || c == '_'));
    }
    if (is_good)
        return BW_ERR_OK;
    return bw_fail(error, BW_ERR_INVALID,
                   "'%.*s' cannot be a tenant's name: use 1 to 63 of a-z, 0-9, '-' and '_', "
                   "beginning with a letter or "
                   "digit",
                   BW_STR_ARG(name));
}

static bool is_zone_name(struct bw_str zone)
{
    bool is_good = zone.len > 0 && zone.len < 64 && zone.ptr[0] != '/';
    for (size_t i = 0; is_good && i < zone.len; i++) {
        char c = zone.ptr[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '+' || c == '/';
    }
    return is_good;
}

void bw_project_zones(struct bw_buf *zones)
{
    char path[256], line[512], names[ZONES_MAX][64];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/zone1970.tab", ZONEINFO);
    FILE *table = fopen(path, "r");
    while (table && count < ZONES_MAX && fgets(line, sizeof line, table))
        /* Countries, coordinates, the zone, perhaps a comment. */
        if (line[0] != '#' && sscanf(line, "%*s %*s %63s", names[count]) == 1)
            count++;
    if (table)
        fclose(table);
    bw_value_put_arr(zones, count);
    for (size_t i = 0; i < count; i++)
        bw_value_put_text(zones, names[i]);
}

static enum bw_err add_zone(struct bw_str zone, struct bw_arena *arena,
                            struct bw_release_file *file, struct bw_error *error)
{
    char path[256];
    if (!is_zone_name(zone))
        return bw_fail(error, BW_ERR_INVALID,
                       "'%.*s' is not a time zone: write an IANA name such as Europe/Berlin",
                       BW_STR_ARG(zone));
    snprintf(path, sizeof path, "%s/%.*s", ZONEINFO, BW_STR_ARG(zone));
    if (read_file(path, arena, &file->bytes, error))
        return bw_fail(error, BW_ERR_INVALID,
                       "the time zone '%.*s' is not known on this machine: correct the name, or "
                       "install tzdata",
                       BW_STR_ARG(zone));
    snprintf(path, sizeof path, "zoneinfo/%.*s", BW_STR_ARG(zone));
    file->name = bw_arena_copy(arena, bw_str_of(path));
    return BW_ERR_OK;
}

/* "workflows/tm.lua": plain segments, none of them ".." or hidden, and a kind of file we know. */
static bool is_release_name(struct bw_str name)
{
    char text[NAME_BYTES_MAX + 1];
    if (name.len == 0 || name.len > NAME_BYTES_MAX || memchr(name.ptr, '\0', name.len))
        return false;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    if (!is_script(text))
        return false;
    for (char *segment = text, *end; segment; segment = end) {
        end = strchr(segment, '/');
        if (end)
            *end++ = '\0';
        if (!segment[0] || segment[0] == '.' || !is_plain(segment))
            return false;
    }
    return true;
}

enum bw_err bw_project_release(const struct bw_value *files, const struct bw_value *zones,
                               struct bw_arena *arena, struct bw_release_set *release,
                               struct bw_error *error)
{
    if (files->tag != BW_VALUE_MAP || files->count == 0 || files->count > FILES_MAX)
        return bw_fail(error, BW_ERR_INVALID,
                       "a release needs 1 to %d files: {\"files\": {\"workflows/x.lua\": \"...\"}}",
                       FILES_MAX);
    if (zones->count > ZONES_MAX)
        return bw_fail(error, BW_ERR_LIMIT, "a release has at most %d time zones", ZONES_MAX);
    release->files = bw_arena_calloc(arena, files->count + ZONES_MAX, sizeof *release->files);
    release->count = 0;
    struct bw_str rest = files->items, name;
    struct bw_value text, zone;
    while (bw_value_next_pair(&rest, &name, &text)) {
        if (!is_release_name(name))
            return bw_fail(error, BW_ERR_INVALID,
                           "'%.*s' cannot be a file of a release: names look like "
                           "workflows/x.lua or policies/x/settings.json",
                           BW_STR_ARG(name));
        if (text.tag != BW_VALUE_STR)
            return bw_fail(error, BW_ERR_INVALID, "the file %.*s is not a text", BW_STR_ARG(name));
        release->files[release->count++] =
            (struct bw_release_file){bw_arena_copy(arena, name), bw_arena_copy(arena, text.text)};
    }
    rest = zones->tag == BW_VALUE_ARR ? zones->items : BW_STR_NONE;
    while (bw_value_next(&rest, &zone)) {
        enum bw_err err = add_zone(zone.text, arena, &release->files[release->count++], error);
        if (err)
            return err;
    }
    qsort(release->files, release->count, sizeof *release->files, by_name);
    bw_wire_release_hash(release->files, release->count, release->hash);
    return BW_ERR_OK;
}

void bw_project_print_hash(const uint8_t hash[BW_RELEASE_HASH_LEN],
                           char text[static 2 * BW_RELEASE_HASH_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < BW_RELEASE_HASH_LEN; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 15];
    }
    text[(size_t)2 * BW_RELEASE_HASH_LEN] = '\0';
}
