/* sql_guard.c - see sql_guard.h. A tokenizer for PostgreSQL's lexical rules, as far as they
 * decide where a text, a name or a comment ends. */
#include "store/sql_guard.h"

#include <string.h>
#include <strings.h>

enum token {
    TOKEN_END,
    TOKEN_WORD,   /* an unquoted name or keyword */
    TOKEN_QUOTED, /* a "name" */
    TOKEN_PARAM,  /* $1 */
    TOKEN_SEMICOLON,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OTHER, /* operators, numbers, texts */
    TOKEN_BAD,
};

struct scanner {
    const char *start;
    const char *at;
    const char *end;
    const char *problem; /* BAD: what is wrong */
};

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_word_start(c) || is_digit(c) || c == '$';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool looks_at(const struct scanner *scan, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(scan->end - scan->at) >= len && memcmp(scan->at, text, len) == 0;
}

/* Skips spaces and comments (which nest). False when a comment does not end. */
static bool skip_blank(struct scanner *scan)
{
    while (scan->at < scan->end) {
        if (is_space(*scan->at)) {
            scan->at++;
        } else if (looks_at(scan, "--")) {
            while (scan->at < scan->end && *scan->at != '\n' && *scan->at != '\r')
                scan->at++;
        } else if (looks_at(scan, "/*")) {
            size_t depth = 0;
            do {
                if (scan->at >= scan->end) {
                    scan->problem = "a comment does not end";
                    return false;
                }
                if (looks_at(scan, "/*")) {
                    depth++;
                    scan->at += 2;
                } else if (looks_at(scan, "*/")) {
                    depth--;
                    scan->at += 2;
                } else {
                    scan->at++;
                }
            } while (depth > 0);
        } else {
            break;
        }
    }
    return true;
}

/* From behind the opening quote to behind the closing one; a doubled quote is one quote. */
static bool skip_quoted(struct scanner *scan, char quote, bool has_escapes)
{
    while (scan->at < scan->end) {
        char c = *scan->at++;
        if (has_escapes && c == '\\' && scan->at < scan->end)
            scan->at++;
        else if (c == quote && scan->at < scan->end && *scan->at == quote)
            scan->at++;
        else if (c == quote)
            return true;
    }
    scan->problem = quote == '"' ? "a quoted name does not end" : "a text does not end";
    return false;
}

/* $tag$ ... $tag$; `at` stands on the first dollar. False when it is no dollar quote at all or does
 * not end. */
static enum token scan_dollar(struct scanner *scan)
{
    const char *tag = scan->at;
    const char *p = tag + 1;
    if (p < scan->end && is_digit(*p)) {
        while (p < scan->end && is_digit(*p))
            p++;
        scan->at = p;
        return TOKEN_PARAM;
    }
    while (p < scan->end && is_word(*p) && *p != '$')
        p++;
    if (p >= scan->end || *p != '$') {
        scan->at++;
        return TOKEN_OTHER;
    }
    size_t tag_len = (size_t)(p + 1 - tag);
    for (p++; p + tag_len <= scan->end; p++) {
        if (memcmp(p, tag, tag_len) == 0) {
            scan->at = p + tag_len;
            return TOKEN_OTHER;
        }
    }
    scan->problem = "a dollar-quoted text does not end";
    return TOKEN_BAD;
}

static enum token scan_word(struct scanner *scan)
{
    const char *word = scan->at;
    while (scan->at < scan->end && is_word(*scan->at))
        scan->at++;
    size_t len = (size_t)(scan->at - word);
    if (len == 1 && (*word == 'e' || *word == 'E') && looks_at(scan, "'")) {
        scan->at++;
        return skip_quoted(scan, '\'', true) ? TOKEN_OTHER : TOKEN_BAD;
    }
    if (len == 1 && (*word == 'u' || *word == 'U') &&
        (looks_at(scan, "&\"") || looks_at(scan, "&'"))) {
        scan->problem = "U&'...' and U&\"...\" are not allowed: write the character itself";
        return TOKEN_BAD;
    }
    return TOKEN_WORD;
}

static enum token scan_next(struct scanner *scan, struct bw_str *text)
{
    if (!skip_blank(scan))
        return TOKEN_BAD;
    const char *from = scan->at;
    enum token token = TOKEN_OTHER;
    if (scan->at >= scan->end) {
        token = TOKEN_END;
    } else if (is_word_start(*scan->at)) {
        token = scan_word(scan);
    } else if (*scan->at == '$') {
        token = scan_dollar(scan);
    } else {
        char c = *scan->at++;
        if (c == '\'')
            token = skip_quoted(scan, '\'', false) ? TOKEN_OTHER : TOKEN_BAD;
        else if (c == '"')
            token = skip_quoted(scan, '"', false) ? TOKEN_QUOTED : TOKEN_BAD;
        else if (c == ';')
            token = TOKEN_SEMICOLON;
        else if (c == '(')
            token = TOKEN_OPEN;
        else if (c == ')')
            token = TOKEN_CLOSE;
    }
    *text = bw_str(from, (size_t)(scan->at - from));
    return token;
}

static bool word_is(struct bw_str word, const char *name)
{
    return strlen(name) == word.len && strncasecmp(word.ptr, name, word.len) == 0;
}

static bool word_in(struct bw_str word, const char *const *names)
{
    for (; *names; names++) {
        if (word_is(word, *names))
            return true;
    }
    return false;
}

static bool starts_with_word(struct bw_str word, const char *prefix)
{
    size_t len = strlen(prefix);
    return word.len >= len && strncasecmp(word.ptr, prefix, len) == 0;
}

/* Functions that would change the tenant, run SQL held in a text, or block others. The server
 * refuses them as well. */
static bool is_forbidden(struct bw_str word)
{
    static const char *const names[] = {"set_config",
                                        "query_to_xml",
                                        "cursor_to_xml",
                                        "table_to_xml",
                                        "schema_to_xml",
                                        "database_to_xml",
                                        "ts_stat",
                                        "ts_rewrite",
                                        "pg_notify",
                                        "dblink",
                                        NULL};
    static const char *const prefixes[] = {"pg_advisory_", "pg_try_advisory_", "pg_sleep", "lo_"};
    if (word_in(word, names))
        return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (starts_with_word(word, prefixes[i]))
            return true;
    }
    return false;
}

struct guard {
    struct scanner scan;
    size_t param_count;
    struct bw_buf *out;
    const char *copied; /* up to here the text is in `out` */
    int depth;
    bool is_ended; /* a semicolon came */
    bool has_returning;
    bool has_from_start; /* the first word came */
    struct bw_str first;
    struct bw_str verb; /* of the main statement */
    struct bw_error *error;
};

static enum bw_err take_param(struct guard *guard, struct bw_str text)
{
    size_t number = 0;
    for (size_t i = 1; i < text.len && number <= BW_SQL_PARAMS_MAX; i++)
        number = number * 10 + (size_t)(text.ptr[i] - '0');
    if (number == 0 || number > guard->param_count)
        return bw_fail(guard->error, BW_ERR_INVALID,
                       "the statement uses %.*s, but it was given %zu parameters", BW_STR_ARG(text),
                       guard->param_count);
    bw_buf_put(guard->out, guard->copied, (size_t)(text.ptr - guard->copied));
    bw_buf_printf(guard->out, "($1)[%zu]", number);
    guard->copied = text.ptr + text.len;
    return BW_ERR_OK;
}

static enum bw_err take_word(struct guard *guard, enum token token, struct bw_str text)
{
    static const char *const verbs[] = {"select", "insert", "update", "delete", "values", NULL};
    if (token == TOKEN_QUOTED && text.len >= 2)
        text = bw_str(text.ptr + 1, text.len - 2);
    if (is_forbidden(text))
        return bw_fail(guard->error, BW_ERR_FORBIDDEN, "a statement of a script may not use %.*s",
                       BW_STR_ARG(text));
    if (token == TOKEN_QUOTED || guard->depth > 0)
        return BW_ERR_OK;
    if (!guard->first.len)
        guard->first = text;
    if (!guard->verb.len && word_in(text, verbs))
        guard->verb = text;
    if (word_is(text, "returning"))
        guard->has_returning = true;
    return BW_ERR_OK;
}

static enum bw_err take_token(struct guard *guard, enum token token, struct bw_str text)
{
    if (token == TOKEN_BAD)
        return bw_fail(guard->error, BW_ERR_INVALID, "%s", guard->scan.problem);
    if (guard->is_ended)
        return bw_fail(guard->error, BW_ERR_INVALID,
                       "one statement at a time: there is more behind the semicolon");
    switch (token) {
    case TOKEN_WORD:
    case TOKEN_QUOTED:
        return take_word(guard, token, text);
    case TOKEN_PARAM:
        return take_param(guard, text);
    case TOKEN_SEMICOLON:
        guard->is_ended = true;
        bw_buf_put(guard->out, guard->copied, (size_t)(text.ptr - guard->copied));
        guard->copied = guard->scan.end;
        return BW_ERR_OK;
    case TOKEN_OPEN:
        guard->depth++;
        return BW_ERR_OK;
    case TOKEN_CLOSE:
        guard->depth--;
        return BW_ERR_OK;
    case TOKEN_OTHER:
    case TOKEN_END:
    case TOKEN_BAD:
        break;
    }
    return BW_ERR_OK;
}

enum bw_err bw_sql_prepare(struct bw_str text, size_t param_count, struct bw_buf *out,
                           struct bw_sql *sql, struct bw_error *error)
{
    static const char *const allowed[] = {"select", "insert", "update", "delete",
                                          "values", "with",   NULL};
    if (text.len > BW_SQL_BYTES_MAX)
        return bw_fail(error, BW_ERR_LIMIT, "a statement of %zu bytes; at most %u are allowed",
                       text.len, BW_SQL_BYTES_MAX);
    if (param_count > BW_SQL_PARAMS_MAX)
        return bw_fail(error, BW_ERR_LIMIT, "%zu parameters; at most %u are allowed", param_count,
                       BW_SQL_PARAMS_MAX);
    if (text.len == 0)
        return bw_fail(error, BW_ERR_INVALID, "the statement is empty");
    if (memchr(text.ptr, 0, text.len))
        return bw_fail(error, BW_ERR_INVALID, "a statement may not hold a zero byte");
    struct guard guard = {.scan = {text.ptr, text.ptr, text.ptr + text.len, NULL},
                          .param_count = param_count,
                          .out = out,
                          .copied = text.ptr,
                          .error = error};
    for (;;) {
        struct bw_str token_text;
        enum token token = scan_next(&guard.scan, &token_text);
        if (token == TOKEN_END)
            break;
        enum bw_err code = take_token(&guard, token, token_text);
        if (code != BW_ERR_OK)
            return code;
    }
    if (!guard.first.len || !word_in(guard.first, allowed))
        return bw_fail(error, BW_ERR_INVALID,
                       "a statement has to start with select, insert, update, delete, values or "
                       "with, not with %.*s",
                       BW_STR_ARG(guard.first.len ? guard.first : BW_STR("nothing")));
    if (!guard.verb.len)
        return bw_fail(error, BW_ERR_INVALID,
                       "behind its with, the statement has no select, insert, update or delete");
    bw_buf_put(out, guard.copied, (size_t)(guard.scan.end - guard.copied));
    sql->is_read = word_is(guard.verb, "select") || word_is(guard.verb, "values");
    sql->is_returning = sql->is_read || guard.has_returning;
    if (!sql->is_returning)
        bw_buf_put_text(out, "\nreturning 1");
    return BW_ERR_OK;
}
