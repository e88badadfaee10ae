"""Exports: the catalog in the forms that platforms import."""
