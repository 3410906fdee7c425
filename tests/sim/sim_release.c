/* sim_release.c - the release that every simulated tenant has: the standard library as it is
 * shipped, without billing, and the workflows of tests/sim/workflows. */
#include "sim.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 256, PATH_LEN = 1024 };

static struct bw_release_file files[FILES_MAX];
static struct bw_release_set release = {.files = files};

static void read_file(const char *path, const char *name)
{
    struct bw_buf buf;
    char chunk[4096];
    size_t len;
    FILE *file = fopen(path, "rb");
    if (!file || release.count == FILES_MAX) {
        fprintf(stderr, "sim: cannot take %s\n", path);
        exit(2);
    }
    bw_buf_init(&buf, 1 << 22);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        bw_buf_put(&buf, chunk, n);
    fclose(file);
    const char *bytes = bw_buf_take(&buf, &len);
    files[release.count].name = bw_str_of(bw_xstrdup(name));
    files[release.count++].bytes = bw_str(bytes, len);
}

static void read_folder(const char *from, const char *name)
{
    char path[2 * PATH_LEN], child[PATH_LEN];
    DIR *dir = opendir(from);
    if (!dir) {
        fprintf(stderr, "sim: cannot open %s (BW_SOURCE_DIR names the sources)\n", from);
        exit(2);
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 4, ".lua") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", from, entry->d_name);
        snprintf(child, sizeof child, "%s/%s", name, entry->d_name);
        read_file(path, child);
    }
    closedir(dir);
}

static int compare(const void *left, const void *right)
{
    return bw_str_cmp(((const struct bw_release_file *)left)->name,
                      ((const struct bw_release_file *)right)->name);
}

const struct bw_release_set *sim_release(void)
{
    static const char *const FOLDERS[][2] = {{"stdlib", "stdlib"},
                                             {"stdlib/schema", "stdlib/schema"},
                                             {"tests/sim/workflows", "workflows"}};
    const char *root = getenv("BW_SOURCE_DIR");
    if (release.count > 0)
        return &release;
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        char path[PATH_LEN];
        snprintf(path, sizeof path, "%s/%s", root ? root : ".", FOLDERS[i][0]);
        read_folder(path, FOLDERS[i][1]);
    }
    qsort(files, release.count, sizeof *files, compare);
    bw_wire_release_hash(files, release.count, release.hash);
    return &release;
}

static void free_str(struct bw_str text)
{
    union {
        const char *from;
        char *to;
    } pointer = {.from = text.ptr};
    bw_free(pointer.to);
}

void sim_release_free(void)
{
    for (size_t i = 0; i < release.count; i++) {
        free_str(files[i].name);
        free_str(files[i].bytes);
    }
    release.count = 0;
}
