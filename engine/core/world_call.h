/* world_call.h - the world as one function over values: what billow.testing calls.
 *
 * Offers:  bw_world_call.
 * Relies on: core/world.h.
 *
 *   op             args -> out
 *   now            {} -> us
 *   wait           {} -> us until something happens by itself (-1 = never)
 *   settle         {} -> nil
 *   advance        {us} -> nil
 *   crash          {} -> nil
 *   outage         {us} -> nil: a crash, and the engine stays down for so long
 *   crash_each     {on, stride?, offset?} -> nil: a crash after every, or each stride-th, commit
 *   evict          {} -> nil: closes idle VMs
 *   put_release    {files = {name = bytes}} -> hash (hexadecimal); active from then on
 *   start          {workflow, input, key?, started_by?, id?} -> {is_new, run}
 *   run            {id} -> map
 *   runs           {status?, workflow?, limit?, after?} -> array
 *   journal        {run} -> array; notes, inbox: the same
 *   numbers, series, audit   as the store's reads -> array
 *   tasks          {status?, run?, limit?} -> array
 *   task           {id} -> map
 *   answer_task    {task, answer} -> nil
 *   send_event     {topic, key?, id?, body, expires_us?} -> nil
 *   cancel         {run, reason?, by?} -> nil
 *   resume         {run, value?, latest?} -> nil: with a value, the failed effect is skipped; with
 *                     latest, the run moves to the active release
 *   schedule       {name, verb?, spec?, by?} -> nil: verb "set" (with spec), "pause", "resume",
 *                     "delete"
 *   schedule_times {name or spec, count?} -> array of {at_us, date, start_us}
 *   schedules      {limit?} -> array
 *   http_pending   {} -> array of {body, headers = {{name, value}}, id, method, timeout_ms, url}
 *   http_answer    {id, status, headers?, body?} or {id, error = "TIMEOUT", text?} -> nil
 *   db_pending     {} -> array of {id, kind = "query", name, params, sql}
 *                     or {id, kind = "transaction", run, seq, statements}
 *   db_answer      {id, value} or {id, error = map} -> nil
 *   set_setting    the store's "setting" -> nil
 *   number_series  the store's "series" -> nil
 *   logs           {} -> array of {logs, run}
 *   stats          {} -> {crashes, effects, replays, runs, turns}
 */
#ifndef BW_CORE_WORLD_CALL_H
#define BW_CORE_WORLD_CALL_H

#include "core/world.h"

/* `args`: one encoded map (or nothing). Appends one encoded value to `out`. INVALID names what is
 * wrong with the call; any other code is the engine's or the store's answer. */
BW_MUST_USE enum bw_err bw_world_call(struct bw_world *world, struct bw_str op, struct bw_str args,
                                      struct bw_buf *out, struct bw_error *error);

#endif
