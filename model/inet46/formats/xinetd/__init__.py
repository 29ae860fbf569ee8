"""xinetd: the grammar (`document`), what a build makes of it (`reading`), and how entries are spelled (`writing`)."""

from inet46.formats.xinetd.document import Attribute, Document, Include, Paragraph, emit, parse
from inet46.formats.xinetd.reading import read
from inet46.formats.xinetd.writing import write

__all__ = ["Attribute", "Document", "Include", "Paragraph", "emit", "parse", "read", "write"]
