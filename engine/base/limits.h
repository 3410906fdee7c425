/* limits.h - every ceiling of the engine in one place, and how they hang together.
 *
 * Offers:  BW_LIMIT_*. The biggest word comes first, the unit last.
 * Relies on: nothing.
 *
 * A ceiling is where something is refused with BW_ERR_LIMIT and a text that names it; none is
 * reached in silence.
 */
#ifndef BW_BASE_LIMITS_H
#define BW_BASE_LIMITS_H

#define BW_KIB 1024u
#define BW_MIB (1024u * BW_KIB)

/* Values that cross a border (codec/value.h). */
#define BW_LIMIT_VALUE_DEPTH 64u
#define BW_LIMIT_VALUE_NODES 1000000u
#define BW_LIMIT_VALUE_BYTES (8u * BW_MIB - 64u * BW_KIB)

/* Scripts and their releases. */
#define BW_LIMIT_SCRIPT_BYTES (256u * BW_KIB)
#define BW_LIMIT_RELEASE_BYTES (16u * BW_MIB)
#define BW_LIMIT_RELEASE_FILES 4096u
/* Heap of a run, and steps of a turn: what a workflow may state (limits of workflow.define), and
 * what counts when it states nothing. */
#define BW_LIMIT_VM_BYTES (64u * BW_MIB)
#define BW_LIMIT_VM_DEFAULT_BYTES (16u * BW_MIB)
#define BW_LIMIT_TURN_STEPS 50000000u
#define BW_LIMIT_TURN_STEPS_DEFAULT 5000000u
#define BW_LIMIT_ERROR_TEXT_BYTES (8u * BW_KIB)

/* Turns, commands and messages. */
#define BW_LIMIT_TURN_COMMANDS 10000u
#define BW_LIMIT_TURN_BYTES (32u * BW_MIB)
/* What a replay should not have to read: nothing is refused here, operators are told at 80%. */
#define BW_LIMIT_HISTORY_TURNS 10000u
#define BW_LIMIT_HISTORY_BYTES (48u * BW_MIB)
#define BW_LIMIT_INBOX_MESSAGES_PER_RUN 100000u
#define BW_LIMIT_BATCHES_PER_COMMIT 1024u
#define BW_LIMIT_COMMIT_BYTES (64u * BW_MIB)

/* Frames between engine and host (codec/wire.h). */
#define BW_LIMIT_FRAME_BYTES (64u * BW_MIB)

/* HTTP, in both directions. */
#define BW_LIMIT_HTTP_BODY_BYTES (7u * BW_MIB)
#define BW_LIMIT_HTTP_HEADER_BYTES (64u * BW_KIB)
#define BW_LIMIT_HTTP_HEADERS 100u
#define BW_LIMIT_HTTP_URL_BYTES (8u * BW_KIB)
#define BW_LIMIT_HTTP_CONNECTIONS 1024u

/* Import files. */
#define BW_LIMIT_IMPORT_FILE_BYTES (256u * BW_MIB)
#define BW_LIMIT_IMPORT_FIELD_BYTES (64u * BW_KIB)

_Static_assert(BW_LIMIT_HTTP_BODY_BYTES < BW_LIMIT_VALUE_BYTES, "a body is a value");
_Static_assert(BW_LIMIT_VALUE_BYTES < BW_LIMIT_TURN_BYTES, "a value is part of a turn");
_Static_assert(BW_LIMIT_TURN_BYTES < BW_LIMIT_FRAME_BYTES, "a turn's result is one frame");
_Static_assert(BW_LIMIT_RELEASE_BYTES < BW_LIMIT_FRAME_BYTES, "a release is shipped in one frame");
_Static_assert(BW_LIMIT_TURN_BYTES <= BW_LIMIT_COMMIT_BYTES, "one turn always fits a commit");
_Static_assert(BW_LIMIT_SCRIPT_BYTES < BW_LIMIT_RELEASE_BYTES, "a script is part of a release");

#endif
