"""Numbers inside strings: the shortest text that reads back to the same float64."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from symjobs._errors import InputError


def number_text(x: float, /) -> str:
    """Return the shortest text that reads back to the same float64.

    Parameters
    ----------
    x : float or int
        A Python or NumPy number. Integers keep their integer text; float32 is widened first.

    Returns
    -------
    str
        ``"1.0"``, ``"1e-17"``, ``"3"``; ``"NaN"``, ``"Infinity"`` or ``"-Infinity"`` when it is not finite.
    """
    if isinstance(x, int):
        return str(int(x))  # int(): True is 1 on the wire
    kind = getattr(getattr(x, "dtype", None), "kind", "f")
    if kind in "iub":
        return str(int(x))
    value = float(x)
    if math.isfinite(value):
        return repr(value)
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def distinct_texts(values: Iterable[float], /) -> list[str]:
    """Return one text a value, all different: the keys of a map whose keys are numbers.

    The first of several equal values keeps the text of `number_text`; each later one gets trailing zeros in its
    mantissa until it differs (``0.5``, ``0.50``; ``1e-17``, ``1.0e-17``). Each still reads back to the same number.

    Parameters
    ----------
    values : iterable of float
        Finite numbers, or at most one each of NaN, inf and -inf.

    Raises
    ------
    InputError
        If NaN or an infinity comes twice: zeros cannot tell them apart.
    """
    seen: Counter[str] = Counter()
    texts = []
    for value in values:
        text = number_text(float(value))  # float(): the text of an int 0 could meet that of a padded 0.0
        repeats = seen[text]
        seen[text] += 1
        texts.append(_pad_mantissa(text, repeats) if repeats else text)
    return texts


def _pad_mantissa(text: str, zeros: int) -> str:
    # Two different numbers never meet: their shortest texts differ, and padding does not change what is read back.
    mantissa, e, exponent = text.partition("e")
    if not mantissa[-1].isdigit():
        raise InputError(f"{text} comes more than once; only finite numbers can be told apart as keys of a map")
    point = "" if "." in mantissa else "."
    return f"{mantissa}{point}{'0' * zeros}{e}{exponent}"
