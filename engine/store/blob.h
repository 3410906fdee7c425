/* blob.h - large values out of the rows that hold them.
 *
 * Offers:  which parts of a value or a journal row are large, the packed form of a cell, and back.
 * Relies on: codec/value.h, codec/wire.h, codec/crypto.h. Pure bytes.
 *
 * A part is large over 32 KiB. What is taken out is the smallest value that is: of {body = [...]}
 * the array, so that the same document is one content wherever it stands: in an event, in the turn
 * that delivered it, in the input of a child.
 *
 * Packed: 0xBD, version 1, then pieces: 0, length (4 bytes, big-endian), bytes; or 1, length, the
 * SHA-256 of the value that stands here. No value and no journal row begins with 0xBD.
 */
#ifndef BW_STORE_BLOB_H
#define BW_STORE_BLOB_H

#include "base/buf.h"
#include "base/mem.h"
#include "codec/crypto.h"

#define BW_BLOB_BYTES_MIN (32u * 1024u) /* a value is large over this */

struct bw_blob {
    uint8_t hash[BW_SHA256_LEN];
    struct bw_str bytes; /* borrowed from the cell */
};

enum bw_blob_cell { BW_BLOB_VALUE, BW_BLOB_TURN };

/* Appends the packed form of a cell over 32 KiB to `out` and the values taken out of it to the list
 * (in the arena). False when there is nothing to take out: the cell is stored as it is. */
BW_MUST_USE bool bw_blob_pack(struct bw_str cell, enum bw_blob_cell kind, struct bw_arena *arena,
                              struct bw_buf *out, struct bw_blob **blobs, size_t *count);
static inline bool bw_blob_is_packed(struct bw_str cell)
{
    return cell.len > 0 && (uint8_t)cell.ptr[0] == 0xBD;
}
/* Gives the bytes of a hash; false: there is none. */
typedef bool (*bw_blob_find_fn)(void *ud, const uint8_t hash[BW_SHA256_LEN], struct bw_str *bytes);
/* Appends the whole cell. CORRUPT when a value is missing or the pieces do not fit. */
BW_MUST_USE enum bw_err bw_blob_unpack(struct bw_str cell, bw_blob_find_fn find, void *ud,
                                       struct bw_buf *out, struct bw_error *error);

#endif
