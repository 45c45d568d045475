// SPDX-License-Identifier: BSD-2-Clause
// config_sys: what the configuration takes from the machine where the file is silent.
#ifndef FP_CONFIG_CONFIG_SYS_H
#define FP_CONFIG_CONFIG_SYS_H

// This machine's fully qualified name as far as it knows it: gethostname, and when that has no dot,
// the canonical name that the resolver gives for it. Lower-case; "localhost" when there is nothing
// usable. The caller frees it.
char *config_machine_name(void);

#endif
