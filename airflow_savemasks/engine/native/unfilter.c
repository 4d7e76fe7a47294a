/* The scan lines of a PNG picture back to its pixels. */
#include "filters.h"

/* Eight sums of bytes, each modulo 256. */
static inline uint64_t add_bytes(uint64_t a, uint64_t b) {
    const uint64_t high = 0x8080808080808080ull;
    return ((a & ~high) + (b & ~high)) ^ ((a ^ b) & high);
}

/* Sums of the pixels of a line, two at a time, of 3 or 4 bytes; returns how many bytes were done. */
static inline size_t sum_pairs(const uint8_t *line, size_t size, size_t pixel, uint8_t *out) {
    size_t at = 0, step = 2 * pixel, bits = 8 * pixel;
    uint64_t mask = ~0ull >> (64 - 2 * bits), left = 0, word, last;
    for (; at + 8 <= size; at += step) {
        memcpy(&word, line + at, 8);
        word &= mask;
        word = add_bytes(word, word << bits & mask);
        last = word >> bits;
        last |= last << bits;
        word = add_bytes(word, left);
        left = add_bytes(left, last);
        memcpy(out + at, &word, step);
    }
    return at;
}

/* A line's bytes from differences to those of the pixel on the left; out may be the line itself. */
static void undo_sub(const uint8_t *line, size_t size, size_t pixel, uint8_t *out) {
    size_t at = 0;
    if (pixel == 3) at = sum_pairs(line, size, 3, out);
    if (pixel == 4) at = sum_pairs(line, size, 4, out);
    for (; at < size; at++) out[at] = (uint8_t)(line[at] + (at < pixel ? 0 : out[at - pixel]));
}

/* Undo the filters of a PNG of whole bytes.
 *
 * lines: height lines of 1 + every * size bytes, of which each `every`th is wanted, 1 or 2: filters never mix the upper
 * bytes of 16 bits with the lower ones. pixel: wanted bytes of a pixel; out: height lines of size bytes. Returns 0, or 1
 * where a filter is unknown.
 */
EXPORTED int lines_unfilter(const uint8_t *lines, size_t height, size_t size, size_t every, size_t pixel, uint8_t *out) {
    for (size_t y = 0; y < height; y++, out += size) {
        int filter = *lines++;
        const uint8_t *line = lines, *above = out - size;
        lines += every * size;
        if (filter > PAETH) return 1;
        if (every == 2) {
            for (size_t i = 0; i < size; i++) out[i] = line[2 * i];
            line = out;
        }
        if (!filter || (filter == UP && !y)) {
            if (out != line) memcpy(out, line, size);
        } else if (filter == UP) {
            for (size_t i = 0; i < size; i++) out[i] = (uint8_t)(line[i] + above[i]);
        } else if (filter == SUB || (filter == PAETH && !y)) {
            undo_sub(line, size, pixel, out);
        } else {
            for (size_t i = 0; i < size; i++) {
                uint8_t left = i < pixel ? 0 : out[i - pixel], up = y ? above[i] : 0;
                uint8_t corner = i < pixel || !y ? 0 : above[i - pixel];
                out[i] = (uint8_t)(line[i] + (filter == AVERAGE ? half_of(left, up) : paeth(left, up, corner)));
            }
        }
    }
    return 0;
}
