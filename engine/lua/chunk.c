#include "lua/chunk.h"
#include "base/limits.h"
#include "lua/budget.h"
#include "lua/slim.h"
#include "lua/warm.h"
#include <stdlib.h>

#define COMPILE_BYTES_MAX (64u * 1024u * 1024u)

struct release_file {
    struct bw_str name;
    struct bw_str bytes;
    struct release_file *shared; /* the library's, which has the bytecode; NULL: this one has it */
    struct bw_str bytecode;      /* empty until compiled; heap, owned */
    char *problem;               /* why it does not compile; heap, owned */
};

struct bw_release {
    size_t references;
    struct bw_release *library; /* NULL: none */
    struct bw_warm *warm;
    uint8_t hash[BW_RELEASE_HASH_LEN];
    struct bw_arena arena;      /* names and bytes */
    struct release_file *files; /* sorted by name */
    size_t count;
};

static int compare_files(const void *a, const void *b)
{
    return bw_str_cmp(((const struct release_file *)a)->name,
                      ((const struct release_file *)b)->name);
}

static struct release_file *find(const struct bw_release *release, struct bw_str name)
{
    struct release_file wanted = {.name = name};

    return release->count
               ? bsearch(&wanted, release->files, release->count, sizeof wanted, compare_files)
               : NULL;
}

static struct bw_release *create(const struct bw_release_set *set)
{
    struct bw_release *release = bw_xcalloc(1, sizeof *release);

    release->references = 1;
    memcpy(release->hash, set->hash, sizeof release->hash);
    bw_arena_init(&release->arena);
    release->count = set->count;
    release->files = bw_xcalloc(set->count ? set->count : 1, sizeof *release->files);
    return release;
}

struct bw_release *bw_release_create_over(const struct bw_release_set *set,
                                          struct bw_release *library)
{
    struct bw_release *release = create(set);

    if (library)
        release->library = bw_release_retain(library);
    for (size_t i = 0; i < set->count; i++) {
        struct bw_release_file from = set->files[i];
        struct release_file *file = &release->files[i];
        struct release_file *known = library ? find(library, from.name) : NULL;
        if (known && from.bytes.ptr && known->bytes.ptr == from.bytes.ptr) {
            *file = (struct release_file){.name = known->name, .bytes = known->bytes};
            file->shared = known;
            continue;
        }
        file->name = bw_arena_copy(&release->arena, from.name);
        file->bytes = bw_arena_copy(&release->arena, from.bytes);
    }
    qsort(release->files, release->count, sizeof *release->files, compare_files);
    return release;
}

struct bw_release *bw_release_create(const struct bw_release_set *set)
{
    return bw_release_create_over(set, NULL);
}

/* Names are copied all the same: compiling wants them terminated. */
struct bw_release *bw_release_create_library(const struct bw_release_set *set)
{
    struct bw_release *release = create(set);

    for (size_t i = 0; i < set->count; i++) {
        release->files[i].name = bw_arena_copy(&release->arena, set->files[i].name);
        release->files[i].bytes = set->files[i].bytes;
    }
    qsort(release->files, release->count, sizeof *release->files, compare_files);
    return release;
}

struct bw_release *bw_release_retain(struct bw_release *release)
{
    release->references++;
    return release;
}

void bw_release_drop(struct bw_release *release)
{
    if (!release || --release->references > 0)
        return;
    for (size_t i = 0; i < release->count; i++) {
        bw_free((void *)(uintptr_t)release->files[i].bytecode.ptr);
        bw_free(release->files[i].problem);
    }
    bw_free(release->files);
    bw_arena_deinit(&release->arena);
    bw_release_drop(release->library);
    bw_warm_drop(release->warm);
    bw_free(release);
}

struct bw_warm **bw_release_warm(struct bw_release *release)
{
    return &release->warm;
}

const uint8_t *bw_release_hash(const struct bw_release *release)
{
    return release->hash;
}

bool bw_release_find(const struct bw_release *release, struct bw_str name, struct bw_str *bytes)
{
    const struct release_file *file = find(release, name);

    if (file)
        *bytes = file->bytes;
    return file != NULL;
}

/* --- compiling */

struct compile {
    struct release_file *file;
    struct bw_buf out;
};

static int write_bytecode(lua_State *L, const void *bytes, size_t len, void *ud)
{
    struct bw_buf *out = ud;

    (void)L;
    bw_buf_put(out, bytes, len);
    return out->is_over;
}

static int compile_file(lua_State *L)
{
    struct compile *compile = lua_touserdata(L, 1);
    const char *name =
        lua_pushfstring(L, "=%s", compile->file->name.ptr); /* terminated by the arena */

    if (luaL_loadbufferx(L, compile->file->bytes.ptr, compile->file->bytes.len, name, "t") !=
        LUA_OK)
        return lua_error(L);
    if (lua_dump(L, write_bytecode, &compile->out, 0) != 0)
        return luaL_error(L, "%s: the compiled file is too large", compile->file->name.ptr);
    return 0;
}

/* The standard library goes without the names that only a debugger asks for. */
static void slim(const struct release_file *file, struct bw_buf *bytecode)
{
    struct bw_buf smaller;

    if (!bw_str_starts(file->name, BW_STR("stdlib/")))
        return;
    bw_buf_init(&smaller, COMPILE_BYTES_MAX);
    if (bw_slim(bw_buf_str(bytecode), &smaller)) {
        bw_buf_clear(bytecode);
        bw_buf_put(bytecode, smaller.ptr, smaller.len);
    }
    bw_buf_deinit(&smaller);
}

static void compile(struct release_file *file)
{
    struct bw_budget budget = {.steps_max = UINT64_MAX, .bytes_max = COMPILE_BYTES_MAX};
    struct compile job = {.file = file};
    struct bw_error error;
    lua_State *L;
    int status = LUA_ERRMEM;
    size_t len;

    if (file->bytes.len > BW_LIMIT_SCRIPT_BYTES) {
        (void)bw_fail(&error, BW_ERR_LIMIT, "%s: the file is longer than %u bytes", file->name.ptr,
                      BW_LIMIT_SCRIPT_BYTES);
        file->problem = bw_xstrdup(error.text);
        return;
    }
    bw_buf_init(&job.out, COMPILE_BYTES_MAX);
    L = bw_budget_newstate(&budget);
    if (L) {
        status = bw_lua_protected(L, compile_file, &job, &error);
        bw_budget_close(L);
    } else {
        (void)bw_fail(&error, BW_ERR_MEMORY, "%s: no memory to compile it", file->name.ptr);
    }
    if (status == LUA_OK) {
        slim(file, &job.out);
        file->bytecode.ptr = bw_buf_take(&job.out, &len);
        file->bytecode.len = len;
    } else {
        file->problem = bw_xstrdup(error.text);
    }
    bw_buf_deinit(&job.out);
}

enum bw_err bw_release_compile(struct bw_release *release, struct bw_str name,
                               struct bw_str *bytecode, struct bw_error *error)
{
    struct release_file *file = find(release, name);

    if (!file)
        return bw_fail(error, BW_ERR_NOT_FOUND, "the release has no file \"%.*s\"",
                       BW_STR_ARG(name));
    if (file->shared)
        file = file->shared;
    if (!file->bytecode.ptr && !file->problem)
        compile(file);
    if (file->problem)
        return bw_fail(error, BW_ERR_SCRIPT, "%s", file->problem);
    *bytecode = file->bytecode;
    return BW_ERR_OK;
}

static bool is_lua(struct bw_str name)
{
    return name.len > 4 && memcmp(name.ptr + name.len - 4, ".lua", 4) == 0;
}

bool bw_release_prepare(struct bw_release *release, size_t i)
{
    if (i >= release->count)
        return false;
    struct release_file *file = &release->files[i];
    if (is_lua(file->name) && !file->bytecode.ptr && !file->problem)
        compile(file);
    return true;
}

bool bw_release_push_chunk(lua_State *L, struct bw_release *release, struct bw_str name)
{
    struct bw_str bytecode;
    struct bw_error error;
    enum bw_err err = bw_release_compile(release, name, &bytecode, &error);

    if (err == BW_ERR_NOT_FOUND)
        return false;
    if (err != BW_ERR_OK) {
        lua_pushstring(L, error.text);
        (void)lua_error(L);
    }
    if (luaL_loadbufferx(L, bytecode.ptr, bytecode.len, "=bytecode", "b") != LUA_OK)
        (void)lua_error(L);
    lua_insert(L, -2); /* stack: chunk env */
    if (!lua_setupvalue(L, -2, 1))
        lua_pop(L, 1); /* a chunk without any name has no environment */
    return true;
}
