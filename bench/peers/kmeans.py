"""scikit-learn peer of k-means: k-means++ and Lloyd, n_init times. A step is a whole fit; each has a seed of its own."""

import argparse

import numpy as np
import sklearn
from sklearn.cluster import KMeans

from turns import serve


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=1)
    flags.add_argument("--data", required=True, help="float32 rows")
    flags.add_argument("--width", type=int, required=True)
    flags.add_argument("--k", type=int, default=100)
    flags.add_argument("--restarts", type=int, default=10)
    args = flags.parse_args()

    rows = np.fromfile(args.data, np.float32).reshape(-1, args.width)
    seeds = iter(range(10**6))

    def step():
        return {"score": float(KMeans(args.k, n_init=args.restarts, random_state=next(seeds)).fit(rows).inertia_)}

    serve(step, 0, {"peer": f"scikit-learn {sklearn.__version__}"})


if __name__ == "__main__":
    main()
