"""A paper as one HTML file that needs nothing beside it."""

from __future__ import annotations

from html import escape

from haechi.office.letters.paper import Chart, Heading, Item, Note, Paper, Part, Text

_STYLE = """body{font-family:Pretendard,"Noto Sans KR",sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;line-height:1.6;color:#1e2124}
h1{font-size:1.6rem;text-align:center}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1.05rem}
table{border-collapse:collapse;width:100%;margin:.6rem 0}th,td{border:1px solid #8a949e;padding:.35rem .5rem;text-align:left;vertical-align:top}
th{background:#eef2f7}caption,figcaption{text-align:left;font-weight:600;padding:.3rem 0}figure{margin:1rem 0}svg{max-width:100%;height:auto}
.note{font-size:.9rem}.mark{color:#8a1c1c;font-weight:700}.sub{margin-left:1.5rem}footer{margin-top:2rem;font-size:.85rem;color:#58616a}"""


def to_html(paper: Paper) -> bytes:
    """The bytes of the file, UTF-8."""
    body = [f'<p class="mark">[{escape(paper.watermark)}]</p>'] if paper.watermark else []
    body.append(f"<h1>{escape(paper.title)}</h1>")
    if paper.meta:
        rows = "".join(f'<tr><th scope="row">{escape(n)}</th><td>{escape(v)}</td></tr>' for n, v in paper.meta)
        body.append(f"<table>{rows}</table>")
    body += [_part(part) for part in paper.parts]
    if paper.sign:
        body.append(f"<p><strong>{escape(paper.sign)}</strong></p>")
    body.append(f"<footer>{escape(paper.footer)}</footer>")
    head = f'<meta charset="utf-8"><title>{escape(paper.title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="{escape(paper.language)}"><head>{head}</head><body>{"".join(body)}</body></html>'.encode()


def _part(part: Part) -> str:
    if isinstance(part, Heading):
        return f"<h{part.level + 1}>{escape(part.text)}</h{part.level + 1}>"
    if isinstance(part, Text):
        return f"<p>{escape(part.text)}</p>"
    if isinstance(part, Item):
        return f"<p{'' if part.level == 1 else ' class=sub'}>{'○' if part.level == 1 else '-'} {escape(part.text)}</p>"
    if isinstance(part, Note):
        return f'<p class="note">※ {escape(part.text)}</p>'
    if isinstance(part, Chart):
        table = _table(part.rows, True, "")
        return f"<figure>{part.svg}<figcaption>{escape(part.caption)}</figcaption>{table}</figure>"
    return _table(part.rows, part.headed, part.caption)


def _table(rows: tuple[tuple[str, ...], ...], headed: bool, caption: str) -> str:
    if not rows:
        return ""
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[headed:]]
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in rows[0]) if headed else ""
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}{f'<thead><tr>{head}</tr></thead>' if headed else ''}<tbody>{''.join(lines)}</tbody></table>"
