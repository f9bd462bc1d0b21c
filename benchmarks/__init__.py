"""What `make bench` runs: each module measures one thing and returns rows of figures."""
