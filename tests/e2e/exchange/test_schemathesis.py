"""schemathesis goes through every REST operation, with values its description allows and with others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.exchange.box import Box, running_box
from tests.e2e.exchange.fuzz_drivers import ANSWER_MAX_S, signer_of
from tests.e2e.exchange.fuzz_requests import BY_NAME, CATALOGUE
from tests.e2e.exchange.openapi import openapi

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES_SHORT = 2
EXAMPLES_LONG = 400
"""Of each operation."""


@pytest.fixture
def open_box() -> Iterator[Box]:
    """A server without limits."""
    options = ["--symbol", "BTCUSDT", "--symbol", "ETHUSDT"]
    with running_box(source="synthetic", limits=False, options=options, forked=True) as box:
        yield box


def ask(box: Box, session: requests.Session, case: Any) -> None:
    """Send a case, signed where it has to be, and have its answer checked."""
    signer = signer_of(box)
    text = urlencode(case.query or {}, doseq=True)
    if BY_NAME[case.operation.definition.raw["operationId"]].is_signed:
        text += f"{'&' if text else ''}timestamp={time.time_ns() // 1_000_000}"
        text += f"&signature={signer.sign(text.encode())}"
    url = f"{box.rest}{case.path}{'?' if text else ''}{text}"
    headers = {"X-MBX-APIKEY": signer.api_key}
    response = session.request(case.method, url, headers=headers, timeout=ANSWER_MAX_S)
    case.validate_response(response, checks=CHECKS)


def go_through(box: Box, examples: int) -> None:
    """Ask everything that there is, so many times each."""
    bounded = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    schema = schemathesis.openapi.from_dict(openapi(CATALOGUE))
    with requests.Session() as session:
        for found in schema.get_all_operations():
            operation = found.ok()
            modes = [GenerationMode.POSITIVE]
            if operation.query:
                modes.append(GenerationMode.NEGATIVE)
            cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])

            @seed(1)
            @bounded
            @given(cases)
            def run(case: Any) -> None:
                ask(box, session, case)

            run()
    assert box.admin.get("/status")["failures"] == 0, box.said()
    assert box.said() == ""
    assert box.admin.get("/audit")["problems"] == []


def test_every_operation_keeps_to_its_description(open_box: Box) -> None:
    go_through(open_box, EXAMPLES_SHORT)


@pytest.mark.long
def test_every_operation_keeps_to_its_description_for_long(open_box: Box) -> None:
    go_through(open_box, EXAMPLES_LONG)
