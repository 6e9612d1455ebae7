/** How far a simulation is, on standard error, so that standard output stays the table or the JSON. */

export interface Progress {
  /** May be called millions of times: it draws at most ten times a second. */
  at(what: string, share: number): void;
  end(): void;
}

interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const everyMs = 100;
const cells = 30;

export function createProgress(output: Output = process.stderr, now: () => number = Date.now): Progress {
  let drawnAt = Number.NEGATIVE_INFINITY;
  let current = '';
  const live = output.isTTY === true;
  return {
    at: (what, share) => {
      if (what === current && now() - drawnAt < everyMs) return;
      if (!live && what !== current) output.write(`${what} ...\n`);
      current = what;
      drawnAt = now();
      if (live)
        output.write(`\r\u001b[2K${bar(share)} ${String(Math.floor(share * 100)).padStart(3)} %  ${what}`);
    },
    end: () => {
      if (live && current !== '') output.write('\r\u001b[2K');
      current = '';
    },
  };
}

function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * cells);
  return `[${'#'.repeat(full)}${'.'.repeat(cells - full)}]`;
}
