from __future__ import annotations

import pytest

from fillwright.api.address import PortInUseError, bind, url_of


def test_a_port_in_use_is_one_clear_error() -> None:
    first = bind("127.0.0.1", 0)
    try:
        port = first.getsockname()[1]
        with pytest.raises(PortInUseError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .+another port"):
            bind("127.0.0.1", port)
    finally:
        first.close()
    again = bind("127.0.0.1", port)  # at once, although the port was used a moment ago
    assert url_of(again) == f"http://127.0.0.1:{port}"
    again.close()
    with pytest.raises(PortInUseError, match="no address"):
        bind("no.such.name.invalid", 0)
