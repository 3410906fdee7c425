/* http1_chunk.c - see http1_chunk.h. */
#include "codec/http1_chunk.h"

#include "base/assert.h"
#include "codec/b64.h"

#define DIGITS_MAX 16

/* Where the next byte stands. */
enum state {
    AT_SIZE,      /* in the hexadecimal size */
    AT_EXTENSION, /* behind a semicolon, up to CR */
    AT_SIZE_LF,
    AT_BYTES,
    AT_BYTES_CR,
    AT_BYTES_LF,
    AT_LAST_CR, /* behind the size 0: an empty line */
    AT_LAST_LF,
};

static const char malformed[] = "the chunks are malformed";

void bw_chunk_walk_init(struct bw_chunk_walk *walk, size_t extension_bytes_max)
{
    *walk = (struct bw_chunk_walk){.state = AT_SIZE, .extension_bytes_max = extension_bytes_max};
}

/* The step functions say what is wrong, or NULL. */
static const char *step_size(struct bw_chunk_walk *walk, char c)
{
    int digit = bw_hex_digit(c);
    if (digit >= 0) {
        walk->left = walk->left << 4 | (uint64_t)digit;
        return ++walk->digits > DIGITS_MAX ? malformed : NULL;
    }
    if (walk->digits == 0 || (c != '\r' && c != ';'))
        return malformed;
    walk->state = c == ';' ? AT_EXTENSION : AT_SIZE_LF;
    return NULL;
}

static const char *step_extension(struct bw_chunk_walk *walk, char c)
{
    if (c == '\r') {
        walk->state = AT_SIZE_LF;
        return NULL;
    }
    if ((unsigned char)c < 0x20 || c == 0x7F)
        return "a control byte in a chunk extension";
    return ++walk->extension_bytes > walk->extension_bytes_max ? "chunk extensions are too long"
                                                               : NULL;
}

/* Takes the one byte that may stand here. */
static const char *step_exact(struct bw_chunk_walk *walk, char c, char wanted, enum state next)
{
    walk->state = (int)next;
    return c == wanted ? NULL : malformed;
}

static const char *step(struct bw_chunk_walk *walk, char c)
{
    switch ((enum state)walk->state) {
    case AT_SIZE:
        return step_size(walk, c);
    case AT_EXTENSION:
        return step_extension(walk, c);
    case AT_SIZE_LF:
        return step_exact(walk, c, '\n', walk->left > 0 ? AT_BYTES : AT_LAST_CR);
    case AT_BYTES_CR:
        return step_exact(walk, c, '\r', AT_BYTES_LF);
    case AT_BYTES_LF:
        walk->digits = 0;
        return step_exact(walk, c, '\n', AT_SIZE);
    case AT_LAST_CR:
        return step_exact(walk, c, '\r', AT_LAST_LF) ? "trailers are not taken" : NULL;
    case AT_LAST_LF:
        walk->is_end = true;
        return step_exact(walk, c, '\n', AT_LAST_LF);
    case AT_BYTES:
        break;
    }
    BW_UNREACHABLE();
}

size_t bw_chunk_walk_take(struct bw_chunk_walk *walk, struct bw_str bytes, const char **trouble)
{
    size_t at = 0;
    *trouble = NULL;
    while (at < bytes.len && !walk->is_end && !*trouble) {
        if (walk->state != AT_BYTES) {
            *trouble = step(walk, bytes.ptr[at++]);
            continue;
        }
        size_t len = bytes.len - at;
        if (len > walk->left)
            len = (size_t)walk->left;
        at += len;
        walk->left -= len;
        if (walk->left == 0)
            walk->state = AT_BYTES_CR;
    }
    return at;
}
