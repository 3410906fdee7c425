/* json.c - the pull decoder. A small state (`expects`) and one bit per open level replace
 * recursion. */
#include "codec/json.h"

#include "base/assert.h"
#include "codec/utf8.h"

enum expects {
    EXPECTS_VALUE,        /* at the start, behind a comma of an array, behind a colon */
    EXPECTS_VALUE_OR_END, /* behind [ */
    EXPECTS_KEY,          /* behind a comma of an object */
    EXPECTS_KEY_OR_END,   /* behind { */
    EXPECTS_COMMA_OR_END, /* behind an item */
    EXPECTS_NOTHING,      /* the value is whole */
    EXPECTS_FAILED,
};

_Static_assert(BW_JSON_DEPTH_MAX <= 64, "one bit of is_object per level");

void bw_json_reader_init(struct bw_json_reader *reader, struct bw_str source,
                         struct bw_error *error)
{
    *reader = (struct bw_json_reader){.source = source, .error = error, .expects = EXPECTS_VALUE};
    bw_buf_init(&reader->scratch, source.len + 1);
}

void bw_json_reader_deinit(struct bw_json_reader *reader)
{
    bw_buf_deinit(&reader->scratch);
}

enum bw_err bw_json_fail_at(struct bw_json_reader *reader, size_t offset, const char *what)
{
    reader->expects = EXPECTS_FAILED;
    return bw_fail(reader->error, BW_ERR_INVALID, "JSON: %s at byte offset %zu", what, offset);
}

static enum bw_json_token bad(struct bw_json_reader *reader, size_t offset, const char *what)
{
    (void)bw_json_fail_at(reader, offset, what);
    return BW_JSON_BAD;
}

/* The byte `ahead` of the next one, or -1 behind the end. */
static int peek(const struct bw_json_reader *reader, size_t ahead)
{
    if (reader->source.len - reader->at <= ahead)
        return -1;
    return (unsigned char)reader->source.ptr[reader->at + ahead];
}

static void skip_space(struct bw_json_reader *reader)
{
    for (;;) {
        int c = peek(reader, 0);
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return;
        reader->at++;
    }
}

/* --- strings ------------------------------------------------------------------------------ */

/* Four hexadecimal digits at `at`; -1 when they are not. */
static int32_t hex4(const struct bw_json_reader *reader, size_t at)
{
    int32_t unit = 0;
    if (reader->source.len - at < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        char c = reader->source.ptr[at + i];
        int32_t digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            digit = c - 'A' + 10;
        else
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* `reader->at` is behind "\u". */
static bool take_unicode_escape(struct bw_json_reader *reader)
{
    size_t escape_at = reader->at - 2;
    int32_t unit = hex4(reader, reader->at);
    if (unit < 0) {
        bad(reader, escape_at, "\\u without four hexadecimal digits");
        return false;
    }
    reader->at += 4;
    uint32_t code_point = (uint32_t)unit;
    if (code_point >= 0xD800 && code_point <= 0xDBFF && peek(reader, 0) == '\\' &&
        peek(reader, 1) == 'u') {
        int32_t low = hex4(reader, reader->at + 2);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            code_point = 0x10000 + ((code_point - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
            reader->at += 6;
        }
    }
    if (code_point >= 0xD800 && code_point <= 0xDFFF) {
        bad(reader, escape_at, "lone surrogate in a \\u escape");
        return false;
    }
    if (code_point == 0) {
        bad(reader, escape_at, "\\u0000 is not accepted");
        return false;
    }
    bw_utf8_put(&reader->scratch, code_point);
    return true;
}

/* `reader->at` is on the backslash. */
static bool take_escape(struct bw_json_reader *reader)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    int c = peek(reader, 1);
    reader->at += 2;
    if (c == 'u')
        return take_unicode_escape(reader);
    const char *found = c > 0 ? strchr(escapes, c) : NULL;
    if (!found) {
        bad(reader, reader->at - 2, "unknown escape");
        return false;
    }
    bw_buf_put_char(&reader->scratch, meanings[found - escapes]);
    return true;
}

/* Takes a string whose opening quote is at `reader->at`. Without escapes the text borrows from the
 * source. */
static bool take_string(struct bw_json_reader *reader)
{
    size_t opened_at = reader->at++;
    size_t plain_at = reader->at; /* start of bytes not yet copied */
    bw_buf_clear(&reader->scratch);
    for (;;) {
        int c = peek(reader, 0);
        if (c < 0) {
            bad(reader, opened_at, "string without its closing quote, opened");
            return false;
        }
        if (c == '"')
            break;
        if (c < 0x20) {
            bad(reader, reader->at, "control byte in a string");
            return false;
        }
        if (c == '\\') {
            bw_buf_put(&reader->scratch, reader->source.ptr + plain_at, reader->at - plain_at);
            if (!take_escape(reader))
                return false;
            plain_at = reader->at;
        } else if (c < 0x80) {
            reader->at++;
        } else {
            struct bw_str rest = {reader->source.ptr + reader->at, reader->source.len - reader->at};
            if (bw_utf8_take(&rest) == BW_UTF8_BAD) {
                bad(reader, reader->at, "not UTF-8");
                return false;
            }
            reader->at = reader->source.len - rest.len;
        }
    }
    struct bw_str plain = {reader->source.ptr + plain_at, reader->at - plain_at};
    reader->at++;
    if (plain_at == opened_at + 1) {
        reader->text = plain;
    } else {
        bw_buf_put_str(&reader->scratch, plain);
        BW_ASSERT(
            !reader->scratch.is_over); /* an escape is never shorter than what it stands for */
        reader->text = bw_buf_str(&reader->scratch);
    }
    return true;
}

/* --- numbers and words -------------------------------------------------------------------- */

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static void take_digits(struct bw_json_reader *reader)
{
    while (is_digit(peek(reader, 0)))
        reader->at++;
}

static bool take_number(struct bw_json_reader *reader)
{
    size_t start = reader->at;
    if (peek(reader, 0) == '-')
        reader->at++;
    if (!is_digit(peek(reader, 0))) {
        bad(reader, start, "a minus sign needs a digit behind it");
        return false;
    }
    if (peek(reader, 0) == '0' && is_digit(peek(reader, 1))) {
        bad(reader, start, "number with a leading zero");
        return false;
    }
    take_digits(reader);
    if (peek(reader, 0) == '.') {
        reader->at++;
        if (!is_digit(peek(reader, 0))) {
            bad(reader, start, "number without a digit behind its point");
            return false;
        }
        take_digits(reader);
    }
    if (peek(reader, 0) == 'e' || peek(reader, 0) == 'E') {
        reader->at++;
        if (peek(reader, 0) == '+' || peek(reader, 0) == '-')
            reader->at++;
        if (!is_digit(peek(reader, 0))) {
            bad(reader, start, "number without a digit in its exponent");
            return false;
        }
        take_digits(reader);
    }
    reader->text = bw_str(reader->source.ptr + start, reader->at - start);
    return true;
}

static bool take_word(struct bw_json_reader *reader, struct bw_str word)
{
    struct bw_str rest = {reader->source.ptr + reader->at, reader->source.len - reader->at};
    if (!bw_str_starts(rest, word))
        return false;
    reader->at += word.len;
    return true;
}

/* --- structure ---------------------------------------------------------------------------- */

static bool in_object(const struct bw_json_reader *reader)
{
    return reader->depth > 0 && (reader->is_object >> (reader->depth - 1) & 1) != 0;
}

static void value_ended(struct bw_json_reader *reader)
{
    reader->expects = reader->depth > 0 ? EXPECTS_COMMA_OR_END : EXPECTS_NOTHING;
}

static enum bw_json_token open_level(struct bw_json_reader *reader, bool is_object)
{
    if (reader->depth == BW_JSON_DEPTH_MAX)
        return bad(reader, reader->at, "nested deeper than 64 levels");
    uint64_t bit = UINT64_C(1) << reader->depth;
    reader->is_object = is_object ? reader->is_object | bit : reader->is_object & ~bit;
    reader->depth++;
    reader->at++;
    reader->expects = is_object ? EXPECTS_KEY_OR_END : EXPECTS_VALUE_OR_END;
    return is_object ? BW_JSON_OBJ_BEGIN : BW_JSON_ARR_BEGIN;
}

static enum bw_json_token close_level(struct bw_json_reader *reader)
{
    bool is_object = in_object(reader);
    reader->depth--;
    reader->at++;
    value_ended(reader);
    return is_object ? BW_JSON_OBJ_END : BW_JSON_ARR_END;
}

static enum bw_json_token take_value(struct bw_json_reader *reader)
{
    int c = peek(reader, 0);
    enum bw_json_token token;
    if (c == '{' || c == '[')
        return open_level(reader, c == '{');
    if (c == '"') {
        token = take_string(reader) ? BW_JSON_STRING : BW_JSON_BAD;
    } else if (c == '-' || is_digit(c)) {
        token = take_number(reader) ? BW_JSON_NUMBER : BW_JSON_BAD;
    } else if (take_word(reader, BW_STR("null"))) {
        token = BW_JSON_NULL;
    } else if (take_word(reader, BW_STR("true"))) {
        token = BW_JSON_TRUE;
    } else if (take_word(reader, BW_STR("false"))) {
        token = BW_JSON_FALSE;
    } else {
        return bad(reader, reader->at, c < 0 ? "a value is missing" : "not a value");
    }
    if (token != BW_JSON_BAD)
        value_ended(reader);
    return token;
}

static enum bw_json_token take_key(struct bw_json_reader *reader)
{
    if (peek(reader, 0) != '"')
        return bad(reader, reader->at, "a key in quotes is missing");
    if (!take_string(reader))
        return BW_JSON_BAD;
    skip_space(reader);
    if (peek(reader, 0) != ':')
        return bad(reader, reader->at, "a colon is missing");
    reader->at++;
    reader->expects = EXPECTS_VALUE;
    return BW_JSON_KEY;
}

enum bw_json_token bw_json_next(struct bw_json_reader *reader)
{
    reader->text = BW_STR_NONE;
    if (reader->expects == EXPECTS_FAILED)
        return BW_JSON_BAD;
    skip_space(reader);
    int closing = in_object(reader) ? '}' : ']';
    bool may_end = reader->expects == EXPECTS_COMMA_OR_END ||
                   reader->expects == EXPECTS_VALUE_OR_END || reader->expects == EXPECTS_KEY_OR_END;
    if (may_end && peek(reader, 0) == closing) {
        reader->token_at = reader->at;
        return close_level(reader);
    }
    if (reader->expects == EXPECTS_COMMA_OR_END) {
        if (peek(reader, 0) != ',')
            return bad(reader, reader->at, "a comma or the closing bracket is missing");
        reader->at++;
        skip_space(reader);
        reader->expects = in_object(reader) ? EXPECTS_KEY : EXPECTS_VALUE;
    }
    reader->token_at = reader->at;
    if (reader->expects == EXPECTS_NOTHING) {
        if (reader->at < reader->source.len)
            return bad(reader, reader->at, "bytes behind the value");
        return BW_JSON_END;
    }
    if (reader->expects == EXPECTS_KEY || reader->expects == EXPECTS_KEY_OR_END)
        return take_key(reader);
    return take_value(reader);
}

/* --- writing ------------------------------------------------------------------------------ */

static void put_escaped(struct bw_buf *out, uint32_t code_point)
{
    static const char short_forms[] = "\b\t\n\f\r\"\\";
    static const char letters[] = "btnfr\"\\";
    const char *found = strchr(short_forms, (int)code_point);
    if (code_point != 0 && found) {
        bw_buf_put_char(out, '\\');
        bw_buf_put_char(out, letters[found - short_forms]);
    } else {
        bw_buf_printf(out, "\\u%04x", (unsigned)code_point);
    }
}

void bw_json_put_string(struct bw_buf *out, struct bw_str text)
{
    bw_buf_put_char(out, '"');
    struct bw_str rest = text;
    const char *plain = rest.ptr; /* start of bytes not yet copied */
    while (rest.len > 0) {
        const char *at = rest.ptr;
        uint32_t code_point = bw_utf8_take(&rest);
        bool is_bad = code_point == BW_UTF8_BAD;
        if (!is_bad && code_point >= 0x20 && code_point != '"' && code_point != '\\')
            continue;
        bw_buf_put(out, plain, (size_t)(at - plain));
        if (is_bad)
            bw_utf8_put(out, BW_UTF8_REPLACEMENT);
        else
            put_escaped(out, code_point);
        plain = rest.ptr;
    }
    if (text.len > 0)
        bw_buf_put(out, plain, (size_t)(rest.ptr - plain));
    bw_buf_put_char(out, '"');
}
