"""What the models may see, and when each piece of it is known."""
