/* http1_write.c - responses. A header that could end early is refused before a byte is written. */
#include "codec/http1.h"

#include "base/assert.h"
#include "codec/date.h"

const char *bw_http1_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {100, "Continue"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].status == status)
            return texts[i].text;
    }
    return "Status";
}

void bw_http1_put_date(struct bw_buf *out, struct bw_stamp at)
{
    static const char days[] = "MonTueWedThuFriSatSun";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct bw_civil civil;
    bool is_printable = bw_civil_of(at, 0, &civil);
    BW_ASSERT(is_printable);
    bw_buf_printf(out, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                  days + ((size_t)bw_date_weekday(civil.date) - 1) * 3, civil.date.day,
                  months + ((size_t)civil.date.month - 1) * 3, (int)civil.date.year,
                  (int)civil.second_of_day / 3600, (int)civil.second_of_day / 60 % 60,
                  (int)civil.second_of_day % 60);
}

/* RFC 9110 5.6.2. */
static bool is_token(struct bw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return text.len > 0;
}

static bool is_field_value(struct bw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7F)
            return false;
    }
    return true;
}

static enum bw_err check_headers(const struct bw_http1_response *response, struct bw_error *error)
{
    BW_ASSERT(response->status >= 200 && response->status <= 599);
    for (size_t i = 0; i < response->header_count; i++) {
        const struct bw_http1_header *header = &response->headers[i];
        if (!is_token(header->name))
            return bw_fail(error, BW_ERR_INVALID, "response header %zu: its name is not a token",
                           i + 1);
        if (!is_field_value(header->value))
            return bw_fail(error, BW_ERR_INVALID, "response header %.*s: a control byte in it",
                           BW_STR_ARG(header->name));
    }
    return BW_ERR_OK;
}

static void put_head(struct bw_buf *out, const struct bw_http1_response *response)
{
    bw_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: ", response->status,
                  bw_http1_status_text(response->status));
    bw_http1_put_date(out, response->at);
    bw_buf_put_text(out, "\r\n");
    for (size_t i = 0; i < response->header_count; i++) {
        bw_buf_put_str(out, response->headers[i].name);
        bw_buf_put_text(out, ": ");
        bw_buf_put_str(out, response->headers[i].value);
        bw_buf_put_text(out, "\r\n");
    }
    if (!response->keeps_alive)
        bw_buf_put_text(out, "Connection: close\r\n");
}

enum bw_err bw_http1_put_response(struct bw_buf *out, const struct bw_http1_response *response,
                                  struct bw_error *error)
{
    enum bw_err err = check_headers(response, error);
    if (err != BW_ERR_OK)
        return err;
    put_head(out, response);
    bool has_body = response->status != 204 && response->status != 304;
    if (has_body)
        bw_buf_printf(out, "Content-Length: %zu\r\n", response->body.len);
    bw_buf_put_text(out, "\r\n");
    if (has_body && !response->is_head)
        bw_buf_put_str(out, response->body);
    return BW_ERR_OK;
}

void bw_http1_put_continue(struct bw_buf *out)
{
    bw_buf_put_text(out, "HTTP/1.1 100 Continue\r\n\r\n");
}

enum bw_err bw_http1_put_stream_head(struct bw_buf *out, const struct bw_http1_response *response,
                                     struct bw_error *error)
{
    enum bw_err err = check_headers(response, error);
    if (err != BW_ERR_OK)
        return err;
    put_head(out, response);
    bw_buf_put_text(out, "Transfer-Encoding: chunked\r\n\r\n");
    return BW_ERR_OK;
}

void bw_http1_put_chunk(struct bw_buf *out, struct bw_str bytes)
{
    if (bytes.len == 0)
        return; /* a chunk of no bytes would end the stream */
    bw_buf_printf(out, "%zx\r\n", bytes.len);
    bw_buf_put_str(out, bytes);
    bw_buf_put_text(out, "\r\n");
}

void bw_http1_put_stream_end(struct bw_buf *out)
{
    bw_buf_put_text(out, "0\r\n\r\n");
}
