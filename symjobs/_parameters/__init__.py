"""Parameters declared once, and read from text or from Python."""

from symjobs._parameters._declared import Declared, Parameters, parameter, redeclared, text_parameters
from symjobs._parameters._kinds import Choice, Either, Flag, Integer, Kind, Number, Secret, Text

__all__ = [
    "Choice",
    "Declared",
    "Either",
    "Flag",
    "Integer",
    "Kind",
    "Number",
    "Parameters",
    "Secret",
    "Text",
    "parameter",
    "redeclared",
    "text_parameters",
]
