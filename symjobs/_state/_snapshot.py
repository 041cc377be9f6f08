"""What a project had learnt at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np

from symjobs._errors import InputError, UnknownAttribute
from symjobs._state._clusters import Clusters
from symjobs._state._inputs import Input
from symjobs._state._schema import letters
from symjobs._state._state import State
from symjobs._tables._types import DENSE
from symjobs._text import near
from symkernels import Moments, QuantileSketch


class Snapshot:
    """What a project had learnt at one moment. It is immutable.

    `Project.snapshot` returns it. Nothing is copied: the next write to the project works on a copy of the state.
    Attributes have an index, which is their position in the moments.

    Parameters
    ----------
    state : State
        What was learnt; private to symjobs.
    name : str
        Name of the project.

    Examples
    --------
    >>> import symjobs as sj
    >>> snapshot = sj.Project("iris").learn(sj.datasets.load_iris()).snapshot()
    >>> snapshot.n_rows, snapshot.column_types
    (150, ('C', 'C', 'C', 'C', 'T'))
    >>> snapshot.names[3:6]
    ('petal_width', 'species$setosa', 'species$versicolor')
    >>> print(snapshot.moments.mean()[:4].round(2))
    [5.84 3.06 3.76 1.2 ]
    """

    def __init__(self, state: State, name: str) -> None:
        self._state = state
        self._name = name

    def __repr__(self) -> str:
        return f"<Snapshot of {self.name!r}: {self.n_rows} rows, {len(self.names)} attributes>"

    @property
    def name(self) -> str:
        """Name of the project."""
        return self._name

    @property
    def type(self) -> str:
        """``cpu`` or ``gpu``."""
        return self._state.backend.kind

    @property
    def backend(self) -> str:
        """Array library of the moments: ``numpy`` or ``cupy``."""
        return self.moments.backend

    @property
    def device(self) -> str:
        """Device of the moments."""
        return self.moments.device

    @property
    def dtype(self) -> str:
        """Floating-point type of the moments."""
        return self.moments.dtype

    @property
    def moments(self) -> Moments:
        """The moments of all attributes. Do not modify: the project and other snapshots may share them."""
        return self._state.moments

    @property
    def n_rows(self) -> int:
        """Rows learnt less rows forgotten."""
        return self.moments.n_rows

    @property
    def hash(self) -> str:
        """Content hash of the state, 32 hexadecimal digits: equal states have equal hashes."""
        return self._state.hash

    @property
    def histogram(self) -> bool:
        """Whether quantile sketches are kept."""
        return self._state.histograms is not None

    @property
    def clusters(self) -> Clusters | None:
        """The clusters that the project keeps, None unless it was created with ``cluster_features``."""
        return self._state.clusters

    def require_clusters(self) -> Clusters:
        """Return the clusters that the project keeps, with at least one row in them.

        Raises
        ------
        InputError
            If it keeps none, or no row had all of the features; the message says which parameter to give.
        """
        clusters = self._state.clusters
        if clusters is None:
            raise InputError(
                f"project {self.name!r} keeps no clusters while it learns; create it with the parameter "
                "cluster_features, which names the attributes, separated by colons"
            )
        if clusters.n_rows:
            return clusters
        never = [name for name in clusters.unseen if name not in self._state.schema.index]
        if never and self.column_names:
            known = [*self.names, *self._state.schema.sparse]
            raise InputError(
                f"project {self.name!r} keeps clusters over {never[0]!r}, which has never come in the data; "
                f"{near(never[0], known)}"
            )
        if clusters.n_missing:
            raise InputError(
                f"project {self.name!r} has no row in a cluster: each of the {clusters.n_missing} rows lacked one of "
                f"{', '.join(map(repr, clusters.features))}"
            )
        raise InputError(f"project {self.name!r} has learnt nothing yet; there are no clusters")

    # Names.

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all attributes in the order of the moments; a member of a category is ``category$value``."""
        return tuple(self._state.schema.names)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """C or B for each attribute of `names`; members are B."""
        return tuple(letters(self._state.schema))

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns as they came, carried and ignored ones included."""
        return tuple(self._state.schema.fields)

    @property
    def column_types(self) -> tuple[str, ...]:
        """The type letter of each of `column_names`."""
        return tuple(known.type for known in self._state.schema.fields.values())

    @property
    def numeric(self) -> list[int]:
        """Every attribute: C and B columns, and members."""
        return list(range(len(self._state.schema.names)))

    @property
    def continuous(self) -> list[int]:
        """The C columns."""
        return [i for i, letter in enumerate(letters(self._state.schema)) if letter == "C"]

    @property
    def binary(self) -> list[int]:
        """The B columns and the members."""
        return [i for i, letter in enumerate(letters(self._state.schema)) if letter == "B"]

    def index(self, name: str | int) -> int:
        """Return the index of an attribute.

        Parameters
        ----------
        name : str or int
            A name, or an index as a number or as text. Where both fit, the name goes first.

        Raises
        ------
        UnknownAttribute
            Names the unknown one, and attributes with a name like it.
        """
        return self._state.schema.find(name)

    def resolve(self, names: Iterable[str | int], *, members: bool = False) -> list[int]:
        """Return the indices of several attributes.

        Parameters
        ----------
        names : iterable of str or int
            As `index` takes them.
        members : bool, default False
            Whether a category or list column may be named for all of its members.
        """
        return [index for _, index in self._expand(names, members)]

    def select(self, names: Sequence[str | int] | None = None) -> dict[int, str]:
        """Return the attributes that names stand for, each once.

        Parameters
        ----------
        names : sequence of str or int, optional
            As `index` takes them; the name of a category or list column stands for its members. By default every C and
            B column: the members of a whole category add up to 1, which would make any set singular.

        Returns
        -------
        dict of int to str
            By index the name that was given; the attribute's own name for a member of a column.

        Raises
        ------
        InputError
            If there is none, or one is named twice.
        """
        if names is None:
            columns = zip(self.column_names, self.column_types, strict=True)
            names = [name for name, letter in columns if letter in DENSE]
            if not names:
                raise InputError(
                    f"project {self.name!r} has no C or B column; learn one, or name the members of a category"
                )
        if not len(names):
            raise InputError("no input is named; name at least one attribute")
        found: dict[int, str] = {}
        for label, index in self._expand(names, members=True):
            if index in found:
                both = f"{label!r} and {found[index]!r} are the same attribute"
                raise InputError(f"{both if label != found[index] else f'{label!r} is named twice'}; name it once")
            found[index] = label
        return found

    def _expand(self, names: Iterable[str | int], members: bool) -> Iterator[tuple[str, int]]:
        if isinstance(names, str):
            raise InputError(f"expected a list of attribute names, got the text {names!r}; write [{names!r}]")
        for name in names:
            known = self._state.schema.fields.get(name) if members and isinstance(name, str) else None
            if known is not None and known.type in ("T", "L"):
                yield from ((self.names[index], index) for index in known.members.values())
            else:
                index = self.index(name)
                yield str(name), index

    def members(self, column: str) -> list[int]:
        """Return the indices of the members of a category or list column; UnknownAttribute if it is neither."""
        known = self._state.schema.fields.get(column)
        if known is None or known.type not in ("T", "L"):
            raise UnknownAttribute(
                f"{column!r} is no category; categories and lists are "
                f"{', '.join(map(repr, self._state.schema.sparse)) or 'none'}"
            )
        return list(known.members.values())

    def input(self, name: str | int) -> Input:
        """Return an attribute as a model's input, which tells where to find it in any table.

        Parameters
        ----------
        name : str or int
            As `index` takes it.
        """
        index = self.index(name)
        column, member = self._state.schema.origin(index)
        letter = "B" if member is not None else column.type
        return Input(self.names[index], index, letter, column.name, column.type, member)

    # Answers that need more than the moments.

    def quantile(self, attribute: str | int, q: float) -> float | None:
        """Return a quantile of an attribute, from its sketch.

        Parameters
        ----------
        attribute : str or int
            As `index` takes it.
        q : float
            Between 0 and 1.

        Returns
        -------
        float or None
            Exact up to 4,096 values, in a project with a rolling window, and for members of categories. Otherwise
            approximate: its rank is within 0.6 % of q in the middle and within 0.03 % at 0.99, closer for smooth
            distributions. None without histograms or without values. Also None after `forget`, or after a merge with
            a project that has forgotten, since a sketch cannot forget.
        """
        if not 0 <= q <= 1:
            raise InputError(f"a quantile is between 0 and 1, got {q!r}")
        return self._from_sketch(
            attribute,
            lambda position: self._state.quantile(position, q),
            lambda share: 0.0 if q <= 1 - share and share < 1 else 1.0,
        )

    def median(self, attribute: str | int) -> float | None:
        """Return the median of an attribute, the mean of the two middle values of an even number.

        Parameters
        ----------
        attribute : str or int
            As `index` takes it.

        Returns
        -------
        float or None
            As exact as `quantile`, and None in the same cases.
        """
        return self._from_sketch(attribute, self._state.median, lambda share: (1 + np.sign(2 * share - 1)) / 2)

    def _from_sketch(
        self,
        attribute: str | int,
        of_position: Callable[[int], float | None],
        of_share: Callable[[float], float],
    ) -> float | None:
        # For a member of a category, which has no sketch, from its share of ones.
        if not self.histogram:
            return None
        index = self.index(attribute)
        position = self._position(index)
        if position is not None:
            return of_position(position)
        share = float(self.moments.mean()[index])
        return None if np.isnan(share) else of_share(share)

    def sketch(self, attribute: str | int) -> QuantileSketch | None:
        """Return the sketch of an attribute's values, which answers for any quantile and rank.

        Parameters
        ----------
        attribute : str or int
            As `index` takes it.

        Returns
        -------
        symkernels.QuantileSketch or None
            A copy. None in the same cases as `quantile`, and for members of categories, which need no sketch.
        """
        position = self._position(self.index(attribute))
        found = None if position is None else self._state.sketch(position)
        return None if found is None else found.copy()

    def _position(self, index: int) -> int | None:
        # In the dense block; None for a member of a category, whose share of ones determines its quantiles.
        column = self._state.schema.fields.get(self._state.schema.names[index])
        return column.position if column is not None and column.index == index else None
