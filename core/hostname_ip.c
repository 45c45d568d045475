// SPDX-License-Identifier: BSD-2-Clause
// hostname: IP addresses in text, and networks of them. See hostname.h.
//
// Read here and not by inet_pton, because pure code calls only what cannot touch the world; the
// unit test holds both against each other.
#include "core/hostname.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// One decimal octet without leading zeros off *s.
static bool take_octet(struct slice *s, unsigned char *ret)
{
    unsigned value = 0;
    size_t n = 0;
    for (; n < s->n && n < 3 && s->p[n] >= '0' && s->p[n] <= '9'; n++)
        value = value * 10 + (unsigned)(s->p[n] - '0');
    if (n == 0 || value > 255 || (n > 1 && s->p[0] == '0'))
        return false;
    *s = slice_from(*s, n);
    *ret = (unsigned char)value;
    return true;
}

static bool parse_ipv4(struct slice s, unsigned char ret[4])
{
    for (int i = 0; i < 4; i++) {
        if (i > 0) {
            if (s.n == 0 || s.p[0] != '.')
                return false;
            s = slice_from(s, 1);
        }
        if (!take_octet(&s, &ret[i]))
            return false;
    }
    return s.n == 0;
}

// One group of one to four hex digits off *s.
static bool take_group(struct slice *s, unsigned char ret[2])
{
    unsigned value = 0;
    size_t n = 0;
    for (; n < s->n && n < 4 && hex_value(s->p[n]) >= 0; n++)
        value = value << 4 | (unsigned)hex_value(s->p[n]);
    if (n == 0)
        return false;
    *s = slice_from(*s, n);
    ret[0] = (unsigned char)(value >> 8);
    ret[1] = (unsigned char)value;
    return true;
}

// Groups up to the end of s, the last two perhaps as a dotted quad; count of octets, or -1.
static int parse_groups(struct slice s, unsigned char ret[16])
{
    int n = 0;
    while (s.n > 0 && n < 16) {
        bool is_quad = !memchr(s.p, ':', s.n) && memchr(s.p, '.', s.n);
        if (is_quad)
            return n <= 12 && parse_ipv4(s, ret + n) ? n + 4 : -1;
        if (!take_group(&s, ret + n))
            return -1;
        n += 2;
        if (s.n == 0)
            return n;
        if (s.p[0] != ':' || s.n == 1)
            return -1;
        s = slice_from(s, 1);
    }
    return s.n == 0 ? n : -1;
}

static bool parse_ipv6(struct slice s, unsigned char ret[16])
{
    unsigned char head[16] = {0}, tail[16] = {0};
    const char *gap = s.n > 45 ? NULL : memmem(s.p, s.n, "::", 2);
    if (s.n > 45)
        return false;
    if (!gap) {
        bool is_whole = parse_groups(s, ret) == 16;
        return is_whole;
    }
    size_t before = (size_t)(gap - s.p);
    int head_n = parse_groups(slice_of(s.p, before), head);
    int tail_n = parse_groups(slice_from(s, before + 2), tail);
    bool has_quad_before = memchr(s.p, '.', before) != NULL;
    if (head_n < 0 || tail_n < 0 || head_n + tail_n > 14 || has_quad_before)
        return false;
    memset(ret, 0, 16);
    memcpy(ret, head, (size_t)head_n);
    memcpy(ret + 16 - tail_n, tail, (size_t)tail_n);
    return true;
}

bool hostname_is_ipv4(struct slice text)
{
    unsigned char bytes[4];
    return parse_ipv4(text, bytes);
}

bool hostname_is_ipv6(struct slice text)
{
    unsigned char bytes[16];
    return parse_ipv6(text, bytes);
}

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// An address as a network of its own; IPv4-mapped IPv6 becomes IPv4.
static bool parse_ip(struct slice text, struct hostname_network *ret)
{
    struct hostname_network net = {.bits = 32};
    if (parse_ipv4(text, net.bytes)) {
        *ret = net;
        return true;
    }
    if (!parse_ipv6(text, net.bytes))
        return false;
    net.bits = 128;
    net.is_ipv6 = true;
    *ret = net;
    return true;
}

static void unmap(struct hostname_network *net)
{
    if (!net->is_ipv6 || net->bits < 96 || memcmp(net->bytes, mapped_prefix, 12) != 0)
        return;
    memmove(net->bytes, net->bytes + 12, 4);
    memset(net->bytes + 4, 0, 12);
    net->bits -= 96;
    net->is_ipv6 = false;
}

// Decimal 0 to `most`, at most three digits, nothing else; -1 otherwise.
static int parse_bits(struct slice s, int most)
{
    int value = 0;
    if (s.n == 0 || s.n > 3)
        return -1;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        value = value * 10 + (s.p[i] - '0');
    }
    return value <= most ? value : -1;
}

static bool bit_at(const unsigned char *bytes, int i)
{
    return (bytes[i / 8] >> (7 - i % 8) & 1) != 0;
}

enum fp_err hostname_parse_network(struct slice text, struct hostname_network *ret)
{
    struct hostname_network net;
    const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
    size_t ip_n = slash ? (size_t)(slash - text.p) : text.n;
    if (!parse_ip(slice_of(text.p, ip_n), &net))
        return FP_INVALID;
    int most = net.bits;
    if (slash)
        net.bits = parse_bits(slice_from(text, ip_n + 1), most);
    if (net.bits < 0)
        return FP_INVALID;
    for (int i = net.bits; i < most; i++)
        if (bit_at(net.bytes, i))
            return FP_INVALID;
    unmap(&net);
    *ret = net;
    return FP_OK;
}

bool hostname_in_network(const struct hostname_network *net, struct slice ip)
{
    struct hostname_network host;
    if (!parse_ip(ip, &host))
        return false;
    unmap(&host);
    if (host.is_ipv6 != net->is_ipv6)
        return false;
    for (int i = 0; i < net->bits; i++)
        if (bit_at(net->bytes, i) != bit_at(host.bytes, i))
            return false;
    return true;
}
