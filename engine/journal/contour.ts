/** @file Contours of heights over a mesh: the outline of where they reach a level, as closed loops. Marching squares (Lorensen and Cline's idea in the plane). */

/** A loop of points x0 y0 x1 y1 …, in units of the mesh; the last joins the first. */
export type Loop = readonly number[];

/**
 * The region in which heights over a mesh of `side` x `side` points reach `level`, by its boundary: filled by the even-odd rule, the loops are that region. Between points of
 * the mesh heights are linear; where the region meets the mesh's border, it ends there. Heights that are not finite are below every level.
 */
export function contour(height: ArrayLike<number>, side: number, level: number): Loop[] {
  // A frame of points below the level surrounds the mesh, so that every loop closes. Points are numbered with it: row by row, `wide` in each.
  const wide = side + 2;
  const at = (x: number, y: number) => (x < 0 || y < 0 || x >= side || y >= side ? Number.NaN : height[y * side + x]!);
  // An edge of the mesh has the number 2n if it goes right from point n, 2n + 1 if it goes up. Going around a cell with the region's corners in mind, the boundary runs from
  // each edge that leaves the region to the next that enters it; the cell beyond that edge says how it goes on.
  const next = new Map<number, number>();
  for (let y = -1; y < side; y++) {
    for (let x = -1; x < side; x++) {
      const inside = [at(x, y) >= level, at(x + 1, y) >= level, at(x + 1, y + 1) >= level, at(x, y + 1) >= level];
      if (inside.every((one) => one === inside[0])) continue;
      const n = (y + 1) * wide + x + 1, edges = [2 * n, 2 * (n + 1) + 1, 2 * (n + wide), 2 * n + 1];
      for (let k = 0; k < 4; k++) {
        if (!inside[k] || inside[(k + 1) % 4]) continue;
        let enters = (k + 1) % 4;
        while (inside[enters] || !inside[(enters + 1) % 4]) enters = (enters + 1) % 4;
        next.set(edges[k]!, edges[enters]!);
      }
    }
  }
  /** Where the level lies on an edge: at its point of the mesh, if the other is of the frame. */
  const place = (edge: number): [number, number] => {
    const n = edge >> 1, x = (n % wide) - 1, y = Math.floor(n / wide) - 1, [dx, dy] = edge & 1 ? [0, 1] : [1, 0];
    const a = at(x, y), b = at(x + dx, y + dy);
    const t = Number.isFinite(a) && Number.isFinite(b) ? (level - a) / (b - a) : a >= level ? 0 : 1;
    return [x + t * dx, y + t * dy];
  };
  const loops: Loop[] = [];
  for (const start of next.keys()) {
    const loop: number[] = [];
    for (let edge = start; next.has(edge);) {
      loop.push(...place(edge));
      const after = next.get(edge)!;
      next.delete(edge);
      edge = after;
    }
    if (loop.length) loops.push(loop);
  }
  return loops;
}

/** A loop with fewer points, none of those left out farther than `tolerance` from it (Ramer, Douglas and Peucker), between its first point and the farthest from it. */
export function simplified(loop: Loop, tolerance: number): Loop {
  const count = loop.length / 2, at = (i: number): [number, number] => [loop[2 * (i % count)]!, loop[2 * (i % count) + 1]!];
  const kept = new Set([0]);
  const [x0, y0] = at(0);
  let far = 0;
  for (let i = 1; i < count; i++) if (Math.hypot(at(i)[0] - x0, at(i)[1] - y0) > Math.hypot(at(far)[0] - x0, at(far)[1] - y0)) far = i;
  const open: [number, number][] = [[0, far], [far, count]];
  for (let piece = open.pop(); piece; piece = open.pop()) {
    const [from, to] = piece, [ax, ay] = at(from), [bx, by] = at(to), length = Math.hypot(bx - ax, by - ay);
    kept.add(from);
    let worst = tolerance, split = -1;
    for (let i = from + 1; i < to; i++) {
      const [x, y] = at(i), off = length ? Math.abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / length : Math.hypot(x - ax, y - ay);
      if (off > worst) [worst, split] = [off, i];
    }
    if (split > 0) open.push([from, split], [split, to]);
  }
  return [...kept].sort((a, b) => a - b).flatMap((i) => at(i));
}
