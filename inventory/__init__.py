"""Stock, promises and policy: what may be promised, and what to order."""
