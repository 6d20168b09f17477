"""A small bookkeeper in memory: posts documents one after the other, revises, and follows what is affected."""

from __future__ import annotations

from leja.books.entry import Entry, require_balanced
from leja.documents.document import Document, kind_of
from leja.posting.known import Known
from leja.posting.post import post
from leja.posting.revise import StoredEntry, called_off_on, revise


class Ledger:
    """What the bookkeeping room does with posting, without a database."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.documents: dict[tuple[str, str], Document] = {}
        self.stored: dict[tuple[str, str], list[StoredEntry]] = {}
        self.flags: dict[tuple[str, str], tuple[str, ...]] = {}
        self._number = 0

    def take(self, *documents: Document) -> None:
        """Post documents in the order of their arrival."""
        for document in documents:
            key = (kind_of(document), document.header.external_id)
            affected = self._post(key, document)
            for other in affected:
                if other in self.documents and other != key:
                    self._post(other, self.documents[other])

    def _post(self, key: tuple[str, str], document: Document) -> tuple[tuple[str, str], ...]:
        self.known, posted = post(self.known, document)
        self.documents[key] = document
        self.flags[key] = posted.flags
        book = self.stored.setdefault(key, [])
        periods = self.known.rules.periods
        for entry in revise(book, posted.entries, periods, called_off_on(document)):
            self._number += 1
            book.append(StoredEntry(self._number, require_balanced(entry)))
        assert revise(book, posted.entries, periods) == (), "revising again must change nothing"
        return posted.affects

    def entries(self, *kinds: str) -> list[Entry]:
        """All entries in the books, in order; of some kinds of document only, where named."""
        among = [one for key, book in self.stored.items() if not kinds or key[0] in kinds for one in book]
        return [one.entry for one in sorted(among, key=lambda one: one.number)]
