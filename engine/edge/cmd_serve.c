/* cmd_serve.c - billow serve, dev, migrate, version, completion, docs man. */
#include "base/parse.h"
#include "codec/decimal.h"
#include "core/host.h"
#include "edge/cmd.h"
#include "edge/config.h"
#include "edge/form.h"
#include "edge/grid.h"
#include "edge/project_push.h"
#include "edge/service.h"
#include "edge/version.h"
#include <string.h>
#include <unistd.h>

static void talk(void *ud, const char *text)
{
    bw_cli_say(ud, "%s", text);
}

static struct bw_service_options options_of(struct bw_cli *cli, const char *socket)
{
    return (struct bw_service_options){.dir = cli->dir,
                                       .database = cli->database,
                                       .socket = socket,
                                       .is_listening = true,
                                       .is_migrating = true,
                                       .on_talk = talk,
                                       .ud = cli};
}

/* With --json, a line that says {"kind": "ready", ...}, so that a supervisor need not poll. */
static void say_ready(struct bw_cli *cli, const char *socket)
{
    if (!cli->is_json) {
        bw_cli_say(cli, "billow %s is ready on %s", BW_VERSION, socket);
        return;
    }
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_text(&form, "kind", "ready");
    bw_form_put_int(&form, "pid", getpid());
    bw_form_put_text(&form, "socket", socket);
    bw_form_put_text(&form, "version", BW_VERSION);
    bw_print_json(cli->out, bw_form_finish(&form));
    bw_form_deinit(&form);
    fflush(cli->out);
}

/* A percentage in hundredths of it. */
static bool read_share(const char *text, unsigned *share)
{
    struct bw_decimal percent, product;
    int64_t hundredths;
    if (bw_decimal_parse(bw_str_of(text), &percent, NULL) != BW_ERR_OK ||
        bw_decimal_mul(percent, bw_decimal_from_int(100), &product) != BW_ERR_OK ||
        !bw_decimal_to_int(product, &hundredths) || hundredths < 0 || hundredths > 10000)
        return false;
    *share = (unsigned)hundredths;
    return true;
}

int bw_cmd_serve(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_service *service;
    struct bw_service_options options = options_of(cli, bw_cli_option(cli, "socket"));
    options.allow_private_http = bw_cli_option(cli, "private-http") != NULL;
    const char *share = bw_cli_option(cli, "replay-share");
    const char *rate = bw_cli_option(cli, "retention-rate");
    int number = 100;
    options.replay_share = 100;
    options.archive_dir = bw_cli_option(cli, "archive");
    if (rate && !bw_parse_int(bw_str_of(rate), 0, 100000, &number))
        return bw_cli_usage(cli, "--retention-rate %s: a number is expected, 0 to 100000", rate);
    options.retention_rate = number;
    if (share && !read_share(share, &options.replay_share))
        return bw_cli_usage(cli, "--replay-share %s: a percentage is expected, 0 to 100", share);
    const char *hosts = bw_cli_option(cli, "hosts");
    if (hosts && !bw_config_read_hosts(hosts, &options.host_count))
        return bw_cli_usage(cli, "--hosts %s: a number from 1 to %d is expected", hosts,
                            BW_HOSTS_MAX);
    if (bw_service_open(&options, &service, &error))
        return bw_cli_fail(cli, &error);
    struct bw_buf socket;
    bw_buf_init(&socket, 8192);
    if (options.socket)
        bw_buf_put_text(&socket, options.socket);
    else
        bw_config_state_path(&socket, cli->dir, "billow.sock");
    say_ready(cli, bw_buf_cstr(&socket));
    bw_buf_deinit(&socket);
    bw_service_run(service);
    bw_cli_say(cli, "stopping");
    bw_service_close(service);
    return BW_EXIT_OK;
}

int bw_cmd_dev(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_service *service;
    const char *project = cli->argument_count ? cli->arguments[0] : ".";
    struct bw_service_options options = options_of(cli, NULL);
    options.allow_private_http = true;
    if (bw_service_open(&options, &service, &error))
        return bw_cli_fail(cli, &error);
    struct bw_project_push *push =
        bw_project_push_create(service, project, cli->tenant ? cli->tenant : "dev", talk, cli);
    bw_cli_say(cli, "watching %s; tenant %s; stop with Ctrl-C", project,
               cli->tenant ? cli->tenant : "dev");
    bw_service_run(service);
    bw_project_push_destroy(push);
    bw_service_close(service);
    return BW_EXIT_OK;
}

int bw_cmd_migrate(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_service *service;
    struct bw_service_options options = options_of(cli, NULL);
    options.is_listening = false;
    options.is_store_only = true;
    if (bw_service_open(&options, &service, &error))
        return bw_cli_fail(cli, &error);
    bw_cli_say(cli, "the schema is up to date");
    bw_service_close(service);
    return BW_EXIT_OK;
}

int bw_cmd_version(struct bw_cli *cli)
{
    if (cli->is_json)
        fprintf(cli->out, "{\"name\":\"billow\",\"version\":\"%s\"}\n", BW_VERSION);
    else
        fprintf(cli->out, "billow %s\n", BW_VERSION);
    return BW_EXIT_OK;
}

int bw_cmd_completion(struct bw_cli *cli)
{
    int status = bw_cli_completion(cli->out, cli->arguments[0]);
    return status == BW_EXIT_OK
               ? status
               : bw_cli_usage(cli, "no completion for '%s': bash, zsh or fish", cli->arguments[0]);
}

int bw_cmd_man(struct bw_cli *cli)
{
    bw_cli_man(cli->out);
    return BW_EXIT_OK;
}
