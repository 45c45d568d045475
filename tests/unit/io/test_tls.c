// SPDX-License-Identifier: BSD-2-Clause
// TLS above a stream against a blocking server in a thread: back-pressure, the end, garbage.
#include "core/must.h"
#include "io/tls_uv.h"
#include "loop.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SENT = 300 * 1000 };

static SSL_CTX *server_context(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    must(X509_sign(cert, key, EVP_sha256()) > 0);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    must(SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ctx;
}

// Sends SENT octets, hears as many, says goodbye.
static void serve(void *arg)
{
    static char bytes[SENT];
    int fd = *(int *)arg;
    size_t n;
    SSL_CTX *ctx = server_context();
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    memset(bytes, 's', sizeof bytes);
    if (SSL_accept(ssl) == 1 && SSL_write_ex(ssl, bytes, sizeof bytes, &n) == 1) {
        size_t heard = 0;
        while (heard < SENT && SSL_read_ex(ssl, bytes, sizeof bytes, &n) == 1)
            heard += n;
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
}

static void serve_garbage(void *arg)
{
    char heard[4096];
    int fd = *(int *)arg;
    must(read(fd, heard, sizeof heard) > 0);
    must(write(fd, "500 what is this?\r\n", 19) == 19);
    close(fd);
}

struct seen {
    struct tls *tls;
    uv_timer_t pause;
    size_t bytes, bytes_in_pause;
    unsigned ready, eof, faults, closed, pauses;
    enum stream_fault fault;
    char detail[100];
    bool is_paused;
};

static void end(struct seen *seen)
{
    tls_close(seen->tls, true);
    if (!uv_is_closing((uv_handle_t *)&seen->pause))
        uv_close((uv_handle_t *)&seen->pause, NULL);
}

static void on_ready(void *arg, const struct tls_result *result)
{
    static char bytes[SENT];
    struct seen *seen = arg;
    memset(bytes, 'c', sizeof bytes);
    const struct slice slices[] = {
        {bytes, 1}, {bytes, 0}, {bytes, 40 * 1000}, {bytes, SENT - 40001}};
    seen->ready += !result->is_verified && strcmp(result->version, "TLSv1.3") == 0;
    tls_write(seen->tls, slices, 4);
}

static void on_pause_over(uv_timer_t *timer)
{
    struct seen *seen = timer->data;
    seen->is_paused = false;
    tls_read(seen->tls, true);
}

// Each piece is followed by a pause, in which nothing may come.
static void on_bytes(void *arg, struct slice bytes)
{
    struct seen *seen = arg;
    seen->bytes += bytes.n;
    seen->bytes_in_pause += seen->is_paused ? bytes.n : 0;
    seen->is_paused = true;
    seen->pauses++;
    tls_read(seen->tls, false);
    uv_timer_start(&seen->pause, on_pause_over, 1, 0);
}

static void on_eof(void *arg)
{
    struct seen *seen = arg;
    seen->eof++;
    end(seen);
}

static void on_fault(void *arg, enum stream_fault fault, const char *detail)
{
    struct seen *seen = arg;
    seen->faults++;
    seen->fault = fault;
    snprintf(seen->detail, sizeof seen->detail, "%s", detail);
    end(seen);
}

static void on_closed(void *arg)
{
    ((struct seen *)arg)->closed++;
}

static void talk(struct seen *seen, uv_thread_cb server, const char *ca_file)
{
    const struct stream_handler h = {.arg = seen,
                                     .on_bytes = on_bytes,
                                     .on_eof = on_eof,
                                     .on_fault = on_fault,
                                     .on_closed = on_closed};
    const struct tls_terms terms = {.server_name = "mx.example",
                                    .must_verify = ca_file[0] != '\0',
                                    .ca_file = ca_file,
                                    .cert_file = "",
                                    .key_file = ""};
    int ends[2];
    uv_thread_t thread;
    struct tls_engine *engine = tls_engine_new();
    *seen = (struct seen){0};
    loop_begin();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(uv_thread_create(&thread, server, &ends[1]), 0);
    assert_int_equal(uv_timer_init(&loop, &seen->pause), 0);
    seen->pause.data = seen;
    seen->tls = tls_start(engine, stream_adopt(&loop, ends[0], NULL), &terms, &h, on_ready);
    tls_read(seen->tls, true);
    tls_engine_free(engine); // the connection holds on to it
    loop_end();
    uv_thread_join(&thread);
    assert_int_equal(seen->closed, 1);
}

static void test_back_pressure(void **state)
{
    struct seen seen;
    (void)state;
    talk(&seen, serve, "");
    assert_int_equal(seen.ready, 1);
    assert_int_equal(seen.bytes, SENT);
    assert_int_equal(seen.bytes_in_pause, 0);
    assert_true(seen.pauses > 1);
    assert_int_equal(seen.eof, 1);
    assert_int_equal(seen.faults, 0);
}

static void test_garbage(void **state)
{
    struct seen seen;
    (void)state;
    talk(&seen, serve_garbage, "");
    assert_int_equal(seen.ready, 0);
    assert_int_equal(seen.faults, 1);
    assert_int_equal(seen.fault, STREAM_TLS);
    assert_string_equal(seen.detail, "the host does not speak TLS here (wrong version number)");
}

static void wait_for_end(void *arg)
{
    char heard[100];
    while (read(*(int *)arg, heard, sizeof heard) > 0)
        ;
    close(*(int *)arg);
}

// Nothing is said to the host then.
static void test_no_such_file(void **state)
{
    struct seen seen;
    (void)state;
    talk(&seen, wait_for_end, "/nowhere/ca.pem");
    assert_int_equal(seen.faults, 1);
    assert_int_equal(seen.fault, STREAM_TLS_SET_UP);
    assert_string_equal(seen.detail,
                        "cannot use ca_file /nowhere/ca.pem: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_no_such_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
