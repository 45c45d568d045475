// SPDX-License-Identifier: BSD-2-Clause
// witness: watches a world, whatever the test does to it, and remembers the first promise that was
// broken:
//
// (V1) Who was accepted is delivered, given back or removed by an operator: nobody is lost.
// (V2) Nobody is delivered to twice, unless a crash or a restart came in between, or the host never
//      said that it had taken the message (RFC 1047).
// (V3) Who is given back is given back once, and in the same transaction somebody is told. Nothing
//      becomes of a recipient after its end.
// (V4) No recipient is under way twice at the same time.
// (V5) A destination that rests is not connected to before the rest is over, or an operator says
// so. (V6) A destination has no more connections than its limit. (V7) Everybody's end comes within
// the time to expire and a bound, counted from the last
//      disturbance: a crash, an operator, a clock that jumped, a disk that failed.
//
//     struct witness *v = witness_new(w, &(struct witness_options){.connections = 20, ...});
//     witness_watch(v, "192.0.2.1", "smtp://192.0.2.1:25");
//     ... witness_expect(v, "m1@d1.example") for whom the 250 was heard;
//     ... witness_disturbed(v), witness_frees(v), witness_restarted(v) where that is so ...
//     witness_end(v);  assert_string_equal(witness_broken(v), "");
//     world_free(w); witness_free(v);
//
// Recipients' addresses are unique in a test; those of notices may come again.
#ifndef FP_TESTS_SIM_WITNESS_H
#define FP_TESTS_SIM_WITNESS_H

#include "simulate/world_db.h"

struct witness_options {
    uint32_t connections; // V6; 0: not looked at
    int64_t expire_ms;    // V7, with the bound; 0: not looked at
};

struct witness;
struct witness *witness_new(struct world *w, const struct witness_options *options);
void witness_free(struct witness *v); // after its world
// The host is watched from now on; its weather goes on being asked for.
void witness_watch(struct witness *v, const char *ip, const char *destination);
void witness_expect(struct witness *v, const char *rcpt);
void witness_removes(struct witness *v, const char *rcpt); // an operator may have removed it
void witness_disturbed(struct witness *v);                 // V7 counts anew; crashes are noticed
void witness_frees(struct witness *v);     // an operator, or a clock, has ended all rests
void witness_restarted(struct witness *v); // V2: the pipeline ended in order and began again
void witness_end(struct witness *v);       // V1
const char *witness_broken(const struct witness *v); // "" none
// Ends by being delivered, given back: for a test that wants to see that it tests something.
void witness_count(const struct witness *v, uint32_t *ret_delivered, uint32_t *ret_failed);

#endif
