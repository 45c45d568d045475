// SPDX-License-Identifier: BSD-2-Clause
// domain: see domain_idn2.h.
#include "core/domain_idn2.h"

#include "core/address.h"
#include "core/hostname.h"
#include "core/must.h"
#include "core/utf8.h"

#include <idn2.h>
#include <stdlib.h>

static enum fp_err add_lower_case(struct slice domain, struct buf *to)
{
    char *text = must_memdup(domain.p, domain.n);
    for (size_t i = 0; i < domain.n; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
    enum fp_err err = buf_add(to, text, domain.n);
    free(text);
    return err;
}

// By UTS 46 without the deviations of IDNA2003 ("ß" stays what it is), as registries and browsers
// do. STD3 rules would refuse underscores; without them a wide "@" becomes an "@", so what comes
// out is held against the syntax of host names again.
enum fp_err domain_to_ascii(struct slice domain, struct buf *to, struct buf *why)
{
    if (utf8_is_ascii(domain))
        return add_lower_case(domain, to);
    char *text = must_memdup(domain.p, domain.n);
    char *ascii = NULL;
    int code = memchr(text, '\0', domain.n)
                   ? IDN2_ENCODING_ERROR
                   : idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    free(text);
    bool is_name = code == IDN2_OK && hostname_has_valid_labels(slice_str(ascii));
    if (!is_name && why)
        buf_add_str(why, code == IDN2_OK ? "it means no host name" : idn2_strerror(code));
    enum fp_err err = is_name ? add_lower_case(slice_str(ascii), to) : FP_INVALID;
    idn2_free(ascii);
    return err;
}

enum fp_err domain_of_address_to_ascii(struct slice address, struct buf *to)
{
    struct slice domain = address_domain(address);
    size_t began = to->n;
    if (utf8_is_ascii(domain))
        return buf_add_slice(to, address);
    enum fp_err err = buf_add(to, address.p, address.n - domain.n);
    if (!err)
        err = domain_to_ascii(domain, to, NULL);
    if (err && to->p) {
        to->n = began;
        to->p[began] = '\0';
    }
    return err;
}
