"""What a database should hold of the tables that hamgrd writes: the rows last found there or last written by us.

The audit compares this with what is really there. It must not take a row that is being written at that moment for one
that somebody else changed, so rows that are touched while the audit reads are left to the next one.
"""

from collections.abc import Mapping

from attrs import define, field

RowName = tuple[str, str]
"""Table and key."""

Fields = Mapping[str, str]


@define
class WrittenRows:
    """The rows by table and key; a row that is absent is not in it."""

    rows: dict[RowName, Fields] = field(factory=dict)
    _under_way: set[RowName] = field(factory=set)
    _touched: set[RowName] = field(factory=set)

    @property
    def names(self) -> list[RowName]:
        """The rows that should be there, in the order of their names."""
        return sorted(self.rows)

    def found(self, rows: Mapping[RowName, Fields]) -> None:
        """The database was read: it holds exactly these rows."""
        self.rows = dict(rows)

    def begin(self, name: RowName, fields: Fields | None) -> None:
        """A row is being written to hold these fields, or to be absent."""
        self._under_way.add(name)
        self._touched.add(name)
        if fields:
            self.rows[name] = dict(fields)
        else:
            self.rows.pop(name, None)

    def finish(self) -> None:
        """What was begun is written, or given up; in that case the rows stay as what the database should hold."""
        self._under_way.clear()

    def begin_audit(self) -> None:
        """From now on, remember what is touched."""
        self._touched = set(self._under_way)

    def audited(self, found: Mapping[RowName, Fields]) -> Mapping[RowName, Fields] | None:
        """What the database holds when that is news, else None. ``found`` covers the rows of :attr:`names`."""
        settled = {name: fields for name, fields in found.items() if name not in self._touched}
        own = {name: fields for name, fields in self.rows.items() if name in self._touched}
        if settled | own == self.rows:
            return None
        self.rows = settled | own
        return dict(self.rows)
