/** @file Checksums of the published digit files, as they are compressed and as they are inside. */
import { createHash } from 'node:crypto';
import { inputError } from '../../engine/index.js';

/** sha256 of the four MNIST files (LeCun, Cortes, Burges), gzipped and raw; md5 of the four Fashion-MNIST files (Xiao et al. 2017), gzipped, as their authors print them. */
const KNOWN: ReadonlyMap<string, string> = new Map([
  ['sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609', 'MNIST training images'],
  ['sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c', 'MNIST training labels'],
  ['sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6', 'MNIST test images'],
  ['sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6', 'MNIST test labels'],
  ['sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db', 'MNIST training images, raw'],
  ['sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5', 'MNIST training labels, raw'],
  ['sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7', 'MNIST test images, raw'],
  ['sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2', 'MNIST test labels, raw'],
  ['md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d', 'Fashion-MNIST training images'],
  ['md5:25c81989df183df01b3e8a0aad5dffbe', 'Fashion-MNIST training labels'],
  ['md5:bef4ecab320f06d8554ea6380940ec79', 'Fashion-MNIST test images'],
  ['md5:bb300cfdad3c16e7a12a480ee83cd310', 'Fashion-MNIST test labels'],
]);

const digest = (algorithm: string, bytes: Uint8Array) => `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;

/** Throws unless the file's bytes are those of a published file. */
export function requireKnown(file: string, bytes: Uint8Array): void {
  const sha256 = digest('sha256', bytes);
  if (KNOWN.has(sha256) || KNOWN.has(digest('md5', bytes))) return;
  throw inputError(file, `its checksum is ${sha256}; a file of MNIST or Fashion-MNIST as published is wanted: "checksum" is "known"`,
    { try: '"checksum": "any" for data of your own, or fetch the file again' });
}
