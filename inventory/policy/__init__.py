"""Textbook mathematics of replenishment: pure functions of numbers, one noun per file."""
