"""Which questions are asked, which must be answered now, and which of these still are not."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from haechi.office.forms.conditions import Answers, holds
from haechi.office.forms.form import STAGES, Form, Question


def visible(form: Form, answers: Answers) -> tuple[Question, ...]:
    """In the form's order. An answer to a question that is not asked any more counts nowhere. O(questions)."""
    shown: dict[str, Question] = {}
    heard: dict[str, object] = {}
    for question in form.questions:
        if question.when is None or holds(question.when, heard):
            shown[question.id] = question
            if question.id in answers:
                heard[question.id] = answers[question.id]
    return tuple(shown.values())


def required(question: Question, stage: str) -> bool:
    """Whether it must be answered in `stage` (a name of STAGES)."""
    order = list(STAGES)
    return bool(question.required_from) and order.index(question.required_from) <= order.index(stage)


def open_questions(
    form: Form, answers: Answers, *, stage: str, proofs: Mapping[str, Collection[str]] | None = None
) -> tuple[Question, ...]:
    """Visible questions that must be answered in `stage` and are not, or lack a proof that they ask for.

    proofs: question → kinds of evidence that stand beside its answer; None leaves evidence unchecked.
    """
    return tuple(
        question
        for question in visible(form, answers)
        if (required(question, stage) and answers.get(question.id) is None) or not proved(question, answers, proofs)
    )


def proved(question: Question, answers: Answers, proofs: Mapping[str, Collection[str]] | None) -> bool:
    """Whether the answer has one of the proofs that the question asks for (or needs none)."""
    answer = answers.get(question.id)
    if proofs is None or not question.evidence or answer is None:
        return True
    if question.evidence_when and answer not in question.evidence_when:
        return True
    return bool(set(proofs.get(question.id, ())) & set(question.evidence))
