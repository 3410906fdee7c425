/* archive.h - what is written of runs before they are dropped: one file for each batch.
 *
 * Offers:  writing a file from the store's rows, proving that a file is whole.
 * Relies on: store/store.h, codec/b64.h, codec/crypto.h, edge/api_view.h.
 *
 * A file is JSON lines in UTF-8. The first is {"kind":"billow.archive","version":1,...}, the last
 * {"kind":"end","lines":N,"runs":N,"sha256":H}: N lines stand before it, H is the hash of their
 * bytes. Between them, for each run: one "run", then "turn", "note", "task" and "message" lines.
 * `data` is for reading; `bytes` is base64: of a turn the journal row (codec/wire.h), of the others
 * the encoded row (codec/value.h), from which nothing is lost.
 *
 * The name is that of tenant and first run, so a batch that is archived again after a crash
 * replaces its file. A file is there whole or not at all.
 */
#ifndef BW_EDGE_ARCHIVE_H
#define BW_EDGE_ARCHIVE_H

#include "base/clock.h"
#include "store/store.h"

struct bw_archive_wish {
    struct bw_store *store;
    struct bw_id tenant;
    const struct bw_id *runs; /* copied */
    size_t count;
    const char *dir;     /* is made when it is not there */
    struct bw_str under; /* the decision, in words */
    int64_t at_us;
};
/* `file`: the path; valid during the call. */
typedef void (*bw_archive_fn)(void *ud, const struct bw_error *error, const char *file);
void bw_archive_write(const struct bw_archive_wish *wish, bw_archive_fn done, void *ud);

/* CORRUPT says what is wrong with the file. */
BW_MUST_USE enum bw_err bw_archive_verify(struct bw_str file, int64_t *runs, int64_t *lines,
                                          struct bw_error *error);

#endif
