"""Settings looked at from outside: what is wrong with them, what holds, and what can be set."""
