"""The REST API as an OpenAPI document, derived from the server's own catalogue of operations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fillwright.exchange.server.operations import Kind, Operation, Parameter
from fillwright.exchange.server.values import INTERVALS

Schema = dict[str, Any]
_KINDS: dict[Kind, Schema] = {
    Kind.DECIMAL: {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,8})?$"},
    Kind.INTEGER: {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
    Kind.TIME: {"type": "integer", "minimum": 1_483_228_800_000, "maximum": 4_102_444_800_000},
    Kind.STRING: {"type": "string", "minLength": 1},
    Kind.CLIENT_ID: {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,36}$"},
    Kind.SYMBOL: {"type": "string", "enum": ["BTCUSDT", "ETHUSDT", "NOSUCH"]},
    Kind.SYMBOLS: {"type": "string", "enum": ['["BTCUSDT"]', '["BTCUSDT","ETHUSDT"]', "[]"]},
    Kind.STRINGS: {"type": "string", "enum": ["SPOT", '["SPOT","MARGIN"]']},
    Kind.BOOLEAN: {"type": "string", "enum": ["true", "false"]},
    Kind.INTERVAL: {"type": "string", "enum": list(INTERVALS)},
}
_ERROR: Schema = {
    "type": "object",
    "required": ["code", "msg"],
    "properties": {
        "code": {"type": "integer", "maximum": -1},
        "msg": {"type": "string", "minLength": 1},
    },
}


def schema_of(parameter: Parameter) -> Schema:
    """The schema of a parameter's text."""
    schema = dict(_KINDS[parameter.kind])
    if parameter.values:
        schema = {"type": "string", "enum": list(parameter.values)}
    for name, bound in (("minimum", parameter.minimum), ("maximum", parameter.maximum)):
        if bound is not None and schema["type"] == "integer":
            schema[name] = bound
    return schema


def openapi(operations: Iterable[Operation]) -> Schema:
    """The document; what signing adds is not in it."""
    paths: Schema = {}
    for one in operations:
        if not one.path:
            continue
        paths.setdefault(one.path, {})[one.method.lower()] = {
            "operationId": one.name,
            "parameters": [
                {"name": each.name, "in": "query", "required": each.required, "schema": schema_of(each)}
                for each in one.parameters
            ],
            "responses": {
                "200": {"description": "carried out", "content": {"application/json": {"schema": {}}}},
                "default": {
                    "description": "refused, or not found",
                    "content": {"application/json": {"schema": _ERROR}},
                },
            },
        }
    return {"openapi": "3.0.3", "info": {"title": "Binance Spot", "version": "3"}, "paths": paths}
