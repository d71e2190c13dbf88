"""Library classes and functions that draw random numbers unless they are given a seed.

xgboost, lightgbm and catboost are not here: without a seed they use a fixed one of their own.
"""

from __future__ import annotations

import ast
from typing import Final

import msgspec

from notabene.proof.source.calls import Call


class When(msgspec.Struct, frozen=True):
    """Drawn only if an argument has one of these values.

    Attributes:
        argument: Its name.
        values: The values that make it draw.
        default: Whether it draws if the argument is left out.
    """

    argument: str
    values: tuple[object, ...]
    default: bool = False


_ALWAYS: Final = """
RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor
GradientBoostingClassifier GradientBoostingRegressor AdaBoostClassifier AdaBoostRegressor
BaggingClassifier BaggingRegressor IsolationForest RandomTreesEmbedding DecisionTreeClassifier
DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor MLPClassifier MLPRegressor
BernoulliRBM KMeans MiniBatchKMeans BisectingKMeans SpectralClustering SpectralCoclustering
SpectralBiclustering AffinityPropagation GaussianMixture BayesianGaussianMixture TruncatedSVD
FastICA NMF MiniBatchNMF SparsePCA MiniBatchSparsePCA DictionaryLearning
MiniBatchDictionaryLearning LatentDirichletAllocation TSNE MDS SpectralEmbedding RANSACRegressor
TheilSenRegressor GaussianRandomProjection SparseRandomProjection RBFSampler Nystroem
SkewedChi2Sampler PolynomialCountSketch EllipticEnvelope MinCovDet LinearSVC LinearSVR
ShuffleSplit StratifiedShuffleSplit GroupShuffleSplit RepeatedKFold RepeatedStratifiedKFold
RandomizedSearchCV HalvingRandomSearchCV ParameterSampler permutation_test_score shuffle resample
permutation_importance mutual_info_classif mutual_info_regression randomized_svd
make_classification make_regression make_blobs make_moons make_circles make_swiss_roll
make_s_curve make_friedman1 make_friedman2 make_friedman3 make_gaussian_quantiles
make_sparse_uncorrelated make_low_rank_matrix make_hastie_10_2 make_multilabel_classification
make_biclusters make_checkerboard make_spd_matrix make_sparse_spd_matrix make_sparse_coded_signal
HistGradientBoostingClassifier HistGradientBoostingRegressor k_means kmeans_plusplus fastica
RandomOverSampler RandomUnderSampler SMOTE ADASYN BorderlineSMOTE SMOTENC SVMSMOTE KMeansSMOTE
SMOTETomek SMOTEENN BalancedRandomForestClassifier BalancedBaggingClassifier
EasyEnsembleClassifier RUSBoostClassifier UMAP sample_without_replacement
"""
_SHUFFLED: Final = When("shuffle", (True,))
_NOT_UNSHUFFLED: Final = When("shuffle", (True,), default=True)
_SAG: Final = When("solver", ("sag", "saga"))
_RANDOM_CHOICE: Final = When("selection", ("random",))

SKLEARN: Final[dict[str, When | None]] = {
    **dict.fromkeys(_ALWAYS.split()),
    **dict.fromkeys(
        "KFold StratifiedKFold StratifiedGroupKFold GroupKFold learning_curve".split(), _SHUFFLED
    ),
    **dict.fromkeys(
        "train_test_split SGDClassifier SGDRegressor SGDOneClassSVM Perceptron"
        " PassiveAggressiveClassifier PassiveAggressiveRegressor".split(),
        _NOT_UNSHUFFLED,
    ),
    **dict.fromkeys("Lasso ElasticNet LassoCV ElasticNetCV MultiTaskLasso".split(), _RANDOM_CHOICE),
    **dict.fromkeys("Ridge RidgeClassifier ridge_regression".split(), _SAG),
    **dict.fromkeys(
        ("LogisticRegression", "LogisticRegressionCV"),
        When("solver", ("sag", "saga", "liblinear")),
    ),
    **dict.fromkeys(("SVC", "NuSVC"), When("probability", (True,))),
    **dict.fromkeys(("PCA", "KernelPCA"), When("svd_solver", ("randomized", "arpack"))),
    **dict.fromkeys(("SVR", "NuSVR", "OneClassSVM"), When("probability", ())),
    "DummyClassifier": When("strategy", ("stratified", "uniform")),
    "IterativeImputer": When("sample_posterior", (True,)),
}
"""What draws from numpy's global generator, always or when an argument says so."""
IDLE: Final = frozenset({"SVC", "NuSVC", "SVR", "NuSVR", "OneClassSVM"})
"""What draws a number for libsvm in any case, which uses it for probabilities alone."""
_HOMES: Final = ("sklearn.", "imblearn.", "umap.", "cuml.")

OWN: Final = {
    "optuna.samplers.TPESampler", "optuna.samplers.RandomSampler", "optuna.samplers.CmaEsSampler",
    "optuna.samplers.NSGAIISampler", "optuna.samplers.QMCSampler", "optuna.samplers.GPSampler",
    "optuna.integration.BoTorchSampler", "optuna.integration.CmaEsSampler",
}  # fmt: skip
"""What makes a generator of its own if it is given no seed."""
STUDIES: Final = {"optuna.create_study"}
SCIPY: Final = {
    "scipy.optimize.differential_evolution", "scipy.optimize.dual_annealing",
    "scipy.optimize.basinhopping", "scipy.sparse.random", "scipy.sparse.rand",
    "scipy.stats.bootstrap", "scipy.stats.permutation_test", "scipy.cluster.vq.kmeans2",
}  # fmt: skip

SEED_ARGUMENTS: Final = ("random_state", "seed", "random_seed", "rng", "rstate", "generator", "key")


def without_seed(call: Call) -> tuple[str, str] | None:
    """Whether an estimator or the like is called so that it draws, and without a seed.

    Returns:
        Whose generator it draws from, and what was left out; None if it does not, or has a seed.
    """
    if call.path.startswith(_HOMES) and call.name in SKLEARN:
        when = SKLEARN[call.name]
        drawn = when is None or _holds(call, when)
        generator, argument = "sklearn", "random_state"
        if not drawn and call.name in IDLE:
            drawn, generator = True, "idle"
    elif call.path in OWN:
        drawn, generator, argument = True, "new", "seed"
    elif call.path in STUDIES:
        if call.argument(-1, "sampler") is not None or call.starred:
            return None
        return "new", "no sampler"
    elif call.path in SCIPY:
        drawn, generator, argument = True, "numpy", "seed"
    else:
        return None
    if not drawn or call.starred:
        return None
    given = call.argument(-1, *SEED_ARGUMENTS)
    if given is None:
        return generator, f"no {argument}"
    value = call.given(-1, *SEED_ARGUMENTS)
    if value is not None and value.is_none():
        return generator, f"{argument}=None"
    return None


def _holds(call: Call, when: When) -> bool:
    given = call.argument(-1, when.argument)
    if given is None:
        return when.default
    # A value that is not written out may be either: nothing is claimed.
    return isinstance(given, ast.Constant) and given.value in when.values
