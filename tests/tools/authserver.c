// SPDX-License-Identifier: BSD-2-Clause
// authserver: an SMTP server that lets in who proves to be somebody, with the server's half of
// libgsasl and OpenSSL: STARTTLS where it has a certificate, mechanisms as told, bound to TLS too.
//
//   authserver MECHANISMS USER PASSWORD [CERT KEY [tls1.2]]
//
// It listens on a free port of 127.0.0.1 and prints "port N"; then a line for each login ("login
// MECHANISM USER tls|clear", "refused MECHANISM") and each message ("message BYTES"). Without a
// login there is no MAIL. Each connection is a process.
#include <arpa/inet.h>
#include <gsasl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *mechanisms, *user, *password;
static SSL_CTX *context;
static int fd;
static SSL *ssl; // NULL: in clear
static bool is_known;

static void tell(const char *format, ...)
{
    char line[1000];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || write(STDOUT_FILENO, line, (size_t)n) != n)
        _exit(1);
}

static void say(const char *format, ...)
{
    char line[4000];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || (ssl ? SSL_write(ssl, line, n) : (int)write(fd, line, (size_t)n)) != n)
        _exit(0);
}

// A line without its end.
static char *hear(void)
{
    static char line[20000];
    size_t n = 0;
    while (n < sizeof line - 1) {
        char c;
        if ((ssl ? SSL_read(ssl, &c, 1) : (int)read(fd, &c, 1)) != 1)
            _exit(0);
        if (c == '\n')
            break;
        line[n++] = c;
    }
    n -= n > 0 && line[n - 1] == '\r';
    line[n] = '\0';
    return line;
}

// ---- SASL ----------------------------------------------------------------------------------

static int give_binding(Gsasl_session *session, Gsasl_property property)
{
    char bytes[64], *text = NULL;
    size_t n = 32, text_n;
    if (!ssl)
        return GSASL_NO_CALLBACK;
    if (property == GSASL_CB_TLS_UNIQUE)
        n = SSL_session_reused(ssl) ? SSL_get_finished(ssl, bytes, sizeof bytes)
                                    : SSL_get_peer_finished(ssl, bytes, sizeof bytes);
    else
        SSL_export_keying_material(ssl, (unsigned char *)bytes, n, "EXPORTER-Channel-Binding", 24,
                                   (const unsigned char *)"", 0, 1);
    gsasl_base64_to(bytes, n, &text, &text_n);
    gsasl_property_set(session, property, text);
    gsasl_free(text);
    return GSASL_OK;
}

static bool equals(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

static int on_question(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
    (void)library;
    switch (property) {
    case GSASL_PASSWORD:
        gsasl_property_set(session, property, password);
        return GSASL_OK;
    case GSASL_VALIDATE_SIMPLE:
        return equals(gsasl_property_fast(session, GSASL_AUTHID), user) &&
                       equals(gsasl_property_fast(session, GSASL_PASSWORD), password)
                   ? GSASL_OK
                   : GSASL_AUTHENTICATION_ERROR;
    case GSASL_CB_TLS_UNIQUE:
    case GSASL_CB_TLS_EXPORTER:
        return give_binding(session, property);
    default:
        return GSASL_NO_CALLBACK;
    }
}

static int talk(Gsasl_session *session, const char *initial)
{
    char *out = NULL, *in = strdup(initial ? initial : "");
    for (;;) {
        int rc = gsasl_step64(session, in, &out);
        free(in);
        // The server's last word is a challenge, too (RFC 4954 4).
        bool has_word = rc == GSASL_NEEDS_MORE || (rc == GSASL_OK && out && out[0]);
        if (has_word)
            say("334 %s\r\n", out ? out : "");
        gsasl_free(out);
        out = NULL;
        if (!has_word)
            return rc;
        in = strdup(hear());
        if (strcmp(in, "*") == 0 || rc == GSASL_OK) {
            free(in);
            return rc == GSASL_OK ? rc : GSASL_AUTHENTICATION_ERROR;
        }
    }
}

static void authenticate(char *line)
{
    char *initial = strchr(line, ' '), name[100];
    if (initial)
        *initial++ = '\0';
    snprintf(name, sizeof name, "%s", line);
    initial = initial ? strdup(initial) : NULL;
    Gsasl *library;
    Gsasl_session *session;
    if (gsasl_init(&library) != GSASL_OK)
        _exit(1);
    gsasl_callback_set(library, on_question);
    if (!strstr(mechanisms, name) || gsasl_server_start(library, name, &session) != GSASL_OK) {
        say("504 5.5.4 no such mechanism\r\n");
        return;
    }
    is_known = talk(session, initial) == GSASL_OK;
    if (is_known)
        tell("login %s %s %s\n", name, gsasl_property_fast(session, GSASL_AUTHID),
             ssl ? "tls" : "clear");
    else
        tell("refused %s\n", name);
    say(is_known ? "235 2.7.0 welcome\r\n" : "535 5.7.8 credentials invalid\r\n");
    gsasl_finish(session);
    gsasl_done(library);
    free(initial);
}

// ---- SMTP ----------------------------------------------------------------------------------

static void begin_tls(void)
{
    say("220 2.0.0 go\r\n");
    SSL *fresh = SSL_new(context);
    SSL_set_fd(fresh, fd);
    if (SSL_accept(fresh) != 1)
        _exit(0);
    ssl = fresh;
}

static void take_message(void)
{
    size_t bytes = 0;
    say("354 go\r\n");
    for (const char *line = hear(); strcmp(line, ".") != 0; line = hear())
        bytes += strlen(line) + 2;
    tell("message %zu\n", bytes);
    say("250 2.0.0 taken\r\n");
}

static void serve(void)
{
    say("220 authserver ESMTP\r\n");
    for (;;) {
        char *line = hear();
        if (strncasecmp(line, "EHLO", 4) == 0)
            say("250-authserver\r\n%s250-AUTH %s\r\n250 PIPELINING\r\n",
                context && !ssl ? "250-STARTTLS\r\n" : "", mechanisms);
        else if (strcasecmp(line, "STARTTLS") == 0 && context && !ssl)
            begin_tls();
        else if (strncasecmp(line, "AUTH ", 5) == 0)
            authenticate(line + 5);
        else if (strncasecmp(line, "MAIL", 4) == 0 && !is_known)
            say("530 5.7.0 authentication required\r\n");
        else if (strcasecmp(line, "DATA") == 0)
            take_message();
        else if (strcasecmp(line, "QUIT") == 0) {
            say("221 2.0.0 bye\r\n");
            _exit(0);
        } else
            say("250 2.0.0 ok\r\n");
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (argc < 4) {
        fprintf(stderr, "usage: authserver MECHANISMS USER PASSWORD [CERT KEY [tls1.2]]\n");
        return 64;
    }
    mechanisms = argv[1], user = argv[2], password = argv[3];
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (argc > 5) {
        context = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(context, argv[4]) != 1 ||
            SSL_CTX_use_PrivateKey_file(context, argv[5], SSL_FILETYPE_PEM) != 1)
            return 1;
        SSL_CTX_set_max_proto_version(context, argc > 6 ? TLS1_2_VERSION : TLS1_3_VERSION);
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, size) || listen(listener, 100) ||
        getsockname(listener, (struct sockaddr *)&at, &size))
        return 1;
    tell("port %d\n", ntohs(at.sin_port));
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        if (fork() == 0) {
            close(listener);
            serve();
        }
        close(fd);
    }
    return 0;
}
