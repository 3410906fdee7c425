/* log.c - see log.h. */
#include "base/log.h"
#include "base/assert.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

static const char *const LEVELS[] = {"debug", "info", "warn", "error", "off"};

static void write_fd(void *ud, enum bw_log_level level, struct bw_str line)
{
    const struct bw_log *log = ud;
    (void)level;
    /* A log that cannot be written is no reason to stop: the journal is the truth. */
    ssize_t written = write(log->fd, line.ptr, line.len);
    (void)written;
}

void bw_log_init(struct bw_log *log, enum bw_log_level level, const struct bw_clock *clock,
                 bw_log_write_fn write, void *ud)
{
    *log = (struct bw_log){.clock = clock, .level = level, .write = write, .ud = ud, .fd = -1};
}

void bw_log_init_fd(struct bw_log *log, enum bw_log_level level, const struct bw_clock *clock,
                    int fd)
{
    bw_log_init(log, level, clock, write_fd, log);
    log->fd = fd;
}

bool bw_log_level_from_name(const char *name, enum bw_log_level *level)
{
    for (int i = 0; i <= BW_LOG_OFF; i++) {
        if (strcmp(LEVELS[i], name) == 0) {
            *level = (enum bw_log_level)i;
            return true;
        }
    }
    return false;
}

/* Length of the UTF-8 sequence at `at`, or 0 when it is none (RFC 3629: no overlong forms, no
 * surrogates). */
static size_t utf8_len(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max, len;
    } FORMS[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        if (at[0] < FORMS[i].first_min || at[0] > FORMS[i].first_max)
            continue;
        if (left < FORMS[i].len || at[1] < FORMS[i].second_min || at[1] > FORMS[i].second_max)
            return 0;
        for (size_t k = 2; k < FORMS[i].len; k++) {
            if (at[k] < 0x80 || at[k] > 0xbf)
                return 0;
        }
        return FORMS[i].len;
    }
    return 0;
}

static void put_json_text(struct bw_buf *line, struct bw_str text)
{
    bool is_cut = text.len > BW_LOG_TEXT_BYTES_MAX;
    size_t len = is_cut ? BW_LOG_TEXT_BYTES_MAX : text.len;
    bw_buf_put_char(line, '"');
    for (size_t i = 0; i < len;) {
        uint8_t byte = (uint8_t)text.ptr[i];
        size_t width = 1;
        if (byte == '"' || byte == '\\')
            bw_buf_printf(line, "\\%c", byte);
        else if (byte == '\n')
            bw_buf_put_text(line, "\\n");
        else if (byte < 0x20 || byte == 0x7f)
            bw_buf_printf(line, "\\u%04x", byte);
        else if (byte < 0x80)
            bw_buf_put_char(line, (char)byte);
        else if ((width = utf8_len((const uint8_t *)text.ptr + i, len - i)) > 0)
            bw_buf_put(line, text.ptr + i, width);
        else
            bw_buf_put_text(line, "\\ufffd");
        i += width ? width : 1;
    }
    bw_buf_put_text(line, is_cut ? "...\"" : "\"");
}

static void put_field(struct bw_buf *line, const struct bw_log_field *field)
{
    char id[BW_ID_TEXT_LEN + 1];
    bw_buf_printf(line, ",\"%s\":", field->name);
    switch (field->kind) {
    case BW_LOG_TEXT_:
        put_json_text(line, field->value.text);
        break;
    case BW_LOG_INT_:
        bw_buf_printf(line, "%lld", (long long)field->value.integer);
        break;
    case BW_LOG_UINT_:
        bw_buf_printf(line, "%llu", (unsigned long long)field->value.unsigned_integer);
        break;
    case BW_LOG_BOOL_:
        bw_buf_put_text(line, field->value.boolean ? "true" : "false");
        break;
    case BW_LOG_ID_:
        bw_id_print(field->value.id, id);
        bw_buf_printf(line, "\"%s\"", id);
        break;
    case BW_LOG_SECRET_:
        bw_buf_put_text(line, field->value.text.len ? "\"(secret)\"" : "\"(empty)\"");
        break;
    case BW_LOG_END_:
        BW_UNREACHABLE();
    }
}

static void put_time(struct bw_buf *line, struct bw_stamp stamp)
{
    time_t seconds = (time_t)(stamp.us / BW_US_PER_S);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    bw_buf_printf(line, "\"at\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\",", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                  (int)(stamp.us % BW_US_PER_S));
}

/* May this place log now? `left_out` is how many lines it had to keep back since its last one. */
static bool site_allows(struct bw_log_site *site, const struct bw_clock *clock, uint32_t *left_out)
{
    const int64_t window_ms = BW_LOG_SITE_WINDOW_S * 1000;
    struct bw_instant now = bw_clock_mono(clock);
    if (site->lines == 0 || bw_instant_ms_since(now, site->window_start) >= window_ms) {
        site->window_start = now;
        site->lines = 0;
    }
    if (site->lines >= BW_LOG_SITE_LINES_MAX) {
        site->left_out++;
        return false;
    }
    site->lines++;
    *left_out = site->left_out;
    site->left_out = 0;
    return true;
}

void bw_log_line(struct bw_log *log, enum bw_log_level level, struct bw_log_site *site,
                 const char *event, ...)
{
    uint32_t left_out = 0;
    if (!log || level < log->level)
        return;
    if (log->clock && !site_allows(site, log->clock, &left_out))
        return;

    struct bw_buf line;
    bw_buf_init(&line, BW_LOG_LINE_BYTES_MAX);
    bw_buf_put_char(&line, '{');
    if (log->clock)
        put_time(&line, bw_clock_utc(log->clock));
    bw_buf_printf(&line, "\"level\":\"%s\",\"event\":\"%s\"", LEVELS[level], event);

    va_list args;
    va_start(args, event);
    for (;;) {
        struct bw_log_field field = va_arg(args, struct bw_log_field);
        if (field.kind == BW_LOG_END_)
            break;
        /* A line must stay well-formed: the field that does not fit, and those behind it, are left
         * out. */
        size_t before = line.len;
        put_field(&line, &field);
        if (line.is_over || line.len > BW_LOG_LINE_BYTES_MAX - 64) {
            line.is_over = false;
            line.len = before;
            bw_buf_put_text(&line, ",\"is_cut\":true");
            break;
        }
    }
    va_end(args);
    if (left_out)
        bw_buf_printf(&line, ",\"left_out\":%u", left_out);
    bw_buf_put_text(&line, "}\n");
    log->write(log->ud, level, bw_buf_str(&line));
    bw_buf_deinit(&line);
}
