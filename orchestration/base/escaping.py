"""Escaping: text of customers' data, made so that what shows it takes it for text.

Names, ids, notes and addresses come from whoever filled in a form. Here is what keeps them from
being read as a line break, a terminal's command, Markdown, HTML or a message's markup; everything
that leaves the project as something other than a table goes through one of these functions.
"""

import html
import re

from rich.text import Text

# What ends a line or a cell: a blank takes its place.
BREAKS = re.compile(r"\r\n|[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]")
# Control codes (C0 with ESC, DEL, C1), marks that turn the direction of writing or cannot be seen,
# and halves of characters, which no file takes. What joins letters (U+200C, U+200D) stays.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
# What Markdown takes for more than itself; an underscore only at the edge of a word, a bracket only
# where a link's address could follow, and `<` where a tag could begin.
MARKDOWN = re.compile(r"[\\`*|~]|<(?=[A-Za-z/!?])|&(?=[#\w])|(?<!\w)_|_(?!\w)|\](?=[(\[:])")
# What Markdown turns into links on its own, and what makes a block of a paragraph's beginning.
LINKS = re.compile(r"(?<=\w):(?=//)|(?<=www)\.", re.IGNORECASE)
BLOCKS = re.compile(r"^(?:[\[>]|[#+=-](?=[\s#+=-]|$)|\d+(?P<mark>[.)])(?=\s|$))")


def line(value: object) -> str:
    """The text in one line: breaks are blanks, and what cannot be seen is written out (`\\x1b`)."""
    return UNSEEN.sub(written_out, BREAKS.sub(" ", str(value)))


def lines(value: object) -> str:
    """The same of a text of ours that has lines."""
    return "\n".join(map(line, str(value).split("\n")))


def written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def text(value: object, style: str = "") -> Text:
    """For a console: nothing in it is markup, an emoji's name or a control code."""
    return Text(lines(value), style=style)


def markdown(value: object) -> str:
    """For Markdown and its tables: the same words, and no markup, HTML or link in them.

    Characters are replaced by entities, which no flavour takes for structure.
    """

    def entity(match: re.Match[str]) -> str:
        return f"&#{ord(match[0])};"

    shown = MARKDOWN.sub(entity, line(value))
    shown = LINKS.sub(entity, shown)
    return BLOCKS.sub(
        lambda match: f"{match[0][:-1]}&#{ord(match[0][-1])};" if match["mark"] else entity(match),
        shown,
    )


def page(value: object) -> str:
    """For HTML that others make with templates of their own: `$` is theirs as well."""
    return html.escape(line(value)).replace("$", "&#36;")


def slack(value: object) -> str:
    """For the text of a Slack message: no mention, channel or link (see `slack_message`)."""
    return lines(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack_message(value: object) -> dict[str, object]:
    """A message of plain text: Slack neither formats it, nor makes links of addresses in it."""
    return {
        "text": slack(value),
        "mrkdwn": False,
        "parse": "none",
    }
