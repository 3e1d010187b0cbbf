"""A bank of questions as people type it: a question, its choices under it ('-', the right one '*'), a blank line between."""

from __future__ import annotations

from haechi.core.errors import InvalidInput
from haechi.office.learning.courses import Question


def read_bank(text: str) -> list[Question]:
    """The questions, in their order. InvalidInput naming the question that cannot be read."""
    blocks = [block.strip() for block in text.replace("\r\n", "\n").split("\n\n") if block.strip()]
    return [_question(block) for block in blocks]


def _question(block: str) -> Question:
    lines = [line.strip() for line in block.split("\n") if line.strip()]
    asked = [line for line in lines if line[0] not in "-*"]
    choices = [line for line in lines if line[0] in "-*"]
    right = [n for n, line in enumerate(choices, 1) if line[0] == "*"]
    if not asked or len(right) != 1:
        raise InvalidInput(
            f"문항을 읽을 수 없습니다: {lines[0][:40]}",
            next_step="문항 아래에 보기를 ‘- ’로, 정답 하나를 ‘* ’로 적고, 문항 사이는 한 줄 비우세요.",
            record="questions",
        )
    return Question(" ".join(asked), tuple(line[1:].strip() for line in choices), right[0])
