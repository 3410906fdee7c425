/* door.c - see door.h. Part of the engine (core/inside.h). */
#include "core/door.h"

#include "core/inside.h"

#include <inttypes.h>
#include <string.h>

enum { WINDOW_S = 60, RING_MAX = 4096, BYTES_MAX = 16 * 1024 * 1024 };

/* --- What was acknowledged ------------------------------------------------------------------- */

static void drop_first(struct bw_door *door)
{
    struct bw_door_mail **mail = &door->ring[door->first];
    door->bytes -= (*mail)->size;
    bw_free(*mail);
    *mail = NULL;
    door->first = (door->first + 1) % RING_MAX;
    door->count--;
}

static struct bw_str take(char **at, struct bw_str text)
{
    struct bw_str copy = bw_str(*at, text.len);
    if (text.len)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

void bw_door_keep(struct bw_engine *engine, const struct bw_door_mail *mail)
{
    struct bw_door *door = &engine->door;
    size_t len = mail->topic.len + mail->key.len + mail->name.len + mail->value.len;
    if (!engine->config.store->check_turns || len > BYTES_MAX)
        return;
    if (!door->ring)
        door->ring = bw_xcalloc(RING_MAX, sizeof(struct bw_door_mail *));
    struct bw_door_mail *copy = bw_xmalloc(sizeof *copy + len);
    char *at = (char *)(copy + 1);
    *copy = *mail;
    copy->topic = take(&at, mail->topic);
    copy->key = take(&at, mail->key);
    copy->name = take(&at, mail->name);
    copy->value = take(&at, mail->value);
    copy->at_ns = engine->now_ns;
    copy->at_us = engine->now_us;
    copy->size = sizeof *copy + len;
    while (door->count == RING_MAX || (door->count > 0 && door->bytes + copy->size > BYTES_MAX))
        drop_first(door);
    door->ring[(door->first + door->count++) % RING_MAX] = copy;
    door->bytes += copy->size;
}

void bw_door_deinit(struct bw_engine *engine)
{
    struct bw_door *door = &engine->door;
    while (door->count > 0)
        drop_first(door);
    bw_free(door->ring);
    door->ring = NULL;
}

/* --- Again ------------------------------------------------------------------------------------ */

static const char *name_of(enum bw_door_kind kind)
{
    static const char *const names[] = {"event", "answer", "cancel"};
    return names[kind];
}

static void told(struct bw_engine *engine, struct bw_call *call)
{
    bw_failover_recorded(engine, call->code == BW_ERR_OK || call->code == BW_ERR_NOT_FOUND);
}

static struct bw_call *open_record(struct bw_engine *engine, bw_call_act_fn act,
                                   const struct bw_door_mail *mail)
{
    struct bw_call *call = bw_call_open(engine, act);
    struct bw_door_mail *copy = bw_arena_alloc(&call->arena, sizeof *copy);
    *copy = *mail; /* the ring may drop the mail before the answer comes */
    copy->value = bw_arena_copy(&call->arena, mail->value);
    copy->topic = copy->key = copy->name = BW_STR_NONE;
    call->subject = copy;
    call->is_background = true;
    engine->failover.records++;
    return call;
}

/* For good: a person has to know. */
static void tell_lost(struct bw_engine *engine, const struct bw_door_mail *mail, const char *why)
{
    struct bw_failover *failover = &engine->failover;
    struct bw_store *store = engine->config.store;
    struct bw_value value = bw_value_read(mail->value);
    struct bw_buf args;
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(mail->id, id);
    bw_engine_log(engine, "acknowledged_lost", mail->id, "%s of %s: %s", name_of(mail->kind), id,
                  why);
    bw_buf_init(&args, 64 * 1024);
    bw_value_put_map(&args, 5);
    bw_value_put_key(&args, "action");
    bw_value_put_text(&args, "failover.lost");
    bw_value_put_key(&args, "actor");
    bw_value_put_text(&args, "billow");
    bw_value_put_key(&args, "at_us"); /* repeated, it is the same record */
    bw_value_put_int(&args, failover->at_us);
    bw_value_put_key(&args, "detail");
    bw_value_put_map(&args, 6);
    bw_value_put_key(&args, "by");
    bw_value_put_str(&args, bw_value_get_str(&value, "by", BW_STR_NONE));
    bw_value_put_key(&args, "from");
    bw_value_put_int(&args, failover->from);
    bw_value_put_key(&args, "node");
    bw_value_put_text(&args, engine->node);
    bw_value_put_key(&args, "to");
    bw_value_put_int(&args, failover->to);
    bw_value_put_key(&args, "what");
    bw_value_put_text(&args, name_of(mail->kind));
    bw_value_put_key(&args, "why");
    bw_value_put_text(&args, why);
    bw_value_put_key(&args, "subject");
    bw_value_put_text(&args, id);
    store->write(store->self, mail->tenant, BW_STR("audit"), bw_buf_str(&args), bw_call_on_done,
                 open_record(engine, told, mail));
    bw_buf_deinit(&args);
}

static void delivered(struct bw_engine *engine, struct bw_call *call)
{
    const struct bw_door_mail *mail = call->subject;
    bool is_gone = call->code == BW_ERR_NOT_FOUND;
    if (is_gone)
        tell_lost(engine, mail, "it is not in the database any more");
    bw_failover_recorded(engine,
                         is_gone || call->code == BW_ERR_OK || call->code == BW_ERR_CONFLICT);
}

/* The task is the one that was answered, if it was opened before that. */
static void looked_at_task(struct bw_engine *engine, struct bw_call *call)
{
    const struct bw_door_mail *mail = call->subject;
    struct bw_store *store = engine->config.store;
    bool is_known = call->code == BW_ERR_OK;
    struct bw_value task = bw_value_read(is_known ? call->value : BW_STR_NONE);
    bool is_open = bw_str_eq(bw_value_get_str(&task, "status", BW_STR_NONE), BW_STR("open"));
    if (call->code == BW_ERR_NOT_FOUND)
        tell_lost(engine, mail, "its task is not in the database any more, and may be asked anew");
    else if (is_open && bw_value_get_int(&task, "opened_at_us", 0) > mail->at_us)
        tell_lost(engine, mail, "its task was asked anew");
    else if (is_open)
        store->answer_task(store->self, mail->tenant, mail->id, mail->value, bw_call_on_done,
                           open_record(engine, delivered, mail));
    bw_failover_recorded(engine, is_known || call->code == BW_ERR_NOT_FOUND);
}

static void look_at_task(struct bw_engine *engine, const struct bw_door_mail *mail)
{
    struct bw_store *store = engine->config.store;
    struct bw_buf args;
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(mail->id, id);
    bw_buf_init(&args, 128);
    bw_value_put_map(&args, 1);
    bw_value_put_key(&args, "id");
    bw_value_put_text(&args, id);
    store->read(store->self, mail->tenant, BW_STR("task"), bw_buf_str(&args), bw_call_on_value,
                open_record(engine, looked_at_task, mail));
    bw_buf_deinit(&args);
}

static bool has_to_stop(const struct bw_failover *failover, struct bw_id run)
{
    for (size_t i = 0; i < failover->lost_count; i++) {
        if (failover->lost[i].asked && bw_id_eq(failover->lost[i].ref.run, run))
            return true;
    }
    return false;
}

static void deliver(struct bw_engine *engine, const struct bw_door_mail *mail)
{
    struct bw_store *store = engine->config.store;
    switch (mail->kind) {
    case BW_DOOR_EVENT:
        store->put_event(store->self,
                         &(struct bw_event){.tenant = mail->tenant,
                                            .topic = mail->topic,
                                            .key = mail->key,
                                            .id = mail->name,
                                            .body = mail->value},
                         bw_call_on_done, open_record(engine, delivered, mail));
        break;
    case BW_DOOR_ANSWER:
        look_at_task(engine, mail);
        break;
    case BW_DOOR_CANCEL:
        if (has_to_stop(&engine->failover, mail->id)) {
            tell_lost(engine, mail, "its run stops for a person: look there, then cancel it again");
            break;
        }
        store->put_message(store->self,
                           &(struct bw_message){.tenant = mail->tenant,
                                                .run = mail->id,
                                                .key = BW_STR("cancel"),
                                                .kind = BW_MESSAGE_CANCEL,
                                                .value = mail->value},
                           bw_call_on_done, open_record(engine, delivered, mail));
        break;
    }
}

void bw_door_deliver_again(struct bw_engine *engine)
{
    struct bw_door *door = &engine->door;
    size_t count = 0;
    for (size_t i = 0; i < door->count; i++) {
        struct bw_door_mail *mail = door->ring[(door->first + i) % RING_MAX];
        if (engine->now_ns - mail->at_ns >= WINDOW_S * BW_NS_PER_S)
            continue;
        mail->at_ns = engine->now_ns; /* stored anew: the next failover may lose it again */
        deliver(engine, mail);
        count++;
    }
    if (count > 0)
        bw_engine_log(engine, "door_again", (struct bw_id){{0}},
                      "%zu acknowledged events, answers and cancels are delivered again; what is "
                      "there already counts once",
                      count);
}
