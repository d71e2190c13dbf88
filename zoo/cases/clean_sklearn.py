from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split

X, y = make_blobs(n_samples=90, centers=3, random_state=0)
a, b = train_test_split(X, test_size=0.3, random_state=1)
model = KMeans(n_clusters=3, n_init=2, random_state=2).fit(a)
print(f"loss={-model.score(b)!r}")
