// SPDX-License-Identifier: BSD-2-Clause
// list: a circular doubly linked list with its links inside the members.
//
// A head is initialised by list_init; a member starts zeroed and knows whether it is in a list, so
// that "put it in if it is not" and "take it out if it is" need no flag beside it.
#ifndef FP_SCHEDULER_LIST_H
#define FP_SCHEDULER_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

// The structure that a member is embedded in.
#define list_owner(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline struct list *list_first(const struct list *head) // NULL when empty
{
    return list_is_empty(head) ? NULL : head->next;
}

static inline bool list_is_member(const struct list *link)
{
    return link->next != NULL;
}

static inline void list_remove(struct list *link) // fine when it is in none
{
    if (!list_is_member(link))
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = link->prev = NULL;
}

static inline void list_put_last(struct list *head,
                                 struct list *link) // stays where it is if it is in
{
    if (list_is_member(link))
        return;
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

#endif
