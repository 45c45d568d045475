// SPDX-License-Identifier: BSD-2-Clause
// A bad sample: strcpy(a, b) in a comment is none.
static const char text[] = "strcat(a, b)";
void copy(char *to, const char *from)
{
    strcpy(to, from);
    to = malloc(5);
    x.system(to); /* system(to) */ my_system(to); run->system (to);
    system
        (to);
    atoi(from);
}
