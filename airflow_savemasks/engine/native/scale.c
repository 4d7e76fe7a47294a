/* Pictures scaled down: each new pixel is the mean of what it covers. Whole numbers only, so that every machine has the same. */
#include "native.h"

/* Add up a row: each sum is that of the old pixels below a new one, each as often as its share of it in new_width-ths.
 *
 * row: width * 3 bytes; sums: new_width * 3, each at most 255 * width. 1 <= new_width <= width.
 */
static void add_up(const uint8_t *row, size_t width, size_t new_width, uint32_t *sums) {
    uint64_t begin = 0, end = width; /* of this pixel and of this sum, in new_width-ths of a pixel */
    memset(sums, 0, 3 * new_width * sizeof *sums);
    for (size_t x = 0; x < width; x++, row += 3) {
        uint32_t here = (uint32_t)(end - begin < new_width ? end - begin : new_width);
        uint32_t next = (uint32_t)new_width - here;
        for (int c = 0; c < 3; c++)
            sums[c] += here * row[c];
        begin += new_width;
        if (begin < end || x + 1 == width)
            continue;
        sums += 3;
        end += width;
        if (next)
            for (int c = 0; c < 3; c++)
                sums[c] += next * row[c];
    }
}

/* Scale down, rounded to the nearest, halves up.
 *
 * image: (height, width, 3); out: (new_height, new_width, 3); row, sums: room for new_width * 3 each.
 * 1 <= new_width <= width and 1 <= new_height <= height.
 */
EXPORTED void area_scale(const uint8_t *image, size_t width, size_t height, size_t new_width, size_t new_height,
                         uint32_t *row, uint64_t *sums, uint8_t *out) {
    uint64_t begin = 0, end = height, whole = (uint64_t)width * height;
    size_t count = 3 * new_width;
    memset(sums, 0, count * sizeof *sums);
    for (size_t y = 0; y < height; y++) {
        uint64_t here = end - begin < new_height ? end - begin : new_height, next = new_height - here;
        add_up(image + 3 * width * y, width, new_width, row);
        for (size_t i = 0; i < count; i++)
            sums[i] += here * row[i];
        begin += new_height;
        if (begin < end)
            continue;
        for (size_t i = 0; i < count; i++) {
            *out++ = (uint8_t)((sums[i] + whole / 2) / whole);
            sums[i] = next * row[i];
        }
        end += height;
    }
}
