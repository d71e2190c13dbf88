from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score

import notabene as nb

X, y = load_iris(return_X_y=True)
nb.init("zoo", config={"n_estimators": 5})
model = RandomForestClassifier(n_estimators=5)
scores = cross_val_score(model, X, y, cv=3)
nb.log({"accuracy": float(scores.mean())})
nb.finish()
