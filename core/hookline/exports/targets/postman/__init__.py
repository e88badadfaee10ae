"""The Postman export: a collection."""
