/* report.c - commands of a turn: noted when live, compared with the journal in a replay; and the
 * report of the first difference, for people who have to find out what changed in their script.
 */
#include "lua/vm_state.h"

#define DIFF_LINES_MAX 20
#define DIFF_VALUE_CHARS_MAX 120
#define REPORT_BYTES_MAX (4u * 1024u * 1024u)

/* --- the argument diff */

struct diff {
    struct bw_buf *text;
    size_t lines;
};

/* A place inside the arguments: a chain of C frames. */
struct place {
    const struct place *up;
    struct bw_str key; /* ptr NULL: array item `at` */
    size_t at;
};

static void print_place(struct bw_buf *text, const struct place *place)
{
    if (!place) {
        bw_buf_put_text(text, "args");
        return;
    }
    print_place(text, place->up);
    if (place->key.ptr)
        bw_buf_printf(text, ".%.*s", BW_STR_ARG(place->key));
    else
        bw_buf_printf(text, "[%zu]", place->at);
}

static void print_value(struct bw_buf *text, const struct bw_value *value)
{
    struct bw_buf json;

    if (!value) {
        bw_buf_put_text(text, "(absent)");
        return;
    }
    bw_buf_init(&json, REPORT_BYTES_MAX);
    bw_value_to_json(&json, value->encoded, BW_JSON_DECIMAL_NUMBERS);
    bw_buf_put(text, json.ptr, json.len > DIFF_VALUE_CHARS_MAX ? DIFF_VALUE_CHARS_MAX : json.len);
    if (json.len > DIFF_VALUE_CHARS_MAX)
        bw_buf_put_text(text, "...");
    bw_buf_deinit(&json);
}

/* Either may be NULL: absent. */
static void put_difference(struct diff *diff, const struct place *place,
                           const struct bw_value *recorded, const struct bw_value *replayed)
{
    if (diff->lines++ >= DIFF_LINES_MAX)
        return;
    bw_buf_put_text(diff->text, "\n  ");
    print_place(diff->text, place);
    bw_buf_put_text(diff->text, ": recorded ");
    print_value(diff->text, recorded);
    bw_buf_put_text(diff->text, ", replayed ");
    print_value(diff->text, replayed);
}

static void compare_values(struct diff *diff, const struct place *place,
                           const struct bw_value *recorded, const struct bw_value *replayed);

static void compare_arrays(struct diff *diff, const struct place *up,
                           const struct bw_value *recorded, const struct bw_value *replayed)
{
    struct bw_str left = recorded->items, right = replayed->items;
    struct place place = {.up = up};
    struct bw_value a, b;

    for (place.at = 1;; place.at++) {
        bool has_a = bw_value_next(&left, &a), has_b = bw_value_next(&right, &b);
        if (!has_a && !has_b)
            return;
        if (has_a && has_b)
            compare_values(diff, &place, &a, &b);
        else
            put_difference(diff, &place, has_a ? &a : NULL, has_b ? &b : NULL);
    }
}

static void compare_maps(struct diff *diff, const struct place *up, const struct bw_value *recorded,
                         const struct bw_value *replayed)
{
    struct bw_str left = recorded->items, right = replayed->items, key_a, key_b;
    struct bw_value a, b;
    bool has_a = bw_value_next_pair(&left, &key_a, &a),
         has_b = bw_value_next_pair(&right, &key_b, &b);

    while (has_a || has_b) {
        int order = !has_a ? 1 : !has_b ? -1 : bw_str_cmp(key_a, key_b);
        struct place place = {.up = up, .key = order <= 0 ? key_a : key_b};
        if (!place.key.ptr)
            place.key.ptr = ""; /* an empty key is still a key */
        if (order == 0)
            compare_values(diff, &place, &a, &b);
        else
            put_difference(diff, &place, order < 0 ? &a : NULL, order > 0 ? &b : NULL);
        if (order <= 0)
            has_a = bw_value_next_pair(&left, &key_a, &a);
        if (order >= 0)
            has_b = bw_value_next_pair(&right, &key_b, &b);
    }
}

static void compare_values(struct diff *diff, const struct place *place,
                           const struct bw_value *recorded, const struct bw_value *replayed)
{
    if (bw_str_eq(recorded->encoded, replayed->encoded))
        return;
    if (recorded->tag == BW_VALUE_ARR && replayed->tag == BW_VALUE_ARR)
        compare_arrays(diff, place, recorded, replayed);
    else if (recorded->tag == BW_VALUE_MAP && replayed->tag == BW_VALUE_MAP)
        compare_maps(diff, place, recorded, replayed);
    else
        put_difference(diff, place, recorded, replayed);
}

/* --- the report */

static void put_command(struct bw_buf *out, const struct bw_command *command, bool with_args)
{
    if (!command) {
        bw_value_put_nil(out);
        return;
    }
    bw_value_put_map(out, with_args ? 5 : 4);
    if (with_args) {
        bw_value_put_key(out, "args");
        bw_buf_put_str(out, command->args);
    }
    bw_value_put_key(out, "file");
    bw_value_put_str(out, command->file);
    bw_value_put_key(out, "kind");
    bw_value_put_str(out, command->kind);
    bw_value_put_key(out, "line");
    bw_value_put_int(out, (int64_t)command->line);
    bw_value_put_key(out, "seq");
    bw_value_put_int(out, (int64_t)command->seq);
}

static void put_report(struct bw_vm *vm, const struct bw_command *recorded,
                       const struct bw_command *replayed, uint64_t seq, const struct bw_buf *text)
{
    bw_buf_clear(&vm->value);
    bw_value_put_map(&vm->value, 6);
    bw_value_put_key(&vm->value, "last_equal");
    put_command(&vm->value, vm->last_equal.seq ? &vm->last_equal : NULL, false);
    bw_value_put_key(&vm->value, "recorded");
    put_command(&vm->value, recorded, true);
    bw_value_put_key(&vm->value, "replayed");
    put_command(&vm->value, replayed, true);
    bw_value_put_key(&vm->value, "seq");
    bw_value_put_int(&vm->value, (int64_t)seq);
    bw_value_put_key(&vm->value, "text");
    bw_value_put_str(&vm->value, bw_buf_str(text));
    bw_value_put_key(&vm->value, "turn");
    bw_value_put_int(&vm->value, (int64_t)vm->turn);
}

static void print_command(struct bw_buf *text, const struct bw_command *command)
{
    bw_buf_printf(text, "%.*s", BW_STR_ARG(command->kind));
    if (command->line)
        bw_buf_printf(text, " at %.*s:%u", BW_STR_ARG(command->file), command->line);
}

static void print_head(struct bw_vm *vm, struct bw_buf *text, uint64_t seq)
{
    bw_buf_printf(text, "The replay differs from the journal at effect %llu of turn %llu: ",
                  (unsigned long long)seq, (unsigned long long)vm->turn);
}

static void print_tail(struct bw_vm *vm, struct bw_buf *text)
{
    if (!vm->last_equal.seq)
        return;
    bw_buf_printf(
        text, "\nThe last effect that agreed was %llu: ", (unsigned long long)vm->last_equal.seq);
    print_command(text, &vm->last_equal);
    bw_buf_put_char(text, '.');
}

static void report_difference(struct bw_vm *vm, const struct bw_command *recorded,
                              const struct bw_command *replayed)
{
    struct bw_buf text;

    bw_buf_init(&text, REPORT_BYTES_MAX);
    print_head(vm, &text, replayed->seq);
    if (!recorded) {
        bw_buf_put_text(&text,
                        "the journal has no further effect in this turn, the script asks for ");
        print_command(&text, replayed);
        bw_buf_put_char(&text, '.');
    } else if (!bw_str_eq(recorded->kind, replayed->kind) || recorded->flags != replayed->flags) {
        bw_buf_put_text(&text, "the journal has ");
        print_command(&text, recorded);
        bw_buf_put_text(&text, ", the script asks for ");
        print_command(&text, replayed);
        bw_buf_put_text(
            &text, bw_str_eq(recorded->kind, replayed->kind) ? " in another way of waiting." : ".");
    } else {
        struct diff diff = {.text = &text};
        struct bw_value a = bw_value_read(recorded->args), b = bw_value_read(replayed->args);
        bw_buf_put_text(&text, "the arguments of ");
        print_command(&text, replayed);
        bw_buf_put_text(&text, " are not the recorded ones:");
        compare_values(&diff, NULL, &a, &b);
        if (diff.lines > DIFF_LINES_MAX)
            bw_buf_printf(&text, "\n  ... and %zu more", diff.lines - DIFF_LINES_MAX);
    }
    print_tail(vm, &text);
    put_report(vm, recorded, replayed, replayed->seq, &text);
    bw_buf_deinit(&text);
}

void bw_vm_report_missing(struct bw_vm *vm)
{
    const struct bw_command *recorded = &vm->expected->commands[vm->command_count];
    struct bw_buf text;

    bw_buf_init(&text, REPORT_BYTES_MAX);
    print_head(vm, &text, recorded->seq);
    bw_buf_put_text(&text, "the journal has ");
    print_command(&text, recorded);
    bw_buf_put_text(&text, ", the script asks for nothing.");
    print_tail(vm, &text);
    put_report(vm, recorded, NULL, recorded->seq, &text);
    bw_buf_deinit(&text);
}

void bw_vm_report_early_end(struct bw_vm *vm, const char *how)
{
    struct bw_buf text, value;

    bw_buf_init(&value, REPORT_BYTES_MAX);
    bw_buf_put(&value, vm->value.ptr,
               vm->value.len); /* what it ended with, before the report replaces it */
    bw_buf_init(&text, REPORT_BYTES_MAX);
    print_head(vm, &text, vm->seq + 1);
    bw_buf_printf(&text, "the journal goes on, the script %s", how);
    if (vm->end == BW_VM_FAILED) {
        struct bw_value end = bw_value_read(bw_buf_str(&value));
        struct bw_str why = bw_value_get_str(&end, "text", BW_STR_NONE);
        bw_buf_printf(&text, ": %.*s", BW_STR_ARG(why));
        why = bw_value_get_str(&end, "file", BW_STR_NONE);
        if (why.len)
            bw_buf_printf(&text, " (%.*s:%lld)", BW_STR_ARG(why),
                          (long long)bw_value_get_int(&end, "line", 0));
    }
    bw_buf_put_char(&text, '.');
    print_tail(vm, &text);
    put_report(vm, NULL, NULL, vm->seq + 1, &text);
    bw_buf_deinit(&text);
    bw_buf_deinit(&value);
}

/* --- recording */

static void remember(struct bw_vm *vm, const struct bw_command *command)
{
    bw_arena_reset(&vm->last_arena);
    vm->last_equal = *command;
    vm->last_equal.kind = bw_arena_copy(&vm->last_arena, command->kind);
    vm->last_equal.file = bw_arena_copy(&vm->last_arena, command->file);
    vm->last_equal.args = BW_STR_NONE;
}

bool bw_vm_record(struct bw_vm *vm, uint8_t flags, struct bw_str kind, struct bw_str args,
                  const char *file, uint32_t line)
{
    struct bw_command command = {.flags = flags,
                                 .seq = ++vm->seq,
                                 .kind = bw_arena_copy(&vm->arena, kind),
                                 .file = bw_arena_copy(&vm->arena, bw_str_of(file)),
                                 .line = line,
                                 .args = bw_arena_copy(&vm->arena, args)};

    if (vm->expected) {
        const struct bw_command *recorded = vm->command_count < vm->expected->command_count
                                                ? &vm->expected->commands[vm->command_count]
                                                : NULL;
        if (!recorded || recorded->flags != flags || recorded->seq != command.seq ||
            !bw_str_eq(recorded->kind, kind) || !bw_str_eq(recorded->args, args)) {
            report_difference(vm, recorded, &command);
            return false;
        }
        remember(vm, &command);
    }
    if (vm->command_count == vm->command_capacity) {
        vm->command_capacity = vm->command_capacity ? 2 * vm->command_capacity : 8;
        vm->commands = bw_xrealloc(vm->commands, vm->command_capacity * sizeof *vm->commands);
    }
    vm->commands[vm->command_count++] = command;
    vm->command_bytes += args.len + kind.len + command.file.len + 32;
    return true;
}
