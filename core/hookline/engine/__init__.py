"""One call from start to end: catalog, validation, pipeline, transport, streaming."""
