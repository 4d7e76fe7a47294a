/* Runs of equal numbers in a row of a canvas: most of what masks are made of. */
#ifndef SAVEMASKS_RUNS_H
#define SAVEMASKS_RUNS_H
#include "native.h"

/* How many numbers from `from` on are equal to the first one. */
static inline size_t run_of_8(const uint8_t *from, const uint8_t *end) {
    const uint8_t *at = from;
    uint64_t first = *from * 0x0101010101010101ull, word;
    for (; end - at >= 8; at += 8) {
        memcpy(&word, at, 8);
        if (word != first) return (size_t)(at - from) + (size_t)(__builtin_ctzll(word ^ first) >> 3);
    }
    while (at < end && *at == *from) at++;
    return (size_t)(at - from);
}

static inline size_t run_of_16(const uint16_t *from, const uint16_t *end) {
    const uint16_t *at = from + 1;
    while (at < end && *at == *from) at++;
    return (size_t)(at - from);
}

/* The number at x and how many pixels have it from there on; bytes: of a number, 1 or 2. */
static inline size_t run_at(const uint8_t *numbers, size_t bytes, size_t x, size_t width, uint32_t *number) {
    if (bytes == 1) {
        *number = numbers[x];
        return run_of_8(numbers + x, numbers + width);
    }
    const uint16_t *wide = (const uint16_t *)(const void *)numbers;
    *number = wide[x];
    return run_of_16(wide + x, wide + width);
}
#endif
