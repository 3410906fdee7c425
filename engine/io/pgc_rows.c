/* pgc_rows.c - reading results, and what SQLSTATEs mean; see pgc.h. */
#include "base/assert.h"
#include "io/pgc.h"
#include <libpq-fe.h>

/* --- SQLSTATE -------------------------------------------------------------------------------- */

static bool state_in(const char *sqlstate, const char *class)
{
    return strncmp(sqlstate, class, strlen(class)) == 0;
}

bool bw_pg_is_transient(const char *sqlstate)
{
    static const char *const classes[] = {"08",    "53",    "57P",   "58",    "40001",
                                          "40P01", "55P03", "57014", "25006", "40003"};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (state_in(sqlstate, classes[i]))
            return true;
    }
    return false;
}

enum bw_err bw_pg_err_of(const char *sqlstate)
{
    static const struct {
        const char *class;
        enum bw_err code;
    } table[] = {
        {"23505", BW_ERR_CONFLICT},  {"23P01", BW_ERR_CONFLICT},    {"40", BW_ERR_CONFLICT},
        {"42501", BW_ERR_FORBIDDEN}, {"57014", BW_ERR_TIMEOUT},     {"55P03", BW_ERR_TIMEOUT},
        {"54", BW_ERR_LIMIT},        {"08", BW_ERR_UNAVAILABLE},    {"53", BW_ERR_UNAVAILABLE},
        {"57P", BW_ERR_UNAVAILABLE}, {"58", BW_ERR_UNAVAILABLE},    {"28", BW_ERR_UNAUTHORIZED},
        {"3D", BW_ERR_NOT_FOUND},    {"25006", BW_ERR_UNAVAILABLE}, {"21", BW_ERR_INVALID},
        {"22", BW_ERR_INVALID},      {"23", BW_ERR_INVALID},        {"42", BW_ERR_INVALID},
        {"44", BW_ERR_INVALID},      {"P0001", BW_ERR_INVALID},     {"0A", BW_ERR_INVALID},
        {"2B", BW_ERR_INVALID},      {"34", BW_ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (state_in(sqlstate, table[i].class))
            return table[i].code;
    }
    return BW_ERR_INTERNAL;
}

/* --- Rows ------------------------------------------------------------------------------------ */

static const PGresult *raw(const struct bw_pg_result *result)
{
    return (const PGresult *)result;
}

size_t bw_pg_rows(const struct bw_pg_result *result)
{
    return (size_t)PQntuples(raw(result));
}

bool bw_pg_is_null(const struct bw_pg_result *result, size_t row, int column)
{
    return PQgetisnull(raw(result), (int)row, column) == 1;
}

struct bw_str bw_pg_bytes(const struct bw_pg_result *result, size_t row, int column)
{
    return bw_str(PQgetvalue(raw(result), (int)row, column),
                  (size_t)PQgetlength(raw(result), (int)row, column));
}

int64_t bw_pg_int(const struct bw_pg_result *result, size_t row, int column)
{
    struct bw_str bytes = bw_pg_bytes(result, row, column);
    BW_ASSERT(bytes.len <= 8);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++)
        value = value << 8 | (uint8_t)bytes.ptr[i];
    if (bytes.len == 2)
        return (int16_t)value;
    if (bytes.len == 4)
        return (int32_t)value;
    return (int64_t)value;
}

struct bw_id bw_pg_id(const struct bw_pg_result *result, size_t row, int column)
{
    struct bw_id id = {{0}};
    struct bw_str bytes = bw_pg_bytes(result, row, column);
    if (bytes.len == sizeof id.bytes)
        memcpy(id.bytes, bytes.ptr, sizeof id.bytes);
    return id;
}
