/* httpc_check.c - see httpc_check.h. */
#include "io/httpc_check.h"

#include "base/limits.h"

static bool is_token(struct bw_str text)
{
    static const char extra[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_alnum && (c == '\0' || !strchr(extra, c)))
            return false;
    }
    return text.len > 0;
}

static bool has_control(struct bw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

bool bw_httpc_name_eq(struct bw_str text, const char *lower)
{
    if (text.len != strlen(lower))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != lower[i])
            return false;
    }
    return true;
}

/* Headers by which a script could change where a message ends, or to whom it goes. */
static bool is_reserved_header(struct bw_str name)
{
    static const char *const reserved[] = {
        "content-length", "transfer-encoding", "connection", "host",
        "expect",         "upgrade",           "te",         "trailer"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (bw_httpc_name_eq(name, reserved[i]))
            return true;
    return false;
}

static struct bw_str cut(struct bw_str text, size_t len_max)
{
    return bw_str(text.ptr, text.len < len_max ? text.len : len_max);
}

enum bw_err bw_httpc_check(const struct bw_http_request *in, struct bw_error *error)
{
    if (!is_token(in->method) || in->method.len > 32)
        return bw_fail(error, BW_ERR_INVALID, "\"%.*s\" is not an HTTP method",
                       BW_STR_ARG(cut(in->method, 40)));
    bool is_http = in->url.len > 7 && bw_httpc_name_eq(bw_str(in->url.ptr, 7), "http://");
    bool is_https = in->url.len > 8 && bw_httpc_name_eq(bw_str(in->url.ptr, 8), "https://");
    bool has_space = in->url.len > 0 && memchr(in->url.ptr, ' ', in->url.len) != NULL;
    if ((!is_http && !is_https) || has_control(in->url) || has_space)
        return bw_fail(error, BW_ERR_INVALID,
                       "\"%.*s\" is not an absolute http:// or https:// URL without spaces",
                       BW_STR_ARG(cut(in->url, 200)));
    for (size_t i = 0; i < in->header_count; i++) {
        const struct bw_http_header *header = &in->headers[i];
        if (!is_token(header->name) || has_control(header->value))
            return bw_fail(error, BW_ERR_INVALID, "header %zu (\"%.*s\") is not valid", i + 1,
                           BW_STR_ARG(header->name));
        if (header->name.len + header->value.len > BW_LIMIT_HTTP_HEADER_BYTES)
            return bw_fail(error, BW_ERR_LIMIT, "header %zu is longer than %u bytes", i + 1,
                           BW_LIMIT_HTTP_HEADER_BYTES);
        if (is_reserved_header(header->name))
            return bw_fail(error, BW_ERR_INVALID,
                           "the header \"%.*s\" is set by the engine and cannot be given",
                           BW_STR_ARG(header->name));
    }
    if (in->url.len > BW_LIMIT_HTTP_URL_BYTES)
        return bw_fail(error, BW_ERR_LIMIT, "the URL is longer than %u bytes",
                       BW_LIMIT_HTTP_URL_BYTES);
    if (in->timeout_ms <= 0)
        return bw_fail(error, BW_ERR_INVALID, "the timeout has to be positive");
    return BW_ERR_OK;
}

bool bw_httpc_is_idempotent(struct bw_str method)
{
    static const char *const names[] = {"get", "head", "put", "delete", "options", "trace"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bw_httpc_name_eq(method, names[i]))
            return true;
    return false;
}
