"""The bytes of one file, or of the files of a folder or zip: what every reader reads from.

Refuses what no reader could read. Leaves the meaning of the bytes to the readers.
"""

from actcore.readers.content.core import Content, refuse_large
from actcore.readers.content.files import Files, cannot_open, in_folder, opened
from actcore.readers.content.limits import LONGEST_TOKEN
from actcore.readers.content.said import in_line

__all__ = [
    "LONGEST_TOKEN",
    "Content",
    "Files",
    "cannot_open",
    "in_folder",
    "in_line",
    "opened",
    "refuse_large",
]
