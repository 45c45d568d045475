// SPDX-License-Identifier: BSD-2-Clause
// wayout: is there a way out of this machine at all?
//
// Asked when a connection failed for want of a route. A host in a network that this machine has no
// address in (IPv6 on a machine with IPv4 alone) is unreachable, and that is nobody's outage; with
// no interface up, or no route to anywhere, it is ours.
#ifndef FP_IO_WAYOUT_SYS_H
#define FP_IO_WAYOUT_SYS_H

#include <stdbool.h>

// Is there an interface that is up, and a route to that address, or else to the world? True also
// when the system does not tell. No packet is sent.
bool wayout_exists(const char *ip);

#endif
