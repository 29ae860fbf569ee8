"""systemd's units: the grammar (`document`), what a system makes of them (`units`, `reading`), and how entries are spelled (`writing`)."""

from inet46.formats.systemd.document import Assignment, Document, Link, emit, parse
from inet46.formats.systemd.reading import off, read
from inet46.formats.systemd.units import Tree
from inet46.formats.systemd.writing import WANTS, stem, write

__all__ = ["WANTS", "Assignment", "Document", "Link", "Tree", "emit", "off", "parse", "read", "stem", "write"]
