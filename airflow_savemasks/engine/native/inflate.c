/* A zlib stream whose size is known, back to bytes (RFC 1950, 1951).
 *
 * ISA-L is as fast for photographs, but takes three times as long for what PNG pictures of masks, of noise and of 16
 * bits consist of: short repeats at short distances. Whatever is not plainly right is refused, and ISA-L has the say.
 */
#include "inflate.h"

enum { WORTH_JOINING = 4096 }; /* bytes of a stream from which on joined entries repay their making */

typedef struct {
    const uint8_t *in, *end;
    uint64_t bits; /* those not used yet, the next one lowest */
    int count;     /* how many they are; below 0 once more were used than there are */
} Input;

static inline void refill(Input *input) {
    uint64_t word;
    if (input->end - input->in >= 8) {
        memcpy(&word, input->in, 8);
        input->bits |= word << input->count;
        input->in += (63 - input->count) >> 3;
        input->count |= 56;
        return;
    }
    for (; input->count <= 56 && input->in < input->end; input->count += 8)
        input->bits |= (uint64_t)*input->in++ << input->count;
}

static inline uint32_t take(Input *input, int count) {
    uint32_t value = (uint32_t)(input->bits & ((1ull << count) - 1));
    input->bits >>= count;
    input->count -= count;
    return value;
}

/* The entry of the next code, which is used up; of literals, as many as the entry has. */
static inline uint32_t next(Input *input, const uint32_t *table, int width) {
    uint32_t entry = table[input->bits & ((1u << width) - 1)];
    if (KIND(entry) == LONGER) {
        take(input, width);
        entry = table[VALUE(entry) + (input->bits & ((1u << (LONGEST - width)) - 1))];
    }
    take(input, (int)LENGTH(entry));
    return entry;
}

/* runs: gets whether the code of distance 1 is a single zero. */
static int read_tables(Input *input, Tables *tables, int *runs) {
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[288 + 32] = {0}, of_lengths[19] = {0};
    uint32_t values[19];
    refill(input);
    int literals = (int)take(input, 5) + 257, distances = (int)take(input, 5) + 1, known = (int)take(input, 4) + 4;
    if (literals > 286 || distances > 30) return 0;
    for (int i = 0; i < known; i++) {
        refill(input);
        of_lengths[order[i]] = (uint8_t)take(input, 3);
    }
    for (uint32_t i = 0; i < 19; i++) values[i] = LITERAL << 8 | i << 16;
    if (!make_table(of_lengths, 19, WIDTH_OF_LENGTHS, values, tables->literals)) return 0;
    for (int at = 0; at < literals + distances;) {
        refill(input);
        uint32_t entry = next(input, tables->literals, WIDTH_OF_LENGTHS), symbol = VALUE(entry), repeats = 1;
        uint8_t length = (uint8_t)symbol;
        if (KIND(entry) != LITERAL || input->count < 0) return 0;
        if (symbol == 16) {
            if (!at) return 0;
            length = lengths[at - 1];
            repeats = 3 + take(input, 2);
        } else if (symbol > 16) {
            length = 0;
            repeats = symbol == 17 ? 3 + take(input, 3) : 11 + take(input, 7);
        }
        if (repeats > (uint32_t)(literals + distances - at)) return 0;
        while (repeats--) lengths[at++] = length;
    }
    if (input->count < 0 || !lengths[256]) return 0;
    *runs = lengths[literals] == 1;
    if (!make_table(lengths + literals, distances, WIDTH_OF_DISTANCES, distance_values, tables->distances)) return 0;
    return make_table(lengths, literals, WIDTH, literal_values, tables->literals);
}

static Tables fixed_tables; /* those of RFC 1951, 3.2.6; made when the library is loaded */

__attribute__((constructor)) static void make_fixed_tables(void) {
    uint8_t lengths[288], of_distances[32];
    for (int i = 0; i < 288; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    memset(of_distances, 5, 32);
    make_table(of_distances, 32, WIDTH_OF_DISTANCES, distance_values, fixed_tables.distances);
    make_table(lengths, 288, WIDTH, literal_values, fixed_tables.literals);
    join_entries(fixed_tables.literals, 0);
}

/* One or two literals, or one as often as the entry says, without a branch, as nothing tells which it will be; 8 bytes
 * are written in any case.
 */
static inline uint8_t *put_literals(uint8_t *out, uint32_t entry) {
    uint32_t value = VALUE(entry), spread = COUNT(entry) == SPREAD;
    uint64_t word = spread ? (value & 0xFF) * 0x0101010101010101ull : value;
    memcpy(out, &word, WORD);
    return out + (spread ? value >> 8 : COUNT(entry));
}

/* Copy what stands `distance` bytes before; up to 8 bytes behind the end may be written, too. */
static inline void repeat(uint8_t *out, size_t distance, size_t length) {
    uint8_t *end = out + length;
    uint64_t word;
    if (distance == 1) {
        word = out[-1] * 0x0101010101010101ull;
        for (; out < end; out += 8) memcpy(out, &word, 8);
        return;
    }
    for (size_t step = distance < 8 ? distance : 8; out < end; out += step) {
        memcpy(&word, out - distance, 8); /* where the distance is less, the next word corrects the rest */
        memcpy(out, &word, 8);
    }
}

/* One block of codes; returns where the output ends, or NULL. */
static uint8_t *read_block(Input *from, const Tables *tables, const uint8_t *start, uint8_t *out, const uint8_t *end) {
    Input input = *from; /* a copy that stays in registers: what is written might be the original, for all C knows */
    while (out <= end) {
        refill(&input);
        uint32_t entry = next(&input, tables->literals, WIDTH);
        for (int i = 0; i < 2 && KIND(entry) == LITERAL; i++) { /* 3 times 15 bits at most of 56 */
            out = put_literals(out, entry);
            entry = next(&input, tables->literals, WIDTH);
        }
        if (KIND(entry) == LITERAL) {
            out = put_literals(out, entry);
            if (input.count < 0) return NULL;
            continue;
        }
        if (input.count < 0 || KIND(entry) != REPEAT) return NULL;
        out[0] = (uint8_t)VALUE(entry); /* a literal before the repeat, if there is one */
        out += COUNT(entry);
        if (out > end) return NULL;
        if (VALUE(entry) == END_OF_BLOCK) {
            *from = input;
            return out;
        }
        size_t length = COUNT(entry) ? VALUE(entry) >> 8 : VALUE(entry), distance = 1;
        if (EXTRA(entry) != RUN) {
            if (input.count < LONGEST_REPEAT) refill(&input);
            length += take(&input, (int)EXTRA(entry));
            entry = next(&input, tables->distances, WIDTH_OF_DISTANCES);
            if (KIND(entry) != REPEAT) return NULL;
            distance = VALUE(entry) + take(&input, (int)EXTRA(entry));
        }
        if (input.count < 0 || distance > (size_t)(out - start)) return NULL;
        repeat(out, distance, length);
        out += length;
    }
    return NULL;
}

/* Inflate a zlib stream of at most `most` bytes into out, which has room for INFLATE_SLACK bytes more; made: how many
 * they were. Returns where the stream's checksum stands, which is whole, 0 where anything is wrong.
 */
size_t inflate_stream(const uint8_t *stream, size_t stream_size, uint8_t *out, size_t most, Tables *tables,
                      size_t *made) {
    if (stream_size < 6 || (stream[0] & 15) != 8 || stream[0] >> 4 > 7) return 0;
    if ((stream[0] << 8 | stream[1]) % 31 || stream[1] & 32) return 0;
    Input input = {stream + 2, stream + stream_size, 0, 0};
    uint8_t *at = out;
    const uint8_t *end = out + most;
    for (uint32_t last = 0; !last;) {
        refill(&input);
        last = take(&input, 1);
        uint32_t kind = take(&input, 2);
        if (input.count < 0 || kind == 3) return 0;
        if (!kind) {
            take(&input, input.count & 7);
            input.in -= input.count >> 3;
            input.bits = 0;
            input.count = 0;
            if (input.end - input.in < 4) return 0;
            size_t length = input.in[0] | (size_t)input.in[1] << 8;
            if ((length ^ 0xFFFF) != (input.in[2] | (size_t)input.in[3] << 8)) return 0;
            input.in += 4;
            if (length > (size_t)(input.end - input.in) || length > (size_t)(end - at)) return 0;
            memcpy(at, input.in, length);
            at += length;
            input.in += length;
            continue;
        }
        if (kind == 2) {
            int runs;
            if (!read_tables(&input, tables, &runs)) return 0;
            if (stream_size >= WORTH_JOINING) join_entries(tables->literals, runs);
        }
        at = read_block(&input, kind == 1 ? &fixed_tables : tables, out, at, end);
        if (!at) return 0;
    }
    input.in -= input.count >> 3;
    *made = (size_t)(at - out);
    return input.end - input.in >= 4 ? (size_t)(input.in - stream) : 0;
}

/* The same for a stream of just `size` bytes, whose checksum is left to the caller. */
EXPORTED size_t inflate_zlib(const uint8_t *stream, size_t stream_size, uint8_t *out, size_t size, Tables *tables) {
    size_t made, at = inflate_stream(stream, stream_size, out, size, tables, &made);
    return at && made == size ? at : 0;
}

EXPORTED size_t inflate_tables_size(void) { return sizeof(Tables); }
