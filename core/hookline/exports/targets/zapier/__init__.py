"""The Zapier export: a private app without any code."""
