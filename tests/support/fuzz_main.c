/* fuzz_main.c - runs a fuzz target without libFuzzer, so that every build tests the decoders.
 *
 *     fuzz_NAME [SEEDS]      each file of the folder SEEDS, then a fixed number of mutations of
 * them
 *
 * The mutations come from a fixed seed: two runs do the same. Finding new inputs is the work of the
 * preset `fuzz`.
 */
#include "base/buf.h"
#include "base/entropy.h"
#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { SEEDS_MAX = 1000, SEED_BYTES_MAX = 1 << 20, MUTATIONS = 20000, MUTANT_BYTES_MAX = 4096 };

static struct bw_buf seeds[SEEDS_MAX];
static size_t seed_count;

static void load_seed(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || seed_count == SEEDS_MAX)
        exit(1);
    struct bw_buf *seed = &seeds[seed_count++];
    char part[4096];
    size_t len;
    bw_buf_init(seed, SEED_BYTES_MAX);
    while ((len = fread(part, 1, sizeof part, file)) > 0)
        bw_buf_put(seed, part, len);
    fclose(file);
}

static void load_seeds(const char *folder)
{
    DIR *dir = folder ? opendir(folder) : NULL;
    if (!dir)
        return;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        load_seed(path);
    }
    closedir(dir);
}

/* The target gets memory of exactly its size, so that reading one byte too many is noticed. */
static void run_one(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = bw_xmalloc(len);
    if (len)
        memcpy(copy, bytes, len);
    LLVMFuzzerTestOneInput(copy, len);
    bw_free(copy);
}

static size_t mutate(struct bw_rng *rng, uint8_t mutant[static MUTANT_BYTES_MAX])
{
    static const uint8_t SPECIAL[] = {0x00, 0x7f, 0x80, 0xff, '"', '\\',
                                      '{',  '[',  '-',  '.',  '0', '\n'};
    const struct bw_buf *seed = seed_count ? &seeds[bw_rng_next(rng) % seed_count] : NULL;
    size_t len = seed ? seed->len : bw_rng_next(rng) % 64;
    if (len > MUTANT_BYTES_MAX)
        len = MUTANT_BYTES_MAX;
    for (size_t i = 0; i < len; i++)
        mutant[i] = seed ? (uint8_t)seed->ptr[i] : (uint8_t)bw_rng_next(rng);
    for (uint64_t changes = bw_rng_next(rng) % 4 + 1; changes > 0 && len > 0; changes--) {
        size_t at = bw_rng_next(rng) % len;
        switch (bw_rng_next(rng) % 4) {
        case 0:
            mutant[at] = (uint8_t)bw_rng_next(rng);
            break;
        case 1:
            mutant[at] = SPECIAL[bw_rng_next(rng) % sizeof SPECIAL];
            break;
        case 2:
            len = at; /* cut short */
            break;
        default:
            memmove(mutant + at, mutant + at + (len - at) / 2, len - at - (len - at) / 2);
            break;
        }
    }
    return len;
}

int main(int argc, char **argv)
{
    static uint8_t mutant[MUTANT_BYTES_MAX];
    struct bw_rng rng;
    load_seeds(argc > 1 ? argv[1] : NULL);
    run_one(mutant, 0);
    for (size_t i = 0; i < seed_count; i++)
        run_one((const uint8_t *)seeds[i].ptr, seeds[i].len);
    bw_rng_seed(&rng, 20261031);
    for (int i = 0; i < MUTATIONS; i++)
        run_one(mutant, mutate(&rng, mutant));
    printf("%zu seeds and %d mutations of them passed\n", seed_count, (int)MUTATIONS);
    for (size_t i = 0; i < seed_count; i++)
        bw_buf_deinit(&seeds[i]);
    return 0;
}
