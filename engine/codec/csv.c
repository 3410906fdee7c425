/* csv.c - a state per byte; fields are collected in one buffer and become slices when the record is
 * whole. */
#include "codec/csv.h"

#include "base/assert.h"
#include "base/mem.h"

enum state {
    AT_RECORD,   /* before the first byte of a line */
    AT_FIELD,    /* behind a separator */
    IN_PLAIN,    /* in an unquoted field */
    IN_QUOTED,   /* behind an opening quote */
    AT_QUOTE,    /* behind a quote in a quoted field: its end, or the first of two */
    AT_CR,       /* behind a CR that ends a record: LF must follow */
    AT_BLANK_CR, /* the same on a line without a byte */
    ENDED,
    FAILED,
};

struct bw_csv_reader {
    struct bw_csv_limits limits;
    enum state state;
    struct bw_str input; /* what is left of the last feed */
    bool is_finished;    /* no more input will come */
    size_t bom_len;  /* bytes of the byte order mark seen so far; 3 once that question is settled */
    uint64_t line;   /* of the next byte */
    uint64_t number; /* of the last record */
    uint64_t quote_line; /* where the last quoted field was opened */
    uint64_t record_line;
    struct bw_buf bytes; /* of all fields of this record, one behind the other */
    size_t *ends;        /* offset behind each finished field */
    struct bw_str *fields;
    size_t count;
    size_t capacity;
    struct bw_error error; /* of FAILED */
};

struct bw_csv_reader *bw_csv_reader_create(const struct bw_csv_limits *limits)
{
    struct bw_csv_reader *reader = bw_xcalloc(1, sizeof *reader);
    if (limits)
        reader->limits = *limits;
    if (reader->limits.separator == 0)
        reader->limits.separator = ',';
    if (reader->limits.field_bytes_max == 0)
        reader->limits.field_bytes_max = 64 * 1024;
    if (reader->limits.record_bytes_max == 0)
        reader->limits.record_bytes_max = 1024 * 1024;
    if (reader->limits.fields_max == 0)
        reader->limits.fields_max = 1024;
    reader->line = 1;
    bw_buf_init(&reader->bytes, reader->limits.record_bytes_max);
    return reader;
}

void bw_csv_reader_destroy(struct bw_csv_reader *reader)
{
    if (!reader)
        return;
    bw_buf_deinit(&reader->bytes);
    bw_free(reader->ends);
    bw_free(reader->fields);
    bw_free(reader);
}

void bw_csv_feed(struct bw_csv_reader *reader, struct bw_str bytes)
{
    BW_ASSERT(reader->input.len == 0 || reader->state == FAILED);
    BW_ASSERT(!reader->is_finished);
    reader->input = bytes;
}

void bw_csv_finish(struct bw_csv_reader *reader)
{
    reader->is_finished = true;
}

/* --- errors ------------------------------------------------------------------------------- */

static bool fail(struct bw_csv_reader *reader, enum bw_err code, uint64_t line, const char *why)
{
    reader->state = FAILED;
    bw_fail(&reader->error, code, "CSV: %s (line %llu, record %llu)", why, (unsigned long long)line,
            (unsigned long long)reader->number + 1);
    return false;
}

static bool fail_here(struct bw_csv_reader *reader, const char *why)
{
    return fail(reader, BW_ERR_INVALID, reader->line, why);
}

/* --- fields ------------------------------------------------------------------------------- */

static size_t field_start(const struct bw_csv_reader *reader)
{
    return reader->count > 0 ? reader->ends[reader->count - 1] : 0;
}

static bool put(struct bw_csv_reader *reader, char c)
{
    if (c == '\0')
        return fail_here(reader, "a zero byte");
    if (reader->bytes.len - field_start(reader) == reader->limits.field_bytes_max)
        return fail(reader, BW_ERR_LIMIT, reader->line, "a field is too long");
    bw_buf_put_char(&reader->bytes, c);
    if (reader->bytes.is_over)
        return fail(reader, BW_ERR_LIMIT, reader->line, "the record is too long");
    return true;
}

static bool end_field(struct bw_csv_reader *reader)
{
    if (reader->count == reader->limits.fields_max)
        return fail(reader, BW_ERR_LIMIT, reader->line, "too many fields");
    if (reader->count == reader->capacity) {
        reader->capacity = reader->capacity ? reader->capacity * 2 : 32;
        reader->ends = bw_xrealloc(reader->ends, reader->capacity * sizeof reader->ends[0]);
    }
    reader->ends[reader->count++] = reader->bytes.len;
    return true;
}

static void begin_record(struct bw_csv_reader *reader)
{
    reader->record_line = reader->line;
    reader->count = 0;
    bw_buf_clear(&reader->bytes);
}

static void give_record(struct bw_csv_reader *reader, struct bw_csv_record *record)
{
    reader->fields = bw_xrealloc(reader->fields, reader->count * sizeof reader->fields[0]);
    size_t start = 0;
    for (size_t i = 0; i < reader->count; i++) {
        reader->fields[i] =
            bw_str(reader->bytes.len ? reader->bytes.ptr + start : NULL, reader->ends[i] - start);
        start = reader->ends[i];
    }
    *record = (struct bw_csv_record){.number = ++reader->number,
                                     .line = reader->record_line,
                                     .count = reader->count,
                                     .fields = reader->fields};
}

/* --- bytes -------------------------------------------------------------------------------- */

/* At the start of a field; also of a record. */
static bool step_field_start(struct bw_csv_reader *reader, char c)
{
    if (c == '"') {
        reader->quote_line = reader->line;
        reader->state = IN_QUOTED;
        return true;
    }
    reader->state = IN_PLAIN;
    if (c == reader->limits.separator) {
        reader->state = AT_FIELD;
        return end_field(reader);
    }
    if (c == '\n' || c == '\r') {
        reader->state = c == '\n' ? AT_RECORD : AT_CR;
        return end_field(reader);
    }
    return put(reader, c);
}

static bool step_plain(struct bw_csv_reader *reader, char c)
{
    if (c == '"')
        return fail_here(reader, "a quote inside an unquoted field: quote the whole field and "
                                 "double the quotes in it");
    if (c == reader->limits.separator || c == '\n' || c == '\r')
        return step_field_start(reader, c);
    return put(reader, c);
}

static bool step_quote(struct bw_csv_reader *reader, char c)
{
    if (c == '"') {
        reader->state = IN_QUOTED;
        return put(reader, c);
    }
    if (c == reader->limits.separator || c == '\n' || c == '\r')
        return step_field_start(reader, c);
    return fail_here(reader,
                     "bytes behind a closing quote: a quote inside a field must be doubled");
}

/* Takes one byte. False when it failed. `reader->state` is AT_RECORD afterwards when it ended a
 * record or a blank line; `reader->count` tells which. */
static bool step(struct bw_csv_reader *reader, char c)
{
    switch (reader->state) {
    case AT_RECORD:
        begin_record(reader);
        if (c == '\n')
            return true;
        if (c == '\r') {
            reader->state = AT_BLANK_CR;
            return true;
        }
        return step_field_start(reader, c);
    case AT_FIELD:
        return step_field_start(reader, c);
    case IN_PLAIN:
        return step_plain(reader, c);
    case IN_QUOTED:
        if (c == '"') {
            reader->state = AT_QUOTE;
            return true;
        }
        return put(reader, c);
    case AT_QUOTE:
        return step_quote(reader, c);
    case AT_CR:
    case AT_BLANK_CR:
        reader->state = AT_RECORD;
        return c == '\n' || fail_here(reader, "a CR without its LF");
    case ENDED:
    case FAILED:
        break;
    }
    BW_UNREACHABLE();
}

/* Skips the byte order mark, which may come in pieces. */
static bool is_bom_byte(struct bw_csv_reader *reader, char c)
{
    static const char bom[] = "\xEF\xBB\xBF";
    if (reader->bom_len == 3)
        return false;
    if (c == bom[reader->bom_len]) {
        reader->bom_len++;
        return true;
    }
    return false;
}

/* The first bytes looked like a byte order mark and were none: they are data after all. */
static bool settle_bom(struct bw_csv_reader *reader)
{
    size_t seen = reader->bom_len;
    reader->bom_len = 3;
    for (size_t i = 0; seen < 3 && i < seen; i++) {
        if (!step(reader, "\xEF\xBB\xBF"[i]))
            return false;
    }
    return true;
}

static enum bw_csv_event bad(const struct bw_csv_reader *reader, struct bw_error *error)
{
    if (error)
        *error = reader->error;
    return BW_CSV_BAD;
}

/* What the end of the input means in the state it meets. */
static enum bw_csv_event at_end(struct bw_csv_reader *reader, struct bw_csv_record *record,
                                struct bw_error *error)
{
    if (!settle_bom(reader))
        return bad(reader, error);
    switch (reader->state) {
    case AT_FIELD:
    case IN_PLAIN:
    case AT_QUOTE:
        if (!end_field(reader))
            return bad(reader, error);
        reader->state = ENDED;
        give_record(reader, record);
        return BW_CSV_RECORD;
    case IN_QUOTED:
        fail(reader, BW_ERR_INVALID, reader->quote_line,
             "a quoted field was opened here and never closed");
        return bad(reader, error);
    case AT_CR:
    case AT_BLANK_CR:
        fail_here(reader, "a CR without its LF");
        return bad(reader, error);
    case AT_RECORD:
    case ENDED:
    case FAILED:
        break;
    }
    reader->state = ENDED;
    return BW_CSV_END;
}

enum bw_csv_event bw_csv_next(struct bw_csv_reader *reader, struct bw_csv_record *record,
                              struct bw_error *error)
{
    if (reader->state == FAILED)
        return bad(reader, error);
    if (reader->state == ENDED)
        return BW_CSV_END;
    while (reader->input.len > 0) {
        char c = reader->input.ptr[0];
        reader->input.ptr++;
        reader->input.len--;
        if (is_bom_byte(reader, c))
            continue;
        if (!settle_bom(reader) || !step(reader, c))
            return bad(reader, error);
        bool has_record = reader->state == AT_RECORD && reader->count > 0;
        if (c == '\n')
            reader->line++;
        if (has_record) {
            give_record(reader, record);
            return BW_CSV_RECORD;
        }
    }
    return reader->is_finished ? at_end(reader, record, error) : BW_CSV_MORE;
}

void bw_csv_put_field(struct bw_buf *buf, struct bw_str field, char separator)
{
    bool needs_quotes = false;
    for (size_t i = 0; i < field.len && !needs_quotes; i++) {
        char c = field.ptr[i];
        needs_quotes = c == '"' || c == '\n' || c == '\r' || c == separator;
    }
    if (!needs_quotes) {
        bw_buf_put_str(buf, field);
        return;
    }
    bw_buf_put_char(buf, '"');
    for (size_t i = 0; i < field.len; i++) {
        if (field.ptr[i] == '"')
            bw_buf_put_char(buf, '"');
        bw_buf_put_char(buf, field.ptr[i]);
    }
    bw_buf_put_char(buf, '"');
}
