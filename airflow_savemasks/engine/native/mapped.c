/* Numbers of a canvas to the scan lines of a PNG by a table, compressed while they are in the cache; where numbers lie. */
#include "filters.h"
#include "runs.h"

enum { GRAY = 1, WIDE = 2, RGB = 3 }; /* bytes of a pixel */

/* One line, its filter byte first. table: an entry of `pixel` bytes for each number. RGB is filtered by Sub: of a run of
 * one colour that leaves zeros, behind the difference to the colour before it.
 */
static void mapped_row(const uint8_t *numbers, size_t bytes, const uint8_t *table, size_t pixel, size_t width,
                       uint8_t *out) {
    const uint8_t nothing[RGB] = {0}, *before = nothing;
    uint32_t number;
    *out++ = pixel == RGB ? SUB : 0;
    for (size_t x = 0, run; x < width; x += run) {
        run = run_at(numbers, bytes, x, width, &number);
        const uint8_t *entry = table + pixel * number;
        if (pixel == GRAY) {
            memset(out, *entry, run);
        } else if (pixel == WIDE) {
            for (size_t i = 0; i < run; i++) memcpy(out + 2 * i, entry, 2);
        } else {
            for (int i = 0; i < RGB; i++) out[i] = (uint8_t)(entry[i] - before[i]);
            memset(out + RGB, 0, RGB * (run - 1));
            before = entry;
        }
        out += pixel * run;
    }
}

/* Make and compress rows of an image, `step` at a time.
 *
 * numbers: rows of width numbers of `bytes` bytes; table, pixel: see `mapped_row`; lines: room for the lines, before which
 * `history` bytes of those of the last call stand; state, hint, out: see `deflate_write`. Returns how many bytes were
 * written to out.
 */
EXPORTED size_t mapped_write(const uint8_t *numbers, size_t bytes, const uint8_t *table, size_t pixel, size_t width,
                             size_t rows, size_t step, uint8_t *lines, size_t history, Deflate *state, size_t hint,
                             uint8_t *out) {
    uint8_t *begin = out;
    size_t line = 1 + pixel * width;
    for (size_t row = 0; row < rows; row += step) {
        size_t count = rows - row < step ? rows - row : step;
        uint8_t *made = lines + row * line;
        for (size_t i = 0; i < count; i++)
            mapped_row(numbers + bytes * width * (row + i), bytes, table, pixel, width, made + i * line);
        out += deflate_write(state, made, count * line, history + row * line, hint, out);
    }
    return (size_t)(out - begin);
}

/* Numbers to the entries of a table, of `pixel` bytes each. */
EXPORTED void numbers_map(const uint8_t *numbers, size_t bytes, size_t size, const uint8_t *table, size_t pixel,
                          uint8_t *out) {
    uint32_t number;
    for (size_t at = 0, run; at < size; at += run, out += pixel * run) {
        run = run_at(numbers, bytes, at, size, &number);
        const uint8_t *entry = table + pixel * number;
        if (pixel == GRAY)
            memset(out, *entry, run);
        else
            for (size_t i = 0; i < run; i++) memcpy(out + RGB * i, entry, RGB);
    }
}

/* Of each number: how many pixels have it, and the box of them. found: five for each number: pixels, which are 0 at
 * first, left, top, right, bottom; right and bottom are inside.
 */
EXPORTED void numbers_extent(const uint8_t *numbers, size_t bytes, size_t height, size_t width, int64_t *found) {
    uint32_t number;
    for (size_t y = 0; y < height; y++, numbers += bytes * width)
        for (size_t x = 0, run; x < width; x += run) {
            run = run_at(numbers, bytes, x, width, &number);
            if (!number) continue;
            int64_t *of = found + 5 * (size_t)number, left = (int64_t)x, right = (int64_t)(x + run) - 1;
            if (!of[0]) {
                of[1] = left;
                of[2] = (int64_t)y;
                of[3] = right;
            }
            if (left < of[1]) of[1] = left;
            if (right > of[3]) of[3] = right;
            of[4] = (int64_t)y;
            of[0] += (int64_t)run;
        }
}
