/* url.h - absolute http and https URLs, percent encoding, query strings.
 *
 * Offers:  a strict parser, decode and encode, iteration over a query.
 * Relies on: base/buf.h. Pure bytes; fuzzed by tests/fuzz/fuzz_url.c.
 *
 * Strict means: what two programs could read in two ways is refused, because one of them decides
 * where a request may go and the other sends it. No user names, no fragments, no backslashes, no
 * bare non-ASCII, no numbers posing as hosts.
 */
#ifndef BW_CODEC_URL_H
#define BW_CODEC_URL_H

#include "base/buf.h"

#define BW_URL_BYTES_MAX 8192

enum bw_host_kind { BW_HOST_NAME, BW_HOST_IPV4, BW_HOST_IPV6 };

/* Slices borrow from the text. */
struct bw_url {
    bool is_https;
    enum bw_host_kind host_kind;
    struct bw_str host;  /* as written; IPV6 without its brackets */
    uint16_t port;       /* the scheme's own when none is written */
    struct bw_str path;  /* begins with "/", or is empty; still encoded */
    struct bw_str query; /* behind "?"; still encoded */
    bool has_query;
};

/* INVALID with the reason. */
BW_MUST_USE enum bw_err bw_url_parse(struct bw_str text, struct bw_url *url,
                                     struct bw_error *error);

/* Appends `text` with %XX undone (and "+" as a space in forms and queries). False on a bad escape
 * or a zero byte; `buf` is then as before. */
BW_MUST_USE bool bw_url_decode(struct bw_buf *buf, struct bw_str text, bool plus_is_space);
/* Appends `text`, escaping all but letters, digits and "-._~". */
void bw_url_encode(struct bw_buf *buf, struct bw_str text);
/* Takes "key=value" off `rest`; both are still encoded, the value is empty without "=". Empty pairs
 * are passed over. False at the end. */
bool bw_url_query_next(struct bw_str *rest, struct bw_str *key, struct bw_str *value);

#endif
