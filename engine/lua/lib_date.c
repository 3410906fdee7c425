/* lib_date.c - billow.date: civil dates as "YYYY-MM-DD" text, months as "YYYY-MM", instants as RFC
 * 3339 text or microseconds since 1970. The calendar is codec/date.h's: no clock, no locale, no TZ
 * environment.
 */
#include "codec/date.h"
#include "codec/tz.h"
#include "lua/budget.h"
#include "lua/lib.h"
#include <stdio.h>

static const char zones_key = 0; /* keys the struct bw_lua_zones in the registry */
static const char tz_key =
    0; /* keys the metatable of parsed zones, and (as a list) the zones parsed so far */

/* --- arguments and results */

static struct bw_str check_text(lua_State *L, int index)
{
    size_t len;
    const char *ptr = luaL_checklstring(L, index, &len);

    return bw_str(ptr, len);
}

static struct bw_date check_date(lua_State *L, int index)
{
    struct bw_str text = check_text(L, index);
    struct bw_date date = {1, 1, 1};

    if (!bw_date_parse(text, &date))
        bw_lua_raise(L, "\"%.*s\" is not a date: \"YYYY-MM-DD\" is expected",
                     text.len > 40 ? 40 : (int)text.len, text.ptr);
    return date;
}

/* A date, or a month (then its first day). */
static struct bw_date check_date_or_month(lua_State *L, int index, bool *is_month)
{
    struct bw_date date;

    *is_month = bw_date_parse_month(check_text(L, index), &date);
    return *is_month ? date : check_date(L, index);
}

/* An instant as RFC 3339 text or as microseconds. */
static struct bw_stamp check_instant(lua_State *L, int index)
{
    struct bw_stamp stamp = {0};

    if (lua_isinteger(L, index))
        stamp.us = lua_tointeger(L, index);
    else if (!bw_stamp_parse(check_text(L, index), &stamp))
        bw_lua_raise(L,
                     "\"%.40s\" is not an instant: RFC 3339 is expected (\"2026-10-31T18:00:00Z\")",
                     lua_tostring(L, index));
    return stamp;
}

static int push_date(lua_State *L, struct bw_date date)
{
    char text[BW_DATE_TEXT_LEN + 1];

    bw_date_print(date, text);
    lua_pushlstring(L, text, BW_DATE_TEXT_LEN);
    return 1;
}

static int push_month(lua_State *L, struct bw_date date)
{
    char text[BW_DATE_TEXT_LEN + 1];

    bw_date_print(date, text);
    lua_pushlstring(L, text, 7);
    return 1;
}

static int out_of_range(lua_State *L)
{
    return bw_lua_raise(L, "the date is outside the years 0001 to 9999");
}

/* --- functions of the module */

static int date_is_valid(lua_State *L)
{
    struct bw_date date;
    size_t len;
    const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &len) : NULL;

    lua_pushboolean(L, text && bw_date_parse(bw_str(text, len), &date));
    return 1;
}

static int date_add_days(lua_State *L)
{
    struct bw_date date = check_date(L, 1);
    lua_Integer days = luaL_checkinteger(L, 2);

    return bw_date_add_days(date, days, &date) ? push_date(L, date) : out_of_range(L);
}

static int date_days_between(lua_State *L)
{
    struct bw_date from = check_date(L, 1), to = check_date(L, 2);

    lua_pushinteger(L, bw_date_to_days(to) - bw_date_to_days(from));
    return 1;
}

static int date_weekday(lua_State *L)
{
    lua_pushinteger(L, bw_date_weekday(check_date(L, 1)));
    return 1;
}

static int date_iso_week(lua_State *L)
{
    int32_t year;
    int week;
    char text[32];

    bw_date_iso_week(check_date(L, 1), &year, &week);
    (void)snprintf(text, sizeof text, "%04d-W%02d", (int)year, week);
    lua_pushstring(L, text);
    return 1;
}

static int date_month(lua_State *L)
{
    return push_month(L, check_date(L, 1));
}

static int date_add_months(lua_State *L)
{
    bool is_month;
    struct bw_date date = check_date_or_month(L, 1, &is_month);
    lua_Integer months = luaL_checkinteger(L, 2);

    if (!bw_date_add_months(date, months, &date))
        return out_of_range(L);
    return is_month ? push_month(L, date) : push_date(L, date);
}

static int date_end_of_month(lua_State *L)
{
    bool is_month;

    return push_date(L, bw_date_end_of_month(check_date_or_month(L, 1, &is_month)));
}

static int date_first_of_month(lua_State *L)
{
    bool is_month;

    return push_date(L, bw_date_first_of_month(check_date_or_month(L, 1, &is_month)));
}

static int date_days_in_month(lua_State *L)
{
    bool is_month;
    struct bw_date date = check_date_or_month(L, 1, &is_month);

    lua_pushinteger(L, bw_date_days_in_month(date.year, date.month));
    return 1;
}

static int date_parse(lua_State *L)
{
    static const char *const formats[] = {"YYYY-MM-DD", "DD/MM/YYYY", "MM/DD/YYYY", NULL};
    struct bw_str text = check_text(L, 1);
    const char *format = luaL_optstring(L, 2, formats[0]);
    struct bw_date date;
    size_t i = 0;

    while (formats[i] && strcmp(formats[i], format) != 0)
        i++;
    if (!formats[i])
        return bw_lua_raise(L,
                            "date.parse: the format is one of YYYY-MM-DD, DD/MM/YYYY, MM/DD/YYYY");
    if (bw_date_parse_as(text, bw_str_of(format), &date))
        return push_date(L, date);
    lua_pushnil(L);
    return 1;
}

static int date_parse_instant(lua_State *L)
{
    struct bw_stamp stamp;

    if (bw_stamp_parse(check_text(L, 1), &stamp))
        lua_pushinteger(L, stamp.us);
    else
        lua_pushnil(L);
    return 1;
}

static int date_format_instant(lua_State *L)
{
    char text[BW_STAMP_TEXT_MAX];
    size_t len = bw_stamp_print((struct bw_stamp){luaL_checkinteger(L, 1)}, text);

    if (!len)
        return out_of_range(L);
    lua_pushlstring(L, text, len);
    return 1;
}

/* --- time zones */

void bw_lua_set_zones(lua_State *L, const struct bw_lua_zones *zones)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)zones);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &zones_key);
}

static int zone_gc(lua_State *L)
{
    struct bw_tz **zone = lua_touserdata(L, 1);

    if (*zone && bw_budget_of(L))
        bw_budget_of(L)->open_count--;
    bw_tz_destroy(*zone);
    *zone = NULL;
    return 0;
}

/* Pushes the list of parsed zones of this state: name -> userdata. */
static void push_zones(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &tz_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &tz_key);
}

/* Parses the zone once per state; it stays anchored in the registry. */
static const struct bw_tz *check_zone(lua_State *L, struct bw_str name)
{
    const struct bw_lua_zones *zones;
    struct bw_str bytes = BW_STR_NONE;
    struct bw_error error;
    struct bw_tz **zone;

    push_zones(L);
    lua_pushlstring(L, name.ptr, name.len);
    if (lua_rawget(L, -2) == LUA_TUSERDATA) {
        zone = lua_touserdata(L, -1);
        lua_pop(L, 2);
        return *zone;
    }
    lua_pop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &zones_key);
    zones = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!zones || !zones->find(zones->self, name, &bytes))
        bw_lua_raise(L,
                     "time zone \"%.*s\" is not known here: the release has no file zoneinfo/%.*s",
                     name.len > 64 ? 64 : (int)name.len, name.ptr,
                     name.len > 64 ? 64 : (int)name.len, name.ptr);
    zone = lua_newuserdatauv(L, sizeof *zone, 0); /* closed first, then opened */
    *zone = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, zone_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    *zone = bw_tz_create(bytes, &error);
    if (!*zone)
        bw_lua_raise(L, "time zone \"%.*s\": %s", name.len > 64 ? 64 : (int)name.len, name.ptr,
                     error.text);
    if (bw_budget_of(L))
        bw_budget_of(L)->open_count++;
    lua_pushlstring(L, name.ptr, name.len); /* stack: zones zone name */
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
    lua_pop(L, 2);
    return *zone;
}

static int date_of_instant(lua_State *L)
{
    struct bw_stamp stamp = check_instant(L, 1);
    struct bw_str name = check_text(L, 2);
    struct bw_civil civil;
    bool is_fine = bw_str_eq(name, BW_STR("UTC")) ? bw_civil_of(stamp, 0, &civil)
                                                  : bw_tz_civil(check_zone(L, name), stamp, &civil);

    return is_fine ? push_date(L, civil.date) : out_of_range(L);
}

/* The instant of a local time of day on a date: at("2026-10-31", "18:00", "Europe/Berlin"). */
static int date_at(lua_State *L)
{
    struct bw_date date = check_date(L, 1);
    struct bw_str clock = check_text(L, 2), name = check_text(L, 3);
    struct bw_civil civil = {.date = date};
    struct bw_stamp stamp;
    char text[BW_STAMP_TEXT_MAX];
    bool is_clock = clock.len == 5 && clock.ptr[2] == ':';

    for (size_t i = 0; is_clock && i < 5; i++)
        is_clock = i == 2 || (clock.ptr[i] >= '0' && clock.ptr[i] <= '9');
    if (is_clock) {
        int hour = (clock.ptr[0] - '0') * 10 + clock.ptr[1] - '0';
        int minute = (clock.ptr[3] - '0') * 10 + clock.ptr[4] - '0';
        is_clock = hour < 24 && minute < 60;
        civil.second_of_day = hour * 3600 + minute * 60;
    }
    if (!is_clock)
        return bw_lua_raise(L, "date.at: a time of day \"HH:MM\" is expected");
    stamp = bw_str_eq(name, BW_STR("UTC")) ? bw_civil_to_stamp(civil, 0)
                                           : bw_tz_stamp(check_zone(L, name), civil);
    if (!bw_stamp_print(stamp, text))
        return out_of_range(L);
    lua_pushstring(L, text);
    return 1;
}

static const luaL_Reg functions[] = {
    {"at", date_at},
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
