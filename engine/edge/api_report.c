/* api_report.c - figures: views of the database (engine/store/sql/0140_reports.sql), one route. */
#include "edge/api_handlers.h"
#include "edge/api_query.h"
#include "edge/form.h"
#include <stdio.h>
#include <string.h>

enum { SQL_BYTES_MAX = 2048, LIST_BYTES_MAX = 65536 };

/* Columns in the order in which they are shown; the view is billing.report_<name>, '-' as '_'. */
static const struct report {
    const char *name;
    const char *title;
    const char *columns;
    const char *order;
    const char *filter; /* with $1 = period, $2 = days; NULL: everything */
} reports[] = {
    {"accruals", "work done and not billed at a period's end, and its reversal on the next day",
     "period,date,entry,contract,amount,currency", "period, date, contract",
     "$1::text is null or period = $1"},
    {"approval-latency", "how long bills wait for approval, by approver",
     "approver,bills,median_hours,longest_hours", "median_hours desc, approver", NULL},
    {"blocked-revenue", "what cannot be billed, by reason",
     "reason,level,contract,kind,entries,quantity,unit,since", "reason, contract, kind", NULL},
    {"cockpit", "where every contract of a period stands: expected, issued, blocked",
     "period,contract,model,state,currency,expected_net,issued_net,invoices", "period, contract",
     "$1::text is null or period = $1"},
    {"delivery", "from the issue of each invoice to its delivery",
     "period,invoice,customer,issued,delivered,days,attempts,channel,status,reason",
     "issued, invoice", "$1::text is null or period = $1"},
    {"disputes", "every dispute, with its state",
     "dispute,invoice,customer,line,amount,currency,reason,owner,state,raised,days,accepted",
     "raised, dispute", NULL},
    {"dso", "days sales outstanding, by customer",
     "customer,currency,owed,billed_90_days,dso_days,average_age_days", "customer, currency", NULL},
    {"forecast", "how far the close of each period is, and when it will be over",
     "period,contracts,done,waiting,blocked,percent_done,closed_per_hour,forecast", "period",
     "$1::text is null or period = $1"},
    {"holds", "work that a person keeps out of billing: why, whose, and when it is looked at",
     "entry,date,contract,customer,quantity,unit,reason,owner,since,days,review_on,is_due",
     "review_on, entry", NULL},
    {"lead-time", "days from the service to the invoice, and to when it is due",
     "period,contract,customer,kind,entries,days_to_invoice,longest,days_to_due",
     "period, contract, kind", "$1::text is null or period = $1"},
    {"leakage", "entries of more than --days days, neither billed nor left out",
     "entry,kind,date,age_days,person,contract,project,quantity,unit,state,reason",
     "age_days desc, entry", "age_days > coalesce($2::text::integer, 30)"},
    {"lock-up", "days until work is money: not billed, and not paid",
     "customer,currency,unbilled_hours,wip_days,owed,debtor_days,lock_up_days",
     "lock_up_days desc, customer, currency", NULL},
    {"open-disputes", "disputes that wait for their end",
     "dispute,invoice,customer,line,amount,currency,reason,owner,state,raised,answer_by,is_late",
     "answer_by, dispute", NULL},
    {"open-retention", "retainage that is withheld and not released yet, by contract",
     "contract,customer,currency,as_of,withheld,released,open,release", "contract", NULL},
    {"payments", "payments and the invoices they settled",
     "date,payment,customer,payer,amount,currency,unapplied,invoices,rule,by", "date, payment",
     NULL},
    {"realisation", "how much of the work became money, by contract",
     "contract,currency,billed,credited,written_down,written_off,realised_percent,worked_hours,"
     "billed_hours,billed_percent",
     "contract, currency", NULL},
    {"receivables", "what customers owe, by how long it is due",
     "customer,currency,invoices,not_due,to_30_days,to_60_days,older,disputed,total",
     "customer, currency", NULL},
    {"register-es", "Spain's register of invoices: every record, and what breaks the chain",
     "period,position,number,date,kind,tax,total,generated,previous,hash,problem", "position",
     "$1::text is null or period = $1"},
    {"revenue", "delivered, billed and recognised of each closed period, and what is deferred",
     "period,contract,model,currency,delivered,billed,recognised,contract_asset,contract_liability,"
     "prepaid,breakage",
     "period, contract", "$1::text is null or period = $1"},
    {"rework", "bills that were disputed, credited or made again, by period",
     "period,invoices,disputed,credited,made_again,dispute_percent,rework_percent", "period",
     "$1::text is null or period = $1"},
    {"service-stops", "customers for whom work is stopped, and why", "customer,since,reasons",
     "customer", NULL},
    {"unapplied-cash", "money that is applied to no invoice, by age",
     "customer,currency,payments,to_30_days,to_60_days,to_90_days,older,total,oldest",
     "customer, currency", NULL},
    {"unlocked", "approved work that was taken back or changed at its source, and by whose import",
     "period,entry,date,person,contract,what,fields,by,at,approval_now", "period, entry, at",
     "$1::text is null or period = $1"},
    {"unmatched-cash", "money in the bank that nobody has placed",
     "date,entry,account,amount,currency,payer,text,status,age_days", "date, entry", NULL},
    {"wip-aging", "work done and not billed, by age",
     "contract,customer,kind,unit,entries,to_30_days,to_60_days,to_90_days,older,total,oldest",
     "contract, kind, unit", NULL},
    {"withheld-taxes",
     "taxes that customers keep back, by document: what their certificates come to",
     "period,customer,tax,percent,document,issued,currency,base,withheld",
     "period, customer, document, tax", "$1::text is null or period = $1"},
};
enum { REPORT_COUNT = sizeof reports / sizeof reports[0] };

static const struct report *find_report(struct bw_str name)
{
    for (size_t i = 0; i < REPORT_COUNT; i++)
        if (bw_str_eq(name, bw_str_of(reports[i].name)))
            return &reports[i];
    return NULL;
}

void bw_api_reports(struct bw_api_call *call)
{
    struct bw_buf list;
    bw_buf_init(&list, LIST_BYTES_MAX);
    bw_value_put_arr(&list, REPORT_COUNT);
    for (size_t i = 0; i < REPORT_COUNT; i++) {
        bw_value_put_map(&list, 2);
        bw_value_put_key(&list, "name");
        bw_value_put_text(&list, reports[i].name);
        bw_value_put_key(&list, "title");
        bw_value_put_text(&list, reports[i].title);
    }
    bw_api_answer(call, 200, bw_buf_str(&list));
    bw_buf_deinit(&list);
}

/* The columns as an encoded list of texts. */
static void put_columns(struct bw_buf *out, const char *columns)
{
    size_t count = 1;
    for (const char *at = columns; *at; at++)
        count += *at == ',';
    bw_value_put_arr(out, count);
    for (const char *at = columns; at;) {
        const char *comma = strchr(at, ',');
        bw_value_put_str(out, bw_str(at, comma ? (size_t)(comma - at) : strlen(at)));
        at = comma ? comma + 1 : NULL;
    }
}

static void rows_read(void *ud, const struct bw_error *error, struct bw_str rows)
{
    struct bw_api_call *call = ud;
    const struct report *report = find_report(call->parameters[0]);
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    struct bw_form form;
    struct bw_buf columns;
    bw_form_init(&form);
    bw_buf_init(&columns, LIST_BYTES_MAX);
    put_columns(&columns, report->columns);
    bw_form_put_text(&form, "name", report->name);
    bw_form_put_text(&form, "title", report->title);
    bw_form_put_value(&form, "columns", bw_buf_str(&columns));
    bw_form_put_value(&form, "rows", rows);
    bw_api_answer(call, 200, bw_form_finish(&form));
    bw_form_deinit(&form);
    bw_buf_deinit(&columns);
}

static void fail_unknown(struct bw_api_call *call)
{
    struct bw_error error = {0};
    struct bw_buf names;
    bw_buf_init(&names, LIST_BYTES_MAX);
    for (size_t i = 0; i < REPORT_COUNT; i++)
        bw_buf_printf(&names, "%s%s", i ? ", " : "", reports[i].name);
    (void)bw_fail(&error, BW_ERR_NOT_FOUND, "there is no report %.*s: there are %s",
                  BW_STR_ARG(call->parameters[0]), bw_buf_cstr(&names));
    bw_buf_deinit(&names);
    bw_api_fail(call, &error);
}

/* A number of days, or nothing. */
static bool is_days(struct bw_str text)
{
    bool is_good = text.len <= 5;
    for (size_t i = 0; is_good && i < text.len; i++)
        is_good = text.ptr[i] >= '0' && text.ptr[i] <= '9';
    return is_good;
}

void bw_api_report(struct bw_api_call *call)
{
    const struct report *report = find_report(call->parameters[0]);
    struct bw_str parameters[] = {bw_api_query_parameter(call, "period"),
                                  bw_api_query_parameter(call, "days")};
    char sql[SQL_BYTES_MAX], view[64];
    if (!report) {
        fail_unknown(call);
        return;
    }
    if (!is_days(parameters[1])) {
        bw_api_fail_text(call, BW_ERR_INVALID, "days has to be a whole number, for example 30");
        return;
    }
    if (parameters[0].len && !(report->filter && strstr(report->filter, "$1"))) {
        struct bw_error error = {0};
        (void)bw_fail(&error, BW_ERR_INVALID,
                      "the report %s is not by period, it tells how things stand now: leave the "
                      "period out",
                      report->name);
        bw_api_fail(call, &error);
        return;
    }
    snprintf(view, sizeof view, "%s", report->name);
    for (char *at = view; *at; at++)
        if (*at == '-')
            *at = '_';
    snprintf(sql, sizeof sql,
             "select %s from billing.report_%s where ($1::text is null or true) "
             "and ($2::text is null or true) and (%s) order by %s",
             report->columns, view, report->filter ? report->filter : "true", report->order);
    bw_api_query(call, "api.report", sql, parameters, 2, rows_read);
}
