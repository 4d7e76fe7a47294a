"""The published format: tar, names of members and files, index, manifest, the file of bad items, and checking them.

Nothing here knows how an export is cut into parts, or draws.
"""
