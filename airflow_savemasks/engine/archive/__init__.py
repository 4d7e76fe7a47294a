"""The published format: tar, names of members and files, index, manifest, the file of bad items, and checking them.

A part is known here as a run of members with sums; how items become parts, and what is drawn, is not.
"""
