/* config.h - where settings of the process come from: flags over environment over defaults. The
 * only getenv.
 *
 * Offers:  defaults for the command line, the installed data directory, paths under .billow/.
 * Relies on: edge/cli.h for the struct it fills.
 */
#ifndef BW_EDGE_CONFIG_H
#define BW_EDGE_CONFIG_H

#include "base/buf.h"

struct bw_cli;

/* Fills what the environment says; flags override it later. */
void bw_config_defaults(struct bw_cli *cli);
/* The directory with stdlib/, workflows/, policies/: BILLOW_SHARE, else beside the binary
 * (../share/billow of an installed tree, the source tree of a build). NOT_FOUND says where it
 * looked. Static storage. */
BW_MUST_USE enum bw_err bw_config_share_dir(const char **dir, struct bw_error *error);
/* billow-host: BILLOW_HOST, else ../libexec/billow-host or beside the binary. */
BW_MUST_USE enum bw_err bw_config_host_path(const char **path, struct bw_error *error);
/* BILLOW_HOST_UNCONFINED=1: scripts also run where the kernel gives no system call filter. */
bool bw_config_host_unconfined(void);
/* BILLOW_HOSTS: how many hosts an engine may have; INVALID when it is no number from 1 to
 * BW_HOSTS_MAX. */
BW_MUST_USE enum bw_err bw_config_hosts(size_t *count, struct bw_error *error);
bool bw_config_read_hosts(const char *text, size_t *count);
/* BILLOW_PG_BIN: where the PostgreSQL programs are; NULL = look for them. */
const char *bw_config_pg_bin(void);
/* <dir>/.billow/<name> in `path`. */
void bw_config_state_path(struct bw_buf *path, const char *dir, const char *name);

#endif
