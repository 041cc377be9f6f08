"""Parameters declared once, and read from text or from Python."""

from symjobs._parameters._declared import Declared, Parameters, parameter, redeclared, text_parameters
from symjobs._parameters._kinds import Choice, Either, Flag, Integer, Kind, Number, Text

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
    "parameter",
    "redeclared",
    "text_parameters",
]
