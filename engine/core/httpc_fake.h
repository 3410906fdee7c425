/* httpc_fake.h - an HTTP client that sends nothing: requests lie there until somebody answers them.
 *
 * Offers:  struct bw_httpc, the requests that wait, answers. Answers reach the engine in pump,
 *          never from inside a call.
 * Relies on: io/httpc.h (the seam). For `billow test`, the simulator and unit tests.
 */
#ifndef BW_CORE_HTTPC_FAKE_H
#define BW_CORE_HTTPC_FAKE_H

#include "io/httpc.h"
#include <stdbool.h>

struct bw_httpc_fake;

struct bw_httpc_fake *bw_httpc_fake_create(void);
void bw_httpc_fake_destroy(struct bw_httpc_fake *fake);           /* calls nobody */
struct bw_httpc *bw_httpc_fake_httpc(struct bw_httpc_fake *fake); /* borrowed */

/* The oldest request that is not answered and has a handle over `after`; NULL when there is none.
 * Valid until it is answered or cancelled. */
const struct bw_http_request *bw_httpc_fake_next(struct bw_httpc_fake *fake, uint64_t after,
                                                 uint64_t *handle);
/* False when no such request waits (it was cancelled, or answered). One of the two is NULL. */
bool bw_httpc_fake_answer(struct bw_httpc_fake *fake, uint64_t handle,
                          const struct bw_http_response *response, const struct bw_error *error);
/* Hands out the answers. True when there was one. */
bool bw_httpc_fake_pump(struct bw_httpc_fake *fake);
/* A crash: whatever is under way is forgotten. */
void bw_httpc_fake_forget(struct bw_httpc_fake *fake);

#endif
