/* Counts of symbols to prefix codes as deflate wants them: canonical, of limited length (RFC 1951, 3.2.2). */
#include "native.h"

enum { MOST_SYMBOLS = 286, MOST_BITS = 15 };

/* Symbols that occur, the rarest first, equal ones in their order; returns how many. A radix sort by two halves. */
static int sorted(const uint32_t *counts, int symbols, uint16_t *order) {
    uint16_t other[MOST_SYMBOLS];
    uint32_t starts[4][257];
    int used = 0;
    memset(starts, 0, sizeof starts);
    for (int symbol = 0; symbol < symbols; symbol++) {
        if (!counts[symbol]) continue;
        order[used++] = (uint16_t)symbol;
        for (int byte = 0; byte < 4; byte++) starts[byte][(counts[symbol] >> 8 * byte & 255) + 1]++;
    }
    uint16_t *from = order, *to = other;
    for (int byte = 0; byte < 4; byte++) {
        if ((int)starts[byte][1] == used) continue; /* all zero here */
        for (int i = 0; i < 256; i++) starts[byte][i + 1] += starts[byte][i];
        for (int i = 0; i < used; i++) to[starts[byte][counts[from[i]] >> 8 * byte & 255]++] = from[i];
        uint16_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order) memcpy(order, from, (size_t)used * sizeof *order);
    return used;
}

/* How many codes have each length: Huffman's tree by two queues, then shortened to the limit. */
static void count_lengths(const uint32_t *counts, const uint16_t *order, int used, int limit, int *lengths) {
    uint32_t weights[2 * MOST_SYMBOLS];
    uint16_t parents[2 * MOST_SYMBOLS];
    uint8_t depths[2 * MOST_SYMBOLS];
    int leaf = 0, node = used, made = used;
    for (int i = 0; i < used; i++) weights[i] = counts[order[i]];
    for (; made < 2 * used - 1; made++) {
        weights[made] = 0;
        for (int child = 0; child < 2; child++) {
            int lightest = leaf < used && (node == made || weights[leaf] <= weights[node]) ? leaf++ : node++;
            weights[made] += weights[lightest];
            parents[lightest] = (uint16_t)made;
        }
    }
    depths[made - 1] = 0;
    for (int i = made - 2; i >= 0; i--) {
        depths[i] = (uint8_t)(depths[parents[i]] + 1);
        if (i < used) lengths[depths[i] < limit ? depths[i] : limit]++;
    }
    /* codes cut down to the limit take too much room: lengthen the longest one that is shorter, until all fit */
    long room = 0;
    for (int length = 1; length <= limit; length++) room += (long)lengths[length] << (limit - length);
    while (room > 1L << limit) {
        int length = limit - 1;
        while (!lengths[length]) length--;
        lengths[limit]--;
        lengths[length]--;
        lengths[length + 1] += 2;
        room--;
    }
}

void make_codes(const uint32_t *counts, int symbols, int limit, Code *codes) {
    uint16_t order[MOST_SYMBOLS];
    int lengths[MOST_BITS + 1] = {0}, used = sorted(counts, symbols, order);
    memset(codes, 0, (size_t)symbols * sizeof *codes);
    if (used < 2) { /* one code of one bit: deflate knows no tree without a code */
        codes[used ? order[0] : 0].length = 1;
        return;
    }
    count_lengths(counts, order, used, limit, lengths);
    int at = used;
    for (int length = 1; length <= limit; length++)
        for (int i = 0; i < lengths[length]; i++) codes[order[--at]].length = (uint8_t)length;
    uint32_t next[MOST_BITS + 2] = {0};
    for (int length = 1; length <= limit; length++) next[length + 1] = (next[length] + (uint32_t)lengths[length]) << 1;
    for (int symbol = 0; symbol < symbols; symbol++) {
        int length = codes[symbol].length;
        if (!length) continue;
        uint32_t code = next[length]++, turned = 0;
        for (int bit = 0; bit < length; bit++) turned |= (code >> bit & 1) << (length - 1 - bit);
        codes[symbol].bits = (uint16_t)turned;
    }
}
