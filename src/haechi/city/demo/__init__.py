"""The demonstration city: 해치시 (시연용 가상 도시).

Documents, people and questions written for Haechi. The texts stand in `texts/*.md`, the people in `people.yaml`,
the questions in `questions.jsonl`; the files that an office would have (HWPX, PDF, XLSX, DOCX, MD) are built from them.
`python -m haechi.city.demo OUT_FOLDER` writes the files.
"""

from haechi.city.demo.documents import CITY_NAME, DemoDocument, demo_documents
from haechi.city.demo.people import DemoPerson, DemoQuestion, demo_people, demo_questions

__all__ = [
    "CITY_NAME",
    "DemoDocument",
    "DemoPerson",
    "DemoQuestion",
    "demo_documents",
    "demo_people",
    "demo_questions",
]
