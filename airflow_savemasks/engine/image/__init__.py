"""Pictures and PNG files: what a picture's header says, bytes to arrays, arrays to bytes.

Labels, masks and colors are unknown here.
"""
