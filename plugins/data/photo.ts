/** @file Photos as files: decoded to 8-bit RGB as they are meant to be seen. */
import type { Sharp, SharpOptions } from 'sharp';
import type { Raster, Size } from './resize.js';

/** `srgb`: through the embedded colour profile, if there is one; `stored`: the numbers in the file, as published code reads them. */
export type Colour = 'srgb' | 'stored';

/** A decoded photo, upright: `width` x `height` pixels of red, green, blue. */
export interface Photo extends Size { readonly raster: Raster }

/** A file that can not be decoded: named, counted and left out. */
export class DamagedPhoto extends Error {}

export interface Decoder {
  /** Names the libraries that decode: what they give may change with them. */
  readonly version: string;
  /**
   * Decodes a JPEG, PNG or WebP file, of an animation the first picture. EXIF orientation is applied; grey, palettes, 16 bits and CMYK become 8-bit RGB
   * (CMYK without a profile through a usual one), what is transparent lies on white. `strict` refuses what libraries merely warn of.
   * Throws a DamagedPhoto that says why.
   */
  decode(bytes: Uint8Array, colour: Colour, strict?: boolean): Promise<Photo>;
  /** What a file says of itself. Throws a DamagedPhoto. */
  describe(bytes: Uint8Array): Promise<Description>;
}

/** Width and height as they are stored, before `turned`. */
export interface Description extends Size {
  readonly format: Format;
  /** Grey, CMYK, and so on: `srgb`, `b-w`, `cmyk`. */
  readonly space: string;
  readonly deep: boolean;
  readonly transparent: boolean;
  readonly turned: boolean;
  /** Has a colour profile other than sRGB. */
  readonly profiled: boolean;
}

const SIGNATURES = { jpeg: { at: 0, is: '\xff\xd8\xff' }, png: { at: 0, is: '\x89PNG\r\n\x1a\n' }, webp: { at: 8, is: 'WEBP' } } as const;
export type Format = keyof typeof SIGNATURES;

/** By its first bytes, whatever its name says. */
export function formatOf(bytes: Uint8Array): Format {
  if (!bytes.length) throw new DamagedPhoto('it is empty');
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(16, bytes.length)).toString('latin1');
  for (const [format, { at, is }] of Object.entries(SIGNATURES)) if (head.startsWith(is, at)) return format as Format;
  throw new DamagedPhoto(`it is no JPEG, PNG or WebP file: it starts with ${JSON.stringify(head.slice(0, 8))}`);
}

/** Loads the decoding library, which is native, when the first photo needs it. */
export async function openDecoder(): Promise<Decoder> {
  const { default: sharp } = await import('sharp');
  // Photos are decoded side by side, each by one thread; none is asked for twice.
  sharp.concurrency(1);
  sharp.cache(false);
  const open = (bytes: Uint8Array, options: SharpOptions): Sharp => sharp(bytes, { failOn: 'error', ...options });
  const damaged = (error: unknown): DamagedPhoto => new DamagedPhoto(String((error as Error).message).split('\n')[0]!.replace(/^Input [Bb]uffer has corrupt header: /, '').replace(/^Vips\w+: /, ''), { cause: error });
  const metadata = (bytes: Uint8Array) => open(bytes, {}).metadata().catch((error: unknown) => { throw damaged(error); });
  return {
    version: `vips${sharp.versions.vips}`,
    async decode(bytes, colour, strict = false) {
      formatOf(bytes);
      try {
        // A profile that is sRGB's own would only round the numbers once more.
        const ignoreIcc = colour === 'stored' || !mayHaveProfile(bytes) || isSrgb((await metadata(bytes)).icc);
        const { data, info: { width, height, channels } } = await open(bytes, { ignoreIcc, failOn: strict ? 'warning' : 'error' })
          .autoOrient().flatten({ background: '#ffffff' }).toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
        const channel = channels === 3 ? 1 : 0;
        return { width, height, raster: { data, start: 0, row: width * channels, column: channels, channel } };
      } catch (error) {
        throw error instanceof DamagedPhoto ? error : damaged(error);
      }
    },
    async describe(bytes) {
      const format = formatOf(bytes), { width, height, space, depth, hasAlpha, orientation = 1, icc } = await metadata(bytes);
      return { width, height, format, space, deep: depth === 'ushort', transparent: hasAlpha, turned: orientation > 1, profiled: icc !== undefined && !isSrgb(icc) };
    },
  };
}

/** Whether the mark of an embedded profile, in any of the formats, is somewhere in a file: a look that costs nothing beside decoding. */
function mayHaveProfile(bytes: Uint8Array): boolean {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return ['ICC_PROFILE', 'iCCP', 'ICCP'].some((mark) => all.includes(mark, 0, 'latin1'));
}

/** Whether a colour profile calls itself sRGB, in either of the two encodings of its description. */
const isSrgb = (profile: Buffer | undefined): boolean => profile !== undefined && (profile.includes('sRGB') || profile.includes(Buffer.from('s\0R\0G\0B', 'latin1')));
