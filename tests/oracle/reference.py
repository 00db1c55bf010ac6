"""CPython's answers, as the language defines them.

Reads expressions from standard input, each a line of JSON, and answers each with a line of JSON: `["ok", text]` or
`["error", kind, message, start, end]`, with CPython's range in bytes of the source. Where the language
differs from CPython on purpose (the order of sets, its names, what is unsupported), the difference is made here, so
that everything else can be compared as it is.
"""

import ast
import functools
import io
import json
import math
import re
import signal
import sys
import tokenize
import types
import warnings

warnings.simplefilter("ignore")

BUILTINS = """abs all any ascii bin bool chr dict divmod float hex int len list max min oct ord pow range repr round
set sorted str sum tuple""".split()
MATH = """pi e tau inf nan sqrt isqrt gcd lcm factorial comb perm floor ceil trunc fabs fmod exp expm1 log log2 log10
log1p pow sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh degrees radians hypot copysign isnan isinf
isfinite prod fsum""".split()
CONSTANTS = {"pi", "e", "tau", "inf", "nan"}
CONSUMERS = set("all any dict list max min set sorted sum tuple".split())
MOST_BITS = 65_536
MOST_ITEMS = 1_000_000


class Unsupported(Exception):
    pass


class LimitExceeded(Exception):
    pass


def refuse(what):
    raise Unsupported(what)


# The order of sets.


def rank(value):
    if value is None:
        return 0
    if isinstance(value, (int, float)):
        return 1
    return {str: 2, tuple: 3}.get(type(value), 4)


def canonical(left, right):
    if rank(left) != rank(right):
        return rank(left) - rank(right)
    if rank(left) == 1:
        if left != left or right != right:
            return (left != left) - (right != right)
        return (left > right) - (left < right)
    if rank(left) == 2:
        return (left > right) - (left < right)
    if rank(left) == 3:
        for one, other in zip(left, right):
            if order := canonical(one, other):
                return order
        return len(left) - len(right)
    if rank(left) == 4:
        left, right = ((range_.start, range_.stop, range_.step) for range_ in (left, right))
        return (left > right) - (left < right)
    return 0


def in_order(value):
    if type(value) is set:
        return sorted(value, key=functools.cmp_to_key(canonical))
    if type(value) is range and len(value) > MOST_ITEMS:
        raise LimitExceeded("range")
    return value


def text(value):
    match value:
        case set() if value:
            return "{" + ", ".join(map(text, in_order(value))) + "}"
        case tuple() if len(value) == 1:
            return f"({text(value[0])},)"
        case tuple():
            return "(" + ", ".join(map(text, value)) + ")"
        case list():
            return "[" + ", ".join(map(text, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{text(key)}: {text(item)}" for key, item in value.items()) + "}"
    return repr(value)


# Operators and functions with the bounds of the language, so that no expression can take the reference.


def bits(value):
    return value.bit_length() if isinstance(value, int) else 0


def checked(value):
    if bits(value) > MOST_BITS:
        raise LimitExceeded("int")
    if isinstance(value, complex):
        raise Unsupported("complex")
    return value


def power(left, right):
    if isinstance(left, int) and isinstance(right, int) and right > 0 and abs(left) > 1:
        if (bits(left) - 1) * right > MOST_BITS:
            raise LimitExceeded("power")
    return checked(left**right)


def times(left, right):
    for sequence, count in ((left, right), (right, left)):
        if isinstance(sequence, (str, list, tuple)) and isinstance(count, int):
            if count < 2**63 and len(sequence) * count > MOST_ITEMS:
                raise LimitExceeded("repeat")
    return checked(left * right)


def shift(left, right):
    if isinstance(left, int) and isinstance(right, int) and left and bits(left) + right > MOST_BITS:
        raise LimitExceeded("shift")
    return left << right


def modulo(left, right):
    if isinstance(left, str):
        raise Unsupported("formatting")
    return left % right


def pow_(*args, **keywords):
    bound = dict(zip(("base", "exp", "mod"), args)) | keywords
    if bound.get("mod") is None and "base" in bound and "exp" in bound and set(bound) <= {"base", "exp", "mod"}:
        if len(args) + len(keywords) == len(bound):
            return power(bound["base"], bound["exp"])
    return pow(*args, **keywords)


def digits(function):
    def of(*args, **keywords):
        value = checked(function(*args, **keywords))
        if args and isinstance(args[0], str) and any(c.isdigit() and not c.isascii() for c in args[0]):
            raise ValueError
        return value

    return of


def chr_(*args, **keywords):
    if "\ud800" <= (character := chr(*args, **keywords)) <= "\udfff":
        raise Unsupported("surrogates")
    return character


def str_(*args, **keywords):
    if keywords:
        raise Unsupported("keywords of str")
    return text(args[0]) if len(args) == 1 and not isinstance(args[0], str) else str(*args)


def range_(*args):
    if any(isinstance(arg, int) and not -(2**63) <= arg < 2**63 for arg in args):
        raise LimitExceeded("range")
    return range(*args)


def first_in_order(function):
    def of(*args, **keywords):
        if args and (len(args) == 1 or function is sum):
            args = (in_order(args[0]), *args[1:])
        if keywords.get("key") is not None and function in (min, max, sorted):
            raise Unsupported("key")
        return checked(function(*args, **keywords))

    return of


def product(*args, **keywords):
    if len(args) == 1 and type(args[0]) in ITERABLE:
        args = ([*in_order(args[0])],)
        if sum(map(bits, args[0])) > 4 * MOST_BITS:
            raise LimitExceeded("prod")
    return checked(math.prod(*args, **keywords))


def small_counts(function):
    def of(*args):
        if args and isinstance(args[-1], int) and args[-1] > 10_000 or function is math.factorial and args and bits(args[0]) > 14:
            raise LimitExceeded("counts")
        return checked(function(*args))

    return of


FUNCTIONS = {name: getattr(__builtins__, name) for name in BUILTINS}
FUNCTIONS |= {name: first_in_order(FUNCTIONS[name]) for name in CONSUMERS - {"set"}}
FUNCTIONS |= {"int": digits(int), "float": digits(float), "str": str_, "chr": chr_, "pow": pow_, "range": range_}
FUNCTIONS["repr"] = lambda *args, **keywords: repr(*args, **keywords) and text(*args)
FUNCTIONS["ascii"] = lambda *args, **keywords: ascii(*args, **keywords) and text(*args).encode("ascii", "backslashreplace").decode()

module = types.ModuleType("math")
for name in MATH:
    setattr(module, name, getattr(math, name))
module.prod = product
module.fsum = first_in_order(math.fsum)
for name in ("factorial", "comb", "perm"):
    setattr(module, name, small_counts(getattr(math, name)))
module.lcm = lambda *args: checked(math.lcm(*args))

ITERABLE = {str, list, tuple, set, dict, range}
HELPERS = {
    "refuse ": refuse,
    "power ": power,
    "times ": times,
    "shift ": shift,
    "modulo ": modulo,
    "in_order ": in_order,
    "unpackable ": lambda items: map(in_order, in_order(items)) if type(items) in ITERABLE else items,
}
OPERATORS = {ast.Pow: "power ", ast.Mult: "times ", ast.LShift: "shift ", ast.Mod: "modulo "}


class Rewriter(ast.NodeTransformer):
    """Puts the helpers in, and refuses what the language does not have."""

    def __init__(self, source):
        self.lines = split_lines(source)

    def helper(self, name, node, *args):
        call = ast.Call(ast.Name(name, ast.Load()), list(args), [])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def runtime_refusal(self, node):
        return self.helper("refuse ", node, ast.Constant("value"))

    def outside(self, node):
        raise Unsupported(type(node).__name__)

    visit_Lambda = visit_NamedExpr = visit_Await = visit_Yield = visit_YieldFrom = outside
    visit_JoinedStr = visit_Starred = visit_GeneratorExp = outside

    def visit_Constant(self, node):
        if isinstance(node.value, (bytes, complex)) or node.value is ...:
            self.outside(node)
        if isinstance(node.value, str) and any("\ud800" <= c <= "\udfff" for c in node.value):
            self.outside(node)
        return node

    def visit_Name(self, node):
        if node.id == "math" or node.id in FUNCTIONS:
            if isinstance(node.ctx, ast.Store):
                self.outside(node)
            return self.runtime_refusal(node)
        return node

    def visit_Attribute(self, node):
        if not (isinstance(node.value, ast.Name) and node.value.id == "math"):
            self.outside(node)
        if node.attr in MATH and node.attr not in CONSTANTS:
            return self.runtime_refusal(node)
        return node

    def is_bare(self, node):
        rest = self.lines[node.end_lineno - 1].encode()[node.end_col_offset :]
        return rest.decode().lstrip(" \t\f\\\r\n")[:1] in ("(", "")

    def visit_Call(self, node):
        function = node.func
        name = None
        if isinstance(function, ast.Name) and function.id in FUNCTIONS and self.is_bare(function):
            name = function.id
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and self.is_bare(function):
            name = f"{function.value.id}.{function.attr}"
            if function.value.id != "math":
                self.outside(node)
        else:
            node.func = self.visit(function)
        args = []
        for arg in node.args:
            if isinstance(arg, ast.GeneratorExp):
                # In the same brackets as the call: as the grammar has it, it is the only argument.
                if (arg.end_lineno, arg.end_col_offset) != (node.end_lineno, node.end_col_offset):
                    self.outside(arg)
                if name not in ("any", "all"):
                    arg = ast.copy_location(ast.ListComp(arg.elt, arg.generators), arg)
                self.comprehension(arg)
                if name not in CONSUMERS | {"math.prod", "math.fsum"}:
                    arg = self.helper("refuse ", arg, ast.Constant("generator"))
                args.append(arg)
            else:
                args.append(self.visit(arg))
        node.args = args
        for keyword in node.keywords:
            if keyword.arg is None:
                self.outside(node)
            keyword.value = self.visit(keyword.value)
        return node

    def comprehension(self, node):
        self.generic_visit(node)
        for clause in node.generators:
            if clause.is_async or any(not isinstance(part, (ast.Name, ast.Tuple, ast.List)) for part in targets(clause.target)):
                self.outside(node)
            name = "in_order " if isinstance(clause.target, ast.Name) else "unpackable "
            clause.iter = self.helper(name, clause.iter, clause.iter)
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = comprehension

    def visit_Dict(self, node):
        if None in node.keys:
            self.outside(node)
        return self.generic_visit(node)

    def visit_BinOp(self, node):
        self.generic_visit(node)
        name = OPERATORS.get(type(node.op))
        return self.helper(name, node, node.left, node.right) if name else node

    def visit_Compare(self, node):
        for operator, right in zip(node.ops, node.comparators):
            if isinstance(operator, (ast.Is, ast.IsNot)):
                if not (isinstance(right, ast.Constant) and (right.value is None or isinstance(right.value, bool))):
                    self.outside(node)
        return self.generic_visit(node)


def split_lines(source):
    return re.findall("[^\\r\\n]*(?:\\r\\n|\\r|\\n)|[^\\r\\n]+", source)


def targets(target):
    yield target
    for part in getattr(target, "elts", ()):
        yield from targets(part)


def compiled(source):
    tree = compile(source, "<expression>", "eval", ast.PyCF_ONLY_AST)
    compile(source, "<expression>", "eval")
    if not source.isascii():
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME and not token.string.isascii():
                raise SyntaxError("a name that is not ASCII")
    if "\\N" in source:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.STRING and "\\N{" in token.string and "r" not in token.string[:2].lower():
                raise Unsupported("names of characters")
    return compile(Rewriter(source).visit(tree), "<expression>", "eval")


def place(lines, line, column):
    """The offset in bytes of a line, counted from 1, and a column in bytes."""
    return sum(len(other.encode()) for other in lines[: line - 1]) + column


def marked(traceback, lines):
    """CPython's range: the position of the instruction of the innermost frame of the expression."""
    found = None
    while traceback:
        if traceback.tb_frame.f_code.co_filename == "<expression>":
            positions = list(traceback.tb_frame.f_code.co_positions())
            found = positions[traceback.tb_lasti // 2]
        traceback = traceback.tb_next
    if not found or None in found:
        return None, None
    line, end_line, column, end_column = found
    return place(lines, line, column), place(lines, end_line, end_column)


def syntax_marked(error, lines):
    if error.lineno is None or error.offset is None or error.lineno > len(lines):
        return None, None

    def offset(line, column):
        before = lines[line - 1][: max(column - 1, 0)] if 0 < line <= len(lines) else ""
        return place(lines, line, len(before.encode()))

    start = offset(error.lineno, error.offset)
    if not error.end_lineno or error.end_offset is None or error.end_offset <= 0:
        return start, start
    return start, offset(error.end_lineno, error.end_offset)


def answer(whole):
    source = whole.lstrip(" \t")
    skipped = len(whole) - len(source)
    lines = split_lines(source)
    kinds = {IndentationError: "SyntaxError", TabError: "SyntaxError", UnboundLocalError: "NameError"}
    try:
        code = compiled(source)
        return ["ok", text(eval(code, {"__builtins__": FUNCTIONS | HELPERS, "math": module, **VARIABLES}))]
    except SyntaxError as error:
        start, end = syntax_marked(error, lines)
        kind, message = "SyntaxError", error.msg
    except Exception as error:
        start, end = marked(error.__traceback__, lines)
        kind, message = kinds.get(type(error), type(error).__name__), str(error)
        if isinstance(error, KeyError):
            message = text(error.args[0])
        if "\0" in source and kind == "ValueError" and start is None:
            kind = "SyntaxError"
    return ["error", kind, message, *(None if place is None else place + skipped for place in (start, end))]


VARIABLES = {
    "x": 7, "y": -3, "z": 2.5, "w": 0, "big": 2**70, "s": "hello", "u": "h\u00e9llo\u2603", "t": (1, 2, 3),
    "l": [3, 1, 2], "m": [[1, 2], [3, 4]], "d": {"a": 1, "b": 2}, "n": None, "flag": True, "price": 19.99, "qty": 3,
    "name": "O'Brien",
}  # fmt: skip


def main():
    for line in sys.stdin:
        # An expression that takes so long ends this process, because no handler can stop a loop in C.
        signal.alarm(3)
        print(json.dumps(answer(json.loads(line))), flush=True)


main()
