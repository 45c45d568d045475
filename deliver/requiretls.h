// SPDX-License-Identifier: BSD-2-Clause
// requiretls: mail that its sender wants protected on its whole way (REQUIRETLS). Pure. RFC
// 8689 4.2.
//
// Such mail goes only over TLS with a host whose certificate proves who it is (deliver/guard sees
// to that), and which promises to pass the wish on. LMTP, folders and programs are where a way
// ends: what protects these is the configuration's to say.
#ifndef FP_DELIVER_REQUIRETLS_H
#define FP_DELIVER_REQUIRETLS_H

#include "deliver/client.h"

// True: the host cannot have the message, and the tally is settled (5.7.30).
bool requiretls_refuse(const struct client *c, struct tally *t);

#endif
