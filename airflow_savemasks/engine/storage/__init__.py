"""Trees of files, one module a backend, behind protocols for reading, writing and the work area.

What the files mean - projects, archives, parts - is unknown here.
"""
