"""Keras 3 under ``autolog()``, and its callback."""

from __future__ import annotations

import os

import pytest

import notabene

pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

import numpy as np

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 4)).astype("float32")
y = (X.sum(axis=1) > 0).astype("int64")


def network():
    """A small network that starts from the same weights each time."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(6, activation="tanh"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(1, activation="sigmoid"),
        ],
        name="small",
    )
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    return model


def test_a_fit_is_a_run(notebook, same):
    """Settings, the history as Keras returns it, the model; the same weights."""

    def train():
        model = network()
        history = model.fit(X, y, epochs=3, batch_size=16, validation_split=0.25, verbose=0)
        return history.history, [w.tobytes() for w in model.get_weights()]

    said, _ = same(train, "keras")
    run = notebook.only()
    assert run.status == "finished"
    assert run.config["model"] == "Sequential"
    assert run.config["loss"] == "binary_crossentropy"
    assert run.config["optimizer"]["class"] == "Adam"
    assert run.config["epochs"] == 3
    for name, values in said.items():
        assert notebook.curve(run, name) == [float(value) for value in values]
    (model,) = notebook.models(run)
    assert (model.metadata["format"], model.metadata["safe"]) == ("keras", True)
    assert model.metadata["signature"]["x"]["shape"] == [64, 4]


def test_a_model_comes_back(notebook):
    """What is loaded predicts the same."""
    notabene.autolog("keras")
    model = network()
    model.fit(X, y, epochs=1, verbose=0)
    (kept,) = notebook.models(notebook.only())
    again = notabene.load_model(kept.ref)
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_the_callback_does_the_same(notebook):
    """In one's own hands, with a run active and without; ``autolog()`` does not add another."""
    from notabene.integrations.keras import NotabeneCallback

    notabene.autolog("keras")
    network().fit(X, y, epochs=2, verbose=0, callbacks=[NotabeneCallback(models=False)])
    own = notebook.only()
    assert len(notebook.curve(own, "loss")) == 2
    assert notebook.models(own) == []
    with notabene.init("mine"):
        network().fit(X, y, epochs=2, verbose=0, callbacks=[NotabeneCallback()])
    mine = notebook.runs()[-1]
    assert mine.project == "mine"
    assert len(notebook.curve(mine, "loss")) == 2
    assert len(notebook.models(mine)) == 1


def test_it_can_be_undone():
    """``fit`` is the library's own again."""
    before = keras.Model.fit
    notabene.autolog("keras")
    assert keras.Model.fit is not before
    notabene.autolog(enabled=False)
    assert keras.Model.fit is before
