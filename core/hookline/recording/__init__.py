"""Recordings: what a service once answered to an action, kept in a file without anybody's secrets."""
