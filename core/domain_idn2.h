// SPDX-License-Identifier: BSD-2-Clause
// domain: international domain names, by libidn2. RFC 5890 to 5894, UTS 46.
//
// The DNS and hosts without SMTPUTF8 know them as A-labels ("xn--..."); people type U-labels. A
// library but no world: pure files may call this.
#ifndef FP_CORE_DOMAIN_IDN2_H
#define FP_CORE_DOMAIN_IDN2_H

#include "core/buf.h"
#include "core/err.h"
#include "core/slice.h"

// Appends the domain in lower-case A-labels. A domain in ASCII, or an address literal, comes as it
// is, in lower case. FP_INVALID, with a clause in why (may be NULL): UTF-8 that is no domain name
// by IDNA, or one that is too long as A-labels. FP_TOO_BIG: it does not fit into `to`. Nothing is
// appended then.
enum fp_err domain_to_ascii(struct slice domain, struct buf *to, struct buf *why);

// Appends the address with its domain in A-labels, where that is beyond ASCII; else it comes as it
// is.
enum fp_err domain_of_address_to_ascii(struct slice address, struct buf *to);

#endif
