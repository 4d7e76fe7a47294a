/* A human mask's scan lines and their stream in one call: what is filtered is compressed while it is in the cache. */
#include "native.h"

/* Make and compress rows of a human mask.
 *
 * picture, numbers, bytes, colours, drawing, mix, beside, width, top, filter, raw: see `lines_human`; step: rows that are made and
 * compressed at a time; lines: room for the filtered lines, before which `history` bytes of those of the last call stand;
 * state, hint, out: see `deflate_write`. Returns how many bytes were written to out.
 */
EXPORTED size_t human_write(const uint8_t *picture, const uint8_t *numbers, size_t bytes, const uint8_t *colours,
                            const uint8_t *drawing, const uint8_t *mix, int beside, size_t width, size_t rows, size_t step,
                            size_t top, int filter, uint8_t *raw, uint8_t *lines, size_t history, Deflate *state,
                            size_t hint, uint8_t *out) {
    uint8_t *begin = out;
    size_t line = 3 * (beside ? 2 * width + 1 : width) + 1;
    for (size_t row = 0; row < rows; row += step) {
        size_t count = rows - row < step ? rows - row : step, before = row * width;
        uint8_t *made = lines + row * line;
        lines_human(picture + 3 * before, numbers + bytes * before, bytes, colours,
                    drawing ? drawing + 3 * before : NULL, mix, beside, width, count, top + row, filter, raw, made);
        out += deflate_write(state, made, count * line, history + row * line, hint, out);
    }
    return (size_t)(out - begin);
}

/* Compress bytes, `step` at a time; see `deflate_write`. */
EXPORTED size_t deflate_pieces(Deflate *state, const uint8_t *data, size_t size, size_t step, size_t history, size_t hint,
                               uint8_t *out) {
    uint8_t *begin = out;
    for (size_t at = 0; at < size; at += step)
        out += deflate_write(state, data + at, size - at < step ? size - at : step, history + at, hint, out);
    return (size_t)(out - begin);
}
