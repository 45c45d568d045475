// SPDX-License-Identifier: BSD-2-Clause
// request_idn: domains of a request in the form in which the spool has them. Pure.
//
// An operator types "why b@müller.example"; behind the door that mail came in by there are only
// A-labels (core/domain_idn2.h). Called by who answers a request, not by who asks it.
#ifndef FP_CONTROL_REQUEST_IDN_H
#define FP_CONTROL_REQUEST_IDN_H

#include "control/request.h"

// In filters, targets and subjects. What is no domain by IDNA stays as it is, and names nothing.
void request_idn(struct request *r);

#endif
