/* lib_date.c - billow.date: civil dates as "YYYY-MM-DD" text, months as "YYYY-MM", instants as RFC 3339 text or
 * microseconds since 1970. Proleptic Gregorian, years 0001 to 9999. No clock, no locale, no TZ environment.
 */
#include "lua/lib.h"
#include <stdio.h>

#define US_PER_DAY INT64_C(86400000000)

static const char zones_key = 0; /* keys the struct bw_lua_zones in the registry */

struct civil {
    int year, month, day;
};

/* --- the calendar */

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static bool is_civil(struct civil date)
{
    return date.year >= 1 && date.year <= 9999 && date.month >= 1 && date.month <= 12 && date.day >= 1 &&
           date.day <= days_in_month(date.year, date.month);
}

/* Days since 1970-01-01. The year is counted from March, so that the leap day comes last. */
static int64_t days_of(struct civil date)
{
    int64_t year = date.month > 2 ? date.year : date.year - 1;
    int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;

    return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719468;
}

static bool civil_of(int64_t days, struct civil *date)
{
    static const struct civil first = {1, 1, 1}, last = {9999, 12, 31};
    int64_t day, era, year, month;

    if (days < days_of(first) || days > days_of(last))
        return false;
    day = days + 719468; /* since 0000-03-01; never negative in our range */
    era = day / 146097;
    day %= 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    date->day = (int)(day - (153 * month + 2) / 5 + 1);
    date->month = (int)(month < 10 ? month + 3 : month - 9);
    date->year = (int)(year + era * 400 + (date->month <= 2));
    return true;
}

/* --- text */

static bool read_digits(struct bw_str text, size_t at, size_t count, int *value)
{
    if (at + count > text.len)
        return false;
    *value = 0;
    for (size_t i = at; i < at + count; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *value = *value * 10 + (text.ptr[i] - '0');
    }
    return true;
}

static bool parse_date(struct bw_str text, struct civil *date)
{
    return text.len == 10 && text.ptr[4] == '-' && text.ptr[7] == '-' && read_digits(text, 0, 4, &date->year) &&
           read_digits(text, 5, 2, &date->month) && read_digits(text, 8, 2, &date->day) && is_civil(*date);
}

static bool parse_month(struct bw_str text, struct civil *date)
{
    date->day = 1;
    return text.len == 7 && text.ptr[4] == '-' && read_digits(text, 0, 4, &date->year) &&
           read_digits(text, 5, 2, &date->month) && is_civil(*date);
}

/* Fraction and offset of an RFC 3339 text, from the first byte behind the seconds. */
static bool parse_tail(struct bw_str text, size_t at, int64_t *fraction_us, int64_t *offset_us)
{
    int hours, minutes;
    bool is_west;

    *fraction_us = 0;
    if (at < text.len && text.ptr[at] == '.') {
        int64_t unit = 100000;
        size_t digits_at = ++at;
        for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++) {
            *fraction_us += unit * (text.ptr[at] - '0'); /* beyond microseconds: cut */
            unit /= 10;
        }
        if (at == digits_at)
            return false;
    }
    if (at + 1 == text.len && (text.ptr[at] == 'Z' || text.ptr[at] == 'z')) {
        *offset_us = 0;
        return true;
    }
    if (at + 6 != text.len || (text.ptr[at] != '+' && text.ptr[at] != '-') || text.ptr[at + 3] != ':' ||
        !read_digits(text, at + 1, 2, &hours) || !read_digits(text, at + 4, 2, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    is_west = text.ptr[at] == '-';
    *offset_us = (hours * 60 + minutes) * INT64_C(60000000) * (is_west ? -1 : 1);
    return true;
}

static bool parse_instant(struct bw_str text, int64_t *us)
{
    struct civil date;
    int hour, minute, second;
    int64_t fraction_us, offset_us;

    if (text.len < 20 || !parse_date(bw_str(text.ptr, 10), &date) ||
        (text.ptr[10] != 'T' && text.ptr[10] != 't' && text.ptr[10] != ' ') || text.ptr[13] != ':' ||
        text.ptr[16] != ':' || !read_digits(text, 11, 2, &hour) || !read_digits(text, 14, 2, &minute) ||
        !read_digits(text, 17, 2, &second) || hour > 23 || minute > 59 || second > 59)
        return false;
    if (!parse_tail(text, 19, &fraction_us, &offset_us))
        return false;
    *us = days_of(date) * US_PER_DAY + (hour * 3600 + minute * 60 + second) * INT64_C(1000000) + fraction_us -
          offset_us;
    return true;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

static int push_date(lua_State *L, struct civil date)
{
    char text[48];
    int len = snprintf(text, sizeof text, "%04d-%02d-%02d", date.year, date.month, date.day);

    lua_pushlstring(L, text, (size_t)len);
    return 1;
}

static int push_month(lua_State *L, struct civil date)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%04d-%02d", date.year, date.month);

    lua_pushlstring(L, text, (size_t)len);
    return 1;
}

static int push_days(lua_State *L, int64_t days)
{
    struct civil date;

    if (!civil_of(days, &date))
        return bw_lua_raise(L, "the date is outside the years 0001 to 9999");
    return push_date(L, date);
}

static struct bw_str check_text(lua_State *L, int index)
{
    size_t len;
    const char *ptr = luaL_checklstring(L, index, &len);

    return bw_str(ptr, len);
}

static struct civil check_date(lua_State *L, int index)
{
    struct bw_str text = check_text(L, index);
    struct civil date = {0, 0, 0};

    if (!parse_date(text, &date))
        bw_lua_raise(L, "\"%.*s\" is not a date: \"YYYY-MM-DD\" is expected", text.len > 40 ? 40 : (int)text.len,
                     text.ptr);
    return date;
}

/* An instant as RFC 3339 text or as microseconds. */
static int64_t check_instant(lua_State *L, int index)
{
    int64_t us = 0;

    if (lua_isinteger(L, index))
        return lua_tointeger(L, index);
    if (!parse_instant(check_text(L, index), &us))
        bw_lua_raise(L, "\"%.40s\" is not an instant: RFC 3339 is expected (\"2026-10-31T18:00:00Z\")",
                     lua_tostring(L, index));
    return us;
}

/* --- functions of the module */

static int date_is_valid(lua_State *L)
{
    struct civil date;
    size_t len;
    const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &len) : NULL;

    lua_pushboolean(L, text && parse_date(bw_str(text, len), &date));
    return 1;
}

static int date_add_days(lua_State *L)
{
    struct civil date = check_date(L, 1);
    lua_Integer days = luaL_checkinteger(L, 2);

    if (days < -4000000 || days > 4000000)
        return bw_lua_raise(L, "the date is outside the years 0001 to 9999");
    return push_days(L, days_of(date) + days);
}

static int date_days_between(lua_State *L)
{
    struct civil from = check_date(L, 1);
    struct civil to = check_date(L, 2);

    lua_pushinteger(L, days_of(to) - days_of(from));
    return 1;
}

static int weekday_of(int64_t days) /* 1 = Monday; 1970-01-01 was a Thursday */
{
    return (int)(days + 3 - 7 * floor_div(days + 3, 7)) + 1;
}

static int date_weekday(lua_State *L)
{
    lua_pushinteger(L, weekday_of(days_of(check_date(L, 1))));
    return 1;
}

static int date_iso_week(lua_State *L)
{
    struct civil date = check_date(L, 1), thursday = date;
    int64_t days = days_of(date);
    int64_t thursday_days = days + 4 - weekday_of(days); /* the year of a week is that of its Thursday */
    char text[32];
    int64_t week;

    if (!civil_of(thursday_days, &thursday))
        thursday.year = date.year; /* only around the ends of the calendar */
    week = (thursday_days - days_of((struct civil){thursday.year, 1, 1})) / 7 + 1;
    (void)snprintf(text, sizeof text, "%04d-W%02d", thursday.year, (int)week);
    lua_pushstring(L, text);
    return 1;
}

static int date_month(lua_State *L)
{
    return push_month(L, check_date(L, 1));
}

static int date_add_months(lua_State *L)
{
    struct bw_str text = check_text(L, 1);
    lua_Integer count = luaL_checkinteger(L, 2);
    struct civil date;
    bool is_month = parse_month(text, &date);
    int64_t months;

    if (!is_month)
        date = check_date(L, 1);
    if (count < -120000 || count > 120000)
        return bw_lua_raise(L, "the date is outside the years 0001 to 9999");
    months = (int64_t)date.year * 12 + date.month - 1 + count;
    if (months < 12 || months >= 120000)
        return bw_lua_raise(L, "the date is outside the years 0001 to 9999");
    date.year = (int)(months / 12);
    date.month = (int)(months % 12) + 1;
    if (date.day > days_in_month(date.year, date.month))
        date.day = days_in_month(date.year, date.month);
    return is_month ? push_month(L, date) : push_date(L, date);
}

/* A date, or a month (then its first day). */
static struct civil check_date_or_month(lua_State *L, int index)
{
    struct civil date;

    return parse_month(check_text(L, index), &date) ? date : check_date(L, index);
}

static int date_end_of_month(lua_State *L)
{
    struct civil date = check_date_or_month(L, 1);

    date.day = days_in_month(date.year, date.month);
    return push_date(L, date);
}

static int date_first_of_month(lua_State *L)
{
    struct civil date = check_date_or_month(L, 1);

    date.day = 1;
    return push_date(L, date);
}

static int date_days_in_month(lua_State *L)
{
    struct civil date = check_date_or_month(L, 1);

    lua_pushinteger(L, days_in_month(date.year, date.month));
    return 1;
}

static int date_parse(lua_State *L)
{
    struct bw_str text = check_text(L, 1);
    const char *format = luaL_optstring(L, 2, "YYYY-MM-DD");
    struct civil date = {0, 0, 0};
    bool is_slashed = text.len == 10 && text.ptr[2] == '/' && text.ptr[5] == '/' &&
                      read_digits(text, 6, 4, &date.year);
    bool is_date;

    if (strcmp(format, "YYYY-MM-DD") == 0)
        is_date = parse_date(text, &date);
    else if (strcmp(format, "DD/MM/YYYY") == 0)
        is_date = is_slashed && read_digits(text, 0, 2, &date.day) && read_digits(text, 3, 2, &date.month);
    else if (strcmp(format, "MM/DD/YYYY") == 0)
        is_date = is_slashed && read_digits(text, 0, 2, &date.month) && read_digits(text, 3, 2, &date.day);
    else
        return bw_lua_raise(L, "date.parse: the format is one of YYYY-MM-DD, DD/MM/YYYY, MM/DD/YYYY");
    if (is_date && is_civil(date))
        return push_date(L, date);
    lua_pushnil(L);
    return 1;
}

static int date_parse_instant(lua_State *L)
{
    int64_t us;

    if (parse_instant(check_text(L, 1), &us))
        lua_pushinteger(L, us);
    else
        lua_pushnil(L);
    return 1;
}

static int date_format_instant(lua_State *L)
{
    int64_t us = luaL_checkinteger(L, 1);
    int64_t days = floor_div(us, US_PER_DAY);
    int64_t rest = us - days * US_PER_DAY;
    int seconds = (int)(rest / 1000000), fraction = (int)(rest % 1000000);
    struct civil date;
    char text[96];
    int len;

    if (!civil_of(days, &date))
        return bw_lua_raise(L, "the instant is outside the years 0001 to 9999");
    len = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", date.year, date.month, date.day,
                   seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (fraction) {
        len += snprintf(text + len, sizeof text - (size_t)len, ".%06d", fraction);
        while (text[len - 1] == '0')
            len--;
    }
    text[len++] = 'Z';
    lua_pushlstring(L, text, (size_t)len);
    return 1;
}

/* --- time zones */

void bw_lua_set_zones(lua_State *L, const struct bw_lua_zones *zones)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)zones);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &zones_key);
}

static int date_of_instant(lua_State *L)
{
    int64_t us = check_instant(L, 1);
    struct bw_str name = check_text(L, 2), bytes;
    const struct bw_lua_zones *zones;
    int64_t offset_s = 0;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &zones_key);
    zones = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!bw_str_eq(name, BW_STR("UTC"))) {
        if (!zones || !zones->find(zones->self, name, &bytes))
            return bw_lua_raise(L, "time zone \"%.*s\" is not in this release", name.len > 64 ? 64 : (int)name.len,
                                name.ptr);
        return bw_lua_raise(L, "time zones are not read yet");
    }
    return push_days(L, floor_div(us + offset_s * 1000000, US_PER_DAY));
}

static const luaL_Reg functions[] = {
    {"is_valid", date_is_valid},
    {"add_days", date_add_days},
    {"days_between", date_days_between},
    {"weekday", date_weekday},
    {"iso_week", date_iso_week},
    {"month", date_month},
    {"add_months", date_add_months},
    {"end_of_month", date_end_of_month},
    {"first_of_month", date_first_of_month},
    {"days_in_month", date_days_in_month},
    {"parse", date_parse},
    {"parse_instant", date_parse_instant},
    {"format_instant", date_format_instant},
    {"of_instant", date_of_instant},
    {NULL, NULL},
};

int bw_lua_open_date(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
