"""Items through threads: loading, rendering and handing them on in order, in bounded memory.

What is drawn, and where it is written, is decided elsewhere.
"""
