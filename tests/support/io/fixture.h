/* fixture.h - what tests of io/ share: a folder, waiting on the loop, raw client sockets.
 *
 * Offers:  io_dir_make, io_dir_remove, io_wait, io_connect_unix, io_connect_tcp, io_talk,
 * io_listen_tcp. Relies on: io/loop.h, libc sockets.
 */
#ifndef BW_TESTS_SUPPORT_IO_FIXTURE_H
#define BW_TESTS_SUPPORT_IO_FIXTURE_H

#include "support/test.h"

#include "base/buf.h"
#include "io/loop.h"

/* A new folder below /tmp, mode 0755; the text is static. */
const char *io_dir_make(void);
void io_dir_remove(const char *dir); /* with all it holds */

/* Runs the loop until *flag is set; fails the test when that takes longer than half a minute. */
void io_wait(struct bw_loop *loop, const bool *flag);
/* Some iterations, for "nothing more happens". */
void io_settle(struct bw_loop *loop);

int io_connect_unix(const char *path);
int io_connect_tcp(int port);
/* A blocking listener on 127.0.0.1; stores the port. */
int io_listen_tcp(int *port);

/* Sends `request` on a client socket, then runs the loop and reads until `until` has come, or the
 * peer has closed when `until` is NULL. Appends what it read. */
void io_talk(struct bw_loop *loop, int fd, const char *request, const char *until,
             struct bw_buf *got);

#endif
