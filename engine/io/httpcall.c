/* httpcall.c - see httpcall.h. */
#include "io/httpcall.h"

#include "base/assert.h"
#include "base/mem.h"
#include <curl/curl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct bw_httpcall {
    CURL *easy;
    char *socket_path;
    char text[CURL_ERROR_SIZE];
    const struct bw_httpcall_request *request; /* during perform */
    struct bw_httpcall_answer *answer;
    bool is_sent; /* or about to be: there was a connection */
    bool is_cancelled;
    bool is_over; /* the answer's body is full */
};

static bool make_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, path, strlen(path));
    return true;
}

bool bw_httpcall_is_alive(const char *socket_path)
{
    struct sockaddr_un address;
    if (!make_address(socket_path, &address))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool is_alive = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return is_alive;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ud)
{
    struct bw_httpcall *call = ud;
    struct bw_str slice = bw_str(bytes, size * count);
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (call->request->on_bytes && status < 400) {
        call->is_cancelled = !call->request->on_bytes(call->request->ud, slice);
        return call->is_cancelled ? 0 : slice.len;
    }
    bw_buf_put_str(&call->answer->body, slice);
    call->is_over = call->answer->body.is_over;
    return call->is_over ? 0 : slice.len;
}

static int on_sending(void *ud, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct bw_httpcall *call = ud;
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    call->is_sent = true;
    return CURL_PREREQFUNC_OK;
}

enum bw_err bw_httpcall_open(const char *socket_path, struct bw_httpcall **out,
                             struct bw_error *error)
{
    struct sockaddr_un address;
    if (!make_address(socket_path, &address))
        return bw_fail(error, BW_ERR_INVALID, "the socket path %s is too long: at most %zu bytes",
                       socket_path, sizeof address.sun_path - 1);
    CURL *easy = curl_easy_init();
    if (!easy)
        return bw_fail(error, BW_ERR_UNAVAILABLE, "libcurl cannot be initialized");
    struct bw_httpcall *call = bw_xcalloc(1, sizeof *call);
    call->easy = easy;
    call->socket_path = bw_xstrdup(socket_path);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, call->socket_path);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->text);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "billow/" BW_VERSION);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    *out = call;
    return BW_ERR_OK;
}

void bw_httpcall_close(struct bw_httpcall *call)
{
    if (!call)
        return;
    curl_easy_cleanup(call->easy);
    bw_free(call->socket_path);
    bw_free(call);
}

static void add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    BW_ASSERT(longer != NULL); /* out of memory */
    *list = longer;
}

static bool is_clean(struct bw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static enum bw_err make_headers(const struct bw_httpcall_request *request, struct curl_slist **list,
                                struct bw_error *error)
{
    struct bw_buf line;
    bw_buf_init(&line, 64u * 1024u);
    enum bw_err err = BW_ERR_OK;
    for (size_t i = 0; i < request->header_count && !err; i++) {
        const struct bw_http_header *header = &request->headers[i];
        bw_buf_clear(&line);
        bw_buf_put_str(&line, header->name);
        bw_buf_put_text(&line, header->value.len ? ": " : ";");
        bw_buf_put_str(&line, header->value);
        if (line.is_over || header->name.len == 0 || !is_clean(bw_buf_str(&line)))
            err = bw_fail(error, BW_ERR_INVALID, "the value for the header \"%.*s\" cannot be sent",
                          BW_STR_ARG(header->name));
        else
            add_header(list, bw_buf_cstr(&line));
    }
    bw_buf_clear(&line);
    bw_buf_put_text(&line, "Content-Type: ");
    bw_buf_put_text(&line, request->content_type ? request->content_type : "application/json");
    add_header(list, request->body.len ? bw_buf_cstr(&line) : "Content-Type:");
    add_header(list, "Expect:");
    bw_buf_deinit(&line);
    return err;
}

static enum bw_err explain(const struct bw_httpcall *call, CURLcode code, struct bw_error *error)
{
    const struct bw_httpcall_request *request = call->request;
    const char *why = call->text[0] ? call->text : curl_easy_strerror(code);
    if (call->is_cancelled)
        return bw_fail(error, BW_ERR_CANCELLED, "%s %s: broken off", request->method,
                       request->path);
    if (call->is_over)
        return bw_fail(error, BW_ERR_LIMIT, "%s %s: the answer is larger than %zu bytes",
                       request->method, request->path, call->answer->body.bytes_max);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return bw_fail(error, BW_ERR_TIMEOUT, "%s %s: the engine did not answer within %lld ms",
                       request->method, request->path, (long long)request->timeout_ms);
    if (code == CURLE_URL_MALFORMAT)
        return bw_fail(error, BW_ERR_INVALID, "\"%s\" is not a path", request->path);
    if (call->is_sent)
        return bw_fail(
            error, BW_ERR_UNKNOWN_OUTCOME,
            "%s %s: the engine went away while it answered (%s); look whether it was done before "
            "trying again",
            request->method, request->path, why);
    return bw_fail(error, BW_ERR_UNAVAILABLE,
                   "no engine answers on %s (%s); start one with: billow serve", call->socket_path,
                   why);
}

static void set_request(struct bw_httpcall *call, const struct bw_httpcall_request *request,
                        const char *url, struct curl_slist *headers)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        if (request->body.len > 0 || strcmp(request->method, "GET") != 0) {
            curl_easy_setopt(easy, CURLOPT_POST, 1L);
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len ? request->body.ptr : "");
        }
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    /* libcurl sends again when a kept connection turns out to be dead. A command that changes
     * something must not be sent twice, and a connection to a Unix socket costs next to nothing. */
    bool is_read_only = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, is_read_only ? 0L : 1L);
}

enum bw_err bw_httpcall_perform(struct bw_httpcall *call, const struct bw_httpcall_request *request,
                                struct bw_httpcall_answer *answer, struct bw_error *error)
{
    struct curl_slist *headers = NULL;
    struct bw_buf url;
    bw_buf_init(&url, 64u * 1024u);
    bw_buf_put_text(&url, "http://localhost");
    bw_buf_put_text(&url, request->path);
    call->request = request;
    call->answer = answer;
    call->is_sent = false;
    call->is_cancelled = false;
    call->is_over = false;
    call->text[0] = '\0';
    answer->status = 0;
    answer->content_type[0] = '\0';
    enum bw_err err = make_headers(request, &headers, error);
    if (!err) {
        set_request(call, request, bw_buf_cstr(&url), headers);
        CURLcode code = curl_easy_perform(call->easy);
        if (code != CURLE_OK) {
            err = explain(call, code, error);
        } else {
            long status = 0;
            const char *type = NULL;
            curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
            curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
            answer->status = (int)status;
            snprintf(answer->content_type, sizeof answer->content_type, "%s", type ? type : "");
        }
    }
    curl_slist_free_all(headers);
    bw_buf_deinit(&url);
    return err;
}
