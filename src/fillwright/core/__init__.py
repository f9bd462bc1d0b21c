"""What is true and what to do: pure and synchronous, without clock, randomness, I/O or logging."""
