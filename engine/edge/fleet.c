/* fleet.c - see fleet.h. */
#include "edge/fleet.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "edge/project.h"
#include "io/hostproc.h"
#include "io/nursery.h"
#include <stdio.h>

enum { FILES_BYTES_MAX = 64 * BW_MIB, NAME_MAX_LEN = 32 };

struct bw_fleet {
    struct bw_arena arena; /* the library */
    struct bw_release_set library;
    bool has_library;
    struct bw_nursery *nursery;
    size_t count; /* hosts that are open; the last one is for replays */
    struct bw_hostproc *procs[BW_HOSTS_MAX + 1];
    struct bw_host hosts[BW_HOSTS_MAX + 1];
    struct bw_host *list[BW_HOSTS_MAX];
};

/* The scripts of this installation and the zones of this machine: what most releases are made of.
 */
static enum bw_err read_library(struct bw_fleet *fleet, const char *share_dir,
                                struct bw_error *error)
{
    struct bw_buf files, zones;
    bw_buf_init(&files, FILES_BYTES_MAX);
    bw_buf_init(&zones, FILES_BYTES_MAX);
    enum bw_err err = bw_project_read(share_dir, NULL, &files, error);
    bw_project_zones(&zones);
    if (!err) {
        struct bw_value map = bw_value_read(bw_buf_str(&files));
        struct bw_value names = bw_value_read(bw_buf_str(&zones));
        err = bw_project_release(&map, &names, &fleet->arena, &fleet->library, error);
    }
    fleet->has_library = !err;
    bw_buf_deinit(&files);
    bw_buf_deinit(&zones);
    return err;
}

static enum bw_err open_host(struct bw_fleet *fleet, const struct bw_fleet_options *options,
                             const char *name, struct bw_error *error)
{
    size_t i = fleet->count;
    struct bw_hostproc_options host = {.program = options->program,
                                       .nursery = fleet->nursery,
                                       .name = name,
                                       .is_unconfined = options->is_unconfined,
                                       .is_lazy = i > 0};
    enum bw_err err = bw_hostproc_create(options->loop, &host, &fleet->procs[i], error);
    if (err)
        return err;
    fleet->hosts[i] = (struct bw_host)BW_HOSTPROC_TABLE(fleet->procs[i]);
    fleet->count++;
    return BW_ERR_OK;
}

static enum bw_err open_all(struct bw_fleet *fleet, const struct bw_fleet_options *options,
                            struct bw_error *error)
{
    char name[NAME_MAX_LEN];
    enum bw_err err =
        options->share_dir ? read_library(fleet, options->share_dir, error) : BW_ERR_OK;
    struct bw_nursery_options nursery = {.program = options->program,
                                         .is_unconfined = options->is_unconfined,
                                         .library = fleet->has_library ? &fleet->library : NULL};
    if (!err)
        err = bw_nursery_create(&nursery, &fleet->nursery, error);
    for (size_t i = 0; !err && i < options->host_count; i++) {
        snprintf(name, sizeof name, "host-%zu", i + 1);
        err = open_host(fleet, options, name, error);
        fleet->list[i] = &fleet->hosts[i];
    }
    return err ? err : open_host(fleet, options, "replay", error);
}

enum bw_err bw_fleet_open(const struct bw_fleet_options *options, struct bw_fleet **fleet,
                          struct bw_error *error)
{
    BW_ASSERT(options->host_count > 0 && options->host_count <= BW_HOSTS_MAX);
    struct bw_fleet *made = bw_xcalloc(1, sizeof *made);
    bw_arena_init(&made->arena);
    enum bw_err err = open_all(made, options, error);
    if (err) {
        bw_fleet_close(made);
        return err;
    }
    *fleet = made;
    return BW_ERR_OK;
}

void bw_fleet_configure(struct bw_fleet *fleet, struct bw_engine_config *config)
{
    config->hosts = fleet->list;
    config->host_count = fleet->count - 1;
    config->check_host = &fleet->hosts[fleet->count - 1];
    config->library = fleet->has_library ? &fleet->library : NULL;
}

void bw_fleet_close(struct bw_fleet *fleet)
{
    if (!fleet)
        return;
    for (size_t i = 0; i < fleet->count; i++)
        bw_hostproc_close(fleet->procs[i]);
    bw_nursery_destroy(fleet->nursery);
    bw_arena_deinit(&fleet->arena);
    bw_free(fleet);
}

pid_t bw_fleet_pid(const struct bw_fleet *fleet, size_t host)
{
    return host < fleet->count ? bw_hostproc_pid(fleet->procs[host]) : 0;
}
