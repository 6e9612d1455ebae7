/** Measured and decided at this moment; nothing is changed or recorded. */
import { Button, Group, Modal, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Evaluation } from '../../server/api.ts';
import { api } from '../api.ts';
import { count } from '../formats.ts';
import { workersText } from './manager-row.tsx';
import { Reasons } from './reasons.tsx';
import { Failed, Loading } from './states.tsx';

interface EvaluationProps {
  readonly app: string;
  readonly processType: string;
  readonly onClose: () => void;
}

export function EvaluationPanel({ app, processType, onClose }: EvaluationProps) {
  const look = useQuery({
    queryKey: ['evaluation', app, processType],
    queryFn: () => api.evaluate(app, processType),
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  return (
    <Modal opened onClose={onClose} title={`${processType}, evaluated now`} size="lg">
      <div className="stack" aria-live="polite">
        <Text size="sm" c="dimmed">
          Measured and decided at this moment. Nothing was changed or recorded.
        </Text>
        {look.isFetching ? (
          <Loading what="the evaluation" />
        ) : look.isError ? (
          <Failed what="It could not be evaluated" error={look.error} />
        ) : (
          look.data && <Result evaluation={look.data} />
        )}
        <Group>
          <Button size="xs" variant="default" disabled={look.isFetching} onClick={() => void look.refetch()}>
            Again
          </Button>
        </Group>
      </div>
    </Modal>
  );
}

function Result({ evaluation }: { evaluation: Evaluation }) {
  return (
    <>
      <p className="verdict">
        <b>{workersText(evaluation.current, evaluation.desired)}</b> {evaluation.sentence}
      </p>
      <Reasons reasons={evaluation.reasons} />
      <h3>Readings</h3>
      {evaluation.readings.length === 0 && <p className="quiet">No meter gave a reading.</p>}
      {evaluation.readings.map((reading, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the readings of one moment have no other identity
        <dl key={index} className="reading">
          {Object.entries(reading)
            .filter(([name]) => name !== 'at')
            .map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{shown(value)}</dd>
              </div>
            ))}
        </dl>
      ))}
    </>
  );
}

function shown(value: unknown): string {
  if (typeof value === 'number') return count(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
