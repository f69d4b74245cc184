"""Writes random well-typed programs. Each production names the clauses of spec/language.md that a
program which contains it shows: `self.show("L5.7", …)`; generate.py reports those never reached.

Expressions are correct by construction: extents of arrays are tracked, so that indexes are mostly
inside, divisors mostly not zero, and conversions mostly fit. "Mostly": a small part may fail, and then
has to fail in the same way everywhere.
"""
from dataclasses import dataclass

from generate.collections import Collections
from generate.program import Array, Function, Program, Struct, Tuple
from generate.scalars import (FLOATS, INTEGERS, NUMBERS, ONE_FLOAT, SCALARS, SIGNED, TWO_FLOATS, UNSIGNED, WIDTH,
                              Variable, least, most)

@dataclass
class Signature:
    name: str
    parameters: list  # types
    result: object
    pure: bool
    names: list
    default: str = ""  # of the last parameter


class Writer(Collections):
    def __init__(self, random, reached):
        self.random, self.reached = random, reached
        self.scope, self.signatures, self.constants = [], [], []
        self.counter = 0
        self.pure = False      # what a flow on known values can compute, too
        self.in_flow = False
        self.loops = 0
        self.has_generics, self.structs = False, []

    # ---- Chance --------------------------------------------------------------------------------

    def show(self, *clauses):
        for clause in clauses:
            self.reached[clause] = self.reached.get(clause, 0) + 1

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def pick(self, items):
        return self.random.choice(items)

    def name(self, prefix):
        self.counter += 1
        return f"{prefix}_{self.counter}"

    def scalar_type(self):
        self.show("L4.1")
        return self.random.choices(SCALARS, [2, 2, 3, 8, 3, 2, 2, 3, 4, 8, 2])[0]

    def array_type(self, rank=0):
        rank = rank or self.random.choices([1, 2, 3], [6, 3, 1])[0]
        self.show("L4.2")
        return Array(self.pick(NUMBERS) if self.chance(80) else "bool",
                     tuple(self.pick([0, 1, 2, 3, 4, 5, 9]) if rank == 1 else self.pick([1, 2, 3])
                           for _ in range(rank)))

    def tuple_type(self):
        self.show("L4.3")
        parts = tuple(self.scalar_type() for _ in range(self.pick([2, 2, 3])))
        return Tuple(parts, tuple("pqr"[:len(parts)]) if self.chance(50) else ())

    def struct_type(self):
        self.show("L4.20")
        name, fields = self.name("S"), self.random.sample("abcd", self.pick([1, 2, 3]))
        simple = [self.scalar_type, self.scalar_type, self.tuple_type, lambda: self.array_type(self.pick([1, 2]))]
        return Struct(name, tuple((f, self.pick(simple)()) for f in fields))

    def any_type(self):
        kind = self.random.random()
        if self.structs and kind > .9:
            self.show("L4.20")
            return self.pick(self.structs)
        return self.scalar_type() if kind < .6 else self.array_type() if kind < .88 else self.tuple_type()

    # ---- Variables -----------------------------------------------------------------------------

    def visible(self, wanted):
        found = [v for v in self.scope if wanted(v)]
        return self.pick(found) if found else None

    def of_type(self, type_, changes=False):
        return self.visible(lambda v: v.type == type_ and (v.changes or not changes))

    # ---- Scalars -------------------------------------------------------------------------------

    def literal(self, type_):
        self.show("L5.1", "L5.3")
        if type_ == "bool":
            return self.pick(["true", "false"])
        if type_ in FLOATS:
            return self.pick(["0.0", "1.0", "-1.5", "0.1", "3.25", "-2.0", "1e3", "1e-3", "7.0", "100.5"])
        special = [0, 1, 2, 3, 7, most(type_), most(type_) - 1, least(type_), 100, 5]
        if type_ in SIGNED:
            special += [-1, -2, -7]
        return str(self.pick(special))

    def typed_literal(self, type_):
        """A literal whose type does not depend on its context."""
        if type_ == "bool":
            return self.literal(type_)
        self.show("L5.5")
        return f"{type_}({self.literal(type_)})"

    def leaf(self, type_):
        choices = [v for v in self.scope if v.type == type_]
        if type_ in INTEGERS + FLOATS and self.chance(20):
            narrower = [v for v in self.scope if v.type in self.narrower(type_)]
            if narrower:
                self.show("L5.5", "L5.2")
                return f"{type_}({self.pick(narrower).name})"
        elements = [v for v in self.scope if isinstance(v.type, Array) and v.type.element == type_ and
                    all(v.type.extents)]
        if elements and self.chance(35):
            return self.element(self.pick(elements))
        parts = [v for v in self.scope if isinstance(v.type, (Tuple, Struct)) and type_ in v.type.parts]
        if parts and self.chance(25):
            return self.part(self.pick(parts), type_)
        if choices and self.chance(85):
            return self.pick(choices).name
        named = [n for n, t in self.constants if t == type_]
        if named and self.chance(50):
            self.show("L3.5")
            return self.pick(named)
        return self.typed_literal(type_)

    def narrower(self, type_):
        if type_ == "f64":
            return ["f32"]
        if type_ not in WIDTH:
            return []
        kind = SIGNED if type_ in SIGNED else UNSIGNED
        found = [t for t in kind if WIDTH[t] < WIDTH[type_]]
        return found + [t for t in UNSIGNED if type_ in SIGNED and WIDTH[t] < WIDTH[type_]]

    def index(self, extent):
        """An index below a positive extent; now and then one that is outside."""
        if self.chance(1):
            self.show("L5.13")
            return str(extent + self.pick([0, 1, 5]))
        loop = self.visible(lambda v: v.below and v.below <= extent)
        if loop and self.chance(70):
            return loop.name
        if self.chance(30):
            return f"(({self.leaf('int')} & {(1 << extent.bit_length() - 1) - 1}))"
        return str(self.random.randrange(extent))

    def element(self, array):
        self.show("L5.13")
        return f"{array.name}[{', '.join(self.index(e) for e in array.type.extents)}]"

    def part(self, variable, type_):
        self.show("L5.16")
        at = self.pick([i for i, t in enumerate(variable.type.parts) if t == type_])
        if isinstance(variable.type, Struct):
            self.show("L4.21")
        if isinstance(variable.type, Struct) or variable.type.names and self.chance(60):
            return f"{variable.name}.{variable.type.names[at]}"
        return f"{variable.name}.{at}"

    def scalar(self, type_, depth=3):
        if depth <= 0 or self.chance(20):
            return self.leaf(type_)
        productions = [self.conditional, self.call, self.leaf_of_array]
        if type_ == "bool":
            productions += [self.comparison] * 5 + [self.logic] * 3 + [self.float_test]
        else:
            productions += [self.arithmetic] * 7 + [self.conversion] * 2 + [self.function] * 3
        if type_ in INTEGERS:
            productions += [self.bitwise] * 3 + [self.shift] * 2
        return self.pick(productions)(type_, depth - 1)

    def right_side(self, type_, depth):
        """The second operand; a literal takes its type from the first."""
        if type_ != "bool" and self.chance(25):
            self.show("L5.2")
            return self.literal(type_)
        return self.scalar(type_, depth)

    def arithmetic(self, type_, depth):
        self.show("L5.7", "L9.1" if type_ in INTEGERS else "L9.2")
        left = self.scalar(type_, depth)
        if self.chance(10):
            return f"(-{left})" if not left.startswith("-") else left
        operator = self.pick("+-*+-*/%")
        if operator in "/%" and type_ in INTEGERS:
            right = self.scalar(type_, depth)
            return f"({left} {operator} {right if self.chance(2) else f'({right} | 1)'})"
        return f"({left} {operator} {self.right_side(type_, depth)})"

    def bitwise(self, type_, depth):
        self.show("L5.7")
        if self.chance(20):
            return f"(~{self.scalar(type_, depth)})"
        return f"({self.scalar(type_, depth)} {self.pick('&|^')} {self.right_side(type_, depth)})"

    def shift(self, type_, depth):
        self.show("L9.1")
        mask = self.pick([7, 15, 31, 63, 127])
        return f"({self.scalar(type_, depth)} {self.pick(['<<', '>>'])} ({self.scalar(type_, depth)} & {mask}))"

    def comparison(self, _, depth):
        self.show("L5.7")
        type_ = self.pick(SCALARS)
        operators = ["==", "!="] if type_ == "bool" else ["==", "!=", "<", "<=", ">", ">="]
        return f"({self.scalar(type_, depth)} {self.pick(operators)} {self.right_side(type_, depth)})"

    def logic(self, _, depth):
        self.show("L5.7")
        if self.chance(25):
            return f"(!{self.scalar('bool', depth)})"
        return f"({self.scalar('bool', depth)} {self.pick(['&&', '||', '==', '!='])} {self.scalar('bool', depth)})"

    def float_test(self, _, depth):
        self.show("L5.17")
        return f"{self.pick(['is_nan', 'is_finite'])}({self.scalar(self.pick(FLOATS), depth)})"

    def conditional(self, type_, depth):
        self.show("L5.11")
        return (f"(if {self.scalar('bool', depth)} {{ {self.scalar(type_, depth)} }} "
                f"else {{ {self.scalar(type_, depth)} }})")

    def conversion(self, type_, depth):
        self.show("L5.5")
        other = self.pick([t for t in NUMBERS if t != type_])
        if type_ in FLOATS:
            return f"{type_}({self.scalar(other, depth)})"
        if other in FLOATS:
            if self.chance(3):
                return f"{type_}({self.scalar(other, depth)})"
            value = self.scalar(other, depth)
            return f"{type_}(if {self.not_nan(value)} {{ max(min({value}, 100.0), 0.0) }} else {{ 1.0 }})"
        if self.chance(3):
            return f"{type_}({self.scalar(other, depth)})"
        return f"{type_}(({self.scalar(other, depth)} & 127))"

    def not_nan(self, value):
        return f"({value} == {value})"

    def function(self, type_, depth):
        self.show("L5.17")
        one, two = self.scalar(type_, depth), self.right_side(type_, depth)
        if self.chance(30):
            return f"{self.pick(['min', 'max', 'add', 'sub', 'mul'])}({one}, {two})"
        if self.chance(20):
            return f"abs({one})"
        if type_ in FLOATS:
            if self.chance(15):
                return f"fma({one}, {two}, {self.scalar(type_, depth)})"
            if self.chance(30):
                return f"{self.pick(TWO_FLOATS)}({one}, {two})"
            return f"{self.pick(ONE_FLOAT)}({one})"
        if type_ == "int" and self.chance(50):
            return f"{self.pick(['popcount', 'leading_zeros', 'trailing_zeros'])}({self.scalar(self.pick(INTEGERS), depth)})"
        if type_ in ("u32", "u64") and self.chance(50):
            self.show("L9.4")
            return f"bits({self.scalar('f32' if type_ == 'u32' else 'f64', depth)})"
        return f"mul_high({one}, {two})"

    def leaf_of_array(self, type_, depth):
        """A scalar that is made of an array: its length, or in tasks a fold of it."""
        arrays = [v for v in self.scope if isinstance(v.type, Array)]
        if type_ == "int" and arrays and self.chance(60):
            array = self.pick(arrays)
            self.show("L5.16")
            if len(array.type.extents) == 2 and self.chance(60):
                return f"{array.name}{self.pick(['.rows', '.cols'])}"
            return f"len({array.name})"
        if type_ == "bool" or self.pure or self.in_flow:
            return self.leaf(type_)
        array = self.array(Array(type_, (self.pick([1, 2, 3, 8, 9, 20]),)), depth)
        if self.chance(50):
            self.show("L5.18", "L9.3" if type_ in FLOATS else "L9.1")
            return f"sum({array})"
        if self.chance(40):
            self.show("L5.18", "L9.2")
            return f"{self.pick(['min', 'max'])}({array})"
        return self.reduction(type_, array)

    def reduction(self, type_, array):
        self.show("L7.9")
        combine = self.pick(["add", "min", "max", "mul", "sub"])
        extra = f", init: {self.leaf(type_)}" if self.chance(40) else ""
        extra += f", arity: {self.pick([2, 3, 4])}" if self.chance(40) else ""
        extra += f", chunk: {self.pick([1, 2, 3])}" if self.chance(40) else ""
        return f"reduce({combine}, {array}{extra})"

    # ---- Calls ---------------------------------------------------------------------------------

    def call(self, type_, depth):
        callees = [s for s in self.signatures if s.result == type_ and (s.pure or not self.pure)]
        if not callees or self.in_flow or depth < 1 or self.loops > 1:
            return self.leaf(type_) if type_ in SCALARS else self.value(type_, 0)
        return self.call_of(self.pick(callees), depth - 1)

    def call_of(self, callee, depth):
        self.show("L7.1", "L7.2")
        count = len(callee.parameters)
        if callee.default and self.chance(50):
            self.show("L7.3")
            count -= 1
        named_from = self.random.randrange(count + 1) if self.chance(30) else count
        values = []
        for i in range(count):
            value = self.value(callee.parameters[i], depth)
            values.append(f"{callee.names[i]}: {value}" if i >= named_from else value)
        return f"{callee.name}({', '.join(values)})"

    # ---- Arrays and tuples ---------------------------------------------------------------------

    def value(self, type_, depth=2):
        if isinstance(type_, Array):
            return self.array(type_, depth)
        if isinstance(type_, Tuple):
            return self.tuple(type_, depth)
        if isinstance(type_, Struct):
            return self.struct(type_, depth)
        return self.scalar(type_, depth)

    def tuple(self, type_, depth):
        variable = self.of_type(type_)
        if variable and self.chance(50):
            return variable.name
        self.show("L4.3")
        return f"({', '.join(self.value(p, depth - 1) if p == 'bool' else self.anchored(p, depth - 1) for p in type_.parts)})"

    def struct(self, type_, depth):
        variable = self.of_type(type_)
        if variable and self.chance(60):
            return variable.name
        self.show("L4.20")
        fields = [f"{n}: {self.value(t, max(depth - 1, 0))}" for n, t in type_.fields]
        self.random.shuffle(fields)
        return f"{type_.name}{{{', '.join(fields)}}}"

    def anchored(self, type_, depth):
        return self.scalar(type_, depth)

    def array(self, type_, depth):
        variable = self.of_type(type_)
        if variable and (self.chance(40) or depth <= 0):
            return variable.name
        productions = [self.comprehension] * 3 + [self.array_call]
        if depth > 0:
            productions += [self.elementwise] * 3
            productions += [self.array_function] * 2
        if len(type_.extents) == 1:
            productions += [self.list_of, self.slice, self.fill]
            if depth > 0:
                productions += [self.joined]
        else:
            productions += [self.fill]
        if len(type_.extents) == 2 and depth > 0:
            productions += [self.transposed]
            if type_.element != "bool" and not self.pure and not self.in_flow:
                productions += [self.product]
        return self.pick(productions)(type_, depth - 1)

    def list_of(self, type_, depth):
        self.show("L5.12")
        extent = type_.extents[0]
        if extent == 0:
            return self.fill(type_, depth)
        items = [self.scalar(type_.element, max(depth, 0)) for _ in range(extent)]
        return f"[{', '.join(items)}]"

    def fill(self, type_, depth):
        self.show("L5.18")
        extents = ", ".join(map(str, type_.extents))
        return f"fill({self.scalar(type_.element, min(depth, 1))}, {extents})"

    def comprehension(self, type_, depth):
        self.show("L5.15", "L5.14")
        names = [self.name("i") for _ in type_.extents]
        mark = len(self.scope)
        self.scope += [Variable(n, "int", below=e) for n, e in zip(names, type_.extents)]
        self.loops += 1
        item = self.scalar(type_.element, max(min(depth, 2), 0))
        self.loops -= 1
        del self.scope[mark:]
        ranges = [f"{n} in 0..{e}" if self.chance(80) or e == 0 else f"{n} in 0..={e - 1}"
                  for n, e in zip(names, type_.extents)]
        return f"[{item} for {', '.join(ranges)}]"

    def slice(self, type_, depth):
        extent = type_.extents[0]
        arrays = [v for v in self.scope if isinstance(v.type, Array) and v.type.element == type_.element
                  and v.type.extents[-1] is not None and v.type.extents[-1] >= extent]
        if not arrays:
            return self.comprehension(type_, depth)
        self.show("L5.13")
        array = self.pick(arrays)
        if not all(array.type.extents[:-1]):
            return self.comprehension(type_, depth)
        begin = self.random.randrange(array.type.extents[-1] - extent + 1)
        before = [self.index(e) for e in array.type.extents[:-1]]
        whole = array.type.extents[-1] == extent
        cut = ":" if whole and self.chance(50) else f"{begin}..{begin + extent}"
        return f"{array.name}[{', '.join([*before, cut])}]"

    def elementwise(self, type_, depth):
        if type_.element == "bool":
            return self.comprehension(type_, depth)
        self.show("L5.8", "L9.2" if type_.element in FLOATS else "L9.1")
        left = self.array(type_, depth)
        right = self.array(type_, depth) if self.chance(60) else self.leaf(type_.element)
        if self.chance(30):
            left, right = right, left
        return f"({left} {self.pick('+-*')} {right})" if right != left or self.is_array(left) else left

    def is_array(self, text):
        return any(v.name == text and isinstance(v.type, Array) for v in self.scope) or text[0] in "[("

    def array_function(self, type_, depth):
        if type_.element == "bool":
            return self.comprehension(type_, depth)
        self.show("L5.8", "L5.17")
        one = self.array(type_, depth)
        if type_.element in FLOATS and self.chance(50):
            return f"{self.pick(ONE_FLOAT)}({one})"
        return f"{self.pick(['min', 'max'])}({one}, {self.array(type_, depth)})"

    def joined(self, type_, depth):
        self.show("L5.18")
        extent = type_.extents[0]
        if extent and self.chance(40):
            return f"append({self.array(Array(type_.element, (extent - 1,)), depth)}, {self.scalar(type_.element, 1)})"
        if extent and self.chance(30):
            rows = self.pick([d for d in range(1, extent + 1) if extent % d == 0])
            return f"flatten({self.array(Array(type_.element, (rows, extent // rows)), depth)})"
        cut = self.random.randrange(extent + 1)
        return (f"concat({self.array(Array(type_.element, (cut,)), depth)}, "
                f"{self.array(Array(type_.element, (extent - cut,)), depth)})")

    def transposed(self, type_, depth):
        self.show("L5.18")
        return f"transpose({self.array(Array(type_.element, type_.extents[::-1]), depth)})"

    def product(self, type_, depth):
        self.show("L5.10")
        inner = self.pick([1, 2, 3])
        rows, columns = type_.extents
        return (f"({self.array(Array(type_.element, (rows, inner)), depth)} @ "
                f"{self.array(Array(type_.element, (inner, columns)), depth)})")

    def array_call(self, type_, depth):
        return self.call(type_, depth) if depth > 0 else self.comprehension(type_, depth)

    # ---- Statements ----------------------------------------------------------------------------

    def block(self, lines, count, result):
        mark = len(self.scope)
        for _ in range(count):
            self.statement(lines, result)
        del self.scope[mark:]

    def statement(self, lines, result):
        productions = [self.declaration] * 5 + [self.assignment] * 5
        if self.loops < 2:
            productions += [self.if_statement] * 2 + [self.for_range] * 2 + [self.for_array, self.while_loop]
        if self.loops:
            productions += [self.leave]
        productions += [self.destructuring, self.early_return, self.check, self.call_statement]
        productions += [self.collection_statement] * 4
        self.pick(productions)(lines, result)

    def declaration(self, lines, result):
        self.show("L6.1", "L3.3")
        type_ = self.any_type()
        name, changes = self.name("v"), self.chance(60)
        # A declared type gives literals theirs; without one the value says it itself.
        spelled = type_ not in SCALARS or self.chance(60)
        spelled_type = f": {type_}" if spelled else ""
        lines.append(f"{'var' if changes else 'let'} {name}{spelled_type} = {self.value(type_)}")
        self.scope.append(Variable(name, type_, changes))

    def assignment(self, lines, result):
        target = self.visible(lambda v: v.changes and (v.type in SCALARS or isinstance(v.type, (Array, Tuple, Struct))))
        if not target:
            return self.declaration(lines, result)
        self.show("L6.3")
        type_ = target.type
        if isinstance(type_, Array):
            return self.array_assignment(lines, target)
        if isinstance(type_, (Tuple, Struct)):
            lines.append(f"{target.name} = {self.value(type_)}")
            return None
        if type_ != "bool" and self.chance(40):
            lines.append(f"{target.name} {self.pick('+-*')}= {self.scalar(type_, 2)}")
        else:
            lines.append(f"{target.name} = {self.scalar(type_, 3)}")
        return None

    def array_assignment(self, lines, target):
        type_ = target.type
        self.show("L6.2")
        if not all(type_.extents) or self.chance(25):
            lines.append(f"{target.name} = {self.array(type_, 2)}")
        elif self.chance(25):
            self.show("L5.13")
            before = [self.index(e) for e in type_.extents[:-1]]
            end = self.random.randrange(type_.extents[-1] + 1)
            place = ", ".join([*before, f"0..{end}"])
            lines.append(f"{target.name}[{place}] = {self.array(Array(type_.element, (end,)), 1)}")
        else:
            operator = f"{self.pick('+-*')}=" if type_.element != "bool" and self.chance(40) else "="
            lines.append(f"{self.element(target)} {operator} {self.scalar(type_.element, 2)}")

    def call_statement(self, lines, result):
        callees = [s for s in self.signatures if s.pure or not self.pure]
        if not callees or self.loops > 1:
            return self.assignment(lines, result)
        callee, name = self.pick(callees), self.name("v")
        lines.append(f"let {name} = {self.call_of(callee, 1)}")
        self.scope.append(Variable(name, callee.result))
        return None

    def destructuring(self, lines, result):
        type_ = self.tuple_type()
        if self.pure and self.in_flow:
            return self.declaration(lines, result)
        self.show("L6.1")
        names = [self.name("v") for _ in type_.parts]
        value = self.tuple(type_, 2)
        lines.append(f"let ({', '.join(names)}) = {value}")
        self.scope += [Variable(n, t) for n, t in zip(names, type_.parts)]
        return None

    def if_statement(self, lines, result):
        self.show("L6.4")
        lines.append(f"if {self.scalar('bool', 2)} {{")
        self.block(lines, self.pick([1, 2]), result)
        if self.chance(50):
            lines.append("} else {")
            self.block(lines, self.pick([1, 2]), result)
        lines.append("}")

    def loop_body(self, lines, result, variables):
        mark = len(self.scope)
        self.scope += variables
        self.loops += 1
        self.block(lines, self.pick([1, 2, 3]), result)
        self.loops -= 1
        del self.scope[mark:]
        lines.append("}")

    def for_range(self, lines, result):
        self.show("L5.14", "L6.4")
        name, extent = self.name("i"), self.pick([0, 1, 3, 5])
        if self.chance(20):
            lines.append(f"for {name} in range({self.pick([9, 5, 0])}, {self.pick([0, 3])}, {self.pick([-1, -3, 2])}) {{")
            return self.loop_body(lines, result, [Variable(name, "int")])
        lines.append(f"for {name} in 0..{extent} {{")
        return self.loop_body(lines, result, [Variable(name, "int", below=extent)])

    def for_array(self, lines, result):
        array = self.visible(lambda v: isinstance(v.type, Array) and not v.changes)
        if not array:
            return self.for_range(lines, result)
        self.show("L5.14")
        name, type_ = self.name("x"), array.type
        item = type_.element if len(type_.extents) == 1 else Array(type_.element, type_.extents[1:])
        lines.append(f"for {name} in {array.name} {{")
        return self.loop_body(lines, result, [Variable(name, item)])

    def while_loop(self, lines, result):
        self.show("L6.4")
        name = self.name("n")
        lines.append(f"var {name} = 0")
        lines.append(f"while {name} < {self.pick([1, 3, 6])} {{")
        lines.append(f"{name} += 1")
        self.loop_body(lines, result, [Variable(name, "int")])

    def leave(self, lines, result):
        self.show("L6.4")
        lines.append(f"if {self.scalar('bool', 2)} {{")
        lines.append(self.pick(["break", "continue"]))
        lines.append("}")

    def early_return(self, lines, result):
        if self.chance(60):
            return self.declaration(lines, result)
        self.show("L6.5")
        lines.append(f"if {self.scalar('bool', 2)} {{")
        lines.append(f"return {self.value(result)}")
        lines.append("}")
        return None

    def check(self, lines, result):
        """A failure that is decided by values; mostly it is not reached."""
        if self.chance(80):
            return self.assignment(lines, result)
        self.show("L6.7", "L5.19")
        shown = self.visible(lambda v: v.type in SCALARS)
        message = '"no"' + (f" + str({shown.name})" if shown else "")
        lines.append(f"if ({self.scalar('int', 2)} == 12345) {{")
        lines.append(f"fail({message})")
        lines.append("}")
        return None

    # ---- Functions -----------------------------------------------------------------------------

    def task(self, pure):
        """A task; a pure one can be a flow on known values, too."""
        self.scope, self.loops, self.pure, self.in_flow = [], 0, pure, False
        name = self.name("pure" if pure else "task")
        types = [self.any_type() for _ in range(self.pick([1, 2, 3, 4]))]
        names = [self.name("p") for _ in types]
        self.scope = [Variable(n, t) for n, t in zip(names, types)]
        result = self.any_type()
        shown = [f"{n}: {t}" for n, t in zip(names, types)]
        default = ""
        if types[-1] not in ("bool",) and types[-1] in SCALARS and self.chance(40):
            default = self.literal(types[-1])
            shown[-1] += f" = {default}"
        lines = []
        self.block_of_body(lines, result)
        self.scope = []
        self.signatures.append(Signature(name, types, result, pure, names, default))
        self.show("L7.1", "L4.6", "L4.7")
        note = "@together " if not pure and self.chance(5) else "@retry(2) " if not pure and self.chance(5) else ""
        if note:
            self.show("L7.5")
        return Function(f"{note}{'PURE' if pure else 'task'} {name}({', '.join(shown)}) -> {result}", lines, name)

    def block_of_body(self, lines, result):
        for _ in range(self.pick([2, 4, 6, 9])):
            self.statement(lines, result)
        lines.append(f"return {self.value(result, 3)}")

    def recursive(self):
        """Counts down: the depth is known, what is computed on the way is not."""
        self.scope, self.loops, self.pure, self.in_flow = [], 0, True, False
        self.show("L7.4")
        name, type_ = self.name("pure"), self.pick(NUMBERS)
        self.scope = [Variable("n", "int"), Variable("x", type_)]
        step, back = self.scalar(type_, 2), self.pick("+-*")
        lines = ["if n <= 0 {", "return x", "}",
                 f"return ({name}((n - {self.pick([1, 2])}), {step}) {back} {self.scalar(type_, 2)})"]
        self.scope = []
        self.recursions.append(Signature(name, ["int", type_], type_, True, ["n", "x"]))
        return Function(f"PURE {name}(n: int, x: {type_}) -> {type_}", lines, name)

    # ---- main ----------------------------------------------------------------------------------

    def constants_text(self):
        lines = []
        for _ in range(self.pick([0, 1, 3])):
            name, type_ = self.name("K"), self.pick(["int", "f64", "u8", "i32"])
            value = self.literal(type_)
            lines.append(f"let {name}: {type_} = {value}")
            self.constants.append((name, type_))
        for _ in range(self.pick([0, 1, 2])):
            struct = self.struct_type()
            self.structs.append(struct)
            lines.append(struct.declaration())
        return lines

    def plain_arguments(self, callee):
        """Arguments of literals only, so that a flow gets known ones."""
        self.scope, self.pure, self.in_flow = [], True, True
        constants, self.constants = self.constants, []
        text = ", ".join(self.plain_value(t) for t in callee.parameters)
        self.constants = constants
        return text

    def plain_value(self, type_):
        if isinstance(type_, Struct):
            return f"{type_.name}{{{', '.join(f'{n}: {self.plain_value(t)}' for n, t in type_.fields)}}}"
        if isinstance(type_, Tuple):
            return f"({', '.join(self.typed_literal(p) for p in type_.parts)})"
        if not isinstance(type_, Array):
            return self.typed_literal(type_)
        if len(type_.extents) == 1 and type_.extents[0]:
            return f"[{', '.join(self.typed_literal(type_.element) for _ in range(type_.extents[0]))}]"
        return f"fill({self.typed_literal(type_.element)}, {', '.join(map(str, type_.extents))})"

    def pure_program(self):
        """Functions that are run as tasks, and as flows on known values."""
        self.recursions = []
        constants = self.constants_text()
        self.has_generics = self.chance(70)
        functions = self.generics_text() if self.has_generics else []
        functions += [self.task(True) for _ in range(self.pick([2, 3, 4]))] + [self.recursive()]
        outputs = []
        for callee in self.signatures:
            for _ in range(self.pick([1, 2])):
                outputs.append((callee.result, f"{callee.name}({self.plain_arguments(callee)})"))
        for callee in self.recursions:
            depth = self.pick([0, 3, 17])
            outputs.append((callee.result, f"{callee.name}({depth}, {self.typed_literal(callee.result)})"))
        self.show("L7.7", "L8.1", "L8.2")
        return Program(constants, functions, [], outputs)

