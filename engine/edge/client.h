/* client.h - how a command talks to an engine: one call interface, two ways.
 *
 * Offers:  open (a running engine by its socket; else one started in this process), call, close.
 * Relies on: io/httpcall.h for the socket, edge/service.h for the embedded engine; both end in the
 * same route table.
 */
#ifndef BW_EDGE_CLIENT_H
#define BW_EDGE_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

struct bw_client;

struct bw_client_options {
    const char
        *server; /* socket path; NULL = <dir>/.billow/billow.sock when something answers there */
    const char *dir;      /* project or data directory; its .billow/ holds the private database */
    const char *database; /* conninfo; NULL = the private PostgreSQL */
    const char *tenant;   /* name sent with every call; may be NULL */
    const char *actor;    /* name of the person */
    bool is_repeatable; /* every call may be given twice (keys, ids): it is, when the database of an
                         * engine of our own goes away and comes back */
    bool must_run;      /* do not start an engine: UNAVAILABLE when none runs */
    void (*on_talk)(
        void *ud,
        const char *text); /* progress of the start ("starting PostgreSQL"); may be NULL */
    void *ud;
};

BW_MUST_USE enum bw_err bw_client_open(const struct bw_client_options *options,
                                       struct bw_client **client, struct bw_error *error);
/* Closes the connection; an engine that was started here is stopped in order, its PostgreSQL too.
 */
void bw_client_close(struct bw_client *client);
void bw_client_set_tenant(struct bw_client *client, const char *tenant); /* copied */

/* `body` is an encoded value, may be empty. `answer` gets the encoded value of the answer. Returns
 * OK for every status below 400; otherwise the code of the problem document, with its detail in
 * `error`. Embedded: runs the loop until the answer is there. */
BW_MUST_USE enum bw_err bw_client_call(struct bw_client *client, const char *method,
                                       const char *path, struct bw_str body, struct bw_buf *answer,
                                       struct bw_error *error);
/* SIGINT or SIGTERM came while an engine of our own runs: every call is refused with CANCELLED. */
bool bw_client_is_interrupted(const struct bw_client *client);
/* Lets an embedded engine work for up to `ms`; sleeps when the engine is elsewhere. For polling. */
void bw_client_wait(struct bw_client *client, int ms);

#endif
