"""Letters, minutes and reports of the office: written once as parts of a paper, made into HWPX, DOCX, PDF and HTML.

paper = Paper(title="사전검토 결과 통보", meta=(("문서번호", "사전검토-2026-0001"),), parts=(Heading("결과"), Text("추진"), …))
files = render(paper)          # {"hwpx": bytes, "docx": bytes, "pdf": bytes, "html": bytes}
"""

from haechi.office.letters.charts import bars, lines
from haechi.office.letters.files import FORMATS, MEDIA_TYPES, render, to_docx, to_hwpx
from haechi.office.letters.html_file import to_html
from haechi.office.letters.paper import Chart, Heading, Item, Note, Paper, Part, Table, Text
from haechi.office.letters.pdf_file import to_pdf

__all__ = [
    "FORMATS",
    "MEDIA_TYPES",
    "Chart",
    "Heading",
    "Item",
    "Note",
    "Paper",
    "Part",
    "Table",
    "Text",
    "bars",
    "lines",
    "render",
    "to_docx",
    "to_html",
    "to_hwpx",
    "to_pdf",
]
