"""Programs as the generator holds them: enough structure to print them and to take parts away."""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Array:
    element: str
    extents: tuple  # each a number, or None where it is not known

    def free(self):
        return f"{self.element}[{', '.join('_' for _ in self.extents)}]"

    def __str__(self):
        return f"{self.element}[{', '.join('_' if e is None else str(e) for e in self.extents)}]"


@dataclass(frozen=True)
class Tuple:
    parts: tuple  # types of scalars
    names: tuple = ()

    def __str__(self):
        parts = [f"{n}: {p}" for n, p in zip(self.names, self.parts)] if self.names else self.parts
        return f"({', '.join(map(str, parts))})"


@dataclass(frozen=True)
class Struct:
    name: str
    fields: tuple  # of (name, type)

    @property
    def parts(self):
        return tuple(t for _, t in self.fields)

    @property
    def names(self):
        return tuple(n for n, _ in self.fields)

    def __str__(self):
        return self.name

    def declaration(self):
        fields = [f"{n}: {t.free() if isinstance(t, Array) else t}" for n, t in self.fields]
        return f"struct {self.name} {{ {', '.join(fields)} }}"


@dataclass(frozen=True)
class Rows:
    """An array of arrays of these lengths."""
    element: str
    lengths: tuple

    def __str__(self):
        return f"{self.element}[_][_]"


@dataclass(frozen=True)
class Map:
    key: str
    value: str

    def __str__(self):
        return f"map[{self.key}]{self.value}"


@dataclass
class Function:
    head: str          # all before the body's brace
    body: list = field(default_factory=list)  # lines; a line that ends in { has its } below it
    name: str = ""

    def text(self):
        depth, lines = 1, [self.head + " {"]
        for line in self.body:
            depth -= line.startswith("}")
            lines.append("    " * depth + line)
            depth += line.endswith("{")
        return "\n".join(lines + ["}"])


@dataclass
class Program:
    constants: list
    functions: list
    main: list                                   # lines of main before its return
    outputs: list                                # (type, expression)
    main_parameters: str = ""
    main_arguments: list = field(default_factory=list)

    def text(self, pure_as="task"):
        """The program. A pure function, whose head begins with PURE, becomes a task or a flow."""
        functions = [f.text().replace("PURE ", pure_as + " ", 1) for f in self.functions]
        types = ",\n".join(f"    r{i}: {type_}" for i, (type_, _) in enumerate(self.outputs))
        values = ",\n".join(f"    {value}" for _, value in self.outputs)
        main = Function(f"flow main({self.main_parameters}) -> (\n{types},\n)", list(self.main))
        text = main.text()
        main_text = text[:-1] + f"    return (\n{values},\n    )\n}}"
        return "\n".join([*self.constants, "", *(f + "\n" for f in functions), main_text, ""])


def block_end(lines, at):
    """Behind the statement that begins at a line: its own end, or that of its blocks."""
    depth = 0
    for i in range(at, len(lines)):
        depth -= lines[i].startswith("}")
        depth += lines[i].endswith("{")
        if depth <= 0:
            return i + 1
    return len(lines)


def without(items, begin, end):
    return items[:begin] + items[end:]


def smaller_bodies(lines):
    """Bodies with a run of statements less, long runs first; and blocks replaced by their contents."""
    for length in (16, 8, 4, 2, 1):
        for at in range(len(lines)):
            if lines[at].startswith("}"):
                continue
            end = at
            for _ in range(length):
                if end < len(lines) and not lines[end].startswith("}"):
                    end = block_end(lines, end)
            if end > at:
                yield without(lines, at, end)
    for at in range(len(lines)):
        end = block_end(lines, at)
        if lines[at].endswith("{") and not lines[at].startswith("}"):
            yield lines[:at] + lines[at + 1:end - 1] + lines[end:]


def groups(line):
    """The balanced parentheses of a line: (begin, end) with the parentheses included."""
    open_at = []
    for i, c in enumerate(line):
        if c == "(":
            open_at.append(i)
        elif c == ")" and open_at:
            yield open_at.pop(), i + 1


def operands(text):
    """The operands of `(a op b)`, split at the blanks outside of brackets."""
    inner, depth, words = text[1:-1], 0, [""]
    for c in inner:
        depth += (c in "([{") - (c in ")]}")
        if c == " " and depth == 0:
            words.append("")
        else:
            words[-1] += c
    return [words[0], words[-1]] if len(words) == 3 else []


def smaller_lines(line):
    for begin, end in groups(line):
        for operand in operands(line[begin:end]):
            yield line[:begin] + operand + line[end:]


def smaller_programs(p):
    """Programs with one thing less, the large things first."""
    def copy(**changes):
        return Program(**{**p.__dict__, **changes})
    for i in range(len(p.functions)):
        yield copy(functions=without(p.functions, i, i + 1))
    for i in range(len(p.outputs)):
        if len(p.outputs) > 2:
            yield copy(outputs=without(p.outputs, i, i + 1))
    for lines in smaller_bodies(p.main):
        yield copy(main=lines)
    for i, f in enumerate(p.functions):
        for lines in smaller_bodies(f.body):
            changed = Function(f.head, lines, f.name)
            yield copy(functions=[*p.functions[:i], changed, *p.functions[i + 1:]])
    for i in range(len(p.constants)):
        yield copy(constants=without(p.constants, i, i + 1))
    for i, (type_, value) in enumerate(p.outputs):
        for smaller in smaller_lines(value):
            yield copy(outputs=[*p.outputs[:i], (type_, smaller), *p.outputs[i + 1:]])
    for at, line in enumerate(p.main):
        for smaller in smaller_lines(line):
            yield copy(main=[*p.main[:at], smaller, *p.main[at + 1:]])
    for i, f in enumerate(p.functions):
        for at, line in enumerate(f.body):
            for smaller in smaller_lines(line):
                changed = Function(f.head, [*f.body[:at], smaller, *f.body[at + 1:]], f.name)
                yield copy(functions=[*p.functions[:i], changed, *p.functions[i + 1:]])


def shrink(program, still_fails, most_trials=600):
    """A program from which nothing more can be taken away without losing the failure."""
    trials, smaller_found = 0, True
    while smaller_found and trials < most_trials:
        smaller_found = False
        for candidate in smaller_programs(program):
            trials += 1
            if trials > most_trials:
                break
            if still_fails(candidate):
                program, smaller_found = candidate, True
                break
    return program
