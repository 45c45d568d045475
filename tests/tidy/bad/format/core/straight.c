// SPDX-License-Identifier: BSD-2-Clause
// Nothing is wrong here.
int straight(int a)
{
    return a;
}
