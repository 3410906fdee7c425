/* rig.h - one run in a VM, driven by hand: deliver, look at the commands, replay what was recorded.
 *
 * Offers:  files of a release, turns in JSON, assertions on commands and ends; a bare sandbox for
 * scripts without a run. Relies on: lua/vm.h, lua/sandbox.h, the stdlib folder of the source tree.
 */
#ifndef BW_TESTS_SUPPORT_LUA_RIG_H
#define BW_TESTS_SUPPORT_LUA_RIG_H

#include "support/test.h"

#include "codec/wire.h"
#include "lua/chunk.h"
#include "lua/vm.h"

#define RIG_FILES_MAX 512
#define RIG_TURNS_MAX 64
#define RIG_AT INT64_C(1793469600000000) /* 2026-10-31T18:00:00Z */

struct rig {
    struct bw_arena arena;
    struct bw_release_file files[RIG_FILES_MAX];
    size_t file_count;
    struct bw_release *release;
    struct bw_vm *vm;
    struct bw_id run;
    uint64_t steps_max;
    uint64_t memory_bytes_max;
    uint64_t wall_us_max;         /* 0: none */
    struct bw_turn_result result; /* of the last turn */
    struct bw_str rows[RIG_TURNS_MAX];
    size_t row_count;
};

/* With the standard library, and workflows/t.lua holding `body`, which sees every module of billow
 * as a local, inside run = function(input, state). */
void rig_open(struct rig *rig, const char *body);
/* The same with the whole text of workflows/t.lua. */
void rig_open_file(struct rig *rig, const char *source);
void rig_close(struct rig *rig);
void rig_add_file(struct rig *rig, const char *name,
                  const char *source); /* before the first turn */
/* Throws the release away and makes it again with another workflow (the VM is closed): for replays
 * of changed code. */
void rig_change(struct rig *rig, const char *body);

/* One turn each. Values are JSON (decimals as {"d":"1.5"} are not needed: numbers with a point
 * become decimals). */
void rig_start(struct rig *rig, const char *input);
void rig_resume_from(struct rig *rig, const char *input, const char *state, uint64_t last_seq);
void rig_outcome(struct rig *rig, uint64_t seq, const char *json);
void rig_error(struct rig *rig, uint64_t seq, const char *code, const char *text);
void rig_cancel(struct rig *rig);
/* Several deliveries in one turn: {kind, seq, json} ... */
struct rig_delivery {
    enum bw_delivery_kind kind;
    uint64_t seq;
    const char *json;
};
void rig_turn(struct rig *rig, const struct rig_delivery *deliveries, size_t count);

/* Closes the VM, makes a new one and replays every recorded row. Returns the status of the last
 * replayed row, which is in rig->result. */
enum bw_turn_status rig_replay(struct rig *rig);

void rig_assert_status(struct rig *rig, enum bw_turn_status status);
/* Command number `i` (from 0) of the last turn. */
void rig_assert_command(struct rig *rig, size_t i, const char *kind, const char *args_json);
void rig_assert_value(struct rig *rig, const char *json); /* of the result */
/* Member `key` of the result's value is a text that holds `part`. */
void rig_assert_text(struct rig *rig, const char *key, const char *part);

/* --- without a run: the sandbox alone. Returns what the script returns, as text by tostring,
 * joined by ","; or "error: ..." ; or "killed: steps" / "killed: memory". Valid until the next
 * call. */
const char *rig_script(const char *source);
const char *rig_script_with(const char *source, uint64_t steps_max, size_t memory_bytes_max);

#endif
