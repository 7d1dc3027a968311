"""Files that go along with a prompt: text between lines that name it, images beside it, anything else refused."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tui.chat.attachments import NotAttachable, WrittenPrompt, read_attachment
from tui.routing.size import TOKENS_OF_IMAGE, tokens_at_most

IMAGES = {
    "image/png": b"\x89PNG\r\n\x1a\n...",
    "image/jpeg": b"\xff\xd8\xff\xe0...",
    "image/gif": b"GIF89a...",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
}


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("media_type", IMAGES)
def test_an_image_is_known_by_what_it_holds_whatever_it_is_called(tmp_path: Path, media_type: str) -> None:
    attached = read_attachment(written(tmp_path / "x.txt", IMAGES[media_type]))
    assert attached.image is not None
    assert attached.image.media_type == media_type
    assert base64.b64decode(attached.image.data) == IMAGES[media_type]
    assert (attached.text, attached.tokens) == ("", TOKENS_OF_IMAGE)


def test_text_stands_between_lines_that_name_it_and_is_counted(tmp_path: Path) -> None:
    notes = read_attachment(written(tmp_path / "no\ttes\x1b.md", b"\xef\xbb\xbfwhales sing"))
    assert notes.text == "--- no␉tes␛.md ---\nwhales sing\n--- end of no␉tes␛.md ---"
    image = read_attachment(written(tmp_path / "a.png", IMAGES["image/png"]))
    prompt = WrittenPrompt("What sings?", (notes, image))
    assert prompt.text == f"What sings?\n\n{notes.text}"
    assert prompt.said("Be brief.") == f"Be brief.\n\nWhat sings?\n\n{notes.text}\n\n[image a.png, 11 bytes]"
    assert [one.name for one in prompt.images] == ["a.png"]
    assert prompt.tokens_at_most("Be brief.") >= tokens_at_most(f"Be brief.\n\n{prompt.text}") + TOKENS_OF_IMAGE


def test_what_is_neither_is_refused_and_what_is_too_large(tmp_path: Path) -> None:
    cases = {
        b"%PDF-1.7\n\0": "neither a text file",
        b"caf\xe9": "neither a text file",
        b"x" * 3_000_000: "more than 2 MB",
    }
    for data, words in cases.items():
        with pytest.raises(NotAttachable, match=words):
            read_attachment(written(tmp_path / "file", data), largest=2 * 1024 * 1024)
    with pytest.raises(NotAttachable, match="missing cannot be read: no such file"):
        read_attachment(tmp_path / "missing")
    with pytest.raises(NotAttachable, match="cannot be read: is a directory"):
        read_attachment(tmp_path)


def test_an_image_alone_is_no_empty_prompt(tmp_path: Path) -> None:
    image = read_attachment(written(tmp_path / "a.png", IMAGES["image/png"]))
    assert not WrittenPrompt("", (image,)).is_empty
    assert WrittenPrompt(" \n").is_empty
