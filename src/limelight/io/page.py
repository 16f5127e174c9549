"""A page of pictures and tables: a file that stands alone in any browser."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from limelight.io.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["write_page"]

_STYLE = """
:root { color-scheme: dark; }
body { background: #0d0c11; color: #f4efe6; font: 16px/1.5 system-ui, sans-serif;
       max-width: 1060px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-weight: 600; margin-bottom: 0.2rem; }
h2 { font-weight: 600; font-size: 1.05rem; color: #f98c0a; margin: 1.6rem 0 0.4rem; }
p { margin: 0.3rem 0; } .note { opacity: 0.75; font-size: 0.9rem; }
img { width: 100%; height: auto; display: block; margin: 1rem 0; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr));
          gap: 0 2.5rem; align-items: start; }
table { border-collapse: collapse; width: 100%; }
td { padding: 0.2rem 0; border-bottom: 1px solid #2c2933; vertical-align: top; }
td:last-child { text-align: right; padding-left: 1rem; overflow-wrap: anywhere; }
"""


def write_page(
    path: Path,
    *,
    title: str,
    lead: str,
    pictures: Iterable[Path | bytes],
    tables: Mapping[str, Mapping[str, str]],
    notes: Iterable[str] = (),
) -> Path:
    """Write the page.

    Parameters
    ----------
    path : path
        File to write.
    title, lead : str
        Heading, and the sentence below it.
    pictures : iterable of path or bytes
        PNG files, or their contents; they are put into the page.
    tables : mapping
        Heading of each table, and its rows as names and values.
    notes : iterable of str
        What a reader has to know about the numbers.
    """
    contents = (p if isinstance(p, bytes) else p.read_bytes() for p in pictures)
    images = "\n".join(
        f'<img alt="" src="data:image/png;base64,{base64.b64encode(content).decode()}">'
        for content in contents
    )
    blocks = "\n".join(
        f"<section><h2>{escape(heading)}</h2><table>"
        + "".join(f"<tr><td>{escape(k)}</td><td>{escape(v)}</td></tr>" for k, v in rows.items())
        + "</table></section>"
        for heading, rows in tables.items()
        if rows
    )
    remarks = "\n".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p>{escape(lead)}</p>
{images}
<div class="tables">
{blocks}
</div>
{remarks}
</body>
</html>
"""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
