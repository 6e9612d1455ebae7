/** What a page shows when it has nothing to show: empty, loading, failed, stale. */
import { Alert, Button, Loader, Text, VisuallyHidden } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiError } from '../api.ts';
import { Ago } from './time.tsx';

interface EmptyProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly action?: ReactNode;
  /** It stands alone, in place of a page. */
  readonly page?: boolean;
}

export function Empty({ title, children, action, page = false }: EmptyProps) {
  const Heading = page ? 'h1' : 'h2';
  return (
    <div className="empty">
      <Heading>{title}</Heading>
      <Text c="dimmed" component="div">
        {children}
      </Text>
      {action}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div className="loading" role="status">
      <Loader size="sm" type="dots" aria-hidden />
      <VisuallyHidden>Loading {what}</VisuallyHidden>
    </div>
  );
}

export function Failed({ what, error, retry }: { what: string; error: unknown; retry?: () => void }) {
  return (
    <Alert color="red" variant="light" title={what} role="alert" className="failed">
      <Text size="sm">{messageOf(error)}</Text>
      {retry && (
        <Button size="xs" mt="sm" variant="default" onClick={retry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

/** Nothing is hidden when the answer is old: it stays, and this says how old it is. */
export function Stale({ since }: { since: number }) {
  return (
    <div className="stale" role="status">
      <strong>Not live.</strong> The connection to the controller was lost <Ago at={since} />; what you see is
      from then. Reconnecting.
    </div>
  );
}

export function messageOf(error: unknown): string {
  if (error instanceof ApiError || error instanceof Error) return error.message;
  return 'Something unexpected happened. Load the page again.';
}

export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}
