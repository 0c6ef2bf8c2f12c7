/** @file The clusterer's life: features, the first clustering, a warm reclustering, matching, labels of a batch; and the online variant. */
import type { SessionHost } from '../../../engine/session/host.js';
import { keyedRandom } from '../../../engine/session/keyed-random.js';
import { tensor, type TensorValue } from '../../../engine/spec/value.js';
import { createKMeans, type KMeans, type Run } from '../../../plugins/clusterers/k-means.js';
import { match, overlap } from '../../../plugins/clusterers/match.js';
import { absorb, type RunningMeans } from '../../../plugins/clusterers/online.js';
import { comparison, scalarTolerance, tolerances } from '../comparison.js';
import type { Fixture, Group, Kind } from '../fixture.js';
import { maxoutFeatures } from './maxout-features.js';

const OPTIONS = { iterations: 300, tolerance: 1e-4, restarts: 10 };
/** Centres: float32 summation alone moves them 3e-6. */
const centre = () => 1e-5;
/** A best of ten may be this much worse than the reference's. */
const INERTIA = 1.02;

const draws: Run = { random: (name) => keyedRandom(1, 'parity', 0, name) };
const reader = ({ arrays }: Fixture) => ({
  floats: (key: string): TensorValue => tensor('f32', arrays.get(key)!.dims, Float32Array.from(arrays.get(key)!.data as Float32Array)),
  integers: (key: string) => Int32Array.from(arrays.get(key)!.data as Int32Array),
});
const renamed = (classes: Int32Array, mapping: Int32Array) => classes.map((c) => mapping[c]!);
const withKMeans = async (host: SessionHost, body: (kMeans: KMeans) => Promise<void>) => {
  const kMeans = createKMeans(host);
  try { await body(kMeans); } finally { await kMeans.close(); }
};

export const clusterer: Kind = {
  name: 'clusterer',
  matches: ({ manifest, arrays }) => /clusterers\/selfcondgan/.test(manifest.source) && arrays.has('centers1'),
  async check(fixture, host): Promise<readonly Group[]> {
    const { manifest: { config, scalars } } = fixture, { floats, integers } = reader(fixture);
    const compare = comparison(fixture), { output } = tolerances(fixture);
    const k = config.k as number, options = { ...OPTIONS, k };
    const atMost = (group: string, ours: number, reference: number) => compare.ratio(group, Math.max(0, ours / reference - 1), INERTIA - 1);
    await withKMeans(host, async (kMeans) => {
      const points = floats('x_cluster');
      const [features0, features1] = [await maxoutFeatures(host, fixture, 'D0', points), await maxoutFeatures(host, fixture, 'D1', points)];
      compare.array('features', 'features0', features0.data as Float32Array, output);
      compare.array('features', 'features1', features1.data as Float32Array, output);
      atMost('first clustering: inertia', (await kMeans.fit(features0, options, draws)).inertia, scalars.inertia0);
      compare.exact('labels of the first centres', integers('labels0'), await kMeans.assign(features0, floats('centers0')));

      const start = await kMeans.means(features1, integers('labels0'), k, draws);
      compare.array('warm start: means of old labels', 'init_centers1', start.data as Float32Array, centre);
      const found = await kMeans.refine(features1, start, options, draws);
      compare.array('reclustering: centres', 'centers1', found.centres.data as Float32Array, centre);
      compare.exact('reclustering: classes', integers('new_classes1'), found.labels);
      compare.scalar('reclustering: inertia', scalars.inertia1, found.inertia, scalarTolerance(scalars.inertia1));
      compare.exact('matching: overlap', integers('overlap_new_by_old'), overlap(found.labels, integers('labels0'), k));
      const mapping = match(found.labels, integers('labels0'), k);
      matched('matching: mapping', { k, unique: scalars.match_unique, total_overlap: scalars.match_total_overlap }, found.labels, integers('labels0'), integers('mapping1'), mapping);
      compare.exact('labels after matching', integers('labels1'), renamed(found.labels, mapping));
      const batch = await kMeans.assign(await maxoutFeatures(host, fixture, 'D1', floats('batch_x')), found.centres);
      compare.exact('labels of a batch', integers('batch_labels'), renamed(batch, mapping));

      atMost('without warm start: inertia', (await kMeans.fit(features1, options, draws)).inertia, scalars.nowarm_inertia);
      const again = await kMeans.assign(features1, floats('nowarm_centers'));
      compare.exact('without warm start: classes', integers('nowarm_new_classes'), again);
      compare.exact('without warm start: overlap', integers('nowarm_overlap'), overlap(again, integers('labels0'), k));
      const remapped = match(again, integers('labels0'), k);
      matched('without warm start: mapping', { k, unique: scalars.nowarm_match_unique, total_overlap: scalars.nowarm_total_overlap }, again, integers('labels0'), integers('nowarm_mapping'), remapped);
      if (scalars.nowarm_match_unique) compare.exact('without warm start: labels', integers('nowarm_labels'), renamed(again, remapped));
    });
    for (const [i, one] of ((scalars.hungarian_cases ?? []) as Matching[]).entries()) {
      const newer = integers(`hung${i}/new`), older = integers(`hung${i}/old`);
      matched('Hungarian cases', one, newer, older, integers(`hung${i}/mapping_new_to_old`), match(newer, older, one.k));
    }
    return compare.groups();

    /** Mappings are compared where the best one is unique, the total overlap always. */
    function matched(group: string, { k: size, unique, total_overlap }: Matching, newer: Int32Array, older: Int32Array, expected: Int32Array, ours: Int32Array) {
      if (unique) compare.exact(group, expected, ours);
      const table = overlap(newer, older, size);
      compare.exact(`${group} (total overlap)`, [total_overlap], [ours.reduce((total, old, c) => total + table[c * size + old]!, 0)]);
    }
  },
};
interface Matching { readonly k: number; readonly unique: boolean; readonly total_overlap: number }

export const onlineClusterer: Kind = {
  name: 'online-clusterer',
  matches: ({ manifest, arrays }) => /clusterers\/online/.test(manifest.source) && arrays.has('centers_after_burn_in'),
  async check(fixture, host): Promise<readonly Group[]> {
    const { floats, integers } = reader(fixture), { manifest: { config }, arrays } = fixture;
    const compare = comparison(fixture), { output } = tolerances(fixture), k = config.k as number;
    await withKMeans(host, async (kMeans) => {
      const points = floats('x_cluster');
      compare.exact('labels of the first centres', integers('labels_first'), await kMeans.assign(await maxoutFeatures(host, fixture, 'D0', points), floats('centers_first')));
      const features = await maxoutFeatures(host, fixture, 'D1', points);
      const { centres } = await kMeans.refine(features, await kMeans.means(features, integers('labels_first'), k, draws), { ...OPTIONS, k }, draws);
      compare.array('burn-in: centres', 'centers_after_burn_in', centres.data as Float32Array, centre);
      // The published centres go on from here, so that a difference of the burn-in's round-off is not counted twice.
      let running: RunningMeans = { centres: floats('centers_after_burn_in'), counts: new Int32Array(k) };
      for (let i = 0; arrays.has(`batch${i}/x`); i++) {
        const feature = await maxoutFeatures(host, fixture, 'D1', floats(`batch${i}/x`));
        compare.array('batches: features', `batch${i}/features`, feature.data as Float32Array, output);
        running = absorb(running, feature, await kMeans.assign(feature, running.centres));
        compare.array('batches: centres', `batch${i}/centers_after`, running.centres.data as Float32Array, centre);
        compare.exact('batches: counts', integers(`batch${i}/counts_after`), running.counts);
      }
    });
    return compare.groups();
  },
};
