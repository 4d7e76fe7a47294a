/* Literals and matches to the bits of a deflate block (RFC 1951, 3.2). */
#include "deflate.h"

enum { LENGTH_CODES = 19 };

static const uint16_t LENGTH_BASE[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                         31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t LENGTH_EXTRA[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                         2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint8_t LENGTH_ORDER[LENGTH_CODES] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

/* The two trees of a block as RFC 1951, 3.2.7 has it: lengths of codes, runs of them shortened, coded again. */
uint8_t *put_trees(Deflate *state, uint8_t *out) {
    uint8_t lengths[LITERAL_CODES + DISTANCE_CODES], symbols[LITERAL_CODES + DISTANCE_CODES];
    uint8_t extras[LITERAL_CODES + DISTANCE_CODES];
    uint32_t counts[LENGTH_CODES] = {0};
    Code codes[LENGTH_CODES];
    int literals = LITERAL_CODES, distances = DISTANCE_CODES, total = 0, made = 0, order = LENGTH_CODES;
    while (literals > 257 && !state->literal_codes[literals - 1].length) literals--;
    while (distances > 1 && !state->distance_codes[distances - 1].length) distances--;
    for (int i = 0; i < literals; i++) lengths[total++] = state->literal_codes[i].length;
    for (int i = 0; i < distances; i++) lengths[total++] = state->distance_codes[i].length;
    for (int at = 0; at < total;) {
        int run = 1;
        while (at + run < total && lengths[at + run] == lengths[at]) run++;
        if (!lengths[at] && run >= 3) {
            run = run > 138 ? 138 : run;
            symbols[made] = run < 11 ? 17 : 18;
            extras[made] = (uint8_t)(run < 11 ? run - 3 : run - 11);
        } else if (at && lengths[at] == lengths[at - 1] && run >= 3) {
            run = run > 6 ? 6 : run;
            symbols[made] = 16;
            extras[made] = (uint8_t)(run - 3);
        } else {
            run = 1;
            symbols[made] = lengths[at];
        }
        counts[symbols[made++]]++;
        at += run;
    }
    make_codes(counts, LENGTH_CODES, 7, codes);
    while (order > 4 && !codes[LENGTH_ORDER[order - 1]].length) order--;
    put(state, (uint64_t)(literals - 257) | (uint64_t)(distances - 1) << 5 | (uint64_t)(order - 4) << 10, 14);
    for (int i = 0; i < order; i++) {
        out = flush(state, out);
        put(state, codes[LENGTH_ORDER[i]].length, 3);
    }
    for (int i = 0; i < made; i++) {
        out = flush(state, out);
        put(state, codes[symbols[i]].bits, codes[symbols[i]].length);
        if (symbols[i] >= 16) put(state, extras[i], symbols[i] == 16 ? 2 : symbols[i] == 17 ? 3 : 7);
    }
    return flush(state, out);
}

uint8_t *put_literals(Deflate *state, const uint8_t *from, uint32_t count, uint8_t *out) {
    const Code *codes = state->literal_codes;
    const uint8_t *end = from + count;
    uint64_t bits = state->bits; /* in registers: out may point anywhere, for all the compiler knows */
    uint32_t held = state->held;
    for (; end - from >= 4; from += 4) { /* 4 * MOST_BITS and 7 bits that are held: below 64 */
        Code a = codes[from[0]], b = codes[from[1]], c = codes[from[2]], d = codes[from[3]];
        uint32_t ab = a.length + b.length, cd = c.length + d.length;
        uint64_t first = a.bits | (uint64_t)b.bits << a.length, second = c.bits | (uint64_t)d.bits << c.length;
        bits |= (first | second << ab) << held;
        held += ab + cd;
        memcpy(out, &bits, 8);
        out += held >> 3;
        bits >>= held & ~7u;
        held &= 7;
    }
    state->bits = bits;
    state->held = held;
    for (; from < end; from++) put(state, codes[*from].bits, codes[*from].length);
    return flush(state, out);
}

uint8_t *put_match(Deflate *state, uint32_t length, uint32_t distance, uint8_t *out) {
    int far = distance_symbol(distance), far_extra = far < 4 ? 0 : far / 2 - 1;
    Code far_code = state->distance_codes[far];
    uint64_t far_bits = far_code.bits | (uint64_t)((distance - 1) & ((1u << far_extra) - 1)) << far_code.length;
    while (length) {
        uint32_t piece = piece_of(length);
        int symbol = length_symbol(piece);
        Code code = state->literal_codes[LITERALS + 1 + symbol];
        uint64_t extra = piece - LENGTH_BASE[symbol];
        put(state, code.bits | extra << code.length, code.length + LENGTH_EXTRA[symbol]);
        put(state, far_bits, far_code.length + far_extra);
        out = flush(state, out);
        length -= piece;
    }
    return out;
}
