"""inetd.conf, one line for one service: its lines (`document`), what a build makes of them (`reading`), and how entries are spelled."""

from inet46.formats.inetd.document import Document, Fields, emit, logical_lines, parse
from inet46.formats.inetd.reading import read
from inet46.formats.inetd.writing import write

__all__ = ["Document", "Fields", "emit", "logical_lines", "parse", "read", "write"]
