/* The filters of scan lines (PNG specification, section 9), as far as they are undone here. */
#ifndef SAVEMASKS_FILTERS_H
#define SAVEMASKS_FILTERS_H
#include "native.h"

enum { SUB = 1, UP = 2, AVERAGE = 3, PAETH = 4 };

static inline uint8_t half_of(uint8_t a, uint8_t b) { return (uint8_t)(((unsigned)a + b) >> 1); }

static inline uint8_t paeth(int left, int above, int corner) {
    int to_left = above - corner, to_above = left - corner, to_corner = to_left + to_above;
    to_left = to_left < 0 ? -to_left : to_left;
    to_above = to_above < 0 ? -to_above : to_above;
    to_corner = to_corner < 0 ? -to_corner : to_corner;
    if (to_left <= to_above && to_left <= to_corner) return (uint8_t)left;
    return (uint8_t)(to_above <= to_corner ? above : corner);
}
#endif
