/* The tables that inflate.c looks codes up in. */
#include "inflate.h"

static inline uint32_t turned_of(uint32_t code, int length) {
    code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
    code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
    code = (code & 0x0F0F) << 4 | (code >> 4 & 0x0F0F);
    return ((code & 0xFF) << 8 | code >> 8) >> (16 - length);
}

/* A table of the codes with these lengths, `width` bits being looked up at once; longer codes stand in tables behind
 * it. values: the entry of each symbol, without its length. Returns 0 where no such codes exist.
 */
int make_table(const uint8_t *lengths, int symbols, int width, const uint32_t *values, uint32_t *table) {
    uint16_t order[288]; /* symbols that have a code, the shortest first */
    int counts[LONGEST + 1] = {0}, ends[LONGEST + 1], used = 0, at = 0;
    uint32_t code = 0, free_at = 1u << width, whole = 0;
    for (int symbol = 0; symbol < symbols; symbol++) counts[lengths[symbol]]++;
    for (int length = 1; length <= LONGEST; length++) {
        whole += (uint32_t)counts[length] << (LONGEST - length);
        ends[length] = used;
        used += counts[length];
    }
    if (whole > 1u << LONGEST) return 0;
    if (whole < 1u << LONGEST && (used > 1 || used != counts[1] || width == WIDTH_OF_LENGTHS)) return 0;
    for (int symbol = 0; symbol < symbols; symbol++)
        if (lengths[symbol]) order[ends[lengths[symbol]]++] = (uint16_t)symbol;
    for (uint32_t i = 0; i < 1u << width; i++) table[i] = INVALID;
    for (int length = 1; length <= LONGEST; length++, code <<= 1) {
        for (; at < ends[length]; at++) {
            uint32_t turned = turned_of(code++, length), *to = table, size = 1u << width, used_bits = (uint32_t)length;
            if (length > width) {
                uint32_t *first = table + (turned & (size - 1));
                if (KIND(*first) != LONGER) {
                    for (uint32_t i = 0; i < 1u << (LONGEST - width); i++) table[free_at + i] = INVALID;
                    *first = LONGER << 8 | free_at << 16;
                    free_at += 1u << (LONGEST - width);
                }
                to = table + VALUE(*first);
                size = 1u << (LONGEST - width);
                turned >>= width;
                used_bits -= (uint32_t)width;
            }
            for (; turned < size; turned += 1u << used_bits) to[turned] = values[order[at]] | used_bits;
        }
    }
    return 1;
}

/* What follows a literal in the same entry where both codes fit: another literal, as photographs are nearly nothing
 * else, or a short repeat, as masks and noise are. runs: the code of distance 1 is a single zero, as it is where an
 * encoder looks for runs alone; then it is taken into the entry, too, and if all of it fits into a word, it is a literal
 * that comes several times.
 */
void join_entries(uint32_t *table, int runs) {
    for (uint32_t i = 1u << WIDTH; i-- > 0;) { /* from above: what is looked up below is not joined yet */
        uint32_t first = table[i], second = first, used = LENGTH(first), value = VALUE(first), count = 0;
        if (KIND(first) == LITERAL) {
            second = table[i >> used];
            used += LENGTH(second);
            value |= VALUE(second) << 8;
            count = 1;
        }
        if (KIND(second) == LITERAL) {
            table[i] = used <= WIDTH ? used | LITERAL << 8 | 2u << 10 | value << 16 : first;
        } else if (KIND(second) == REPEAT && !EXTRA(second) && used <= WIDTH && VALUE(second) <= (count ? 255u : 258u)) {
            int run = runs && used < WIDTH && !(i >> used & 1);
            if (run) used++;
            if (run && count && value >> 8 < WORD)
                table[i] = used | LITERAL << 8 | SPREAD << 10 | (value + (1u << 8)) << 16;
            else
                table[i] = used | REPEAT << 8 | count << 10 | (run ? RUN : 0u) << 12 | value << 16;
        }
    }
}
