/* The checksums of the formats: CRC-32 of a PNG's chunks, Adler-32 of a zlib stream. */
#include "native.h"

enum { MODULUS = 65521, UNREDUCED = 5552, /* bytes after which sums of 32 bits have to be reduced */
       STEP = 16 };

static uint32_t tables[8][256]; /* what a byte adds that so many others follow; made when the library is loaded */

__attribute__((constructor)) static void make_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t sum = byte;
        for (int i = 0; i < 8; i++) sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320u : 0);
        tables[0][byte] = sum;
    }
    for (int follow = 1; follow < 8; follow++)
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t before = tables[follow - 1][byte];
            tables[follow][byte] = before >> 8 ^ tables[0][before & 255];
        }
}

uint32_t crc32_of(const uint8_t *data, size_t size) {
    uint32_t sum = 0xFFFFFFFFu;
    for (; size >= 8; size -= 8, data += 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        word ^= sum;
        sum = 0;
        for (int i = 0; i < 8; i++) sum ^= tables[7 - i][word >> 8 * i & 255];
    }
    while (size--) sum = sum >> 8 ^ tables[0][(sum ^ *data++) & 255];
    return ~sum;
}

uint32_t adler32_of(const uint8_t *data, size_t size) {
    uint32_t low = 1, high = 0;
    while (size) {
        size_t now = size < UNREDUCED ? size : UNREDUCED;
        size -= now;
        for (; now >= STEP; now -= STEP, data += STEP) {
            uint32_t sum = 0, weighted = 0;
            for (uint32_t i = 0; i < STEP; i++) {
                sum += data[i];
                weighted += (STEP - i) * data[i];
            }
            high += STEP * low + weighted;
            low += sum;
        }
        for (; now; now--) {
            low += *data++;
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    return high << 16 | low;
}
