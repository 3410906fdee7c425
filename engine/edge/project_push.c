/* project_push.c - see project_push.h. */
#include "edge/project_push.h"
#include "edge/api.h"
#include "edge/cli.h"
#include "edge/cmd.h"
#include "edge/config.h"
#include "edge/form.h"
#include "edge/project.h"
#include "edge/service.h"
#include "io/loop.h"
#include <string.h>

enum { RELEASE_BYTES_MAX = 64 * 1024 * 1024, WATCH_MS = 500 };

/* The body of POST /v1/releases. */
static enum bw_err release_body(const char *project_dir, const char *zone, struct bw_form *form,
                                struct bw_error *error)
{
    struct bw_buf files, zones;
    const char *share;
    enum bw_err err = bw_config_share_dir(&share, error);
    bw_buf_init(&files, RELEASE_BYTES_MAX);
    bw_buf_init(&zones, 65536);
    if (!err)
        err = bw_project_read(share, project_dir, &files, error);
    if (!err) {
        bw_form_put_value(form, "files", bw_buf_str(&files));
        if (zone) {
            bw_value_put_arr(&zones, 1);
            bw_value_put_text(&zones, zone);
        } else {
            bw_project_zones(&zones);
        }
        bw_form_put_value(form, "zones", bw_buf_str(&zones));
    }
    bw_buf_deinit(&files);
    bw_buf_deinit(&zones);
    return err;
}

enum bw_err bw_project_push_release(struct bw_cli *cli, const char *tenant, const char *project_dir,
                                    const char *zone, struct bw_error *error)
{
    struct bw_form name, release;
    struct bw_buf answer;
    bw_form_init(&name);
    bw_form_init(&release);
    bw_buf_init(&answer, 1 << 20);
    bw_form_put_text(&name, "name", tenant);
    enum bw_err err =
        bw_cli_call(cli, "POST", "/v1/tenants", bw_form_finish(&name), &answer, error);
    if (!err) {
        bw_client_set_tenant(cli->client, tenant);
        err = release_body(project_dir, zone, &release, error);
    }
    if (!err) {
        bw_buf_clear(&answer);
        err = bw_cli_call(cli, "POST", "/v1/releases", bw_form_finish(&release), &answer, error);
    }
    bw_form_deinit(&name);
    bw_form_deinit(&release);
    bw_buf_deinit(&answer);
    return err;
}

/* --- watching */
struct bw_project_push {
    struct bw_service *service;
    struct bw_loop_timer *timer;
    char *project_dir;
    char *tenant;
    void (*talk)(void *ud, const char *text);
    void *ud;
    struct bw_buf last;      /* the body that was pushed last */
    struct bw_error problem; /* why the files could not be read; said once */
    bool has_tenant;
    bool is_busy;
};

static void call_api(struct bw_project_push *push, const char *path, struct bw_str body,
                     bw_api_reply_fn reply)
{
    struct bw_api_request request = {.method = BW_STR("POST"),
                                     .path = bw_str_of(path),
                                     .tenant = bw_str_of(push->tenant),
                                     .actor = BW_STR("billow dev"),
                                     .body = body};
    push->is_busy = true;
    bw_api_dispatch(bw_service_api(push->service), &request, reply, push);
}

static void say_text(struct bw_project_push *push, const char *why)
{
    char text[BW_ERROR_TEXT_MAX + 64];
    snprintf(text, sizeof text, "not activated, the release before stays: %s", why);
    push->talk(push->ud, text);
}

static void say_problem(struct bw_project_push *push, struct bw_str value)
{
    char text[BW_ERROR_TEXT_MAX];
    struct bw_value problem = bw_value_read(value);
    struct bw_str detail = bw_value_get_str(&problem, "detail", BW_STR("refused"));
    snprintf(text, sizeof text, "%.*s", BW_STR_ARG(detail));
    say_text(push, text);
}

static void released(void *ud, int status, struct bw_str value)
{
    struct bw_project_push *push = ud;
    push->is_busy = false;
    if (status >= 400)
        say_problem(push, value);
    else
        push->talk(push->ud, "a new release is active");
}

static void look(void *ud)
{
    struct bw_project_push *push = ud;
    struct bw_form form;
    struct bw_error error = {0};
    bw_loop_timer_start(push->timer, WATCH_MS);
    if (push->is_busy || !push->has_tenant)
        return;
    bw_form_init(&form);
    enum bw_err err = release_body(push->project_dir, NULL, &form, &error);
    struct bw_str body = err ? BW_STR_NONE : bw_form_finish(&form);
    if (err && strcmp(error.text, push->problem.text) != 0)
        say_text(push, error.text);
    push->problem = error;
    if (!err && !bw_str_eq(body, bw_buf_str(&push->last))) {
        bw_buf_clear(&push->last);
        bw_buf_put_str(&push->last, body);
        call_api(push, "/v1/releases", body, released);
    }
    bw_form_deinit(&form);
}

static void tenant_made(void *ud, int status, struct bw_str value)
{
    struct bw_project_push *push = ud;
    push->is_busy = false;
    push->has_tenant = status < 400;
    if (status >= 400)
        say_problem(push, value);
}

struct bw_project_push *bw_project_push_create(struct bw_service *service, const char *project_dir,
                                               const char *tenant,
                                               void (*talk)(void *ud, const char *text), void *ud)
{
    struct bw_project_push *push = bw_xcalloc(1, sizeof *push);
    struct bw_form form;
    push->service = service;
    push->project_dir = bw_xstrdup(project_dir);
    push->tenant = bw_xstrdup(tenant);
    push->talk = talk;
    push->ud = ud;
    bw_buf_init(&push->last, RELEASE_BYTES_MAX);
    push->timer = bw_loop_timer_create(bw_service_loop(service), look, push);
    bw_form_init(&form);
    bw_form_put_text(&form, "name", tenant);
    call_api(push, "/v1/tenants", bw_form_finish(&form), tenant_made);
    bw_form_deinit(&form);
    bw_loop_timer_start(push->timer, 50);
    return push;
}

void bw_project_push_destroy(struct bw_project_push *push)
{
    bw_loop_timer_destroy(push->timer);
    bw_buf_deinit(&push->last);
    bw_free(push->project_dir);
    bw_free(push->tenant);
    bw_free(push);
}
