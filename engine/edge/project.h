/* project.h - releases made of files: the standard library, workflows, policies, and a project's
 * own scripts.
 *
 * Offers:  read the directories into an encoded {files} map, turn such a map into a release set,
 * its hash. Relies on: codec/crypto.h, codec/wire.h.
 */
#ifndef BW_EDGE_PROJECT_H
#define BW_EDGE_PROJECT_H

#include "base/mem.h"
#include "codec/value.h"
#include "codec/wire.h"

/* A tenant's or project's name: 1 to 63 of a-z, 0-9, '-', '_', beginning with a letter or digit. */
BW_MUST_USE enum bw_err bw_project_check_name(struct bw_str name, struct bw_error *error);

/* Reads stdlib/, workflows/, policies/ of `share_dir`, then workflows/, policies/, lib/ of
 * `project_dir` (may be NULL), whose files win. Appends the encoded map {name: text}. Files over
 * the limit, names that are not ASCII: INVALID with the path. */
BW_MUST_USE enum bw_err bw_project_read(const char *share_dir, const char *project_dir,
                                        struct bw_buf *files, struct bw_error *error);
/* An encoded array of the time zones that this machine knows; empty without tzdata. */
void bw_project_zones(struct bw_buf *zones);
/* From an encoded map of files, and an array of time-zone names whose data this machine adds as
 * zoneinfo/<name>, to a release set in `arena`, sorted and hashed. */
BW_MUST_USE enum bw_err bw_project_release(const struct bw_value *files,
                                           const struct bw_value *zones, struct bw_arena *arena,
                                           struct bw_release_set *release, struct bw_error *error);
void bw_project_print_hash(const uint8_t hash[BW_RELEASE_HASH_LEN],
                           char text[static 2 * BW_RELEASE_HASH_LEN + 1]);

#endif
