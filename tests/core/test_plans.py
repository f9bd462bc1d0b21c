"""Entry plans: the first that the symbol, the slots and the signal allow; rounding never widens risk."""

from __future__ import annotations
