"""A citizen's letter → a reply in the city's form: what is asked, and for each question sentences that stand in documents."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from haechi.engines.text.drafting.draft import Draft, Paragraph, Role, Sentence
from haechi.engines.text.drafting.form import Form
from haechi.engines.text.drafting.plan import Line, Plan

MOST_QUESTIONS = 6
LONGEST_QUESTION = 300
_SENTENCE = re.compile(r"[^.?!\n]+(?:[.?!]+|$|(?=\n))")
_ASKS = re.compile(
    r"\?|나요|까요|는지|은지|을지|인지|궁금|알려|문의|여쭤|언제|얼마|어디|어떻게|무엇|뭔가|몇\s|"
    r"(?:해|하여|어|아)\s?주(?:세요|십시오|시기|시면)|바랍니다|부탁|요청|원합니다|싶습니다"
)
_COURTESY = re.compile(r"^(?:안녕|수고|감사|고맙|잘 부탁|답변 (?:부탁|기다)|빠른 (?:답변|처리|회신))")
_MARKER = re.compile(r"\s*\[\d+\]")


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that a sentence of the reply rests on. quote: its exact words. where: page or article, or ""."""

    passage_id: str
    title: str
    where: str
    quote: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """One question of the letter. sentences: (text, what it rests on); empty when the documents do not say."""

    question: str
    sentences: tuple[tuple[str, tuple[Source, ...]], ...] = ()
    contact: Mapping[str, str] | None = None


def questions_of(letter: str) -> tuple[str, ...]:
    """What a letter asks, in its order, at most six; the beginning of the letter when no sentence asks anything."""
    found: list[str] = []
    for piece in _SENTENCE.findall(letter):
        sentence = " ".join(piece.split())
        if len(sentence) >= 6 and _ASKS.search(sentence) and not _COURTESY.search(sentence):
            found.append(sentence[:LONGEST_QUESTION])
    whole = " ".join(letter.split())[:LONGEST_QUESTION]
    return tuple(dict.fromkeys(found))[:MOST_QUESTIONS] or ((whole,) if whole else ())


def compose_reply(answered: Sequence[Answered], form: Form, *, bureau: str, receipt: str = "") -> tuple[Draft, Plan]:
    """The reply, and as its 'plan' everything it rests on, a line each: the letter's questions, the quoted passages, the
    registered contact. So the checks that prove a press release against its plan prove a reply as well."""
    writer = _Writer(form)
    meta = (("처리부서", bureau or form.to_fill), ("담당자", form.to_fill), ("접수번호", receipt or form.to_fill))
    writer.paragraphs.append(
        Paragraph(
            "p0",
            "meta",
            "meta",
            rows=meta,
            row_lines=((), (), writer.rests_on("담당자가 적음", f"접수번호 | {receipt}" if receipt else "")),
        )
    )
    title = form.phrases["title"].format(topic=_topic(answered[0].question))[: form.title["longest"]]
    first = writer.rests_on("받은 민원", answered[0].question)
    writer.say("p1", "title", "title", title, first)
    writer.say("p2", "greeting", "paragraph", form.phrases["greeting"])
    writer.say("p3", "gist", "heading", "민원의 요지")
    writer.say("p4", "gist", "paragraph", form.phrases["gist"])
    for number, one in enumerate(answered, 1):
        writer.say(f"p4-{number}", "gist", "item", one.question, writer.rests_on("받은 민원", one.question))
    writer.say("p5", "opinion", "heading", "검토 의견")
    for number, one in enumerate(answered, 1):
        writer.opinion(number, one)
    writer.say("p6", "contact", "heading", "문의하실 곳")
    writer.contact(next((one.contact for one in answered if one.contact and one.contact.get("phone")), None))
    draft = Draft(
        kind="reply", title=title, form=form.id, in_force=str(form.in_force), label=form.label,
        paragraphs=tuple(writer.paragraphs), warnings=tuple(writer.warnings),
    )  # fmt: skip
    return draft, Plan(title, tuple(writer.lines), parts=(title,))


class _Writer:
    """Collects the reply's paragraphs and the lines that they rest on."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self.lines: list[Line] = []
        self.paragraphs: list[Paragraph] = []
        self.warnings: list[str] = []

    def rests_on(self, place: str, text: str, page: int | None = None) -> tuple[int, ...]:
        """The number of a new line that says `text` at `place`; () for no text."""
        if not text:
            return ()
        number = len(self.lines)
        self.lines.append(Line(number, "text", text, text, locator=place, page=page, passage=number))
        return (number,)

    def say(self, id: str, section: str, role: Role, text: str, lines: tuple[int, ...] = ()) -> None:
        """A paragraph of the form's words, or of the letter's when it rests on lines."""
        self.paragraphs.append(Paragraph(id, section, role, (Sentence(text, lines, "form"),)))

    def opinion(self, number: int, one: Answered) -> None:
        """One question and what the documents say to it."""
        self.say(f"o{number}", "opinion", "top_item", one.question, self.rests_on("받은 민원", one.question))
        if not one.sentences:
            self.say(f"o{number}-x", "opinion", "to_fill", f"{self._form.phrases['unknown']} {self._form.missing}")
            self.warnings.append(f"답을 찾지 못한 물음: {one.question}")
            return
        said = tuple(
            Sentence(
                _MARKER.sub("", text).strip(), tuple(n for source in sources for n in self._source(source)), "rule"
            )
            for text, sources in one.sentences
        )
        self.paragraphs.append(Paragraph(f"o{number}-a", "opinion", "paragraph", said))
        places = dict.fromkeys((source.title, source.where) for _, group in one.sentences for source in group)
        for at, (title, where) in enumerate(places):
            text = self._form.phrases["grounds"].format(title=title, where=f" {where}" if where else "")
            self.say(
                f"o{number}-g{at}", "opinion", "note", text, self.rests_on("문서의 제목과 자리", f"{title} {where}")
            )

    def contact(self, contact: Mapping[str, Any] | None) -> None:
        """Whom to ask, as the register of the documents has it."""
        if contact is None:
            self.say("p7", "contact", "paragraph", self._form.phrases["closing_unknown"])
            return
        name = f" {contact['name']}" if contact.get("name") else ""
        text = self._form.phrases["closing"].format(bureau=contact.get("bureau", ""), name=name, phone=contact["phone"])
        self.say("p7", "contact", "paragraph", text, self.rests_on("문서의 담당자", f"{name} {contact['phone']}"))

    def _source(self, source: Source) -> tuple[int, ...]:
        """The quote, and the title and place: a sentence may say both ("「…」에 따르면", "제7조")."""
        place = f"{source.title} {source.where}".strip()
        return (*self.rests_on(place, source.quote, source.page), *self.rests_on("문서의 제목과 자리", place))


def _topic(question: str) -> str:
    """The first words of the first question, cut at a blank: a title that the official will shorten."""
    words = question.rstrip("?.! ").split()
    topic = ""
    for word in words:
        if len(topic) + len(word) > 30:
            break
        topic = f"{topic} {word}".strip()
    return f"‘{topic}’"
