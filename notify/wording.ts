/**
 * How notices read as text, the same for every receiver: "music/worker: at the maximum for 10 minutes". Several at once
 * are one message with the most urgent first, for a burst of them is one event to the person who is woken by it.
 */
import type { Notice } from './notifier.ts';

/** What a list shows before it says how many more there are. */
export const mostListed = 20;

const marks = { opened: 'Open', resolved: 'Resolved', scaled: 'Scaled', test: 'Test' } as const;
const urgency = { critical: 0, warning: 1, info: 2 } as const;

export function subjectOf(notices: readonly Notice[]): string {
  const [first] = byUrgency(notices);
  if (!first) return 'Headcount';
  const more = notices.length > 1 ? ` and ${notices.length - 1} more` : '';
  return `${headline(first)}${more}`;
}

/** "Open: music/worker: at the maximum for 10 minutes". */
export function headline({ kind, app, processType, title }: Notice): string {
  return `${marks[kind]}: ${app}${processType ? `/${processType}` : ''}: ${title}`;
}

export function byUrgency(notices: readonly Notice[]): Notice[] {
  const rank = ({ kind, severity }: Notice): number => (kind === 'resolved' ? 3 : urgency[severity]);
  return [...notices].sort((a, b) => rank(a) - rank(b) || a.at - b.at);
}

/** The most urgent ones, and a sentence about the rest. */
export function listed(notices: readonly Notice[]): { shown: Notice[]; rest?: string } {
  const shown = byUrgency(notices).slice(0, mostListed);
  const left = notices.length - shown.length;
  return left > 0 ? { shown, rest: `${left} more; see the dashboard.` } : { shown };
}

/** For receivers that show plain text. */
export function plainText(notices: readonly Notice[]): string {
  const { shown, rest } = listed(notices);
  const parts = shown.map((notice) =>
    [headline(notice), notice.text, notice.url, new Date(notice.at).toISOString()].filter(Boolean).join('\n'),
  );
  return [...parts, ...(rest ? [rest] : [])].join('\n\n');
}
