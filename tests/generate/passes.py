"""Programs that have what the passes over flow IR act on: chains of small and elementwise tasks, equal calls,
calls that do not change in a loop, comprehensions over tiny tasks with reductions, annotations, fallbacks, flows
that wrap a call, values that are known when the program is compiled; and failures and logs, which must
stay as they are. Parameters of main keep the compiler from knowing everything."""
from generate.program import Array, Function, Program

TYPES = ["int", "f64"]
LITERALS = {"int": ["0", "1", "2", "3", "7", "-1"], "f64": ["0.5", "1.0", "-2.0", "0.1", "3.25"]}
ANNOTATIONS = ["@retry(1)", "@retry(2)", "@timeout(50s)", "@timeout(90s)", "@memory(1MiB)", "@cost(1ms)", "@together"]


class PassWriter:
    def __init__(self, random, reached):
        self.random, self.reached, self.counter = random, reached, 0
        self.tasks, self.maps, self.flows, self.notes = [], [], [], []  # (name, parameter types, result)

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def pick(self, items):
        return self.random.choice(items)

    def name(self, prefix):
        self.counter += 1
        return f"{prefix}{self.counter}"

    # ---- Tasks -----------------------------------------------------------------------------------

    def expression(self, type_, scope, depth=2):
        """Of the variables in scope: (name, type)."""
        names = [n for n, t in scope if t == type_]
        if depth == 0 or self.chance(20):
            return self.pick(names) if names and self.chance(80) else self.pick(LITERALS[type_])
        a, b = (self.expression(type_, scope, depth - 1) for _ in range(2))
        if type_ == "int" and self.chance(3):
            return f"({a} {self.pick('/%')} ({b} - 1))"  # may fail
        if type_ == "f64" and self.chance(15):
            return f"f64({self.expression('int', scope, depth - 1)})"
        if self.chance(20):
            return f"{self.pick(['min', 'max'])}({a}, {b})"
        return f"({a} {self.pick('+-*')} {b})"

    def annotations(self, percent):
        if not self.chance(percent):
            return ""
        return self.pick(ANNOTATIONS) + " "

    def failure(self, name, scope):
        """Lines that fail or log for some values."""
        variable, type_ = self.pick(scope)
        lines = []
        if self.chance(7):
            lines += [f"if {variable} > {self.pick(LITERALS[type_])} {{", f'fail("{name} {{{variable}}}")', "}"]
        if self.chance(12):
            lines.append(f'log("{name} {{{variable}}}")')
        return lines

    def scalar_task(self, parameters=None):
        name = self.name("s")
        types = parameters or [self.pick(TYPES) for _ in range(self.pick([1, 2, 2, 3]))]
        scope = list(zip("abc", types))
        result = parameters[0] if parameters else self.pick(TYPES)
        lines = self.failure(name, scope)
        if self.chance(30):
            lines.append(f"let v = {self.expression(result, scope)}")
            scope.append(("v", result))
        lines.append(f"return {self.expression(result, scope)}")
        fallback = f"@fallback({self.pick(LITERALS[result])}) " if self.chance(8) else ""
        head = f"{self.annotations(15)}{fallback}task {name}({', '.join(f'{n}: {t}' for n, t in zip('abc', types))})"
        self.tasks.append((name, types, result))
        return Function(f"{head} -> {result}", lines, name)

    def map_task(self):
        """Elementwise over arrays of one extent."""
        name, type_ = self.name("e"), self.pick(TYPES)
        types = self.pick([["[]"], ["[]", "[]"], ["[]", "."], ["[]", "[]", "."]])
        scope = list(zip("xyz", types))
        lines = [self.pick(["", "", f'log("{name} {{n}}")'])] if self.chance(12) else []
        if self.chance(30):
            operand = self.pick([n for n, t in scope if t == "[]"])
            lines.append(f"return [{self.expression(type_, [(f'{operand}[i]', type_)], 2)} for i in 0..n]")
        else:
            lines.append(f"return {self.elementwise(type_, scope, 2)}")
        parameters = ", ".join(f"{n}: {type_}[n]" if t == "[]" else f"{n}: {type_}" for n, t in scope)
        head = f"{self.annotations(15)}task {name}({parameters}) -> {type_}[n]"
        self.maps.append((name, type_, types))
        return Function(head, [l for l in lines if l], name)

    def elementwise(self, type_, scope, depth):
        arrays = [n for n, t in scope if t == "[]"]
        if depth == 0:
            return self.pick(arrays)
        other = self.pick([n for n, _ in scope] + [f"{type_}({self.pick(LITERALS[type_])})"])
        return f"({self.elementwise(type_, scope, depth - 1)} {self.pick('+-*')} {other})"

    def note_task(self):
        name = self.name("note")
        self.notes.append(name)
        return Function(f"task {name}(a: int)", [f'log("{name} {{a}}")'], name)

    def wrapper_flow(self):
        name, scope = self.name("w"), [("a", "int"), ("b", "f64")]
        lines, type_ = [], self.pick(TYPES)
        if self.chance(40):
            lines += [f"if a > {self.pick(LITERALS['int'])} {{", f"return {self.call(type_, scope, [])}", "}"]
        if self.chance(30):
            lines.append(f"let k = {self.expression('int', scope[:1], 1)}")
            scope.append(("k", "int"))
        lines.append(f"return {self.call(type_, scope, [])}")
        self.flows.append((name, ["int", "f64"], type_))
        return Function(f"flow {name}(a: int, b: f64) -> {type_}", lines, name)

    def array_flow(self):
        """Its arrays may differ, those of the task that it calls may not."""
        two = [m for m in self.maps if m[2] == ["[]", "[]"]]
        if not two:
            return []
        (task, type_, _), name = self.pick(two), self.name("m")
        self.maps.append((name, type_, ["[]", "[]"]))
        head = f"flow {name}(x: {type_}[p], y: {type_}[q]) -> {type_}[p]"
        return [Function(head, [f"return {task}(x, y)"], name)]

    # ---- main ------------------------------------------------------------------------------------

    def call(self, type_, known, pending, depth=2, flows=False):
        """A value of the type: mostly a call, of calls, of known and pending variables."""
        callees = [c for c in self.tasks + (self.flows if flows else []) if c[2] == type_]
        values = [n for n, t in pending if t == type_]
        if depth == 0 or not callees or self.chance(10):
            return self.pick(values) if values and self.chance(70) else self.expression(type_, known, 1)
        name, types, _ = self.pick(callees)
        note = "" if any(name == f[0] for f in self.flows) else self.annotations(8)
        # Flows may decide by an int.
        arguments = [(self.pick("23") if name[-1] in "02468" or self.chance(20) else self.expression(t, known, 1))
                     if name.startswith("w") and t == "int" else
                     self.call(t, known, pending, depth - 1, flows) for t in types]
        return f"{note}{name}({', '.join(arguments)})"

    def remembered(self, text):
        """Often a call that is there already."""
        same = [t for t in self.said if t[1] == text[1]]
        if same and self.chance(35):
            return self.pick(same)
        self.said.append(text)
        return text

    def array(self, name, type_, extent):
        self.arrays.append((name, type_, extent))

    def add_call(self, lines):
        type_, name = self.pick(TYPES), self.name("v")
        text, _ = self.remembered((self.call(type_, self.known, self.pending, flows=True), type_))
        lines.append(f"let {name} = {text}")
        self.pending.append((name, type_))

    def space(self):
        """(iterators, variables, extents); None: an extent that only the run shows."""
        first = self.pick(["n", "n", "4", "3", "1"])
        if self.chance(15):
            return f"for i in 0..{first}, j in 0..2", [("i", "int"), ("j", "int")], (None, 2)
        if self.chance(15):
            return f"for i in 0..{first} if i % 2 == {self.pick([0, 1])}", [("i", "int")], (None,)
        return f"for i in 0..{first}", [("i", "int")], (first,)

    def body(self, type_, variables):
        """Of a comprehension: calls of the index, and some that do not change."""
        elements = [(f"{n}[i]", t) for n, t, e in self.structures if variables == [("i", "int")] and e == (self.at,)]
        binary = [n for n, p, t in self.tasks if p == [type_, type_] and t == type_]
        if binary and self.chance(12):  # a division that fails in each turn, if there are any
            return f"{self.pick(binary)}({type_}(n / k), " \
                   f"{self.call(type_, self.known + variables, self.pending + elements)})"
        return self.call(type_, self.known + variables, self.pending + elements, flows=True)

    def add_mirrored(self, lines):
        """Two comprehensions, of which the second alone reads the first: at its own index, or from the end."""
        name, types, type_ = self.pick(self.tasks)
        first, second = self.name("c"), self.name("c")
        index = self.pick(["i", "n - 1 - i"])
        arguments = [f"{first}[{index}]" if t == types[0] else self.expression(t, self.known, 1) for t in types]
        lines.append(f"let {first} = [{self.call(types[0], self.known + [('i', 'int')], [], 1)} for i in 0..n]")
        lines.append(f"let {second} = [{name}({', '.join(arguments)}) for i in 0..n]")
        self.structures.append((second, type_, ("n",)))

    def add_comprehension(self, lines):
        if self.chance(20):
            self.add_mirrored(lines)
            return
        type_, name = self.pick(TYPES), self.name("c")
        iterators, variables, extents = self.space()
        self.at = extents[0]
        text, _ = self.remembered((f"[{self.body(type_, variables)} {iterators}]", (type_, extents)))
        lines.append(f"let {name} = {text}")
        self.structures.append((name, type_, extents))

    def add_reduction(self, lines):
        if not self.structures:
            return self.add_comprehension(lines)
        source, type_, _ = self.pick(self.structures)
        combine = [n for n, p, r in self.tasks if p == [type_, type_] and r == type_] + ["add", "max", "mul"]
        extra = f", init: {type_}({self.pick(LITERALS[type_])})"
        extra += f", arity: {self.pick([2, 3])}" if self.chance(40) else ""
        extra += f", chunk: {self.pick([1, 2, 3])}" if self.chance(40) else ""
        name = self.name("r")
        text = f"reduce({self.pick(combine)}, {source}{extra})" if self.chance(75) else f"sum({source})"
        text, _ = self.remembered((text, (source,)))
        lines.append(f"let {name} = {text}")
        self.pending.append((name, type_))
        return None

    def add_chain(self, lines):
        type_ = self.pick([m[1] for m in self.maps])
        extent = self.pick(["n", "4"])
        text = self.source(type_, extent)
        for _ in range(self.pick([1, 2, 3, 4])):
            name, _, types = self.pick([m for m in self.maps if m[1] == type_])
            others = [self.source(type_, extent) if t == "[]" else self.call(type_, self.known, self.pending, 1)
                      for t in types[1:]]
            note = self.annotations(0 if name.startswith("m") else 6)
            text = f"{note}{name}({', '.join([text, *others])})"
            if self.chance(30):
                text = f"({text} {self.pick('+-*')} {type_}({self.pick(LITERALS[type_])}))"
        name = self.name("a")
        text, _ = self.remembered((text, (type_, extent)))
        lines.append(f"let {name} = {text}")
        self.array(name, type_, extent)

    def source(self, type_, extent):
        extent = "three" if self.chance(4) else extent  # which does not fit, mostly
        there = [n for n, t, e in self.arrays if (t, e) == (type_, extent)]
        there += [n for n, t, e in self.structures if (t, e) == (type_, (extent,))]
        if there and self.chance(75):
            return self.pick(there)
        return f"make_{type_}({extent}, {self.call(type_, self.known, self.pending, 1)})"

    def add_loop(self, lines):
        """A value that goes round, with calls beside it that do not change."""
        type_, name = self.pick(TYPES), self.name("l")
        lines.append(f"var {name} = {self.call(type_, self.known, self.pending, 1)}")
        lines.append(f"for i in 0..{self.pick(['n', '3', 'k'])} {{")
        inner = [("i", "int")]
        if self.chance(40):
            still = self.name("u")
            lines.append(f"let {still} = {self.call(type_, self.known, self.pending, flows=True)}")
            self.pending.append((still, type_))
            lines.append(f"{name} = ({name} {self.pick('+-')} {still})")
            self.pending.pop()
        if self.chance(30):
            lines.append(f"if i == {self.pick(['1', 'k'])} {{")
        value = self.call(type_, self.known + inner, self.pending + [(name, type_)], flows=True)
        lines.append(f"{name} = {value}")
        if lines[-2].startswith("if "):
            lines.append("}")
        if self.notes and self.chance(30):
            lines.append(f"{self.pick(self.notes)}({self.pick(['k', 'i', 'n'])})")
        lines.append("}")
        self.pending.append((name, type_))

    def add_choice(self, lines):
        """Known, but for those who take a NaN for equal to itself."""
        name, type_ = self.name("d"), self.pick(TYPES)
        same = self.pick([n for n, t in self.known if t == "f64"])
        lines.append(f"var {name} = {self.call(type_, self.known, self.pending)}")
        lines.append(f"if {same} == {same} {{")
        lines.append(f"{name} = {self.call(type_, self.known, self.pending)}")
        lines.append("}")
        self.pending.append((name, type_))

    def add_known(self, lines):
        name, type_ = self.name("k"), self.pick(TYPES)
        lines.append(f"let {name} = {self.expression(type_, self.known, 2)}")
        self.known.append((name, type_))

    def add_note(self, lines):
        if not self.notes:
            return
        lines.append(f"{self.pick(self.notes)}({self.expression('int', self.known, 1)})")

    def program(self):
        functions = [self.scalar_task() for _ in range(self.pick([3, 4, 5]))]
        functions += [self.scalar_task([t, t]) for t in TYPES]
        functions += [self.map_task() for _ in range(self.pick([2, 3]))]
        functions += self.array_flow()
        functions += [self.note_task() for _ in range(self.pick([0, 1]))]
        functions += [self.wrapper_flow() for _ in range(self.pick([1, 2]))]
        for type_ in TYPES:
            functions.append(Function(f"task make_{type_}(n: int, s: {type_}) -> {type_}[n]",
                                      [f"return [s + {type_}(i) for i in 0..n]"], f"make_{type_}"))
        self.known, self.pending = [("n", "int"), ("k", "int"), ("x", "f64")], []
        self.structures, self.arrays, self.said = [], [], []
        lines = ["let three = 3"]
        for _ in range(self.pick([5, 8, 12])):
            self.pick([self.add_call] * 3 + [self.add_comprehension] * 3 + [self.add_reduction] * 2 +
                      [self.add_chain] * 2 + [self.add_loop] * 2 + [self.add_known, self.add_note, self.add_choice])(lines)
        outputs = [(t, n) for n, t in self.pending]
        outputs += [(Array(t, tuple(None for _ in e)), n) for n, t, e in self.structures]
        outputs += [(Array(t, (None,)), n) for n, t, _ in self.arrays]
        kept = [o for o in outputs if self.chance(80)]  # what nobody needs is not run
        while len(kept) < 2:
            kept.append(("int", "n"))
        arguments = [f"n={self.pick([0, 1, 2, 5])}", f"k={self.pick([0, 1, 3, 4])}", f"x={self.pick(['0.5', '2.0', 'NaN'])}"]
        return Program([], functions, lines, kept, "n: int, k: int, x: f64", arguments)
