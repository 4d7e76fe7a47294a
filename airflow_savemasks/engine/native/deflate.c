/* Scan lines to a raw deflate stream (RFC 1951), for pictures.
 *
 * Photographs are literals that no search shortens, so the search looks for matches ever more rarely while it finds none;
 * the right half of a human mask is found at one known distance. Literals are packed in pairs. Bytes depend on the
 * input alone: no clock, no CPU feature. Measured against ISA-L in benchmarks/results/table.md.
 */
#include "native.h"

enum {
    WINDOW = 32768,
    MIN_MATCH = 8,        /* one word; shorter ones cost more bits than the literals of a photograph */
    GOOD_MATCH = 16,      /* after such a one the search looks at every place again */
    MAX_MATCH = 258,
    MAX_STEP = 64,
    HASH_BITS = 12,       /* the table stays in the nearest cache */
    MOST_BITS = 14,       /* of a code: four literals and 7 bits that are held fit into a word */
    SAMPLED = 64,         /* literals in a row of which only half are counted */
    TAIL = 8,             /* bytes at the end of the input that are only literals, so that words may be read */
    MAX_SEQUENCES = 8192, /* of one block */
    BLOCK = 1 << 18,      /* bytes of one block; its codes suit them */
    LITERALS = 256,
    END_OF_BLOCK = 256,
    LITERAL_CODES = 286,
    DISTANCE_CODES = 30,
    LENGTH_CODES = 19,
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

static const uint16_t LENGTH_BASE[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                         31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t LENGTH_EXTRA[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                         2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint8_t LENGTH_ORDER[LENGTH_CODES] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

static inline uint64_t load64(const uint8_t *from) {
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

static inline uint32_t hash(uint64_t word) { return (uint32_t)((word * 0x9E3779B97F4A7C15ull) >> (64 - HASH_BITS)); }

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

/* --- writing bits ------------------------------------------------------------------------------------------------ */

static inline void put(Deflate *state, uint64_t bits, int length) {
    state->bits |= bits << state->held;
    state->held += (uint32_t)length;
}

static inline uint8_t *flush(Deflate *state, uint8_t *out) {
    memcpy(out, &state->bits, 8);
    out += state->held >> 3;
    state->bits >>= state->held & ~7u;
    state->held &= 7;
    return out;
}

/* The two trees of a block as RFC 1951, 3.2.7 has it: lengths of codes, runs of them shortened, coded again. */
static uint8_t *put_trees(Deflate *state, uint8_t *out) {
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

static uint8_t *put_literals(Deflate *state, const uint8_t *from, uint32_t count, uint8_t *out) {
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

static uint8_t *put_match(Deflate *state, uint32_t length, uint32_t distance, uint8_t *out) {
    int far = distance_symbol(distance), far_extra = far < 4 ? 0 : far / 2 - 1;
    Code far_code = state->distance_codes[far];
    uint64_t far_bits = far_code.bits | (uint64_t)((distance - 1) & ((1u << far_extra) - 1)) << far_code.length;
    while (length) {
        uint32_t piece = piece_of(length);
        int symbol = length_symbol(piece);
        Code code = state->literal_codes[LITERALS + 1 + symbol];
        put(state, code.bits | (uint64_t)(piece - LENGTH_BASE[symbol]) << code.length, code.length + LENGTH_EXTRA[symbol]);
        put(state, far_bits, far_code.length + far_extra);
        out = flush(state, out);
        length -= piece;
    }
    return out;
}

/* --- finding matches --------------------------------------------------------------------------------------------- */

static void count_literals(Deflate *state, const uint8_t *from, uint32_t count) {
    const uint8_t *end = from + count;
    if (count >= SAMPLED) {
        state->sampled = 1;
        for (; end - from >= 8; from += 8)
            for (int i = 0; i < 4; i++) state->counts[i][from[i]] += 2;
    }
    for (; from < end; from++) state->counts[0][*from]++;
}

static void count_match(Deflate *state, uint32_t length, uint32_t distance) {
    uint32_t pieces = 0;
    while (length) {
        uint32_t piece = piece_of(length);
        state->literal_counts[LITERALS + 1 + length_symbol(piece)]++;
        length -= piece;
        pieces++;
    }
    state->distance_counts[distance_symbol(distance)] += pieces;
}

static inline uint32_t equal_bytes(const uint8_t *one, const uint8_t *other, const uint8_t *end) {
    const uint8_t *start = one;
    while (end - one >= 8) {
        uint64_t differs = load64(one) ^ load64(other);
        if (differs) return (uint32_t)(one - start) + (uint32_t)(__builtin_ctzll(differs) >> 3);
        one += 8;
        other += 8;
    }
    while (one < end && *one == *other) one++, other++;
    return (uint32_t)(one - start);
}

/* Sequences for as much as one block takes; returns how many, and in *until where they end. */
static uint32_t find(Deflate *state, const uint8_t *data, const uint8_t *from, const uint8_t *end, size_t history,
                     size_t hint, const uint8_t **until) {
    const uint8_t *stop = end - from > BLOCK ? from + BLOCK : end, *anchor = from, *at = from;
    const uint8_t *oldest = data - history, *last = end - TAIL;
    uint32_t made = 0, misses = 0;
    while (at < stop && at <= last && made < MAX_SEQUENCES - 1) {
        size_t known = (size_t)(at - oldest);
        uint64_t word = load64(at);
        const uint8_t *candidate = NULL;
        if (known && load64(at - 1) == word) { /* a run: the cheapest of all distances */
            candidate = at - 1;
        } else if (hint && known >= hint && load64(at - hint) == word) {
            candidate = at - hint;
        } else {
            uint32_t *head = &state->heads[hash(word)], here = state->done + (uint32_t)(at - data);
            uint32_t distance = here - *head;
            *head = here;
            if (distance && distance <= WINDOW && distance <= known && load64(at - distance) == word)
                candidate = at - distance;
        }
        if (!candidate) {
            misses += misses < MAX_STEP;
            at += misses;
            continue;
        }
        while (at > anchor && candidate > oldest && at[-1] == candidate[-1]) at--, candidate--;
        uint32_t length = equal_bytes(at, candidate, stop), distance = (uint32_t)(at - candidate);
        if (length < MIN_MATCH) { /* cut off by the end of the block */
            at += length + 1;
            continue;
        }
        state->sequences[made++] = (Sequence){(uint32_t)(at - anchor), length, distance};
        count_literals(state, anchor, (uint32_t)(at - anchor));
        count_match(state, length, distance);
        at += length;
        anchor = at;
        if (length >= GOOD_MATCH) misses = 0;
        if (at <= last) state->heads[hash(load64(at - 2))] = state->done + (uint32_t)(at - 2 - data);
    }
    if (made < MAX_SEQUENCES - 1) at = stop;
    state->sequences[made++] = (Sequence){(uint32_t)(at - anchor), 0, 0};
    count_literals(state, anchor, (uint32_t)(at - anchor));
    *until = at;
    return made;
}

/* --- what Python calls ------------------------------------------------------------------------------------------- */

size_t deflate_state_size(void) { return sizeof(Deflate); }

/* Most bytes that `deflate_write` makes of so many. */
size_t deflate_bound(size_t size) { return size * 2 + (size / MAX_SEQUENCES + 2) * 512; }

void deflate_start(Deflate *state) { memset(state, 0, offsetof(Deflate, sequences)); }

/* Compress size bytes from data on; returns how many bytes were written to out (see deflate_bound).
 * history: bytes before data that were compressed by the calls before this one; hint: a distance at which repeats are
 * likely, or 0. Some bits may stay in the state for the next call.
 */
size_t deflate_write(Deflate *state, const uint8_t *data, size_t size, size_t history, size_t hint, uint8_t *out) {
    const uint8_t *from = data, *end = data + size;
    uint8_t *begin = out;
    if (history > WINDOW) history = WINDOW;
    if (hint > WINDOW) hint = 0;
    while (from < end) {
        const uint8_t *until, *at = from;
        memset(state->counts, 0, sizeof state->counts);
        state->sampled = 0;
        memset(state->literal_counts, 0, sizeof state->literal_counts);
        memset(state->distance_counts, 0, sizeof state->distance_counts);
        uint32_t made = find(state, data, from, end, history, hint, &until);
        for (int i = 0; i < LITERALS; i++) {
            uint32_t count = state->counts[0][i] + state->counts[1][i] + state->counts[2][i] + state->counts[3][i];
            state->literal_counts[i] = count || !state->sampled ? count : 1; /* one that was not counted may be there */
        }
        state->literal_counts[END_OF_BLOCK] = 1;
        make_codes(state->literal_counts, LITERAL_CODES, MOST_BITS, state->literal_codes);
        make_codes(state->distance_counts, DISTANCE_CODES, MOST_BITS, state->distance_codes);
        put(state, 2 << 1, 3); /* not the last block; its own trees */
        out = put_trees(state, out);
        for (uint32_t i = 0; i < made; i++) {
            out = put_literals(state, at, state->sequences[i].literals, out);
            out = put_match(state, state->sequences[i].length, state->sequences[i].distance, out);
            at += state->sequences[i].literals + state->sequences[i].length;
        }
        put(state, state->literal_codes[END_OF_BLOCK].bits, state->literal_codes[END_OF_BLOCK].length);
        out = flush(state, out);
        from = until;
    }
    state->done += (uint32_t)size;
    return (size_t)(out - begin);
}

/* The last, empty block and the bits that are still held; at most 16 bytes. */
size_t deflate_end(Deflate *state, uint8_t *out) {
    put(state, 1 | 1 << 1, 3 + 7); /* the last one; fixed codes; end of block is seven zeros */
    size_t size = (state->held + 7) / 8;
    memcpy(out, &state->bits, 8);
    return size;
}
