"""The columns of a project, and the attributes of the moments that belong to each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from symjobs._errors import InputError, UnknownAttribute
from symjobs._tables import check_utf8
from symjobs._tables._types import DENSE, SEPARATOR
from symjobs._text import near, shown, some, text_index, types_option
from symkernels import SymkernelsError


@dataclass(slots=True)
class Field:
    """A column by its name.

    A C or B column is one attribute (``index``), column ``position`` of the dense block. A T or L column is a presence
    group of the moments (``group``) with one attribute a member. S and X columns have no attribute.
    """

    name: str
    type: str
    declared: bool = False
    index: int = -1
    position: int = -1
    group: int = -1
    members: dict[str, int] = field(default_factory=dict)


class Schema:
    """Columns and attributes of one state.

    Attributes
    ----------
    fields : dict of str to Field
        Columns in the order of their first appearance.
    names : list of str
        Attribute names by index in the moments: columns, and members as ``column$member``.
    dense : tuple of str
        The C and B columns in the order of the dense block.
    sparse : list of str
        The T and L columns in the order of their groups.
    """

    def __init__(self) -> None:
        self.fields: dict[str, Field] = {}
        self.names: list[str] = []
        self.index: dict[str, int] = {}
        self.dense: tuple[str, ...] = ()
        self.sparse: list[str] = []
        self.flags: list[int] = []  # dense positions of the B columns, whose values must be checked

    def copy(self) -> Schema:
        """Return a copy that can grow without touching this one."""
        new = Schema()
        new.fields = {name: replace(f, members=dict(f.members)) for name, f in self.fields.items()}
        new.names = list(self.names)
        new.index = dict(self.index)
        new.dense = self.dense
        new.sparse = list(self.sparse)
        new.flags = list(self.flags)
        return new

    def add_plain(self, name: str, letter: str, declared: bool) -> None:
        """Note a column that is carried or ignored."""
        self.fields[name] = Field(name, letter, declared)

    def add_dense(self, name: str, letter: str, declared: bool, index: int) -> None:
        """Note a new C or B column, the next one of the dense block."""
        self._name_attribute(name, index)
        position = len(self.dense)
        self.fields[name] = Field(name, letter, declared, index=index, position=position)
        self.dense = (*self.dense, name)
        if letter == "B":
            self.flags.append(position)

    def add_group(self, name: str, letter: str, declared: bool, group: int) -> None:
        """Note a new T or L column."""
        self.fields[name] = Field(name, letter, declared, group=group)
        self.sparse.append(name)

    def add_member(self, name: str, member: str, index: int) -> None:
        """Note a new member of a T or L column."""
        self._name_attribute(f"{name}{SEPARATOR}{member}", index)
        self.fields[name].members[member] = index

    def widen(self, name: str) -> None:
        """Turn a B column into a C column."""
        known = self.fields[name]
        known.type = "C"
        self.flags.remove(known.position)

    def check_free(self, names: Iterable[str]) -> None:
        """Raise InputError if an attribute has one of these names already, or two of them are equal."""
        taken = set()
        for name in names:
            check_utf8(name)
            if name in self.index or name in taken:
                raise InputError(
                    f"two attributes would be named {name!r}: a column of that name, and a member of the column "
                    f"before the {SEPARATOR!r}; rename one of the columns"
                )
            taken.add(name)

    def _name_attribute(self, name: str, index: int) -> None:
        self.check_free([name])
        if index != len(self.names):
            raise RuntimeError(f"attribute {name!r} has index {index} in the moments, {len(self.names)} was due")
        self.names.append(name)
        self.index[name] = index

    def find(self, name: str | int) -> int:
        """Return the index of an attribute, given its name, or its index as a number or text. A name goes first."""
        if isinstance(name, str) and name in self.index:
            return self.index[name]
        index = _index(name)
        if index is not None and 0 <= index < len(self.names):
            return index
        raise UnknownAttribute(self._unknown(name))

    def origin(self, index: int) -> tuple[Field, str | None]:
        """Return the column of an attribute, and the member that it stands for, if any."""
        for known in self.fields.values():
            if known.index == index:
                return known, None
            member = self.names[index].removeprefix(f"{known.name}{SEPARATOR}")
            if known.members.get(member) == index:
                return known, member
        raise RuntimeError(f"attribute {index} comes from no column")

    def in_words(self, error: SymkernelsError) -> str:
        """Return the message of a kernel, with the names of the attributes at fault instead of their indices."""
        indices = getattr(error, "indices", ())
        if not indices:
            return str(error)
        names = some([self.names[i] for i in indices])
        return f"column{'s' if len(indices) > 1 else ''} {names}: {str(error).partition(': ')[2]}"

    def _unknown(self, name: object) -> str:
        known = self.fields.get(name) if isinstance(name, str) else None
        if known is not None and known.members:
            members = some(sorted(known.members))
            return (
                f"{name!r} is a category, and a single attribute is needed: name one member, as {name}$... of {members}"
            )
        if known is not None:
            why = f"the column {name!r} is of type {known.type}, which is not learnt, so there is no such attribute"
            remedy = f"; declare it a category: types={{{name!r}: 'T'}} or {types_option(str(name), 'T')}"
            return why + remedy if known.type == "S" else why
        if not self.names:
            return f"unknown attribute {shown(name)}: the project has learnt nothing yet"
        known_names = [*self.names, *self.sparse]
        hint = near(name, known_names) if isinstance(name, str) else f"known are {some(known_names)}"
        return f"unknown attribute {shown(name)}; {hint}"


def _index(name: object) -> int | None:
    if isinstance(name, str):
        return text_index(name.strip())
    return name if isinstance(name, int) and not isinstance(name, bool) else None


def letters(schema: Schema) -> list[str]:
    """Return C or B for each attribute of the moments; a member is B."""
    result = ["B"] * len(schema.names)
    for known in schema.fields.values():
        if known.type in DENSE:
            result[known.index] = known.type
    return result
