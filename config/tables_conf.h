// SPDX-License-Identifier: BSD-2-Clause
// tables: the settings of the configuration file that are rows: listen, route, retry, limit.
// Private to config/*_conf.c. Each goes to the struct config of the reader.
#ifndef FP_CONFIG_TABLES_CONF_H
#define FP_CONFIG_TABLES_CONF_H

#include "config/value_conf.h"

void config_read_listen(struct config_reader *r, const config_setting_t *s, void *config);
void config_read_route(struct config_reader *r, const config_setting_t *s, void *config);
void config_read_retry(struct config_reader *r, const config_setting_t *s, void *config);
void config_read_credentials(struct config_reader *r, const config_setting_t *s, void *config);
void config_read_limit(struct config_reader *r, const config_setting_t *s, void *config);
void config_read_tls(struct config_reader *r, const config_setting_t *s, void *config);

// Behind all of them: rows for hosts that nobody will ever look up say so.
void config_check_hosts(struct config_reader *r, const config_setting_t *root, void *config);
// Behind that, when nothing is wrong: rows that count for nothing say so.
void config_check_doubts(struct config_reader *r, const config_setting_t *root, void *config);
// So do rows of tls that leave it to the DNS where the DNS can never say anything.
void config_check_dane(struct config_reader *r, const config_setting_t *root, void *config);
void config_check_tls_files(struct config_reader *r, const config_setting_t *root, void *config);
// Behind that: likewise of credentials, and secrets that are not where they are said to be.
void config_check_credentials(struct config_reader *r, const config_setting_t *root, void *config);

#endif
