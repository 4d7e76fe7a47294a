"""The shapes of labels: reading, clipping at a picture's border, drawing and writing them; one file a shape.

Which label has which shape, and what color it gets, is decided elsewhere.
"""
