"""statsmodels: fits of models, with their coefficients and measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import statsmodels.base.model as base

from notabene.integrations._base import Fit, Kept, Recipe, Switch, described, put, subclasses

VERSIONS = ("0.14", "1")
_MEASURES = (
    "rsquared", "rsquared_adj", "fvalue", "f_pvalue", "llf", "aic", "bic", "prsquared",
    "deviance", "pearson_chi2", "scale", "nobs", "df_model", "df_resid", "mse_resid", "sse",
)  # fmt: skip


class FitRecipe(Recipe):
    """``model.fit()``."""

    def begin(self, fit: Fit) -> None:
        """Which model, of what."""
        model = self.given["self"]
        formula = getattr(model, "formula", None)
        fit.params({"model": type(model).__name__, **({"formula": formula} if formula else {})})
        others = {k: v for k, v in self.given.items() if k not in ("self", "kwargs")}
        fit.params({**others, **self.given.get("kwargs", {})}, "fit")
        parts = {"X": getattr(model, "exog", None), "y": getattr(model, "endog", None)}
        known = {k: described(v) for k, v in parts.items() if v is not None}
        names = {"X": getattr(model, "exog_names", None), "y": getattr(model, "endog_names", None)}
        for name, part in known.items():
            part.update({"names": names[name]} if names[name] is not None else {})
        fit.inputs(known, "X", "y")

    def end(self, fit: Fit, result: Any) -> None:
        """Measures, a table of coefficients, the summary, the results."""
        found = {}
        for name in _MEASURES:
            value: Any = getattr(result, name, None)
            if isinstance(value, int | float) or getattr(value, "shape", None) == ():
                found[name] = float(value)
        fit.metrics(found)
        values = getattr(result, "params", None)
        if values is not None and getattr(values, "ndim", 0) == 1:
            columns: dict[str, list[Any]] = {
                "name": [str(n) for n in getattr(values, "index", result.model.exog_names)]
            }
            for key, name in (("coef", "params"), ("std_err", "bse"), ("p", "pvalues")):
                column = getattr(result, name, None)
                if column is not None and len(column) == len(values):
                    columns[key] = [float(v) for v in column]
            fit.table("coefficients", columns)
        if hasattr(result, "summary"):
            fit.run.log_text(f"{fit.prefix}summary", str(result.summary()), step=0)
        if hasattr(result, "save"):
            fit.model(result, save, name=type(self.given["self"]).__name__)


def switch_on(switch: Switch) -> None:
    """Wrap the fit of all models, those that are defined later too."""
    for kind in (base.Model, *subclasses(base.Model)):
        _wrap(switch, kind)

    def __init_subclass__(cls: Any, /, **options: Any) -> None:
        super(base.Model, cls).__init_subclass__(**options)
        if switch.on:
            _wrap(switch, cls)

    switch.put(base.Model, "__init_subclass__", classmethod(__init_subclass__))


def save(results: Any, folder: Path) -> Kept:
    """As a pickle, the only form there is."""
    results.save(str(folder / "model.statsmodels"))
    return Kept("model.statsmodels", "statsmodels-pickle")


def load(path: Path, card: dict[str, Any], *, trust: bool) -> Any:
    """Results that :func:`save` wrote; the caller trusts them."""
    from statsmodels.iolib.smpickle import load_pickle

    return load_pickle(str(path))


def _wrap(switch: Switch, kind: Any) -> None:
    if callable(vars(kind).get("fit")):
        put(switch, kind, "fit", FitRecipe)
