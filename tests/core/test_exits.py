"""Ways out: sales, cancels and replacements, never a cancel and a sale side by side."""

from __future__ import annotations
