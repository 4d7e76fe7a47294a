/* What deflate.c (finding matches) and encode.c (writing them) share. */
#ifndef SAVEMASKS_DEFLATE_H
#define SAVEMASKS_DEFLATE_H
#include "native.h"

enum {
    WINDOW = 32768,
    MAX_MATCH = 258,
    HASH_BITS = 12,       /* the table stays in the nearest cache */
    MOST_BITS = 14,       /* of a code: four literals and 7 bits that are held fit into a word */
    MAX_SEQUENCES = 8192, /* of one block */
    LITERALS = 256,
    END_OF_BLOCK = 256,
    LITERAL_CODES = 286,
    DISTANCE_CODES = 30,
};

typedef struct {
    uint32_t literals, length, distance; /* so many literals, then a match; distance 0: none */
} Sequence;

struct Deflate {
    uint64_t bits; /* not yet written, the lowest first */
    uint32_t held; /* how many, below 8 between two calls */
    uint32_t done; /* bytes compressed so far, modulo 2**32 */
    uint32_t heads[1 << HASH_BITS];
    Sequence sequences[MAX_SEQUENCES];
    uint32_t counts[4][LITERALS]; /* four tables: equal bytes in a row would wait for each other in one */
    int sampled;
    uint32_t literal_counts[LITERAL_CODES], distance_counts[DISTANCE_CODES];
    Code literal_codes[LITERAL_CODES], distance_codes[DISTANCE_CODES];
};

static inline int log2_of(uint32_t value) { return 31 - __builtin_clz(value); }

static inline int length_symbol(uint32_t length) {
    if (length == MAX_MATCH) return 28;
    if (length < 11) return (int)length - 3;
    int power = log2_of(length - 3);
    return 4 * (power - 1) + (int)(((length - 3) >> (power - 2)) & 3);
}

static inline int distance_symbol(uint32_t distance) {
    if (distance < 5) return (int)distance - 1;
    int power = log2_of(distance - 1);
    return 2 * power + (int)(((distance - 1) >> (power - 1)) & 1);
}

/* The next piece of a long match: none may be shorter than 3. */
static inline uint32_t piece_of(uint32_t length) {
    if (length <= MAX_MATCH) return length;
    return length - MAX_MATCH < 3 ? length - 3 : MAX_MATCH;
}

/* To out: the trees of a block, some literals, a match. Each returns where out goes on. */
uint8_t *put_trees(Deflate *state, uint8_t *out);
uint8_t *put_literals(Deflate *state, const uint8_t *from, uint32_t count, uint8_t *out);
uint8_t *put_match(Deflate *state, uint32_t length, uint32_t distance, uint8_t *out);

/* Hold some bits back until `flush` writes them; never more than 64 in all. */
static inline void put(Deflate *state, uint64_t bits, int length) {
    state->bits |= bits << state->held;
    state->held += (uint32_t)length;
}

/* Write all whole bytes that are held (and some more behind them, which the next call overwrites). */
static inline uint8_t *flush(Deflate *state, uint8_t *out) {
    memcpy(out, &state->bits, 8);
    out += state->held >> 3;
    state->bits >>= state->held & ~7u;
    state->held &= 7;
    return out;
}
#endif
