/** A person's override: keep this many workers, until a time or until it is ended; or so many now, for a short while. */
import { Button, Group, Modal, NumberInput, Select, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Hold, Manager } from '../../server/api.ts';
import { now } from '../api.ts';
import { clockTime } from '../formats.ts';
import { Failed } from './states.tsx';

/** Both are holds; "now" is one that ends soon, after which the rules decide on from that number. */
export type HoldKind = 'hold' | 'now';

const words = {
  hold: {
    title: 'Hold',
    help: 'The number stays at this, whatever is measured. Measuring and recording go on.',
    length: '60',
    yes: 'Hold',
  },
  now: {
    title: 'Scale',
    help: 'So many at once: no rule, step or cooldown stands before it. After its time the rules decide again.',
    length: '10',
    yes: 'Scale now',
  },
} as const;

const lengths = [
  { value: '10', label: '10 minutes' },
  { value: '30', label: '30 minutes' },
  { value: '60', label: '1 hour' },
  { value: '240', label: '4 hours' },
  { value: '1440', label: '1 day' },
  { value: 'at', label: 'Until a time' },
  { value: 'ever', label: 'Until it is ended by hand' },
];

interface HoldFormProps {
  readonly manager: Manager;
  readonly kind: HoldKind;
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly onHold: (hold: Hold) => void;
  readonly pending: boolean;
  readonly error: unknown;
}

export function HoldForm({ manager, kind, opened, onClose, onHold, pending, error }: HoldFormProps) {
  const [count, setCount] = useState<number | string>(manager.hold?.count ?? manager.latest?.current ?? 0);
  const said = words[kind];
  const [length, setLength] = useState<string>(said.length);
  const [time, setTime] = useState('');
  const until = untilOf(length, time, now());
  const wrong = typeof count !== 'number' || (length === 'at' && (until === undefined || until <= now()));
  const outside = typeof count === 'number' && (count < manager.minimum || count > manager.maximum);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!wrong) onHold({ count, ...(until === undefined ? {} : { until }) });
  };
  return (
    <Modal opened={opened} onClose={onClose} title={`${said.title} ${manager.processType}`} centered>
      <form onSubmit={submit} className="stack">
        <Text size="sm" c="dimmed">
          {said.help}
        </Text>
        <NumberInput
          label="Workers"
          data-autofocus
          min={0}
          max={10_000}
          allowDecimal={false}
          value={count}
          onChange={setCount}
        />
        {outside && (
          <Text size="sm" className="hint">
            This is outside the bounds of {manager.minimum} to {manager.maximum}. A hold goes before them.
          </Text>
        )}
        <Select
          label="For how long"
          data={lengths}
          value={length}
          allowDeselect={false}
          onChange={(value) => setLength(value ?? said.length)}
        />
        {length === 'at' && (
          <TextInput
            type="datetime-local"
            label="Until"
            value={time}
            onChange={(event) => setTime(event.currentTarget.value)}
            error={time !== '' && wrong ? 'This time is past.' : undefined}
          />
        )}
        {until !== undefined && length !== 'at' && (
          <Text size="sm" c="dimmed">
            Until {clockTime(until, now())}.
          </Text>
        )}
        {error !== null && error !== undefined && <Failed what="The hold was not set" error={error} />}
        <Group>
          <Button type="submit" disabled={wrong} loading={pending}>
            {said.yes}
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

function untilOf(length: string, time: string, at: number): number | undefined {
  if (length === 'ever') return undefined;
  if (length !== 'at') return at + Number(length) * 60_000;
  const chosen = new Date(time).getTime();
  return Number.isNaN(chosen) ? undefined : chosen;
}
