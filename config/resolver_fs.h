// SPDX-License-Identifier: BSD-2-Clause
// resolver: does /etc/resolv.conf lead to a name server whose word on DNSSEC is believed?
// For warnings alone: what is asked, and believed, is io/dns_uv's.
#ifndef FP_CONFIG_RESOLVER_FS_H
#define FP_CONFIG_RESOLVER_FS_H

#include <stdbool.h>

// One on this machine (as without the file, or without a server in it), or "options trust-ad".
bool config_resolver_is_trusted(void);

#endif
