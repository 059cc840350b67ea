"""PostgreSQL: the only SQL in Vouch, one module per area."""
