// SPDX-License-Identifier: BSD-2-Clause
// Any text as the policy of a domain, and any as its record: what is read is whole, and small.
#include "core/must.h"
#include "deliver/mta_sts.h"

#include <stdlib.h>

static void read_policy(const char *text, size_t size)
{
    struct sts_policy p = {0};
    struct buf why;
    uint32_t age_s = 0;
    buf_init(&why, 1000);
    if (mta_sts_parse(slice_of(text, size), &p, &age_s, &why) == FP_OK) {
        must(why.n == 0 && age_s <= MTA_STS_AGE_MAX_S && size <= MTA_STS_TEXT_MAX);
        must(p.mode == STS_NONE || p.mx[0] == ' ');
        must(strlen(p.mx) <= size + 2 && !strpbrk(p.mx, "\r\n\t'\";"));
        must(p.mode != STS_ENFORCE || !mta_sts_allows(&p, ""));
        mta_sts_allows(&p, "mx.example.com");
    } else {
        must(why.n > 0 && !p.mx);
    }
    sts_policy_close(&p);
    buf_close(&why);
}

static void read_record(const char *text, size_t size)
{
    char id[STS_ID_MAX + 1];
    struct dns_answer *a = must_zalloc(sizeof *a + sizeof a->records[0]);
    a->type = DNS_TYPE_TXT;
    a->count = 1;
    memcpy(a->records[0].name, text, size < 255 ? size : 255);
    if (mta_sts_record_id(a, id))
        must(id[0] && strlen(id) <= STS_ID_MAX &&
             strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(id));
    free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_policy((const char *)data, size);
    read_record((const char *)data, size);
    return 0;
}
