"""The pictures of the documentation are those of the present code."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from docs import pictures
from tests.docs.pages import PAGES, links


async def test_a_fresh_picture_says_the_same_words() -> None:
    stale = {}
    for name, picture in (await pictures.take_all()).items():
        kept = (pictures.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        now, then = pictures.words_of(picture), pictures.words_of(kept)
        if now != then:
            stale[name] = f"shows {sorted({*now} - {*then})}, no longer {sorted({*then} - {*now})}"
    assert stale == {}, "`make pictures`, and look at them"


def test_every_picture_can_be_drawn_and_is_shown() -> None:
    files = sorted(pictures.FOLDER.iterdir())
    assert [file.stem for file in files] == sorted(pictures.PICTURES)
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert set(files) <= shown
    for file in files:
        assert ElementTree.parse(file).getroot().tag.endswith("svg")
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"127\.0\.0\.1|/tmp/|/home/|/root", text), f"{file.name} shows nobody's machine"
