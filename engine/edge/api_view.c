/* api_view.c - see api_view.h. */
#include "edge/api_view.h"
#include "codec/date.h"
#include "edge/form.h"
#include "edge/journal_view.h"
#include <string.h>

enum { KEY_BYTES_MAX = 64, JOURNAL_BYTES_MAX = 256 * 1024 * 1024 };

/* "created_at_us" -> "created_at", "due_us" -> "due_at", "at_us" -> "at". False: no instant. */
static bool instant_key(struct bw_str key, char name[static KEY_BYTES_MAX])
{
    static const char ending[] = "_us";
    size_t cut = sizeof ending - 1;
    if (key.len <= cut || key.len > KEY_BYTES_MAX - 4 ||
        memcmp(key.ptr + key.len - cut, ending, cut) != 0)
        return false;
    size_t len = key.len - cut;
    bool has_at = len >= 2 && memcmp(key.ptr + len - 2, "at", 2) == 0 &&
                  (len == 2 || key.ptr[len - 3] == '_');
    memcpy(name, key.ptr, len);
    name[len] = '\0';
    if (!has_at)
        memcpy(name + len, "_at", 4);
    return true;
}

static void put_row(const struct bw_value *row, struct bw_buf *out)
{
    struct bw_form form;
    struct bw_str rest = row->items, key;
    struct bw_value member;
    char name[KEY_BYTES_MAX], text[BW_STAMP_TEXT_MAX];
    bw_form_init(&form);
    while (bw_value_next_pair(&rest, &key, &member)) {
        bool is_instant = instant_key(key, name);
        if (is_instant && member.tag == BW_VALUE_INT &&
            bw_stamp_print((struct bw_stamp){.us = member.integer}, text) > 0) {
            bw_form_put_text(&form, name, text);
            continue;
        }
        if (!is_instant) {
            memcpy(name, key.ptr, key.len < sizeof name ? key.len : sizeof name - 1);
            name[key.len < sizeof name ? key.len : sizeof name - 1] = '\0';
        }
        bw_form_put_value(&form, name, member.encoded);
    }
    bw_buf_put_str(out, bw_form_finish(&form));
    bw_form_deinit(&form);
}

void bw_api_view_rows(struct bw_str value, struct bw_buf *out)
{
    struct bw_value all = bw_value_read(value), row;
    if (all.tag == BW_VALUE_MAP) {
        put_row(&all, out);
        return;
    }
    if (all.tag != BW_VALUE_ARR) {
        bw_buf_put_str(out, value);
        return;
    }
    bw_value_put_arr(out, all.count);
    for (struct bw_str rest = all.items; bw_value_next(&rest, &row);) {
        if (row.tag == BW_VALUE_MAP)
            put_row(&row, out);
        else
            bw_buf_put_str(out, row.encoded);
    }
}

enum bw_err bw_api_view_journal(struct bw_str rows, struct bw_buf *out, struct bw_error *error)
{
    struct bw_buf turns;
    bw_buf_init(&turns, JOURNAL_BYTES_MAX);
    enum bw_err err = bw_journal_view(rows, &turns, error);
    if (!err)
        bw_api_view_rows(bw_buf_str(&turns), out);
    bw_buf_deinit(&turns);
    return err;
}

void bw_api_view_problem(struct bw_buf *out, const struct bw_error *error, int status,
                         const char *allow)
{
    struct bw_form form;
    const char *text = bw_err_text(error->code);
    bw_form_init(&form);
    bw_form_put_text(&form, "allow", allow);
    bw_form_put_text(&form, "code", bw_err_name(error->code));
    bw_form_put_text(&form, "detail", error->text[0] ? error->text : text);
    bw_form_put_int(&form, "status", status);
    bw_form_put_text(&form, "title", text);
    bw_form_put_text(&form, "type", "about:blank");
    bw_buf_put_str(out, bw_form_finish(&form));
    bw_form_deinit(&form);
}
