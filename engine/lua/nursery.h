/* nursery.h - a process that has the library ready, and makes hosts of itself.
 *
 * Offers:  serve. Relies on: lua/lockdown.h, lua/chunk.h, codec/wire.h; Linux (CLONE_PARENT).
 * The engine's end is io/nursery.h.
 *
 * A host that is started from nothing costs milliseconds, most of them for what is the same in
 * every one: exec, namespaces, the library's text and its compilation. The nursery does that once.
 * It never sees a release, a run or anything else of a tenant: its whole input is the library of
 * this installation and "one more host". A host is then a fork of it: the engine's child, not the
 * nursery's; it closes the nursery's socket, and gives up what a nursery may do and a host may not,
 * before it reads its first byte.
 */
#ifndef BW_LUA_NURSERY_H
#define BW_LUA_NURSERY_H

#include "codec/wire.h"

struct bw_release;

#define BW_NURSERY_NAME_MAX 32

/* What a child of a nursery is. */
struct bw_born {
    bool is_born;
    bool has_filter; /* as bw_lockdown's */
    char name[BW_NURSERY_NAME_MAX];
};

/* The files that releases may lie over, and the same ones compiled. */
struct bw_library {
    struct bw_arena arena; /* holds the list, not the bytes: they are mapped */
    struct bw_release_set files;
    struct bw_release *release; /* NULL: none */
};

void bw_library_init(struct bw_library *library);
void bw_library_deinit(struct bw_library *library);

/* Serves the engine at descriptor `fd`. OK with `is_born`: this process is a new host, locked down,
 * and `fd` is its own socket. OK without: the engine has hung up.
 */
BW_MUST_USE enum bw_err bw_nursery_serve(int fd, struct bw_library *library, struct bw_born *born,
                                         struct bw_error *error);

#endif
