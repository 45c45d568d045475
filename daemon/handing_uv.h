// SPDX-License-Identifier: BSD-2-Clause
// handing: the shell's side of mail that goes to a folder or a program of this machine. A link has
// one of these instead of a stream.
#ifndef FP_DAEMON_HANDING_UV_H
#define FP_DAEMON_HANDING_UV_H

#include "daemon/shell_internal_uv.h"

void handing_start(struct shell *sh, const struct pipeline_effect *fx);
bool handing_is(const struct link *l);
void handing_send(struct link *l, const struct pipeline_effect *fx);
void handing_finish(struct link *l);
void handing_close(struct link *l); // frees the link, later

#endif
