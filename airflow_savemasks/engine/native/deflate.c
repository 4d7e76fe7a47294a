/* Scan lines to a raw deflate stream (RFC 1951), for pictures.
 *
 * Photographs are literals that no search shortens, so the search looks for matches ever more rarely while it finds
 * none; the right half of a human mask is found at one known distance. Bytes depend on the input alone: no clock, no
 * CPU feature. Measured against ISA-L in benchmarks/results/table.md.
 */
#include "deflate.h"

enum {
    MIN_MATCH = 8,        /* one word; shorter ones cost more bits than the literals of a photograph */
    GOOD_MATCH = 16,      /* after such a one the search looks at every place again */
    MAX_STEP = 64,
    SAMPLED = 64,         /* literals in a row of which only half are counted */
    TAIL = 8,             /* bytes at the end of the input that are only literals, so that words may be read */
    BLOCK = 1 << 18,      /* bytes of one block; its codes suit them */
};

static inline uint64_t load64(const uint8_t *from) {
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

static inline uint32_t hash(uint64_t word) { return (uint32_t)((word * 0x9E3779B97F4A7C15ull) >> (64 - HASH_BITS)); }

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

EXPORTED size_t deflate_state_size(void) { return sizeof(Deflate); }

/* Most bytes that `deflate_write` makes of so many. */
EXPORTED size_t deflate_bound(size_t size) { return size * 2 + (size / MAX_SEQUENCES + 2) * 512; }

EXPORTED void deflate_start(Deflate *state) { memset(state, 0, offsetof(Deflate, sequences)); }

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
EXPORTED size_t deflate_end(Deflate *state, uint8_t *out) {
    put(state, 1 | 1 << 1, 3 + 7); /* the last one; fixed codes; end of block is seven zeros */
    size_t size = (state->held + 7) / 8;
    memcpy(out, &state->bits, 8);
    return size;
}
