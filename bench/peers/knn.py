"""faiss peer of exact neighbours: a flat index of all rows, built and searched for every row. A step gives k others of each."""

import argparse

import faiss
import numpy as np

from turns import serve


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=1)
    flags.add_argument("--data", required=True, help="float32 rows")
    flags.add_argument("--width", type=int, required=True)
    flags.add_argument("--k", type=int, default=50)
    flags.add_argument("--index", choices=["l2", "ip"], default="l2")
    args = flags.parse_args()

    faiss.omp_set_num_threads(args.threads)
    rows = np.fromfile(args.data, np.float32).reshape(-1, args.width)
    kind = faiss.IndexFlatL2 if args.index == "l2" else faiss.IndexFlatIP

    def step():
        index = kind(args.width)
        index.add(rows)
        index.search(rows, args.k + 1)

    serve(step, 1, {"peer": f"faiss {faiss.__version__} flat {args.index}"})


if __name__ == "__main__":
    main()
