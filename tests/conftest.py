"""What all tests share: hypothesis profiles and the folder of recorded market data.

Properties take their number of examples from the profile alone (never ``settings(max_examples=...)`` beside a test), so
that ``make test`` stays bounded and repeatable and ``make test-long`` reaches every one of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("ci", max_examples=60, deadline=None, derandomize=True)
settings.register_profile(
    "long",
    max_examples=10_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of recorded market data: FILLWRIGHT_SHARED_DATA, or ../shared/data beside the checkout."""
    named = os.environ.get("FILLWRIGHT_SHARED_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no recorded market data here: set FILLWRIGHT_SHARED_DATA to its folder")
    return folder
