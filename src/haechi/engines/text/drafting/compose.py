"""A plan poured into the city's form: 보도자료 in sentences, 보고서 in □ ○ - notes. No model; the plan's facts only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from haechi.engines.text.drafting.draft import Draft, Paragraph, Role, Sentence
from haechi.engines.text.drafting.fields import Fields, fields_of, meanings
from haechi.engines.text.drafting.form import Form, Section, Vocabulary
from haechi.engines.text.drafting.plan import HEADING, NOTE, PROSE, TOP_ITEM, Korean, Line, Plan, PlanTable
from haechi.engines.text.drafting.verify import conflicts, keep_proved, proved_or_plain
from haechi.engines.text.drafting.wording import public_form, to_note, to_sentence, with_particle

_LISTED = 200
"""So many unused lines are listed by their words; the warning counts all."""
_TRUNCATED_TITLE = " 추진"
_MONEY_WORDS = ("예산", "사업비", "투입", "들여", "원을 지원")


@dataclass
class _Desk:
    """What composing one draft needs, and the paragraphs written so far."""

    plan: Plan
    form: Form
    vocabulary: Vocabulary
    korean: Korean
    agency: str
    fields: Fields
    paragraphs: list[Paragraph] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def add(self, section: str, role: Role, *sentences: Sentence) -> None:
        """Append a paragraph; empty ones are not written."""
        if sentences:
            self.paragraphs.append(Paragraph(f"p{len(self.paragraphs) + 1}", section, role, tuple(sentences)))

    def join(self, section: str, role: Role, sentence: Sentence) -> bool:
        """Append to the last paragraph when it is of this section and role; whether it was."""
        last = self.paragraphs[-1] if self.paragraphs else None
        if last is None or (last.section, last.role) != (section, role) or not last.sentences:
            return False
        said = (*last.sentences[:-1], _ended(last.sentences[-1]), sentence)
        self.paragraphs[-1] = replace(last, sentences=said)
        return True

    def add_rows(
        self, section: str, role: Role, rows: Sequence[Sequence[str]], lines: Sequence[Sequence[int]], *, headed: bool
    ) -> None:
        """Append a table."""
        self.paragraphs.append(
            Paragraph(
                f"p{len(self.paragraphs) + 1}",
                section,
                role,
                rows=tuple(tuple(row) for row in rows),
                row_lines=tuple(tuple(one) for one in lines),
                headed=headed,
            )
        )

    def form_words(self, text: str) -> Sentence:
        """Words of the form itself."""
        return Sentence(text, (), "form")


def compose(plan: Plan, form: Form, vocabulary: Vocabulary, korean: Korean, *, agency: str) -> Draft:
    """The draft of `form.id` ("press_release" or "report") from one plan; agency: who issues it, e.g. "해치시".

    Every sentence names its lines; figures that could not be proved are taken out and listed.
    """
    desk = _Desk(plan, form, vocabulary, korean, agency, fields_of(plan, vocabulary))
    title = _head(desk)
    if form.id == "press_release":
        _subtitle(desk)
        _lead(desk)
    for section in form.sections:
        if section.heading:
            _section(desk, section)
    unused = _unused(desk)
    desk.left_out += [("쓸 자리를 찾지 못함", line.text) for line in unused[:_LISTED]]
    draft = Draft(
        kind=form.id,
        title=title,
        form=form.id,
        in_force=form.in_force.isoformat(),
        label=form.label,
        paragraphs=tuple(desk.paragraphs),
        left_out=tuple(desk.left_out),
        warnings=tuple(_warnings(desk, len(unused))),
    )
    return keep_proved(draft, plan, korean)


def _unused(desk: _Desk) -> list[Line]:
    """Lines of prose and lists that no section took; the annexes are counted by themselves."""
    taken = {line for one in desk.paragraphs for _, lines, _ in one.claims() for line in lines}
    taken |= desk.used | desk.fields.spoken
    return [
        line
        for line in desk.plan.lines
        if line.kind == "text" and line.body and line.number not in taken and line.number > desk.plan.title_line
    ]


def _warnings(desk: _Desk, unused: int) -> Iterable[str]:
    closed = [line for line in desk.plan.lines if any(word in line.text for word in desk.form.caution)]
    if closed:
        yield f"밖에 내면 안 되는 문서일 수 있습니다. 공개해도 되는지 먼저 확인하세요: “{closed[0].text[:80]}”"
    if len(desk.plan.parts) > 1:
        names = ", ".join(f"{at + 1}. {title}" for at, title in enumerate(desk.plan.parts))
        yield f"파일에 사업이 {len(desk.plan.parts)}건 있어 {desk.plan.part + 1}번째로 썼습니다: {names}"
    for one in conflicts(desk.plan, desk.korean, leave=desk.fields.spoken):
        yield f"계획서의 숫자가 서로 다릅니다. 확인하세요: {one.subject} {one.first[0]} ↔ {one.second[0]}"
    if unused:
        yield f"계획서의 {unused:,}줄은 서식에서 쓸 자리를 찾지 못했습니다. 빠진 내용이 없는지 확인하세요."
    annex = sum(desk.plan.line(number).kind == "text" for number in desk.fields.spoken)
    if annex:
        yield f"참고자료·붙임 {annex:,}줄은 초안에 쓰지 않았습니다."


# --- head ------------------------------------------------------------------------------------------------------------


def _head(desk: _Desk) -> str:
    form, plan = desk.form, desk.plan
    rows, lines = [], []
    for name in form.meta:
        value, sources = _meta(desk, name)
        rows.append((name, value))
        lines.append(sources)
    desk.add_rows("meta", "meta", rows, lines, headed=False)
    named = plan.title and plan.title_line >= 0
    text = form.phrases["title"].format(agency=desk.agency, title=plan.title) if plan.title else form.missing
    sources = (plan.title_line,) if named else ()
    desk.add("title", "title", Sentence(text, sources, "rule" if plan.title else "form"))
    return text


def _meta(desk: _Desk, name: str) -> tuple[str, tuple[int, ...]]:
    contacts, bureau = desk.fields.contacts, desk.fields.bureau
    if name == "기관":
        return desk.agency, ()
    if name == "담당부서" and (bureau or contacts):
        department = next((one for one in contacts if one.department), None)
        words = [bureau[0]] if bureau else []
        words += [department.department] if department and department.department not in words else []
        sources = ([bureau[1]] if bureau else []) + ([department.line] if department else [])
        return " ".join(words) or desk.form.to_fill, tuple(dict.fromkeys(sources))
    if name == "담당자" and contacts:
        said = " / ".join(_person(one.role, one.name, one.phone) for one in contacts)
        return said, tuple(dict.fromkeys(one.line for one in contacts))
    return desk.form.to_fill, ()


def _person(role: str, name: str, phone: str) -> str:
    return " ".join(part for part in (role, name, f"☎{phone}" if phone else "") if part)


def _subtitle(desk: _Desk) -> None:
    longest, wanted = desk.form.subtitle.get("longest", 60), desk.form.subtitle.get("lines", 2)
    spoken = [
        *desk.fields.of("intro"),
        *desk.fields.of("goal"),
        *desk.fields.of("background"),
        *desk.fields.of("effects"),
    ]
    listed = [line for line in desk.fields.of("contents") if line.rank != PROSE]
    own = ("contents", "goal", "background", "effects")
    candidates = [
        line
        for line in dict.fromkeys([*spoken, *listed])
        if len(line.body) <= longest
        and line.rank != NOTE
        and (not line.label or meanings(line.label, desk.vocabulary)[:1] in {(name,) for name in own})
    ]
    weight = {line.number: _weight(line, desk.korean) for line in candidates}
    chosen = sorted(candidates, key=lambda line: weight[line.number])[:wanted]
    for line in sorted(chosen, key=lambda one: one.number):
        desk.add("subtitle", "subtitle", _kept(desk, line, to_note(line.body, desk.korean)))
    if not chosen:
        desk.add("subtitle", "to_fill", desk.form_words(desk.form.missing))


def _weight(line: Line, korean: Korean) -> tuple[bool, int]:
    """Small is good: an item of the upper ranks before a detail, amounts and counts before bare dates."""
    measured = sum(one.kind in ("money", "percent", "count") for one in korean.figures(line.body))
    return line.rank > TOP_ITEM, -min(measured, 2)


def _is_undertaking(desk: _Desk, title: str) -> bool:
    """Whether the title names something that is carried out, so that "…을 추진한다" is true of it."""
    ends = desk.vocabulary.endings
    return title.endswith((*ends["undertaking"], *ends["transitive"]))


def _lead(desk: _Desk) -> None:
    plan, agency = desk.plan, desk.agency
    if not plan.title:
        desk.add("lead", "to_fill", desk.form_words(desk.form.missing))
        return
    title = plan.title.removesuffix(_TRUNCATED_TITLE)
    topic = with_particle(agency, "은", "는")[len(agency) :]
    particle = with_particle(title, "을", "를")[len(title) :]
    phrase = "lead" if _is_undertaking(desk, plan.title) else "lead_other"
    text = desk.form.phrases[phrase].format(agency=agency, topic=topic, title=title, object=particle)
    sentences = [Sentence(text, (plan.title_line,) if plan.title_line >= 0 else (), "rule")]
    purpose = [line for line in (*desk.fields.of("intro"), *desk.fields.of("goal")) if line.rank != NOTE][:2]
    purpose = purpose or list(desk.fields.of("background"))[:1]
    for line in purpose:
        sentences.append(_ended(_sentence(desk, line)))
        desk.used.add(line.number)
    desk.add("lead", "paragraph", *sentences)
    for line in [line for name in ("period", "place") for line in desk.fields.of(name)[:1]]:
        if line.label and line.number not in desk.used:
            desk.add("lead", "item", _kept(desk, line, _with_label(desk, None, line)))
            desk.used.add(line.number)


# --- sections --------------------------------------------------------------------------------------------------------


def _section(desk: _Desk, section: Section) -> None:
    desk.add(section.id, "heading", desk.form_words(section.heading))
    if section.id == "words":
        desk.add(section.id, "to_fill", desk.form_words(desk.form.phrases["words"]))
        return
    before = len(desk.paragraphs)
    if section.id == "contact":
        _contact(desk, section)
    else:
        lines = _lines_for(desk, section)
        tables = _tables_for(desk, section)
        if section.id == "schedule":
            lines = _schedule(desk, section, lines)
        _write(desk, section, lines)
        for table in tables:
            _table(desk, section, table)
    if len(desk.paragraphs) == before:
        desk.add(section.id, "to_fill", desk.form_words(desk.form.missing))


def _names_for(desk: _Desk, section: Section) -> tuple[str, ...]:
    """The fields of a section; a plan without contents by name gives what stands under its other headings."""
    named = desk.fields.of("contents") or any("contents" in names for _, names in desk.fields.tables)
    return (*section.fields, "other") if section.id == "contents" and not named else section.fields


def _lines_for(desk: _Desk, section: Section) -> list[Line]:
    found = [line for name in _names_for(desk, section) for line in desk.fields.of(name)]
    if desk.form.id == "report" and "goal" in section.fields:
        found += desk.fields.of("intro")
    fresh = sorted(
        {line.number: line for line in found if line.number not in desk.used}.values(), key=lambda x: x.number
    )
    if section.id == "budget" and not fresh:
        fresh = _money_lines(desk)
    limit = desk.form.limits.get("contents", 24)
    if len(fresh) > limit:
        desk.left_out += [("분량을 넘어 덜어 냄", line.text) for line in fresh[limit:]]
    desk.used |= {line.number for line in fresh}
    return fresh[:limit]


def _money_lines(desk: _Desk) -> list[Line]:
    """Where the plan has no budget section: lines that speak of money as a budget."""
    return [
        line
        for line in desk.plan.lines
        if line.kind == "text"
        and line.number not in desk.fields.spoken
        and any(word in line.text for word in _MONEY_WORDS)
        and any(one.kind == "money" for one in desk.korean.figures(line.text))
    ][:3]


def _tables_for(desk: _Desk, section: Section) -> list[PlanTable]:
    tables = [table for table, names in desk.fields.tables if names and names[0] in _names_for(desk, section)]
    fresh = [table for table in tables if not set(table.lines) & desk.used]
    limit = desk.form.limits.get("tables", 4)
    desk.left_out += [("분량을 넘어 덜어 낸 표", " | ".join(table.header)) for table in fresh[limit:]]
    for table in fresh[:limit]:
        desk.used |= set(table.lines)
    return fresh[:limit]


def _write(desk: _Desk, section: Section, lines: Sequence[Line]) -> None:
    """Items at the plan's own depth; neighbouring prose sentences become one paragraph."""
    ranks = [line.rank for line in lines if line.rank not in (PROSE, NOTE)]
    top = max(min(ranks, default=TOP_ITEM), HEADING)
    previous = -2
    for line in lines:
        role, sentence = _placed(desk, section, line, top=top, listed=bool(ranks))
        joined = line.number == previous + 1 and (line.follows or (role == "paragraph" and line.rank == PROSE))
        if joined and desk.join(section.id, role, _ended(sentence)):
            previous = line.number
            continue
        desk.add(section.id, role, sentence)
        previous = line.number


def _placed(desk: _Desk, section: Section, line: Line, *, top: int, listed: bool) -> tuple[Role, Sentence]:
    """How a line is printed: its role, and its words as a sentence (보도자료, upper ranks) or as a note."""
    press = desk.form.id == "press_release"
    if line.rank == NOTE:
        return "note", _kept(desk, line, line.body)
    loose = line.rank == PROSE and listed and not line.body.endswith("다.")
    if loose or (line.rank > top and line.rank != PROSE):
        return "item", _kept(desk, line, _with_label(desk, section, line))
    if press:
        return "paragraph", _labelled(desk, line, section) if line.label else _sentence(desk, line)
    return "top_item", _kept(desk, line, to_note(_with_label(desk, section, line), desk.korean))


def _schedule(desk: _Desk, section: Section, lines: Sequence[Line]) -> list[Line]:
    """Lines "무엇 : 언제" as a table of two columns; the others are given back."""
    rows, sources, others = [], [], []
    for line in lines:
        what, when = (line.label, line.body) if line.label else _split_when(line.body, desk.korean)
        if what and when and any(one.kind == "date" for one in desk.korean.figures(when)):
            rows.append((what, _proper(desk, line, when)))
            sources.append((line.number,))
        else:
            others.append(line)
    if len(rows) > 1:
        desk.add_rows(section.id, "table", [("내용", "시기"), *rows], [(), *sources], headed=True)
        return others
    return list(lines)


def _split_when(body: str, korean: Korean) -> tuple[str, str]:
    what, mark, when = body.rpartition(" : ")
    if mark and korean.figures(when):
        return what.strip(), when.strip()
    return "", ""


def _table(desk: _Desk, section: Section, table: PlanTable) -> None:
    limit = desk.form.limits.get("rows", 40)
    cells = [
        tuple(_proper(desk, desk.plan.line(number), cell) for cell in row)
        for row, number in zip(table.rows[:limit], table.lines[:limit], strict=True)
    ]
    rows = [table.header, *cells] if any(table.header) else cells
    sources = [(number,) for number in table.lines[:limit]]
    sources = [tuple(table.lines[:1]), *sources] if any(table.header) else sources
    desk.left_out += [("분량을 넘어 덜어 낸 표의 줄", " | ".join(row)) for row in table.rows[limit:]]
    desk.add_rows(section.id, "table", rows, sources, headed=any(table.header))


def _contact(desk: _Desk, section: Section) -> None:
    for one in desk.fields.contacts:
        department = "" if one.role.startswith(one.department) else one.department
        said = " ".join(part for part in (department, _person(one.role, one.name, one.phone)) if part)
        desk.add(section.id, "item", Sentence(said, (one.line,), "rule"))


# --- sentences -------------------------------------------------------------------------------------------------------


def _with_label(desk: _Desk, section: Section | None, line: Line) -> str:
    """The label stands before the words unless the section's heading already says it."""
    return f"{line.label}: {line.body}" if line.label and not _says_the_same(desk, section, line) else line.body


def _says_the_same(desk: _Desk, section: Section | None, line: Line) -> bool:
    if section is None or line.rank > TOP_ITEM:
        return False
    return meanings(line.label, desk.vocabulary)[:1] == section.fields[:1]


def _proper(desk: _Desk, line: Line, text: str) -> str:
    """The text in the public form when its figures stay the same."""
    plain = Sentence(text, (line.number,))
    return proved_or_plain(replace(plain, text=public_form(text)), plain, desk.plan, desk.korean).text


def _kept(desk: _Desk, line: Line, text: str) -> Sentence:
    proper = _proper(desk, line, text)
    return Sentence(proper, (line.number,), "plan" if proper in line.text else "rule")


def _sentence(desk: _Desk, line: Line) -> Sentence:
    text, _ = to_sentence(line.body, desk.vocabulary, desk.korean)
    return _kept(desk, line, text)


def _ended(sentence: Sentence) -> Sentence:
    """With a full stop, so that another sentence can follow."""
    return sentence if sentence.text.endswith((".", "]", "?")) else replace(sentence, text=f"{sentence.text}.")


def _labelled(desk: _Desk, line: Line, section: Section | None = None) -> Sentence:
    """ "(사업예산) 14백만원" → "사업예산은 1,400만 원이다."; a body that is no amount stays beside its label."""
    said, certain = to_sentence(line.body, desk.vocabulary, desk.korean)
    if certain:
        return _kept(desk, line, said)
    body = public_form(line.body)
    head, bracket, tail = body.partition("(")
    plain = meanings(line.label, desk.vocabulary)[:1] in (("budget",), ("target",), ("place",), ("period",))
    if plain and len(body) <= 60 and "/" not in line.label and _ends_in_figure(head.rstrip(), desk.korean):
        text = f"{with_particle(line.label, '은', '는')} {head.rstrip()}이다{bracket}{tail}."
        return _kept(desk, line, text)
    return _kept(desk, line, _with_label(desk, section, line))


def _ends_in_figure(text: str, korean: Korean) -> bool:
    figures = korean.figures(text)
    return bool(figures) and figures[-1].end == len(text)
