"""A project in one file: safetensors for the arrays, JSON in its metadata for the rest. Nothing is ever unpickled."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from symjobs._errors import ProjectError
from symjobs._models import BuiltModel, EvtWrapper, ModelRecord, WrapperRecord
from symjobs._project._catalogue import ModelCatalogue
from symjobs._state._clusters import Clusters
from symjobs._state._histograms import Histograms
from symjobs._state._params import ProjectParameters, as_text
from symjobs._state._rows import Rows
from symjobs._state._schema import Schema, letters
from symjobs._state._state import State, digest_of, schema_to_json
from symjobs._state._window import Window
from symjobs._tables._types import DENSE, LEARNT
from symkernels import Moments, SparseRows, SymkernelsError

# Version 2 brought clusters; 3 EVT wrappers, and sketches that are no longer KLL's; 4 sums in three parts.
VERSIONS = (1, 2, 3, 4)
_KEY = "symjobs.project"


@dataclass(frozen=True, slots=True)
class Saved:
    """What a file holds."""

    name: str
    type: str
    params: Mapping[str, Any]
    frozen: bool
    created: int
    modified: int
    state: State
    catalogue: ModelCatalogue


class _FieldRecord(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    type: str
    declared: bool
    index: int
    position: int
    group: int
    members: dict[str, int]


class _Record(msgspec.Struct, omit_defaults=True):
    """The JSON of the metadata. Fields with a default came after version 1; they are left out if not used."""

    version: int
    name: str
    type: str
    params: dict[str, str]
    frozen: bool
    created: int
    modified: int
    columns: list[_FieldRecord]
    histogram: bool
    histogram_exact: bool
    window: int | None
    digest: str
    clusters: dict[str, int] | None = None
    models: list[ModelRecord] = []
    wrappers: list[WrapperRecord] = []


def write_file(path: str | os.PathLike[str], saved: Saved) -> None:
    """Write a project; the file appears complete or not at all."""
    _replace(Path(path), to_bytes(saved))


def to_bytes(saved: Saved) -> bytes:
    """Return the bytes of a file."""
    from safetensors.numpy import save

    record, arrays = _parts(saved)
    record.digest = _checksum(record, arrays)
    return save(arrays, metadata={_KEY: msgspec.json.encode(record).decode()})


def to_parts(saved: Saved) -> tuple[bytes, dict[str, np.ndarray]]:
    """Return what a file would hold: its metadata, and its arrays."""
    record, arrays = _parts(saved)
    return msgspec.json.encode(record), arrays


def moments_of(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays of the moments among those of a file."""
    return _part(arrays, "moments.")


def from_parts(metadata: bytes, arrays: dict[str, np.ndarray]) -> Saved:
    """Return what `to_parts` took. The arrays are not copied."""
    return _saved(msgspec.json.decode(metadata, type=_Record), arrays)


def _parts(saved: Saved) -> tuple[_Record, dict[str, np.ndarray]]:
    arrays = _arrays(saved.state)
    for place, built in enumerate(saved.catalogue.models.values()):
        arrays |= {f"models.{place}.{name}": np.ascontiguousarray(array) for name, array in built.arrays().items()}
    wrappers = []
    for place, (model_id, wrapper) in enumerate(saved.catalogue.wrappers.items()):
        wrappers.append(wrapper.record(model_id))
        spot = wrapper.spot.arrays()
        arrays |= {f"wrappers.{place}.{name}": np.asarray(array, order="C") for name, array in spot.items()}
    state = saved.state
    record = _Record(
        version=VERSIONS[-1],
        name=saved.name,
        type=saved.type,
        params=as_text(saved.params),
        frozen=saved.frozen,
        created=saved.created,
        modified=saved.modified,
        columns=[msgspec.convert(column, _FieldRecord) for column in schema_to_json(state.schema)],
        histogram=state.histograms is not None,
        histogram_exact=state.histograms is None or state.histograms.exact,
        window=None if state.window is None else state.window.size,
        digest="",
        clusters=None if state.clusters is None else state.clusters.header(),
        models=[built.record() for built in saved.catalogue.models.values()],
        wrappers=wrappers,
    )
    return record, arrays


def read_file(path: str | os.PathLike[str]) -> Saved:
    """Read a project; ProjectError, with the name of the file, if it is damaged or no project."""
    path = Path(path)
    return _checked(path, *_read(path))


def from_bytes(data: bytes) -> Saved:
    """Return what `to_bytes` took; ProjectError if the bytes are damaged, or are those of no project."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    place = "the state"
    try:
        arrays = load(data)
        header = msgspec.json.decode(data[8 : 8 + int.from_bytes(data[:8], "little")], type=dict[str, Any])
    except (SafetensorError, msgspec.MsgspecError) as error:
        raise ProjectError(f"{place} is none that Project.state gave, or it is damaged ({error})") from error
    return _checked(place, _record(place, header.get("__metadata__", {}).get(_KEY)), arrays)


def _checked(place: object, record: _Record, arrays: dict[str, np.ndarray]) -> Saved:
    if _checksum(record, arrays) != record.digest:
        raise ProjectError(f"{place} is damaged: its content does not match its checksum; restore it from a copy")
    try:
        return _saved(record, arrays)
    except (SymkernelsError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ProjectError(f"{place} is damaged: {error}; restore it from a copy") from error


def _saved(record: _Record, arrays: dict[str, np.ndarray]) -> Saved:
    state = _state(record, arrays)
    models = {
        known.model_id: BuiltModel.restore(known, _part(arrays, f"models.{place}."))
        for place, known in enumerate(record.models)
    }
    wrappers = {
        known.model_id: EvtWrapper.restore(known, _part(arrays, f"wrappers.{place}."))
        for place, known in enumerate(record.wrappers)
    }
    if not wrappers.keys() <= models.keys():
        raise ValueError("it holds an EVT wrapper of a model that is not there")
    about = record.name, record.type, record.params, record.frozen, record.created, record.modified
    return Saved(*about, state, ModelCatalogue(models, wrappers))


def _read(path: Path) -> tuple[_Record, dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    with path.open("rb"):  # safetensors does not name a missing file in its errors
        pass
    try:
        with safe_open(path, framework="numpy") as file:
            record = _record(path, (file.metadata() or {}).get(_KEY))
            return record, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ProjectError(
            f"{path} is not a symjobs project, or it is damaged ({error}); name a file that Project.save wrote, or "
            "restore it from a copy"
        ) from error


def _record(place: object, text: str | None) -> _Record:
    if text is None:
        raise ProjectError(f"{place} is a safetensors file, but not a project; name one that Project.save wrote")
    try:
        version = msgspec.json.decode(text, type=dict[str, Any]).get("version")
        if version not in VERSIONS:
            raise ProjectError(
                f"{place} has the file version {version!r}, and this symjobs reads {VERSIONS[0]} to {VERSIONS[-1]}; "
                "install the version of symjobs that wrote it"
            )
        return msgspec.json.decode(text, type=_Record)
    except msgspec.MsgspecError as error:
        raise ProjectError(
            f"{place} is damaged: its metadata does not read ({error}); restore it from a copy"
        ) from error


def _arrays(state: State) -> dict[str, np.ndarray]:
    arrays = {f"moments.{name}": np.ascontiguousarray(array) for name, array in state.moments.arrays().items()}
    if state.histograms is not None:
        arrays["histograms"] = np.frombuffer(state.histograms.to_bytes(), dtype=np.uint8)
    if state.clusters is not None:
        arrays |= {f"clusters.{name}": array for name, array in state.clusters.arrays().items()}
    rows = None if state.window is None else state.window.rows(len(state.schema.dense), state.groups)
    if rows is not None:
        arrays["window.dense"] = np.ascontiguousarray(rows.dense)
        if rows.sparse is not None:
            for name in ("indptr", "indices", "groups"):
                arrays[f"window.{name}"] = getattr(rows.sparse, name)
            if rows.sparse.missing is not None:
                arrays["window.missing"] = rows.sparse.missing
    return arrays


def _check_fits(schema: Schema, moments: Moments) -> None:
    if len(schema.names) != moments.n_attributes:
        raise ValueError(f"it names {len(schema.names)} attributes and holds {moments.n_attributes}")
    binary = [letter == "B" for letter in letters(schema)]
    dense = [schema.fields[name].index for name in schema.dense]
    if moments.binary.tolist() != binary or moments.dense.tolist() != dense:
        raise ValueError("the types of its columns are not those of its moments")
    for name in schema.sparse:
        members = list(schema.fields[name].members.values())
        if (moments.group[members] != schema.fields[name].group).any():
            raise ValueError(f"the members of column {name!r} are not those of its moments")


def _checksum(record: _Record, arrays: Mapping[str, np.ndarray]) -> str:
    return digest_of(arrays, msgspec.json.encode(msgspec.structs.replace(record, digest="")))


def _state(record: _Record, arrays: dict[str, np.ndarray]) -> State:
    moments = Moments.from_arrays(_part(arrays, "moments."))
    state = State(_schema(record.columns), moments)
    _check_fits(state.schema, moments)
    if record.histogram:
        state.histograms = Histograms.from_bytes(
            arrays["histograms"].tobytes(), exact=record.histogram_exact, kll=record.version < 3
        )
    if record.window is not None:
        state.window = Window(record.window)
        if "window.dense" in arrays:
            shape = arrays["window.dense"].shape
            if len(shape) != 2 or shape[1] != len(state.schema.dense) or shape[0] > record.window:
                raise ValueError(f"its rolling window has the shape {shape}")
            sparse = None
            if "window.indptr" in arrays:
                sparse = SparseRows(
                    arrays["window.indptr"],
                    arrays["window.indices"],
                    arrays.get("window.missing"),
                    arrays["window.groups"],
                )
            state.window.push(Rows(arrays["window.dense"], sparse), len(state.schema.dense), state.groups)
    settings = ProjectParameters.from_text(record.params).clusters
    if (settings is None) != (record.clusters is None):
        raise ValueError("its parameters and its content do not agree on whether clusters are kept")
    if settings is not None and record.clusters is not None:
        state.clusters = Clusters.restore(settings, _part(arrays, "clusters."), record.clusters, state.schema)
    return state


def _part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _schema(columns: list[_FieldRecord]) -> Schema:
    # Add the attributes in their order, so that the schema checks each of them.
    schema = Schema()
    steps: list[tuple[int, _FieldRecord, str]] = []
    for column in columns:
        schema.add_plain(column.name, column.type, column.declared)  # keeps the order of the columns
        if column.type in DENSE:
            steps.append((column.index, column, ""))
        steps += [(index, column, member) for member, index in column.members.items()]
    for column in sorted((c for c in columns if c.type in LEARNT - DENSE), key=lambda c: c.group):
        schema.add_group(column.name, column.type, column.declared, column.group)
    for index, column, member in sorted(steps, key=lambda step: step[0]):
        if column.type in DENSE:
            schema.add_dense(column.name, column.type, column.declared, index)
        else:
            schema.add_member(column.name, member, index)
    return schema


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
