"""Take the README's screenshots of the saturation explorer, light and dark: `make screenshots` (needs Chromium)."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "browser"))

from lab import open_browser  # noqa: E402 found by the path set above
from page import Shown  # noqa: E402 found by the path set above
from stub import serving, write_pages  # noqa: E402 found by the path set above


def main(folder: Path) -> None:
    """Set the explorer to where tanh saturates and its gradient explodes, and photograph it in both themes."""
    write_pages(folder)
    with serving(folder) as address, sync_playwright() as playwright:
        browser = open_browser(playwright)
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": 860, "height": 620}, color_scheme=scheme, device_scale_factor=1.5
            )
            page.goto(f"{address}/Saturation.html")
            page.wait_for_selector("canvas[aria-label]")
            shown = Shown(page, "Saturation")
            shown.press("weight_scale", "ArrowRight", 3)  # of the few scales that this table has
            shown.settled(weight_scale=4.0)
            shown.root.screenshot(path=HERE / f"explorer-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        main(Path(name))
