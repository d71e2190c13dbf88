"""One digest for all spellings of a program, another for another program."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notabene.proof.source.canonical import canonical_digest, canonical_digests

BASE = dedent(
    '''
    """A docstring."""
    import os

    LR = 1e-3
    SEED = 1

    def f(a, n=2, *, seed=3):
        """Docs."""
        total = a * n + len("text")
        return f"{total:.3f} {n!r} {a=}" + "x"

    class C:
        """Docs."""
        width = 4

        def g(self):
            return [x for x in range(3) if x % 2], {"seed": 1, **self.d}, (1,)
    '''
)
SAME = {
    "comment": ("LR = 1e-3", "LR = 1e-3  # rate"),
    "docstring": ("A docstring.", "Another."),
    "no docstring": ('    """Docs."""\n', ""),
    "blank lines": ("    width", "\n\n    width"),
    "quotes": ('"text"', "'text'"),
    "triple quotes": ('"text"', '"""text"""'),
    "raw": ('"text"', 'r"text"'),
    "u": ('"text"', 'u"text"'),
    "escape": ('"text"', '"te\\x78t"'),
    "implicit concatenation": ('"text"', '"te" "xt"'),
    "parentheses": ("a * n", "(a * n)"),
    "trailing comma": ("a, n=2", "a, n=2"),
    "comma": ("len(", "len("),
    "spaces": ("a * n", "a*n"),
    "number": ("1e-3", "0.001"),
    "continuation": ("total = a", "total = \\\n        a"),
    "joined f": ('f"{total:.3f} {n!r} {a=}"', 'f"{total:.3f} " f"{n!r} {a=}"'),
    "semicolon": ("LR = 1e-3\nSEED = 1", "LR = 1e-3; SEED = 1"),
    "remark": ("LR = 1e-3", '"a text that does nothing"\nLR = 1e-3'),
}
DIFFERENT = {
    "default": ("n=2", "n=3"),
    "type": ("n=2", "n=2.0"),
    "boolean": ("n=2", "n=True"),
    "text": ("n=2", "n='2'"),
    "order": ("a * n", "n * a"),
    "renamed": ("total", "sum_"),
    "hint": ("a, n=2", "a: int, n=2"),
    "import": ("import os", "import os, sys"),
    "operator": ("+ len", "- len"),
    "format": (":.3f", ":.2f"),
    "conversion": ("n!r", "n!s"),
    "statement order": ("LR = 1e-3\nSEED = 1", "SEED = 1\nLR = 1e-3"),
    "keyword only": ("*, seed", "seed"),
    "tuple": ("(1,)", "(1)"),
    "seed": ("SEED = 1", "SEED = 2"),
    "constant": ("width = 4", "width = 5"),
}


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_spellings_are_equal(old, new):
    """Comments, docstrings, layout, quotes, parentheses and spellings of numbers do not count."""
    assert old in BASE
    assert canonical_digest(BASE.replace(old, new)) == canonical_digest(BASE)


@pytest.mark.parametrize(("old", "new"), DIFFERENT.values(), ids=DIFFERENT)
def test_programs_are_different(old, new):
    """Whatever could matter counts, also what could not: no false equality."""
    assert old in BASE
    assert canonical_digest(BASE.replace(old, new)) != canonical_digest(BASE)


PAIRS = [
    ("f(a, b)", "f(a, b,)", True),
    ("x = 1_000", "x = 1000", True),
    ("x = 0xff", "x = 255", True),
    ("x = f'abc'", "x = 'abc'", True),
    ("x = f''", "x = ''", True),
    ("x = f'{a:}'", "x = f'{a}'", True),
    ("x = (yield)", "x = yield", True),
    ("if a:\n    b\nelif c:\n    d", "if a:\n    b\nelse:\n    if c:\n        d", True),
    ("x = f'{a}'", "x = f'{b}'", False),
    ("x = f'{a:>{w}}'", "x = f'{a:>{v}}'", False),
    ("x = 0.0", "x = -0.0", False),
    ("x = 1e400", "x = 1e308", False),
    ("x = b'a'", "x = 'a'", False),
    ("x = 1j", "x = 1", False),
    ("x = None", "x = False", False),
    ("x = ...", "x = None", False),
    ("return_ = None", "return_ = 0", False),
    ("def f():\n    return", "def f():\n    return None", False),
    ("match x:\n    case None: pass", "match x:\n    case False: pass", False),
    ("{**a, 'b': 1}", "{'b': 1, **a}", False),
    ("f(*a, b)", "f(a, *b)", False),
    ("f(a=1)", "f(b=1)", False),
    ("f('ab', 'c')", "f('a', 'bc')", False),
    ("def f(a, /, b): pass", "def f(a, b): pass", False),
    ("def f(*a): pass", "def f(**a): pass", False),
    ("def f(a, *, b): pass", "def f(a, b): pass", False),
    ("from . import a", "from .. import a", False),
    ("import a as b", "import a", False),
    ("async def f(): pass", "def f(): pass", False),
    ("[x async for x in y]", "[x for x in y]", False),
    ("f(default=1)", "f(1)", False),
]


@pytest.mark.parametrize(("one", "other", "equal"), PAIRS)
def test_pairs(one, other, equal):
    """Pairs of programs that are, or are not, the same."""
    assert (canonical_digest(one) == canonical_digest(other)) is equal


SEEDS = [
    ("SEED = {}", True),
    ("random_state: int = {}", True),
    ("def f(seed={}): pass", True),
    ("def f(*, rng_seed={}): pass", True),
    ("m = Forest(random_state={})", True),
    ("random.seed({})", True),
    ("torch.manual_seed({})", True),
    ("rng = np.random.default_rng({})", True),
    ("cfg = {{'seed': {}, 'lr': 0.1}}", True),
    ("cfg['seed'] = {}", True),
    ("self.np_seed = {}", True),
    ("p.add_argument('--seed', type=int, default={})", True),
    ("flags.DEFINE_integer('seed', {}, 'help')", True),
    ("seeds = [{}, 5]", True),
    ("seed_everything({})", True),
    ("def main(seed: int = typer.Option({})): pass", True),
    ("lr = {}", False),
    ("n_seeds = {}", False),
    ("f(n_estimators={})", False),
    ("p.add_argument('--lr', default={})", False),
    ("x = [{}]", False),
    ("random.shuffle({})", False),
]


@pytest.mark.parametrize(("text", "neutral"), SEEDS)
def test_values_of_seeds_can_be_left_out(text, neutral):
    """Without seeds, two programs that differ in the value of one are equal; others are not."""
    one, other = text.format(1), text.format(2)
    assert canonical_digest(one) != canonical_digest(other)
    equal = canonical_digest(one, neutral="seeds") == canonical_digest(other, neutral="seeds")
    assert equal is neutral


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("m = F(random_state=None)", "m = F(random_state=1)"),
        ("seed = True", "seed = False"),
        ("seed = 1", "seed = int(time())"),
        ("seed = 1", "speed = 1"),
    ],
)
def test_having_a_seed_is_no_value_of_it(one, other):
    """A seed against none, or against a computed one, differs also without seeds."""
    assert canonical_digest(one, neutral="seeds") != canonical_digest(other, neutral="seeds")


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("LR = 1", "LR = 2", True),
        ("LR = 1", "LR = '2'", True),
        ("CFG = {'a': 1}", "CFG = {'a': 2, 'b': 3}", True),
        ("class C:\n    a = 1", "class C:\n    a = 2", True),
        ("def f(a=1): pass", "def f(a=2): pass", True),
        ("if x:\n    A = 1", "if x:\n    A = 2", True),
        ("def f():\n    a = 1", "def f():\n    a = 2", True),
        ("a[i] = 1", "a[i] = 2", False),
        ("a['i'] = 1", "a['i'] = 2", True),
        ("f().prec = 1", "f().prec = 2", True),
        ("a, b = 1, 2", "a, b = 1, 3", False),
        ("f = lambda x, k=1: x", "f = lambda x, k=2: x", True),
        ("LR = f(1)", "LR = f(2)", False),
        ("LR = 1", "WD = 1", False),
        ("x.a = 1", "x.a = 2", True),
        ("f(a=1)", "f(a=2)", True),
        ("f(a='x')", "f(a='y')", False),
        ("torch.set_num_threads(2)", "torch.set_num_threads(1)", True),
        ("set_default_dtype(torch.float32)", "set_default_dtype(torch.float64)", True),
        ("f(x)", "f(y)", False),
        ("f(x, 1)", "f(x, 2)", False),
        ("__version__ = '1'", "__version__ = '2'", False),
    ],
)
def test_constants_can_be_left_out(one, other, equal):
    """Without constants, what differs only in values that have a name is equal."""
    left_out = canonical_digest(one, neutral="constants") == canonical_digest(
        other, neutral="constants"
    )
    assert left_out is equal


def test_what_is_no_program_is_digested_as_text():
    """A text that does not parse equals itself and nothing else, bytes or not."""
    assert canonical_digest("a b") == canonical_digest(b"a b") != canonical_digest("a  b")
    assert len(set(canonical_digests("a b"))) == 1
    assert canonical_digest("") != canonical_digest("1 +")


def test_depth_is_no_limit():
    """A sum of thousands of terms, and lists in lists, have a digest."""
    assert canonical_digest("x = " + " + ".join(["a"] * 3000))
    tree = ast.Module([ast.Expr(ast.Name("x"))], [])
    for _ in range(20_000):
        inner = tree.body[0]
        assert isinstance(inner, ast.Expr)
        tree.body[0] = ast.Expr(ast.UnaryOp(ast.Not(), inner.value))
    # Taken apart from the outside: Python itself frees such a tree level by level.
    assert canonical_digest(tree)


# -- properties ------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "total", "model", "x1"])
LITERALS = st.one_of(
    st.integers(-(10**6), 10**6).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text("abc é'\"\\\n{}", max_size=6).map(repr),
    st.sampled_from(["None", "True", "b'x'", "2j", "...", "f'{a}-{b!r:>{x1}}'"]),
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "*", "-", "and", "<", "is not", "**"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(NAMES, inner, inner).map(lambda t: f"{t[0]}({t[1]}, key={t[2]})"),
        st.lists(inner, max_size=3).map(lambda xs: "[" + ", ".join(xs) + "]"),
        st.tuples(inner, inner).map(lambda t: f"{{{t[0]}: {t[1]}, 'seed': 3}}"),
        st.tuples(NAMES, inner).map(lambda t: f"[{t[0]} for {t[0]} in {t[1]} if {t[0]}]"),
        inner.map(lambda x: f"(lambda a, b=2: {x})"),
        st.tuples(NAMES, inner).map(lambda t: f"{t[0]}[{t[1]}:].attr"),
    )


EXPRESSIONS = st.recursive(NAMES | LITERALS, _grown, max_leaves=8)
STATEMENTS = st.one_of(
    st.tuples(NAMES, EXPRESSIONS).map(lambda t: f"{t[0]} = {t[1]}"),
    st.tuples(NAMES, EXPRESSIONS).map(lambda t: f"{t[0]}: int = {t[1]}"),
    st.tuples(EXPRESSIONS, EXPRESSIONS).map(lambda t: f"if {t[0]}:\n    a = {t[1]}\nelse:\n    b"),
    st.tuples(NAMES, EXPRESSIONS).map(lambda t: f"for {t[0]} in {t[1]}:\n    pass"),
    EXPRESSIONS.map(lambda x: f"def f(a, b={x}):\n    'docs'\n    return {x}"),
    EXPRESSIONS.map(lambda x: f"class C:\n    k = {x}"),
)
PROGRAMS = st.lists(STATEMENTS, min_size=1, max_size=5).map("\n".join)


@given(PROGRAMS)
@settings(max_examples=80, deadline=None)
def test_layout_never_counts(text):
    """Unparsing, comments, blank lines and parentheses keep the digests."""
    digests = canonical_digests(text)
    assert canonical_digests(ast.parse(text)) == digests
    assert canonical_digests("# first\n\n" + text.replace("\n", "\n\n") + "\n# last\n") == digests
    unparsed = _unparsed(ast.parse(text))
    if unparsed is not None:
        assert canonical_digests(unparsed) == digests


@given(EXPRESSIONS)
@settings(max_examples=60, deadline=None)
def test_parentheses_never_count(text):
    """An expression in parentheses is the expression."""
    assert canonical_digest(f"x = ({text})") == canonical_digest(f"x = {text}")


@given(PROGRAMS, st.data())
@settings(max_examples=80, deadline=None)
def test_a_changed_constant_counts(text, data):
    """Another value of any constant, docstrings apart, gives another digest."""
    tree = ast.parse(text)
    numbers = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, complex)
    ]
    if not numbers:
        return
    before = canonical_digest(tree)
    node = data.draw(st.sampled_from(numbers))
    node.value = data.draw(
        st.one_of(st.integers(), st.floats(allow_nan=False)).filter(
            lambda v: repr(v) != repr(node.value)
        )
    )
    assert canonical_digest(tree) != before


def _unparsed(tree: ast.Module) -> str | None:
    try:
        return ast.unparse(tree)
    except ValueError:  # Python 3.11 cannot write every f-string
        return None
