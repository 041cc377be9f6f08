"""Parameters declared once, and read from text or from Python."""

from symjobs._parameters._declared import Declared, Parameters, parameter, redeclared
from symjobs._parameters._kinds import Choice, Either, Flag, Integer, Kind, Number, Text
from symjobs._parameters._text_old import flag, integer, number, one_of, positive, text_parameters

__all__ = [
    "Choice",
    "Declared",
    "Either",
    "Flag",
    "Integer",
    "Kind",
    "Number",
    "Parameters",
    "Text",
    "flag",
    "integer",
    "number",
    "one_of",
    "parameter",
    "positive",
    "redeclared",
    "text_parameters",
]
