"""Forecasters of retail demand, their combination, and how well they do."""
