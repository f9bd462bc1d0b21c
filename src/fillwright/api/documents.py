"""What a browser is shown: the first page, and the API's reference. Nothing of it comes from another host."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from importlib.resources import files
from typing import Any

import msgspec
from litestar import MediaType, Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.response import Response

from fillwright.answers import Alive, Ready
from fillwright.api import shapes
from fillwright.api.desk import Desk, json_response

OPEN: list[dict[str, list[str]]] = [{}]
"""No token is needed."""
DESCRIPTION = """Signals in, protected positions out. Amounts are texts, so that they stay exact; times are RFC 3339
UTC. Every error has one shape: {"error": {"code", "message", "details"}}. Listings are walked by next_cursor. The live
stream is WS /api/events?since=seq&prices=true: records as the journal has them, times there in microseconds UTC."""


def document_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The page, and whether the service lives and is ready."""
    page = first_page_text().encode()

    @get("/", include_in_schema=False)
    async def first_page() -> Response[bytes]:
        """The first page."""
        return Response(page, media_type=MediaType.HTML, headers={"Cache-Control": "no-cache"})

    @get("/healthz", responses={200: shapes.answers(Alive)[200]}, security=OPEN, tags=["service"])
    async def alive() -> Response[bytes]:
        """Whether the process answers."""
        return json_response(Alive("alive", desk.version))

    @get(
        "/readyz",
        responses={
            200: shapes.answers(Ready)[200],
            503: shapes.answers(Ready, 503, "Not ready, and why")[503],
        },
        security=OPEN,
        tags=["service"],
    )
    async def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Whether signals are taken: 200, or 503 and which parts are not ready; with a token also why."""
        service = desk.orchestrator.status()
        why = service.reasons if desk.is_known(request) else service.unready
        return json_response(Ready(service.ready, why), 200 if service.ready else 503)

    return [first_page, alive, ready]


def first_page_text() -> str:
    """The first page, as it stands beside this module."""
    return files("fillwright.api").joinpath("page.html").read_text(encoding="utf-8")


def policies() -> dict[str, str]:
    """The content security policies of our pages, by their paths."""
    return {"/": page_policy(first_page_text()), "/docs": page_policy(f"<style>{STYLE}</style>")}


def page_policy(page: str) -> str:
    """The content security policy of a page: its own inline script and style by their hashes, and our own API."""
    scripts = " ".join(f"'{_hash(body)}'" for body in re.findall(r"<script>(.*?)</script>", page, re.DOTALL))
    styles = " ".join(f"'{_hash(body)}'" for body in re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    nothing = "'none'"
    return (
        f"default-src 'none'; script-src {scripts or nothing}; style-src {styles or nothing}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# -- the reference -----------------------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; text-transform: capitalize; }
details { border-top: 1px solid var(--line); padding: .4rem 0; }
summary { cursor: pointer; } summary code { font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; display: block; overflow-x: auto; }
td { border-top: 1px solid var(--line); padding: .2rem .8rem .2rem 0; vertical-align: top; }
.dim { color: var(--dim); } b.get { color: #2a7; } b.post { color: #c62; }
"""


class Reference(OpenAPIRenderPlugin):
    """The OpenAPI document as one plain page, without a script."""

    def __init__(self) -> None:
        super().__init__(path="/")
        self._page: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Write the page; it is the same ever after."""
        if self._page is None:
            self._page = reference(openapi_schema).encode()
        return self._page


def reference(document: dict[str, Any]) -> str:
    """The OpenAPI document as HTML."""
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                tag = (operation.get("tags") or ["other"])[0]
                by_tag.setdefault(tag, []).append(_operation(path, method, operation, document))
    parts = [f"<h2>{html.escape(tag)}</h2>" + "".join(found) for tag, found in by_tag.items()]
    info = document["info"]
    title = f"{html.escape(info['title'])} {html.escape(info['version'])}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1><p>{html.escape(info.get('description', ''))}</p>"
        '<p><a href="/docs/openapi.json">openapi.json</a></p>' + "".join(parts) + "</body></html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    rows = [
        (
            f"{parameter['name']} <span class=dim>({parameter['in']})</span>",
            parameter.get("description") or "",
        )
        for parameter in operation.get("parameters", ())
    ]
    body = operation.get("requestBody")
    text = html.escape(operation.get("description") or operation.get("summary") or "")
    parts = [f"<p>{text}</p>", _table("Parameters", rows)]
    if body:
        parts.append(_fields("Body", next(iter(body["content"].values()))["schema"], document))
    for status, response in operation["responses"].items():
        content: dict[str, Any] = response.get("content") or {}
        schema: dict[str, Any] = next(
            (media["schema"] for media in content.values() if "schema" in media), {}
        )
        label = f"{status} {response.get('description', '')}"
        if status.startswith("2"):
            parts.append(_fields(label, schema, document))
        else:
            parts.append(f"<div class=dim>{html.escape(label)}</div>")
    return (
        f"<details><summary><b class={method}>{method.upper()}</b> <code>{html.escape(path)}</code></summary>"
        + "".join(parts)
        + "</details>"
    )


def _fields(label: str, schema: dict[str, Any], document: dict[str, Any]) -> str:
    found = _resolve(schema, document)
    required = set(found.get("required") or ())
    rows = [
        (
            f"{html.escape(name)}{'' if name in required else ' <span class=dim>optional</span>'}",
            _type(field, document),
        )
        for name, field in (found.get("properties") or {}).items()
    ]
    return _table(label, rows)


def _resolve(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "")
    if not name:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][name.rpartition("/")[2]]
    return found


def _type(schema: dict[str, Any], document: dict[str, Any]) -> str:
    if "$ref" in schema:
        resolved = _resolve(schema, document)
        if "enum" in resolved:
            return " | ".join(str(value) for value in resolved["enum"])
        return str(resolved.get("title") or schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "oneOf" in schema:
        return " or ".join(_type(part, document) for part in schema["oneOf"])
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}), document)}"
    return f"{kind} ({schema['format']})" if schema.get("format") else kind


def _table(label: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(f"<tr><td>{name}</td><td>{html.escape(text)}</td></tr>" for name, text in rows)
    return f"<div>{html.escape(label)}</div><table>{cells}</table>"


class PlainJson(JsonRenderPlugin):
    """The OpenAPI document as JSON."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Write it."""
        return msgspec.json.encode(openapi_schema)


def openapi_config(version: str) -> OpenAPIConfig:
    """What the OpenAPI document says of all routes, and where it is served."""
    return OpenAPIConfig(
        title="fillwright",
        version=version,
        description=" ".join(DESCRIPTION.split()),
        path="/docs",
        render_plugins=[Reference(), PlainJson()],
        use_handler_docstrings=True,
        security=[{"token": []}],
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer", description="Bearer token")
            }
        ),
    )
