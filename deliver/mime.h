// SPDX-License-Identifier: BSD-2-Clause
// mime: what the header fields of an entity say of its body. Pure. RFC 2045 5, 6; RFC 2046 5.
//
// Only what a gateway must know that may have to encode bodies: what can be encoded, what holds
// other entities, and what keeps them apart.
#ifndef FP_DELIVER_MIME_H
#define FP_DELIVER_MIME_H

#include "core/slice.h"

#include <stdbool.h>

enum { MIME_BOUNDARY_MAX = 200 }; // RFC 2046 5.1.1 allows 70

enum mime_kind {
    MIME_TEXT,      // text/*, and what does not say
    MIME_DATA,      // other types whose bodies may be encoded
    MIME_MULTIPART, // with a boundary: a list of entities
    MIME_MESSAGE,   // message/rfc822: an entity with a header of its own; may not be encoded
    MIME_SEALED,    // may not be encoded, and what it holds is not to be touched
};

struct mime_type {
    enum mime_kind kind;
    bool is_digest; // multipart/digest: its parts are messages unless they say otherwise
    bool is_signed; // multipart/signed
    char boundary[MIME_BOUNDARY_MAX + 1];
};

// value: of Content-Type, unfolded or not. What cannot be understood is text (RFC 2045 5.2).
void mime_type_parse(struct slice value, struct mime_type *ret);

enum mime_encoding {
    MIME_7BIT, // also: nothing is said
    MIME_8BIT, // or binary: octets as they are
    MIME_ENCODED,
};
// value: of Content-Transfer-Encoding.
enum mime_encoding mime_encoding_parse(struct slice value);

#endif
