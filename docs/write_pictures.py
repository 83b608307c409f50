"""`make pictures`: write the pictures of the pages that README.md shows, of what is published.

They are meant to be of the sample data, so after `make run` in a fresh checkout. Needs Chromium.
"""

from pathlib import Path

import duckdb
from dagster_browser import a_browser
from pages_server import serving
from PIL import Image

from orchestration.base.settings import Settings

PICTURES = Path(__file__).parent / "pictures"
SIZE = {"width": 1200, "height": 780}
COLOURS = 224  # as many as it takes for coloured letters to keep their colour
# Whom to call first: the greatest account that is in a bad way.
ACCOUNT = """
    select account_id from health.account_health
    where overall_state = 'poor'
    order by mrr desc nulls last, account_id
    limit 1
"""


def main() -> None:
    settings = Settings.from_environment()
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        [(account,)] = connection.execute(ACCOUNT).fetchall()
    pages = {"pages_accounts": "/?sort=score", "pages_account": f"/accounts/{account}"}
    with serving(settings) as address, a_browser() as browser:
        tab = browser.new_page(viewport=SIZE)
        for name, path in pages.items():
            tab.goto(address + path)
            file = PICTURES / f"{name}.png"
            tab.screenshot(path=str(file))
            with Image.open(file) as picture:
                picture.convert("RGB").quantize(COLOURS).save(file, optimize=True)


if __name__ == "__main__":
    main()
