"""One module for each kind of storage, each with `open_uri(uri, client)`; imported when a URI needs it."""
