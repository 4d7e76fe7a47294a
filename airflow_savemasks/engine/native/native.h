#ifndef SAVEMASKS_NATIVE_H
#define SAVEMASKS_NATIVE_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words are read and written as little endian; without these kernels the package works with numpy and ISA-L"
#endif

#define EXPORTED __attribute__((visibility("default"))) /* called from Python; all else is ours alone */

typedef struct Deflate Deflate;

typedef struct {
    uint16_t bits; /* the code, its first bit lowest */
    uint8_t length;
} Code;

/* Canonical prefix codes of at most `limit` bits; a symbol that does not occur gets none (huffman.c). */
void make_codes(const uint32_t *counts, int symbols, int limit, Code *codes);

/* lines.c, deflate.c */
void lines_human(const uint8_t *picture, const uint8_t *numbers, size_t bytes, const uint8_t *colours,
                 const uint8_t *drawing, const uint8_t *mix, int beside, size_t width, size_t rows, size_t top, int filter,
                 uint8_t *raw, uint8_t *out);
size_t deflate_write(Deflate *state, const uint8_t *data, size_t size, size_t history, size_t hint, uint8_t *out);

/* sums.c */
uint32_t crc32_of(const uint8_t *data, size_t size);
uint32_t adler32_of(const uint8_t *data, size_t size);
#endif
