/* Labels made of pixels, many at once: base64 of a zlib stream of a PNG, to what of them shows.
 *
 * Read are the PNGs that such labels nearly always are: RGBA of 8 bits, of which the opacity is wanted, two colours with
 * a transparent one, and (alpha masks) gray of 8 bits. Whatever is not plainly such a label is refused, and Python has
 * the say, in the same words as ever: ISA-L and OpenCV read what this does not, and tell what is wrong.
 */
#include "filters.h"
#include "inflate.h"

enum { MOST_PICTURE = (1 << 16) + (1 << 20), /* bytes of a PNG file: what Python takes of any size at all */
       MOST_LINES = 1 << 22,                 /* bytes of scan lines: a larger label is worth a call of its own */
       CHUNK = 12,                           /* bytes of a chunk besides its data */
       BEGIN = 8 + CHUNK + 13 };             /* bytes of a signature and a header */
enum { REFUSED = 0, MASK = 1, ALPHA = 2 };
enum { GRAY = 0, PALETTE = 3, RGBA = 6 };

/* What is found of a label: in pixels, the place where it shows counted from its corner. */
typedef struct {
    int64_t kind, height, width, top, left, shown_height, shown_width, offset;
} Found;

/* Room for what is made on the way. */
typedef struct {
    Tables tables;
    uint8_t picture[MOST_PICTURE + INFLATE_SLACK];
    uint8_t lines[MOST_LINES + INFLATE_SLACK];
    uint8_t packed[]; /* as many bytes as a label's text has */
} Room;

typedef struct {
    uint32_t width, height;
    uint8_t depth, color_type;
    uint8_t opaque[2]; /* of the two colours of a palette */
    const uint8_t *pixels;
    size_t size; /* of the stream of pixels */
} Picture;

static uint8_t sextets[256]; /* of a base64 digit, 64 for all other bytes; made when the library is loaded */

__attribute__((constructor)) static void make_sextets(void) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memset(sextets, 64, sizeof sextets);
    for (uint8_t i = 0; i < 64; i++) sextets[(uint8_t)digits[i]] = i;
}

static inline uint32_t big_endian(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Base64 with nothing between its digits; returns how many bytes it was, 0 where it is something else. */
static size_t from_base64(const uint8_t *text, size_t size, uint8_t *out) {
    const uint8_t *start = out;
    uint8_t wrong = 0;
    if (!size || size % 4) return 0;
    size_t padding = text[size - 1] != '=' ? 0 : text[size - 2] != '=' ? 1 : 2;
    for (size_t whole = size - (padding ? 4 : 0); whole; whole -= 4, text += 4, out += 3) {
        uint8_t a = sextets[text[0]], b = sextets[text[1]], c = sextets[text[2]], d = sextets[text[3]];
        wrong |= a | b | c | d;
        out[0] = (uint8_t)(a << 2 | b >> 4);
        out[1] = (uint8_t)(b << 4 | c >> 2);
        out[2] = (uint8_t)(c << 6 | d);
    }
    if (padding) {
        uint8_t a = sextets[text[0]], b = sextets[text[1]], c = padding == 1 ? sextets[text[2]] : 0;
        wrong |= a | b | c;
        *out++ = (uint8_t)(a << 2 | b >> 4);
        if (padding == 1) *out++ = (uint8_t)(b << 4 | c >> 2);
    }
    return wrong & 64 ? 0 : (size_t)(out - start);
}

/* Inflates a whole stream with its checksum; returns how many bytes came out, 0 where anything is wrong. */
static size_t inflate_whole(const uint8_t *stream, size_t size, uint8_t *out, size_t most, Tables *tables) {
    size_t made = 0, at = inflate_stream(stream, size, out, most, tables, &made);
    return at && big_endian(stream + at) == adler32_of(out, made) ? made : 0;
}

/* The parts of a PNG file, whose data are joined where they stand. Returns 0 where it is not plainly one of ours. */
static int read_chunks(uint8_t *file, size_t size, Picture *picture) {
    uint8_t *pixels = NULL;
    int transparency = 0, colors = 0, closed = 0;
    if (size < BEGIN || memcmp(file, "\211PNG\r\n\032\n\0\0\0\rIHDR", 16)) return 0;
    for (size_t at = 8; size - at >= CHUNK;) {
        size_t length = big_endian(file + at);
        uint8_t *name = file + at + 4, *data = name + 4;
        if (length > size - at - CHUNK || crc32_of(name, length + 4) != big_endian(data + length)) return 0;
        if (pixels && memcmp(name, "IDAT", 4)) closed = 1;
        if (at == 8) {
            picture->width = big_endian(data);
            picture->height = big_endian(data + 4);
            picture->depth = data[8];
            picture->color_type = data[9];
            if (data[10] || data[11] || data[12]) return 0;
        } else if (!memcmp(name, "IDAT", 4)) {
            if (closed) return 0;
            if (!pixels) pixels = data;
            memmove(pixels + picture->size, data, length);
            picture->size += length;
        } else if (!memcmp(name, "PLTE", 4)) {
            if (picture->color_type != PALETTE || colors || closed || pixels) return 0;
            colors = 1;
        } else if (!memcmp(name, "tRNS", 4)) {
            if (picture->color_type != PALETTE || !colors || transparency || pixels || !length || length > 2) return 0;
            picture->opaque[0] = data[0] != 0;
            picture->opaque[1] = length < 2 || data[1];
            transparency = 1;
        } else if (!memcmp(name, "IEND", 4)) {
            picture->pixels = pixels;
            return pixels && (picture->color_type != PALETTE || transparency);
        } else {
            return 0;
        }
        at += length + CHUNK;
    }
    return 0;
}

/* One channel of a line, unfiltered: filters never mix channels. line: its first value, `pixel` bytes before the next;
 * above: the line above, unfiltered, NULL for the first one. Returns 0 where the filter is unknown.
 */
static inline int unfilter(int filter, const uint8_t *line, size_t pixel, size_t width, const uint8_t *above,
                           uint8_t *out) {
    uint8_t left = 0, corner = 0;
    if (!filter || (filter == UP && !above)) {
        for (size_t x = 0; x < width; x++) out[x] = line[pixel * x];
    } else if (filter == SUB || (filter == PAETH && !above)) {
        for (size_t x = 0; x < width; x++) out[x] = left = (uint8_t)(left + line[pixel * x]);
    } else if (filter == UP) {
        for (size_t x = 0; x < width; x++) out[x] = (uint8_t)(above[x] + line[pixel * x]);
    } else if (filter == AVERAGE) {
        for (size_t x = 0; x < width; x++)
            out[x] = left = (uint8_t)(line[pixel * x] + half_of(left, above ? above[x] : 0));
    } else if (filter == PAETH) {
        for (size_t x = 0; x < width; corner = above[x++])
            out[x] = left = (uint8_t)(line[pixel * x] + paeth(left, above[x], corner));
    } else {
        return 0;
    }
    return 1;
}

static int read_lines(const Picture *picture, const uint8_t *lines, size_t line, uint8_t *out) {
    size_t width = picture->width;
    for (size_t y = 0; y < picture->height; y++, lines += line, out += width) {
        const uint8_t *above = y ? out - width : NULL;
        if (picture->color_type == PALETTE) {
            if (*lines) return 0;
            for (size_t x = 0; x < width; x++) out[x] = picture->opaque[lines[1 + x / 8] >> (7 - x % 8) & 1];
        } else if (!(picture->color_type == RGBA ? unfilter(*lines, lines + 4, 4, width, above, out)
                                                 : unfilter(*lines, lines + 1, 1, width, above, out))) {
            return 0;
        }
    }
    return 1;
}

/* Where in a line something shows, as its first and its last place; 0 where nothing does. */
static int shown(const uint8_t *line, size_t width, size_t *first, size_t *last) {
    uint64_t word = 0;
    size_t x = 0, end = width;
    for (; x + 8 <= width; x += 8) {
        memcpy(&word, line + x, 8);
        if (word) break;
    }
    while (x < width && !line[x]) x++;
    if (x == width) return 0;
    for (; end >= 8; end -= 8) {
        memcpy(&word, line + end - 8, 8);
        if (word) break;
    }
    while (!line[end - 1]) end--;
    *first = x;
    *last = end - 1;
    return 1;
}

/* Leaves of pixels (height, width) those between the edges of what shows. Returns 0 where nothing shows. */
static int trim(uint8_t *pixels, Found *found) {
    size_t width = (size_t)found->width, height = (size_t)found->height;
    size_t left = width, right = 0, top = height, bottom = 0, first, last;
    for (size_t y = 0; y < height; y++) {
        if (!shown(pixels + y * width, width, &first, &last)) continue;
        if (top == height) top = y;
        bottom = y;
        if (first < left) left = first;
        if (last > right) right = last;
    }
    if (top == height) return 0;
    size_t inner = right - left + 1, rows = bottom - top + 1;
    if (inner < width || top)
        for (size_t y = 0; y < rows; y++) memmove(pixels + y * inner, pixels + (top + y) * width + left, inner);
    found->top = (int64_t)top;
    found->left = (int64_t)left;
    found->shown_height = (int64_t)rows;
    found->shown_width = (int64_t)inner;
    return 1;
}

/* How many bytes of scan lines a picture has, 0 where it is none of ours or above a limit; line: of each. */
static size_t lines_of(const Picture *picture, uint64_t most_pixels, uint64_t most_bytes, size_t *line) {
    uint64_t width = picture->width, height = picture->height, size;
    if (!width || !height || width * height > most_pixels) return 0;
    if (picture->color_type == PALETTE && picture->depth == 1)
        *line = (size_t)(1 + (width + 7) / 8);
    else if (picture->depth == 8 && (picture->color_type == RGBA || picture->color_type == GRAY))
        *line = (size_t)(1 + (picture->color_type == RGBA ? 4 : 1) * width);
    else
        return 0;
    if (height > MOST_LINES) return 0; /* both below 2**36: the product fits */
    size = height * *line;
    return size > most_bytes || size > MOST_LINES ? 0 : (size_t)size;
}

/* Read labels, one after the other, until one does not fit any more behind those before it.
 *
 * text: their texts, joined; ends: where each ends; room: `bitmaps_room` bytes for the longest of them; out: gets the
 * pixels between the edges of what shows: of a mask 0 and 1, of an alpha mask its opacities; found: one for each.
 * Returns how many were read; those that are refused are, too.
 */
EXPORTED size_t bitmaps_read(const uint8_t *text, const int64_t *ends, size_t count, uint64_t most_pixels,
                             uint64_t most_bytes, Room *room, uint8_t *out, size_t out_size, Found *found) {
    size_t offset = 0, start = 0;
    for (size_t i = 0; i < count; start = (size_t)ends[i++], found++) {
        Picture picture = {0};
        size_t line = 0, size, packed = from_base64(text + start, (size_t)ends[i] - start, room->packed);
        memset(found, 0, sizeof *found);
        size_t file = packed ? inflate_whole(room->packed, packed, room->picture, MOST_PICTURE, &room->tables) : 0;
        if (!file || !read_chunks(room->picture, file, &picture)) continue;
        size = lines_of(&picture, most_pixels, most_bytes, &line);
        size_t pixels = (size_t)picture.width * picture.height;
        if (!size || pixels > out_size) continue;
        if (pixels > out_size - offset) return i;
        if (inflate_whole(picture.pixels, picture.size, room->lines, size, &room->tables) != size) continue;
        if (!read_lines(&picture, room->lines, line, out + offset)) continue;
        found->height = picture.height;
        found->width = picture.width;
        found->offset = (int64_t)offset;
        if (!trim(out + offset, found)) continue;
        pixels = (size_t)(found->shown_height * found->shown_width);
        if (picture.color_type == RGBA)
            for (size_t at = offset; at < offset + pixels; at++) out[at] = out[at] != 0;
        found->kind = picture.color_type == GRAY ? ALPHA : MASK;
        offset += pixels;
    }
    return count;
}

/* Bytes of the room for texts of so many bytes. */
EXPORTED size_t bitmaps_room(size_t text_size) { return sizeof(Room) + text_size; }
