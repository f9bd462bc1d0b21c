"""The engine: deadlines, one settlement per step, the market it watches, and a state that goes on where it stopped."""

from __future__ import annotations
