/* slim.c - see slim.h. A recursive walk over one chunk: what is kept is copied piece by piece, as
 * ldump.c writes it and lundump.c reads it.
 */
#include "lua/slim.h"
#include "lua/guard.h"
#include <string.h>

#define DEPTH_MAX 200 /* of functions in functions: Lua's own compiler goes no deeper */

enum {
    TAG_NIL = 0,
    TAG_FALSE = 1,
    TAG_TRUE = 17,
    TAG_INT = 3,
    TAG_FLT = 19,
    TAG_SHORT = 4,
    TAG_LONG = 20
};

struct walk {
    const char *at, *end;
    struct bw_buf *out;
    bool is_broken;
};

static void skip(struct walk *walk, size_t bytes)
{
    if ((size_t)(walk->end - walk->at) < bytes)
        walk->is_broken = true;
    else
        walk->at += bytes;
}

static void copy(struct walk *walk, size_t bytes)
{
    const char *from = walk->at;

    skip(walk, bytes);
    if (!walk->is_broken)
        bw_buf_put(walk->out, from, bytes);
}

/* Seven bits a byte, the most significant first; the last byte has its eighth bit set. */
static size_t read_size(struct walk *walk)
{
    size_t value = 0;

    while (walk->at < walk->end) {
        unsigned char byte = (unsigned char)*walk->at++;
        if (value > SIZE_MAX >> 7)
            break;
        value = value << 7 | (byte & 0x7f);
        if (byte & 0x80)
            return value;
    }
    walk->is_broken = true;
    return 0;
}

static size_t copy_size(struct walk *walk)
{
    const char *from = walk->at;
    size_t value = read_size(walk);

    if (!walk->is_broken)
        bw_buf_put(walk->out, from, (size_t)(walk->at - from));
    return value;
}

static void put_zero(struct walk *walk)
{
    static const char zero = (char)0x80;

    bw_buf_put(walk->out, &zero, 1);
}

/* A string has its length plus one before it; 0 is no string. */
static void copy_string(struct walk *walk)
{
    size_t size = copy_size(walk);

    if (size > 1)
        copy(walk, size - 1);
}

static void skip_string(struct walk *walk)
{
    size_t size = read_size(walk);

    if (size > 1)
        skip(walk, size - 1);
}

static void copy_constant(struct walk *walk)
{
    unsigned char tag = walk->at < walk->end ? (unsigned char)*walk->at : TAG_NIL;

    copy(walk, 1);
    switch (tag) {
    case TAG_NIL:
    case TAG_FALSE:
    case TAG_TRUE:
        break;
    case TAG_INT:
        copy(walk, sizeof(lua_Integer));
        break;
    case TAG_FLT:
        copy(walk, sizeof(lua_Number));
        break;
    case TAG_SHORT:
    case TAG_LONG:
        copy_string(walk);
        break;
    default:
        walk->is_broken = true;
    }
}

static void copy_lines(struct walk *walk)
{
    copy(walk, copy_size(walk));
    for (size_t n = copy_size(walk); n > 0 && !walk->is_broken; n--) {
        (void)copy_size(walk);
        (void)copy_size(walk);
    }
}

static void drop_names(struct walk *walk)
{
    for (size_t n = read_size(walk); n > 0 && !walk->is_broken; n--) {
        skip_string(walk);
        (void)read_size(walk);
        (void)read_size(walk);
    }
    put_zero(walk);
    for (size_t n = read_size(walk); n > 0 && !walk->is_broken; n--)
        skip_string(walk);
    put_zero(walk);
}

static void copy_function(struct walk *walk, int depth)
{
    if (depth > DEPTH_MAX) {
        walk->is_broken = true;
        return;
    }
    copy_string(walk); /* the file; nothing when it is its parent's */
    (void)copy_size(walk);
    (void)copy_size(walk);
    copy(walk, 3);
    size_t code = copy_size(walk);
    if (code > SIZE_MAX / 4)
        walk->is_broken = true;
    else
        copy(walk, 4 * code);
    for (size_t n = copy_size(walk); n > 0 && !walk->is_broken; n--)
        copy_constant(walk);
    for (size_t n = copy_size(walk); n > 0 && !walk->is_broken; n--)
        copy(walk, 3);
    for (size_t n = copy_size(walk); n > 0 && !walk->is_broken; n--)
        copy_function(walk, depth + 1);
    copy_lines(walk);
    drop_names(walk);
}

bool bw_slim(struct bw_str bytecode, struct bw_buf *out)
{
    /* Signature, version 5.4, format 0, and what shows that numbers are as here. */
    static const char HEADER[] = "\x1bLua\x54\x00\x19\x93\r\n\x1a\n\x04\x08\x08"
                                 "\x78\x56\x00\x00\x00\x00\x00\x00";
    size_t header_len = sizeof HEADER - 1;
    struct walk walk = {.at = bytecode.ptr, .end = bytecode.ptr + bytecode.len, .out = out};

    if (bytecode.len < header_len || memcmp(bytecode.ptr, HEADER, header_len) != 0)
        return false;
    copy(&walk, header_len);
    copy(&walk, sizeof(lua_Number));
    copy(&walk, 1);
    copy_function(&walk, 0);
    return !walk.is_broken && !out->is_over && walk.at == walk.end;
}
