"""The published format: tar, names of members and files, index, manifest, the file of bad items, and checking them.

An item is known here by its line of the index: where it comes from, what is drawn and who renders it, is not.
"""
