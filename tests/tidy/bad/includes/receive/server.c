// SPDX-License-Identifier: BSD-2-Clause
// A bad sample.
#include "core/buf.h"
#include "queue/op.h"
#include "io/stream_uv.h"
#include "parse.h"
#include "receive/submit_sys.h"
#include <uv.h>
#include <curl/curl.h>
