"""What the tests of this plugin share."""

from callbacks_lab import new_lab

__all__ = ["new_lab"]
