/* service_log.h - what the engine and scripts say, on standard error.
 *
 * Offers:  callbacks for the engine's log events and scripts' log lines.
 * Relies on: base/log.h.
 */
#ifndef BW_EDGE_SERVICE_LOG_H
#define BW_EDGE_SERVICE_LOG_H

#include "base/err.h"
#include "base/id.h"
#include "base/str.h"

void bw_service_log_engine(void *ud, const char *event, struct bw_id run, const char *text);
void bw_service_log_script(void *ud, struct bw_id tenant, struct bw_id run, struct bw_str logs);
void bw_service_log_error(const char *event, const struct bw_error *error);
void bw_service_log_text(const char *event, const char *text);

#endif
