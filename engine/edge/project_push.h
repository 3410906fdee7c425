/* project_push.h - makes the scripts on disk the tenant's active release, now and whenever a file
 * changes.
 *
 * Offers:  bw_project_push_release (once, through a client), bw_project_push_create (watching, for
 * billow dev). Relies on: edge/project.h, edge/client.h, edge/service.h.
 */
#ifndef BW_EDGE_PROJECT_PUSH_H
#define BW_EDGE_PROJECT_PUSH_H

#include "base/buf.h"
#include "base/err.h"

struct bw_cli;
struct bw_service;
struct bw_project_push;

/* Creates the tenant if it is not there, and stores and activates the standard library, the shared
 * workflows and policies and those of `project_dir` (NULL = none), with time-zone data of `zone`
 * (NULL = none). */
BW_MUST_USE enum bw_err bw_project_push_release(struct bw_cli *cli, const char *tenant,
                                                const char *project_dir, const char *zone,
                                                struct bw_error *error);

/* Pushes now, then looks for changes every half second. Says each release, or what is wrong with
 * it, by `talk`. */
struct bw_project_push *bw_project_push_create(struct bw_service *service, const char *project_dir,
                                               const char *tenant,
                                               void (*talk)(void *ud, const char *text), void *ud);
void bw_project_push_destroy(struct bw_project_push *push);

#endif
