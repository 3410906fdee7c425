/* http1.c - the request parser.
 *
 * The head is collected first, byte by byte, by a scanner that knows nothing but lines; then llhttp
 * parses it in one piece. Both must agree where the head ends, otherwise the request is refused:
 * two parsers that disagree are what request smuggling is made of. The body goes through llhttp as
 * it comes.
 */
#include "codec/http1.h"

#include "base/assert.h"
#include "base/mem.h"
#include "codec/b64.h"
#include "codec/http1_chunk.h"
#include <llhttp.h>

#define HOST_BYTES_MAX 260

enum state {
    IN_HEAD,
    AT_BODY, /* HEAD is told, the caller has had its word */
    IN_BODY,
    COMPLETE,
    FAILED,
};

struct bw_http1 {
    struct bw_http1_limits limits;
    enum state state;
    llhttp_t llhttp;
    struct bw_http1_request request;

    struct bw_buf head;
    size_t line_len;     /* bytes of the line that is being collected, without its end */
    size_t line_count;   /* lines ended so far */
    char last;           /* byte before the next one */
    bool has_value;      /* the last header has its value (while llhttp parses) */
    bool has_blank_line; /* one empty line before the request line is allowed */

    size_t body_bytes_max;
    struct bw_buf body;
    struct bw_chunk_walk chunks; /* of a chunked body */
    bool is_message_complete;

    int status; /* of FAILED */
    const char *reason;
};

/* --- failing ------------------------------------------------------------------------------ */

/* The first failure counts. */
static void fail(struct bw_http1 *http1, int status, const char *reason)
{
    if (http1->state == FAILED)
        return;
    http1->state = FAILED;
    http1->status = status;
    http1->reason = reason;
}

static void fail_llhttp(struct bw_http1 *http1, enum llhttp_errno code)
{
    switch ((int)code) {
    case HPE_INVALID_METHOD:
        fail(http1, 501, "the method is not known");
        break;
    case HPE_INVALID_VERSION:
        fail(http1, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
        break;
    case HPE_INVALID_URL:
        fail(http1, 400, "the target has a byte that must be percent-encoded");
        break;
    case HPE_INVALID_HEADER_TOKEN:
        fail(http1, 400, "a header has a byte that none may have");
        break;
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        fail(http1, 400, "Content-Length is malformed, doubled or beside Transfer-Encoding");
        break;
    case HPE_INVALID_TRANSFER_ENCODING:
        fail(http1, 400, "Transfer-Encoding is malformed");
        break;
    case HPE_INVALID_CHUNK_SIZE:
        fail(http1, 400, "a chunk size is not a hexadecimal number");
        break;
    default:
        fail(http1, 400, "the request is malformed");
        break;
    }
}

/* --- llhttp's callbacks ------------------------------------------------------------------- */

static struct bw_http1 *http1_of(llhttp_t *llhttp)
{
    return bw_container_of(llhttp, struct bw_http1, llhttp);
}

static int refuse(llhttp_t *llhttp, int status, const char *reason)
{
    fail(http1_of(llhttp), status, reason);
    return HPE_USER;
}

/* The head is parsed in one piece, so each callback of the head gets its span whole. */
static int on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct bw_http1 *http1 = http1_of(llhttp);
    if (len > http1->limits.target_bytes_max)
        return refuse(llhttp, 414, "the target is too long");
    http1->request.path = bw_str(at, len);
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct bw_http1 *http1 = http1_of(llhttp);
    struct bw_http1_request *request = &http1->request;
    if (http1->state != IN_HEAD)
        return refuse(llhttp, 400, "trailers are not taken");
    if (request->header_count == BW_HTTP1_HEADERS_MAX)
        return refuse(llhttp, 431, "too many headers");
    request->headers[request->header_count++] = (struct bw_http1_header){.name = bw_str(at, len)};
    http1->has_value = false;
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct bw_http1 *http1 = http1_of(llhttp);
    struct bw_http1_request *request = &http1->request;
    if (request->header_count == 0 || http1->has_value)
        return refuse(llhttp, 400, "a header without a name");
    http1->has_value = true;
    request->headers[request->header_count - 1].value = bw_str(at, len);
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    llhttp->upgrade = 0; /* an upgrade is only asked for; we answer in HTTP/1.1 */
    return HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct bw_http1 *http1 = http1_of(llhttp);
    bw_buf_put(&http1->body, at, len);
    if (http1->body.is_over)
        return refuse(llhttp, 413, "the body is too long");
    return 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    http1_of(llhttp)->is_message_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- life --------------------------------------------------------------------------------- */

static size_t or_default(size_t value, size_t otherwise)
{
    return value ? value : otherwise;
}

struct bw_http1 *bw_http1_create(const struct bw_http1_limits *limits)
{
    struct bw_http1 *http1 = bw_xcalloc(1, sizeof *http1);
    struct bw_http1_limits *own = &http1->limits;
    if (limits)
        *own = *limits;
    own->head_bytes_max = or_default(own->head_bytes_max, (size_t)16 * 1024);
    own->target_bytes_max = or_default(own->target_bytes_max, (size_t)2 * 1024);
    own->body_bytes_max = or_default(own->body_bytes_max, (size_t)1024 * 1024);
    own->chunk_extension_bytes_max = or_default(own->chunk_extension_bytes_max, 1024);
    bw_buf_init(&http1->head, own->head_bytes_max);
    bw_buf_init(&http1->body, own->body_bytes_max);
    bw_http1_reset(http1);
    return http1;
}

void bw_http1_destroy(struct bw_http1 *http1)
{
    if (!http1)
        return;
    bw_buf_deinit(&http1->head);
    bw_buf_deinit(&http1->body);
    bw_free(http1);
}

void bw_http1_reset(struct bw_http1 *http1)
{
    BW_ASSERT(http1->state == IN_HEAD || http1->state == COMPLETE);
    llhttp_init(&http1->llhttp, HTTP_REQUEST, &settings);
    http1->state = IN_HEAD;
    memset(&http1->request, 0, sizeof http1->request);
    bw_buf_clear(&http1->head);
    bw_buf_deinit(&http1->body); /* a large body is not kept while the connection idles */
    http1->line_len = 0;
    http1->line_count = 0;
    http1->last = '\0';
    http1->has_blank_line = false;
    http1->body_bytes_max = http1->limits.body_bytes_max;
    http1->has_value = false;
    bw_chunk_walk_init(&http1->chunks, http1->limits.chunk_extension_bytes_max);
    http1->is_message_complete = false;
}

/* --- the head ----------------------------------------------------------------------------- */

/* Takes one byte of the head. True when it was the last one. */
static bool scan_byte(struct bw_http1 *http1, char c)
{
    char last = http1->last;
    http1->last = c;
    if (c == '\0')
        fail(http1, 400, "a zero byte in the head");
    else if (last == '\r' && c != '\n')
        fail(http1, 400, "a CR without its LF in the head");
    else if (c == '\n' && last != '\r')
        fail(http1, 400, "an LF without its CR in the head");
    else if (http1->line_len == 0 && (c == ' ' || c == '\t'))
        fail(http1, 400,
             "a line of the head begins with white space (folded headers are not taken)");
    else if (http1->line_len == 0 && c == ':')
        fail(http1, 400, "a header without a name");
    else if (http1->line_count == 0 && c == ' ' && last == ' ')
        fail(http1, 400, "two spaces in the request line");
    if (http1->state == FAILED)
        return false;
    bw_buf_put_char(&http1->head, c);
    if (http1->head.is_over) {
        bool is_target = http1->line_count == 0;
        fail(http1, is_target ? 414 : 431,
             is_target ? "the target is too long" : "the head is too long");
        return false;
    }
    if (c == '\r')
        return false;
    if (c != '\n') {
        http1->line_len++;
        return false;
    }
    bool is_blank = http1->line_len == 0;
    http1->line_len = 0;
    if (is_blank && http1->line_count == 0 && !http1->has_blank_line) {
        http1->has_blank_line = true; /* RFC 9112 2.2: one empty line before the request line */
        bw_buf_clear(&http1->head);
        return false;
    }
    http1->line_count++;
    return is_blank;
}

static struct bw_str trim(struct bw_str text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Equal but for the case of ASCII letters; `lower` is in lower case. */
static bool equals_ignoring_case(struct bw_str text, const char *lower)
{
    if (text.len != strlen(lower))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != lower[i])
            return false;
    }
    return true;
}

/* Names in lower case, in place: the head is our own copy. Values trimmed and without control
 * bytes. */
static void tidy_headers(struct bw_http1 *http1)
{
    for (size_t i = 0; i < http1->request.header_count; i++) {
        struct bw_http1_header *header = &http1->request.headers[i];
        char *name = http1->head.ptr + (header->name.ptr - http1->head.ptr);
        for (size_t at = 0; at < header->name.len; at++) {
            if (name[at] >= 'A' && name[at] <= 'Z')
                name[at] = (char)(name[at] - 'A' + 'a');
        }
        header->value = trim(header->value);
        for (size_t at = 0; at < header->value.len; at++) {
            unsigned char byte = (unsigned char)header->value.ptr[at];
            if ((byte < 0x20 && byte != '\t') || byte == 0x7F)
                fail(http1, 400, "a control byte in a header");
        }
    }
}

static void check_target(struct bw_http1 *http1)
{
    struct bw_http1_request *request = &http1->request;
    struct bw_str target = request->path;
    bool is_asterisk =
        bw_str_eq(target, BW_STR("*")) && bw_str_eq(request->method, BW_STR("OPTIONS"));
    if (!is_asterisk && !bw_str_starts(target, BW_STR("/"))) {
        fail(http1, 400, "the target is not a path");
        return;
    }
    for (size_t i = 0; i < target.len; i++) {
        char c = target.ptr[i];
        if (c <= ' ' || c > '~' || c == '#' || c == '\\') {
            fail(http1, 400, "the target has a byte that must be percent-encoded");
            return;
        }
        if (c == '%' && (target.len - i < 3 || bw_hex_digit(target.ptr[i + 1]) < 0 ||
                         bw_hex_digit(target.ptr[i + 2]) < 0)) {
            fail(http1, 400, "the target has a % without two hexadecimal digits");
            return;
        }
    }
    const char *mark = memchr(target.ptr, '?', target.len);
    if (mark) {
        size_t path_len = (size_t)(mark - target.ptr);
        request->path = bw_str(target.ptr, path_len);
        request->query = bw_str(mark + 1, target.len - path_len - 1);
    }
}

static void check_method(struct bw_http1 *http1)
{
    static const uint8_t methods[] = {HTTP_GET,   HTTP_HEAD,   HTTP_POST,   HTTP_PUT,
                                      HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS};
    for (size_t i = 0; i < sizeof methods; i++) {
        if (http1->llhttp.method == methods[i]) {
            const char *name = llhttp_method_name((llhttp_method_t)http1->llhttp.method);
            http1->request.method = bw_str_of(name);
            return;
        }
    }
    fail(http1, 501, "the method is not known");
}

static void check_host(struct bw_http1 *http1)
{
    struct bw_str host = BW_STR_NONE;
    bool has_host = bw_http1_find_header(&http1->request, "host", &host);
    if (!has_host && http1->llhttp.http_minor == 0)
        return;
    if (!has_host)
        fail(http1, 400, "Host is missing");
    else if (host.len == 0 || host.len > HOST_BYTES_MAX)
        fail(http1, 400, "Host is empty or too long");
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && (c == '\0' || !strchr(".-_:[]", c)))
            fail(http1, 400, "Host has a byte that no host has");
    }
}

/* Headers that two readers might join or choose from, if there were two. */
static void check_singletons(struct bw_http1 *http1)
{
    static const char *const names[] = {"authorization",    "content-length", "content-type",
                                        "expect",           "host",           "idempotency-key",
                                        "transfer-encoding"};
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        size_t count = 0;
        for (size_t i = 0; i < http1->request.header_count; i++)
            count += bw_str_eq(http1->request.headers[i].name, bw_str_of(names[n]));
        if (count > 1)
            fail(http1, 400, "a header that may come once came twice");
    }
}

static void check_framing(struct bw_http1 *http1)
{
    struct bw_http1_request *request = &http1->request;
    struct bw_str length;
    struct bw_str coding;
    bool has_length = bw_http1_find_header(request, "content-length", &length);
    bool has_coding = bw_http1_find_header(request, "transfer-encoding", &coding);
    if (has_length && has_coding)
        fail(http1, 400, "Content-Length beside Transfer-Encoding");
    if (has_coding && http1->llhttp.http_minor == 0)
        fail(http1, 400, "Transfer-Encoding in HTTP/1.0");
    if (has_coding && !equals_ignoring_case(coding, "chunked"))
        fail(http1, 501, "a Transfer-Encoding other than chunked");
    for (size_t i = 0; has_length && i < length.len; i++) {
        if (length.ptr[i] < '0' || length.ptr[i] > '9')
            fail(http1, 400, "Content-Length is not a number");
    }
    if (has_length && (length.len == 0 || length.len > 19))
        fail(http1, 400, "Content-Length is not a number");
    /* llhttp must have read the same. */
    bool is_chunked = (http1->llhttp.flags & F_CHUNKED) != 0;
    bool is_counted = (http1->llhttp.flags & F_CONTENT_LENGTH) != 0;
    if (is_chunked != has_coding || is_counted != has_length)
        fail(http1, 400, "the length of the body is not clear");
    request->is_chunked = is_chunked;
    request->body_bytes = is_counted ? http1->llhttp.content_length : 0;
}

static void check_expect(struct bw_http1 *http1)
{
    struct bw_str expect;
    if (!bw_http1_find_header(&http1->request, "expect", &expect))
        return;
    if (!equals_ignoring_case(expect, "100-continue"))
        fail(http1, 417, "only 100-continue can be expected");
    http1->request.expects_continue = http1->llhttp.http_minor > 0;
}

/* The head is collected: parse it and check it. */
static void parse_head(struct bw_http1 *http1)
{
    struct bw_buf *head = &http1->head;
    enum llhttp_errno code = llhttp_execute(&http1->llhttp, head->ptr, head->len);
    if (http1->state == FAILED)
        return;
    if (code != HPE_PAUSED) {
        if (code == HPE_OK)
            fail(http1, 400, "the head ends before it is whole");
        else
            fail_llhttp(http1, code);
        return;
    }
    if (llhttp_get_error_pos(&http1->llhttp) != head->ptr + head->len) {
        fail(http1, 400, "the head ends too early");
        return;
    }
    if (http1->llhttp.http_major != 1 || http1->llhttp.http_minor > 1) {
        fail(http1, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
        return;
    }
    tidy_headers(http1);
    check_method(http1);
    check_target(http1);
    check_singletons(http1);
    check_host(http1);
    check_framing(http1);
    check_expect(http1);
    http1->request.keeps_alive = llhttp_should_keep_alive(&http1->llhttp) != 0;
}

static enum bw_http1_event take_head(struct bw_http1 *http1, struct bw_str *bytes)
{
    while (bytes->len > 0) {
        char c = bytes->ptr[0];
        bytes->ptr++;
        bytes->len--;
        bool is_last = scan_byte(http1, c);
        if (http1->state == FAILED)
            return BW_HTTP1_BAD;
        if (!is_last)
            continue;
        parse_head(http1);
        if (http1->state == FAILED)
            return BW_HTTP1_BAD;
        http1->state = AT_BODY;
        return BW_HTTP1_HEAD;
    }
    return BW_HTTP1_MORE;
}

/* --- the body ----------------------------------------------------------------------------- */

/* Did our walk and llhttp come to the same end? */
static bool is_agreed(const struct bw_http1 *http1, size_t walked, size_t taken)
{
    if (!http1->request.is_chunked)
        return true;
    return walked == taken && http1->is_message_complete == http1->chunks.is_end;
}

static enum bw_http1_event take_body(struct bw_http1 *http1, struct bw_str *bytes)
{
    struct bw_str own = {bytes->len > 0 ? bytes->ptr : "", bytes->len};
    const char *trouble = NULL;
    if (http1->request.is_chunked)
        own.len = bw_chunk_walk_take(&http1->chunks, own, &trouble);
    if (trouble) {
        fail(http1, 400, trouble);
        return BW_HTTP1_BAD;
    }
    llhttp_resume(&http1->llhttp);
    enum llhttp_errno code = llhttp_execute(&http1->llhttp, own.ptr, own.len);
    if (http1->state == FAILED)
        return BW_HTTP1_BAD;
    if (code != HPE_OK && code != HPE_PAUSED) {
        fail_llhttp(http1, code);
        return BW_HTTP1_BAD;
    }
    size_t taken = own.len;
    if (code == HPE_PAUSED)
        taken = (size_t)(llhttp_get_error_pos(&http1->llhttp) - own.ptr);
    BW_ASSERT(taken <= own.len);
    if (!is_agreed(http1, own.len, taken)) {
        fail(http1, 400, "the chunks are malformed");
        return BW_HTTP1_BAD;
    }
    bytes->ptr += taken;
    bytes->len -= taken;
    if (!http1->is_message_complete)
        return BW_HTTP1_MORE;
    http1->request.body = bw_buf_str(&http1->body);
    http1->state = COMPLETE;
    return BW_HTTP1_COMPLETE;
}

enum bw_http1_event bw_http1_take(struct bw_http1 *http1, struct bw_str *bytes)
{
    BW_ASSERT(http1->state != COMPLETE);
    if (http1->state == FAILED)
        return BW_HTTP1_BAD;
    if (http1->state == IN_HEAD)
        return take_head(http1, bytes);
    if (http1->state == AT_BODY) {
        if (http1->request.body_bytes > http1->body_bytes_max) {
            fail(http1, 413, "the body is too long");
            return BW_HTTP1_BAD;
        }
        bw_buf_init(&http1->body, http1->body_bytes_max);
        http1->state = IN_BODY;
    }
    return take_body(http1, bytes);
}

void bw_http1_set_body_max(struct bw_http1 *http1, size_t body_bytes_max)
{
    BW_ASSERT(http1->state == AT_BODY);
    http1->body_bytes_max = body_bytes_max;
}

/* --- answers ------------------------------------------------------------------------------ */

const struct bw_http1_request *bw_http1_request(const struct bw_http1 *http1)
{
    BW_ASSERT(http1->state == AT_BODY || http1->state == IN_BODY || http1->state == COMPLETE);
    return &http1->request;
}

bool bw_http1_is_idle(const struct bw_http1 *http1)
{
    return http1->state == IN_HEAD && http1->head.len == 0;
}

int bw_http1_status(const struct bw_http1 *http1)
{
    BW_ASSERT(http1->state == FAILED);
    return http1->status;
}

const char *bw_http1_reason(const struct bw_http1 *http1)
{
    BW_ASSERT(http1->state == FAILED);
    return http1->reason;
}

bool bw_http1_find_header(const struct bw_http1_request *request, const char *name,
                          struct bw_str *value)
{
    struct bw_str wanted = bw_str_of(name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (bw_str_eq(request->headers[i].name, wanted)) {
            *value = request->headers[i].value;
            return true;
        }
    }
    return false;
}
