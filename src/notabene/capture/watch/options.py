"""Options that argparse, click, typer, absl and hydra parse, with the lines that declare them."""

from __future__ import annotations

import re
import sys

from .core import quietly
from .later import when_imported
from .places import place
from .surroundings import HIDDEN

_SECRET = re.compile(r"(?i)(api|access|private|secret|auth)[-_]?key|token$|secret|passw|credential")
_SIMPLE = (bool, int, float, str)
_LONG = 2000


def install(watch):
    """Begin to watch what is parsed."""
    when_imported("argparse", lambda module: _argparse(watch, module))
    when_imported("click.core", lambda module: _click(watch, module))
    when_imported("hydra.core.utils", lambda module: _hydra(watch, module))
    when_imported("absl.flags", lambda module: watch.at_end(lambda: _absl(watch, module)))


def plain(value, depth=0):
    """A value as JSON has it; what has no such form as its type and text."""
    if value is None or isinstance(value, _SIMPLE):
        return value[:_LONG] if isinstance(value, str) else value
    if isinstance(value, (list, tuple, set, frozenset)) and depth < 4:
        return [plain(one, depth + 1) for one in list(value)[:200]]
    if isinstance(value, dict) and depth < 8:
        return {str(k): plain(v, depth + 1) for k, v in list(value.items())[:500]}
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


def _note(watch, source, name, value, default, where):
    if _SECRET.search(name):
        value = default = HIDDEN
    watch.add("option", source, name, plain(value), plain(default), where[0], where[1])


def _argparse(watch, module):
    add = module._ActionsContainer.add_argument
    parse = module.ArgumentParser.parse_known_args
    lines = {}

    def add_argument(self, *args, **options):
        action = add(self, *args, **options)
        where = quietly(place, sys._getframe(1))
        if where and where[0]:
            lines[id(action)] = (action, where)
        return action

    def parse_known_args(self, args=None, namespace=None, *more, **options):
        found = parse(self, args, namespace, *more, **options)
        if watch.on:
            quietly(tell, self, found[0], place(sys._getframe(1)))
        return found

    def tell(parser, namespace, here):
        if here is None or not here[0]:
            return
        for action in parser._actions:
            name = action.dest
            if name in (module.SUPPRESS, "help") or not hasattr(namespace, name):
                continue
            where = lines.get(id(action), (None, here))[1]
            value = getattr(namespace, name)
            if action.nargs == module.PARSER:  # the name of a sub-command
                _note(watch, "argparse", name, value, None, where)
                continue
            _note(watch, "argparse", name, value, parser.get_default(name), where)

    add_argument.__doc__, parse_known_args.__doc__ = add.__doc__, parse.__doc__
    add_argument.__wrapped__, parse_known_args.__wrapped__ = add, parse
    module._ActionsContainer.add_argument = add_argument
    module.ArgumentParser.parse_known_args = parse_known_args


def _click(watch, module):
    real = module.Command.invoke

    def invoke(self, ctx):
        if watch.on:
            quietly(tell, self, ctx)
        return real(self, ctx)

    def tell(command, ctx):
        function = command.callback
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        code = getattr(function, "__code__", None)
        if code is None:
            return
        where = (code.co_filename, code.co_firstlineno)
        for param in command.params:
            if param.name in ctx.params:
                default = param.default
                default = None if callable(default) else default
                _note(watch, "click", param.name, ctx.params[param.name], default, where)

    invoke.__doc__, invoke.__wrapped__ = real.__doc__, real
    module.Command.invoke = invoke


def _hydra(watch, module):
    real = module.run_job

    def run_job(*args, **options):
        if watch.on:
            quietly(tell, args, options)
        return real(*args, **options)

    def tell(args, options):
        from omegaconf import OmegaConf

        config = options.get("config")
        for one in args:
            if config is None and OmegaConf.is_config(one):
                config = one
        function = options.get("task_function", args[0] if args else None)
        code = getattr(function, "__code__", None)
        where = (code.co_filename, code.co_firstlineno) if code else ("", 0)
        values = OmegaConf.to_container(config, resolve=False)
        values.pop("hydra", None)
        watch.add("settings", "hydra", plain(values), where[0], where[1])

    run_job.__doc__, run_job.__wrapped__ = real.__doc__, real
    module.run_job = run_job


def _absl(watch, module):
    from .places import USER, kind_of

    flags = module.FLAGS
    for owner, names in flags.flags_by_module_dict().items():
        loaded = sys.modules.get(owner) or sys.modules.get("__main__")
        file = getattr(loaded, "__file__", None) or ""
        if file and kind_of(file) == USER:
            for flag in names:
                _note(watch, "absl", flag.name, flag.value, flag.default, (file, 0))
