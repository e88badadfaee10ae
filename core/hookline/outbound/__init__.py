"""Requests to URLs that somebody else chose: to public addresses only, judged again when connecting."""
