/** Says that the controller decides without its store: what is shown of the past ends there. Asked where no login is needed, since that lies in the store. */
import { useQuery } from '@tanstack/react-query';
import { prefix } from '../prefix.ts';

const pollMs = 15_000;

export function HistoryBehind() {
  const { data = '' } = useQuery({
    queryKey: ['ready'],
    queryFn: ready,
    refetchInterval: pollMs,
    retry: false,
  });
  const words = wordsOfBehind(data);
  if (words === undefined) return null;
  return (
    <div className="stale" role="status">
      <strong>History is behind.</strong> Deciding goes on and no count falls, but {words}.
    </div>
  );
}

/** From the answer of /readyz; nothing while the history is whole. */
export function wordsOfBehind(text: string): string | undefined {
  return /^ready, but (the store does not answer: .*)$/.exec(text.trim())?.[1];
}

async function ready({ signal }: { readonly signal: AbortSignal }): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(pollMs)]);
  return await (await fetch(`${prefix}/readyz`, { signal: limit })).text();
}
