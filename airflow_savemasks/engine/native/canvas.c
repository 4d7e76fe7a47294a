/* Class numbers into a canvas: rectangles, points and masks, many at once. */
#include "native.h"

/* left, top, height, width: of pixels of the canvas; number: what they get; mask: 0, or the address of `height` lines of
 * `width` bytes, `stride` bytes apart, where only pixels with a byte other than 0 get it.
 */
typedef struct {
    int64_t left, top, height, width, number, mask, stride;
} Stamp;

static void stamp_8(const Stamp *stamp, uint8_t *to, size_t canvas_width) {
    const uint8_t *mask = (const uint8_t *)(uintptr_t)stamp->mask;
    size_t width = (size_t)stamp->width;
    uint8_t number = (uint8_t)stamp->number;
    for (int64_t y = 0; y < stamp->height; y++, to += canvas_width) {
        if (!mask) {
            memset(to, number, width);
            continue;
        }
        for (size_t x = 0; x < width; x++) to[x] = mask[x] ? number : to[x];
        mask += stamp->stride;
    }
}

static void stamp_16(const Stamp *stamp, uint16_t *to, size_t canvas_width) {
    const uint8_t *mask = (const uint8_t *)(uintptr_t)stamp->mask;
    size_t width = (size_t)stamp->width;
    uint16_t number = (uint16_t)stamp->number;
    for (int64_t y = 0; y < stamp->height; y++, to += canvas_width) {
        for (size_t x = 0; x < width; x++) to[x] = !mask || mask[x] ? number : to[x];
        if (mask) mask += stamp->stride;
    }
}

/* canvas: height lines of width numbers of `bytes` bytes, 1 or 2. Returns how many stamps were set: it ends before one
 * that does not lie in the canvas.
 */
EXPORTED size_t canvas_stamp(uint8_t *canvas, size_t bytes, int64_t height, int64_t width, const Stamp *stamps,
                             size_t count) {
    for (size_t i = 0; i < count; i++) {
        const Stamp *stamp = stamps + i;
        if (stamp->left < 0 || stamp->top < 0 || stamp->width < 0 || stamp->height < 0) return i;
        if (stamp->width > width || stamp->left > width - stamp->width) return i;
        if (stamp->height > height || stamp->top > height - stamp->height) return i;
        size_t at = (size_t)stamp->top * (size_t)width + (size_t)stamp->left;
        if (bytes == 1)
            stamp_8(stamp, canvas + at, (size_t)width);
        else
            stamp_16(stamp, (uint16_t *)(void *)canvas + at, (size_t)width);
    }
    return count;
}
