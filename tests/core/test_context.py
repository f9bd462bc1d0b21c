"""Context: what a step records and sends, and the words it looks things up by."""

from __future__ import annotations
