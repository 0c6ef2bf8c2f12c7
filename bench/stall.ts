/** @file How long the main loop was ever held up in a whole run: reclusterings, evaluations, checkpoints and report included. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../engine/cli/main.js', import.meta.url));

/** Milliseconds, as the run itself measures them after its first wave. */
export async function longestStall(graph = 'graphs/self-conditioned-gan/grid.json', waves = 2100): Promise<number> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gantry-stall-'));
  try {
    const { stdout, stderr, status } = spawnSync(process.execPath, [cli, 'run', graph, '--waves', String(waves), '--out', path.join(folder, 'run'), '--json'], { encoding: 'utf8', maxBuffer: 1 << 28 });
    if (status !== 0) throw new Error(stderr);
    const last = JSON.parse(stdout.trim().split('\n').at(-1)!) as { longestStall: number };
    return last.longestStall;
  } finally { rmSync(folder, { recursive: true, force: true }); }
}
