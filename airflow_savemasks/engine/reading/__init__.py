"""A published archive as a sequence of items: pictures, masks and annotations by ranges, nothing unpacked."""
