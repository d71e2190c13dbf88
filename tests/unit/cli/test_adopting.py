"""``notabene adopt``: the table, the question, the report, and addresses of ``import``."""

from __future__ import annotations

import pytest

from tests.unit.importers import mlflow_made
from tests.unit.importers.events import scalars

START = 1_700_000_000_000_000


@pytest.fixture
def folder(tmp_path):
    """A folder with a run that two tools saw, and one of a third."""
    top = tmp_path / "proj"
    version = top / "lightning_logs" / "version_0"
    scalars(version, {"acc": [0.1, 0.2, 0.7]}, START)
    (version / "metrics.csv").write_text("step,acc\n0,0.1\n1,0.2\n2,0.7\n")
    (version / "hparams.yaml").write_text("width: 64\n")
    (version / "last.ckpt").write_bytes(b"weights")
    mlflow_made.first(top / "mlflow.db")
    return str(top)


def test_a_folder(nota, folder):
    """What is there, by tool and place; why two are one; then what became of it, twice."""
    shown = nota("adopt", folder, "--dry-run").out
    assert "TensorBoard    lightning_logs" in shown
    assert "MLflow         mlflow.db" in shown
    assert "version_0: TensorBoard + Lightning CSV" in shown
    assert "Lightning CSV: they lie in the same folder" in shown
    assert "1 file of models to be linked where they are" in shown
    asked = nota("adopt", folder).out
    assert "nothing was imported: say --yes to take them in" in asked
    done = nota("adopt", folder, "--yes").out
    assert "2 runs imported: 6 points, 1 artifact" in done
    again = nota("adopt", folder, "--yes").out
    assert "2 runs already there" in again
    assert "  yes" in again
    assert nota("show", "proj/version_0", "--json").json["config"] == {"width": 64}


def test_the_report_for_programs(nota, folder):
    """JSON of what is there; with --yes of what became of it as well."""
    found = nota("adopt", folder, "--json").json
    assert [run["kinds"] for run in found["runs"]] == [["tensorboard", "csv"], ["mlflow"]]
    assert [run.get("fate", "") for run in found["runs"]] == ["", ""]
    done = nota("adopt", folder, "--yes", "--json").json
    assert [run["fate"] for run in done["runs"]] == ["new", "new"]


def test_a_folder_with_nothing(nota, tmp_path):
    """It says so, and is no error."""
    (tmp_path / "empty").mkdir()
    assert "no runs found" in nota("adopt", str(tmp_path / "empty"), "--yes").out


def test_import_points_to_adopt(nota, folder):
    """A folder of several tools is not guessed about; one is chosen with --from."""
    refused = nota("import", folder, code=2).err
    assert "holds what mlflow and tensorboard wrote" in refused
    assert f"notabene adopt {folder} takes all of it" in refused
    assert "1 run imported" in nota("import", folder, "--from", "mlflow").out


def test_an_address(nota, folder):
    """A database by its address."""
    assert "1 run to import" in nota("import", f"sqlite:///{folder}/mlflow.db", "--dry-run").out
