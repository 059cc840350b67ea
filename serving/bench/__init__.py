"""Measurements: every figure we print can be reproduced with `vouch bench`."""
