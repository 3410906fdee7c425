/* url.c - see url.h. */
#include "codec/url.h"

#include "codec/b64.h"

#define HOST_BYTES_MAX 253
#define LABEL_BYTES_MAX 63

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Takes `prefix` (lower case) off `rest`, whatever the case it is written in. */
static bool take_prefix(struct bw_str *rest, struct bw_str prefix)
{
    if (rest->len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        if (lower(rest->ptr[i]) != prefix.ptr[i])
            return false;
    }
    rest->ptr += prefix.len;
    rest->len -= prefix.len;
    return true;
}

/* Cuts off what stands before the first of the bytes in `stops`, or everything. */
static struct bw_str take_until(struct bw_str *rest, const char *stops)
{
    size_t len = 0;
    while (len < rest->len && (rest->ptr[len] == '\0' || !strchr(stops, rest->ptr[len])))
        len++;
    struct bw_str taken = {rest->ptr, len};
    rest->ptr += len;
    rest->len -= len;
    return taken;
}

static bool is_percent_clean(struct bw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%')
            continue;
        if (text.len - i < 3 || bw_hex_digit(text.ptr[i + 1]) < 0 ||
            bw_hex_digit(text.ptr[i + 2]) < 0)
            return false;
        i += 2;
    }
    return true;
}

/* --- host --------------------------------------------------------------------------------- */

/* Four decimal numbers of 0 to 255 without leading zeros. */
static bool is_ipv4(struct bw_str text)
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        if (part > 0 && (at == text.len || text.ptr[at++] != '.'))
            return false;
        size_t start = at;
        int number = 0;
        while (at < text.len && is_digit(text.ptr[at]) && at - start < 3)
            number = number * 10 + (text.ptr[at++] - '0');
        if (at == start || number > 255 || (at - start > 1 && text.ptr[start] == '0'))
            return false;
    }
    return at == text.len;
}

/* RFC 4291 2.2, without a zone. */
static bool is_ipv6(struct bw_str text)
{
    int groups = 0;
    bool has_gap = false;
    size_t at = 0;
    if (bw_str_starts(text, BW_STR("::"))) {
        has_gap = true;
        at = 2;
    }
    while (at < text.len) {
        size_t start = at;
        while (at < text.len && bw_hex_digit(text.ptr[at]) >= 0)
            at++;
        if (at < text.len && text.ptr[at] == '.') {
            groups += 2;
            at = text.len;
            if (!is_ipv4(bw_str(text.ptr + start, text.len - start)))
                return false;
            break;
        }
        if (at == start || at - start > 4)
            return false;
        groups++;
        if (at == text.len)
            break;
        if (text.ptr[at++] != ':' || at == text.len)
            return false;
        if (text.ptr[at] == ':') {
            if (has_gap)
                return false;
            has_gap = true;
            at++;
        }
    }
    return has_gap ? groups < 8 : groups == 8;
}

/* Says why not, or NULL. */
static const char *check_name(struct bw_str host)
{
    size_t label_at = 0;
    if (host.len == 0)
        return "its host is missing";
    if (host.len > HOST_BYTES_MAX)
        return "its host is over 253 characters";
    for (size_t i = 0; i <= host.len; i++) {
        if (i < host.len && host.ptr[i] != '.') {
            if (!is_alnum(host.ptr[i]) && host.ptr[i] != '-' && host.ptr[i] != '_')
                return "its host has a character that no host has";
            continue;
        }
        if (i == label_at || i - label_at > LABEL_BYTES_MAX)
            return "its host has an empty part, or one over 63 characters";
        if (host.ptr[label_at] == '-' || host.ptr[i - 1] == '-')
            return "a part of its host begins or ends with a hyphen";
        if (i < host.len)
            label_at = i + 1;
    }
    /* Names never end in a number: 2130706433, 0x7f.1 and 127.1 all mean 127.0.0.1 to some
     * resolvers. */
    if (is_digit(host.ptr[label_at]))
        return "its host ends in a number but is not an address of four";
    return NULL;
}

static const char *parse_host(struct bw_str *rest, struct bw_url *url)
{
    if (rest->len > 0 && rest->ptr[0] == '[') {
        rest->ptr++;
        rest->len--;
        url->host_kind = BW_HOST_IPV6;
        url->host = take_until(rest, "]");
        if (rest->len == 0 || !is_ipv6(url->host))
            return "its host is not an address in brackets";
        rest->ptr++;
        rest->len--;
        return NULL;
    }
    url->host = take_until(rest, ":");
    if (is_ipv4(url->host)) {
        url->host_kind = BW_HOST_IPV4;
        return NULL;
    }
    url->host_kind = BW_HOST_NAME;
    return check_name(url->host);
}

static const char *parse_authority(struct bw_str authority, struct bw_url *url)
{
    if (memchr(authority.len ? authority.ptr : "", '@', authority.len))
        return "a user name or password in it is refused";
    const char *trouble = parse_host(&authority, url);
    if (trouble)
        return trouble;
    url->port = url->is_https ? 443 : 80;
    if (authority.len == 0)
        return NULL;
    uint32_t port = 0;
    if (authority.ptr[0] != ':' || authority.len < 2 || authority.len > 6)
        return "its port is not a number of 1 to 65535";
    for (size_t i = 1; i < authority.len; i++) {
        if (!is_digit(authority.ptr[i]))
            return "its port is not a number of 1 to 65535";
        port = port * 10 + (uint32_t)(authority.ptr[i] - '0');
    }
    if (port < 1 || port > UINT16_MAX)
        return "its port is not a number of 1 to 65535";
    url->port = (uint16_t)port;
    return NULL;
}

static const char *parse(struct bw_str text, struct bw_url *url)
{
    struct bw_str rest = text;
    if (text.len > BW_URL_BYTES_MAX)
        return "it is over 8192 bytes";
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || strchr("\"<>\\^`{|}", text.ptr[i]))
            return "it has a byte that must be percent-encoded";
        if (text.ptr[i] == '#')
            return "a fragment (#) is never sent; leave it away";
    }
    if (take_prefix(&rest, BW_STR("https://")))
        url->is_https = true;
    else if (!take_prefix(&rest, BW_STR("http://")))
        return "it does not begin with https:// or http://";
    const char *trouble = parse_authority(take_until(&rest, "/?"), url);
    if (trouble)
        return trouble;
    url->path = take_until(&rest, "?");
    if (rest.len > 0) {
        url->has_query = true;
        url->query = bw_str(rest.ptr + 1, rest.len - 1);
    }
    if (!is_percent_clean(url->path) || !is_percent_clean(url->query))
        return "it has a % without two hexadecimal digits";
    return NULL;
}

enum bw_err bw_url_parse(struct bw_str text, struct bw_url *url, struct bw_error *error)
{
    *url = (struct bw_url){.is_https = false};
    const char *trouble = parse(text, url);
    if (trouble)
        return bw_fail(error, BW_ERR_INVALID, "URL: %s", trouble);
    return BW_ERR_OK;
}

/* --- percent encoding --------------------------------------------------------------------- */

bool bw_url_decode(struct bw_buf *buf, struct bw_str text, bool plus_is_space)
{
    size_t start = buf->len;
    if (!is_percent_clean(text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            c = (char)(bw_hex_digit(text.ptr[i + 1]) << 4 | bw_hex_digit(text.ptr[i + 2]));
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0') {
            buf->len = start;
            return false;
        }
        bw_buf_put_char(buf, c);
    }
    return true;
}

void bw_url_encode(struct bw_buf *buf, struct bw_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (is_alnum(text.ptr[i]) || byte == '-' || byte == '.' || byte == '_' || byte == '~') {
            bw_buf_put_char(buf, text.ptr[i]);
        } else {
            char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
            bw_buf_put(buf, escape, sizeof escape);
        }
    }
}

bool bw_url_query_next(struct bw_str *rest, struct bw_str *key, struct bw_str *value)
{
    while (rest->len > 0 && rest->ptr[0] == '&') {
        rest->ptr++;
        rest->len--;
    }
    if (rest->len == 0)
        return false;
    struct bw_str pair = take_until(rest, "&");
    *key = take_until(&pair, "=");
    *value = pair.len > 0 ? bw_str(pair.ptr + 1, pair.len - 1) : BW_STR_NONE;
    return true;
}
