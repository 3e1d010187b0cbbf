"""Characters in pictures, by tesseract with its Korean data, when it is installed."""

from __future__ import annotations

import functools
import io
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from haechi.engines.knowledge.ingest.limits import Budget

if TYPE_CHECKING:
    from PIL.Image import Image

INSTALL = "apt-get install tesseract-ocr tesseract-ocr-kor"


@functools.cache
def missing() -> str:
    """ "" when Korean recognition works here, else the words that say what to install."""
    program = shutil.which("tesseract")
    if program is None:
        return f"missing: {INSTALL}"
    listed = subprocess.run([program, "--list-langs"], capture_output=True, text=True, timeout=20, check=False)
    return "" if "kor" in listed.stdout.split() else f"missing: {INSTALL}"


def recognise(image: Image, budget: Budget) -> str:
    """The text of a page image. One thread; a page that takes too long is left without text."""
    picture = io.BytesIO()
    image.save(picture, "PNG")
    try:
        done = subprocess.run(
            ["tesseract", "stdin", "stdout", "-l", "kor", "--psm", "6"],
            input=picture.getvalue(),
            capture_output=True,
            timeout=max(1.0, min(60.0, budget.left)),
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        budget.check()
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
