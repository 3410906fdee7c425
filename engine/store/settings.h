/* settings.h - which setting of a policy is in force: layers from the firm's own over pack, tenant
 * and customer to contract.
 *
 * Offers:  arguments of a look-up, the resolution, its value for scripts.
 * Relies on: codec/value.h.
 *
 * In one scope, the newest row with valid_from <= the date counts. A narrower scope overrides a
 * wider one (firm < pack < tenant < customer < contract), unless the wider one is locked. A row
 * whose value is null ends the setting of its scope: from its date on the scope says nothing.
 */
#ifndef BW_STORE_SETTINGS_H
#define BW_STORE_SETTINGS_H

#include "base/mem.h"
#include "codec/value.h"
#include "store/store.h"

enum bw_setting_scope {
    BW_SCOPE_FIRM,
    BW_SCOPE_PACK,
    BW_SCOPE_TENANT,
    BW_SCOPE_CUSTOMER,
    BW_SCOPE_CONTRACT,
    BW_SCOPE_COUNT
};
const char *bw_setting_scope_name(enum bw_setting_scope scope);
bool bw_setting_scope_from_name(struct bw_str name, enum bw_setting_scope *scope);

struct bw_setting {
    struct bw_str policy;
    struct bw_str name;
    enum bw_setting_scope scope;
    struct bw_str scope_id;   /* empty for firm, pack and tenant */
    struct bw_str valid_from; /* YYYY-MM-DD */
    struct bw_str value;      /* encoded; null: unset */
    bool is_locked;
    struct bw_str set_by;
    int64_t set_at_us;
};

/* What is asked for: {policy, scopes = {customer = id, contract = id}, on = date}. */
struct bw_settings_query {
    struct bw_str policy;
    struct bw_str on;
    struct bw_str scope_ids[BW_SCOPE_COUNT]; /* empty = the scope does not apply (firm, pack and
                                                tenant always do) */
};
BW_MUST_USE enum bw_err bw_settings_query(struct bw_str args, struct bw_settings_query *query,
                                          struct bw_error *error);
/* Does this row take part? */
bool bw_setting_applies(const struct bw_setting *setting, const struct bw_settings_query *query);

/* Appends {layers = [...], settings = {name = value}}. `rows` hold those that apply, in any order;
 * they are sorted in place. Layers come by name, then from wide to narrow; is_used marks the one
 * whose value counts. */
void bw_settings_resolve(struct bw_setting *rows, size_t count, struct bw_buf *out);

/* The arguments of write "setting". Borrowed from `args`. */
BW_MUST_USE enum bw_err bw_setting_from_args(struct bw_str args, struct bw_setting *setting,
                                             struct bw_error *error);

/* The arguments of write "key". Borrowed from `args`. */
struct bw_signing_key {
    struct bw_str name;
    struct bw_str key; /* 64 hexadecimal digits, lower case */
};
BW_MUST_USE enum bw_err bw_signing_key_from_args(struct bw_str args, struct bw_signing_key *key,
                                                 struct bw_error *error);
/* How the audit record names it: "rounding.unit customer CU-1 2026-10-01". */
struct bw_str bw_setting_subject(struct bw_arena *arena, const struct bw_setting *setting);

/* The arguments of write "series". */
struct bw_series {
    struct bw_str series;
    struct bw_str format;
    struct bw_str reset; /* "year", "year:04" (from April), "month", "never" */
    int64_t next;        /* 0 = not given */
};
BW_MUST_USE enum bw_err bw_series_from_args(struct bw_str args, struct bw_series *series,
                                            struct bw_error *error);
/* Do both dates lie in one stretch of counting: year, financial year, month? */
bool bw_series_is_same_stretch(struct bw_str reset, struct bw_str date, struct bw_str other);
/* The arguments of write "schedule", "schedule_state" and "schedule_delete": which of them is for
 * the caller to know. Borrowed from `args`. */
struct bw_schedule_args {
    struct bw_schedule_row row; /* name, spec, is_paused, next_due_us, wake_at_us, set_by,
                                   set_at_us, shard */
    bool has_due;
    int64_t version; /* expected; 0 = any */
};
BW_MUST_USE enum bw_err bw_schedule_from_args(struct bw_str what, struct bw_id tenant,
                                              struct bw_str args, struct bw_schedule_args *schedule,
                                              struct bw_error *error);
/* Formats a number of a series; false when the format needs a customer and there is none. */
bool bw_series_format(struct bw_str format, struct bw_str reset, int64_t sequence,
                      struct bw_str date, struct bw_str customer, struct bw_buf *out);

#endif
