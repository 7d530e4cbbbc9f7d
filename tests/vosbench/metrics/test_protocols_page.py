"""The page of protocols says what the code does."""

from __future__ import annotations

from tests.conftest import REPOSITORY
from vosbench.metrics import PROTOCOLS


def test_the_page_has_every_protocol_with_its_description() -> None:
    page = (REPOSITORY / "docs" / "protocols.md").read_text()
    sections = dict(part.split("\n\n", 1) for part in page.split("\n## ")[1:])
    assert list(sections) == [f"`{name}`" for name in PROTOCOLS]
    for name, protocol in PROTOCOLS.items():
        assert sections[f"`{name}`"].strip() == protocol.description
