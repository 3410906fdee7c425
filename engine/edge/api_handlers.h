/* api_handlers.h - the handlers of the route table, by file.
 *
 * Offers:  one function per route; each answers its call exactly once.
 * Relies on: edge/api.h.
 */
#ifndef BW_EDGE_API_HANDLERS_H
#define BW_EDGE_API_HANDLERS_H

#include "edge/api.h"
#include "store/store.h"

/* api_system.c */
void bw_api_livez(struct bw_api_call *call);
void bw_api_readyz(struct bw_api_call *call);
void bw_api_version(struct bw_api_call *call);
void bw_api_stats(struct bw_api_call *call);
void bw_api_tenants(struct bw_api_call *call);
void bw_api_tenant(struct bw_api_call *call);
void bw_api_tenant_set(struct bw_api_call *call);
void bw_api_problems(struct bw_api_call *call);
void bw_api_tenant_create(struct bw_api_call *call);
void bw_api_release_put(struct bw_api_call *call);
void bw_api_release_active(struct bw_api_call *call);
/* api_runs.c */
void bw_api_run_start(struct bw_api_call *call);
void bw_api_runs(struct bw_api_call *call);
void bw_api_run(struct bw_api_call *call);
void bw_api_run_journal(struct bw_api_call *call);
void bw_api_run_notes(struct bw_api_call *call);
void bw_api_run_timeline(struct bw_api_call *call);
void bw_api_run_explain(struct bw_api_call *call);
void bw_api_run_cancel(struct bw_api_call *call);
void bw_api_run_replay(struct bw_api_call *call);
void bw_api_run_resume(struct bw_api_call *call);
void bw_api_event(struct bw_api_call *call);
void bw_api_tasks(struct bw_api_call *call);
void bw_api_task(struct bw_api_call *call);
void bw_api_task_answer(struct bw_api_call *call);
/* Whether a task (as its read model gives it) takes this decision; false: the call is answered. */
bool bw_api_is_choice(struct bw_api_call *call, const struct bw_value *task,
                      struct bw_str decision);
/* api_chain.c */
void bw_api_chain(struct bw_api_call *call);
/* api_link.c */
void bw_api_task_link(struct bw_api_call *call);
void bw_api_link_view(struct bw_api_call *call);
void bw_api_link_answer(struct bw_api_call *call);
/* api_bulk.c */
void bw_api_runs_resume(struct bw_api_call *call);
void bw_api_runs_cancel(struct bw_api_call *call);
/* api_billing.c */
void bw_api_invoices(struct bw_api_call *call);
void bw_api_invoice(struct bw_api_call *call);
void bw_api_invoice_html(struct bw_api_call *call);
void bw_api_exceptions(struct bw_api_call *call);
void bw_api_documents(struct bw_api_call *call);
/* api_explain.c */
void bw_api_invoice_explain(struct bw_api_call *call);
/* api_ledger.c */
void bw_api_ledger_verify(struct bw_api_call *call);
void bw_api_ledger_entry(struct bw_api_call *call);
/* api_report.c */
void bw_api_dispute(struct bw_api_call *call);
void bw_api_reports(struct bw_api_call *call);
void bw_api_report(struct bw_api_call *call);
/* api_policy.c */
void bw_api_policies(struct bw_api_call *call);
void bw_api_policy(struct bw_api_call *call);
void bw_api_policy_set(struct bw_api_call *call);
void bw_api_policy_history(struct bw_api_call *call);
/* api_schedule.c */
void bw_api_schedules(struct bw_api_call *call);
void bw_api_schedule(struct bw_api_call *call);
void bw_api_schedule_set(struct bw_api_call *call);
void bw_api_schedule_pause(struct bw_api_call *call);
void bw_api_schedule_resume(struct bw_api_call *call);
void bw_api_schedule_delete(struct bw_api_call *call);
void bw_api_schedule_next(struct bw_api_call *call);
void bw_api_schedule_times(struct bw_api_call *call);
/* api_retention.c */
void bw_api_retention(struct bw_api_call *call);
void bw_api_retention_preview(struct bw_api_call *call);
void bw_api_retention_run(struct bw_api_call *call);
void bw_api_holds(struct bw_api_call *call);
void bw_api_hold(struct bw_api_call *call);
void bw_api_hold_end(struct bw_api_call *call);
/* api_audit.c */
void bw_api_audit(struct bw_api_call *call);
/* A row for what the caller did; `done` comes with the call as `ud`. */
void bw_api_put_audit(struct bw_api_call *call, const char *action, struct bw_str subject,
                      bw_done_fn done);

#endif
