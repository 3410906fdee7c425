/* test_world.c - see test_world.h. */
#include "edge/test_world.h"
#include "core/world_call.h"
#include "edge/form.h"
#include "edge/journal_view.h"
#include "edge/project.h"
#include <stdio.h>

enum { WORLDS_MAX = 64, JOURNAL_BYTES_MAX = 256 * 1024 * 1024 };

struct bw_test_worlds {
    const struct bw_test_settings *settings;
    struct bw_world *worlds[WORLDS_MAX]; /* by handle - 1 */
    bool were_asked;
};

struct bw_test_worlds *bw_test_worlds_create(const struct bw_test_settings *settings)
{
    struct bw_test_worlds *worlds = bw_xcalloc(1, sizeof *worlds);

    worlds->settings = settings;
    return worlds;
}

void bw_test_worlds_destroy(struct bw_test_worlds *worlds)
{
    for (size_t i = 0; i < WORLDS_MAX; i++)
        bw_world_destroy(worlds->worlds[i]);
    bw_free(worlds);
}

bool bw_test_worlds_were_asked(const struct bw_test_worlds *worlds)
{
    return worlds->were_asked;
}

static enum bw_err op_settings(struct bw_test_worlds *worlds, struct bw_buf *answer)
{
    struct bw_form form;

    bw_form_init(&form);
    bw_form_put_bool(&form, "has_crashes", worlds->settings->has_crashes);
    bw_form_put_int(&form, "sample", (int64_t)worlds->settings->sample);
    bw_form_put_int(&form, "seed", (int64_t)worlds->settings->seed);
    bw_form_put_text(&form, "project", worlds->settings->project_dir);
    bw_buf_put_str(answer, bw_form_finish(&form));
    bw_form_deinit(&form);
    return BW_ERR_OK;
}

static enum bw_err op_files(struct bw_test_worlds *worlds, const struct bw_value *args,
                            struct bw_buf *answer, struct bw_error *error)
{
    char dir[4096];
    struct bw_str project = bw_value_get_str(args, "project", BW_STR_NONE);

    if (project.len >= sizeof dir)
        return bw_fail(error, BW_ERR_INVALID, "the project's path has %zu bytes", project.len);
    (void)snprintf(dir, sizeof dir, "%.*s", BW_STR_ARG(project));
    return bw_project_read(worlds->settings->share_dir, project.len ? dir : NULL, answer, error);
}

static enum bw_err op_open(struct bw_test_worlds *worlds, const struct bw_value *args,
                           struct bw_buf *answer, struct bw_error *error)
{
    struct bw_world_options options = {.now_us = bw_value_get_int(args, "now_us", 0),
                                       .seed = (uint64_t)bw_value_get_int(args, "seed", 1)};

    for (int64_t i = 0; i < WORLDS_MAX; i++) {
        if (worlds->worlds[i])
            continue;
        worlds->worlds[i] = bw_world_create(&options);
        bw_value_put_int(answer, i + 1);
        return BW_ERR_OK;
    }
    return bw_fail(error, BW_ERR_LIMIT, "a spec has at most %d worlds", WORLDS_MAX);
}

static enum bw_err op_journal(struct bw_world *world, struct bw_str args, struct bw_buf *answer,
                              struct bw_error *error)
{
    struct bw_buf rows;
    enum bw_err err;

    bw_buf_init(&rows, JOURNAL_BYTES_MAX);
    err = bw_world_call(world, BW_STR("journal"), args, &rows, error);
    if (!err)
        err = bw_journal_view(bw_buf_str(&rows), answer, error);
    bw_buf_deinit(&rows);
    return err;
}

enum bw_err bw_test_worlds_call(void *ud, struct bw_str op, struct bw_str value,
                                struct bw_buf *answer, struct bw_error *error)
{
    struct bw_test_worlds *worlds = ud;
    struct bw_value given = bw_value_read(value), handle = {0}, args = {0};
    struct bw_str rest = given.items;

    worlds->were_asked = true;
    if (bw_str_eq(op, BW_STR("settings")))
        return op_settings(worlds, answer);
    if (bw_str_eq(op, BW_STR("files")))
        return op_files(worlds, &given, answer, error);
    if (bw_str_eq(op, BW_STR("open")))
        return op_open(worlds, &given, answer, error);
    if (given.tag != BW_VALUE_ARR || !bw_value_next(&rest, &handle) ||
        !bw_value_next(&rest, &args) || handle.tag != BW_VALUE_INT || handle.integer < 1 ||
        handle.integer > WORLDS_MAX || !worlds->worlds[handle.integer - 1])
        return bw_fail(error, BW_ERR_INVALID,
                       "%.*s: the world of this spec is closed; make one in each spec",
                       BW_STR_ARG(op));
    struct bw_world **world = &worlds->worlds[handle.integer - 1];
    if (bw_str_eq(op, BW_STR("close"))) {
        bw_world_destroy(*world);
        *world = NULL;
        return BW_ERR_OK;
    }
    if (bw_str_eq(op, BW_STR("journal")))
        return op_journal(*world, args.encoded, answer, error);
    return bw_world_call(*world, op, args.encoded, answer, error);
}
