"""The types of scalars, and variables: what all parts of the generator know."""
from dataclasses import dataclass

SIGNED = ["i8", "i16", "i32", "int"]
UNSIGNED = ["u8", "u16", "u32", "u64"]
INTEGERS = SIGNED + UNSIGNED
FLOATS = ["f32", "f64"]
NUMBERS = INTEGERS + FLOATS
SCALARS = NUMBERS + ["bool"]
WIDTH = {"i8": 8, "i16": 16, "i32": 32, "int": 64, "u8": 8, "u16": 16, "u32": 32, "u64": 64}
ONE_FLOAT = ("sqrt floor ceil trunc round exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh "
             "cosh tanh asinh acosh atanh cbrt erf gamma").split()
TWO_FLOATS = ["copysign", "atan2", "pow", "hypot"]


@dataclass
class Variable:
    name: str
    type: object
    changes: bool = False
    below: int = 0  # of a loop's variable: it is in 0..below


def least(type_):
    return -(1 << WIDTH[type_] - 1) if type_ in SIGNED else 0


def most(type_):
    return (1 << WIDTH[type_] - (type_ in SIGNED)) - 1
