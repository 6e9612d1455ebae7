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
  const { at, who, by, address, action, subject } = entry;
  return (
    <li className="audit-entry">
      <span className="people-who">
        <strong>{inWords(action, memberIn(entry) ?? subject)}</strong>
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

/** By the action's method and path as the API document has them; what is not here is told by its path. */
const sentences: Readonly<Record<string, string>> = {
  'POST /api/apps': 'Added an app',
  'PATCH /api/apps/{app}': 'Changed an app',
  'DELETE /api/apps/{app}': 'Removed an app',
  'POST /api/apps/{app}/token': 'Renewed the token of an app',
  'POST /api/apps/{app}/managers': 'Added a manager',
  'PATCH /api/apps/{app}/managers/{processType}': 'Changed a manager',
  'DELETE /api/apps/{app}/managers/{processType}': 'Removed a manager',
  'PUT /api/apps/{app}/managers/{processType}/hold': 'Held a number',
  'DELETE /api/apps/{app}/managers/{processType}/hold': 'Ended a hold',
  'POST /api/apps/{app}/tasks/failures/{task}/send-again': 'Sent a failed task again',
  'POST /api/channels': 'Added a channel',
  'PATCH /api/channels/{id}': 'Changed a channel',
  'DELETE /api/channels/{id}': 'Removed a channel',
  'POST /api/organisations': 'Added an organisation',
  'PATCH /api/organisations/{organisation}': 'Renamed the organisation',
  'PATCH /api/organisations/{organisation}/members/{person}': 'Changed the role of a member',
  'DELETE /api/organisations/{organisation}/members/{person}': 'Removed a member',
  'DELETE /api/organisations/{organisation}/members/me': 'Left the organisation',
  'POST /api/organisations/{organisation}/invitations': 'Invited somebody',
  'DELETE /api/organisations/{organisation}/invitations/{invitation}': 'Withdrew an invitation',
  'POST /api/invitations/accept': 'Accepted an invitation',
  'POST /api/organisations/{organisation}/keys': 'Made an API key',
  'DELETE /api/organisations/{organisation}/keys/{key}': 'Revoked an API key',
  'DELETE /api/me/sessions/{session}': 'Ended a session',
  'POST /api/reset-links': 'Made a link for a new password',
  'POST /api/auth/change-password': 'Changed their password',
  'POST /api/auth/two-factor/enable': 'Began to set up a second factor',
  'POST /api/auth/two-factor/disable': 'Turned their second factor off',
  'POST /api/auth/two-factor/generate-backup-codes': 'Made new backup codes',
  'POST /api/auth/passkey/verify-registration': 'Added a passkey',
  'POST /api/auth/passkey/delete-passkey': 'Removed a passkey',
};

/** "Paul <paul@example.com>" instead of the address of a member, where the entry says who it is. */
function memberIn({ subject, before, after }: AuditEntry): string | undefined {
  const id = /\/members\/([^/]+)$/.exec(subject)?.[1];
  if (id === undefined) return undefined;
  const known = [before, after].flatMap((side) => {
    const members = (side as { members?: unknown } | null | undefined)?.members;
    return Array.isArray(members) ? (members as { personId?: unknown; person?: unknown }[]) : [];
  });
  const person = known.find(({ personId }) => personId === id)?.person;
  return typeof person === 'string' ? person : undefined;
}

/** "Changed a manager: apps/music/managers/worker" */
export function inWords(action: string, subject: string): string {
  const place = subject.replace(/^\/api\//, '');
  if (/^(auth|me|invitations|reset-links)(\/|$)/.test(place)) return sentences[action] ?? action;
  return `${sentences[action] ?? action}: ${place}`;
}
