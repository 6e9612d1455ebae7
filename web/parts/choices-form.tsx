/** A list of chosen adapters of one kind (rules, limits, meters), each with its options; some can be added or removed. */
import { Button, Menu, Text } from '@mantine/core';
import type { Adapter, Choice } from '../../server/api.ts';
import { newChoice } from '../option-values.ts';
import { OptionForm } from './option-form.tsx';

interface ChoicesFormProps {
  /** One of them: "rule". */
  readonly noun: string;
  readonly help: string;
  readonly adapters: readonly Adapter[];
  readonly value: readonly Choice[];
  readonly onChange: (value: Choice[]) => void;
  readonly strict?: boolean;
}

export function ChoicesForm({ noun, help, adapters, value, onChange, strict = false }: ChoicesFormProps) {
  return (
    <fieldset className="choices">
      <legend>
        <h2>{`${noun[0]?.toUpperCase()}${noun.slice(1)}s`}</h2>
      </legend>
      <Text size="sm" c="dimmed">
        {help}
      </Text>
      {value.map((choice, index) => (
        <ChoiceCard
          // biome-ignore lint/suspicious/noArrayIndexKey: two of the same kind differ only in their place
          key={`${choice.use}-${index}`}
          noun={noun}
          choice={choice}
          adapter={adapters.find((adapter) => adapter.use === choice.use)}
          strict={strict}
          onChange={(next) => onChange(value.map((old, place) => (place === index ? next : old)))}
          onRemove={() => onChange(value.filter((_, place) => place !== index))}
        />
      ))}
      {value.length === 0 && <p className="choices-none">None.</p>}
      <AddChoice noun={noun} adapters={adapters} onAdd={(choice) => onChange([...value, choice])} />
    </fieldset>
  );
}

interface CardProps {
  readonly noun: string;
  readonly choice: Choice;
  readonly adapter: Adapter | undefined;
  readonly strict: boolean;
  readonly onChange: (choice: Choice) => void;
  readonly onRemove: () => void;
}

function ChoiceCard({ noun, choice, adapter, strict, onChange, onRemove }: CardProps) {
  return (
    <section className="choice" aria-label={adapter?.title ?? choice.use}>
      <header>
        <div>
          <h3>{adapter?.title ?? choice.use}</h3>
          <Text size="xs" c="dimmed">
            {adapter?.help ?? 'This controller does not know it. It is kept as it is.'}
          </Text>
        </div>
        <Button size="compact-xs" variant="subtle" color="gray" onClick={onRemove}>
          Remove<span className="only-read"> {`${noun} ${adapter?.title ?? choice.use}`}</span>
        </Button>
      </header>
      {adapter && (
        <OptionForm
          specs={adapter.options}
          values={choice.options}
          strict={strict}
          onChange={(options) => onChange({ ...choice, options })}
        />
      )}
    </section>
  );
}

interface AddProps {
  readonly noun: string;
  readonly adapters: readonly Adapter[];
  readonly onAdd: (choice: Choice) => void;
}

function AddChoice({ noun, adapters, onAdd }: AddProps) {
  return (
    <Menu position="bottom-start" width={320} withinPortal={false}>
      <Menu.Target>
        <Button size="xs" variant="default" disabled={adapters.length === 0}>
          Add a {noun}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {adapters.map((adapter) => (
          <Menu.Item key={adapter.use} onClick={() => onAdd(newChoice(adapter))}>
            {adapter.title}
            <Text size="xs" c="dimmed">
              {adapter.help}
            </Text>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
