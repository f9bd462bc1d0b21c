"""What the command line does: each command as a function over the composition root, without its options' syntax."""
