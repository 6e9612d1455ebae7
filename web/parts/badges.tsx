/** States and workers at a glance. Shape and word carry the meaning; colour only repeats it. */
import type { Decision } from '../../server/api.ts';
import { count, plural } from '../formats.ts';
import type { State, Tone } from '../manager-state.ts';

const marks: Readonly<Record<Tone, string>> = {
  calm: '○',
  busy: '●',
  warn: '▲',
  bad: '■',
  unknown: '?',
  set: '❙❙',
};

export function StateBadge({ state }: { state: State }) {
  return (
    <span className="state" data-tone={state.tone} title={state.sentence}>
      <span className="state-mark" aria-hidden>
        {marks[state.tone]}
      </span>
      {state.word}
    </span>
  );
}

const outcomes: Readonly<Record<Decision['outcome'], { tone: Tone; word: string }>> = {
  scaled: { tone: 'busy', word: 'scaled' },
  failed: { tone: 'bad', word: 'failed' },
  'dry-run': { tone: 'set', word: 'dry run' },
  kept: { tone: 'calm', word: 'kept' },
};

export function OutcomeBadge({ outcome }: { outcome: Decision['outcome'] }) {
  const { tone, word } = outcomes[outcome];
  return (
    <span className="state" data-tone={tone}>
      <span className="state-mark" aria-hidden>
        {marks[tone]}
      </span>
      {word}
    </span>
  );
}

const mostPips = 24;

interface WorkersProps {
  readonly current: number;
  readonly desired: number;
  readonly maximum: number;
}

/** One box per worker that there is, is being hired or let go, or may be; a bar when they would be too many. */
export function Workers({ current, desired, maximum }: WorkersProps) {
  const most = Math.max(maximum, current, desired);
  const label = `${plural(current, 'worker')}, ${count(desired)} wanted, at most ${count(maximum)}`;
  return most <= mostPips ? (
    <span className="pips" role="img" aria-label={label} title={label}>
      {Array.from({ length: most }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the boxes are nothing but their index
        <span key={index} data-pip={pip(index, current, desired)} />
      ))}
    </span>
  ) : (
    <span className="worker-bar" role="img" aria-label={label} title={label}>
      <span className="worker-bar-wanted" style={{ width: share(desired, most) }} />
      <span className="worker-bar-there" style={{ width: share(current, most) }} />
    </span>
  );
}

function pip(index: number, current: number, desired: number): string {
  if (index < Math.min(current, desired)) return 'there';
  if (index < desired) return 'hired';
  if (index < current) return 'leaving';
  return 'free';
}

function share(part: number, whole: number): string {
  return `${whole === 0 ? 0 : (part / whole) * 100}%`;
}

interface ValueProps {
  readonly text: string | undefined;
  /** Why it is unknown. */
  readonly why?: string | undefined;
  /** False: nothing failed, but no meter tells this. */
  readonly unknown?: boolean;
  /** In a list: a dash instead of words for what nobody measures. */
  readonly brief?: boolean;
}

/** A number that may be unknown, or that nobody measures. Neither is a digit. */
export function Value({ text, why, unknown = true, brief = false }: ValueProps) {
  if (text !== undefined) return <span className="value">{text}</span>;
  if (!unknown)
    return (
      <span className="value is-unmeasured" title="No meter of this manager tells it.">
        {brief && <span aria-hidden>–</span>}
        <span className={brief ? 'only-read' : undefined}>not measured</span>
      </span>
    );
  return (
    <span className="value is-unknown" title={why ?? 'This could not be measured.'}>
      unknown
    </span>
  );
}
