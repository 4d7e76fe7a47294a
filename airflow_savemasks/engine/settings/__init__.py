"""What was asked: the layer's JSON, the options of an export, the colors with their warnings.

Nothing here opens a project or draws.
"""
