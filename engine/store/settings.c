/* settings.c - see settings.h. */
#include "store/settings.h"

#include "base/assert.h"
#include "store/rows.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const scope_names[BW_SCOPE_COUNT] = {"firm", "pack", "tenant", "customer",
                                                        "contract"};

const char *bw_setting_scope_name(enum bw_setting_scope scope)
{
    BW_ASSERT(scope < BW_SCOPE_COUNT);
    return scope_names[scope];
}

bool bw_setting_scope_from_name(struct bw_str name, enum bw_setting_scope *scope)
{
    for (unsigned i = 0; i < BW_SCOPE_COUNT; i++) {
        if (bw_str_eq(name, bw_str_of(scope_names[i]))) {
            *scope = (enum bw_setting_scope)i;
            return true;
        }
    }
    return false;
}

enum bw_err bw_settings_query(struct bw_str args, struct bw_settings_query *query,
                              struct bw_error *error)
{
    *query = (struct bw_settings_query){0};
    struct bw_value map = bw_value_read(args);
    query->policy = bw_value_get_str(&map, "policy", BW_STR_NONE);
    query->on = bw_value_get_str(&map, "on", BW_STR_NONE);
    if (!query->policy.len)
        return bw_fail(error, BW_ERR_INVALID, "settings need the name of a policy");
    if (!bw_rows_is_date(query->on))
        return bw_fail(error, BW_ERR_INVALID,
                       "settings need a date (on = \"YYYY-MM-DD\"), not \"%.*s\"",
                       BW_STR_ARG(query->on));
    struct bw_value scopes = bw_value_get(&map, "scopes");
    struct bw_str rest = scopes.items;
    struct bw_str key;
    struct bw_value id;
    while (scopes.tag == BW_VALUE_MAP && bw_value_next_pair(&rest, &key, &id)) {
        enum bw_setting_scope scope;
        if (!bw_setting_scope_from_name(key, &scope) || scope < BW_SCOPE_CUSTOMER)
            return bw_fail(error, BW_ERR_INVALID,
                           "settings have no scope \"%.*s\": use customer, contract",
                           BW_STR_ARG(key));
        if (id.tag == BW_VALUE_STR)
            query->scope_ids[scope] = id.text;
        else if (id.tag != BW_VALUE_NIL && id.tag != BW_VALUE_NULL)
            return bw_fail(error, BW_ERR_INVALID, "the %.*s of settings has to be an id (a string)",
                           BW_STR_ARG(key));
    }
    return BW_ERR_OK;
}

bool bw_setting_applies(const struct bw_setting *setting, const struct bw_settings_query *query)
{
    if (!bw_str_eq(setting->policy, query->policy) ||
        bw_str_cmp(setting->valid_from, query->on) > 0)
        return false;
    if (setting->scope < BW_SCOPE_CUSTOMER)
        return true;
    struct bw_str id = query->scope_ids[setting->scope];
    return id.len > 0 && bw_str_eq(setting->scope_id, id);
}

/* By name, then from wide to narrow, then the newest first. */
static int setting_order(const void *left, const void *right)
{
    const struct bw_setting *a = left;
    const struct bw_setting *b = right;
    int order = bw_str_cmp(a->name, b->name);
    if (order == 0)
        order = (int)a->scope - (int)b->scope;
    return order ? order : bw_str_cmp(b->valid_from, a->valid_from);
}

static void put_layer(struct bw_buf *out, const struct bw_setting *row, bool is_used)
{
    bw_value_put_map(out, 9);
    bw_value_put_key(out, "is_locked");
    bw_value_put_bool(out, row->is_locked);
    bw_value_put_key(out, "is_used");
    bw_value_put_bool(out, is_used);
    bw_value_put_key(out, "name");
    bw_value_put_str(out, row->name);
    bw_value_put_key(out, "scope_id");
    bw_value_put_str(out, row->scope_id);
    bw_value_put_key(out, "scope_type");
    bw_value_put_text(out, scope_names[row->scope]);
    bw_value_put_key(out, "set_at_us");
    bw_value_put_int(out, row->set_at_us);
    bw_value_put_key(out, "set_by");
    bw_value_put_str(out, row->set_by);
    bw_value_put_key(out, "valid_from");
    bw_value_put_str(out, row->valid_from);
    bw_value_put_key(out, "value");
    bw_buf_put_str(out, row->value);
}

static bool is_unset(const struct bw_setting *row)
{
    enum bw_value_tag tag = bw_value_read(row->value).tag;
    return tag == BW_VALUE_NULL || tag == BW_VALUE_NIL;
}

/* Of sorted rows: keeps the newest one of each name and scope, unless it says that the scope has no
 * setting any more. */
static size_t keep_newest(struct bw_setting *rows, size_t count)
{
    size_t kept = 0;
    enum bw_setting_scope scope = BW_SCOPE_COUNT; /* of the row before, kept or not */
    struct bw_str name = BW_STR_NONE;
    for (size_t i = 0; i < count; i++) {
        bool is_older = rows[i].scope == scope && bw_str_eq(name, rows[i].name);
        scope = rows[i].scope;
        name = rows[i].name;
        if (!is_older && !is_unset(&rows[i]))
            rows[kept++] = rows[i];
    }
    return kept;
}

/* Of the layers of one name, [from, to): the one that counts. */
static size_t pick(const struct bw_setting *rows, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (rows[i].is_locked)
            return i;
    }
    return to - 1;
}

void bw_settings_resolve(struct bw_setting *rows, size_t count, struct bw_buf *out)
{
    if (count > 0)
        qsort(rows, count, sizeof *rows, setting_order);
    count = keep_newest(rows, count);
    size_t names = 0;
    for (size_t i = 0; i < count; i++)
        names += i == 0 || !bw_str_eq(rows[i - 1].name, rows[i].name);

    bw_value_put_map(out, 2);
    bw_value_put_key(out, "layers");
    bw_value_put_arr(out, count);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && bw_str_eq(rows[from].name, rows[to].name);)
            to++;
        size_t used = pick(rows, from, to);
        for (size_t i = from; i < to; i++)
            put_layer(out, &rows[i], i == used);
    }
    bw_value_put_key(out, "settings");
    bw_value_put_map(out, names);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && bw_str_eq(rows[from].name, rows[to].name);)
            to++;
        bw_value_put_key_str(out, rows[from].name);
        bw_buf_put_str(out, rows[pick(rows, from, to)].value);
    }
}

enum bw_err bw_setting_from_args(struct bw_str args, struct bw_setting *setting,
                                 struct bw_error *error)
{
    *setting = (struct bw_setting){0};
    struct bw_value map = bw_value_read(args);
    setting->policy = bw_value_get_str(&map, "policy", BW_STR_NONE);
    setting->name = bw_value_get_str(&map, "name", BW_STR_NONE);
    setting->scope_id = bw_value_get_str(&map, "scope_id", BW_STR_NONE);
    setting->valid_from = bw_value_get_str(&map, "valid_from", BW_STR_NONE);
    setting->value = bw_value_get(&map, "value").encoded;
    setting->is_locked = bw_value_get_bool(&map, "locked", false);
    setting->set_by = bw_value_get_str(&map, "set_by", BW_STR_NONE);
    setting->set_at_us = bw_value_get_int(&map, "at_us", 0);
    struct bw_str scope = bw_value_get_str(&map, "scope_type", BW_STR_NONE);
    if (!setting->policy.len || !setting->name.len || !setting->value.len)
        return bw_fail(error, BW_ERR_INVALID, "a setting needs policy, name and value");
    if (!bw_setting_scope_from_name(scope, &setting->scope))
        return bw_fail(error, BW_ERR_INVALID,
                       "a setting's scope_type is firm, pack, tenant, customer or contract, not "
                       "\"%.*s\"",
                       BW_STR_ARG(scope));
    if ((setting->scope >= BW_SCOPE_CUSTOMER) != (setting->scope_id.len > 0))
        return bw_fail(
            error, BW_ERR_INVALID,
            "a setting has a scope_id exactly when its scope_type is customer or contract");
    if (!bw_rows_is_date(setting->valid_from))
        return bw_fail(error, BW_ERR_INVALID, "valid_from has to be a date, YYYY-MM-DD");
    return BW_ERR_OK;
}

enum bw_err bw_signing_key_from_args(struct bw_str args, struct bw_signing_key *key,
                                     struct bw_error *error)
{
    struct bw_value map = bw_value_read(args);
    key->name = bw_value_get_str(&map, "name", BW_STR_NONE);
    key->key = bw_value_get_str(&map, "key", BW_STR_NONE);
    bool is_hex = key->key.len == 64;
    for (size_t i = 0; is_hex && i < key->key.len; i++) {
        char c = key->key.ptr[i];
        is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    if (!key->name.len || key->name.len > 100)
        return bw_fail(error, BW_ERR_INVALID, "a signing key has a name of 1 to 100 bytes");
    if (!is_hex)
        return bw_fail(error, BW_ERR_INVALID, "a signing key is 64 hexadecimal digits");
    return BW_ERR_OK;
}

/* --- Number series --------------------------------------------------------------------------- */

#define SEQ_OPEN "{SEQ:"

/* Finds {SEQ:n}; `digits` is n. */
static bool find_sequence(struct bw_str format, size_t *from, size_t *to, int *digits)
{
    size_t open = sizeof SEQ_OPEN - 1;
    for (size_t i = 0; i + open < format.len; i++) {
        if (memcmp(format.ptr + i, SEQ_OPEN, open) != 0)
            continue;
        size_t at = i + open;
        int number = 0;
        while (at < format.len && format.ptr[at] >= '0' && format.ptr[at] <= '9' && number < 100)
            number = number * 10 + (format.ptr[at++] - '0');
        if (number < 1 || number > 99 || at >= format.len || format.ptr[at] != '}')
            return false;
        *from = i;
        *to = at + 1;
        *digits = number;
        return true;
    }
    return false;
}

/* The month in which the year of "year:04" begins; 1 for calendar years. */
static int year_start(struct bw_str reset)
{
    if (reset.len != 7 || !bw_str_starts(reset, BW_STR("year:")))
        return 1;
    return (reset.ptr[5] - '0') * 10 + (reset.ptr[6] - '0');
}

static bool is_reset(struct bw_str reset)
{
    if (bw_str_eq(reset, BW_STR("year")) || bw_str_eq(reset, BW_STR("month")) ||
        bw_str_eq(reset, BW_STR("never")))
        return true;
    int month = year_start(reset);
    return month >= 2 && month <= 12 && reset.ptr[5] <= '1' && reset.ptr[6] >= '0' &&
           reset.ptr[6] <= '9';
}

static int two_digits(const char *text)
{
    return (text[0] - '0') * 10 + (text[1] - '0');
}

/* The year in which the financial year of a date begins. */
static int financial_year(struct bw_str reset, struct bw_str date)
{
    int year = two_digits(date.ptr) * 100 + two_digits(date.ptr + 2);
    return two_digits(date.ptr + 5) < year_start(reset) ? year - 1 : year;
}

bool bw_series_is_same_stretch(struct bw_str reset, struct bw_str date, struct bw_str other)
{
    if (bw_str_eq(reset, BW_STR("never")))
        return true;
    if (bw_str_eq(reset, BW_STR("month")))
        return memcmp(date.ptr, other.ptr, 7) == 0;
    return financial_year(reset, date) == financial_year(reset, other);
}

struct bw_str bw_setting_subject(struct bw_arena *arena, const struct bw_setting *setting)
{
    struct bw_buf text;
    bw_buf_init(&text, 4096);
    bw_buf_printf(&text, "%.*s.%.*s %s%s%.*s %.*s", BW_STR_ARG(setting->policy),
                  BW_STR_ARG(setting->name), bw_setting_scope_name(setting->scope),
                  setting->scope_id.len ? " " : "", BW_STR_ARG(setting->scope_id),
                  BW_STR_ARG(setting->valid_from));
    struct bw_str copy = bw_arena_copy(arena, bw_buf_str(&text));
    bw_buf_deinit(&text);
    return copy;
}

enum bw_err bw_series_from_args(struct bw_str args, struct bw_series *series,
                                struct bw_error *error)
{
    struct bw_value map = bw_value_read(args);
    series->series = bw_value_get_str(&map, "series", BW_STR_NONE);
    series->format = bw_value_get_str(&map, "format", BW_STR_NONE);
    series->reset = bw_value_get_str(&map, "reset", BW_STR("never"));
    series->next = bw_value_get_int(&map, "next", 0);
    size_t from;
    size_t to;
    int digits;
    if (!series->series.len)
        return bw_fail(error, BW_ERR_INVALID, "a number series needs a name (series)");
    if (!find_sequence(series->format, &from, &to, &digits))
        return bw_fail(error, BW_ERR_INVALID,
                       "the format of series %.*s needs {SEQ:n}, for example INV-{YYYY}-{SEQ:5}",
                       BW_STR_ARG(series->series));
    if (!is_reset(series->reset))
        return bw_fail(
            error, BW_ERR_INVALID,
            "reset of series %.*s has to be year, year:MM (MM 02 to 12, the month in which "
            "the financial year begins), month or never",
            BW_STR_ARG(series->series));
    if (series->next < 0)
        return bw_fail(error, BW_ERR_INVALID, "next of series %.*s has to be 1 or more",
                       BW_STR_ARG(series->series));
    return BW_ERR_OK;
}

enum bw_err bw_schedule_from_args(struct bw_str what, struct bw_id tenant, struct bw_str args,
                                  struct bw_schedule_args *schedule, struct bw_error *error)
{
    struct bw_value map = bw_value_read(args);
    struct bw_schedule_row *row = &schedule->row;
    uint32_t hash = 2166136261u; /* FNV-1a: the shard has only to be spread and to stay */
    *row = (struct bw_schedule_row){.tenant = tenant,
                                    .name = bw_value_get_str(&map, "name", BW_STR_NONE),
                                    .is_paused = bw_value_get_bool(&map, "is_paused", false),
                                    .next_due_us = bw_value_get_int(&map, "next_due_us", 0),
                                    .wake_at_us = bw_value_get_int(&map, "wake_at_us", 0),
                                    .spec = bw_value_get(&map, "spec").encoded,
                                    .set_by = bw_value_get_str(&map, "set_by", BW_STR("unknown")),
                                    .set_at_us = bw_value_get_int(&map, "at_us", 0)};
    schedule->version = bw_value_get_int(&map, "version", 0);
    schedule->has_due = bw_value_get(&map, "next_due_us").tag == BW_VALUE_INT;
    for (size_t i = 0; i < row->name.len; i++)
        hash = (hash ^ (uint8_t)row->name.ptr[i]) * 16777619u;
    row->shard = (uint32_t)((hash ^ bw_id_hash(tenant)) % BW_SHARD_COUNT);
    if (!row->name.len || row->name.len > 100)
        return bw_fail(error, BW_ERR_INVALID, "a schedule needs a name of 1 to 100 bytes");
    if (bw_str_eq(what, BW_STR("schedule")) && !row->spec.len)
        return bw_fail(error, BW_ERR_INVALID, "schedule %.*s says nothing (spec)",
                       BW_STR_ARG(row->name));
    return BW_ERR_OK;
}

/* The text of the placeholder at the start of `format`; its length, or 0 when there is none. */
static size_t put_placeholder(struct bw_str format, struct bw_str reset, struct bw_str date,
                              struct bw_str customer, bool *has_all, struct bw_buf *out)
{
    char fy[8];
    int year = financial_year(reset, date);
    if (year_start(reset) > 1)
        snprintf(fy, sizeof fy, "%02d-%02d", year % 100, (year + 1) % 100);
    else
        snprintf(fy, sizeof fy, "%02d", year % 100);
    const struct {
        struct bw_str name;
        struct bw_str text;
    } table[] = {{BW_STR("{YYYY}"), bw_str(date.ptr, 4)},
                 {BW_STR("{YY}"), bw_str(date.ptr + 2, 2)},
                 {BW_STR("{MM}"), bw_str(date.ptr + 5, 2)},
                 {BW_STR("{FY}"), bw_str_of(fy)},
                 {BW_STR("{CUSTOMER}"), customer}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!bw_str_starts(format, table[i].name))
            continue;
        bw_buf_put_str(out, table[i].text);
        *has_all = *has_all && table[i].text.len > 0;
        return table[i].name.len;
    }
    return 0;
}

bool bw_series_format(struct bw_str format, struct bw_str reset, int64_t sequence,
                      struct bw_str date, struct bw_str customer, struct bw_buf *out)
{
    size_t from = 0;
    size_t to = 0;
    int digits = 0;
    bool has_sequence = find_sequence(format, &from, &to, &digits);
    BW_ASSERT(has_sequence);
    bool has_all = true;
    for (size_t i = 0; i < format.len;) {
        if (i == from) {
            bw_buf_printf(out, "%0*lld", digits, (long long)sequence);
            i = to;
            continue;
        }
        size_t len = put_placeholder(bw_str(format.ptr + i, format.len - i), reset, date, customer,
                                     &has_all, out);
        if (len == 0)
            bw_buf_put_char(out, format.ptr[i]);
        i += len ? len : 1;
    }
    return has_all;
}
