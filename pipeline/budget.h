// SPDX-License-Identifier: BSD-2-Clause
// budget: how much memory the daemon gives to what. Pure numbers; who keeps to each is named.
//
// The target: 64 MiB resident with a million messages deferred, whatever goes on; 96 MiB while
// twenty messages of 50 MiB come in and go out. What a stranger can make grow stands here, what it
// comes to in sum stands below.
#ifndef FP_PIPELINE_BUDGET_H
#define FP_PIPELINE_BUDGET_H

enum {
    // Bodies (bodies.c): those of fresh mail that wait for their destination, and pieces on their
    // way out. Beyond it fresh bodies are read back from the spool, and conversations get small
    // pieces, which each of them may have at any time.
    BUDGET_BODIES = 12 * 1024 * 1024,
    BUDGET_PIECE_SMALL = 16 * 1024,

    // Conversations (carriers.c): those with mail under way are max_sessions; these are the others:
    // they wait for another message, or say goodbye. Some 8 KiB each, with their socket. One whose
    // host takes 7 bits only has up to 80 KiB more while 8-bit content goes out (deliver/convert).
    // MTA-STS policies of 10,000 domains (sts.c) are some 4 MiB.
    // TLS adds some 22 KiB to each; its sessions and files (io/tlscontext_uv) some 6 MiB at most.
    BUDGET_LINGERING = 256,

    // Windows (scheduler): recipients that wait in memory, some 700 bytes each, the batch included;
    // and how many are read at a time. So mail for a hundred destinations can be had at once.
    BUDGET_WINDOW_RCPTS = 10000,
    BUDGET_PAGE_RCPTS = 100,

    // Mail that comes in (intake.c). On its way to the writer: beyond STOP no client is read until
    // half of it is stored, and when that takes long they are told 452. Held in sessions, text and
    // envelopes: beyond SMALL they hand out their text in small chunks, which is what each may hold
    // at any time. Both together: beyond REFUSE no message begins.
    BUDGET_INTAKE_STOP = 8 * 1024 * 1024,
    BUDGET_INTAKE_SMALL = 8 * 1024 * 1024,
    BUDGET_INTAKE_REFUSE = 24 * 1024 * 1024,
    BUDGET_CHUNK_SMALL = 32 * 1024,
    BUDGET_INTAKE_PATIENCE_MS = 30 * 1000,

    // Outcomes on their way to the spool (settling.c), in recipients, some 4 KiB each. Beyond it
    // nothing is started until half of them are stored.
    BUDGET_SETTLING_RCPTS = 1000,
};

#endif
