"""An instance of Supervisely: its API, its projects as sources, its Team Files as a place for archives.

All requests of an export to an instance are made here.
"""
