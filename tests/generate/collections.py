"""What a body does with strings, arrays of arrays, maps, generic functions and the prelude's functions that
rearrange: a part of Writer. These types are of local variables only."""
from generate.program import Array, Function, Map, Rows
from generate.scalars import FLOATS, INTEGERS, NUMBERS, Variable


class Collections:
    def collection_statement(self, lines, result):
        """Maps, and functions that flows run as tasks, are no parts of pure bodies."""
        productions = [self.declare_rows, self.change_rows, self.over_rows, self.over_pairs, self.change_part,
                       self.call_generic, self.declare_text, self.change_text, self.read_text]
        if not self.pure:
            productions += [self.declare_map] + [self.change_map] * 2 + [self.over_map, self.read_map]
            productions += [self.rearrange] * 4 + [self.truths, self.text_of_bytes, self.call_generic] * 2
        self.pick(productions)(lines, result)

    # ---- Strings -------------------------------------------------------------------------------

    def text_literal(self):
        return self.pick(['""', '"a"', '"b"', '"é"', '"a€"', '"\\u{1F600}"', '"{}"', '"\\x00\\"\\\\"', '"aé"'])

    def text(self):
        """One that is short, so that loops that add it make none that is long."""
        self.show("L4.16", "L5.30")
        if self.chance(40):
            return self.text_literal()
        self.show("L5.34")
        return f"str({self.scalar(self.scalar_type(), 1)})"

    def some_text(self, changes=False):
        return self.visible(lambda v: v.type == "str" and (v.changes or not changes))

    def declare_text(self, lines, result):
        name = self.name("s")
        lines.append(f"var {name} = {' + '.join(self.text() for _ in range(self.pick([1, 2, 3])))}")
        self.scope.append(Variable(name, "str", True))
        for _ in range(self.pick([0, 1, 2])):
            self.change_text(lines, result)
        self.read_text(lines, result)

    def change_text(self, lines, result):
        text = self.some_text(True)
        if not text:
            return self.declare_text(lines, result)
        lines.append(self.pick([f"{text.name} += {self.text()}", f"{text.name} = ({self.text()} + {text.name})"]))
        return None

    def read_text(self, lines, result):
        """Its length, a comparison, or a piece, which now and then begins within a character."""
        text = self.some_text()
        if not text:
            return self.declare_text(lines, result)
        name, kind = self.name("v"), self.random.randrange(4)
        if kind == 0:
            self.show("L5.32")
            lines.append(f"let {name} = len({text.name})")
            self.scope.append(Variable(name, "int"))
        elif kind < 3:
            self.show("L5.31")
            other = self.some_text().name if self.chance(50) else self.text()
            lines.append(f"let {name} = ({text.name} {self.pick(['==', '!=', '<', '<=', '>', '>='])} {other})")
            self.scope.append(Variable(name, "bool"))
        else:
            self.show("L5.33")
            most = f"len({text.name})"
            within = f"min({self.pick([1, 2, 5])}, {most})"
            piece = f"{within}.." if self.chance(3) else self.pick(["..", f"{most}..", f"..{most}", "0..0"])
            piece = ":" if piece == ".." else piece
            lines.append(f"let {name} = {text.name}[{piece}]")
            self.scope.append(Variable(name, "str"))
        return None

    def text_of_bytes(self, lines, result):
        self.show("L5.35")
        text, name = self.some_text(), self.name("s")
        lines.append(f"let {name} = str(bytes({text.name if text else self.text()}))")
        self.scope.append(Variable(name, "str"))

    # ---- Arrays of arrays ----------------------------------------------------------------------

    def declare_rows(self, lines, result):
        self.show("L4.2", "L5.12")
        element, name = self.pick(NUMBERS), self.name("rows")
        lengths = tuple(self.pick([0, 1, 2, 4]) for _ in range(self.pick([1, 2, 3])))
        rows = [self.array(Array(element, (n,)), 1) for n in lengths]
        lines.append(f"var {name}: {element}[_][_] = [{', '.join(rows)}]")
        self.scope.append(Variable(name, Rows(element, lengths), True))

    def some_rows(self):
        return self.visible(lambda v: isinstance(v.type, Rows))

    def change_rows(self, lines, result):
        """An element of a row, or a whole row of the same length."""
        rows = self.some_rows()
        if not rows:
            return self.declare_rows(lines, result)
        self.show("L6.3", "L6.2")
        at = self.random.randrange(len(rows.type.lengths))
        length, element = rows.type.lengths[at], rows.type.element
        if length and self.chance(60):
            lines.append(f"{rows.name}[{at}][{self.index(length)}] {self.pick(['=', '+=', '*='])} {self.scalar(element, 2)}")
        else:
            lines.append(f"{rows.name}[{at}] = {self.array(Array(element, (length,)), 1)}")
        return None

    def over_rows(self, lines, result):
        rows = self.some_rows()
        if not rows:
            return self.declare_rows(lines, result)
        self.show("L5.14", "L4.2")
        element, name, row, item = rows.type.element, self.name("v"), self.name("row"), self.name("x")
        lines.append(f"var {name} = {self.typed_literal(element)}")
        lines.append(f"for {row} in {rows.name} {{")
        if not self.pure and self.chance(40):
            self.show("L5.18")
            lines.append(f"{name} = ({name} + sum({row}))")
        else:
            lines += [f"for {item} in {row} {{", f"{name} = ({name} {self.pick('+-*')} {item})", "}"]
        lines.append("}")
        self.scope.append(Variable(name, element, True))
        return None

    # ---- Maps ----------------------------------------------------------------------------------

    def key(self, map_):
        """Of few, so that keys meet."""
        if isinstance(map_.key, str) and map_.key in INTEGERS:
            return f"({self.scalar(map_.key, 1)} & 7)"
        if map_.key == "str":
            return self.text_literal() if self.chance(40) else f"str(({self.scalar('int', 1)} & 7))"
        return f"(({self.scalar('int', 1)} & 3), ({self.scalar('u8', 1)} & 1))"

    def declare_map(self, lines, result):
        self.show("L5.24")
        type_ = Map(self.pick(INTEGERS + ["(int, u8)"] + ["str"] * 4), self.pick(NUMBERS))
        name = self.name("m")
        entries = ", ".join(f"{self.key(type_)}: {self.scalar(type_.value, 1)}"
                            for _ in range(self.pick([0, 1, 3])))
        lines.append(f"var {name} = {type_}{{{entries}}}")
        self.scope.append(Variable(name, type_, True))
        for _ in range(self.pick([0, 1, 2])):
            self.change_map(lines, result)
        self.pick([self.over_map, self.read_map])(lines, result)

    def some_map(self):
        return self.visible(lambda v: isinstance(v.type, Map))

    def change_map(self, lines, result):
        variable = self.some_map()
        if not variable:
            return self.declare_map(lines, result)
        self.show("L6.8", "L5.24")
        key = self.key(variable.type)
        if self.chance(20):
            lines.append(f"{variable.name} = remove({variable.name}, {key})")
        else:
            lines.append(f"{variable.name}[{key}] {self.pick(['=', '+=', '-=', '*='])} {self.scalar(variable.type.value, 2)}")
        return None

    def over_map(self, lines, result):
        """In order of insertion, so that rounding is the same."""
        variable = self.some_map()
        if not variable:
            return self.declare_map(lines, result)
        self.show("L5.14", "L5.24")
        value, name, key, item = variable.type.value, self.name("v"), self.name("k"), self.name("x")
        lines.append(f"var {name} = {self.typed_literal(value)}")
        if self.chance(30):
            lines.append(f"for {item} in values({variable.name}) {{")
        elif self.chance(30):
            lines.append(f"for {key} in {variable.name} {{")
            item = f"{variable.name}[{key}]"
        else:
            lines.append(f"for {key}, {item} in {variable.name} {{")
            text = self.some_text(True)
            if variable.type.key == "str" and text:
                lines.append(f"{text.name} += {key}")
        lines += [f"{name} = ({name} {self.pick('+-*')} {item})", "}"]
        self.scope.append(Variable(name, value, True))
        return None

    def read_map(self, lines, result):
        variable = self.some_map()
        if not variable:
            return self.declare_map(lines, result)
        self.show("L5.24")
        type_, name = variable.type, self.name("v")
        key = self.key(type_)
        if self.chance(50):
            lines.append(f"let {name} = len({variable.name})")
            self.scope.append(Variable(name, "int"))
        else:
            test = "true" if self.chance(3) else f"({key} in {variable.name})"
            lines.append(f"let {name} = if {test} {{ {variable.name}[{key}] }} else {{ {self.leaf(type_.value)} }}")
            self.scope.append(Variable(name, type_.value))
        return None

    # ---- The prelude's functions that rearrange ------------------------------------------------

    def numbers(self):
        """An array of rank 1 of known length, and its type."""
        type_ = Array(self.pick(NUMBERS), (self.pick([1, 2, 5, 9]),))
        return type_, self.array(type_, 1)

    def rearrange(self, lines, result):
        type_, source = self.numbers()
        name, kind = self.name("v"), self.random.randrange(5)
        made = type_
        if kind == 0:
            self.show("L5.18", "L5.20")
            text = f"sort({source})"
        elif kind == 1:
            self.show("L5.18", "L5.20")
            text, made = f"order({source})", Array("int", type_.extents)
        elif kind == 2:
            self.show("L5.18")
            text = f"reverse({source})"
        elif kind == 3:
            self.show("L7.14")
            start = f", init: {self.leaf(type_.element)}" if self.chance(50) else ""
            text = f"scan({self.pick(['add', 'mul', 'min', 'max', 'sub'])}, {source}{start})"
        else:
            self.show("L5.18")
            text, made = f"{self.pick(['argmin', 'argmax'])}({source})", "int"
        lines.append(f"let {name} = {text}")
        self.scope.append(Variable(name, made))

    def truths(self, lines, result):
        self.show("L5.18")
        array = self.array(Array("bool", (self.pick([0, 1, 5]),)), 1)
        name, function = self.name("v"), self.pick(["any", "all", "count"])
        lines.append(f"let {name} = {function}({array})")
        self.scope.append(Variable(name, "int" if function == "count" else "bool"))

    def over_pairs(self, lines, result):
        """zip and enumerate, as iterators; clamp."""
        type_, source = self.numbers()
        other = self.array(type_, 1)
        name, one, two = self.name("v"), self.name("x"), self.name("y")
        self.show("L5.18", "L5.14", "L5.21")
        lines.append(f"var {name} = {self.typed_literal(type_.element)}")
        if self.chance(50):
            lines.append(f"for {one}, {two} in zip({source}, {other}) {{")
            lines.append(f"{name} = (clamp({name}, {one}, {two}) {self.pick('+-*')} {two})")
        else:
            lines.append(f"for {one}, {two} in enumerate({source}) {{")
            lines.append(f"if ({one} > {self.pick([0, 1, 2])}) {{")
            lines.append(f"{name} = ({name} {self.pick('+-*')} {two})")
            lines.append("}")
        lines.append("}")
        self.scope.append(Variable(name, type_.element, True))

    def change_part(self, lines, result):
        """A part of a tuple, and a field, is a place."""
        target = self.visible(lambda v: v.changes and hasattr(v.type, "parts"))
        if not target:
            return self.assignment(lines, result)
        self.show("L6.3", "L5.16")
        at = self.random.randrange(len(target.type.parts))
        place = target.type.names[at] if target.type.names else at
        lines.append(f"{target.name}.{place} = {self.value(target.type.parts[at], 2)}")
        return None

    # ---- Generic functions ---------------------------------------------------------------------

    def generics_text(self):
        """Functions that programs call with several types."""
        self.show("L4.12", "L7.10", "L7.11")
        pick = Function("PURE pick<T>(a: T, b: T, first: bool) -> T",
                        ["if first {", "return a", "}", "return b"], "pick")
        last = Function("PURE last<T>(xs: T[n], otherwise: T) -> T",
                        ["var r = otherwise", "for x in xs {", "r = x", "}", "return r"], "last")
        swap = Function("PURE swap<T, U>(p: (T, U)) -> (U, T)", ["return (p.1, p.0)"], "swap")
        apply = Function("task apply<T>(f: task(T, T) -> T, a: T, b: T) -> T",
                         ["return f(f(a, b), f(b, a))"], "apply")
        return [pick, last, swap, apply]

    def call_generic(self, lines, result):
        if not self.has_generics:
            return self.declaration(lines, result)
        self.show("L4.12", "L7.10", "L7.11")
        type_, name, kind = self.scalar_type(), self.name("v"), self.random.randrange(6)
        if kind > 2:
            type_ = self.pick(NUMBERS)
        if kind == 0:
            text = f"pick({self.scalar(type_, 1)}, {self.scalar(type_, 1)}, {self.scalar('bool', 1)})"
        elif kind == 1:
            text = f"last({self.array(Array(type_, (self.pick([0, 1, 3]),)), 1)}, {self.scalar(type_, 1)})"
        elif kind == 2 or self.pure:
            text = f"swap(({self.scalar('int', 1)}, {self.scalar(type_, 1)})).0"
        else:
            self.show("L4.13", "L7.12", "L7.13", "L9.2" if type_ in FLOATS else "L9.1")
            own = [s.name for s in self.signatures if s.parameters == [type_, type_] and s.result == type_]
            combine = self.pick(own + ["add", "mul", "min", "sub"])
            text = f"apply({combine}, {self.scalar(type_, 1)}, {self.scalar(type_, 1)})"
        lines.append(f"let {name} = {text}")
        self.scope.append(Variable(name, type_))
        return None
