/** @file Surfaces: contours enclose what reaches a level, thinned loops stay near, and the drawing has its bands, arrows and points. */
import { contour, simplified, type Loop } from '../../engine/journal/contour.js';
import { encodePicture } from '../../engine/journal/picture.js';
import { drawSurface } from '../../engine/journal/surface.js';
import type { Surface } from '../../engine/spec/picture.js';

const SIDE = 41;
/** Heights at the points of a mesh over [-1,1]^2. */
const heights = (f: (x: number, y: number) => number, side = SIDE) =>
  Float32Array.from({ length: side * side }, (_, i) => f(2 * (i % side) / (side - 1) - 1, 2 * Math.floor(i / side) / (side - 1) - 1));
const pairs = (loop: Loop) => Array.from({ length: loop.length / 2 }, (_, i) => [loop[2 * i]!, loop[2 * i + 1]!] as const);
/** Area inside a loop by the shoelace formula, positive if it runs against the clock. */
const area = (loop: Loop) => pairs(loop).reduce((total, [x, y], i, all) => { const [u, v] = all[(i + 1) % all.length]!; return total + (x * v - u * y) / 2; }, 0);
const areas = (loops: readonly Loop[]) => loops.map(area);
const cell = (2 / (SIDE - 1)) ** 2;

test('a contour of a cone is a circle, of a hollow one two circles of opposite turns', () => {
  const [disc, ...none] = contour(heights((x, y) => -Math.hypot(x, y)), SIDE, -0.5);
  expect(none).toEqual([]);
  expect(area(disc!) * cell).toBeCloseTo(Math.PI / 4, 2);
  for (const [x, y] of pairs(disc!)) expect(Math.hypot(x / 20 - 1, y / 20 - 1)).toBeCloseTo(0.5, 2);
  const ring = areas(contour(heights((x, y) => -Math.abs(Math.hypot(x, y) - 0.5)), SIDE, -0.2)).map((a) => a * cell).sort((a, b) => a - b);
  expect(ring).toEqual([expect.closeTo(-Math.PI * 0.09, 1), expect.closeTo(Math.PI * 0.49, 1)]);
});

test('a region ends at the border of the mesh; all, nothing and what is not finite', () => {
  const [half] = contour(heights((x) => x), SIDE, 0.25);
  expect(area(half!) * cell).toBeCloseTo(0.75 * 2, 6);
  expect(areas(contour(heights(() => 1), SIDE, 0))).toEqual([(SIDE - 1) ** 2]);
  expect(contour(heights(() => -1), SIDE, 0)).toEqual([]);
  expect(contour(heights(() => Number.NaN), SIDE, 0)).toEqual([]);
  const holed = heights(() => 1);
  holed[20 * SIDE + 20] = Number.NaN;
  const [outside, hole] = contour(holed, SIDE, 0);
  expect(area(outside!)).toBe((SIDE - 1) ** 2);
  expect(Math.abs(area(hole!))).toBe(2);
  for (const loop of contour(holed, SIDE, 0)) expect(loop.every(Number.isFinite)).toBe(true);
});

test('saddles and single points close, too: every loop of a chequered mesh does', () => {
  const side = 7, chequered = Float32Array.from({ length: side * side }, (_, i) => (i % 2 ? 1 : -1));
  const total = areas(contour(chequered, side, 0)).reduce((a, b) => a + b, 0);
  // Along the border, where points stand alone, and inside, where the region joins across each saddle.
  expect(total).toBeGreaterThan(0);
  expect(total).toBeLessThan((side - 1) ** 2);
  const one = heights(() => -1, 5);
  one[12] = 1;
  expect(areas(contour(one, 5, 0))).toEqual([expect.closeTo(0.5, 9)]);
});

test('a thinned loop keeps corners and stays within its tolerance', () => {
  const square = [...Array.from({ length: 10 }, (_, i) => [i, 0]), ...Array.from({ length: 10 }, (_, i) => [10, i]), ...Array.from({ length: 10 }, (_, i) => [10 - i, 10]), ...Array.from({ length: 10 }, (_, i) => [0, 10 - i])].flat();
  expect(pairs(simplified(square, 0.01))).toEqual([[0, 0], [10, 0], [10, 10], [0, 10]]);
  const circle = Array.from({ length: 200 }, (_, i) => [100 * Math.cos(i * Math.PI / 100), 100 * Math.sin(i * Math.PI / 100)]).flat(), thin = pairs(simplified(circle, 0.5));
  expect(thin.length).toBeLessThan(60);
  for (const [i, [x, y]] of thin.entries()) {
    const [u, v] = thin[(i + 1) % thin.length]!;
    expect(100 - Math.hypot((x + u) / 2, (y + v) / 2)).toBeLessThan(0.51);
  }
  expect(simplified([3, 4], 1)).toEqual([3, 4]);
});

const cone: Surface = {
  kind: 'surface', title: 'a <cone>', frame: { x: 10, y: 20, half: 2 }, side: SIDE, height: heights((x, y) => -Math.hypot(x, y)), levels: [-1, -0.5],
  region: { name: 'top', values: heights((x, y) => 0.25 - Math.hypot(x, y)) },
  arrows: { values: Float32Array.of(11, 20, -1, 0, 10, 21, 0, -0.01, 10, 20, 0, 0, 12, 22, 0.5, 0.5), reach: 0.5 },
  series: [{ name: 'mine', points: Float32Array.of(10, 20, 11, 21) }, { name: 'others', points: Float32Array.of(9, 20, 50, 50) }],
};

test('the drawing: a band a level, the region, arrows in proportion, points in the frame', async () => {
  const { ending, bytes } = await encodePicture(cone), svg = Buffer.from(bytes).toString();
  expect([ending, /<title>(.*?)<\/title>/.exec(svg)![1]]).toEqual(['svg', 'a &lt;cone&gt;']);
  expect(svg.match(/<path fill="#[0-9a-f]{6}" d="M[^"]+z"\/>/g)).toHaveLength(2);
  expect(svg.match(/class="region" d="M[^"]+z"/g)).toHaveLength(1);
  for (const text of ['top', 'mine', 'others', '-1', '-0.5', '20']) expect(svg).toContain(`>${text}</text>`);
  // A unit is 105 pixels; the longest arrow is half a unit long about its place, the short one a little over a third of that, one without length is none,
  // and neither is one that would leave the frame.
  const arrows = /class="arrows" d="([^"]*)"/.exec(svg)![1]!, shafts = [...arrows.matchAll(/M(\S+) (\S+)L(\S+) (\S+)M/g)].map((match) => match.slice(1).map(Number));
  expect(shafts.flat().map((v) => Math.round(v))).toEqual([341, 210, 289, 210, 210, 96, 210, 114]);
  expect([...svg.matchAll(/M\S+ \S+h0/g)].map(([dot]) => dot)).toEqual(['M105 210h0', 'M210 210h0', 'M315 105h0']);
});

test('without levels they are round ones; a flat surface is one band; sizes that disagree are refused', async () => {
  const { levels: _, ...open } = cone;
  const scale = [...(await drawSurface(open)).matchAll(/<text x="\d+" y="[\d.]+">(-[\d.]+)<\/text>/g)].map(([, text]) => Number(text));
  expect(scale).toEqual([-1.4, -1.2, -1, -0.8, -0.6, -0.4, -0.2]);
  expect(await drawSurface({ ...open, height: heights(() => 3) })).not.toContain('<path fill=');
  await expect(drawSurface({ ...cone, height: new Float32Array(7) })).rejects.toThrow('wanted are 41 x 41');
  await expect(drawSurface({ ...cone, region: { name: 'r', values: new Float32Array(7) } })).rejects.toThrow(RangeError);
});
