/* form.h - builds an encoded map from members given in any order.
 *
 * Offers:  put text, integers, booleans, encoded values; finish sorts the keys and writes the map.
 * Relies on: codec/value.h.
 */
#ifndef BW_EDGE_FORM_H
#define BW_EDGE_FORM_H

#include "base/mem.h"
#include "codec/value.h"

#define BW_FORM_MEMBERS_MAX 32

struct bw_form {
    struct bw_str keys[BW_FORM_MEMBERS_MAX];
    struct bw_str values[BW_FORM_MEMBERS_MAX]; /* encoded */
    size_t count;
    struct bw_arena arena;
    struct bw_buf out;
};

void bw_form_init(struct bw_form *form);
void bw_form_deinit(struct bw_form *form);
void bw_form_put_str(struct bw_form *form, const char *key, struct bw_str text);
void bw_form_put_text(struct bw_form *form, const char *key,
                      const char *text); /* NULL: no member */
void bw_form_put_int(struct bw_form *form, const char *key, int64_t value);
void bw_form_put_bool(struct bw_form *form, const char *key, bool value);
void bw_form_put_value(struct bw_form *form, const char *key,
                       struct bw_str encoded); /* copied; empty: no member */
/* The encoded map; valid until deinit. Of equal keys the last wins. */
struct bw_str bw_form_finish(struct bw_form *form);

#endif
