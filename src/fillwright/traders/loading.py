"""Finds a trader by its name and makes it: ``breakout``, ``module:Class`` or ``path/to/file.py:Class``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from fillwright.traders.breakout import Breakout
from fillwright.traders.errors import ParameterError, TraderLoadError, one_line, user_trace
from fillwright.traders.interface import Trader
from fillwright.traders.parameters import did_you_mean, fitted, unknown

BUILT_IN: Mapping[str, type[Trader]] = {"breakout": Breakout}
"""Traders that have a short name."""

_FORMS = "a trader is named module:Class, path/to/file.py:Class or " + " or ".join(BUILT_IN)


def load_trader(spec: str, parameters: Mapping[str, object] | None = None) -> Trader:
    """Make a trader from its name and parameters.

    Modules are looked for in the current directory first, as ``python -m`` does; a file's own directory is where the
    modules that it imports are looked for. TraderLoadError says what is wrong in one line.
    """
    return _made(find_trader(spec), dict(parameters or {}))


def find_trader(spec: str) -> type[Trader]:
    """Find a trader's class by its name; TraderLoadError."""
    place, colon, name = spec.rpartition(":")
    if not colon:
        if spec in BUILT_IN:
            return BUILT_IN[spec]
        module = f"{spec}:Class"
        raise TraderLoadError(f"trader {spec!r:.80}: {_FORMS}{_hint(spec, module)}")
    if not place or not name:
        raise TraderLoadError(f"trader {spec!r:.80}: {_FORMS}")
    with _without_bytecode():
        module_found = _module_of_file(place) if place.endswith(".py") else _module_of_name(place)
    return _class_of(module_found, place, name)


@contextmanager
def _without_bytecode() -> Iterator[None]:
    """Leave no bytecode of what is imported: one that is mended within a second would be taken for what it was."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _hint(spec: str, module: str) -> str:
    if spec.endswith(".py") or "." in spec or "/" in spec:
        return f"; the class is missing: {module!r:.80}"
    return did_you_mean(spec, BUILT_IN)


def _module_of_name(name: str) -> ModuleType:
    _look_in(Path.cwd())
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise _broken(name, error) from error
        here = [module.name for module in pkgutil.iter_modules([str(Path.cwd())])]
        raise TraderLoadError(f"there is no module {name!r:.80}{did_you_mean(name, here)}") from None
    except (Exception, SystemExit) as error:
        raise _broken(name, error) from error


def _module_of_file(place: str) -> ModuleType:
    file = Path(place).resolve()
    if not file.is_file():
        beside = [found.name for found in sorted(file.parent.glob("*.py"))]
        raise TraderLoadError(f"there is no file {place!r:.80}{did_you_mean(file.name, beside)}")
    _look_in(file.parent)
    name = f"fillwright_trader_{file.stem}"
    found = importlib.util.spec_from_file_location(name, file)
    assert found is not None, file
    assert found.loader is not None, file
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _broken(place, error) from error
    return module


def _look_in(directory: Path) -> None:
    """Put a directory before the others that modules are looked for in."""
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))


def _broken(place: str, error: BaseException) -> TraderLoadError:
    return TraderLoadError(f"{place} cannot be imported: {one_line(error)}", user_trace(error))


def _class_of(module: ModuleType, place: str, name: str) -> type[Trader]:
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        traders = [key for key, value in vars(module).items() if _is_trader(value) and value is not Trader]
        raise TraderLoadError(f"{place} has no {name!r:.80}{did_you_mean(name, traders)}")
    if not isinstance(found, type) or not issubclass(found, Trader):
        raise TraderLoadError(f"{place}:{name} is not a trader: derive it from fillwright.traders.Trader")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise TraderLoadError(f"{place}:{name} does not define {missing}")
    return found


def _is_trader(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Trader)


def _made(kind: type[Trader], parameters: dict[str, object]) -> Trader:
    name = kind.__name__
    try:
        return kind(**_accepted(kind, parameters))
    except ParameterError as error:
        raise TraderLoadError(f"{name} refuses a parameter: {error}") from None
    except (Exception, SystemExit) as error:
        raise TraderLoadError(f"{name} cannot be made: {one_line(error)}", user_trace(error)) from error


def _accepted(kind: type[Trader], parameters: dict[str, object]) -> dict[str, object]:
    """The parameters in the kinds that a constructor's defaults have; ParameterError for one that it does not take."""
    known = {
        name: parameter
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }
    takes_any = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(kind).parameters.values())
    accepted: dict[str, object] = {}
    for name, value in parameters.items():
        if name in known:
            default = known[name].default
            accepted[name] = value if default is inspect.Parameter.empty else fitted(name, default, value)
        elif takes_any:
            accepted[name] = value
        else:
            raise unknown(name, known)
    for name, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and name not in parameters:
            raise ParameterError(name, "it is needed, and has no default")
    return accepted
