/* http_door.h - the API over HTTP: JSON in, encoded values inside, JSON out.
 *
 * Offers:  open on a Unix socket, close.
 * Relies on: io/httpd.h, edge/api.h. Station 1 of docs/walk.md.
 */
#ifndef BW_EDGE_HTTP_DOOR_H
#define BW_EDGE_HTTP_DOOR_H

#include "base/clock.h"
#include "base/err.h"

struct bw_http_door;
struct bw_loop;
struct bw_api;

BW_MUST_USE enum bw_err bw_http_door_open(struct bw_loop *loop, struct bw_api *api,
                                          const char *socket_path, struct bw_clock clock,
                                          struct bw_http_door **door, struct bw_error *error);
void bw_http_door_close(struct bw_http_door *door);

#endif
