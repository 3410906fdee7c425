/* form.c - see form.h. */
#include "edge/form.h"
#include "base/assert.h"
#include <string.h>

enum { FORM_BYTES_MAX = 64 * 1024 * 1024 };

void bw_form_init(struct bw_form *form)
{
    form->count = 0;
    bw_arena_init(&form->arena);
    bw_buf_init(&form->out, FORM_BYTES_MAX);
}

void bw_form_deinit(struct bw_form *form)
{
    bw_arena_deinit(&form->arena);
    bw_buf_deinit(&form->out);
}

void bw_form_put_value(struct bw_form *form, const char *key, struct bw_str encoded)
{
    if (encoded.len == 0)
        return;
    struct bw_str name = bw_str_of(key);
    size_t at = form->count;
    while (at > 0 && bw_str_cmp(form->keys[at - 1], name) > 0)
        at--;
    if (at > 0 && bw_str_eq(form->keys[at - 1], name)) {
        form->values[at - 1] = bw_arena_copy(&form->arena, encoded);
        return;
    }
    BW_ASSERT(form->count < BW_FORM_MEMBERS_MAX);
    memmove(form->keys + at + 1, form->keys + at, (form->count - at) * sizeof *form->keys);
    memmove(form->values + at + 1, form->values + at, (form->count - at) * sizeof *form->values);
    form->keys[at] = bw_arena_copy(&form->arena, name);
    form->values[at] = bw_arena_copy(&form->arena, encoded);
    form->count++;
}

void bw_form_put_str(struct bw_form *form, const char *key, struct bw_str text)
{
    bw_buf_clear(&form->out);
    bw_value_put_str(&form->out, text);
    bw_form_put_value(form, key, bw_buf_str(&form->out));
}

void bw_form_put_text(struct bw_form *form, const char *key, const char *text)
{
    if (text)
        bw_form_put_str(form, key, bw_str_of(text));
}

void bw_form_put_int(struct bw_form *form, const char *key, int64_t value)
{
    bw_buf_clear(&form->out);
    bw_value_put_int(&form->out, value);
    bw_form_put_value(form, key, bw_buf_str(&form->out));
}

void bw_form_put_bool(struct bw_form *form, const char *key, bool value)
{
    bw_buf_clear(&form->out);
    bw_value_put_bool(&form->out, value);
    bw_form_put_value(form, key, bw_buf_str(&form->out));
}

struct bw_str bw_form_finish(struct bw_form *form)
{
    bw_buf_clear(&form->out);
    bw_value_put_map(&form->out, form->count);
    for (size_t i = 0; i < form->count; i++) {
        bw_value_put_key_str(&form->out, form->keys[i]);
        bw_buf_put_str(&form->out, form->values[i]);
    }
    return bw_buf_str(&form->out);
}
