// SPDX-License-Identifier: BSD-2-Clause
// message: copying and releasing messages, recipients and entries; queue ids in text. See
// message.h.
#include "core/message.h"

#include "core/must.h"

#include <stdlib.h>

void message_close(struct message *m)
{
    if (!m)
        return;
    free(m->sender);
    free(m->envid);
    m->sender = m->envid = NULL;
}

void recipient_close(struct recipient *r)
{
    if (!r)
        return;
    free(r->address);
    free(r->domain);
    free(r->last_status);
    free(r->last_reply);
    free(r->last_host);
    free(r->held_why);
    free(r->orcpt);
    r->orcpt = NULL;
    r->address = r->domain = r->last_status = r->last_reply = r->last_host = r->held_why = NULL;
}

static char *copy_text(const char *s)
{
    return must_strdup(s ? s : "");
}

// Of most messages there is none: no memory for that.
static char *copy_rare(const char *s)
{
    return s && s[0] ? must_strdup(s) : NULL;
}

void recipient_copy(struct recipient *to, const struct recipient *from)
{
    *to = *from;
    to->address = copy_text(from->address);
    to->domain = copy_text(from->domain);
    to->last_status = copy_text(from->last_status);
    to->last_reply = copy_text(from->last_reply);
    to->last_host = copy_text(from->last_host);
    to->held_why = copy_text(from->held_why);
    to->orcpt = copy_rare(from->orcpt);
}

void message_copy(struct message *to, const struct message *from)
{
    *to = *from;
    to->sender = copy_text(from->sender);
    to->envid = copy_rare(from->envid);
}

void message_id_format(uint64_t id, char text[MESSAGE_ID_DIGITS + 1])
{
    static const char digits[] = "0123456789ABCDEF";
    for (int i = MESSAGE_ID_DIGITS - 1; i >= 0; i--, id >>= 4)
        text[i] = digits[id & 15];
    text[MESSAGE_ID_DIGITS] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool message_id_parse(struct slice text, uint64_t *ret_id)
{
    if (text.n != MESSAGE_ID_DIGITS && text.n != MESSAGE_ID_DIGITS - 1)
        return false;
    uint64_t id = 0;
    for (size_t i = 0; i < text.n; i++) {
        int v = hex_value(text.p[i]);
        if (v < 0)
            return false;
        id = id << 4 | (uint64_t)v;
    }
    *ret_id = id;
    return true;
}

struct entry *entry_new(void)
{
    struct entry *e = must_zalloc(sizeof *e);
    e->message.uid = -1;
    return e;
}

void entry_free(struct entry *e)
{
    if (!e)
        return;
    message_close(&e->message);
    for (uint32_t i = 0; i < e->rcpt_count; i++)
        recipient_close(&e->rcpts[i]);
    free(e->rcpts);
    free(e->tail);
    free(e);
}
