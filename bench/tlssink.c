// SPDX-License-Identifier: BSD-2-Clause
// tlssink: a next hop that offers STARTTLS, or does not, and counts what it is given. smtp-sink has
// no TLS.
//
//     tlssink PORT [CERTIFICATE KEY]    listens on 127.0.0.1; prints the number of messages, each
//                                       over the one before, as smtp-sink -c does
//
// With files it offers TLS, and resumes sessions by tickets, as OpenSSL does by itself. A thread
// for each connection; PIPELINING works because what is there is read line by line.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum { BACKLOG = 1024, ROOM = 64 * 1024, COUNT_EVERY_US = 10 * 1000 };

static SSL_CTX *context; // NULL: no TLS
static atomic_ulong messages, handshakes, resumed;

struct talk {
    int fd;
    SSL *ssl; // NULL: in clear
    char in[ROOM];
    size_t begin, end; // of what was read and not looked at
};

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "tlssink: %s\n", what);
    exit(EX_UNAVAILABLE);
}

static bool say(struct talk *t, const char *text)
{
    int n = (int)strlen(text);
    return (t->ssl ? SSL_write(t->ssl, text, n) : (int)write(t->fd, text, (size_t)n)) == n;
}

static bool read_more(struct talk *t)
{
    memmove(t->in, t->in + t->begin, t->end - t->begin);
    t->end -= t->begin;
    t->begin = 0;
    int room = (int)(ROOM - t->end);
    int n = t->ssl ? SSL_read(t->ssl, t->in + t->end, room)
                   : (int)read(t->fd, t->in + t->end, (size_t)room);
    t->end += n > 0 ? (size_t)n : 0;
    return n > 0;
}

// Up to its end, CRLF; lives until the next one.
static const char *next_line(struct talk *t, size_t *ret_n)
{
    char *at;
    while (!(at = memchr(t->in + t->begin, '\n', t->end - t->begin)))
        if (t->end - t->begin == ROOM || !read_more(t))
            return NULL;
    const char *line = t->in + t->begin;
    *ret_n = (size_t)(at - line) + 1;
    t->begin += *ret_n;
    return line;
}

static bool take_message(struct talk *t)
{
    const char *line;
    size_t n;
    do
        line = next_line(t, &n);
    while (line && !(n == 3 && line[0] == '.'));
    atomic_fetch_add(&messages, line != NULL);
    return line && say(t, "250 2.0.0 taken\r\n");
}

static bool begin_tls(struct talk *t)
{
    if (!say(t, "220 2.0.0 go on\r\n") || !(t->ssl = SSL_new(context)) ||
        !SSL_set_fd(t->ssl, t->fd) || SSL_accept(t->ssl) != 1)
        return false;
    atomic_fetch_add(&handshakes, 1);
    atomic_fetch_add(&resumed, SSL_session_reused(t->ssl));
    return true;
}

static bool answer(struct talk *t, const char *line)
{
    bool offers = context && !t->ssl;
    if (strncasecmp(line, "EHLO", 4) == 0)
        return say(t, offers ? "250-sink\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
                             : "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
    if (strncasecmp(line, "STARTTLS", 8) == 0)
        return offers && begin_tls(t);
    if (strncasecmp(line, "DATA", 4) == 0)
        return say(t, "354 go on\r\n") && take_message(t);
    if (strncasecmp(line, "QUIT", 4) == 0)
        return say(t, "221 2.0.0 bye\r\n") && false;
    return say(t, "250 2.0.0 ok\r\n");
}

static void *serve(void *arg)
{
    struct talk *t = arg;
    const char *line;
    size_t n;
    bool goes_on = say(t, "220 sink ESMTP\r\n");
    while (goes_on && (line = next_line(t, &n)))
        goes_on = answer(t, line);
    if (t->ssl)
        SSL_shutdown(t->ssl);
    SSL_free(t->ssl);
    close(t->fd);
    free(t);
    return NULL;
}

static int listen_on(const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&to, sizeof to) != 0 || listen(fd, BACKLOG) != 0)
        fail("cannot listen");
    return fd;
}

static void *count(void *arg)
{
    unsigned long seen = 0;
    for (;; usleep(COUNT_EVERY_US)) {
        unsigned long now = atomic_load(&messages);
        if (now == seen)
            continue;
        seen = now;
        printf("%lu/%lu %lu\r", atomic_load(&resumed), atomic_load(&handshakes), now);
        fflush(stdout);
    }
    return arg;
}

static void start(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, arg) != 0)
        fail("no more threads");
    pthread_detach(thread);
}

static void offer_tls(void)
{
    X509 *cert = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    context = SSL_CTX_new(TLS_server_method());
    if (!context || !cert || !key || !X509_gmtime_adj(X509_getm_notBefore(cert), 0) ||
        !X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600) || !X509_set_pubkey(cert, key) ||
        !X509_sign(cert, key, EVP_sha256()) || SSL_CTX_use_certificate(context, cert) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1)
        fail("no TLS");
    X509_free(cert);
    EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
    if (argc != 2 && (argc != 3 || strcmp(argv[2], "tls") != 0))
        fail("usage: tlssink PORT [tls]");
    signal(SIGPIPE, SIG_IGN);
    if (argc == 3)
        offer_tls();
    int listener = listen_on(argv[1]);
    start(count, NULL);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        struct talk *t = calloc(1, sizeof *t);
        if (!t)
            fail("no memory");
        t->fd = fd;
        start(serve, t);
    }
}
