"""Journals, snapshots and read models: what is kept when the process is gone."""
