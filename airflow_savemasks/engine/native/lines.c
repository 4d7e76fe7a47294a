/* Pictures, class numbers and colours to the scan lines of a PNG and back: blending, filters, counts. */
#include "filters.h"
#include "runs.h"

enum { PATTERN = 48, /* bytes of 16 pixels: a whole number of any vector register */
       SAMPLE = 4096,
       SHORT = 6, TOGETHER = 16 /* pixels: after a shorter run so many are blended one by one */ };

/* Add to counts how often each number occurs. */
EXPORTED void lines_count(const uint8_t *numbers, size_t bytes, size_t size, int64_t *counts) {
    uint32_t number;
    for (size_t at = 0, run; at < size; at += run) {
        run = run_at(numbers, bytes, at, size, &number);
        counts[number] += (int64_t)run;
    }
}

/* mix: NULL where half of each is wanted, otherwise what each value of a colour (its row) makes of each of the picture. */
static inline uint8_t mixed(const uint8_t *mix, uint8_t picture, uint8_t colour) {
    return mix ? mix[256u * colour + picture] : half_of(picture, colour);
}

static void mix_run(const uint8_t *restrict picture, const uint8_t *colour, const uint8_t *mix, size_t size,
                    uint8_t *restrict out) {
    const uint8_t *red = mix + 256u * colour[0], *green = mix + 256u * colour[1], *blue = mix + 256u * colour[2];
    for (size_t i = 0; i < size; i += 3) {
        out[i] = red[picture[i]];
        out[i + 1] = green[picture[i + 1]];
        out[i + 2] = blue[picture[i + 2]];
    }
}

static void blend_run(const uint8_t *restrict picture, const uint8_t *colour, size_t size, uint8_t *restrict out) {
    uint8_t pattern[PATTERN];
    for (size_t i = 0; i < PATTERN; i++) pattern[i] = colour[i % 3];
    for (; size >= PATTERN; size -= PATTERN, picture += PATTERN, out += PATTERN)
        for (size_t i = 0; i < PATTERN; i++) out[i] = half_of(picture[i], pattern[i]);
    for (size_t i = 0; i < size; i++) out[i] = half_of(picture[i], pattern[i]);
}

/* The same for pixels of any numbers, one by one and without a branch, as nothing tells which comes next. */
static void blend_pixels(const uint8_t *picture, const uint8_t *numbers, size_t bytes, const uint8_t *colours,
                         const uint8_t *mix, size_t count, uint8_t *out) {
    for (size_t x = 0; x < count; x++, picture += 3, out += 3) {
        uint32_t number = bytes == 1 ? numbers[x] : ((const uint16_t *)(const void *)numbers)[x];
        const uint8_t *colour = colours + 3 * number;
        uint8_t painted = (uint8_t) - (number != 0);
        for (int i = 0; i < 3; i++)
            out[i] = (uint8_t)((mixed(mix, picture[i], colour[i]) & painted) | (picture[i] & ~painted));
    }
}

/* Picture and colour, mixed, where the number is not 0; the picture elsewhere. */
static void blend_row(const uint8_t *picture, const uint8_t *numbers, size_t bytes, const uint8_t *colours,
                      const uint8_t *mix, size_t width, uint8_t *out) {
    uint32_t number;
    for (size_t x = 0, run; x < width; x += run) {
        run = run_at(numbers, bytes, x, width, &number);
        if (run < SHORT) {
            run = width - x < TOGETHER ? width - x : TOGETHER;
            blend_pixels(picture + 3 * x, numbers + bytes * x, bytes, colours, mix, run, out + 3 * x);
        } else if (number && mix) {
            mix_run(picture + 3 * x, colours + 3 * number, mix, 3 * run, out + 3 * x);
        } else if (number) {
            blend_run(picture + 3 * x, colours + 3 * number, 3 * run, out + 3 * x);
        } else {
            memcpy(out + 3 * x, picture + 3 * x, 3 * run);
        }
    }
}

/* The same with the drawing itself, which is black where nothing is painted. */
static void blend_drawing(const uint8_t *picture, const uint8_t *drawing, const uint8_t *mix, size_t width, uint8_t *out) {
    for (size_t x = 0; x < width; x++, picture += 3, drawing += 3, out += 3) {
        int painted = drawing[0] | drawing[1] | drawing[2];
        for (int i = 0; i < 3; i++) out[i] = painted ? mixed(mix, picture[i], drawing[i]) : picture[i];
    }
}

/* line: raw bytes; above: the line before it, zeros for the first one. out gets size filtered bytes. */
static void filter_row(int filter, const uint8_t *restrict line, const uint8_t *restrict above, size_t pixel,
                       size_t size, uint8_t *restrict out) {
    for (size_t i = 0; i < pixel && i < size; i++)
        out[i] = (uint8_t)(line[i] - (filter == SUB ? 0 : filter == UP ? above[i] : above[i] >> 1));
    if (filter == SUB)
        for (size_t i = pixel; i < size; i++) out[i] = (uint8_t)(line[i] - line[i - pixel]);
    else if (filter == UP)
        for (size_t i = pixel; i < size; i++) out[i] = (uint8_t)(line[i] - above[i]);
    else
        for (size_t i = pixel; i < size; i++) out[i] = (uint8_t)(line[i] - half_of(line[i - pixel], above[i]));
}

/* Pixels of a human mask, without filters.
 *
 * picture: rows of width RGB pixels; numbers: rows of width class numbers of `bytes` bytes; colours: RGB by number;
 * drawing: rows of width RGB pixels, used instead of numbers where it is not NULL; mix: see `mixed`.
 */
EXPORTED void human_blend(const uint8_t *picture, const uint8_t *numbers, size_t bytes, const uint8_t *colours,
                          const uint8_t *drawing, const uint8_t *mix, size_t width, size_t rows, uint8_t *out) {
    for (size_t row = 0; row < rows; row++, picture += 3 * width, out += 3 * width) {
        if (drawing)
            blend_drawing(picture, drawing + 3 * width * row, mix, width, out);
        else
            blend_row(picture, numbers + bytes * width * row, bytes, colours, mix, width, out);
    }
}

/* Scan lines of a human mask: picture, a green pixel, blend; the blend alone where it does not stand beside.
 *
 * picture: from row `top` of the picture on, and the rest as in `human_blend`. raw: room for two unfiltered lines, kept
 * between the calls for one picture, zero at first. out: rows lines, each a filter byte and the filtered line.
 */
void lines_human(const uint8_t *picture, const uint8_t *numbers, size_t bytes, const uint8_t *colours,
                 const uint8_t *drawing, const uint8_t *mix, int beside, size_t width, size_t rows, size_t top, int filter,
                 uint8_t *raw, uint8_t *out) {
    size_t half = 3 * width, left = beside ? half + 3 : 0, size = left + half;
    for (size_t row = 0; row < rows; row++) {
        uint8_t *line = raw + ((top + row) & 1) * size;
        const uint8_t *above = raw + ((top + row + 1) & 1) * size;
        if (beside) {
            memcpy(line, picture, half);
            memcpy(line + half, "\0\377\0", 3);
        }
        human_blend(picture, numbers, bytes, colours, drawing, mix, width, 1, line + left);
        *out++ = (uint8_t)filter;
        filter_row(filter, line, above, 3, size, out);
        out += size;
        picture += half;
        numbers += bytes * width;
        if (drawing) drawing += half;
    }
}

/* Where RGBA pixels are not transparent. lines: height lines of 1 + 4 * width bytes, unfiltered or filtered by Sub; out:
 * height lines of width bytes, 0 or 1. Returns 0, or 1 where there is another filter.
 */
EXPORTED int lines_opacity(const uint8_t *lines, size_t height, size_t width, uint8_t *out) {
    for (size_t y = 0; y < height; y++, lines += 1 + 4 * width, out += width) {
        uint8_t sum = 0, keep = *lines == SUB ? 0xFF : 0;
        if (*lines > SUB) return 1;
        for (size_t x = 0; x < width; x++) {
            sum = (uint8_t)((sum & keep) + lines[4 + 4 * x]);
            out[x] = sum != 0;
        }
    }
    return 0;
}

/* Change pixels of `channels` bytes, height lines `stride` bytes apart: each byte to the entry of its channel's table
 * (256 x 256, one after the other) in the row of the pixel's opacity, which stands in lines opacity_stride bytes apart.
 */
EXPORTED void lines_change(uint8_t *pixels, size_t stride, size_t channels, const uint8_t *opacity,
                           size_t opacity_stride, size_t height, size_t width, const uint8_t *tables) {
    for (size_t y = 0; y < height; y++, pixels += stride, opacity += opacity_stride) {
        uint8_t *pixel = pixels;
        for (size_t x = 0; x < width; x++, pixel += channels) {
            const uint8_t *row = tables + 256u * opacity[x];
            if (channels == 3) {
                pixel[0] = row[pixel[0]];
                pixel[1] = row[65536u + pixel[1]];
                pixel[2] = row[131072u + pixel[2]];
            } else {
                pixel[0] = row[pixel[0]];
            }
        }
    }
}

/* The filter that leaves the least of a picture: the sum of what is left, signs dropped, over every 16th row. */
EXPORTED int lines_choose(const uint8_t *picture, size_t height, size_t width) {
    uint64_t sums[AVERAGE + 1] = {0};
    uint8_t left[SAMPLE];
    int best = AVERAGE;
    size_t size = 3 * width;
    for (size_t y = 16; y < height; y += 16) {
        for (size_t x = 0; x + 3 < size; x += SAMPLE - 3) {
            const uint8_t *line = picture + y * size + x;
            size_t count = size - x < SAMPLE ? size - x : SAMPLE;
            for (int filter = SUB; filter <= AVERAGE; filter++) {
                uint32_t sum = 0;
                filter_row(filter, line, line - size, 3, count, left);
                for (size_t i = 3; i < count; i++) sum += left[i] < 128 ? left[i] : 256u - left[i];
                sums[filter] += sum;
            }
        }
    }
    for (int filter = SUB; filter < AVERAGE; filter++)
        if (sums[filter] < sums[best]) best = filter;
    return best;
}

#ifndef SOURCES
#define SOURCES ""
#endif
/* Of which sources this was compiled; see native/__init__.py. */
EXPORTED const char *kernels_sources(void) { return SOURCES; }
