/* Loads the kernels by name, compresses bytes that follow from their number, and prints whose kernels they are and what came
 * out. What test_musl.py compares with the same library of another kind, called from Python. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SIZE 300000
#define PIECE (1 << 18)

int main(int count, char **words) {
    void *library = count == 2 ? dlopen(words[1], RTLD_NOW) : NULL;
    if (!library) {
        fprintf(stderr, "%s\n", count == 2 ? dlerror() : "load LIBRARY");
        return 1;
    }
    const char *(*sources)(void) = (const char *(*)(void))dlsym(library, "kernels_sources");
    size_t (*state_size)(void) = (size_t (*)(void))dlsym(library, "deflate_state_size");
    size_t (*bound)(size_t) = (size_t (*)(size_t))dlsym(library, "deflate_bound");
    void (*start)(void *) = (void (*)(void *))dlsym(library, "deflate_start");
    size_t (*pieces)(void *, const uint8_t *, size_t, size_t, size_t, size_t, uint8_t *) =
        (size_t (*)(void *, const uint8_t *, size_t, size_t, size_t, size_t, uint8_t *))dlsym(library, "deflate_pieces");
    size_t (*end)(void *, uint8_t *) = (size_t (*)(void *, uint8_t *))dlsym(library, "deflate_end");
    uint8_t *data = malloc(SIZE), *out = malloc(2 * bound(PIECE) + 16);
    void *state = malloc(state_size());
    uint32_t number = 1;
    for (size_t at = 0; at < SIZE; at++) {
        number = number * 1664525u + 1013904223u;
        data[at] = at % 4000 < 2500 ? (uint8_t)(at / 50) : (uint8_t)(number >> 28);
    }
    start(state);
    size_t size = pieces(state, data, SIZE, PIECE, 0, 3, out);
    size += end(state, out + size);
    printf("%s ", sources());
    for (size_t at = 0; at < size; at++) printf("%02x", out[at]);
    printf("\n");
    return 0;
}
