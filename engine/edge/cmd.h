/* cmd.h - the commands of the table, and what they share.
 *
 * Offers:  one function per command (named as it is typed), helpers for files, rows and errors.
 * Relies on: edge/cli.h, edge/client.h. Every command talks to the engine through the API only.
 */
#ifndef BW_EDGE_CMD_H
#define BW_EDGE_CMD_H

#include "codec/value.h"
#include "edge/cli.h"
#include "edge/client.h"

#define BW_CMD_FILE_BYTES_MAX ((size_t)256 * 1024 * 1024)

int bw_cmd_bill(struct bw_cli *cli);
int bw_cmd_dev(struct bw_cli *cli);
int bw_cmd_serve(struct bw_cli *cli);
int bw_cmd_migrate(struct bw_cli *cli);
int bw_cmd_doctor(struct bw_cli *cli);
int bw_cmd_test(struct bw_cli *cli);
int bw_cmd_init(struct bw_cli *cli);
int bw_cmd_import(struct bw_cli *cli);
int bw_cmd_run_start(struct bw_cli *cli);
int bw_cmd_run_list(struct bw_cli *cli);
int bw_cmd_run_show(struct bw_cli *cli);
int bw_cmd_run_explain(struct bw_cli *cli);
int bw_cmd_run_journal(struct bw_cli *cli);
int bw_cmd_run_resume(struct bw_cli *cli);
int bw_cmd_run_cancel(struct bw_cli *cli);
int bw_cmd_replay(struct bw_cli *cli);
int bw_cmd_event_send(struct bw_cli *cli);
int bw_cmd_audit_list(struct bw_cli *cli);
int bw_cmd_schedule_list(struct bw_cli *cli);
int bw_cmd_schedule_show(struct bw_cli *cli);
int bw_cmd_schedule_set(struct bw_cli *cli);
int bw_cmd_schedule_pause(struct bw_cli *cli);
int bw_cmd_schedule_resume(struct bw_cli *cli);
int bw_cmd_schedule_delete(struct bw_cli *cli);
int bw_cmd_schedule_next(struct bw_cli *cli);
int bw_cmd_task_list(struct bw_cli *cli);
int bw_cmd_task_show(struct bw_cli *cli);
int bw_cmd_task_answer(struct bw_cli *cli);
int bw_cmd_task_link(struct bw_cli *cli);
int bw_cmd_task_view(struct bw_cli *cli);
int bw_cmd_invoice_list(struct bw_cli *cli);
int bw_cmd_invoice_show(struct bw_cli *cli);
int bw_cmd_invoice_explain(struct bw_cli *cli);
int bw_cmd_invoice_verify(struct bw_cli *cli);
int bw_cmd_invoice_void(struct bw_cli *cli);
int bw_cmd_readiness(struct bw_cli *cli);
int bw_cmd_ledger_verify(struct bw_cli *cli);
int bw_cmd_ledger_show(struct bw_cli *cli);
int bw_cmd_policy_list(struct bw_cli *cli);
int bw_cmd_policy_show(struct bw_cli *cli);
int bw_cmd_policy_explain(struct bw_cli *cli);
int bw_cmd_policy_set(struct bw_cli *cli);
int bw_cmd_policy_unset(struct bw_cli *cli);
int bw_cmd_policy_diff(struct bw_cli *cli);
int bw_cmd_policy_history(struct bw_cli *cli);
int bw_cmd_preview(struct bw_cli *cli);
int bw_cmd_price(struct bw_cli *cli);
extern const char bw_cmd_price_details[];
int bw_cmd_report(struct bw_cli *cli);
int bw_cmd_script_run(struct bw_cli *cli);
int bw_cmd_credit(struct bw_cli *cli);
int bw_cmd_write_off(struct bw_cli *cli);
int bw_cmd_write_down(struct bw_cli *cli);
int bw_cmd_ledger_hold(struct bw_cli *cli);
int bw_cmd_ledger_release(struct bw_cli *cli);
int bw_cmd_ledger_transfer(struct bw_cli *cli);
int bw_cmd_statement(struct bw_cli *cli);
int bw_cmd_dispute_open(struct bw_cli *cli);
int bw_cmd_dispute_list(struct bw_cli *cli);
int bw_cmd_dispute_show(struct bw_cli *cli);
int bw_cmd_dispute_resolve(struct bw_cli *cli);
int bw_cmd_payment_import(struct bw_cli *cli);
int bw_cmd_payment_list(struct bw_cli *cli);
int bw_cmd_payment_match(struct bw_cli *cli);
int bw_cmd_retention_status(struct bw_cli *cli);
int bw_cmd_retention_preview(struct bw_cli *cli);
int bw_cmd_retention_run(struct bw_cli *cli);
int bw_cmd_retention_hold(struct bw_cli *cli);
int bw_cmd_retention_release(struct bw_cli *cli);
int bw_cmd_retention_holds(struct bw_cli *cli);
int bw_cmd_retention_verify(struct bw_cli *cli);
int bw_cmd_tenant_create(struct bw_cli *cli);
int bw_cmd_tenant_set(struct bw_cli *cli);
int bw_cmd_doctor_runs(struct bw_cli *cli);
int bw_cmd_version(struct bw_cli *cli);
int bw_cmd_completion(struct bw_cli *cli);
int bw_cmd_man(struct bw_cli *cli);

/* --- shared (cmd_shared.c) */
/* Appends the whole file ("-" = standard input). NOT_FOUND, LIMIT, IO name the file. */
BW_MUST_USE enum bw_err bw_cmd_read_file(const char *path, struct bw_buf *bytes,
                                         struct bw_error *error);
BW_MUST_USE enum bw_err bw_cmd_write_file(const char *path, struct bw_str bytes,
                                          struct bw_error *error);
/* Reads the JSON that an option gives: inline JSON, "@file", or "-" for standard input; {} without
 * it. Encoded into `value`. */
BW_MUST_USE enum bw_err bw_cmd_read_input(struct bw_cli *cli, const char *option,
                                          struct bw_buf *value, struct bw_error *error);
/* Makes the directory and its parents. */
BW_MUST_USE enum bw_err bw_cmd_make_dir(const char *path, struct bw_error *error);
/* Paths of the API: a segment, a parameter of the query (NULL: none), each percent-encoded. */
void bw_cmd_put_segment(struct bw_buf *path, const char *text);
void bw_cmd_put_query(struct bw_buf *path, const char *name, const char *value);
/* GETs the path and prints what came: with --json as it is, else by `print`; exit code. */
typedef void bw_print_fn(struct bw_cli *cli, struct bw_str value);
int bw_cmd_show(struct bw_cli *cli, struct bw_buf *path, bw_print_fn *print);
/* The value of --period, checked; NULL when it is not given. USAGE when it is no month. */
BW_MUST_USE enum bw_err bw_cmd_period(struct bw_cli *cli, const char *why, const char **period,
                                      struct bw_error *error);
/* An array of maps as a table with these columns, or as JSON with --json. */
void bw_cmd_print_rows(struct bw_cli *cli, struct bw_str rows, const char *const *heads,
                       const char *const *keys);
void bw_cmd_print_import(struct bw_cli *cli, struct bw_str outcome); /* of edge/import.h */
/* Why a run is parked: text, place in the script, stack. Nothing when it is not. */
void bw_cmd_print_error(struct bw_cli *cli, const struct bw_value *run);
/* Waits until the run needs the engine no longer; prints its outcome; exit code. */
int bw_cmd_wait_run(struct bw_cli *cli, struct bw_str id, struct bw_error *error);
/* Of a setting (cmd_policy.c): `value`, JSON when it is JSON, any other word a text, so that
 * `mode up` needs no quotes; scope_type and scope_id by the options (false: more than one). */
struct bw_form;
void bw_cmd_policy_put_value(struct bw_form *form, const char *text);
bool bw_cmd_policy_put_scope(struct bw_cli *cli, struct bw_form *form);
/* Starts `workflow` with `input` (encoded) and waits for its end; `run` holds the run then. SCRIPT
 * when it did not end well, with the reason. */
BW_MUST_USE enum bw_err bw_cmd_perform(struct bw_cli *cli, const char *workflow,
                                       struct bw_str input, struct bw_buf *run,
                                       struct bw_error *error);
/* A report as its table, CSV or JSON (cmd_report.c); exit code. */
int bw_cmd_print_view(struct bw_cli *cli, const char *name);
/* The readable history of a run (cmd_timeline.c). */
void bw_cmd_print_timeline(struct bw_cli *cli, struct bw_str value);

/* --- a command that is a run of a workflow (cmd_carry_out.c) */
/* Starts it; `run` is what the API answers. `key` may be NULL. */
BW_MUST_USE enum bw_err bw_cmd_start(struct bw_cli *cli, const char *workflow, struct bw_str input,
                                     const char *key, struct bw_buf *run, struct bw_error *error);
/* The open tasks of a run and of those that it called: an encoded list. */
BW_MUST_USE enum bw_err bw_cmd_tasks_of(struct bw_cli *cli, struct bw_str id, struct bw_buf *tasks,
                                        size_t *count, struct bw_error *error);
/* Waits until the run is done, or asks somebody: then `run` is open and `tasks` not empty. SCRIPT
 * when it is parked or cancelled. */
BW_MUST_USE enum bw_err bw_cmd_settle(struct bw_cli *cli, struct bw_str id, struct bw_buf *run,
                                      struct bw_buf *tasks, struct bw_error *error);
/* Its result in words or as JSON, why it did nothing, or what it waits for; exit code. */
int bw_cmd_print_result(struct bw_cli *cli, struct bw_str run, struct bw_str tasks);
/* All of it; exit code. */
int bw_cmd_carry_out(struct bw_cli *cli, const char *workflow, struct bw_str input,
                     const char *key);

/* The tables of commands, by subject. */
extern const struct bw_cli_commands bw_commands_month;
extern const struct bw_cli_commands bw_commands_engine;
extern const struct bw_cli_commands bw_commands_runs;
extern const struct bw_cli_commands bw_commands_policies;
extern const struct bw_cli_commands bw_commands_documents;
extern const struct bw_cli_commands bw_commands_retention;

#endif
