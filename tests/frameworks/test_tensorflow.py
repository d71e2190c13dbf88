"""``tf.summary`` and Keras on TensorFlow: they write in C++, so the tap follows their files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from notabene.api import Api

if find_spec("tensorflow") is None:
    pytest.skip("there is no tensorflow", allow_module_level=True)

PROGRAM = """
import json, sys
import notabene
import numpy as np
import keras
import tensorflow as tf

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int64")
tap = sys.argv[1] == "init" and notabene.init("p", tensorboard=True, capture=False)
other = tf.summary.create_file_writer("logs/own")
with other.as_default():
    for step in range(10):
        tf.summary.scalar("squares", step * step, step=step)
    tf.summary.histogram("weights", np.arange(5.0), step=0)
    tf.summary.text("words", "some", step=0)
    tf.summary.image("picture", np.zeros((1, 4, 4, 3), "float32"), step=0)
other.close()
with tf.Graph().as_default():
    old = tf.compat.v1.summary.FileWriter("logs/old")
    value = tf.compat.v1.Summary.Value(tag="old_style", simple_value=0.5)
    old.add_summary(tf.compat.v1.Summary(value=[value]), 3)
    old.close()
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
history = model.fit(
    x, y, epochs=3, verbose=0, validation_split=0.25,
    callbacks=[keras.callbacks.TensorBoard("logs/keras")],
)
if tap:
    tap.finish()
print(json.dumps(history.history))
"""


def play(folder: Path, *command: str) -> dict[str, list[float]]:
    """Run the program in a folder; gives what Keras said."""
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(PROGRAM)
    env = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [*command, sys.executable, "train.py", "init" if not command else "bare"],
        cwd=folder, env=env, stdout=subprocess.PIPE, text=True, check=True, timeout=300,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("way", ["init", "run"])
def test_what_it_writes_is_in_the_run(notebook, tmp_path: Path, way: str):
    """Scalars as they were given, media, Keras's callback; what lay there before is not ours.

    A second folder of logs has its name before those of its metrics.
    """
    before = play(tmp_path, "env")
    command = [] if way == "init" else [sys.executable, "-m", "notabene", "run", "--"]
    said = play(tmp_path, *command)
    assert said == before
    run = notebook.only()
    with Api() as api:
        squares = api.history(run.id, "squares")
    assert squares.steps.tolist() == list(range(10))
    assert squares.values.tolist() == [step * step for step in range(10)]
    assert notebook.curve(run, "old/old_style") == [0.5]
    assert notebook.curve(run, "train/epoch_loss") == pytest.approx(said["loss"], rel=1e-6)
    assert notebook.curve(run, "validation/epoch_loss") == pytest.approx(said["val_loss"], rel=1e-6)
    values = notebook.values(run)
    assert (values["weights"], values["words"], values["picture"]) == (1, 1, 1)
