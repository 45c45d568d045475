// SPDX-License-Identifier: BSD-2-Clause
// crowding: more destinations want to be tried than there is room for, and some of those that are
// being tried have not said a word.
//
// RFC 5321 4.5.3.2.1 gives a host five minutes for its greeting, and that is what it gets as long
// as it is in nobody's way. A thousand that hang would keep everybody else waiting for as long (D11
// of the scheduler looks after those that answer, but not after the first mail to somebody new):
// then half a minute has to do, and the next probe will tell more.
#ifndef FP_PIPELINE_CROWDING_H
#define FP_PIPELINE_CROWDING_H

struct pipeline;

void crowding_notice(struct pipeline *p); // the scheduler may have become crowded
void crowding_timer(struct pipeline *p);  // ALARM_CROWDING

#endif
