"""The Make export: a custom app."""
