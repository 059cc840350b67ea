"""The jobs: ingest, train, forecast, buffer, replenish, and the day that joins them."""
