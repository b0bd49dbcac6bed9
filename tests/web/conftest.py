"""A switch whose rows the test writes, its page, and a browser for all tests of a worker."""

from collections.abc import Iterator

import pytest

from tests.demo.conftest import Switch, switch
from tests.web.browser import PROGRAM, Browser
from tests.web.serving import Page, page, write_scope

__all__ = ["switch"]


@pytest.fixture(scope="session")
def running_browser() -> Iterator[Browser]:
    if PROGRAM is None:
        pytest.skip("no Chromium is installed (Debian's package is chromium)")
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(running_browser: Browser) -> Iterator[Browser]:
    """A browser in which nothing may go wrong, and that may ask only the page's own server."""
    running_browser.look(1400, 900)
    running_browser.open("about:blank")
    running_browser.errors.clear()
    running_browser.requests.clear()
    yield running_browser
    assert running_browser.errors == []
    assert [url for url in running_browser.requests if not url.startswith(("http://127.0.0.1:", "about:"))] == []


@pytest.fixture
def shown(switch: Switch) -> Iterator[Page]:
    """The page of a switch with one scope that is active."""
    write_scope(switch)
    with page(*switch.options) as served:
        yield served
