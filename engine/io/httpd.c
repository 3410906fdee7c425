/* httpd.c - listening: see httpd.h. Connections are httpd_conn.c's. */
#include "io/httpd.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "io/httpd_conn.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 512
#define QUEUE_BYTES_DEFAULT (8u * BW_MIB)

static void on_connection(uv_stream_t *listener, int status)
{
    struct bw_httpd *httpd = listener->data;
    if (status == 0 && !httpd->is_closed)
        bw_httpd_conn_open(httpd, listener);
}

/* --- the Unix socket */

/* Is somebody listening there? Stores who, as far as the kernel tells. */
static bool is_alive(const struct sockaddr_un *address, long *pid)
{
    struct ucred cred = {0};
    socklen_t len = sizeof cred;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true; /* cannot tell: do not take it away from anybody */
    bool is_answered =
        connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN;
    if (is_answered && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
        *pid = cred.pid;
    close(fd);
    return is_answered;
}

static enum bw_err fail_socket(const char *path, struct bw_error *error)
{
    enum bw_err code = errno == EACCES || errno == EPERM ? BW_ERR_FORBIDDEN : BW_ERR_IO;
    return bw_fail(error, code, "cannot listen on the socket %s: %s", path, strerror(errno));
}

/* Something has the name already. Removes it if it is the socket of a process that is gone. */
static enum bw_err remove_dead(const char *path, const struct sockaddr_un *address,
                               struct bw_error *error)
{
    struct stat info;
    long pid = 0;
    if (lstat(path, &info) != 0)
        return errno == ENOENT ? BW_ERR_OK : fail_socket(path, error);
    if (!S_ISSOCK(info.st_mode))
        return bw_fail(error, BW_ERR_CONFLICT,
                       "%s exists and is not a socket; remove it or choose another path", path);
    if (is_alive(address, &pid))
        return bw_fail(
            error, BW_ERR_CONFLICT,
            "an engine (process %ld) is listening on %s already; stop it, or choose another path",
            pid, path);
    if (unlink(path) != 0 && errno != ENOENT)
        return fail_socket(path, error);
    return BW_ERR_OK;
}

static enum bw_err bind_unix(int fd, const char *path, unsigned mode, struct bw_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    for (int attempt = 0; attempt < 2; attempt++) {
        mode_t before = umask(0777 & ~mode); /* right from its first moment */
        int rc = bind(fd, (const struct sockaddr *)&address, sizeof address);
        int number = errno;
        umask(before);
        if (rc == 0)
            return BW_ERR_OK;
        errno = number;
        if (errno != EADDRINUSE)
            return fail_socket(path, error);
        enum bw_err err = remove_dead(path, &address, error);
        if (err)
            return err;
    }
    return bw_fail(error, BW_ERR_CONFLICT, "another process is taking the socket %s at this moment",
                   path);
}

static enum bw_err listen_unix(struct bw_httpd *httpd, struct bw_error *error)
{
    const char *path = httpd->options.socket_path;
    struct stat info;
    size_t len_max = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (strlen(path) > len_max)
        return bw_fail(
            error, BW_ERR_INVALID,
            "the socket path %s has %zu bytes, at most %zu are possible; choose a shorter one",
            path, strlen(path), len_max);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_socket(path, error);
    enum bw_err err = bind_unix(fd, path, httpd->options.socket_mode, error);
    if (err) {
        close(fd);
        return err;
    }
    if (lstat(path, &info) == 0) {
        httpd->socket_dev = info.st_dev;
        httpd->socket_ino = info.st_ino;
    }
    uv_pipe_init(bw_loop_uv(httpd->loop), &httpd->unix_listener, 0);
    httpd->unix_listener.data = httpd;
    httpd->has_unix = true;
    httpd->handles_open++;
    int rc = uv_pipe_open(&httpd->unix_listener, fd);
    BW_ASSERT(rc == 0);
    rc = uv_listen((uv_stream_t *)&httpd->unix_listener, BACKLOG, on_connection);
    return rc == 0 ? BW_ERR_OK
                   : bw_fail(error, BW_ERR_IO, "cannot listen on the socket %s: %s", path,
                             uv_strerror(rc));
}

/* --- TCP */

static bool parse_loopback(const char *host, int port, struct sockaddr_storage *address)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    *address = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    if (uv_ip4_addr(host, port, &in) == 0 && (ntohl(in.sin_addr.s_addr) >> 24) == 127) {
        memcpy(address, &in, sizeof in);
        return true;
    }
    if (uv_ip6_addr(host, port, &in6) == 0 && IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr)) {
        memcpy(address, &in6, sizeof in6);
        return true;
    }
    return false;
}

static int bound_port(const uv_tcp_t *listener)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    int len = sizeof address;
    uv_tcp_getsockname(listener, (struct sockaddr *)&address, &len);
    memcpy(&in, &address, sizeof in);
    memcpy(&in6, &address, sizeof in6);
    return ntohs(address.ss_family == AF_INET6 ? in6.sin6_port : in.sin_port);
}

static enum bw_err listen_tcp(struct bw_httpd *httpd, struct bw_error *error)
{
    const char *host = httpd->options.tcp_host;
    int port = httpd->options.tcp_port;
    struct sockaddr_storage address;
    if (port < 0 || port > 65535)
        return bw_fail(error, BW_ERR_INVALID, "%d is not a port: 0 to 65535", port);
    if (!parse_loopback(host, port, &address))
        return bw_fail(error, BW_ERR_INVALID,
                       "%s is not a loopback address (127.0.0.1 or ::1); other machines are served "
                       "through a proxy "
                       "with TLS",
                       host);
    uv_tcp_init(bw_loop_uv(httpd->loop), &httpd->tcp_listener);
    httpd->tcp_listener.data = httpd;
    httpd->has_tcp = true;
    httpd->handles_open++;
    int rc = uv_tcp_bind(&httpd->tcp_listener, (const struct sockaddr *)&address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&httpd->tcp_listener, BACKLOG, on_connection);
    if (rc == UV_EADDRINUSE)
        return bw_fail(error, BW_ERR_CONFLICT,
                       "port %d on %s is in use by another program; stop it or choose another port",
                       port, host);
    if (rc != 0)
        return bw_fail(error, rc == UV_EACCES ? BW_ERR_FORBIDDEN : BW_ERR_IO,
                       "cannot listen on %s port %d: %s", host, port, uv_strerror(rc));
    httpd->port = bound_port(&httpd->tcp_listener);
    return BW_ERR_OK;
}

/* --- open and close */

static void set_defaults(struct bw_httpd_options *options)
{
    if (options->socket_mode == 0)
        options->socket_mode = 0600;
    if (options->connections_max == 0)
        options->connections_max = BW_LIMIT_HTTP_CONNECTIONS;
    if (options->body_bytes_max == 0)
        options->body_bytes_max = BW_LIMIT_HTTP_BODY_BYTES;
    if (options->queue_bytes_max == 0)
        options->queue_bytes_max = QUEUE_BYTES_DEFAULT;
    if (options->idle_timeout_ms == 0)
        options->idle_timeout_ms = 60000;
    if (options->head_timeout_ms == 0)
        options->head_timeout_ms = 10000;
    if (options->body_timeout_ms == 0)
        options->body_timeout_ms = 30000;
    if (options->write_timeout_ms == 0)
        options->write_timeout_ms = 30000;
}

static void free_when_closed(struct bw_httpd *httpd)
{
    if (!httpd->is_closed || httpd->handles_open > 0)
        return;
    bw_free(httpd->socket_path);
    bw_free(httpd->tcp_host);
    bw_free(httpd);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct bw_httpd *httpd = handle->data;
    httpd->handles_open--;
    free_when_closed(httpd);
}

static void stop_listening(struct bw_httpd *httpd)
{
    struct stat info;
    if (httpd->has_unix) {
        httpd->has_unix = false;
        bool is_ours = lstat(httpd->socket_path, &info) == 0 && info.st_dev == httpd->socket_dev &&
                       info.st_ino == httpd->socket_ino;
        if (is_ours)
            unlink(httpd->socket_path);
        uv_close((uv_handle_t *)&httpd->unix_listener, on_listener_closed);
    }
    if (httpd->has_tcp) {
        httpd->has_tcp = false;
        uv_close((uv_handle_t *)&httpd->tcp_listener, on_listener_closed);
    }
}

enum bw_err bw_httpd_open(struct bw_loop *loop, const struct bw_httpd_options *options,
                          struct bw_httpd **out, struct bw_error *error)
{
    struct bw_httpd *httpd = bw_xcalloc(1, sizeof *httpd);
    httpd->loop = loop;
    httpd->options = *options;
    httpd->socket_path = bw_xstrdup(options->socket_path);
    httpd->tcp_host = bw_xstrdup(options->tcp_host);
    httpd->options.socket_path = httpd->socket_path;
    httpd->options.tcp_host = httpd->tcp_host;
    set_defaults(&httpd->options);
    bw_list_init(&httpd->conns);
    enum bw_err err = BW_ERR_OK;
    if (httpd->socket_path)
        err = listen_unix(httpd, error);
    if (!err && httpd->tcp_host)
        err = listen_tcp(httpd, error);
    if (err) {
        bw_httpd_close(httpd);
        return err;
    }
    *out = httpd;
    return BW_ERR_OK;
}

void bw_httpd_close(struct bw_httpd *httpd)
{
    BW_ASSERT(!httpd->is_closed);
    httpd->is_closed = true;
    httpd->on_drained = NULL;
    stop_listening(httpd);
    bw_httpd_conn_close_all(httpd);
    free_when_closed(httpd);
}

void bw_httpd_drain(struct bw_httpd *httpd, bw_loop_fn fn, void *ud)
{
    httpd->is_draining = true;
    httpd->on_drained = fn;
    httpd->drain_ud = ud;
    stop_listening(httpd);
    bw_httpd_conn_drain(httpd);
}

int bw_httpd_port(const struct bw_httpd *httpd)
{
    return httpd->port;
}

size_t bw_httpd_connection_count(const struct bw_httpd *httpd)
{
    return httpd->conn_count;
}
