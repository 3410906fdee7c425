/* err.c - see err.h. */
#include "base/err.h"
#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_info {
    const char *name;
    const char *text;
    int http_status;
    int exit_code;
    bool is_retryable;
};

static const struct err_info INFO[BW_ERR_COUNT_] = {
#define ERR_INFO(name, http, exit_code, retry, text)                                               \
    [BW_ERR_##name] = {#name, text, http, exit_code, retry},
    BW_ERR_MAP(ERR_INFO)
#undef ERR_INFO
};

static const struct err_info *info_of(enum bw_err code)
{
    BW_ASSERT((unsigned)code < BW_ERR_COUNT_);
    return &INFO[code];
}

enum bw_err bw_fail_at(struct bw_error *error, enum bw_err code, const char *file, int line,
                       const char *format, ...)
{
    BW_ASSERT(code != BW_ERR_OK && (unsigned)code < BW_ERR_COUNT_);
    if (!error)
        return code;
    /* The text may be built from the very error it replaces ("...: %s", error->text). */
    char text[BW_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0)
        snprintf(text, sizeof text, "%s", info_of(code)->text);
    error->code = code;
    memcpy(error->text, text, strlen(text) + 1);
    error->file = file;
    error->line = line;
    return code;
}

const char *bw_err_name(enum bw_err code)
{
    return info_of(code)->name;
}

const char *bw_err_text(enum bw_err code)
{
    return info_of(code)->text;
}

int bw_err_http_status(enum bw_err code)
{
    return info_of(code)->http_status;
}

int bw_err_exit_code(enum bw_err code)
{
    return info_of(code)->exit_code;
}

bool bw_err_is_retryable(enum bw_err code)
{
    return info_of(code)->is_retryable;
}

enum bw_err bw_err_from_name(const char *name)
{
    for (int i = 0; i < BW_ERR_COUNT_; i++) {
        if (strcmp(INFO[i].name, name) == 0)
            return (enum bw_err)i;
    }
    return BW_ERR_INTERNAL;
}
