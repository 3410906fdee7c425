/* cmd_table.c - every command of Billow, put together from the tables by subject. The order is that
 * of help and man page; a new command goes into the table of its subject.
 */
#include "edge/cmd.h"

static const struct bw_cli_commands *const tables[] = {
    &bw_commands_month,    &bw_commands_engine,    &bw_commands_runs,
    &bw_commands_policies, &bw_commands_documents, &bw_commands_retention,
};

size_t bw_cli_command_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        count += tables[i]->count;
    return count;
}

const struct bw_cli_command *bw_cli_command_at(size_t index)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (index < tables[i]->count)
            return &tables[i]->items[index];
        index -= tables[i]->count;
    }
    return NULL;
}
