/* args.h - reading the arguments of a command, with errors that a script's author understands.
 *
 * Offers:  typed members of the argument map: required or optional, with what was found instead.
 * Relies on: codec/value.h.
 */
#ifndef BW_CORE_ARGS_H
#define BW_CORE_ARGS_H

#include "codec/value.h"

BW_MUST_USE enum bw_err bw_args_need_str(const struct bw_value *args, const char *key,
                                         struct bw_str *text,
                                         struct bw_error *error); /* INVALID when absent or empty */
BW_MUST_USE enum bw_err
bw_args_opt_str(const struct bw_value *args, const char *key, struct bw_str *text,
                struct bw_error *error); /* absent: `text` keeps its value */
BW_MUST_USE enum bw_err bw_args_need_int(const struct bw_value *args, const char *key,
                                         int64_t *integer, struct bw_error *error);
BW_MUST_USE enum bw_err bw_args_opt_int(const struct bw_value *args, const char *key,
                                        int64_t *integer, struct bw_error *error);
BW_MUST_USE enum bw_err bw_args_opt_bool(const struct bw_value *args, const char *key,
                                         bool *is_true, struct bw_error *error);
BW_MUST_USE enum bw_err bw_args_need_arr(const struct bw_value *args, const char *key,
                                         struct bw_value *array, struct bw_error *error);

/* "string", "integer", ...: for messages. */
const char *bw_value_tag_name(enum bw_value_tag tag);

/* The map with `key` = integer put in (or replaced). */
void bw_value_put_map_with_int(struct bw_buf *buf, const struct bw_value *map, const char *key,
                               int64_t integer);

#endif
