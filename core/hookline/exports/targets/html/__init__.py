"""The HTML export: one page to read and to print."""
