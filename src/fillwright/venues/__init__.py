"""Where orders go: each module satisfies the core's picture of a venue, nothing else."""
