/* figures.c - see figures.h. */
#include "figures.h"

#include "base/assert.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void figures_add(struct figures *figures, const char *name, double value, const char *unit,
                 const char *ratio_to)
{
    BW_ASSERT(figures->count < FIGURES_MAX);
    struct figure *figure = &figures->items[figures->count++];
    snprintf(figure->name, sizeof figure->name, "%s", name);
    snprintf(figure->unit, sizeof figure->unit, "%s", unit);
    snprintf(figure->ratio_to, sizeof figure->ratio_to, "%s", ratio_to ? ratio_to : "");
    figure->value = value;
}

const struct figure *figures_find(const struct figures *figures, const char *name)
{
    for (size_t i = 0; i < figures->count; i++) {
        if (strcmp(figures->items[i].name, name) == 0)
            return &figures->items[i];
    }
    return NULL;
}

double figures_ratio(const struct figures *figures, const struct figure *figure)
{
    const struct figure *base = figures_find(figures, figure->ratio_to);
    return base && base->value > 0 ? figure->value / base->value : 0;
}

void figures_send(const struct figures *figures, FILE *out)
{
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *figure = &figures->items[i];
        fprintf(out, "%s\t%.9g\t%s\t%s\n", figure->name, figure->value, figure->unit,
                figure->ratio_to);
    }
}

/* Cuts the next field off a line; never NULL. */
static const char *field(char **rest)
{
    char *at = *rest;
    size_t len = strcspn(at, "\t\n");
    *rest = at[len] ? at + len + 1 : at + len;
    at[len] = '\0';
    return at;
}

void figures_receive(struct figures *figures, FILE *in)
{
    char line[512];
    while (fgets(line, sizeof line, in)) {
        char *rest = line;
        const char *name = field(&rest);
        double value = strtod(field(&rest), NULL);
        const char *unit = field(&rest);
        figures_add(figures, name, value, unit, field(&rest));
    }
}

/* Four digits that count, whatever the size. */
static void print_value(char *text, size_t size, double value)
{
    int places = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3;
    snprintf(text, size, "%.*f", places, value);
}

void figures_print(const struct figures *figures, FILE *out)
{
    fprintf(out, "%-44s %12s  %-12s %8s  %s\n", "what", "value", "unit", "ratio", "to");
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *figure = &figures->items[i];
        double ratio = figures_ratio(figures, figure);
        char value[32], ratio_text[32] = "";
        print_value(value, sizeof value, figure->value);
        if (ratio > 0)
            print_value(ratio_text, sizeof ratio_text, ratio);
        fprintf(out, "%-44s %12s  %-12s %8s  %s\n", figure->name, value, figure->unit, ratio_text,
                ratio > 0 ? figure->ratio_to : "");
    }
}

enum bw_err figures_write(const struct figures *figures, const char *path, struct bw_error *error)
{
    FILE *out = fopen(path, "w");
    if (!out)
        return bw_fail(error, BW_ERR_IO, "%s: %s", path, strerror(errno));
    fputs("[\n", out);
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *figure = &figures->items[i];
        double ratio = figures_ratio(figures, figure);
        fprintf(out, "  {\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", ", figure->name,
                figure->value, figure->unit);
        if (ratio > 0)
            fprintf(out, "\"ratio\": %.6g, \"ratio_to\": \"%s\"}", ratio, figure->ratio_to);
        else
            fputs("\"ratio\": null, \"ratio_to\": null}", out);
        fputs(i + 1 < figures->count ? ",\n" : "\n", out);
    }
    fputs("]\n", out);
    bool is_written = !ferror(out);
    if (fclose(out) || !is_written)
        return bw_fail(error, BW_ERR_IO, "%s: could not be written", path);
    return BW_ERR_OK;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

double figures_percentile(int64_t *samples, size_t count, double share)
{
    if (count == 0)
        return 0;
    qsort(samples, count, sizeof *samples, compare);
    return (double)samples[(size_t)((double)(count - 1) * share + 0.5)];
}

int64_t figures_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t figures_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}
