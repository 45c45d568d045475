// SPDX-License-Identifier: BSD-2-Clause
// A bad sample: the environment in pure code.
#include <stdlib.h>
long neighbour(const char *s);
long neighbour(const char *s)
{
    return getenv(s) != 0;
}
