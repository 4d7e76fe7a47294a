/* Entries of the tables of inflate.c, and the tables of the format. */
#ifndef SAVEMASKS_INFLATE_H
#define SAVEMASKS_INFLATE_H
#include "native.h"

enum { LONGEST = 15, WIDTH = 11, WIDTH_OF_DISTANCES = 10, WIDTH_OF_LENGTHS = 7, END_OF_BLOCK = 0xFFFF };
enum { LONGEST_REPEAT = 5 + LONGEST + 13 }; /* bits: extra ones of its length, code and extra ones of its distance */
enum { LITERAL = 0, REPEAT = 1, LONGER = 2, INVALID = 3 << 8, RUN = 15 /* extra bits: none, and the distance is 1 */ };
enum { SPREAD = 3 /* literals: one, and how often it comes */, WORD = 8 };

/* An entry: bits of the code (8), its kind (2), how many literals (2), extra bits (4), value (16): of one or two
 * literals, the lower byte first, or one and how often it comes; of a repeat the least length or distance, or a literal
 * and the length behind it.
 */
#define LENGTH(entry) ((entry) & 0xFF)
#define KIND(entry) ((entry) >> 8 & 3)
#define COUNT(entry) ((entry) >> 10 & 3)
#define EXTRA(entry) ((entry) >> 12 & 15)
#define VALUE(entry) ((entry) >> 16)

typedef struct {
    uint32_t literals[(1 << WIDTH) + 288 * (1 << (LONGEST - WIDTH))];
    uint32_t distances[(1 << WIDTH_OF_DISTANCES) + 32 * (1 << (LONGEST - WIDTH_OF_DISTANCES))];
} Tables;

/* inflate_tables.c */
int make_table(const uint8_t *lengths, int symbols, int width, const uint32_t *values, uint32_t *table);
void join_entries(uint32_t *table, int runs);

enum { INFLATE_SLACK = 288 }; /* bytes behind the output that may be written, too */

size_t inflate_stream(const uint8_t *stream, size_t stream_size, uint8_t *out, size_t most, Tables *tables,
                      size_t *made);

#define AS_LITERAL(value) (LITERAL << 8 | 1u << 10 | (uint32_t)(value) << 16)
#define AS_REPEAT(base, extra) (REPEAT << 8 | (uint32_t)(extra) << 12 | (uint32_t)(base) << 16)
#define LITERALS_4(v) AS_LITERAL(v), AS_LITERAL((v) + 1), AS_LITERAL((v) + 2), AS_LITERAL((v) + 3)
#define LITERALS_16(v) LITERALS_4(v), LITERALS_4((v) + 4), LITERALS_4((v) + 8), LITERALS_4((v) + 12)
#define LITERALS_64(v) LITERALS_16(v), LITERALS_16((v) + 16), LITERALS_16((v) + 32), LITERALS_16((v) + 48)
#define FOUR(base, extra)                                                                              \
    AS_REPEAT(base, extra), AS_REPEAT((base) + (1 << (extra)), extra), AS_REPEAT((base) + (2 << (extra)), extra), \
        AS_REPEAT((base) + (3 << (extra)), extra)
#define TWO(base, extra) AS_REPEAT(base, extra), AS_REPEAT((base) + (1 << (extra)), extra)

static const uint32_t literal_values[288] = {
    LITERALS_64(0), LITERALS_64(64), LITERALS_64(128), LITERALS_64(192), AS_REPEAT(END_OF_BLOCK, 0),
    FOUR(3, 0), FOUR(7, 0), FOUR(11, 1), FOUR(19, 2), FOUR(35, 3), FOUR(67, 4),
    AS_REPEAT(131, 5), AS_REPEAT(163, 5), AS_REPEAT(195, 5), AS_REPEAT(227, 5), AS_REPEAT(258, 0), INVALID, INVALID};

static const uint32_t distance_values[32] = {
    FOUR(1, 0), TWO(5, 1), TWO(9, 2), TWO(17, 3), TWO(33, 4), TWO(65, 5), TWO(129, 6), TWO(257, 7), TWO(513, 8),
    TWO(1025, 9), TWO(2049, 10), TWO(4097, 11), TWO(8193, 12), TWO(16385, 13), INVALID, INVALID};
#endif
