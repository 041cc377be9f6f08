"""Parameters declared once: checks, messages, options and the tables of the docs come from the declaration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np

from symjobs._entities import number_text
from symjobs._errors import InputError
from symjobs._parameters._kinds import Kind
from symjobs._text import is_blank, near, shown

_KEY = "parameter"


@dataclass(frozen=True)
class Declared:
    """One parameter of a `Parameters` class.

    Attributes
    ----------
    name : str
        In Python.
    wire : str
        On the wire.
    kind : Kind
    text : str
        One line: what the parameter does.
    default : object
        Its default; None may stand for none.
    required : bool
        Whether it has no default.
    """

    name: str
    wire: str
    kind: Kind
    text: str
    default: Any
    required: bool

    @property
    def label(self) -> str:
        """The name in messages: in Python and, where it is another, on the wire."""
        return self.name if self.name == self.wire else f"{self.name} ({self.wire})"

    def read(self, value: Any) -> Any:
        """Return the value of an entry of a map; InputError if it is not allowed.

        A number counts as its text, unless the kind says otherwise.
        """
        if self.kind.number_is_text and isinstance(value, int | float | np.number) and not isinstance(value, bool):
            value = number_text(value)  # type: ignore[arg-type]  # NumPy's, too
        try:
            return self.kind.parse(value) if isinstance(value, str) else self.kind.check(value)
        except InputError:
            raise
        except ValueError:
            raise self._refused(value) from None

    def check(self, value: Any) -> Any:
        """Return a value of Python in its normal type; InputError if it is not allowed."""
        if value is None and self.default is None and not self.required:
            return None
        try:
            return self.kind.check(value)
        except InputError:
            raise
        except ValueError:
            raise self._refused(value) from None

    def _refused(self, value: Any) -> InputError:
        came = "a value that is not shown" if self.kind.hidden else shown(value)
        return InputError(f"{self.label} must be {self.kind.words}, got {came}")


def parameter(wire: str, kind: Kind, text: str, *, default: Any = dataclasses.MISSING) -> Any:
    """Declare a parameter, as the value of a class attribute of a `Parameters` class.

    Parameters
    ----------
    wire : str
        Its name on the wire.
    kind : Kind
        What its values may be.
    text : str
        One line: what it does, for help texts and tables. It begins with a small letter and has no full stop.
    default : optional
        The value if it is not given; None for no value. Without a default the parameter is required.
    """
    return dataclasses.field(default=default, repr=not kind.hidden, metadata={_KEY: (wire, kind, text)})


def redeclared(of: type[Parameters], name: str, *, default: Any) -> Any:
    """Declare a parameter of a base class again, with another default.

    Parameters
    ----------
    of : type of Parameters
        The base class.
    name : str
        The parameter's name in Python.
    default
        The value if it is not given.
    """
    (known,) = (declared for declared in of.declared() if declared.name == name)
    return parameter(known.wire, known.kind, known.text, default=default)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(parameter, redeclared))
class Parameters:
    """Typed parameters; a subclass declares each once, as ``name: type = parameter(...)``, and is a frozen dataclass.

    The constructor takes Python values by their names, `from_text` a map by the names on the wire. Both check each
    value, and then call `check`. The attributes of the class are the defaults.

    Attributes
    ----------
    strict_prefix : str or None
        `from_text` refuses unknown names that begin with it: "" refuses each, None ignores each.
    blank_is_absent : bool
        Whether `from_text` takes a blank text for a parameter that was not given.

    Examples
    --------
    >>> from symjobs._parameters import Integer, Number, Parameters, parameter
    >>> class Search(Parameters):
    ...     share: float = parameter("searchShare", Number(0, 1), "share of the rows to look at", default=1.0)
    ...     steps: int = parameter("searchSteps", Integer(1), "steps at most", default=10)
    >>> Search.from_text({"searchShare": "0.5"})
    Search(share=0.5, steps=10)
    >>> Search(steps=0)
    Traceback (most recent call last):
    symjobs._errors.InputError: steps (searchSteps) must be a whole number of at least 1, got 0
    """

    strict_prefix: ClassVar[str | None] = None
    blank_is_absent: ClassVar[bool] = False
    _declared: ClassVar[tuple[Declared, ...]] = ()
    _by_wire: ClassVar[Mapping[str, Declared]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, kw_only=True)(cls)
        cls._declared = cls._read_declaration()  # once: each request reads it several times
        cls._by_wire = {declared.wire: declared for declared in cls._declared}

    def __post_init__(self) -> None:
        for declared in self._declared:
            value = getattr(self, declared.name)
            if declared.required or value is not declared.default:  # defaults are allowed: a test checks them all
                object.__setattr__(self, declared.name, declared.check(value))
        self.check()

    def check(self) -> None:
        """Raise InputError if values do not go together."""

    @classmethod
    def declared(cls) -> tuple[Declared, ...]:
        """Return what is declared, in the order of the declaration."""
        return cls._declared

    @classmethod
    def _read_declaration(cls) -> tuple[Declared, ...]:
        found = []
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # `__init_subclass__` has made it one
            wire, kind, text = field.metadata[_KEY]
            required = field.default is dataclasses.MISSING
            found.append(Declared(field.name, wire, kind, text, None if required else field.default, required))
        return tuple(found)

    @classmethod
    def from_text(cls, given: Mapping[str, Any], what: str = "the request") -> Self:
        """Read a map of parameters by their names on the wire.

        Parameters
        ----------
        given : mapping of str to str
            Text as on the wire; values of Python are taken, too.
        what : str
            What the parameters belong to, for messages.

        Raises
        ------
        InputError
            If one is unknown (as far as `strict_prefix` says), missing or not allowed, or some do not go together.
        """
        if not isinstance(given, Mapping):
            raise InputError(f"the parameters of {what} must be a map, got {shown(given)}")
        known = cls._by_wire
        values = {}
        for wire, value in given.items():
            declared = known.get(wire)
            if declared is not None:
                if not (cls.blank_is_absent and is_blank(value)):
                    values[declared.name] = declared.read(value)
            elif cls.strict_prefix is not None and str(wire).startswith(cls.strict_prefix):
                raise InputError(f"unknown parameter {wire!r} of {what}; {near(str(wire), list(known))}")
        for declared in known.values():
            if declared.required and declared.name not in values:
                raise InputError(f"{declared.label} is required; give it {declared.kind.words}")
        return cls(**values)

    def as_text(self, *, defaults: bool = True) -> dict[str, str]:
        """Return the parameters as `from_text` reads them.

        Parameters
        ----------
        defaults : bool, default True
            Whether those that have their default are among them; those without a value never are.
        """
        found = {}
        for declared in self.declared():
            value = getattr(self, declared.name)
            if value is not None and (defaults or declared.required or value != declared.default):
                found[declared.wire] = declared.kind.text(value)
        return found

    @classmethod
    def texts(cls, **values: Any) -> dict[str, str]:
        """Return some values of Python, each checked by itself, as `from_text` reads them.

        Parameters
        ----------
        **values
            By their names in Python; None where a parameter has no value.
        """
        found = {}
        for declared in cls.declared():
            if declared.name in values and (value := declared.check(values[declared.name])) is not None:
                found[declared.wire] = declared.kind.text(value)
        return found

    def values(self) -> dict[str, Any]:
        """Return the values by their names in Python."""
        return {declared.name: getattr(self, declared.name) for declared in self.declared()}


def text_parameters(given: Mapping[str, object], what: str) -> dict[str, str]:
    """Return parameters as text; Python's booleans and numbers are taken too."""
    if not isinstance(given, Mapping):
        raise InputError(f"{what} must be a map of parameters, got {given!r}")
    return {str(name): _as_text(value, f"{what}[{name!r}]") for name, value in given.items()}


def _as_text(value: object, what: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    raise InputError(f"{what} must be text, a number or a boolean, got {value!r}")
