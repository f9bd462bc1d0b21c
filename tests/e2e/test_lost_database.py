"""A database that is lost: a new one, told the old tag, knows the positions again, and doubles nothing."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

from tests.e2e.stops import SYMBOLS, Loaded, loaded, until

D = Decimal
HELD = 3


def lose(world: Loaded, tag: str) -> None:
    """The data folder is gone; the settings name the tag of its orders, if there is one."""
    service = world.service
    service.kill()
    shutil.rmtree(service.data)
    settings = (service.folder / "fillwright.toml").read_text()
    if tag:
        settings = settings.replace("[testnet]\n", f'[testnet]\nold_tag = "{tag}"\n')
    (service.folder / "fillwright.toml").write_text(settings)
    service.start()
    service.wait_ready()


def test_the_positions_of_a_lost_database_are_known_again_by_its_tag(tmp_path: Path) -> None:
    with loaded(tmp_path) as world:
        service = world.service
        world.prices()
        held = world.signals([(symbol, None) for symbol in SYMBOLS[:HELD]])
        world.held = held
        until(world.is_protected, "protected positions")
        (working,) = world.signals([(SYMBOLS[HELD], D(59_000))])
        until(world.working, "an entry that works")
        mine = world.others_order(SYMBOLS[0])
        before = {number: service.got(f"/api/positions/{number}") for number in held}
        orders = {one["clientOrderId"] for one in world.open_orders()}
        balances = world.balances()
        tag = world.stops()[0].split("_")[1]

        lose(world, tag)
        assert {one["clientOrderId"] for one in world.open_orders()} == orders, (
            "nothing was touched or doubled"
        )
        assert world.balances() == balances
        for number, old in before.items():
            new = service.got(f"/api/positions/{number}")
            same = (
                "symbol",
                "quantity",
                "cost",
                "entry_price",
                "stop_loss",
                "take_profit",
                "stop_loss_order_id",
            )
            assert {name: new[name] for name in same} == {name: old[name] for name in same}
            assert (new["status"], new["trader_id"]) == ("open", "recovered")
        assert service.got(f"/api/positions/{working}")["status"] == "submitting"
        status = service.got("/api/status")
        assert (status["unprotected"], status["in_doubt"]) == ([], [])
        assert mine in world.others()

        world.prices()
        (fresh,) = world.signals([(SYMBOLS[HELD + 1], None)])
        assert fresh > working
        world.held = [*held, fresh]
        until(world.is_protected, "the new one, too")
        assert world.stops()[0].split("_")[1] == tag
        for number in world.held:
            assert service.ask("POST", f"/api/positions/{number}/close", {"reason": "drill"})[0] == 200
        until(lambda: not world.stops(), "closed")
        for number in held:
            until(lambda n=number: service.got(f"/api/trades/{n}")["status"] == "Closed", "a closed trade")
        assert world.box.admin.get("/audit")["problems"] == []
        service.kill()
        service.start()
        service.wait_ready()
        assert service.got("/api/positions?status=open")["positions"][0]["id"] == working


def test_without_the_tag_another_installations_orders_are_left_alone(tmp_path: Path) -> None:
    """Two installations on one account, one after the other: what the first one holds keeps its stops."""
    with loaded(tmp_path) as world:
        world.prices()
        world.held = world.signals([(symbol, None) for symbol in SYMBOLS[:HELD]])
        until(world.is_protected, "protected positions")
        orders = {one["clientOrderId"] for one in world.open_orders()}
        lose(world, "")
        assert world.service.got("/api/status")["positions_open"] == 0
        assert {one["clientOrderId"] for one in world.open_orders()} == orders
        answer, _ = world.stop(flatten=True)
        assert (answer["cancelled_orders"], answer["sold"]) == ([], [])
        assert {one["clientOrderId"] for one in world.open_orders()} == orders
