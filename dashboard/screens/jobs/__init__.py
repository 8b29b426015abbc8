"""What the management servers still work on, and what they were cut off from."""
