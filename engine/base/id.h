/* id.h - the 128-bit ids of runs, messages, batches and tenants: UUIDv7 (RFC 9562), time-ordered.
 *
 * Offers:  make, derive (same parts, same id), parse, print.
 * Relies on: base/entropy.h, base/time.h.
 */
#ifndef BW_BASE_ID_H
#define BW_BASE_ID_H

#include "base/entropy.h"
#include "base/str.h"
#include "base/time.h"
#include <stdbool.h>

#define BW_ID_TEXT_LEN 36

struct bw_id {
    uint8_t bytes[16]; /* network order, as PostgreSQL's uuid */
};

struct bw_id bw_id_make(struct bw_stamp now, const struct bw_entropy *entropy);
/* The id of the `seq`-th thing that `parent` makes: the same in every replay, and time-ordered like
 * its parent (the parent's time, then a mix of parent and seq). */
struct bw_id bw_id_derive(struct bw_id parent, uint64_t seq);
/* When it was made, to the millisecond; of a derived one: when the first of its parents was. */
struct bw_stamp bw_id_stamp(struct bw_id id);
bool bw_id_eq(struct bw_id a, struct bw_id b);
int bw_id_cmp(struct bw_id a, struct bw_id b);
bool bw_id_is_zero(struct bw_id id);
uint64_t bw_id_hash(struct bw_id id); /* for hash maps and shards: every bit depends on all bytes */
void bw_id_print(struct bw_id id, char text[static BW_ID_TEXT_LEN + 1]); /* lower case, dashes */
bool bw_id_parse(struct bw_str text, struct bw_id *id);                  /* exactly 36 characters */

#endif
