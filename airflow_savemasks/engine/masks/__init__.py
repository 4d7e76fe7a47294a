"""A picture and its labels to masks: one file a kind of mask, the label map that they share, and their registry.

Masks leave as files, which the image room encodes.
"""
