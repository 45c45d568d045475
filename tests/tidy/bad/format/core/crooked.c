// SPDX-License-Identifier: BSD-2-Clause
// A bad sample.
int  crooked (int a) { return a ; }
