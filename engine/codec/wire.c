/* wire.c - journal rows and frames, to bytes and back.
 *
 * Every get function reads through one struct get, which remembers the first thing that was wrong.
 * Counts are held against the bytes that are left before anything is allocated, so a lie costs
 * nothing.
 */
#include "codec/wire.h"

#include "base/assert.h"
#include "codec/crypto.h"

_Static_assert(BW_RELEASE_HASH_LEN == BW_SHA256_LEN, "a release is named by its SHA-256");

struct get {
    struct bw_reader reader;
    const uint8_t *start;
    struct bw_arena *arena;
    struct bw_error *error;
    const char *what; /* the kind of bytes, for errors */
    bool is_bad;
};

static void get_init(struct get *get, const char *what, struct bw_str bytes, struct bw_arena *arena,
                     struct bw_error *error)
{
    *get = (struct get){.arena = arena, .error = error, .what = what};
    bw_reader_init(&get->reader, bytes);
    get->start = get->reader.at;
}

/* Only the first failure is kept: what follows it is noise. */
static void get_fail(struct get *get, const char *why)
{
    if (get->is_bad)
        return;
    get->is_bad = true;
    bw_fail(get->error, BW_ERR_CORRUPT, "%s: %s, before byte %zu", get->what, why,
            (size_t)(get->reader.at - get->start));
}

static enum bw_err get_end(struct get *get)
{
    if (get->reader.is_bad)
        get_fail(get, "cut short, or a number is not in its shortest form");
    if (!get->is_bad && bw_reader_left(&get->reader) != 0)
        get_fail(get, "bytes behind the end");
    return get->is_bad ? BW_ERR_CORRUPT : BW_ERR_OK;
}

/* True while reading goes well: for the conditions of loops. */
static bool get_is_ok(struct get *get)
{
    if (get->reader.is_bad)
        get_fail(get, "cut short, or a number is not in its shortest form");
    return !get->is_bad;
}

/* The count of items of at least `item_len_min` bytes; 0 when it cannot be true or is over the
 * ceiling. */
static size_t get_count(struct get *get, size_t item_len_min, size_t count_max)
{
    uint64_t count = bw_reader_varint(&get->reader);
    if (get_is_ok(get) && count > bw_reader_left(&get->reader) / item_len_min)
        get_fail(get, "a count is over what follows");
    if (get_is_ok(get) && count > count_max)
        get_fail(get, "too many items");
    return get->is_bad ? 0 : (size_t)count;
}

static struct bw_str get_value(struct get *get, bool may_be_empty)
{
    struct bw_str value = bw_reader_bytes(&get->reader);
    struct bw_error inner;
    if (!get_is_ok(get) || (value.len == 0 && may_be_empty))
        return BW_STR_NONE;
    if (!bw_value_check(value, &inner)) {
        get->is_bad = true;
        bw_fail(get->error, BW_ERR_CORRUPT, "%s: %s, in the value that ends at byte %zu", get->what,
                inner.text, (size_t)(get->reader.at - get->start));
        return BW_STR_NONE;
    }
    return value;
}

static struct bw_str get_name(struct get *get, bool may_be_empty)
{
    struct bw_str name = bw_reader_bytes(&get->reader);
    if (!get_is_ok(get))
        return BW_STR_NONE;
    if (name.len > BW_WIRE_NAME_BYTES_MAX || (name.len == 0 && !may_be_empty))
        get_fail(get, "a name is empty or too long");
    for (size_t i = 0; i < name.len && !get->is_bad; i++) {
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7F)
            get_fail(get, "a name has a control byte");
    }
    return name;
}

static void get_raw(struct get *get, uint8_t *bytes, size_t len)
{
    struct bw_str raw = bw_reader_raw(&get->reader, len);
    if (get_is_ok(get))
        memcpy(bytes, raw.ptr, len);
    else
        memset(bytes, 0, len);
}

static struct bw_id get_id(struct get *get)
{
    struct bw_id id;
    get_raw(get, id.bytes, sizeof id.bytes);
    return id;
}

/* --- deliveries --------------------------------------------------------------------------- */

#define DELIVERY_LEN_MIN 4 /* kind, seq, length of the value, value */

static bool delivery_has_seq(enum bw_delivery_kind kind)
{
    return kind == BW_DELIVERY_OUTCOME || kind == BW_DELIVERY_ERROR;
}

static void put_deliveries(struct bw_buf *buf, const struct bw_delivery *deliveries, size_t count)
{
    static const char nil[] = {BW_VALUE_NIL};
    BW_ASSERT(count <= BW_WIRE_TURN_ITEMS_MAX);
    bw_buf_put_varint(buf, count);
    for (size_t i = 0; i < count; i++) {
        const struct bw_delivery *delivery = &deliveries[i];
        BW_ASSERT(delivery_has_seq(delivery->kind) == (delivery->seq != 0));
        bw_buf_put_u8(buf, (uint8_t)delivery->kind);
        bw_buf_put_varint(buf, delivery->seq);
        bw_buf_put_bytes(buf, delivery->value.len ? delivery->value : bw_str(nil, 1));
    }
}

static struct bw_delivery *get_deliveries(struct get *get, size_t *count)
{
    *count = get_count(get, DELIVERY_LEN_MIN, BW_WIRE_TURN_ITEMS_MAX);
    struct bw_delivery *deliveries = bw_arena_calloc(get->arena, *count, sizeof deliveries[0]);
    for (size_t i = 0; i < *count && get_is_ok(get); i++) {
        uint8_t kind = bw_reader_u8(&get->reader);
        if (get_is_ok(get) && (kind < BW_DELIVERY_START || kind > BW_DELIVERY_CANCEL))
            get_fail(get, "unknown kind of delivery");
        deliveries[i].kind = (enum bw_delivery_kind)kind;
        deliveries[i].seq = bw_reader_varint(&get->reader);
        if (get_is_ok(get) && delivery_has_seq(deliveries[i].kind) != (deliveries[i].seq != 0))
            get_fail(get, "an outcome without a command, or a start or cancel with one");
        deliveries[i].value = get_value(get, false);
    }
    return deliveries;
}

/* --- commands ----------------------------------------------------------------------------- */

#define COMMAND_LEN_MIN 8 /* flags, seq, kind (2), line, file, args (2) */

static void put_commands(struct bw_buf *buf, const struct bw_command *commands, size_t count)
{
    static const char nil[] = {BW_VALUE_NIL};
    BW_ASSERT(count <= BW_WIRE_TURN_ITEMS_MAX);
    bw_buf_put_varint(buf, count);
    for (size_t i = 0; i < count; i++) {
        const struct bw_command *command = &commands[i];
        BW_ASSERT(i == 0 || command->seq == commands[i - 1].seq + 1);
        bw_buf_put_u8(buf, command->flags);
        bw_buf_put_varint(buf, command->seq);
        bw_buf_put_bytes(buf, command->kind);
        bw_buf_put_varint(buf, command->line);
        bw_buf_put_bytes(buf, command->file);
        bw_buf_put_bytes(buf, command->args.len ? command->args : bw_str(nil, 1));
    }
}

static struct bw_str get_kind(struct get *get)
{
    struct bw_str kind = bw_reader_bytes(&get->reader);
    if (!get_is_ok(get))
        return BW_STR_NONE;
    if (kind.len == 0 || kind.len > BW_WIRE_KIND_BYTES_MAX)
        get_fail(get, "a command's kind is empty or too long");
    for (size_t i = 0; i < kind.len && !get->is_bad; i++) {
        char c = kind.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_')
            get_fail(get, "a command's kind has a byte that no kind has");
    }
    return kind;
}

static struct bw_command *get_commands(struct get *get, size_t *count)
{
    *count = get_count(get, COMMAND_LEN_MIN, BW_WIRE_TURN_ITEMS_MAX);
    struct bw_command *commands = bw_arena_calloc(get->arena, *count, sizeof commands[0]);
    for (size_t i = 0; i < *count && get_is_ok(get); i++) {
        struct bw_command *command = &commands[i];
        command->flags = bw_reader_u8(&get->reader);
        if ((command->flags & ~(BW_COMMAND_BLOCKS | BW_COMMAND_CLEANS_UP)) != 0)
            get_fail(get, "unknown flags of a command");
        command->seq = bw_reader_varint(&get->reader);
        if (get_is_ok(get) && (command->seq == 0 || command->seq > INT64_MAX))
            get_fail(get, "a command's seq is out of range");
        if (get_is_ok(get) && i > 0 && command->seq != commands[i - 1].seq + 1)
            get_fail(get, "the seqs of commands are not contiguous");
        command->kind = get_kind(get);
        uint64_t line = bw_reader_varint(&get->reader);
        if (line > UINT32_MAX)
            get_fail(get, "a command's line is out of range");
        command->line = (uint32_t)line;
        command->file = get_name(get, true);
        command->args = get_value(get, false);
    }
    return commands;
}

/* --- journal rows ------------------------------------------------------------------------- */

void bw_wire_put_turn(struct bw_buf *buf, const struct bw_turn_record *turn)
{
    bw_buf_put_u8(buf, BW_WIRE_VERSION);
    bw_buf_put_zigzag(buf, turn->at.us);
    put_deliveries(buf, turn->deliveries, turn->delivery_count);
    put_commands(buf, turn->commands, turn->command_count);
}

enum bw_err bw_wire_get_turn(struct bw_str bytes, struct bw_arena *arena,
                             struct bw_turn_record *turn, struct bw_error *error)
{
    struct get get;
    get_init(&get, "journal row", bytes, arena, error);
    uint8_t version = bw_reader_u8(&get.reader);
    if (get_is_ok(&get) && version != BW_WIRE_VERSION)
        get_fail(&get, "unknown version");
    *turn = (struct bw_turn_record){.at = {bw_reader_zigzag(&get.reader)}};
    turn->deliveries = get_deliveries(&get, &turn->delivery_count);
    turn->commands = get_commands(&get, &turn->command_count);
    return get_end(&get);
}

/* --- frames ------------------------------------------------------------------------------- */

size_t bw_wire_begin_frame(struct bw_buf *buf, enum bw_frame type)
{
    size_t begun_at = buf->len;
    bw_buf_put_u32(buf, 0); /* end_frame writes the length */
    bw_buf_put_u8(buf, (uint8_t)type);
    return begun_at;
}

void bw_wire_end_frame(struct bw_buf *buf, size_t begun_at)
{
    if (buf->is_over)
        return;
    size_t len = buf->len - begun_at - 4;
    if (len > BW_WIRE_FRAME_BYTES_MAX) {
        buf->is_over = true;
        return;
    }
    for (size_t i = 0; i < 4; i++)
        buf->ptr[begun_at + i] = (char)(unsigned char)(len >> (8 * (3 - i)) & 0xFF);
}

void bw_wire_put_frame(struct bw_buf *buf, enum bw_frame type, struct bw_str payload)
{
    size_t begun_at = bw_wire_begin_frame(buf, type);
    bw_buf_put_str(buf, payload);
    bw_wire_end_frame(buf, begun_at);
}

enum bw_err bw_wire_take_frame(struct bw_str *rest, uint8_t *type, struct bw_str *payload,
                               struct bw_error *error)
{
    *type = 0;
    *payload = BW_STR_NONE;
    if (rest->len < BW_WIRE_FRAME_HEAD_LEN)
        return BW_ERR_OK;
    struct bw_reader reader;
    bw_reader_init(&reader, *rest);
    uint32_t len = bw_reader_u32(&reader);
    uint8_t found = bw_reader_u8(&reader);
    if (len == 0 || len > BW_WIRE_FRAME_BYTES_MAX)
        return bw_fail(error, BW_ERR_CORRUPT, "frame of %lu bytes: not 1 to %u", (unsigned long)len,
                       BW_WIRE_FRAME_BYTES_MAX);
    if (found < BW_FRAME_RELEASE || found > BW_FRAME_BORN)
        return bw_fail(error, BW_ERR_CORRUPT, "frame of unknown type %u", (unsigned)found);
    if (bw_reader_left(&reader) < len - 1)
        return BW_ERR_OK;
    *type = found;
    *payload = bw_reader_raw(&reader, len - 1);
    *rest = bw_str((const char *)reader.at, (size_t)(reader.end - reader.at));
    return BW_ERR_OK;
}

void bw_wire_put_hello(struct bw_buf *buf, const struct bw_hello *hello)
{
    bw_buf_put_u32(buf, hello->wire_version);
    bw_buf_put_bytes(buf, hello->lua);
}

enum bw_err bw_wire_get_hello(struct bw_str bytes, struct bw_hello *hello, struct bw_error *error)
{
    struct get get;
    get_init(&get, "hello", bytes, NULL, error);
    hello->wire_version = bw_reader_u32(&get.reader);
    hello->lua = get_name(&get, false);
    return get_end(&get);
}

/* --- releases ----------------------------------------------------------------------------- */

void bw_wire_release_hash(const struct bw_release_file *files, size_t count,
                          uint8_t hash[static BW_RELEASE_HASH_LEN])
{
    struct bw_buf head;
    struct bw_sha256 *sha256 = bw_sha256_create();
    bw_buf_init(&head, 16);
    for (size_t i = 0; i < count; i++) {
        BW_ASSERT(i == 0 || bw_str_cmp(files[i - 1].name, files[i].name) < 0);
        uint8_t file_hash[BW_SHA256_LEN];
        bw_sha256(files[i].bytes, file_hash);
        bw_buf_clear(&head);
        bw_buf_put_varint(&head, files[i].name.len);
        bw_sha256_update(sha256, bw_buf_str(&head));
        bw_sha256_update(sha256, files[i].name);
        bw_sha256_update(sha256, bw_str((const char *)file_hash, sizeof file_hash));
    }
    bw_sha256_finish(sha256, hash);
    bw_buf_deinit(&head);
}

void bw_wire_put_release(struct bw_buf *buf, const struct bw_release_set *release)
{
    bw_buf_put(buf, release->hash, sizeof release->hash);
    bw_buf_put_varint(buf, release->count);
    for (size_t i = 0; i < release->count; i++) {
        bw_buf_put_bytes(buf, release->files[i].name);
        bw_buf_put_bytes(buf, release->files[i].bytes);
    }
}

enum bw_err bw_wire_get_release(struct bw_str bytes, struct bw_arena *arena,
                                struct bw_release_set *release, struct bw_error *error)
{
    struct get get;
    get_init(&get, "release", bytes, arena, error);
    *release = (struct bw_release_set){.files = NULL};
    get_raw(&get, release->hash, sizeof release->hash);
    release->count = get_count(&get, 3, BW_WIRE_RELEASE_FILES_MAX);
    release->files = bw_arena_calloc(arena, release->count, sizeof release->files[0]);
    for (size_t i = 0; i < release->count && get_is_ok(&get); i++) {
        struct bw_release_file *file = &release->files[i];
        file->name = get_name(&get, false);
        if (get_is_ok(&get) && i > 0 && bw_str_cmp(release->files[i - 1].name, file->name) >= 0)
            get_fail(&get, "file names are not in ascending order");
        file->bytes = bw_reader_bytes(&get.reader);
    }
    enum bw_err err = get_end(&get);
    if (err != BW_ERR_OK)
        return err;
    uint8_t hash[BW_RELEASE_HASH_LEN];
    bw_wire_release_hash(release->files, release->count, hash);
    if (memcmp(hash, release->hash, sizeof hash) != 0)
        return bw_fail(error, BW_ERR_CORRUPT, "release: its files do not match its hash");
    return BW_ERR_OK;
}

/* The library's file of this name; looks from `at` on, which both lists' order lets it keep. */
static const struct bw_release_file *find_in_library(const struct bw_release_set *library,
                                                     size_t *at, struct bw_str name)
{
    for (; *at < library->count; (*at)++) {
        int order = bw_str_cmp(library->files[*at].name, name);
        if (order >= 0)
            return order == 0 ? &library->files[*at] : NULL;
    }
    return NULL;
}

void bw_wire_put_release_over(struct bw_buf *buf, const struct bw_release_set *release,
                              const struct bw_release_set *library)
{
    size_t at = 0;
    bw_buf_put(buf, release->hash, sizeof release->hash);
    bw_buf_put_varint(buf, release->count);
    for (size_t i = 0; i < release->count; i++) {
        const struct bw_release_file *file = &release->files[i];
        const struct bw_release_file *known = find_in_library(library, &at, file->name);
        bool is_known = known && bw_str_eq(known->bytes, file->bytes);
        bw_buf_put_bytes(buf, file->name);
        bw_buf_put_u8(buf, is_known);
        if (!is_known)
            bw_buf_put_bytes(buf, file->bytes);
    }
}

enum bw_err bw_wire_get_release_over(struct bw_str bytes, const struct bw_release_set *library,
                                     struct bw_arena *arena, struct bw_release_set *release,
                                     struct bw_error *error)
{
    struct get get;
    size_t at = 0;
    get_init(&get, "release", bytes, arena, error);
    *release = (struct bw_release_set){.files = NULL};
    get_raw(&get, release->hash, sizeof release->hash);
    release->count = get_count(&get, 3, BW_WIRE_RELEASE_FILES_MAX);
    release->files = bw_arena_calloc(arena, release->count, sizeof release->files[0]);
    for (size_t i = 0; i < release->count && get_is_ok(&get); i++) {
        struct bw_release_file *file = &release->files[i];
        file->name = get_name(&get, false);
        if (get_is_ok(&get) && i > 0 && bw_str_cmp(release->files[i - 1].name, file->name) >= 0)
            get_fail(&get, "file names are not in ascending order");
        uint8_t is_known = bw_reader_u8(&get.reader);
        if (!is_known) {
            file->bytes = bw_reader_bytes(&get.reader);
            continue;
        }
        const struct bw_release_file *known =
            get_is_ok(&get) ? find_in_library(library, &at, file->name) : NULL;
        if (known && is_known == 1)
            file->bytes = known->bytes;
        else
            get_fail(&get, "a file that the library does not have was left out");
    }
    return get_end(&get);
}

/* --- wakes -------------------------------------------------------------------------------- */

#define ROW_LEN_MIN 5 /* length, version, turn time, two counts */
#define WAKE_LEN_MIN (16 + 16 + BW_RELEASE_HASH_LEN + 2 + 8)

void bw_wire_put_wakes(struct bw_buf *buf, const struct bw_wake *wakes, size_t count)
{
    BW_ASSERT(count <= BW_WIRE_BATCH_MAX);
    bw_buf_put_varint(buf, count);
    for (size_t i = 0; i < count; i++) {
        const struct bw_wake *wake = &wakes[i];
        bw_buf_put(buf, wake->run.bytes, sizeof wake->run.bytes);
        bw_buf_put(buf, wake->tenant.bytes, sizeof wake->tenant.bytes);
        bw_buf_put(buf, wake->release, sizeof wake->release);
        bw_buf_put_bytes(buf, wake->workflow);
        bw_buf_put_varint(buf, wake->turn);
        bw_buf_put_u8(buf, wake->is_resident);
        bw_buf_put_zigzag(buf, wake->at.us);
        bw_buf_put_varint(buf, wake->replay_count);
        for (size_t row = 0; row < wake->replay_count; row++)
            bw_buf_put_bytes(buf, wake->replay[row]);
        put_deliveries(buf, wake->deliveries, wake->delivery_count);
        bw_buf_put_varint(buf, wake->steps_max);
        bw_buf_put_varint(buf, wake->memory_bytes_max);
        bw_buf_put_varint(buf, wake->wall_us_max);
    }
}

static void get_wake(struct get *get, struct bw_wake *wake)
{
    wake->run = get_id(get);
    wake->tenant = get_id(get);
    get_raw(get, wake->release, sizeof wake->release);
    wake->workflow = get_name(get, false);
    wake->turn = bw_reader_varint(&get->reader);
    if (get_is_ok(get) && wake->turn == 0)
        get_fail(get, "turns count from 1");
    uint8_t is_resident = bw_reader_u8(&get->reader);
    if (is_resident > 1)
        get_fail(get, "is_resident is neither 0 nor 1");
    wake->is_resident = is_resident == 1;
    wake->at.us = bw_reader_zigzag(&get->reader);
    wake->replay_count = get_count(get, ROW_LEN_MIN, SIZE_MAX);
    wake->replay = bw_arena_calloc(get->arena, wake->replay_count, sizeof wake->replay[0]);
    for (size_t row = 0; row < wake->replay_count && get_is_ok(get); row++)
        wake->replay[row] = bw_reader_bytes(&get->reader);
    wake->deliveries = get_deliveries(get, &wake->delivery_count);
    wake->steps_max = bw_reader_varint(&get->reader);
    wake->memory_bytes_max = bw_reader_varint(&get->reader);
    wake->wall_us_max = bw_reader_varint(&get->reader);
}

enum bw_err bw_wire_get_wakes(struct bw_str bytes, struct bw_arena *arena, struct bw_wake **wakes,
                              size_t *count, struct bw_error *error)
{
    struct get get;
    get_init(&get, "wakes", bytes, arena, error);
    *count = get_count(&get, WAKE_LEN_MIN, BW_WIRE_BATCH_MAX);
    *wakes = bw_arena_calloc(arena, *count, sizeof(*wakes)[0]);
    for (size_t i = 0; i < *count && get_is_ok(&get); i++)
        get_wake(&get, &(*wakes)[i]);
    return get_end(&get);
}

void bw_wire_put_evict(struct bw_buf *buf, const struct bw_id *runs, size_t count)
{
    BW_ASSERT(count <= BW_WIRE_BATCH_MAX);
    bw_buf_put_varint(buf, count);
    for (size_t i = 0; i < count; i++)
        bw_buf_put(buf, runs[i].bytes, sizeof runs[i].bytes);
}

enum bw_err bw_wire_get_evict(struct bw_str bytes, struct bw_arena *arena, struct bw_id **runs,
                              size_t *count, struct bw_error *error)
{
    struct get get;
    get_init(&get, "evictions", bytes, arena, error);
    *count = get_count(&get, sizeof(*runs)[0].bytes, BW_WIRE_BATCH_MAX);
    *runs = bw_arena_calloc(arena, *count, sizeof(*runs)[0]);
    for (size_t i = 0; i < *count && get_is_ok(&get); i++)
        (*runs)[i] = get_id(&get);
    return get_end(&get);
}

/* --- results ------------------------------------------------------------------------------ */

#define RESULT_LEN_MIN (16 + 8)

void bw_wire_put_results(struct bw_buf *buf, const struct bw_turn_result *results, size_t count)
{
    BW_ASSERT(count <= BW_WIRE_BATCH_MAX);
    bw_buf_put_varint(buf, count);
    for (size_t i = 0; i < count; i++) {
        const struct bw_turn_result *result = &results[i];
        bw_buf_put(buf, result->run.bytes, sizeof result->run.bytes);
        bw_buf_put_varint(buf, result->turn);
        bw_buf_put_u8(buf, (uint8_t)result->status);
        put_commands(buf, result->commands, result->command_count);
        bw_buf_put_bytes(buf, result->value);
        bw_buf_put_bytes(buf, result->logs);
        bw_buf_put_varint(buf, result->pending_count);
        for (size_t seq = 0; seq < result->pending_count; seq++) {
            BW_ASSERT(seq == 0 || result->pending[seq - 1] < result->pending[seq]);
            bw_buf_put_varint(buf, result->pending[seq]);
        }
        bw_buf_put_varint(buf, result->steps);
        bw_buf_put_varint(buf, result->memory_bytes);
    }
}

static void get_result(struct get *get, struct bw_turn_result *result)
{
    result->run = get_id(get);
    result->turn = bw_reader_varint(&get->reader);
    if (get_is_ok(get) && result->turn == 0)
        get_fail(get, "turns count from 1");
    uint8_t status = bw_reader_u8(&get->reader);
    if (get_is_ok(get) && (status < BW_TURN_WAITING || status > BW_TURN_WALL))
        get_fail(get, "unknown status of a turn");
    result->status = (enum bw_turn_status)status;
    result->commands = get_commands(get, &result->command_count);
    result->value = get_value(get, true);
    result->logs = get_value(get, true);
    if (get_is_ok(get) && result->logs.len > 0 && bw_value_read(result->logs).tag != BW_VALUE_ARR)
        get_fail(get, "logs are not an array");
    result->pending_count = get_count(get, 1, BW_WIRE_TURN_ITEMS_MAX);
    result->pending = bw_arena_calloc(get->arena, result->pending_count, sizeof result->pending[0]);
    uint64_t last = 0;
    for (size_t i = 0; i < result->pending_count && get_is_ok(get); i++) {
        result->pending[i] = bw_reader_varint(&get->reader);
        if (get_is_ok(get) && result->pending[i] <= last)
            get_fail(get, "pending seqs are not ascending from 1");
        last = result->pending[i];
    }
    result->steps = bw_reader_varint(&get->reader);
    result->memory_bytes = bw_reader_varint(&get->reader);
}

enum bw_err bw_wire_get_results(struct bw_str bytes, struct bw_arena *arena,
                                struct bw_turn_result **results, size_t *count,
                                struct bw_error *error)
{
    struct get get;
    get_init(&get, "turn results", bytes, arena, error);
    *count = get_count(&get, RESULT_LEN_MIN, BW_WIRE_BATCH_MAX);
    *results = bw_arena_calloc(arena, *count, sizeof(*results)[0]);
    for (size_t i = 0; i < *count && get_is_ok(&get); i++)
        get_result(&get, &(*results)[i]);
    return get_end(&get);
}
