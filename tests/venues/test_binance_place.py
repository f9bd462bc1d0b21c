"""What accounts at one place have in common."""

from __future__ import annotations

from pathlib import Path

from fillwright.binance.endpoints import TESTNET
from fillwright.venues.binance_place import BinancePlace
from tests.binance.live_box import ed25519_signer, hmac_signer
from tests.warp import WarpClock, warped


def test_its_accounts_share_clock_and_budget_and_nothing_else(tmp_path: Path) -> None:
    async def story() -> None:
        place = BinancePlace(TESTNET, ban_file=tmp_path / "ban")
        one = place.venue("one", ed25519_signer(), WarpClock())
        two = place.venue("two", hmac_signer(), WarpClock())
        assert (one.account_id, two.account_id) == ("one", "two")
        assert one.account.budget is two.account.budget is place.budget
        assert one.account.now == two.account.now == place.clock_sync.now
        assert one.account.signer is not two.account.signer

    warped(story())


def test_a_rest_session_without_a_key_is_nobodys() -> None:
    async def story() -> None:
        assert BinancePlace(TESTNET).rest(None).account_id == ""

    warped(story())
