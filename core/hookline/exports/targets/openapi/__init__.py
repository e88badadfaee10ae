"""The OpenAPI export: one document for everything that reads OpenAPI 3.1."""
