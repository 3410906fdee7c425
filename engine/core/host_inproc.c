/* host_inproc.c - see host_inproc.h. */
#include "core/host_inproc.h"

#include "codec/wire.h"
#include "base/list.h"
#include "lua/hostlet.h"

struct queued {
    struct bw_list link;
    uint8_t type;
    struct bw_str payload; /* behind the struct */
};

struct bw_host_inproc {
    struct bw_host host;
    struct bw_hostlet *hostlet;
    struct bw_list queue;
    bw_host_frame_fn on_frame;
    bw_host_lost_fn on_lost;
    void *ud;
};

static void inproc_send(void *self, uint8_t type, struct bw_str payload)
{
    struct bw_host_inproc *inproc = self;
    struct queued *queued = bw_xmalloc(sizeof *queued + payload.len);
    char *copy = (char *)(queued + 1);
    if (payload.len)
        memcpy(copy, payload.ptr, payload.len);
    queued->type = type;
    queued->payload = bw_str(copy, payload.len);
    bw_list_push_back(&inproc->queue, &queued->link);
}

static void inproc_set_callbacks(void *self, bw_host_frame_fn on_frame, bw_host_lost_fn on_lost,
                                 void *ud)
{
    struct bw_host_inproc *inproc = self;
    inproc->on_frame = on_frame;
    inproc->on_lost = on_lost;
    inproc->ud = ud;
}

static void queue_clear(struct bw_host_inproc *inproc)
{
    struct bw_list *link;
    while ((link = bw_list_pop_front(&inproc->queue)))
        bw_free(bw_container_of(link, struct queued, link));
}

static void inproc_restart(void *self)
{
    struct bw_host_inproc *inproc = self;
    queue_clear(inproc);
    bw_hostlet_destroy(inproc->hostlet);
    inproc->hostlet = bw_hostlet_create();
}

static void inproc_close(void *self)
{
    bw_host_inproc_destroy(self);
}

struct bw_host_inproc *bw_host_inproc_create(void)
{
    struct bw_host_inproc *inproc = bw_xcalloc(1, sizeof *inproc);
    inproc->host = (struct bw_host){.self = inproc,
                                    .send = inproc_send,
                                    .set_callbacks = inproc_set_callbacks,
                                    .restart = inproc_restart,
                                    .close = inproc_close};
    inproc->hostlet = bw_hostlet_create();
    bw_list_init(&inproc->queue);
    return inproc;
}

void bw_host_inproc_destroy(struct bw_host_inproc *inproc)
{
    if (!inproc)
        return;
    queue_clear(inproc);
    bw_hostlet_destroy(inproc->hostlet);
    bw_free(inproc);
}

struct bw_host *bw_host_inproc_host(struct bw_host_inproc *inproc)
{
    return &inproc->host;
}

void bw_host_inproc_kill(struct bw_host_inproc *inproc, const char *reason)
{
    inproc_restart(inproc);
    if (inproc->on_lost)
        inproc->on_lost(inproc->ud, reason);
}

bool bw_host_inproc_pump(struct bw_host_inproc *inproc)
{
    struct bw_list *link;
    bool has_worked = false;
    while ((link = bw_list_pop_front(&inproc->queue))) {
        struct queued *queued = bw_container_of(link, struct queued, link);
        struct bw_buf answer;
        struct bw_error error;
        uint8_t type = 0;
        bw_buf_init(&answer, BW_WIRE_FRAME_BYTES_MAX);
        enum bw_err code = bw_hostlet_handle(inproc->hostlet, queued->type, queued->payload, &type,
                                             &answer, &error);
        bw_free(queued);
        has_worked = true;
        if (code != BW_ERR_OK)
            bw_host_inproc_kill(inproc, error.text);
        else if (type && inproc->on_frame)
            inproc->on_frame(inproc->ud, type, bw_buf_str(&answer));
        bw_buf_deinit(&answer);
    }
    return has_worked;
}
