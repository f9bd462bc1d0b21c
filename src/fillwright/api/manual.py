"""The API's reference as Markdown, made of the routes' OpenAPI document and of the docstrings of what they answer."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from fillwright import answers, ports
from fillwright.api import bodies, entrance, errors, events
from fillwright.api.app import openapi_document
from fillwright.api.codes import ERROR_CODES
from fillwright.api.examples import EXAMPLES, Example
from fillwright.core import inputs

Schema = Mapping[str, Any]
INTRODUCTION = """\
The service listens on `http://127.0.0.1:8080` (`server.host`, `server.port`). `/docs/openapi.json` is the same
reference for programs, and `fillwright.client.Client` a typed client of it in Python.

- **Token.** Every request but `/`, `/healthz`, `/readyz`, `/docs` and `/api/entrance` needs
  `Authorization: Bearer TOKEN`.
- **Amounts are texts**, plain decimals, so that they stay exact. Times are RFC 3339 UTC; in records of the journal
  they are integer microseconds UTC. Unknown fields and parameters are refused.
- **Idempotency-Key.** A signal, and each command that would do more when it happens twice (close, reduce, add, adjust,
  resume), takes this header. The same key with the same body happens once: its first answer comes again with
  `repeated: true`, a refusal as it was. The same key with another body, or for another command, is 409
  `KEY_CONFLICT`. The key of a signal is its trader's own, that of a command its caller's. Keys are in the journal, so
  that they hold across restarts and crashes; they are forgotten after 7 days, and of commands the newest 20,000 are
  known. After a 503 or a lost connection send it again with the same key. An emergency stop takes no key: it must
  never be passed over.
- **Reads follow writes**: what a 2xx answer told is seen by every later read.
- **Listings** give `limit` records (50; at most 1,000), the newest first, and `next_cursor` for the next part; null:
  there is no more. What is new meanwhile moves nothing.
- **Errors** have one shape, `{"error": {"code", "message", "details"}}`. Codes stay as they are, messages are for
  people."""
PRICES = """\
`prices` messages hold `time, seq, mode, ready, reasons, halted, halted_reason, paused, feed, quote_asset, equity,
available, exposure, daily_pnl, total_pnl, trades, wins, losses, positions_open, positions, quotes`: at most 100
positions, each with its unrealised result. Records are events, see [EVENTS.md](EVENTS.md).

A connection that is refused after it was accepted is told `{"error": …}` and closed with 4000 + the status that HTTP
would have: 4400, 4401, 4409 (`SINCE_AHEAD`), 4503. 1012: the account has stopped. Connect again with `since` = the last
`seq`: no record is left out and none comes twice."""
CODES_INTRODUCTION = """\
Risk checks deny with codes of their own, and 422; [DENIALS.md](DENIALS.md) lists them. 503 comes with `Retry-After`
where trying again helps."""
TAGS = ("signals", "positions", "orders", "trades", "portfolio", "shadow", "prices", "operations", "service")
SOURCES = (answers, bodies, entrance, errors, inputs, ports)


def sections() -> list[str]:
    """The reference, part by part."""
    document = openapi_document()
    return [
        INTRODUCTION,
        "## Examples",
        *(_example(example) for example in EXAMPLES),
        "## Paths",
        *_paths(document),
        "## The live stream",
        _stream(),
        PRICES,
        "## Error codes",
        CODES_INTRODUCTION,
        _codes(),
        "## Shapes",
        *_shapes(document),
    ]


# -- examples ----------------------------------------------------------------------------------------------------


def _example(example: Example) -> str:
    words = [f'curl -X {example.method} "http://127.0.0.1:8080{example.path}"']
    if example.path != "/readyz":
        words.append('-H "Authorization: Bearer $FILLWRIGHT_TOKEN"')
    if example.body is not None:
        words.append('-H "Content-Type: application/json"')
    words += [f'-H "{name}: {value}"' for name, value in example.headers.items()]
    if example.body is not None:
        words.append(f"-d '{json.dumps(example.body)}'")
    answer = json.dumps(example.answer, indent=2, ensure_ascii=False)
    request = " \\\n  ".join(words)
    return f"{example.words}\n\n```sh\n{request}\n```\n\n{example.status}:\n\n```json\n{answer}\n```"


# -- paths -------------------------------------------------------------------------------------------------------


def _paths(document: Schema) -> Iterator[str]:
    """Every operation, by its tag; paths that mean the same stand together."""
    found: dict[str, dict[str, tuple[list[str], Schema]]] = {tag: {} for tag in TAGS}
    for path in sorted(document["paths"]):
        for method, operation in document["paths"][path].items():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            name = f"{method} {operation['summary']}"
            found[operation["tags"][0]].setdefault(name, ([], operation))[0].append(
                f"{method.upper()} {path}"
            )
    for tag, operations in found.items():
        yield f"### About {tag}"
        for names, operation in operations.values():
            yield _operation(names, operation)


def _operation(names: list[str], operation: Schema) -> str:
    parts = [f"#### {' · '.join(f'`{name}`' for name in names)}", str(operation["description"])]
    rows = [
        row(
            f"`{one['name']}`",
            one["in"],
            type_of(one["schema"]).removesuffix(" or null"),
            _meaning(one["schema"]),
        )
        for one in operation.get("parameters") or ()
    ]
    if rows:
        parts.append("\n".join(["| parameter | in | type | meaning |", "|---|---|---|---|", *rows]))
    body = operation.get("requestBody")
    if body is not None:
        parts.append(f"Body: {type_of(_content(body))}.")
    answered = [
        f"{status}: {type_of(_content(response))}"
        for status, response in operation["responses"].items()
        if status.startswith("2")
    ]
    refused = ", ".join(status for status in operation["responses"] if not status.startswith("2"))
    parts.append(f"Answers {'; '.join(answered)}." + (f" Errors: {refused}." if refused else ""))
    return "\n\n".join(parts)


def _content(part: Schema) -> Schema:
    return next((media.get("schema", {}) for media in (part.get("content") or {}).values()), {})


# -- the stream and the codes ------------------------------------------------------------------------------------


def _stream() -> str:
    """What the module of the stream says of it."""
    title, _, rest = inspect.cleandoc(events.__doc__ or "").partition("\n\n")
    return f"{title}\n\n{rest}".replace("``", "`")


def _codes() -> str:
    rows = [
        row(f"`{one.code}`", ", ".join(map(str, one.statuses)), one.meaning, one.remedy)
        for one in ERROR_CODES
    ]
    return "\n".join(["| code | status | what it means | what to do |", "|---|---|---|---|", *rows])


# -- shapes ------------------------------------------------------------------------------------------------------


def _shapes(document: Schema) -> Iterator[str]:
    """Every body and answer, in the order of their names."""
    schemas = document["components"]["schemas"]
    structs = known_structs()
    for name in sorted(schemas):
        schema = schemas[name]
        struct = structs.get(name)
        words = first_paragraph(struct.__doc__) if struct is not None else schema.get("description", "")
        if "enum" in schema:
            yield f"### {name}\n\n" + " | ".join(f"`{value}`" for value in schema["enum"])
            continue
        meanings = {} if struct is None else field_meanings(struct)
        required = schema.get("required") or ()
        rows = [
            row(
                f"`{field}`",
                type_of(inner),
                "" if field in required else _default(inner),
                _meaning(inner, meanings.get(field, "")),
            )
            for field, inner in (schema.get("properties") or {}).items()
        ]
        table = ["| field | type | if absent | meaning |", "|---|---|---|---|", *rows]
        yield f"### {name}\n\n" + (f"{words}\n\n" if words else "") + "\n".join(table)


def _meaning(schema: Schema, words: str = "") -> str:
    """What a field or parameter means, and what bounds it has."""
    bounds = []
    if "maxLength" in schema:
        bounds.append(f"{schema.get('minLength', 0)} to {schema['maxLength']} characters")
    if "maximum" in schema:
        bounds.append(f"{schema.get('minimum', 0):g} to {schema['maximum']:g}")
    if "pattern" in schema and "description" not in schema:
        bounds.append(f"as `{schema['pattern']}`")
    limits = f"{', '.join(bounds)}.".capitalize() if bounds else ""
    words = (words or str(schema.get("description") or "")).replace("None", "null")
    return " ".join(filter(None, [words, limits]))


def _default(schema: Schema) -> str:
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else "optional"


def known_structs() -> dict[str, type[msgspec.Struct]]:
    """The structs behind the shapes, by the names that those have."""
    found: dict[str, type[msgspec.Struct]] = {}
    for module in SOURCES:
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, msgspec.Struct):
                found.setdefault(name.removesuffix("View"), value)
    return found


def field_meanings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """What the text below each field of a struct says; read from the source."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(struct))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for node, after in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(after, ast.Expr):
            if isinstance(after.value, ast.Constant):
                found[ast.unparse(node.target)] = first_paragraph(str(after.value.value))
    return found


def type_of(schema: Schema) -> str:
    """A schema in a word or two; shapes by their name, with a link."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return " or ".join(type_of(part) for part in schema[choice])
    if "enum" in schema:
        return _either(schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    return "time" if schema.get("format") == "date-time" else str(kind)


def _either(values: Iterable[object]) -> str:
    return " or ".join(f"`{value}`" for value in values)


def first_paragraph(text: str | None) -> str:
    """The first paragraph of a docstring, as Markdown."""
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split()).replace("``", "`")


def row(*cells: object) -> str:
    """A row of a table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
