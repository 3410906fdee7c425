/* httpd_conn.h - connections of the HTTP server; for httpd.c only.
 *
 * Offers:  struct bw_httpd's shape, bw_httpd_conn_open (takes an accepted stream), and what ends
 * connections. Relies on: io/httpd.h, libuv.
 */
#ifndef BW_IO_HTTPD_CONN_H
#define BW_IO_HTTPD_CONN_H

#include "base/list.h"
#include "io/httpd.h"
#include <uv.h>

struct bw_httpd_conn;

struct bw_httpd {
    struct bw_loop *loop;
    struct bw_httpd_options options; /* with defaults filled in; its texts are the copies below */
    char *socket_path;
    char *tcp_host;
    uv_pipe_t unix_listener;
    uv_tcp_t tcp_listener;
    bool has_unix;
    bool has_tcp;
    int port;
    dev_t socket_dev; /* of the socket file: another engine's is not removed */
    ino_t socket_ino;
    struct bw_list conns;
    size_t conn_count;
    size_t handles_open; /* listeners; the struct is freed at 0 after close */
    bool is_closed;
    bool is_draining;
    bw_loop_fn on_drained;
    void *drain_ud;
    char chunk[64 * 1024]; /* for the read that is going on; all connections share it */
};

/* Accepts the connection that waits on `listener`. */
void bw_httpd_conn_open(struct bw_httpd *httpd, uv_stream_t *listener);
void bw_httpd_conn_close_all(struct bw_httpd *httpd);
/* Ends connections that have no request, and calls on_drained when there is none left. */
void bw_httpd_conn_drain(struct bw_httpd *httpd);

#endif
