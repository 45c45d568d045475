// SPDX-License-Identifier: BSD-2-Clause
// address_token: the tokens of a header's address list. Internal to address_scan.c.
//
// RFC 5322 3.2: atoms, quoted strings, domain literals, single characters that mean something, and
// between them blanks, folding and comments, which are dropped. Each token takes what it is made of
// for good and comments nest by a counter: no recursion, and nothing is looked at twice.
#ifndef FP_CORE_ADDRESS_TOKEN_H
#define FP_CORE_ADDRESS_TOKEN_H

#include "core/slice.h"

enum token_kind { TOKEN_END, TOKEN_ATOM, TOKEN_QUOTED, TOKEN_LITERAL, TOKEN_SPECIAL, TOKEN_BAD };

struct token {
    enum token_kind kind;
    char special;      // TOKEN_SPECIAL: one of . @ < > , ; :
    struct slice text; // as it stands; TOKEN_QUOTED and TOKEN_LITERAL with their marks
};

// Takes the next token off *rest. TOKEN_BAD is what belongs to none of the others: an unclosed
// quotation or comment (the whole rest then), a line end that folds nothing, a stray character.
struct token address_token_next(struct slice *rest);

// May c stand in an atom? Everything beyond ASCII may here: whether it is well-formed is asked by
// address_check.
bool address_token_is_atext(char c);

#endif
