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
#endif
