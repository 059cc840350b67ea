"""Ways in and out for other systems: files, stores, messages."""
