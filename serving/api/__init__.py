"""The HTTP API: one router per area, each call checked for its role before it starts."""
