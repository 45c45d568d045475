// SPDX-License-Identifier: BSD-2-Clause
// A bad sample. See /home/somebody/notes, or ../shared/notes.
// TODO: more. As issue #12 wants it.
// Nothing: example.org/home/page, "work", ISSUE of a magazine.
