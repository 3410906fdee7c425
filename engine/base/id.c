/* id.c - see id.h. UUIDv7: 48 bits of milliseconds, version 7, 12 random bits, variant, 62 random
 * bits. */
#include "base/id.h"
#include "base/assert.h"

#include <string.h>

/* Spreads every bit of the input over the whole result (the finisher of MurmurHash3). */
static uint64_t mix64(uint64_t value)
{
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    value ^= value >> 33;
    return value;
}

static uint64_t load_u64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void store_u64(uint8_t *bytes, uint64_t value)
{
    for (int i = 7; i >= 0; i--) {
        bytes[i] = (uint8_t)value;
        value >>= 8;
    }
}

/* Sets version and variant over whatever stands there. */
static void id_mark(struct bw_id *id)
{
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | 0x70);
    id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80);
}

struct bw_id bw_id_make(struct bw_stamp now, const struct bw_entropy *entropy)
{
    struct bw_id id;
    BW_ASSERT(now.us >= 0);
    uint64_t ms = (uint64_t)(now.us / BW_US_PER_MS);
    /* RFC 9562, 6.2, method 3: the 12 bits below the milliseconds carry the rest of the time. */
    uint64_t rest = (uint64_t)(now.us % BW_US_PER_MS) * 4096 / 1000;
    store_u64(id.bytes, ms << 16 | rest);
    store_u64(id.bytes + 8, bw_entropy_u64(entropy));
    id_mark(&id);
    return id;
}

struct bw_id bw_id_derive(struct bw_id parent, uint64_t seq)
{
    struct bw_id id;
    uint64_t high = load_u64(parent.bytes);
    uint64_t low = load_u64(parent.bytes + 8);
    uint64_t a = mix64(high ^ mix64(low + UINT64_C(0x9e3779b97f4a7c15)) ^ mix64(seq + 1));
    uint64_t b = mix64(low ^ mix64(a + seq));
    store_u64(id.bytes, (high & ~UINT64_C(0xffff)) | (a >> 52));
    store_u64(id.bytes + 8, b);
    id_mark(&id);
    return id;
}

struct bw_stamp bw_id_stamp(struct bw_id id)
{
    return (struct bw_stamp){(int64_t)(load_u64(id.bytes) >> 16) * BW_US_PER_MS};
}

bool bw_id_eq(struct bw_id a, struct bw_id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

int bw_id_cmp(struct bw_id a, struct bw_id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

bool bw_id_is_zero(struct bw_id id)
{
    return (load_u64(id.bytes) | load_u64(id.bytes + 8)) == 0;
}

uint64_t bw_id_hash(struct bw_id id)
{
    return mix64(load_u64(id.bytes) ^ mix64(load_u64(id.bytes + 8) + UINT64_C(0x9e3779b97f4a7c15)));
}

void bw_id_print(struct bw_id id, char text[static BW_ID_TEXT_LEN + 1])
{
    static const char DIGITS[] = "0123456789abcdef";
    char *at = text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = DIGITS[id.bytes[i] >> 4];
        *at++ = DIGITS[id.bytes[i] & 15];
    }
    *at = '\0';
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

bool bw_id_parse(struct bw_str text, struct bw_id *id)
{
    struct bw_id parsed;
    if (text.len != BW_ID_TEXT_LEN)
        return false;
    const char *at = text.ptr;
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *at++ != '-')
            return false;
        int high = hex_value(at[0]);
        int low = hex_value(at[1]);
        if (high < 0 || low < 0)
            return false;
        parsed.bytes[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    *id = parsed;
    return true;
}
