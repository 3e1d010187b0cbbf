"""An answer on its way to the reader, filtered piece by piece with a bounded look-behind."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from haechi.engines.models.guard.citations import unfounded
from haechi.engines.models.guard.leaks import LeakWatch
from haechi.engines.models.guard.links import LinkFilter, addresses, around
from haechi.engines.models.guard.policy import GuardPolicy
from haechi.engines.text.personal_data import PLACEHOLDER, Mask, Rules, find
from haechi.engines.text.personal_data.written import INVISIBLE

MOST_HELD = 4096
"""Characters that are held back at most, however long a link or a word grows."""
_CONTEXT = 48
# What may still grow at the end of the text: a placeholder, a link or picture, a tag, a number, the last word.
_OPEN = re.compile(
    r"(?:⟦[^⟧\n]{0,20}|!?\[[^\]\n]{0,500}(?:\](?:\([^)\n]{0,3500}|:[^\n]{0,3500})?)?|!|<[^>]{0,3900}|[0-9+(][0-9 ().+_/~-]{0,48}|[0-9공영일이삼사오육륙칠팔구][0-9공영일이삼사오육륙칠팔구 .-]{2,48}|[^\s]{1,4000})$"
)
_EMOJI_JOINER = re.compile("(?<=[\u2600-\u27bf\U0001f000-\U0001faff])[\u200d\ufe0f]")


@dataclass(frozen=True, slots=True)
class Restore:
    """What `Guard.before` knows of one request and `after_stream` needs. Keep it in memory only; it holds the values.

    visible: placeholders that the asker may see restored. quoted: addresses of the quoted data. secret, known, canary:
    see LeakWatch. tools: names of the tools that the caller allows. said: what the asker wrote, masked.
    """

    mask: Mask
    visible: frozenset[str]
    quoted: frozenset[str]
    secret: str
    known: str
    canary: str
    tools: frozenset[str]
    language: str = "ko"
    said: str = ""


@dataclass(slots=True)
class Removed:
    """What did not reach the reader, for the log: counts and names, never the values."""

    links: int = 0
    personal: dict[str, int] = field(default_factory=dict)
    tools: list[str] = field(default_factory=list)
    leaked: bool = False
    citations: int = 0


class OutputStream:
    """`feed` pieces of the answer as they come, `finish` once; both return what may be shown now.

    The end is held back while it may be a placeholder, a link, a number or an unfinished word, at most MOST_HELD characters.
    removed: what was taken out so far.
    """

    def __init__(self, restore: Restore, policy: GuardPolicy, rules: Rules) -> None:
        self._restore, self._policy, self._rules = restore, policy, rules
        self._links = LinkFilter(policy.allowed_hosts, restore.quoted, policy.say("link_removed", restore.language))
        self._watch = LeakWatch(restore.secret, restore.known, restore.canary, policy.leak_at)
        self._visible_values = {_bare(restore.mask.show(f"⟦{key}⟧")) for key in restore.visible}
        self._held = ""
        self._context = ""
        self._stopped = False
        self.removed = Removed()

    def feed(self, piece: str) -> str:
        """What may be shown after this piece; "" while it waits."""
        if self._stopped:
            return ""
        self._held += _seen(piece)
        cut = _ripe(self._held)
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._release(ready)

    def finish(self) -> str:
        """The rest."""
        if self._stopped:
            return ""
        ready, self._held = self._held, ""
        shown = self._release(ready)
        return shown if self._stopped else shown + self._watch.rest()

    def _release(self, ready: str) -> str:
        if not ready:
            return ""
        # Restored before the watch, which may hold back half of a placeholder; its secret is the masked text.
        passed = self._watch.pass_on(self._restored(self._without_strangers(self._links.clean(ready))))
        self.removed.links = len(self._links.removed)
        if self._watch.leaked:
            self._stopped = self.removed.leaked = True
            return passed + self._policy.say("withheld", self._restore.language)
        return passed

    def _without_strangers(self, ready: str) -> str:
        """Personal data that the model wrote itself and that is not the asker's own is hidden; so are made-up citations."""
        whole, begin = self._context + ready, len(self._context)
        pieces: list[str] = []
        at = begin
        strange = [
            (found.start, found.end, found.kind)
            for found in find(whole, self._rules)
            if _bare(found.text) not in self._visible_values
        ]
        if self._policy.founded_citations:
            strange += [(*span, "") for span in unfounded(whole, f"{self._restore.known}\0{self._restore.secret}")]
        for start, end, kind in sorted(strange):
            if end > at:
                pieces += [whole[at : max(at, start)], self._hidden(kind) if kind else self._doubted()]
                at = end
        self._context = whole[-_CONTEXT:]
        return "".join([*pieces, whole[at:]])

    def _hidden(self, kind: str) -> str:
        label = self._rules.kinds[kind].label
        self.removed.personal[label] = self.removed.personal.get(label, 0) + 1
        return self._policy.say("hidden", self._restore.language).replace("{kind}", label)

    def _doubted(self) -> str:
        self.removed.citations += 1
        return self._policy.say("unfounded", self._restore.language)

    def _restored(self, text: str) -> str:
        return PLACEHOLDER.sub(self._value, text)

    def _value(self, match: re.Match[str]) -> str:
        key = f"{match[1]}{match[2]}"
        value = self._restore.mask.show(f"⟦{key}⟧")
        if key in self._restore.visible or value == f"⟦{key}⟧":
            return value
        return self._policy.say("hidden", self._restore.language).replace("{kind}", match[1])


def _ripe(held: str) -> int:
    """Up to where nothing can still grow; never inside a word or a link."""
    match = _OPEN.search(held, max(0, len(held) - MOST_HELD))
    cut = match.start() if match else len(held)
    if 0 < cut < len(held):
        while cut and not held[cut - 1].isspace():
            cut -= 1
        cut = around(held, cut)
    return len(held) if len(held) - cut >= MOST_HELD - 1 else cut


def allowed_calls(
    restore: Restore, calls: list[Mapping[str, Any]], hosts: tuple[str, ...] = ()
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Tool calls of a whole message (OpenAI's form) → those on the caller's list with the asker's own values, and the
    names of the others.

    A call is left out as well where its arguments are no JSON object, or carry an address that is neither the city's nor
    stood in what the asker wrote. Values that only the instructions hold stay placeholders.
    """
    kept: list[dict[str, Any]] = []
    refused: list[str] = []
    links = LinkFilter(hosts, frozenset(), "")
    for call in calls:
        function = dict(call.get("function") or {})
        name, arguments = str(function.get("name", "")), str(function.get("arguments", ""))
        if name not in restore.tools or not _sound(arguments, links, restore.said):
            refused.append(name)
            continue
        function["arguments"] = PLACEHOLDER.sub(
            lambda m: restore.mask.show(m[0]) if f"{m[1]}{m[2]}" in restore.visible else m[0], arguments
        )
        kept.append({**call, "function": function})
    return kept, tuple(refused)


def _sound(arguments: str, links: LinkFilter, said: str) -> bool:
    try:
        given = json.loads(arguments or "{}")
    except ValueError:
        return False
    if not isinstance(given, dict):
        return False
    written = json.dumps(given, ensure_ascii=False)
    return all(links.allowed(address) or address in said for address in addresses(written))


def _seen(text: str) -> str:
    """Without signs that show nothing, which can carry a message out; the joiners of emoji stay."""
    if text.isascii() or not INVISIBLE.search(text):
        return text
    kept = _EMOJI_JOINER.sub(lambda match: "\ue000" if match[0] == "\u200d" else "\ue001", text)
    return INVISIBLE.sub("", kept).replace("\ue000", "\u200d").replace("\ue001", "\ufe0f")


def _bare(value: str) -> str:
    return re.sub(r"[\s\-._/~()]", "", value)
