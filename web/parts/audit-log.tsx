/** Every change: who, what, before and after, when and from where. */
import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { AuditEntry } from '../../server/api-people.ts';
import { peopleApi } from '../api-people.ts';
import { Empty, Failed, Loading } from './states.tsx';
import { Clock } from './time.tsx';

export function AuditLog() {
  const audit = useInfiniteQuery({
    queryKey: ['audit'],
    queryFn: ({ pageParam, signal }) => peopleApi.audit(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    maxPages: 40,
  });
  if (audit.isPending) return <Loading what="the audit log" />;
  if (!audit.data)
    return (
      <Failed
        what="The audit log could not be loaded"
        error={audit.error}
        retry={() => void audit.refetch()}
      />
    );
  const entries = audit.data.pages.flatMap((page) => page.entries);
  if (entries.length === 0)
    return (
      <Empty title="Nothing was changed yet">
        Every change that people and keys make is written down here.
      </Empty>
    );
  return (
    <section className="card" aria-labelledby="audit">
      <h2 id="audit">Changes</h2>
      <ul className="people-list" aria-label="Changes">
        {entries.map((entry) => (
          <Entry key={entry.id} entry={entry} />
        ))}
      </ul>
      {audit.hasNextPage && (
        <Button
          size="xs"
          variant="default"
          loading={audit.isFetchingNextPage}
          onClick={() => void audit.fetchNextPage()}
        >
          Earlier changes
        </Button>
      )}
    </section>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const { at, who, by, address, said } = entry;
  return (
    <li className="audit-entry">
      <span className="people-who">
        <strong>{said}</strong>
        <span className="quiet">
          <Clock at={at} />, {who}
          {by !== 'session' && ` (${by})`}
          {address && `, from ${address}`}
        </span>
      </span>
      <Difference entry={entry} />
    </li>
  );
}

function Difference({ entry: { before, after } }: { entry: AuditEntry }) {
  if (before === undefined && after === undefined) return null;
  return (
    <details className="audit-details">
      <summary>What changed</summary>
      {before !== undefined && <Side title="Before" value={before} />}
      {after !== undefined && <Side title="After" value={after} />}
    </details>
  );
}

function Side({ title, value }: { title: string; value: unknown }) {
  const text = JSON.stringify(value, null, 1);
  return (
    <>
      <span className="quiet">{title}</span>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{text}</pre>
    </>
  );
}
