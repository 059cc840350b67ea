"""Vouch from outside: HTTP, console and command line."""
