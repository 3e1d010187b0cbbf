"""Why a file cannot be read: one stable code each, with the words an official sees and the next step."""

from __future__ import annotations

from haechi.core.errors import UnreadableDocument

REASONS: dict[str, tuple[str, str]] = {
    "empty": ("파일에 읽을 내용이 없습니다.", "내용이 있는 파일인지 열어서 확인한 뒤 다시 올려 주세요."),
    "encrypted": (
        "암호가 걸려 있거나 DRM으로 보호된 문서입니다.",
        "암호나 보호를 푼 사본을 저장해 다시 올려 주세요.",
    ),
    "broken": ("파일이 손상되어 읽을 수 없습니다.", "원본 프로그램에서 열어 다시 저장한 뒤 올려 주세요."),
    "not_supported": (
        "지원하지 않는 형식입니다{what}.",
        "HWPX, HWP, PDF, DOCX, XLSX, PPTX, HTML, MD, TXT, CSV 가운데 하나로 저장해 올려 주세요.",
    ),
    "too_large": ("문서가 한도({what})를 넘습니다.", "문서를 나누어 올리거나 관리자에게 한도 조정을 요청해 주세요."),
    "too_many_pages": (
        "{pages}쪽으로 한도({limit}쪽)를 넘습니다.",
        "문서를 나누어 올리거나 관리자에게 한도 조정을 요청해 주세요.",
    ),
    "zip_bomb": ("압축을 풀면 지나치게 커지는 파일입니다.", "압축하지 않은 원본 파일을 올려 주세요."),
    "unsafe": (
        "문서 안에 허용되지 않는 구조가 있습니다{what}.",
        "원본 프로그램에서 새 문서로 저장해 다시 올려 주세요.",
    ),
    "timed_out": (
        "{seconds}초 안에 읽지 못해 중단했습니다.",
        "문서를 나누거나 단순한 형식으로 저장해 다시 올려 주세요.",
    ),
    "out_of_memory": (
        "문서가 메모리 한도를 넘어 읽기를 중단했습니다.",
        "문서를 나누거나 큰 그림을 줄여 다시 올려 주세요.",
    ),
}


def unreadable(code: str, *, record: str = "", **values: str) -> UnreadableDocument:
    """The error for `code` (a key of REASONS); `values` fill its sentence. Unknown names in the sentence become ""."""
    message, next_step = REASONS[code]
    error = UnreadableDocument(message.format_map(_Blank(values)), next_step=next_step, record=record)
    error.code = code
    return error


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""
