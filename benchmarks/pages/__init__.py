"""Reports of measurements for people: a page with charts, and the same tables as Markdown."""

from .page import write_pages

__all__ = ["write_pages"]
