"""Goes through calls: what they are given, what they do with its order, what they return."""

from __future__ import annotations

import ast
from typing import Final

from notabene.proof.source import clocks, declared, known, orders, randomness, surroundings
from notabene.proof.source import values as v
from notabene.proof.source.calls import (
    Call,
    known_result,
    method_result,
    origins,
    written,
)
from notabene.proof.source.evaluating import Evaluator
from notabene.proof.source.uses import ADDS
from notabene.proof.source.values import PLAIN, Class, Function, Instance, Value, join

_MOST_ITEMS: Final = {"extend", "update", "union"}


class Caller(Evaluator):
    """Calls of one module."""

    def call(self, node: ast.Call) -> Value:
        """What is known of the result of a call; everything in it is looked at."""
        func = node.func
        path = self.path(func)
        receiver: Value | None = None
        owner: Function | Class | Instance | None = None
        if not path:
            if isinstance(func, ast.Attribute):
                receiver = self.value(func.value)
                if receiver.owner is not None:
                    owner = self.value(func).owner
            else:
                owner = self.value(func).owner
        call = Call(node, path, receiver)
        if isinstance(owner, Function | Class):
            self._arguments(call)
            return self._own(call, owner, receiver)
        tells = self._tells(call)
        self.quiet += tells
        self._arguments(call)
        self._threads(call)
        surroundings.look(call, self.found)
        clocks.look(call, self.found)
        drawn = randomness.look(call, self.found)
        declared.numbers(call, self.found)
        option = declared.option(call, self.found)
        if option is not None and option[1] is not None:
            self.options[option[0]] = option[1]
        declared.loaded(call, self.found)
        if path in known.COMMANDS:
            self._command(call)
        result = self._result(call, drawn)
        self.quiet -= tells
        return result

    def _command(self, call: Call) -> None:
        """``typer.run(main)``: the arguments of the function are options."""
        for value in call.args:
            function = value.owner
            if isinstance(function, Function):
                declared.parameters(function.node, self.found)
                for arg in function.node.args.args:
                    known_value = function.defaults.get(arg.arg, PLAIN)
                    function.params[arg.arg] = Value(
                        known_value.marks & v.ORIGINS | v.OPTION, known_value.at
                    )
                self.enter(function)

    def entry(self, line: int, key: object, value: Value) -> None:
        """Look at a value that a mapping is given under a key: it may be a seed."""
        if isinstance(key, str):
            randomness.mapping_seed(line, key, value, self.found)

    def _arguments(self, call: Call) -> None:
        for arg in call.node.args:
            call.args.append(self.value(arg))
            call.starred = call.starred or isinstance(arg, ast.Starred)
        for keyword in call.node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is None:
                call.starred = True
            else:
                call.keywords[keyword.arg] = value

    @staticmethod
    def _tells(call: Call) -> bool:
        """Whether a call only tells something, to people or to a log."""
        if call.path:
            return call.path in known.QUIET
        func = call.node.func
        if not isinstance(func, ast.Attribute) or call.name not in known.QUIET_METHODS:
            return False
        teller = written(func.value).split(".")[-1].removesuffix("()")
        return teller in known.TELLERS or teller in {"parser", "tqdm", "warnings", "getLogger"}

    # -- functions of the source ---------------------------------------------------------------

    def _threads(self, call: Call) -> None:
        """Work that is given to threads, and changes what they share."""
        pool = call.receiver is not None and call.receiver.marks & v.POOL
        if not pool and call.path not in {"threading.Thread", "threading.Timer"}:
            return
        for value in call.all():
            function = value.owner
            if isinstance(function, Function) and orders.shares(function.node):
                does = ADDS if orders.adds_up(function.node) else "shares state"
                self.found.add("thread_uses", *call.at, f"{function.node.name} {does}")

    def _own(self, call: Call, owner: Function | Class, receiver: Value | None) -> Value:
        if isinstance(owner, Class):
            instance = Value(0, None, None, owner.instance)
            made = owner.method("__init__")
            if made is not None:
                self._give(made, call, skip=1)
                self.enter(made, instance)
            else:
                for name, value in call.keywords.items():  # a dataclass
                    owner.attributes[name] = join(owner.attributes.get(name), value)
            return instance
        method = owner.owner is not None and receiver is not None
        plain = method and any(written(d) == "staticmethod" for d in owner.node.decorator_list)
        self._give(owner, call, skip=1 if method and not plain else 0)
        return self.enter(owner, receiver if method and not plain else None)

    @staticmethod
    def _give(function: Function, call: Call, *, skip: int) -> None:
        """Let a function know what it is given."""
        args = function.node.args
        names = [arg.arg for arg in (*args.posonlyargs, *args.args)][skip:]
        given = dict(zip(names, call.args, strict=False)) if not call.starred else {}
        allowed = {*names, *(arg.arg for arg in args.kwonlyargs)}
        given |= {name: value for name, value in call.keywords.items() if name in allowed}
        if not call.starred:
            given = {**{k: d for k, d in function.defaults.items() if k not in given}, **given}
        for name, value in given.items():
            function.params[name] = join(function.params.get(name), value)

    # -- others --------------------------------------------------------------------------------

    def _result(self, call: Call, drawn: Value | None) -> Value:
        self._order(call)
        path = call.path
        if path == "vars" and call.args and call.args[0].marks & v.ARGUMENTS:
            return call.args[0]
        if path == "hash":
            return self._hash(call)
        if drawn is not None:
            return drawn
        if path:
            result = known_result(call)
            if result is not None:
                self._entropy(call, result)
                return result
            if call.receiver is None:
                return self._unknown(call)
        return self._method(call)

    def _entropy(self, call: Call, result: Value) -> None:
        """An UUID becomes a number: it is not only a name."""
        given = call.args[0].marks if call.args else 0
        if result.marks & v.ENTROPY and given & v.UUID and result.at:
            self.found.add("entropy", *result.at, "as a number")

    def _unknown(self, call: Call) -> Value:
        """A function of another module: it may give back what it is given."""
        if call.path in {"datetime.timedelta", "pathlib.Path"}:
            return PLAIN
        if call.path.startswith("os.path.") and call.name == "join":
            return Value(v.TEXT | v.PATH)
        marks = origins(call)
        if call.path in known.DATA or call.path.startswith(("numpy.", "math.")):
            return Value(marks, next((a.at for a in call.args if a.marks & v.ORIGINS), None))
        return PLAIN

    def _hash(self, call: Call) -> Value:
        result = known_result(call) or PLAIN
        if result.marks & v.HASH and not self.quiet:
            self.found.add("hash_order", *call.at)
        return result

    def _order(self, call: Call) -> None:
        """Note what looks at the order of what it is given."""
        path, name = call.path, call.name
        if path == "next" and call.args and not call.args[0].marks & v.WALK:
            self.take(call.args[0], call.at)
            return
        if path in known.TAKING:
            for value in call.args:
                self.take(value, call.at)
            return
        if path == "sum" and call.args and call.args[0].marks & v.ARRIVED:
            self.take(call.args[0])
            return
        if path in known.MIXING and call.args and call.args[0].marks & v.COUNTED:
            self.take(call.args[0])
            return
        if path in {"sorted", "max", "min"} and call.args and not call.args[0].marks & v.LISTING:
            if orders.leaves_ties(call.argument(-1, "key")):
                self.take(call.args[0], call.at)
            return
        if path in known.CLEARING or path in known.PASSING or path in known.MAPPING:
            if path in known.MAPPING and any(a.marks & v.COUNTED for a in call.args):
                self.take(call.args[0])
            return
        if path in known.THROUGH or path in known.QUIET or path in {"os.walk", "next"}:
            return
        if not path and (name in known.LIST_SILENT or name in known.SET_SILENT | {"join"}):
            return
        if name in _MOST_ITEMS or name in known.FILE_WORK:
            return
        for value in call.all():
            self.take_sequence(value)

    def _method(self, call: Call) -> Value:
        """A method of something: it may change it, or look at its order."""
        func, receiver, name = call.node.func, call.receiver or PLAIN, call.name
        if not isinstance(func, ast.Attribute):
            return PLAIN
        marks = receiver.marks
        if name == "sort" and marks & v.IN_ORDER and not marks & v.KEYED:
            self.rebind(func.value, receiver.like(marks & ~v.IN_ORDER))
            return PLAIN
        if marks & v.SET:
            self._set_method(call, receiver, func.value)
        elif name == "extend" and call.args:
            self._grow(call, receiver, func.value)
        elif name == "update" and call.args and marks & v.KEYED and receiver.items is not None:
            items: dict[object, Value] = dict(receiver.items)
            items.update(call.args[0].items or {})
            items.update(call.keywords)
            self.rebind(func.value, Value(marks, receiver.at, items, receiver.owner))
        elif name in {"pop", "index", "insert", "popleft"} and not marks & v.KEYED:
            self.take_sequence(receiver)
        elif name == "append" and marks & v.NUMBERS:
            kept = v.NUMBERS if call.args and call.args[0].marks & v.NUMBER else 0
            self.rebind(func.value, receiver.like(marks & ~v.NUMBERS | kept))
        return method_result(call)

    def _set_method(self, call: Call, receiver: Value, base: ast.expr) -> None:
        if call.name == "pop":
            self.take(receiver.like(receiver.marks & ~v.LISTING), call.at)
        elif call.name in {"add", "update", "symmetric_difference_update"} and call.args:
            given = call.args[0].marks
            number = given & (v.NUMBER if call.name == "add" else v.NUMBERS)
            if not number and receiver.marks & v.NUMBERS:
                self.rebind(base, receiver.like(receiver.marks & ~v.NUMBERS))

    def _grow(self, call: Call, receiver: Value, base: ast.expr) -> None:
        """``files.extend(folder.glob("*"))``."""
        given = call.args[0]
        marks = v.as_sequence(given.marks) & (v.IN_ORDER | v.NUMBERS)
        if marks & v.IN_ORDER and not receiver.marks & v.IN_ORDER:
            kept = receiver.marks & ~v.NUMBERS
            self.rebind(base, Value(kept | marks & v.IN_ORDER, given.at, None, receiver.owner))
