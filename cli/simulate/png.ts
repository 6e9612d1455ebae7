/**
 * A picture that was drawn as SVG, as PNG: twice as large, for dense screens, and on white, since where a PNG is put is dark or
 * light and its text of medium light reads on both only while it has a ground of its own.
 *
 * Letters come from the fonts of this machine. The renderer leaves out text for which it finds none, so whether it finds one
 * is asked before, and somebody is told.
 */
import { HeadcountError } from '../../server/errors.ts';

export interface Png {
  readonly bytes: Buffer;
  /** False where this machine has no font: lines are drawn, and no text. */
  readonly readable: boolean;
}

const scale = 2;
const sample = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text y="15">5 s</text></svg>';

/** Where a server has fonts that no fontconfig tells of. Those that are not there do not matter. */
const folders = ['/usr/share/fonts', '/usr/local/share/fonts'];

/** @throws HeadcountError PACKAGE_MISSING, where npm left out the part of the renderer that fits this machine */
export async function asPng(svg: string, options: { readonly fontDirs?: string[] } = {}): Promise<Png> {
  const { Resvg } = await renderer();
  const given = options.fontDirs;
  const font = given
    ? { loadSystemFonts: false, fontDirs: given }
    : { loadSystemFonts: true, fontDirs: folders };
  const readable = new Resvg(sample, { font }).innerBBox() !== undefined;
  const drawn = new Resvg(svg, { font, background: 'white', fitTo: { mode: 'zoom', value: scale } });
  return { bytes: drawn.render().asPng(), readable };
}

async function renderer(): Promise<typeof import('@resvg/resvg-js')> {
  try {
    return await import('@resvg/resvg-js');
  } catch (cause) {
    throw new HeadcountError(
      'PACKAGE_MISSING',
      'a picture as PNG needs the package "@resvg/resvg-js"',
      cause instanceof Error ? cause.message : String(cause),
      'Install it: npm install @resvg/resvg-js. Or name the picture .svg',
      { cause },
    );
  }
}
