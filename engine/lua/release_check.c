/* release_check.c - see release_check.h. */
#include "lua/release_check.h"
#include "lua/chunk.h"

static bool is_lua(struct bw_str name)
{
    static const char ending[] = ".lua";
    size_t len = sizeof ending - 1;

    return name.len > len && memcmp(name.ptr + name.len - len, ending, len) == 0;
}

enum bw_err bw_release_check(const struct bw_release_set *set, struct bw_error *error)
{
    struct bw_release *release = bw_release_create(set);
    enum bw_err err = BW_ERR_OK;

    for (size_t i = 0; err == BW_ERR_OK && i < set->count; i++) {
        struct bw_error why = {.code = BW_ERR_OK};
        struct bw_str bytecode;

        if (is_lua(set->files[i].name) &&
            bw_release_compile(release, set->files[i].name, &bytecode, &why) != BW_ERR_OK)
            err = bw_fail(error, BW_ERR_INVALID, "%s", why.text);
    }
    bw_release_drop(release);
    return err;
}
