/* wire.h - what engine and host say to each other, and what a turn looks like in the journal, as
 * bytes.
 *
 * Offers:  turn records (one journal row), frames of the host protocol, encode and decode for both
 * sides. Relies on: codec/value.h. Both sides treat what they decode as hostile; fuzzed by
 * tests/fuzz/fuzz_wire.c.
 *
 * Journal row (version 1), the same bytes that a host gets for replay:
 *   u8 version, zigzag turn time (us), varint delivery count, deliveries, varint command count,
 * commands delivery: u8 kind, varint seq, value bytes (varint length) command:  u8 flags, varint
 * seq, kind (bytes), varint line, source file (bytes), args (value bytes) The seed of a run's
 * random() is derived from its id; the turn time is the only clock a script can see.
 *
 * The encoding is canonical (same record, same bytes), so rows can be compared and hashed. An empty
 * `value` or `args` is written as nil and never read back empty.
 */
#ifndef BW_CODEC_WIRE_H
#define BW_CODEC_WIRE_H

#include "base/id.h"
#include "base/mem.h"
#include "base/time.h"
#include "codec/value.h"

#define BW_WIRE_VERSION 1        /* of journal rows */
#define BW_WIRE_FRAMES_VERSION 3 /* of the frames; engine and host are of one build */
#define BW_WIRE_FRAME_BYTES_MAX (64u * 1024u * 1024u)
#define BW_WIRE_TURN_ITEMS_MAX 65536 /* deliveries, commands or pending seqs of one turn */
#define BW_WIRE_BATCH_MAX 4096       /* wakes, results or evictions in one frame */
#define BW_WIRE_RELEASE_FILES_MAX 65536
#define BW_WIRE_KIND_BYTES_MAX 64  /* command kinds: lower case letters, digits, '_' and '.' */
#define BW_WIRE_NAME_BYTES_MAX 512 /* workflow names, file names; without control bytes */

enum bw_delivery_kind {
    BW_DELIVERY_START = 1,   /* seq 0; value = {input=..., state=... (after a checkpoint)} */
    BW_DELIVERY_OUTCOME = 2, /* seq of the command; value = the outcome */
    BW_DELIVERY_ERROR = 3,   /* seq of the command; value = {code, text, detail, is_retryable} */
    BW_DELIVERY_CANCEL = 4,  /* seq 0; value = {reason, by}: raised in every strand, uncatchable */
};

struct bw_delivery {
    enum bw_delivery_kind kind;
    uint64_t seq;
    struct bw_str value; /* encoded value */
};

/* Flag: the script waits for its outcome (effect.call, effect.start); without it: effect.post. */
enum {
    BW_COMMAND_BLOCKS = 1,
    BW_COMMAND_CLEANS_UP = 2, /* asked by a handler that a cancel does not interrupt */
};

struct bw_command {
    uint8_t flags;
    uint64_t seq;       /* counts the commands of a run from 1, contiguous */
    struct bw_str kind; /* "http", "sleep", ... */
    struct bw_str file; /* the script's file, as named in its release */
    uint32_t line;      /* line of the script that asked (first frame outside stdlib) */
    struct bw_str args; /* encoded value */
};

/* One turn: what was delivered and what the script asked for. Arrays and strings borrow. */
struct bw_turn_record {
    struct bw_stamp at; /* turn time */
    struct bw_delivery *deliveries;
    size_t delivery_count;
    struct bw_command *commands;
    size_t command_count;
};

void bw_wire_put_turn(struct bw_buf *buf, const struct bw_turn_record *turn);
/* Arrays come from `arena`; strings borrow from `bytes`. CORRUPT when malformed. */
BW_MUST_USE enum bw_err bw_wire_get_turn(struct bw_str bytes, struct bw_arena *arena,
                                         struct bw_turn_record *turn, struct bw_error *error);

/* --- Frames. On a socket: u32 length of what follows (big-endian), u8 frame type, payload. */
enum bw_frame {
    BW_FRAME_RELEASE = 1,      /* engine -> host: the files of a release */
    BW_FRAME_WAKES = 2,        /* engine -> host: a batch of wakes */
    BW_FRAME_EVICT = 3,        /* engine -> host: run ids to close */
    BW_FRAME_RESULTS = 4,      /* host -> engine: a batch of turn results */
    BW_FRAME_HELLO = 5,        /* host -> engine: once, at start: frames version, Lua version */
    BW_FRAME_ALIVE = 6,        /* host -> engine: still at work on a long batch; no payload */
    BW_FRAME_RELEASE_OVER = 7, /* engine -> host: a release without the files of the library */
    /* Engine and nursery (lua/nursery.h), beside which descriptors travel. */
    BW_FRAME_LIBRARY = 8, /* -> nursery: its length; a file that holds an encoded release */
    BW_FRAME_BEAR = 9,  /* -> nursery: a host of this name; its socket, and where its stderr goes */
    BW_FRAME_BORN = 10, /* <- nursery: process id, or 0 and an error number */
};

#define BW_WIRE_FRAME_HEAD_LEN 5
/* Writes one frame whose payload is there already. */
void bw_wire_put_frame(struct bw_buf *buf, enum bw_frame type, struct bw_str payload);
/* Or: begin, append the payload to `buf`, end with what begin returned. */
size_t bw_wire_begin_frame(struct bw_buf *buf, enum bw_frame type);
void bw_wire_end_frame(struct bw_buf *buf, size_t begun_at);
/* Takes one frame off `rest`; `*type` is 0 when it is not whole yet (nothing is taken). CORRUPT
 * when its length or type is impossible: the stream cannot be followed any further. */
BW_MUST_USE enum bw_err bw_wire_take_frame(struct bw_str *rest, uint8_t *type,
                                           struct bw_str *payload, struct bw_error *error);

struct bw_hello {
    uint32_t wire_version; /* BW_WIRE_FRAMES_VERSION of the host */
    struct bw_str lua;     /* "Lua 5.4.6" */
};
void bw_wire_put_hello(struct bw_buf *buf, const struct bw_hello *hello);
BW_MUST_USE enum bw_err bw_wire_get_hello(struct bw_str bytes, struct bw_hello *hello,
                                          struct bw_error *error);

#define BW_RELEASE_HASH_LEN 32
struct bw_release_file {
    struct bw_str name;
    struct bw_str bytes;
};
struct bw_release_set {
    uint8_t hash[BW_RELEASE_HASH_LEN]; /* bw_wire_release_hash of the files */
    struct bw_release_file *files;     /* sorted by name */
    size_t count;
};

/* SHA-256 over, for each file in the order of names: varint length of the name, the name, SHA-256
 * of the bytes. The files must be sorted by name, each name once. */
void bw_wire_release_hash(const struct bw_release_file *files, size_t count,
                          uint8_t hash[static BW_RELEASE_HASH_LEN]);

/* Wake one run for one turn. */
struct bw_wake {
    struct bw_id run;
    struct bw_id tenant;
    uint8_t release[BW_RELEASE_HASH_LEN];
    struct bw_str workflow; /* name: file workflows/<name>.lua of the release */
    uint64_t turn;          /* number of this turn, from 1 */
    bool is_resident;       /* the host should have the run in memory, after turn-1 */
    struct bw_stamp at;     /* turn time */
    struct bw_str *replay;  /* not resident: journal rows (encoded turns), base to turn-1 */
    size_t replay_count;
    struct bw_delivery *deliveries; /* of this turn */
    size_t delivery_count;
    /* What the workflow may state at most. Replayed turns may use all of it: what they used was
     * enough when it happened. */
    uint64_t steps_max;
    uint64_t memory_bytes_max;
    uint64_t wall_us_max; /* of this turn, and of each replayed one; 0: none */
};

enum bw_turn_status {
    BW_TURN_WAITING = 1,    /* every strand is blocked */
    BW_TURN_DONE = 2,       /* value = result */
    BW_TURN_FAILED = 3,     /* uncaught error; value = {code, text, file, line, stack, detail} */
    BW_TURN_CHECKPOINT = 4, /* value = state; the VM is closed */
    BW_TURN_CANCELLED = 5,  /* unwound after a cancel; value = nil, or {text} of a compensation */
    /* Steps used up; nothing of the turn counts; value = {file, is_stated, limit, line} */
    BW_TURN_BUDGET = 6,
    BW_TURN_MEMORY = 7, /* memory cap reached; value likewise */
    /* value = {seq, turn, recorded={...}, replayed={...}, last_equal={...}, text} */
    BW_TURN_NONDETERMINISM = 8,
    BW_TURN_MISSING = 9,     /* not resident: send it again with its journal */
    BW_TURN_NO_RELEASE = 10, /* the release was not sent to this host */
    BW_TURN_WALL = 11,       /* took too long by the clock (ms); otherwise as BUDGET */
};

struct bw_turn_result {
    struct bw_id run;
    uint64_t turn;
    enum bw_turn_status status;
    struct bw_command *commands; /* of this turn only, in order */
    size_t command_count;
    struct bw_str value; /* see bw_turn_status; may be empty (nil) */
    struct bw_str logs;  /* encoded array of {level, text, fields}; bounded; not journaled */
    uint64_t *pending; /* seqs it still waits for, ascending (after replay: to begin them again) */
    size_t pending_count;
    uint64_t steps;        /* fuel used by this turn */
    uint64_t memory_bytes; /* heap after the turn */
};

/* The getters take arrays from `arena`; strings borrow from `bytes`. Everything is checked: counts,
 * names, value bytes, seqs; CORRUPT names what is wrong and where. A release also has to match its
 * hash. The rows of `replay` are only cut apart: bw_wire_get_turn checks each when it is read. */
void bw_wire_put_release(struct bw_buf *buf, const struct bw_release_set *release);
BW_MUST_USE enum bw_err bw_wire_get_release(struct bw_str bytes, struct bw_arena *arena,
                                            struct bw_release_set *release, struct bw_error *error);
/* The same without the bytes of files that `library` has too, under the same name. Who reads it
 * has the library; their bytes are then the library's own. No hash is compared: both ends are of
 * one machine. */
void bw_wire_put_release_over(struct bw_buf *buf, const struct bw_release_set *release,
                              const struct bw_release_set *library);
BW_MUST_USE enum bw_err bw_wire_get_release_over(struct bw_str bytes,
                                                 const struct bw_release_set *library,
                                                 struct bw_arena *arena,
                                                 struct bw_release_set *release,
                                                 struct bw_error *error);
void bw_wire_put_wakes(struct bw_buf *buf, const struct bw_wake *wakes, size_t count);
BW_MUST_USE enum bw_err bw_wire_get_wakes(struct bw_str bytes, struct bw_arena *arena,
                                          struct bw_wake **wakes, size_t *count,
                                          struct bw_error *error);
void bw_wire_put_evict(struct bw_buf *buf, const struct bw_id *runs, size_t count);
BW_MUST_USE enum bw_err bw_wire_get_evict(struct bw_str bytes, struct bw_arena *arena,
                                          struct bw_id **runs, size_t *count,
                                          struct bw_error *error);
void bw_wire_put_results(struct bw_buf *buf, const struct bw_turn_result *results, size_t count);
BW_MUST_USE enum bw_err bw_wire_get_results(struct bw_str bytes, struct bw_arena *arena,
                                            struct bw_turn_result **results, size_t *count,
                                            struct bw_error *error);

#endif
