"""Options that argparse, optparse, click, typer, absl and hydra parse, and where."""

from __future__ import annotations

import sys

from notabene.capture.watch.core import quietly
from notabene.capture.watch.hidden import HIDDEN, is_secret, text
from notabene.capture.watch.later import dress
from notabene.capture.watch.places import USER, kind_of, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from notabene.capture.watch.core import Watch

    Place = tuple[str, int]

_SIMPLE = (bool, int, float, str)
_LONG = 2000


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON has it; what has no such form as its type and text."""
    if value is None or isinstance(value, _SIMPLE):
        return text(value[:_LONG]) if isinstance(value, str) else value
    if isinstance(value, (list, tuple, set, frozenset)) and depth < 4:
        found = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else list(value)
        return [plain(one, depth + 1) for one in found[:200]]
    if isinstance(value, dict) and depth < 8:
        return {
            str(k): HIDDEN if is_secret(str(k)) and not isinstance(v, dict) else plain(v, depth + 1)
            for k, v in list(value.items())[:500]
        }
    if hasattr(value, "__fspath__"):
        return str(value)
    name = getattr(value, "name", None)
    if hasattr(value, "read") and isinstance(name, str):  # argparse.FileType
        return name
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(name, str):  # enum
        return name
    return repr(value)[:_LONG]


def _note(watch: Watch, source: str, name: str, value: Any, default: Any, where: Place) -> None:
    if is_secret(name):
        value = default = HIDDEN
    watch.add("option", source, name, plain(value), plain(default), where[0], where[1])


def of_argparse(watch: Watch, module: Any) -> None:
    """Watch :mod:`argparse`."""
    add = module._ActionsContainer.add_argument
    parse = module.ArgumentParser.parse_known_args
    lines: dict[int, tuple[Any, Place]] = {}

    def add_argument(self: Any, *args: Any, **options: Any) -> Any:
        action = add(self, *args, **options)
        where = quietly(place, sys._getframe(1))
        if where and where[0]:
            lines[id(action)] = (action, where)
        return action

    def parse_known_args(
        self: Any, args: Any = None, namespace: Any = None, *more: Any, **options: Any
    ) -> Any:
        found = parse(self, args, namespace, *more, **options)
        if watch.on:
            quietly(tell, self, found[0], place(sys._getframe(1)))
        return found

    def tell(parser: Any, namespace: Any, here: Place | None) -> None:
        if here is None or not here[0]:
            return
        for action in parser._actions:
            name = action.dest
            if name in (module.SUPPRESS, "help") or not hasattr(namespace, name):
                continue
            where = lines.get(id(action), (None, here))[1]
            value = getattr(namespace, name)
            # Of a sub-command its name.
            default = None if action.nargs == module.PARSER else parser.get_default(name)
            _note(watch, "argparse", name, value, default, where)

    module._ActionsContainer.add_argument = dress(add_argument, add)
    module.ArgumentParser.parse_known_args = dress(parse_known_args, parse)


def of_optparse(watch: Watch, module: Any) -> None:
    """Watch :mod:`optparse`."""
    parse = module.OptionParser.parse_args

    def parse_args(self: Any, *args: Any, **options: Any) -> Any:
        found = parse(self, *args, **options)
        if watch.on:
            quietly(tell, self, found[0], place(sys._getframe(1)))
        return found

    def tell(parser: Any, values: Any, here: Place | None) -> None:
        if here is None or not here[0]:
            return
        for name in filter(None, [option.dest for option in parser._get_all_options()]):
            default = parser.defaults.get(name)
            _note(watch, "optparse", name, getattr(values, name, None), default, here)

    module.OptionParser.parse_args = dress(parse_args, parse)


def of_click(watch: Watch, module: Any) -> None:
    """Watch click, and typer with it."""
    real, make = module.Command.invoke, module.Parameter.__init__
    lines: dict[int, tuple[Any, Place]] = {}

    def __init__(self: Any, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        where = quietly(place, sys._getframe(1))
        # typer makes its own when the program already runs.
        if where and where[0] and not type(self).__module__.startswith("typer"):
            lines[id(self)] = (self, where)

    def invoke(self: Any, ctx: Any) -> Any:
        if watch.on:
            quietly(tell, self, ctx)
        return real(self, ctx)

    def tell(command: Any, ctx: Any) -> None:
        function = command.callback
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        code = getattr(function, "__code__", None)
        if code is None:
            return
        here = (code.co_filename, code.co_firstlineno)
        for param in command.params:
            if param.name in ctx.params:
                default = None if callable(param.default) else param.default
                where = lines.get(id(param), (None, here))[1]
                _note(watch, "click", param.name, ctx.params[param.name], default, where)

    module.Command.invoke = dress(invoke, real)
    module.Parameter.__init__ = dress(__init__, make)


def of_hydra(watch: Watch, module: Any) -> None:
    """Watch hydra: what it composed for the program."""
    real = module.run_job

    def run_job(*args: Any, **options: Any) -> Any:
        if watch.on:
            quietly(tell, args, options)
        return real(*args, **options)

    def tell(args: tuple[Any, ...], options: dict[str, Any]) -> None:
        from omegaconf import OmegaConf

        config = options.get("config")
        for one in args:
            if config is None and OmegaConf.is_config(one):
                config = one
        function: Any = options.get("task_function", args[0] if args else None)
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        code = getattr(function, "__code__", None)
        where = (code.co_filename, code.co_firstlineno) if code else ("", 0)
        values: Any = OmegaConf.to_container(config, resolve=False)
        values.pop("hydra", None)
        watch.add("settings", "hydra", plain(values), where[0], where[1])

    module.run_job = dress(run_job, real)


def of_omegaconf(watch: Watch, module: Any) -> None:
    """Watch what OmegaConf takes from files and from the command line."""
    kind = module.OmegaConf
    for name in ("load", "from_cli", "from_dotlist"):
        if isinstance(kind.__dict__.get(name), staticmethod):
            setattr(kind, name, staticmethod(_loader(watch, kind, name)))


def _loader(watch: Watch, kind: Any, name: str) -> Any:
    real = getattr(kind, name)

    def load(*args: Any, **options: Any) -> Any:
        found = real(*args, **options)
        if watch.on:
            quietly(tell, found, sys._getframe(1))
        return found

    def tell(found: Any, frame: Any) -> None:
        where = place(frame)
        if where is not None and where[0] and kind_of(frame.f_code.co_filename) == USER:
            values = plain(kind.to_container(found, resolve=False))
            watch.add("settings", f"omegaconf.{name}", values, where[0], where[1])

    return dress(load, real)


def of_absl(watch: Watch, module: ModuleType) -> None:
    """Watch the flags of absl, which are asked for at the end."""
    watch.at_end(lambda: _absl(watch, module))


def _absl(watch: Watch, module: Any) -> None:
    for owner, names in module.FLAGS.flags_by_module_dict().items():
        loaded = sys.modules.get(owner) or sys.modules.get("__main__")
        file = getattr(loaded, "__file__", None) or ""
        if file and kind_of(file) == USER:
            for flag in names:
                _note(watch, "absl", flag.name, flag.value, flag.default, (file, 0))
