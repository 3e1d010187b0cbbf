"""A city connects its own model by URL: pieces stream in, and every trouble becomes one clear Korean sentence."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from haechi.core.errors import InvalidInput, Unavailable
from haechi.engines.models.openai_compatible import OpenAICompatible

SECRET = "열쇠-never-shown-1234".encode().hex()
ASK = [{"role": "user", "content": "주차 요금은?"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    port_file = tmp_path_factory.mktemp("model") / "port"
    process = subprocess.Popen([sys.executable, str(Path(__file__).parent / "scripted_model.py"), str(port_file)])
    for _ in range(200):
        if port_file.exists() and port_file.read_text():
            break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port_file.read_text()}/v1"
    process.terminate()
    process.wait(10)


def model(url, behaviour, **options):
    return OpenAICompatible(url, behaviour, SECRET, **options)


def test_the_answer_arrives_in_pieces_that_join_to_the_whole(server):
    with_text = model(server, "obey:승용차 30분은 1,200원입니다. [1]")
    pieces = list(with_text.chat(ASK))
    with_text.close()
    assert len(pieces) > 3
    assert "".join(pieces) == "승용차 30분은 1,200원입니다. [1]"


@pytest.mark.parametrize(
    ("behaviour", "said", "options"),
    [
        ("refuse", "키를", {}),
        ("slow", "제때", {"between": 0.5}),
        ("broken", "읽을 수 없습니다", {}),
        ("hang-up:가나다라", "끊겼습니다", {}),
        ("trickle:" + "가나다" * 20, "안에 끝나지", {"whole": 0.7}),
    ],
)
def test_trouble_is_named_and_the_key_is_not(server, behaviour, said, options):
    troubled = model(server, behaviour, **options)
    with pytest.raises(Unavailable) as caught:
        list(troubled.chat(ASK))
    troubled.close()
    assert said in caught.value.message
    assert "haechi doctor" in caught.value.next_step
    assert SECRET not in f"{caught.value} {caught.value!r} {troubled!r} {caught.value.__cause__!r}"


def test_a_server_that_is_not_there_is_unavailable():
    nobody = model("http://127.0.0.1:9/v1", "x", connect=0.5)
    with pytest.raises(Unavailable):
        list(nobody.chat(ASK))
    nobody.close()


def test_an_address_without_a_scheme_is_refused_at_once():
    with pytest.raises(InvalidInput, match="http"):
        OpenAICompatible("model.seoul:8000", "x")
