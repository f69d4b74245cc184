"""Flows over the tasks that writer.py writes: structures with pending elements, loops over known values,
reductions, calls of flows at different levels. main returns all that it makes."""
from generate.program import Array, Function, Program, Struct, Tuple
from generate.scalars import FLOATS, NUMBERS, SCALARS, Variable
from generate.writer import Signature, Writer


class FlowWriter(Writer):
    """Scalars in self.scope are known; self.pending and self.structures hold the rest."""

    def start_flow(self):
        self.scope, self.loops, self.pure, self.in_flow = [], 0, True, True
        self.pending, self.structures = [], []   # (name, type), (name, element type, extent)

    # ---- Values --------------------------------------------------------------------------------

    def argument(self, type_):
        """For a parameter of a task: known, pending, or a structure that is gathered."""
        pending = [n for n, t in self.pending if t == type_]
        if pending and self.chance(60):
            self.show("L8.3")
            return self.pick(pending)
        if isinstance(type_, Array) and len(type_.extents) == 1:
            gathered = [n for n, t, e in self.structures if t == type_.element and e == type_.extents[0]]
            if gathered and self.chance(80):
                self.show("L8.5")
                return self.pick(gathered)
        elements = [(n, e) for n, t, e in self.structures if t == type_ and e]
        if elements and self.chance(60):
            name, extent = self.pick(elements)
            self.show("L8.5")
            return f"{name}[{self.index(extent)}]"
        if type_ in SCALARS:
            parts = [f"{n}.{t.names[i] if isinstance(t, Struct) else i}" for n, t in self.pending
                     if isinstance(t, (Tuple, Struct)) for i, p in enumerate(t.parts) if p == type_]
            if parts and self.chance(50):
                self.show("L5.16")
                return self.pick(parts)
            arrays = [(n, t) for n, t in self.pending if isinstance(t, Array) and t.element == type_ and
                      all(t.extents)]
            if arrays and self.chance(40):
                name, array = self.pick(arrays)
                self.show("L5.13", "L8.4")
                return f"{name}[{', '.join(self.index(e) for e in array.extents)}]"
            return self.scalar(type_, 1)
        return self.plain_value(type_)

    def task_call(self, callee):
        self.show("L7.1", "L7.2")
        values = [self.argument(t) for t in callee.parameters]
        if callee.default and self.chance(50):
            self.show("L7.3")
            values.pop()
        note = "@retry(1) " if self.chance(5) else ""
        return f"{note}{callee.name}({', '.join(values)})"

    # ---- Statements ----------------------------------------------------------------------------

    def declare_call(self, lines):
        callee = self.pick(self.signatures)
        name = self.name("t")
        lines.append(f"{self.pick(['let', 'var'])} {name} = {self.task_call(callee)}")
        self.pending.append((name, callee.result))

    def declare_structure(self, lines):
        callees = [s for s in self.signatures if s.result in SCALARS]
        if not callees:
            return self.declare_call(lines)
        callee, name, extent = self.pick(callees), self.name("s"), self.pick([1, 2, 3, 5, 8])
        index = self.name("i")
        self.scope.append(Variable(index, "int", below=extent))
        self.show("L8.5", "L5.15")
        call = self.task_call(callee)
        self.scope.pop()
        lines.append(f"var {name} = [{call} for {index} in 0..{extent}]")
        self.structures.append((name, callee.result, extent))
        return None

    def update_structure(self, lines):
        if not self.structures:
            return self.declare_structure(lines)
        name, type_, extent = self.pick(self.structures)
        callees = [s for s in self.signatures if s.result == type_]
        if not callees:
            return self.declare_call(lines)
        self.show("L6.3", "L8.6")
        index = self.name("i")
        lines.append(f"for {index} in 0..{self.pick([1, extent])} {{")
        self.scope.append(Variable(index, "int", below=extent))
        if self.chance(40):
            lines.append(f"if {self.scalar('bool', 1)} {{")
            lines.append(f"{name}[{index}] = {self.task_call(self.pick(callees))}")
            lines.append("}")
        else:
            lines.append(f"{name}[{index}] = {self.task_call(self.pick(callees))}")
        self.scope.pop()
        lines.append("}")
        return None

    def derive_structure(self, lines):
        """Slices, joins and element-wise operators of structures."""
        numeric = [s for s in self.structures if s[1] in NUMBERS]
        if not numeric:
            return self.declare_structure(lines)
        source, type_, extent = self.pick(numeric)
        name = self.name("s")
        self.show("L8.5", "L5.8")
        kind = self.random.randrange(4)
        if kind == 0:
            begin = self.random.randrange(extent + 1)
            end = self.random.randrange(begin, extent + 1)
            lines.append(f"var {name} = {source}[{begin}..{end}]")
            extent = end - begin
        elif kind == 1:
            lines.append(f"var {name} = concat({source}, {source})")
            extent *= 2
        elif kind == 2:
            lines.append(f"var {name} = append({source}, {self.typed_literal(type_)})")
            extent += 1
        else:
            operand = source if self.chance(50) else self.typed_literal(type_)
            lines.append(f"var {name} = {source} {self.pick('+-*')} {operand}")
        self.structures.append((name, type_, extent))
        return None

    def declare_reduction(self, lines):
        numeric = [s for s in self.structures if s[1] in NUMBERS and s[2]]
        if not numeric:
            return self.declare_structure(lines)
        source, type_, _ = self.pick(numeric)
        name = self.name("t")
        self.show("L7.9", "L8.9")
        if self.chance(30):
            self.show("L8.3", "L9.3" if type_ in FLOATS else "L9.1")
            lines.append(f"let {name} = {self.pick(['sum', 'min', 'max'])}({source})")
        else:
            lines.append(f"let {name} = {self.reduction_of(type_, source)}")
        self.pending.append((name, type_))
        return None

    def reduction_of(self, type_, source):
        own = [s.name for s in self.signatures if s.parameters == [type_, type_] and s.result == type_]
        combine = self.pick(own) if own and self.chance(60) else self.pick(["add", "mul", "min", "max", "sub"])
        extra = f", init: {self.typed_literal(type_)}" if self.chance(40) else ""
        extra += f", arity: {self.pick([2, 3, 4])}" if self.chance(40) else ""
        extra += f", chunk: {self.pick([1, 2, 3])}" if self.chance(40) else ""
        return f"reduce({combine}, {source}{extra})"

    def declare_pending(self, lines):
        """Operators on pending scalars and whole arrays are small tasks."""
        numbers = [(n, t) for n, t in self.pending if t in NUMBERS]
        arrays = [(n, t) for n, t in self.pending if isinstance(t, Array) and t.element in NUMBERS]
        name = self.name("t")
        self.show("L8.3")
        if arrays and self.chance(50):
            source, type_ = self.pick(arrays)
            self.show("L5.8", "L8.4")
            lines.append(f"let {name} = {source} {self.pick('+-*')} {source}")
        elif numbers:
            source, type_ = self.pick(numbers)
            other = self.pick([n for n, t in numbers if t == type_] + [self.typed_literal(type_)])
            self.show("L5.7")
            lines.append(f"let {name} = ({source} {self.pick('+-*')} {other})")
        else:
            return self.declare_call(lines)
        self.pending.append((name, type_))
        return None

    def pending_matrix(self):
        """One of those that there are, or a product, which is pending always."""
        matrices = [(n, t) for n, t in self.pending if isinstance(t, Array) and len(t.extents) == 2 and
                    all(t.extents)]
        if matrices and self.chance(60):
            return self.pick(matrices)
        rows, columns = self.pick([1, 3, 4]), self.pick([2, 5])
        left, right = self.plain_value(Array("f64", (rows, 2))), self.plain_value(Array("f64", (2, columns)))
        self.show("L5.10")
        return f"({left} @ {right})", Array("f64", (rows, columns))

    def slice_within(self, extent):
        begin = self.random.randrange(extent)
        return begin, self.random.randrange(begin + 1, extent + 1)

    def tiled(self, lines):
        """Tiles, joined again, and slices of what was joined."""
        source, type_ = self.pending_matrix()
        name = self.name("t")
        self.show("L5.18", "L8.3", "L8.5", "L8.15")
        rows, columns = type_.extents
        (top, bottom), (left, right) = self.slice_within(rows), self.slice_within(columns)
        joined = f"untile(tiles({source}, {self.pick([1, 2])}, {self.pick([1, 2, 5])}))"
        kind = self.random.randrange(5)
        if kind == 0:
            joined, type_ = f"{joined}[{top}..{bottom}, {left}..{right}]", Array(type_.element, (bottom - top, right - left))
        elif kind == 1:
            joined, type_ = f"{joined}[{top}, {left}..{right}]", Array(type_.element, (right - left,))
        elif kind == 2:
            joined, type_ = f"{joined}[:, {left}]", Array(type_.element, (rows,))
        elif kind == 3:
            joined = f"untile(tiles(concat([{source}, {joined}, {source}])[{rows}..{2*rows}, :], 2, 3))"
        elif self.chance(50):
            self.show("L8.16")
            joined, type_ = self.read_whole(joined, type_)
        lines.append(f"let {name} = {joined}")
        self.pending.append((name, type_))
        return None

    def read_whole(self, joined, type_):
        """What a task that goes over a joined array in order gives, and its type."""
        text = self.pick(["sum({0})", "max({0})", "min({0} + {0})", "({0} + {0})"]).format(joined)
        return text, type_ if text.startswith("(") else type_.element

    def joined_pending(self, lines):
        """A slice, or what is made of all, of an array that is joined from others: some that there are, some sorted, which
        makes them pending."""
        element, name = self.pick(NUMBERS), self.name("t")
        parts = [(n, t.extents[0]) for n, t in self.pending
                 if isinstance(t, Array) and t.element == element and len(t.extents) == 1][:3]
        while len(parts) < 2 or self.chance(60):
            extent = self.pick([1, 2, 4])
            parts.append((f"sort({self.plain_value(Array(element, (extent,)))})", extent))
        begin, end = self.slice_within(sum(n for _, n in parts))
        joined = ", ".join(n for n, _ in parts)
        self.show("L5.18", "L8.3", "L8.15")
        whole = f"concat({joined})" if len(parts) == 2 else f"{self.pick(['concat', 'flatten'])}([{joined}])"
        text, type_ = f"{whole}[{begin}..{end}]", Array(element, (end - begin,))
        if self.chance(50):
            self.show("L8.16")
            text, type_ = self.read_whole(whole, Array(element, (sum(n for _, n in parts),)))
        lines.append(f"let {name} = {text}")
        self.pending.append((name, type_))
        return None

    def over_pending(self, lines):
        """A pending array of known extents is gone over element by element."""
        arrays = [(n, t) for n, t in self.pending if isinstance(t, Array) and len(t.extents) == 1 and
                  t.element in NUMBERS]
        if not arrays:
            return self.declare_call(lines)
        source, type_ = self.pick(arrays)
        name, item = self.name("t"), self.name("x")
        self.show("L8.9", "L8.6")
        lines.append(f"var {name} = {self.typed_literal(type_.element)}")
        lines.append(f"for {item} in {source} {{")
        lines.append(f"{name} = ({name} {self.pick('+-*')} {item})")
        lines.append("}")
        self.pending.append((name, type_.element))
        return None

    def declare_known(self, lines):
        self.show("L8.2", "L6.1")
        name, type_ = self.name("k"), self.scalar_type()
        lines.append(f"var {name}: {type_} = {self.scalar(type_, 2)}")
        self.scope.append(Variable(name, type_, True))

    def flow_statement(self, lines):
        self.pick([self.declare_call] * 3 + [self.declare_structure] * 2 +
                  [self.update_structure, self.derive_structure, self.declare_reduction, self.tiled,
                   self.joined_pending, self.declare_pending, self.over_pending, self.declare_known, self.call_flow])(lines)

    # ---- Flows that are called -----------------------------------------------------------------

    def combining_task(self, type_):
        """A task that reductions can use."""
        self.start_flow()
        self.in_flow = False
        name = self.name("task")
        self.scope = [Variable("a", type_), Variable("b", type_)]
        value = self.scalar(type_, 2)
        self.signatures.append(Signature(name, [type_, type_], type_, False, ["a", "b"]))
        return Function(f"task {name}(a: {type_}, b: {type_}) -> {type_}", [f"return {value}"], name)

    def called_flow(self):
        """A flow over a structure and a number, which main calls with known and with pending ones."""
        type_ = self.pick(NUMBERS)
        name = self.name("flow")
        callees = [s for s in self.signatures if s.parameters == [type_, type_] and s.result == type_]
        combine = self.pick([c.name for c in callees] or ["add"])
        lines = ["var r = x",
                 f"for v in xs {{", f"r = (r {self.pick('+-*')} v)", "}",
                 f"return {combine}(r, {self.typed_literal(type_)})"]
        self.flows.append((name, type_))
        self.show("L8.7", "L8.6")
        return Function(f"flow {name}(xs: {type_}[n], x: {type_}) -> {type_}", lines, name)

    def call_flow(self, lines):
        if not self.flows:
            return self.declare_call(lines)
        flow, type_ = self.pick(self.flows)
        extent = self.pick([1, 2, 4])
        sources = [n for n, t, _ in self.structures if t == type_]
        sources += [n for n, t in self.pending if isinstance(t, Array) and t.element == type_ and
                    len(t.extents) == 1]
        sources.append(self.plain_value(Array(type_, (extent,))))
        name = self.name("t")
        self.show("L8.7", "L7.1")
        lines.append(f"let {name} = {flow}({self.pick(sources)}, {self.argument(type_)})")
        self.pending.append((name, type_))
        return None

    def flow_program(self):
        self.recursions, self.flows = [], []
        constants = self.constants_text()
        self.has_generics = self.chance(70)
        functions = self.generics_text() if self.has_generics else []
        functions += [self.task(self.chance(30)) for _ in range(self.pick([2, 3, 4]))]
        for f in functions:
            f.head = f.head.replace("PURE ", "task ", 1)
        functions += [self.combining_task(self.pick(NUMBERS)) for _ in range(2)]
        functions += [self.called_flow() for _ in range(2)]
        self.start_flow()
        lines = []
        for _ in range(self.pick([6, 10, 16])):
            self.flow_statement(lines)
        outputs = [(t, n) for n, t in self.pending]
        outputs += [(Array(t, (e,)), n) for n, t, e in self.structures]
        outputs += [(v.type, v.name) for v in self.scope]
        while len(outputs) < 2:
            outputs.append(("int", "1"))
        self.show("L7.7")
        return Program(constants, functions, lines, outputs)
