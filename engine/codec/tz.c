/* tz.c - TZif bytes: a header and data block of version 1 (skipped), the same again with 64 bits,
 * and a footer with a POSIX TZ rule for everything behind the last transition.
 */
#include "codec/tz.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"

#define HEADER_LEN 44
#define TYPES_MAX 256
#define OFFSET_S_MAX (26 * 3600) /* RFC 8536: more than -25 and less than 26 hours */
#define DAY_S INT64_C(86400)

/* When a rule changes, in one year. */
struct change {
    enum { CHANGE_JULIAN, CHANGE_DAY, CHANGE_WEEKDAY } kind;
    int32_t day;   /* JULIAN: 1 to 365, never 29 February; DAY: 0 to 365; WEEKDAY: 0 = Sunday */
    int32_t month; /* WEEKDAY only */
    int32_t week;  /* WEEKDAY only: 1 to 5, 5 = the last */
    int32_t at_s;  /* seconds from the day's local midnight; may be negative or over a day */
};

struct rule {
    bool is_there;
    bool has_dst;
    int32_t standard_s; /* east of UTC */
    int32_t dst_s;
    struct change to_dst;
    struct change to_standard;
};

struct transition {
    int64_t at_s; /* since 1970, UTC */
    int32_t offset_s;
};

struct bw_tz {
    int32_t first_offset_s; /* before the first transition */
    struct rule rule;
    size_t count;
    struct transition *transitions; /* ascending; lies behind the struct */
};

/* Rounded toward the past. */
static int64_t whole_seconds(struct bw_stamp stamp)
{
    return stamp.us / BW_US_PER_S - (stamp.us % BW_US_PER_S < 0);
}

/* --- the footer's rule -------------------------------------------------------------------- */

struct text {
    const char *at;
    const char *end;
};

static bool take(struct text *text, char wanted)
{
    if (text->at == text->end || *text->at != wanted)
        return false;
    text->at++;
    return true;
}

/* An unsigned number up to `max`; -1 when there is none. */
static int32_t take_number(struct text *text, int32_t max)
{
    int32_t number = -1;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9') {
        number = (number < 0 ? 0 : number) * 10 + (*text->at++ - '0');
        if (number > max)
            return -1;
    }
    return number;
}

static bool take_name(struct text *text)
{
    const char *start = text->at;
    if (take(text, '<')) {
        while (text->at < text->end && *text->at != '>')
            text->at++;
        return text->at - start >= 4 && take(text, '>');
    }
    while (text->at < text->end &&
           ((*text->at >= 'A' && *text->at <= 'Z') || (*text->at >= 'a' && *text->at <= 'z')))
        text->at++;
    return text->at - start >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_hms(struct text *text, int32_t hours_max, int32_t *seconds)
{
    int32_t sign = take(text, '-') ? -1 : 1;
    if (sign > 0)
        (void)take(text, '+');
    int32_t hours = take_number(text, hours_max);
    int32_t minutes = take(text, ':') ? take_number(text, 59) : 0;
    int32_t rest = minutes >= 0 && take(text, ':') ? take_number(text, 59) : 0;
    if (hours < 0 || minutes < 0 || rest < 0)
        return false;
    *seconds = sign * ((hours * 60 + minutes) * 60 + rest);
    return true;
}

static bool take_change(struct text *text, struct change *change)
{
    *change = (struct change){.at_s = 2 * 3600};
    if (take(text, 'M')) {
        change->kind = CHANGE_WEEKDAY;
        change->month = take_number(text, 12);
        bool has_week = take(text, '.');
        change->week = take_number(text, 5);
        bool has_day = take(text, '.');
        change->day = take_number(text, 6);
        if (!has_week || !has_day || change->month < 1 || change->week < 1 || change->day < 0)
            return false;
    } else if (take(text, 'J')) {
        change->kind = CHANGE_JULIAN;
        change->day = take_number(text, 365);
        if (change->day < 1)
            return false;
    } else {
        change->kind = CHANGE_DAY;
        change->day = take_number(text, 365);
        if (change->day < 0)
            return false;
    }
    return !take(text, '/') || take_hms(text, 167, &change->at_s);
}

static bool parse_rule(struct bw_str footer, struct rule *rule)
{
    struct text text = {footer.ptr, footer.ptr + footer.len};
    int32_t west_s = 0;
    *rule = (struct rule){.is_there = footer.len > 0};
    if (!rule->is_there)
        return true;
    if (!take_name(&text) || !take_hms(&text, 24, &west_s))
        return false;
    rule->standard_s = -west_s;
    rule->has_dst = text.at < text.end;
    if (!rule->has_dst)
        return true;
    if (!take_name(&text))
        return false;
    rule->dst_s = rule->standard_s + 3600;
    if (text.at < text.end && *text.at != ',') {
        if (!take_hms(&text, 24, &west_s))
            return false;
        rule->dst_s = -west_s;
    }
    return take(&text, ',') && take_change(&text, &rule->to_dst) && take(&text, ',') &&
           take_change(&text, &rule->to_standard) && text.at == text.end;
}

/* Days since 1970 of a change in `year`. */
static int64_t change_day(const struct change *change, int32_t year)
{
    int64_t new_year = bw_date_to_days((struct bw_date){year, 1, 1});
    if (change->kind == CHANGE_DAY)
        return new_year + change->day;
    if (change->kind == CHANGE_JULIAN) {
        bool is_leap = bw_date_days_in_month(year, 2) == 29;
        return new_year + change->day - 1 + (is_leap && change->day >= 60);
    }
    struct bw_date first = {year, (int8_t)change->month, 1};
    int32_t weekday = bw_date_weekday(first) % 7; /* 0 = Sunday */
    int32_t day = (change->day - weekday + 7) % 7 + (change->week - 1) * 7;
    while (day >= bw_date_days_in_month(year, change->month))
        day -= 7;
    return bw_date_to_days(first) + day;
}

static int32_t rule_offset_s(const struct rule *rule, struct bw_stamp stamp)
{
    struct bw_civil civil;
    int64_t utc_s = whole_seconds(stamp);
    if (!rule->has_dst || !bw_civil_of(stamp, rule->standard_s, &civil))
        return rule->standard_s;
    int32_t year = civil.date.year;
    int64_t dst_at = change_day(&rule->to_dst, year) * DAY_S + rule->to_dst.at_s - rule->standard_s;
    int64_t standard_at =
        change_day(&rule->to_standard, year) * DAY_S + rule->to_standard.at_s - rule->dst_s;
    bool is_dst = dst_at < standard_at ? utc_s >= dst_at && utc_s < standard_at
                                       : utc_s >= dst_at || utc_s < standard_at; /* southern */
    return is_dst ? rule->dst_s : rule->standard_s;
}

/* --- the file ----------------------------------------------------------------------------- */

struct header {
    uint8_t version;
    uint32_t utc_count;
    uint32_t standard_count;
    uint32_t leap_count;
    uint32_t transition_count;
    uint32_t type_count;
    uint32_t name_bytes;
};

static bool read_header(struct bw_reader *reader, struct header *header)
{
    struct bw_str magic = bw_reader_raw(reader, 4);
    header->version = bw_reader_u8(reader);
    bw_reader_raw(reader, 15);
    header->utc_count = bw_reader_u32(reader);
    header->standard_count = bw_reader_u32(reader);
    header->leap_count = bw_reader_u32(reader);
    header->transition_count = bw_reader_u32(reader);
    header->type_count = bw_reader_u32(reader);
    header->name_bytes = bw_reader_u32(reader);
    return !reader->is_bad && bw_str_eq(magic, BW_STR("TZif"));
}

static int64_t read_i64(struct bw_reader *reader)
{
    uint64_t bits = (uint64_t)bw_reader_u32(reader) << 32;
    bits |= bw_reader_u32(reader);
    int64_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int32_t read_i32(struct bw_reader *reader)
{
    uint32_t bits = bw_reader_u32(reader);
    int32_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static struct bw_tz *corrupt(struct bw_tz *tz, struct bw_error *error, const char *why)
{
    bw_tz_destroy(tz);
    (void)bw_fail(error, BW_ERR_CORRUPT, "time zone: %s", why);
    return NULL;
}

/* The file is bounded, so no count that passes its checks can overflow these sums. */
static bool skip_version_1(struct bw_reader *reader)
{
    struct header header;
    if (!read_header(reader, &header) || header.version < '2')
        return false;
    uint64_t len = (uint64_t)header.transition_count * 5 + (uint64_t)header.type_count * 6 +
                   header.name_bytes + (uint64_t)header.leap_count * 8 + header.standard_count +
                   header.utc_count;
    if (len > bw_reader_left(reader))
        return false;
    bw_reader_raw(reader, (size_t)len);
    return true;
}

/* Reads the transitions' instants and types; the types themselves stand behind both. */
static const char *read_transitions(struct bw_reader *reader, const struct header *header,
                                    struct bw_tz *tz)
{
    int32_t offsets_s[TYPES_MAX];
    for (size_t i = 0; i < tz->count; i++) {
        tz->transitions[i].at_s = read_i64(reader);
        if (i > 0 && tz->transitions[i].at_s <= tz->transitions[i - 1].at_s)
            return "its transitions are not in ascending order";
    }
    struct bw_str indexes = bw_reader_raw(reader, tz->count);
    for (size_t i = 0; i < header->type_count; i++) {
        offsets_s[i] = read_i32(reader);
        bw_reader_raw(reader, 2); /* is it summer time; its abbreviation */
        if (offsets_s[i] < -OFFSET_S_MAX || offsets_s[i] > OFFSET_S_MAX)
            return "an offset is over a day";
    }
    if (reader->is_bad)
        return "cut short";
    for (size_t i = 0; i < tz->count; i++) {
        uint8_t type = (uint8_t)indexes.ptr[i];
        if (type >= header->type_count)
            return "a transition to a type that is not there";
        tz->transitions[i].offset_s = offsets_s[type];
    }
    tz->first_offset_s = offsets_s[0];
    return NULL;
}

static const char *read_footer(struct bw_reader *reader, struct bw_tz *tz)
{
    struct bw_str footer = bw_reader_raw(reader, bw_reader_left(reader));
    if (footer.len < 2 || footer.ptr[0] != '\n' || footer.ptr[footer.len - 1] != '\n')
        return "its footer is missing";
    if (!parse_rule(bw_str(footer.ptr + 1, footer.len - 2), &tz->rule))
        return "its footer is not a rule we know";
    return NULL;
}

struct bw_tz *bw_tz_create(struct bw_str bytes, struct bw_error *error)
{
    struct bw_reader reader;
    struct header header;
    bw_reader_init(&reader, bytes);
    if (bytes.len > BW_TZ_BYTES_MAX)
        return corrupt(NULL, error, "over 256 KiB");
    if (!skip_version_1(&reader) || !read_header(&reader, &header))
        return corrupt(NULL, error, "not a TZif file of version 2 or above");
    if (header.leap_count > 0)
        return corrupt(NULL, error, "it counts leap seconds");
    if (header.type_count == 0 || header.type_count > TYPES_MAX)
        return corrupt(NULL, error, "it has no local time types, or too many");
    if (header.transition_count > bw_reader_left(&reader) / 9)
        return corrupt(NULL, error, "cut short");
    struct bw_tz *tz =
        bw_xcalloc(1, sizeof *tz + header.transition_count * sizeof tz->transitions[0]);
    tz->count = header.transition_count;
    tz->transitions = (struct transition *)(void *)(tz + 1);
    const char *trouble = read_transitions(&reader, &header, tz);
    if (trouble)
        return corrupt(tz, error, trouble);
    uint64_t rest = (uint64_t)header.name_bytes + header.standard_count + header.utc_count;
    if (rest > bw_reader_left(&reader))
        return corrupt(tz, error, "cut short");
    bw_reader_raw(&reader, (size_t)rest);
    trouble = read_footer(&reader, tz);
    if (trouble)
        return corrupt(tz, error, trouble);
    return tz;
}

void bw_tz_destroy(struct bw_tz *tz)
{
    bw_free(tz);
}

/* --- questions ---------------------------------------------------------------------------- */

/* How many transitions are at or before `utc_s`. */
static size_t transitions_until(const struct bw_tz *tz, int64_t utc_s)
{
    size_t low = 0;
    size_t high = tz->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tz->transitions[middle].at_s <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t bw_tz_offset_s(const struct bw_tz *tz, struct bw_stamp stamp)
{
    int64_t utc_s = whole_seconds(stamp);
    size_t passed = transitions_until(tz, utc_s);
    if (passed == tz->count && tz->rule.is_there)
        return rule_offset_s(&tz->rule, stamp);
    return passed == 0 ? tz->first_offset_s : tz->transitions[passed - 1].offset_s;
}

bool bw_tz_civil(const struct bw_tz *tz, struct bw_stamp stamp, struct bw_civil *civil)
{
    return bw_civil_of(stamp, bw_tz_offset_s(tz, stamp), civil);
}

struct bw_stamp bw_tz_stamp(const struct bw_tz *tz, struct bw_civil civil)
{
    /* Offsets differ by less than a day around any change: what holds a day before and a day after
     * are the two candidates. The one before is right for a time that comes twice, and for one that
     * is skipped. */
    struct bw_stamp as_utc = bw_civil_to_stamp(civil, 0);
    struct bw_stamp day_before = {as_utc.us - DAY_S * BW_US_PER_S};
    struct bw_stamp day_after = {as_utc.us + DAY_S * BW_US_PER_S};
    struct bw_stamp first = bw_civil_to_stamp(civil, bw_tz_offset_s(tz, day_before));
    if (bw_civil_to_stamp(civil, bw_tz_offset_s(tz, first)).us == first.us)
        return first;
    struct bw_stamp second = bw_civil_to_stamp(civil, bw_tz_offset_s(tz, day_after));
    if (bw_civil_to_stamp(civil, bw_tz_offset_s(tz, second)).us == second.us)
        return second;
    return first;
}
