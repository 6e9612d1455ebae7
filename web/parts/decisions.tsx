/**
 * What was decided, newest first. Checkups that kept the same number follow one another for hours; they are folded into
 * one line, so that the list reads as a history of changes. Nothing is left out: a line opens to its reasons.
 */
import { Button, UnstyledButton } from '@mantine/core';
import { type InfiniteData, type UseInfiniteQueryResult, useInfiniteQuery } from '@tanstack/react-query';
import { type ReactNode, useId, useState } from 'react';
import type { Decision } from '../../server/api.ts';
import { clockTime, count, plural } from '../formats.ts';
import { queries } from '../queries.ts';
import { OutcomeBadge } from './badges.tsx';
import { type Fold, foldDecisions, type Shown } from './fold-decisions.ts';
import { Who } from './issues.tsx';
import { Reasons } from './reasons.tsx';
import { Failed, Loading } from './states.tsx';
import { Clock, useNow } from './time.tsx';

export function Decisions({ app, processType }: { app: string; processType: string }) {
  const query = useInfiniteQuery(queries.decisions(app, processType));
  return (
    <DecisionList query={query}>
      <p className="decisions-none">Nothing was decided yet. The first checkup will.</p>
    </DecisionList>
  );
}

interface DecisionListProps {
  readonly query: UseInfiniteQueryResult<InfiniteData<{ readonly decisions: readonly Shown[] }>>;
  /** In place of an empty list. */
  readonly children: ReactNode;
}

export function DecisionList({ query, children }: DecisionListProps) {
  if (query.isPending) return <Loading what="decisions" />;
  if (!query.data)
    return (
      <Failed
        what="The decisions could not be loaded"
        error={query.error}
        retry={() => void query.refetch()}
      />
    );
  const folds = foldDecisions(query.data.pages.flatMap((page) => page.decisions));
  if (folds.length === 0) return children;
  return (
    <>
      <ol className="decisions">
        {folds.map((fold) => (
          <DecisionRow key={`${fold.oldest.id} ${fold.oldest.at}`} fold={fold} />
        ))}
      </ol>
      {query.hasNextPage && (
        <Button
          variant="default"
          size="xs"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Earlier decisions
        </Button>
      )}
    </>
  );
}

function DecisionRow({ fold }: { fold: Fold }) {
  const [open, setOpen] = useState(false);
  const panel = useId();
  const { newest } = fold;
  return (
    <li className="decision" data-outcome={newest.outcome}>
      {newest.app !== undefined && newest.processType !== undefined && (
        <Who app={newest.app} processType={newest.processType} />
      )}
      <UnstyledButton
        className="decision-head"
        aria-expanded={open}
        aria-controls={panel}
        onClick={() => setOpen(!open)}
      >
        <span className="decision-line">
          <span className="decision-step">{step(newest)}</span>
          <OutcomeBadge outcome={newest.outcome} />
          {newest.unknown && (
            <span className="state" data-tone="unknown">
              <span className="state-mark" aria-hidden>
                ?
              </span>
              with unknown
            </span>
          )}
          <span className="decision-at">
            <When fold={fold} />
          </span>
        </span>
        <span className="decision-sentence">{newest.sentence}</span>
        {newest.error && <span className="decision-error">{newest.error}</span>}
      </UnstyledButton>
      <div id={panel} hidden={!open}>
        {open && <Reasons reasons={newest.reasons} />}
      </div>
    </li>
  );
}

function When({ fold }: { fold: Fold }) {
  const now = useNow(60_000);
  if (fold.checkups === 1) return <Clock at={fold.newest.at} />;
  return (
    <>
      {plural(fold.checkups, 'checkup')}, {clockTime(fold.oldest.at, now)} – {clockTime(fold.newest.at, now)}
    </>
  );
}

function step({ current, desired }: Decision): string {
  return current === desired ? count(current) : `${count(current)} → ${count(desired)}`;
}
