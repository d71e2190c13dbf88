"""Values that stand in the source as they are, and names that speak of a seed."""

from __future__ import annotations

import ast
import re

from notabene.model.records import JSON

SEED_NAME = re.compile(r"\w*(?:seeds?|seed_everything|random_?state)\Z", re.IGNORECASE)
_NO_SEED_NAME = re.compile(r"(?:n|num|number_of|no_of|count)_?seeds?\Z|linseed\Z", re.IGNORECASE)
SEED_CALL = re.compile(
    r"(?:\w+_)?seed(?:_everything|_all|_generators?|_rngs?|_all_rng|s)?\Z"
    r"|default_rng\Z|RandomState\Z|Random\Z|PRNGKey\Z|SeedSequence\Z|PCG64(?:DXSM)?\Z|MT19937\Z"
    r"|Philox\Z|SFC64\Z|from_seed\Z"
)
"""Last word of calls that take a seed as their first argument."""


def is_seed_name(name: str) -> bool:
    """Whether a variable, argument or option of this name holds a seed."""
    # Most names hold no "see" and no "state"; the pattern is for the few that do.
    low = name.lower()
    if "seed" not in low and "state" not in low:
        return False
    word = name.lstrip("-").replace("-", "_")
    return SEED_NAME.match(word) is not None and _NO_SEED_NAME.match(word) is None


def is_literal(node: ast.AST | None) -> bool:
    """Whether a value is written out: text, number, yes/no, or lists and mappings of them."""
    if isinstance(node, ast.Constant):
        return node.value is None or isinstance(node.value, bool | int | float | str)
    if isinstance(node, ast.UnaryOp):
        inner = node.operand
        return (
            isinstance(node.op, ast.USub | ast.UAdd)
            and isinstance(inner, ast.Constant)
            and isinstance(inner.value, int | float)
        )
    if isinstance(node, ast.List | ast.Tuple):
        return all(is_literal(item) for item in node.elts)
    if isinstance(node, ast.Dict):
        return all(isinstance(key, ast.Constant) for key in node.keys) and all(
            is_literal(value) for value in node.values
        )
    return False


def is_number(node: ast.AST | None) -> bool:
    """Whether a value is a number that is written out, and no yes or no."""
    if isinstance(node, ast.UnaryOp):
        return is_literal(node)
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def is_setting(node: ast.AST) -> bool:
    """Whether an argument is written out: a literal, or a name of a module, ``torch.float64``."""
    if isinstance(node, ast.Attribute):
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name)
    return is_literal(node)


def is_setting_call(node: ast.AST) -> bool:
    """Whether a statement calls something with arguments that are written out, and keeps nothing
    of the result: ``torch.set_num_threads(2)``."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and bool(node.value.args)
        and all(is_setting(arg) for arg in node.value.args)
    )


def is_seed_value(node: ast.AST | None) -> bool:
    """Whether a literal can be a seed: a number or a text, or a list of them."""
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, bool) and isinstance(node.value, int | float | str)
    if isinstance(node, ast.List | ast.Tuple):
        return bool(node.elts) and all(is_seed_value(item) for item in node.elts)
    return isinstance(node, ast.UnaryOp) and is_literal(node)


def value_of(node: ast.AST) -> JSON:
    """The JSON value of what :func:`is_literal` accepted; keys become text, tuples lists."""
    if isinstance(node, ast.UnaryOp):
        number = value_of(node.operand)
        assert isinstance(number, int | float)
        return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.List | ast.Tuple):
        return [value_of(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
        return {str(k): value_of(v) for k, v in zip(keys, node.values, strict=True)}
    assert isinstance(node, ast.Constant)
    value = node.value
    assert value is None or isinstance(value, bool | int | float | str)
    return value
