// SPDX-License-Identifier: BSD-2-Clause
// listing: the queue as text. See listing.h; the formats are in the files beside this one.
#include "control/listing.h"

#include "control/listing_formats.h"
#include "control/summary.h"
#include "core/must.h"

static const struct {
    const char *name;
    const struct listing_writer *writer;
} formats[LISTING_FORMATS] = {
    [LISTING_TABLE] = {"table", &listing_table},
    [LISTING_POSTFIX] = {"postfix", &listing_postfix},
    [LISTING_SENDMAIL] = {"sendmail", &listing_sendmail},
    [LISTING_JSON] = {"json", &listing_json},
    [LISTING_JSONL] = {"jsonl", &listing_jsonl},
    [LISTING_CSV] = {"csv", &listing_csv},
};

bool listing_format_parse(const char *name, enum listing_format *ret)
{
    for (int i = 0; i < LISTING_FORMATS; i++)
        if (strcmp(name, formats[i].name) == 0) {
            *ret = (enum listing_format)i;
            return true;
        }
    return false;
}

void listing_init(struct listing *l, enum listing_format format, int64_t now_ms, int utc_offset_s)
{
    must((unsigned)format < LISTING_FORMATS);
    *l = (struct listing){.format = format, .now_ms = now_ms, .utc_offset_s = utc_offset_s};
}

void listing_begin(struct listing *l, struct buf *to)
{
    struct column c = column_begin(to);
    formats[l->format].writer->begin(l, &c);
    column_commit(&c);
}

void listing_row(struct listing *l, const struct listing_row *row, struct buf *to)
{
    const struct listing_writer *w = formats[l->format].writer;
    struct column c = column_begin(to);
    w->row(l, row, &c);
    if (column_commit(&c)) {
        l->messages++;
        l->bytes += row->message->size;
    }
}

void listing_end(struct listing *l, struct buf *to)
{
    struct column c = column_begin(to);
    formats[l->format].writer->end(l, &c);
    column_commit(&c);
}

const char *listing_state(const struct listing_recipient *r)
{
    if (r->is_active)
        return "active";
    if (r->rcpt->state == RECIPIENT_HELD)
        return "held";
    return r->rcpt->attempts > 0 ? "deferred" : "queued";
}
