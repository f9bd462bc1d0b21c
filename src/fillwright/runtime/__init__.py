"""The live shell around the core: what comes in, what leaves, and in which order. Asynchronous, on one loop."""
