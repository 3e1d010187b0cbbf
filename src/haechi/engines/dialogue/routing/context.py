"""What goes along when a conversation moves from one bot to another: nothing across audiences, little within one."""

from __future__ import annotations

from haechi.engines.dialogue.ports import BotCard, DialogueState

CARRIED = frozenset({"place", "district", "address", "date", "language", "phone"})
"""Values that mean the same to every bot. Choices and texts of a form belong to the form and stay behind."""


def hand_over(state: DialogueState, left: BotCard, entered: BotCard, question: str = "") -> DialogueState:
    """The state with which `entered` begins. question: what the person had asked, passed on so that nobody asks twice.

    Between audiences nothing passes, not even the question: what was said to a staff bot reaches no citizens' bot.
    """
    if left.audience != entered.audience:
        return DialogueState(bot=entered.id)
    kept = {key: value for key, value in state.values.items() if key in CARRIED}
    return DialogueState(bot=entered.id, values=kept, pending_text=question or state.pending_text)
