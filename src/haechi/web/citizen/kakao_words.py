"""Events of a turn as a Kakao skill response, version 2.0. Pure.

Limits of the format as its guide states them: 3 outputs, 1,000 characters of simpleText, 10 quickReplies with labels of 14,
5 items of a listCard. What does not fit is cut and says so; nothing is dropped silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

OUTPUTS, TEXT, REPLIES, LABEL, ITEMS, ITEM_TITLE = 3, 1000, 10, 14, 5, 36
CUT = "… (길어서 줄였습니다. 120이나 누리집에서 전체를 볼 수 있습니다.)"
Event = Mapping[str, Any]


def answer(events: Iterable[Event], photo_link: str = "") -> dict[str, Any]:
    """The whole response. photo_link: where a photo that is being asked for can be sent."""
    told = _Told(photo_link)
    for event in events:
        told.hear(event)
    return response(told.outputs(), told.replies)


def response(outputs: Sequence[Mapping[str, Any]], replies: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """Version 2.0 with outputs and (label, message) quick replies."""
    template: dict[str, Any] = {"outputs": list(outputs)[:OUTPUTS]}
    if replies:
        template["quickReplies"] = [
            {"label": _short(label, LABEL), "action": "message", "messageText": message}
            for label, message in list(replies)[:REPLIES]
        ]
    return {"version": "2.0", "template": template}


def text(words: str) -> dict[str, Any]:
    """One simpleText."""
    return {"simpleText": {"text": _short(words, TEXT, CUT)}}


def later(words: str) -> dict[str, Any]:
    """The answer comes to the callbackUrl."""
    return {"version": "2.0", "useCallback": True, "data": {"text": words}}


class _Told:
    def __init__(self, photo_link: str) -> None:
        self.words: list[str] = []
        self.cards: list[dict[str, Any]] = []
        self.replies: list[tuple[str, str]] = []
        self._link = photo_link
        self._answer: list[str] = []
        self._sources: list[str] = []

    def hear(self, event: Event) -> None:
        hear = getattr(self, f"_{event.get('event', '')}", None)
        if hear is not None:
            hear(event)

    def outputs(self) -> list[dict[str, Any]]:
        room = OUTPUTS - min(len(self.cards), 2)
        joined = "\n\n".join(filter(None, self.words)) or (
            "" if self.cards else "답을 만들지 못했습니다. 다시 말씀해 주세요."
        )
        return [text(part) for part in _parts(joined, room)] + self.cards[:2]

    def _say(self, event: Event) -> None:
        links = [f"{label}: {address}" for label, address in event.get("links") or ()]
        self.words.append("\n".join([event["text"], *links]))

    def _emergency(self, event: Event) -> None:
        self.words.insert(0, f"지금 {event['phone']}에 전화하세요.\n{event['text']}")

    def _choices(self, event: Event) -> None:
        options = [str(option["label"]) for option in event["options"]]
        many = len(options) > REPLIES
        lines = [f"{number}. {label}" for number, label in enumerate(options, 1)] if many else []
        self.words.append("\n".join([event["question"], *lines]))
        self.replies += [(label, label) for label in options]

    def _ask_field(self, event: Event) -> None:
        field = event["field"]
        lines = [
            event.get("problem") or "",
            f"({event['number']}/{event['of']}) {field['label']}",
            field.get("help") or "",
        ]
        if field["kind"] == "photo" and self._link:
            lines.append(f"사진은 이 주소에서 한 번 보낼 수 있습니다. 보낸 뒤 '사진 보냄'이라고 하세요.\n{self._link}")
            self.replies.append(("사진 보냄", "사진 보냄"))
        if field["kind"] == "choice":
            self.replies += [(str(one["label"]), str(one["label"])) for one in field["choices"]]
        if field["kind"] == "consent":
            self.replies += [("동의합니다", "동의합니다"), ("동의하지 않습니다", "동의하지 않습니다")]
        if not field["required"] and field["kind"] != "consent":
            self.replies.append(("없음", "없음"))
        self.replies.append(("취소", "취소"))
        self.words.append("\n".join(filter(None, lines)))

    def _card(self, event: Event) -> None:
        label = " · 예시 자료" if event["sample"] else ""
        items = [_item(item) for item in event["items"][:ITEMS]]
        if not items:
            self.words.append(f"{event['title']}{label}: 해당하는 것이 없습니다.")
            return
        self.cards.append(
            {"listCard": {"header": {"title": _short(event["title"] + label, 30)}, "items": items}}
            if len(items) > 1
            else {"basicCard": {"title": _short(event["title"] + label, 50), "description": _item_words(items[0])}}
        )
        self.words.append(f"{event['title']}{label}\n출처: {event['source']} · 기준: {str(event['as_of'])[:16]}")

    def _delta(self, event: Event) -> None:
        self._answer.append(event["text"])

    def _citation(self, event: Event) -> None:
        self._sources.append(" ".join(filter(None, (event.get("title"), event.get("locator")))))

    def _answer_done(self, event: Event) -> None:
        words = "".join(self._answer).strip() if event.get("answered") else ""
        sources = [f"근거: {', '.join(dict.fromkeys(self._sources))}"] if self._sources and words else []
        self.words.append("\n".join([words or event.get("text") or "모름", *sources]))
        if event.get("ai_label"):
            self.words.append(event["ai_label"])

    def _handed_off(self, event: Event) -> None:
        when = "상담사가 이어서 답합니다." if event["open"] else "지금은 상담 시간이 아닙니다. 열리는 대로 답합니다."
        self.words.append(f"{event['office']}(으)로 넘겼습니다. {when} '이어서'라고 보내면 답이 왔는지 봅니다.")
        self.replies.append(("이어서", "이어서"))

    def _error(self, event: Event) -> None:
        self.words.append(f"{event['message']} {event.get('next_step', '')}".strip())
        self.replies.append(("상담사 연결", "상담사 연결"))


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "title": _short(str(item.get("title", "")), ITEM_TITLE),
        "description": _short(str(item.get("text", "")), ITEM_TITLE),
    }
    link = str(item.get("link") or "")
    return found | ({"link": {"web": link}} if link.startswith(("https://", "http://")) else {})


def _item_words(item: Mapping[str, Any]) -> str:
    return _short(f"{item['title']}\n{item['description']}", 230)


def _parts(words: str, room: int) -> list[str]:
    """Cut at lines into at most `room` texts of at most 1,000 characters."""
    parts: list[str] = []
    for line in words.split("\n"):
        if parts and len(parts[-1]) + 1 + len(line) <= TEXT:
            parts[-1] += "\n" + line
        else:
            parts.append(line)
    parts = [part.strip("\n") for part in parts if part.strip()]
    if len(parts) > room:
        parts = [*parts[: room - 1], _short(parts[room - 1], TEXT - len(CUT)) + CUT]
    return parts


def _short(words: str, most: int, mark: str = "…") -> str:
    return words if len(words) <= most else words[: most - len(mark)].rstrip() + mark
