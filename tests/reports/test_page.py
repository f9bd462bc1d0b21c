from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from fillwright.reports.data import gather
from fillwright.reports.page import LIBRARY, SCRIPTS, render, static
from tests.reports.sample import ACCOUNT, MemoryModel, candles, run_info
from tests.reports.test_data import model


def page() -> str:
    return render(gather(model(), ACCOUNT, run_info(days=7), (candles(days=7),)))


def without_library(text: str) -> str:
    return text.replace(static(LIBRARY), "")


def test_the_page_asks_nothing_of_any_network() -> None:
    text = page()
    assert "default-src 'none'" in text
    assert not re.search(r"<(link|script|img|iframe)[^>]+(src|href)=[\"'](?!data:)", text)
    assert not re.search(r"@import|url\(", without_library(text))
    assert set(re.findall(r"https?://[^\s\"'<>)]+", without_library(text))) == {
        "http://www.w3.org/2000/svg",
        "https://www.tradingview.com/",
    }
    assert "fetch(" not in text.replace("prefetch(", "")
    assert "XMLHttpRequest" not in text


def test_every_place_of_the_template_is_filled() -> None:
    text = without_library(page())
    assert not re.search(
        r"\$(title|style|badges|hero|notes|tiles|curve_hint|panels|about|data|library|script)\b", text
    )


def test_scripts_end_where_they_should() -> None:
    text = page()
    assert text.count("<script") == text.count("</script>") == 4
    assert all("</script" not in static(name) for name in (*SCRIPTS, LIBRARY))


def test_elements_that_the_script_looks_for_are_there() -> None:
    text = page()
    names = {name for script in SCRIPTS for name in re.findall(r'byId\("([a-z-]+)"\)', static(script))}
    assert len(names) > 15
    assert [name for name in sorted(names) if f'id="{name}"' not in text] == []


def test_colours_of_the_script_are_in_the_styles() -> None:
    names = {name for script in SCRIPTS for name in re.findall(r'colour\("([a-z-]+)"\)', static(script))}
    styles = static("report.css")
    for name in names:
        values = re.findall(rf"--{name}: ([^;]+);", styles)
        assert len(values) == 3
        assert all(re.fullmatch(r"#[0-9a-f]{6}", value) for value in values), name


def test_the_data_can_be_read_back() -> None:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page(), re.S)
    assert found is not None
    assert json.loads(found[1])["candles"][0]["symbol"] == "BTCUSDT"


def test_the_same_run_gives_the_same_page() -> None:
    assert page() == page()


def test_an_empty_run_has_a_page() -> None:
    text = render(gather(MemoryModel(), ACCOUNT, run_info(days=1)))
    assert "0.00" in text


def test_the_library_carries_its_licence() -> None:
    assert "Licensed under Apache License 2.0" in static(LIBRARY)[:400]
    assert "TradingView" in static("THIRD_PARTY.txt")
    assert "Apache License" in static("lightweight-charts.LICENSE")
    assert "TradingView Lightweight Charts" in page()


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node here to read the scripts with")
def test_scripts_are_valid() -> None:
    source = "\n".join(static(name) for name in SCRIPTS)
    result = subprocess.run(
        ["node", "--check", "-"], input=source, capture_output=True, text=True, check=False
    )
    assert result.stderr == ""
