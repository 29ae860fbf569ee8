"""inetd.conf, one line for one service: its lines, what a build makes of them, and how entries are spelled.

`document` cuts a text into lines, `keyed` into NetBSD's definitions as well; `fields` and `definitions` weigh what they say, and `reading`
puts it together; `including` follows NetBSD's includes; `writing` and `keyed_writing` spell entries.
"""

from inet46.formats.inetd.document import Document, Fields, emit, parse
from inet46.formats.inetd.including import includes, matching
from inet46.formats.inetd.keyed import classic_lines
from inet46.formats.inetd.reading import read
from inet46.formats.inetd.writing import write

__all__ = ["Document", "Fields", "classic_lines", "emit", "includes", "matching", "parse", "read", "write"]
