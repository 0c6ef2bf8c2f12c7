/** @file Line charts of metrics over waves, as small SVG. Long series are drawn as means with the band from least to greatest behind. */
import { escapeText, point, short, ticks } from './svg.js';

/** One metric over waves, in order. Values that are not finite are left out of the drawing. */
export interface Series { readonly name: string; readonly waves: readonly number[]; readonly values: readonly number[] }

/** Metrics that are drawn together: those of one node that are one quantity of several roles (the losses of both networks, say). */
export interface ChartGroup { readonly title: string; readonly series: readonly Series[] }

const ROLES = new Set(['generator', 'discriminator', 'real', 'fake', 'g', 'd', 'train', 'test']);

/** Groups metrics named `node.name`: same node, and the same words after those that name a role. */
export function groupSeries(all: readonly Series[]): ChartGroup[] {
  const groups = new Map<string, Series[]>();
  for (const series of all) {
    const dot = series.name.indexOf('.');
    const words = wordsOf(series.name.slice(dot + 1)).filter((word) => !ROLES.has(word));
    const key = `${series.name.slice(0, dot)}.${words.join(' ')}`;
    groups.set(key, [...(groups.get(key) ?? []), series]);
  }
  return [...groups].map(([key, series]) => {
    const [only] = series;
    return { title: series.length === 1 ? only!.name : key.endsWith('.') ? key.slice(0, -1) : key, series };
  });
}

const wordsOf = (name: string): string[] => name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase().split(/[^a-z0-9]+/).filter(Boolean);

const WIDTH = 340;
const HEIGHT = 190;
const LEFT = 46;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 22;
const MOST = 400;
/** A quantity that spans more than this factor is drawn on a logarithmic scale. */
const DECADES = 50;
const COLOURS: Readonly<Record<string, string>> = { generator: '#2f6fd6', fake: '#2f6fd6', discriminator: '#d6453d', real: '#d6453d' };
const PALETTE = ['#2f6fd6', '#d6453d', '#3f9a5f', '#a05fc4', '#d98a1f', '#5c8a99'];

/** One bucket of a long series. */
interface Sample { readonly wave: number; readonly mean: number; readonly low: number; readonly high: number }

/** Draws one group. The scale is logarithmic where all values are positive and span more than a factor of 50. */
export function drawChart({ title, series }: ChartGroup): string {
  const lines = series.map((one, i) => ({ name: one.name, samples: thin(one), colour: colourOf(one.name, i), last: lastFinite(one.values) }));
  const samples = lines.flatMap((line) => line.samples);
  if (!samples.length) return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" class="chart"><text x="${WIDTH / 2}" y="${HEIGHT / 2}" text-anchor="middle">no finite value</text></svg>`;
  const [least, greatest] = extent(samples.map(({ mean }) => mean));
  const [first, final] = extent(samples.map(({ wave }) => wave));
  const logarithmic = least > 0 && greatest / least > DECADES;
  const scale = logarithmic ? Math.log10 : (value: number) => value;
  const padding = (scale(greatest) - scale(least)) * 0.06 || Math.abs(scale(greatest)) * 0.1 || 1;
  const [low, high] = [scale(least) - padding, scale(greatest) + padding];

  const x = (wave: number) => point(LEFT + (final > first ? (wave - first) / (final - first) : 0.5) * (WIDTH - LEFT - RIGHT));
  const y = (value: number) => {
    const part = ((logarithmic && value <= 0 ? low : scale(value)) - low) / (high - low);
    return point(HEIGHT - BOTTOM - Math.min(1, Math.max(0, part)) * (HEIGHT - TOP - BOTTOM));
  };
  const rows = logarithmic ? decades(low, high) : ticks(low, high, 4);
  const grid = rows.map((value) => `<path class="grid" d="M${LEFT} ${y(value)}H${WIDTH - RIGHT}"/><text x="${LEFT - 6}" y="${Number(y(value)) + 3.5}" text-anchor="end">${short(value)}</text>`);
  const columns = ticks(first, final, 4).map((wave) => `<text x="${x(wave)}" y="${HEIGHT - 6}" text-anchor="middle">${thousands(wave)}</text>`);
  const drawn = lines.map(({ samples: points, colour }) => {
    if (!points.length) return '';
    const band = points.some((sample) => sample.high > sample.low)
      ? `<path class="band" fill="${colour}" d="M${points.map((p) => `${x(p.wave)} ${y(p.high)}`).join('L')}L${points.toReversed().map((p) => `${x(p.wave)} ${y(p.low)}`).join('L')}z"/>` : '';
    const dot = points.length <= 30 ? points.map((p) => `<circle cx="${x(p.wave)}" cy="${y(p.mean)}" r="2" fill="${colour}"/>`).join('') : '';
    return `${band}<path class="line" stroke="${colour}" d="M${points.map((p) => `${x(p.wave)} ${y(p.mean)}`).join('L')}"/>${dot}`;
  });
  const names = lines.map(({ name, colour, last }) => `<span><i style="background:${colour}"></i>${escapeText(lines.length > 1 ? name.slice(name.indexOf('.') + 1) : 'last')} <b>${short(last)}</b></span>`);
  return `<figure class="chart"><figcaption>${escapeText(title)}${logarithmic ? ' <small>log scale</small>' : ''}</figcaption>`
    + `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"><title>${escapeText(title)}</title>${grid.join('')}${columns.join('')}${drawn.join('')}</svg><div class="names">${names.join('')}</div></figure>`;
}

/** At most 400 samples: means of equal numbers of neighbours. */
function thin({ waves, values }: Series): Sample[] {
  const finite = [...values.keys()].filter((i) => Number.isFinite(values[i]));
  const count = Math.min(MOST, finite.length);
  return Array.from({ length: count }, (_, bucket) => {
    const members = finite.slice(Math.floor(bucket * finite.length / count), Math.floor((bucket + 1) * finite.length / count));
    const [low, high] = extent(members.map((i) => values[i]!));
    return { wave: waves[members.at(-1)!]!, mean: members.reduce((sum, i) => sum + values[i]!, 0) / members.length, low, high };
  });
}

/** Powers of ten inside a logarithmic range, with 2 and 5 between them where there are few. */
function decades(low: number, high: number): number[] {
  const inside = (factors: readonly number[]) => Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, i) => Math.floor(low) + i)
    .flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(3)))).filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
  const powers = inside([1]);
  if (powers.length < 3) return inside([1, 3]);
  return powers.filter((_, i) => i % Math.ceil(powers.length / 5) === 0);
}

const colourOf = (name: string, i: number): string => {
  const role = wordsOf(name).find((word) => COLOURS[word]);
  return (role && COLOURS[role]) || PALETTE[i % PALETTE.length]!;
};
const thousands = (wave: number): string => (wave >= 10_000 ? `${short(wave / 1000)}k` : short(wave));
const lastFinite = (values: readonly number[]): number => values.findLast(Number.isFinite) ?? Number.NaN;

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
