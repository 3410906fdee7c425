/* api_table.c - every route of the API. Help, tests and (later) the OpenAPI document read this table. */
#include "edge/api_handlers.h"

const struct bw_api_route bw_api_routes[] = {
    {"GET", "/livez", false, "the process is up", bw_api_livez},
    {"GET", "/readyz", false, "the engine holds its shards and the database answers", bw_api_readyz},
    {"GET", "/v1/version", false, "version of the engine", bw_api_version},
    {"GET", "/v1/stats", false, "counters of the engine", bw_api_stats},
    {"GET", "/v1/tenants", false, "list tenants", bw_api_tenants},
    {"POST", "/v1/tenants", false, "create a tenant {name}", bw_api_tenant_create},
    {"POST", "/v1/releases", true, "store and activate a release {files: {name: text}}", bw_api_release_put},
    {"GET", "/v1/releases/active", true, "the active release: hash and file names", bw_api_release_active},
    {"POST", "/v1/runs", true, "start a run {workflow, input, key}", bw_api_run_start},
    {"GET", "/v1/runs", true, "list runs ?status=&workflow=&limit=", bw_api_runs},
    {"GET", "/v1/runs/{id}", true, "a run", bw_api_run},
    {"GET", "/v1/runs/{id}/journal", true, "its journal, decoded", bw_api_run_journal},
    {"GET", "/v1/runs/{id}/notes", true, "its notes: policy decisions, progress", bw_api_run_notes},
    {"GET", "/v1/runs/{id}/timeline", true, "run, journal, tasks and notes together", bw_api_run_timeline},
    {"GET", "/v1/runs/{id}/explain", true, "what it waits for, in words", bw_api_run_explain},
    {"POST", "/v1/runs/{id}/cancel", true, "cancel it {reason}", bw_api_run_cancel},
    {"POST", "/v1/runs/{id}/resume", true, "resume it when parked {skip_with?}", bw_api_run_resume},
    {"POST", "/v1/events", true, "send an event {topic, key, id?, body}", bw_api_event},
    {"GET", "/v1/tasks", true, "list tasks ?status=open|answered|closed|all", bw_api_tasks},
    {"GET", "/v1/tasks/{id}", true, "a task", bw_api_task},
    {"POST", "/v1/tasks/{id}/answer", true, "answer it {decision, by, comment?, data?}", bw_api_task_answer},
    {"GET", "/v1/invoices", true, "list invoices ?period=", bw_api_invoices},
    {"GET", "/v1/invoices/{number}", true, "the canonical invoice object", bw_api_invoice},
    {"GET", "/v1/invoices/{number}/html", true, "its readable page {html}", bw_api_invoice_html},
    {"GET", "/v1/exceptions", true, "exceptions of a period ?period=", bw_api_exceptions},
    {"GET", "/v1/documents/{kind}", true, "newest documents of a kind: contract, customer, ...", bw_api_documents},
};
const size_t bw_api_route_count = sizeof bw_api_routes / sizeof bw_api_routes[0];
