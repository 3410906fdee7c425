/* check.h - what both stores refuse before they store anything: values over their ceiling, names
 * that no row can hold.
 *
 * Offers:  one check for each thing that comes in; LIMIT or INVALID names the part that is wrong.
 * Relies on: store/store.h, codec/utf8.h.
 *
 * The ceilings of names are those of the constraints in sql/0001_engine.sql: over them the database
 * would refuse, and say less.
 */
#ifndef BW_STORE_CHECK_H
#define BW_STORE_CHECK_H

#include "store/store.h"

BW_MUST_USE enum bw_err bw_check_commit(const struct bw_turn_commit *commit,
                                        struct bw_error *error);
BW_MUST_USE enum bw_err bw_check_run(const struct bw_run_row *row, struct bw_error *error);
BW_MUST_USE enum bw_err bw_check_message(const struct bw_message *message, struct bw_error *error);
BW_MUST_USE enum bw_err bw_check_event(const struct bw_event *event, struct bw_error *error);
BW_MUST_USE enum bw_err bw_check_fire(const struct bw_schedule_fire *fire, struct bw_error *error);
BW_MUST_USE enum bw_err bw_check_answer(struct bw_str answer, struct bw_error *error);

#endif
