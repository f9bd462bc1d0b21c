"""An admin door without a network, for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from fillwright.exchange.server.admin import AdminDoor
from fillwright.exchange.server.box import Box
from tests.exchange.server.boxes import frozen_box

TOKEN = "the-admin-token"


class Door:
    """Asks, and gives back status and content."""

    def __init__(self, box: Box | None = None) -> None:
        self.box = box or frozen_box()
        self._door = AdminDoor(self.box, TOKEN)

    def ask(
        self, method: str, path: str, body: bytes = b"", token: str = TOKEN, ip: str = "127.0.0.1"
    ) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        reply = self._door.serve(method, f"/admin{path}", headers, body, ip)
        return reply.status, msgspec.json.decode(reply.body)

    def get(self, path: str) -> Any:
        status, content = self.ask("GET", path)
        assert status == 200, content
        return content

    def post(self, path: str, **wish: Any) -> Any:
        status, content = self.ask("POST", path, msgspec.json.encode(wish))
        assert status == 200, content
        return content

    def refused(self, path: str, **wish: Any) -> str:
        status, content = self.ask("POST", path, msgspec.json.encode(wish))
        assert status == 400, content
        return str(content["error"])
