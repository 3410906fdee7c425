/* test_world.h - the worlds of a spec, as the one function `billow.testing.native` of Lua.
 *
 * Offers:  create, the function for lua/tool_call.h, destroy.
 * Relies on: core/world_call.h, edge/project.h.
 *
 *   op          value -> answer
 *   settings    {} -> {has_crashes, sample, seed, project}   what `billow test` was asked for
 *   files       {project?} -> {name = text}        the standard library, shared scripts, and a
 * project's open        {now_us, seed} -> integer          a new world close       [world, {}] ->
 * nil any other   [world, args] -> core/world_call.h; "journal" comes decoded (edge/journal_view.h)
 */
#ifndef BW_EDGE_TEST_WORLD_H
#define BW_EDGE_TEST_WORLD_H

#include "base/buf.h"

struct bw_test_worlds;

struct bw_test_settings {
    const char *share_dir;
    const char *project_dir;
    bool has_crashes; /* --crash */
    unsigned sample;  /* --sample: one in so many specs, at one in so many positions; or 0 */
    unsigned seed;    /* which ones */
};

/* The settings are borrowed. */
struct bw_test_worlds *bw_test_worlds_create(const struct bw_test_settings *settings);
void bw_test_worlds_destroy(struct bw_test_worlds *worlds); /* closes what is open */

/* bw_tool_call_fn; `ud` is the worlds. */
BW_MUST_USE enum bw_err bw_test_worlds_call(void *ud, struct bw_str op, struct bw_str value,
                                            struct bw_buf *answer, struct bw_error *error);

/* Did a spec get as far as asking? Tells "specs failed" from "busted did not start". */
bool bw_test_worlds_were_asked(const struct bw_test_worlds *worlds);

#endif
