"""A Supervisely instance as source and as Team Files, by its HTTP API and without its SDK."""
