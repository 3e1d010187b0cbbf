"""Files → blocks → passages.

    documents = read_in_worker(data, "편람.hwpx")        # from outside: in a bounded worker process
    documents = read_file(path)                          # trusted: in this process
    passages = split(documents[0], document_id=…, version_id=…, access=("public",), valid_from=None, valid_to=None)

Formats: HWP 5, HWPX, HWPML, PDF, DOCX, XLSX, PPTX, HTML, MD, TXT, CSV and ZIP of these, by content, never by name.
A file that cannot be read raises core.errors.UnreadableDocument whose `code` is a key of `REASONS`.
"""

from haechi.engines.knowledge.ingest.failures import REASONS, unreadable
from haechi.engines.knowledge.ingest.limits import Limits
from haechi.engines.knowledge.ingest.passages import split
from haechi.engines.knowledge.ingest.reading import READERS, read_file
from haechi.engines.knowledge.ingest.sandbox import Sandbox, read_in_worker
from haechi.engines.knowledge.ingest.sentences import sentences

__all__ = ["READERS", "REASONS", "Limits", "Sandbox", "read_file", "read_in_worker", "sentences", "split", "unreadable"]
