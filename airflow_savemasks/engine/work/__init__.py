"""Items through threads or processes: loading, rendering and handing them on in order, in bounded memory.

What is drawn, and where it is written, is decided elsewhere.
"""
