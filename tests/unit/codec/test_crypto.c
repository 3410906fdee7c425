/* test_crypto.c - hashes and signatures against published vectors. */
#include "support/test.h"

#include "base/buf.h"
#include "codec/b64.h"
#include "codec/crypto.h"

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
    struct bw_buf buf;
    bw_buf_init(&buf, 256);
    bw_hex_put(&buf, bw_str((const char *)bytes, len));
    assert_str(bw_buf_str(&buf), expected);
    bw_buf_deinit(&buf);
}

#define SHA_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_sha256_of_the_standard(void **state)
{
    (void)state;
    uint8_t hash[BW_SHA256_LEN];
    char text[BW_SHA256_HEX_LEN + 1];
    bw_sha256(BW_STR_NONE, hash);
    assert_hex(hash, sizeof hash, SHA_EMPTY);
    bw_sha256_hex(BW_STR("abc"), text);
    assert_string_equal(text, SHA_ABC);
}

static void test_pieces_hash_as_the_whole(void **state)
{
    (void)state;
    uint8_t hash[BW_SHA256_LEN];
    struct bw_sha256 *sha256 = bw_sha256_create();
    bw_sha256_update(sha256, BW_STR("a"));
    bw_sha256_update(sha256, BW_STR_NONE);
    bw_sha256_update(sha256, BW_STR("bc"));
    bw_sha256_finish(sha256, hash);
    assert_hex(hash, sizeof hash, SHA_ABC);
    bw_sha256_destroy(bw_sha256_create());
    bw_sha256_destroy(NULL);
}

static void test_hmac_of_rfc_4231(void **state)
{
    (void)state;
    uint8_t mac[BW_SHA256_LEN];
    bw_hmac_sha256(BW_STR("Jefe"), BW_STR("what do ya want for nothing?"), mac);
    assert_hex(mac, sizeof mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    bw_hmac_sha256(BW_STR_NONE, BW_STR_NONE, mac);
    assert_hex(mac, sizeof mac, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_equality_looks_at_every_byte_and_the_length(void **state)
{
    (void)state;
    assert_true(bw_crypto_eq(BW_STR("secret"), BW_STR("secret")));
    assert_false(bw_crypto_eq(BW_STR("secret"), BW_STR("secreT")));
    assert_false(bw_crypto_eq(BW_STR("secret"), BW_STR("secre")));
    assert_true(bw_crypto_eq(BW_STR_NONE, BW_STR("")));
}

static void test_wiped_bytes_are_zero(void **state)
{
    (void)state;
    char secret[] = "secret";
    bw_crypto_wipe(secret, sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++)
        assert_int_equal(secret[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_of_the_standard),
        cmocka_unit_test(test_pieces_hash_as_the_whole),
        cmocka_unit_test(test_hmac_of_rfc_4231),
        cmocka_unit_test(test_equality_looks_at_every_byte_and_the_length),
        cmocka_unit_test(test_wiped_bytes_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
