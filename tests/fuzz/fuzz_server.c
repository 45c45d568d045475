// SPDX-License-Identifier: BSD-2-Clause
// Fuzzes the SMTP server machine. The first three octets choose the size of reads, who the client
// is and how the spool answers; the rest is what the client sends.
//
// Checked beside memory errors: what is stored has clean line ends and good addresses, every
// message that was begun ended or was given up (V4), and no more than a chunk was held.
#include "../unit/receive/session.h"
#include "core/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_body(struct slice body)
{
    must(body.n >= 2 && memcmp(body.p + body.n - 2, "\r\n", 2) == 0);
    for (size_t i = 0; i < body.n; i++) {
        must(body.p[i] != '\n' || (i > 0 && body.p[i - 1] == '\r'));
        must(body.p[i] != '\r' || (i + 1 < body.n && body.p[i + 1] == '\n'));
    }
}

static void check_message(const struct entry *e, struct slice body)
{
    bool may_be_utf8 = (e->message.traits & MESSAGE_UTF8) != 0;
    must(!*e->message.sender || address_check(slice_str(e->message.sender), may_be_utf8) == FP_OK);
    must(e->rcpt_count > 0);
    for (uint32_t i = 0; i < e->rcpt_count; i++)
        must(address_check(slice_str(e->rcpts[i].address), may_be_utf8) == FP_OK);
    check_body(body);
}

static void choose(struct session *s, const uint8_t *data)
{
    static const enum fp_err errors[] = {FP_OK, FP_OK, FP_FULL, FP_TOO_BIG};
    s->read_size = data[0] & 63;
    s->is_slow = data[1] & 1;
    if (data[1] & 2)
        s->peer = (struct server_peer){.ip = "", .is_local = true, .uid = 1000, .user_name = "al"};
    s->begin_verdict = data[1] & 4 && data[1] & 8 ? VERDICT_BUSY : VERDICT_OK;
    s->store_err = errors[data[2] & 3];
    s->settings.message_size_max = 2000;
    s->settings.line_max = 200;
    s->settings.received_max = 5;
    s->settings.rcpts_max = 5;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session s;
    if (size < 3)
        return 0;
    session_init(&s);
    choose(&s, data);
    session_open(&s);
    session_send(&s, slice_of((const char *)data + 3, size - 3));
    session_event(&s, data[2] & 4 ? SERVER_SHUTDOWN : SERVER_EOF);
    session_event(&s, SERVER_EOF);
    must(s.is_closed && s.begun == s.ended + s.aborted);
    must(s.memory_max <= MESSAGE_CHUNK_MAX + 64);
    for (uint32_t i = 0; i < s.count; i++)
        check_message(s.entries[i], buf_slice(&s.bodies[i]));
    session_close(&s);
    return 0;
}
