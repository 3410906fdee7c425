/* test_sign.c - webhook signatures, against the vector of Standard Webhooks. */
#include "support/test.h"

#include "codec/sign.h"

#define SECRET "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define GOOD "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define LOOKALIKE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="

static const struct bw_str body = {"{\"test\": 2432232314}", 20};
static const struct bw_str message_id = {"msg_p5jXN8AQM9LWM0D4loKWxJek", 28};
static const struct bw_stamp sent = {INT64_C(1614265330) * 1000000};

static struct bw_sign_key key(const char *text)
{
    struct bw_sign_key parsed;
    struct bw_error error;
    assert_ok(bw_sign_key_parse(bw_str_of(text), &parsed, &error), &error);
    return parsed;
}

static enum bw_err verify(const char *signature, int64_t later_s)
{
    const struct bw_sign_headers headers = {message_id, BW_STR("1614265330"), bw_str_of(signature)};
    struct bw_sign_key keys[] = {key("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), key(SECRET)};
    return bw_sign_verify(&headers, body, keys, 2, (struct bw_stamp){sent.us + later_s * 1000000},
                          BW_SIGN_TOLERANCE_S, NULL);
}

static void test_the_standard_vector_signs_and_verifies(void **state)
{
    (void)state;
    struct bw_sign_key secret = key("whsec_" SECRET);
    struct bw_buf out;
    bw_buf_init(&out, 256);
    assert_ok(bw_sign_put(&out, &secret, message_id, sent, body, NULL), NULL);
    assert_str(bw_buf_str(&out), GOOD);
    bw_buf_deinit(&out);
    assert_err(verify(GOOD, 0), OK);
    assert_err(verify(LOOKALIKE, 0), UNAUTHORIZED);
}

static void test_one_right_signature_among_others_is_enough(void **state)
{
    (void)state;
    assert_err(verify(LOOKALIKE " v1a,xyz v2,abc " GOOD, 0), OK);
    assert_err(verify("v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", 0), UNAUTHORIZED);
    assert_err(verify("v1,", 0), UNAUTHORIZED);
    assert_err(verify("v1,AAAA", 0), UNAUTHORIZED);
    assert_err(verify(" ", 0), UNAUTHORIZED);
    assert_err(verify("", 0), INVALID);
}

static void test_old_and_early_messages_are_refused(void **state)
{
    (void)state;
    assert_err(verify(GOOD, 300), OK);
    assert_err(verify(GOOD, 301), UNAUTHORIZED);
    assert_err(verify(GOOD, -300), OK);
    assert_err(verify(GOOD, -301), UNAUTHORIZED);
}

static void test_malformed_headers_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *id, *timestamp, *part;
    } cases[] = {
        {"", "1614265330", "webhook-id"},
        {"msg.1", "1614265330", "webhook-id"},
        {"msg 1", "1614265330", "webhook-id"},
        {"msg\n", "1614265330", "webhook-id"},
        {"msg", "", "webhook-timestamp"},
        {"msg", "+1614265330", "webhook-timestamp"},
        {"msg", "1614265330.5", "webhook-timestamp"},
        {"msg", "161426533000000000000", "webhook-timestamp"},
    };
    struct bw_sign_key secret = key(SECRET);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct bw_sign_headers headers = {bw_str_of(cases[i].id),
                                                bw_str_of(cases[i].timestamp), BW_STR(GOOD)};
        struct bw_error error;
        assert_err(bw_sign_verify(&headers, body, &secret, 1, sent, 300, &error), INVALID);
        assert_non_null(strstr(error.text, cases[i].part));
    }
    struct bw_buf out;
    bw_buf_init(&out, 256);
    assert_err(bw_sign_put(&out, &secret, BW_STR("a.b"), sent, body, NULL), INVALID);
    assert_int_equal(out.len, 0);
    bw_buf_deinit(&out);
}

static void test_secrets_have_24_to_64_bytes(void **state)
{
    (void)state;
    struct bw_sign_key parsed;
    assert_err(bw_sign_key_parse(BW_STR("whsec_AAAA"), &parsed, NULL), INVALID);
    assert_err(bw_sign_key_parse(BW_STR("whsec_not base64"), &parsed, NULL), INVALID);
    assert_err(bw_sign_key_parse(BW_STR(SECRET SECRET SECRET), &parsed, NULL), INVALID);
    assert_err(bw_sign_key_parse(BW_STR_NONE, &parsed, NULL), INVALID);
    assert_int_equal(key(SECRET SECRET).len, 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_standard_vector_signs_and_verifies),
        cmocka_unit_test(test_one_right_signature_among_others_is_enough),
        cmocka_unit_test(test_old_and_early_messages_are_refused),
        cmocka_unit_test(test_malformed_headers_are_named),
        cmocka_unit_test(test_secrets_have_24_to_64_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
