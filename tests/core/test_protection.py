"""Protection: a live stop for every sellable coin, placed, measured, moved and trailed."""

from __future__ import annotations
