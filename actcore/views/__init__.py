"""Pictures of tables: each view turns one Arrow table and plain choices into SVG and HTML.

Leaves computing the tables to the analyses, and files and suffixes to `actcore.export`.
"""
