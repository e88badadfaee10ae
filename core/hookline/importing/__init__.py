"""Documents that describe an API, turned into connectors."""
