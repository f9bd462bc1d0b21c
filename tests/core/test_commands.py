"""Commands: what traders, advisors and operators may want, and what they are refused."""

from __future__ import annotations
