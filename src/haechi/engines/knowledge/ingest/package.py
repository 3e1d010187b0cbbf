"""Zip packages opened safely: bounded sizes, no document type declarations, no names that leave the archive."""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from lxml import etree

from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.limits import MIB, Limits

_MARKUP = re.compile(r"\.(xml|rels|hpf|opf|xhtml|vml)$", re.IGNORECASE)


class Package:
    """A zip whose declared size, ratio and member count were checked before anything was unpacked.

    zipfile never yields more than a member's declared size, so the declared sizes bound what is unpacked.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            self.entries = self._zip.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeError) as error:
            raise unreadable("broken") from error
        self._check(len(data), limits)
        self.names = frozenset(entry.filename for entry in self.entries)

    def _check(self, packed: int, limits: Limits) -> None:
        if len(self.entries) > limits.members:
            raise unreadable("zip_bomb")
        total = sum(entry.file_size for entry in self.entries)
        if total > limits.unpacked_bytes or (total > 10 * MIB and total > limits.ratio * max(1, packed)):
            raise unreadable("zip_bomb")

    def read(self, name: str) -> bytes:
        """A member's bytes. Raises UnreadableDocument (encrypted, broken)."""
        try:
            info = self._zip.getinfo(name)
            if info.flag_bits & 0x1:
                raise unreadable("encrypted", record=name)
            return self._zip.read(info)
        except KeyError as error:
            raise unreadable("broken", record=name) from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            EOFError,
            ValueError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise unreadable("broken", record=name) from error

    def xml(self, name: str) -> etree._Element:
        """A member parsed as XML. Raises UnreadableDocument (unsafe, broken)."""
        return parse_xml(self.read(name))

    def refuse_declarations(self) -> None:
        """Office packages never declare entities; one that does is an attack, whichever library would read it."""
        for entry in self.entries:
            if _MARKUP.search(entry.filename) and not entry.is_dir():
                refuse_declarations(self.read(entry.filename))


def refuse_declarations(data: bytes) -> None:
    """Raises UnreadableDocument (unsafe) when markup declares a document type or entities, in any usual encoding."""
    head = data[:65536].replace(b"\x00", b"").upper()
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise unreadable("unsafe", what="(외부 개체 선언)")


def parse_xml(data: bytes) -> etree._Element:
    """Bytes → root element, without entities, network or unlimited depth."""
    refuse_declarations(data)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise unreadable("broken") from error
