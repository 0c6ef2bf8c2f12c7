/** @file What an extractor is told, in a graph or by whoever opens one. What a model's entry in models/manifest.json or its file says need not be said again. */
import { z } from 'zod';
import { RESAMPLERS } from '../../engine/index.js';

const whole = z.int().min(1);

/** Which model, and how images are made what it was trained on. */
const format = {
  model: z.string().min(1).describe('The name of a model in models/manifest.json, or the path of an ONNX file.'),
  output: z.string().optional().describe('The output with features; the manifest\'s, or the only f32 output of rank 2, 3 or 4, unless given.'),
  size: whole.optional().describe('Side of the square that the model takes; its file says it, unless its sizes are symbols.'),
  range: z.tuple([z.number(), z.number()]).optional().describe('The values of black and white, before mean and std: [0,1] unless the manifest or this says otherwise.'),
  mean: z.array(z.number()).optional().describe('Subtracted from each channel, red first; [0.485, 0.456, 0.406] for most ImageNet models.'),
  std: z.array(z.number().positive()).optional().describe('What each channel is divided by then, red first; [0.229, 0.224, 0.225] for most ImageNet models.'),
  channels: z.enum(['rgb', 'bgr', 'grey']).optional().describe('Order of the model\'s channels; rgb or grey by their number, unless the manifest or this says otherwise.'),
  layout: z.enum(['NCHW', 'NHWC']).optional().describe('Order of the model\'s axes, where the sizes in its file leave it open.'),
  resize: z.enum(RESAMPLERS).optional().describe('How images are brought to the model\'s size: bilinear unless the manifest or this says otherwise; IC-GAN as published: bicubic, its demo: bicubic-align.'),
  width: whole.optional().describe('How many numbers the output has. Wanted only of a graph that is to compose where the model\'s file is not yet.'),
  pool: z.enum(['mean', 'first']).default('mean').describe('Of features with positions (rank 3 or 4): the mean over them, or the first (a class token).'),
  batch: whole.default(16).describe('Images in one call; bounds the memory. On a CPU few are faster, as what they become stays in its cache.'),
};
const normalise = z.boolean().describe('Divide every vector by its L2 norm.');

/** Of the features of a data set. */
export const DatasetSettings = z.strictObject({
  ...format,
  normalise: normalise.default(true),
  flips: z.boolean().default(false).describe('Vectors of the mirrored images, too.'),
  memory: z.int().min(0).max(4095).default(1024).describe('MiB that vectors may take; beyond, they are read from the store as they are needed.'),
});

/** Of images as they come. */
export const ImageSettings = z.strictObject({
  ...format,
  normalise: normalise.default(false),
  score: z.union([z.boolean(), z.string()]).default(false).describe('Class probabilities, too: of the manifest\'s output (true), or of the output named here.'),
  scores: z.enum(['logits', 'probabilities']).optional().describe('What that output holds; the manifest knows it of its own.'),
});

export type DatasetSettings = z.infer<typeof DatasetSettings>;
/** What both have, with what only one has left open. */
export type Settings = Omit<DatasetSettings, 'flips' | 'memory'> & Partial<Pick<DatasetSettings, 'flips' | 'memory'>> & Partial<Pick<z.infer<typeof ImageSettings>, 'score' | 'scores'>>;

/** What the part of kind `extractor` is told: all of it. */
export const AllSettings = z.strictObject({ ...ImageSettings.shape, flips: DatasetSettings.shape.flips, memory: DatasetSettings.shape.memory });
