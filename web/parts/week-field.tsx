/**
 * Ranges of a week: a grid that shows which of them holds at each hour, and a line for each to be changed, by keyboard as
 * well as by pointer. The grid is in the time of the schedule's zone, with the reader's hours beside it where they differ.
 * It writes the same text that a person could write, and leaves a text alone that it does not understand in full.
 */
import { Button, Input, NumberInput, Select, TextInput, UnstyledButton } from '@mantine/core';
import { useMemo } from 'react';
import { now } from '../api.ts';
import {
  aheadMinutes,
  dayNames,
  daysText,
  hoursOf,
  minuteOf,
  readWeek,
  timeText,
  type WeekRange,
  writeWeek,
} from '../week-text.ts';

interface TextFieldProps {
  /** Label, description and error. */
  readonly field: { readonly label: string; readonly description: string; readonly error?: string };
  readonly value: string;
  readonly onChange: (value: string) => void;
}

const dayLabels = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const hours = Array.from({ length: 24 }, (_, hour) => hour);
const usual: WeekRange = {
  days: [true, true, true, true, true, false, false],
  from: 540,
  to: 1_050,
  minimum: 1,
};
const mostRanges = 50;

export function WeekField({ field, value, zone, onChange }: TextFieldProps & { readonly zone: string }) {
  const ranges = readWeek(value);
  const set = (next: readonly WeekRange[]): void => onChange(writeWeek(next));
  return (
    <Input.Wrapper {...field} className="week" labelElement="div">
      {ranges && (
        <>
          <Grid ranges={ranges} zone={zone} />
          <ol className="week-ranges">
            {ranges.map((range, index) => (
              <RangeRow
                // biome-ignore lint/suspicious/noArrayIndexKey: the ranges are nothing but their order
                key={index}
                range={range}
                index={index}
                onChange={(next) => set(ranges.map((old, place) => (place === index ? next : old)))}
                onRemove={() => set(ranges.filter((_, place) => place !== index))}
                onUp={() => set(raised(ranges, index))}
              />
            ))}
          </ol>
          <Button
            size="xs"
            variant="default"
            disabled={ranges.length >= mostRanges}
            onClick={() => set([...ranges, usual])}
          >
            Add a range
          </Button>
        </>
      )}
      <details className="week-text" open={ranges === undefined}>
        <summary>As text</summary>
        <TextInput
          aria-label={`${field.label}, as text`}
          value={value}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      </details>
    </Input.Wrapper>
  );
}

function raised(ranges: readonly WeekRange[], index: number): WeekRange[] {
  const next = [...ranges];
  const [one] = next.splice(index, 1);
  if (one) next.splice(Math.max(0, index - 1), 0, one);
  return next;
}

function Grid({ ranges, zone }: { ranges: readonly WeekRange[]; zone: string }) {
  const cells = useMemo(() => hoursOf(ranges), [ranges]);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const ahead = aheadMinutes(here, zone, now()) ?? 0;
  return (
    <>
      <div className="week-grid" role="img" aria-label={summary(ranges, zone)}>
        <span className="week-day" />
        {hours.map((hour) => (
          <span key={hour} className="week-hour">
            {hour % 6 === 0 ? timeText(hour * 60) : ''}
          </span>
        ))}
        {cells.map((day, index) => (
          <Day key={dayNames[index]} label={dayLabels[index] ?? ''} cells={day} />
        ))}
        {ahead !== 0 && (
          <>
            <span className="week-day">here</span>
            {hours.map((hour) => (
              <span key={hour} className="week-hour">
                {hour % 6 === 0 ? timeText((hour * 60 + ahead + 2_880) % 1_440) : ''}
              </span>
            ))}
          </>
        )}
      </div>
      <p className="quiet week-zone">
        Times are those of {zone}.
        {ahead !== 0 && ` Now 09:00 there is ${timeText((540 + ahead + 2_880) % 1_440)} here (${here}).`}
      </p>
    </>
  );
}

function Day({ label, cells }: { label: string; cells: readonly (number | undefined)[] }) {
  return (
    <>
      <span className="week-day">{label}</span>
      {cells.map((range, hour) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an hour is its place
        <span key={hour} className="week-cell" data-range={range === undefined ? 'none' : range % 4}>
          {range === undefined ? '' : range + 1}
        </span>
      ))}
    </>
  );
}

function summary(ranges: readonly WeekRange[], zone: string): string {
  const texts = ranges.map(
    ({ days, from, to }, index) =>
      `range ${index + 1}, ${daysText(days) || 'every day'} ${timeText(from)} to ${timeText(to)}`,
  );
  return `The week in ${zone}: ${texts.join('; ') || 'no range'}.`;
}

interface RangeRowProps {
  readonly range: WeekRange;
  readonly index: number;
  readonly onChange: (range: WeekRange) => void;
  readonly onRemove: () => void;
  readonly onUp: () => void;
}

function RangeRow({ range, index, onChange, onRemove, onUp }: RangeRowProps) {
  const { minimum: _, maximum: __, ...bare } = range;
  const counts = (change: { minimum?: number | undefined; maximum?: number | undefined }): void => {
    const next = { minimum: range.minimum, maximum: range.maximum, ...change };
    onChange({
      ...bare,
      ...(next.minimum !== undefined && { minimum: next.minimum }),
      ...(next.maximum !== undefined && { maximum: next.maximum }),
    });
  };
  return (
    <li>
      <fieldset aria-label={`Range ${index + 1}`}>
        <span className="week-number" data-range={index % 4} aria-hidden>
          {index + 1}
        </span>
        <Days days={range.days} onChange={(days) => onChange({ ...range, days })} />
        <Time label="From" minute={range.from} onChange={(from) => onChange({ ...range, from })} />
        <Time label="Until" minute={range.to} end onChange={(to) => onChange({ ...range, to })} />
        <Count label="Minimum" value={range.minimum} onChange={(minimum) => counts({ minimum })} />
        <Count label="Maximum" value={range.maximum} onChange={(maximum) => counts({ maximum })} />
        <span className="week-buttons">
          {index > 0 && (
            <Button size="compact-xs" variant="default" onClick={onUp}>
              Before {index}
            </Button>
          )}
          <Button size="compact-xs" variant="subtle" color="gray" onClick={onRemove}>
            Remove<span className="only-read"> range {index + 1}</span>
          </Button>
        </span>
      </fieldset>
    </li>
  );
}

function Days({ days, onChange }: { days: readonly boolean[]; onChange: (days: boolean[]) => void }) {
  const turned = (day: number): boolean[] => days.map((on, place) => (place === day ? !on : on));
  return (
    <span className="week-days">
      {dayLabels.map((label, day) => (
        <UnstyledButton
          key={label}
          className="week-toggle"
          aria-pressed={days[day] === true}
          // Without a day there would be no range.
          disabled={days[day] === true && days.filter(Boolean).length === 1}
          onClick={() => onChange(turned(day))}
        >
          {label}
        </UnstyledButton>
      ))}
    </span>
  );
}

interface TimeProps {
  readonly label: string;
  readonly minute: number;
  /** Midnight is then the end of the day. */
  readonly end?: boolean;
  readonly onChange: (minute: number) => void;
}

function Time({ label, minute, end = false, onChange }: TimeProps) {
  return (
    <TextInput
      size="xs"
      type="time"
      label={label}
      value={timeText(minute % 1_440)}
      onChange={(event) => {
        const next = minuteOf(event.currentTarget.value);
        if (next !== undefined) onChange(end && next === 0 ? 1_440 : next);
      }}
    />
  );
}

interface CountProps {
  readonly label: string;
  readonly value: number | undefined;
  readonly onChange: (value: number | undefined) => void;
}

function Count({ label, value, onChange }: CountProps) {
  return (
    <NumberInput
      size="xs"
      label={label}
      placeholder="as usual"
      min={0}
      max={10_000}
      allowDecimal={false}
      value={value ?? ''}
      onChange={(next) => onChange(typeof next === 'number' ? next : undefined)}
    />
  );
}

export function ZoneField({ field, value, onChange }: TextFieldProps) {
  const zones = useMemo(() => [...new Set(['UTC', ...Intl.supportedValuesOf('timeZone'), value])], [value]);
  return (
    <Select
      {...field}
      data={zones.filter((zone) => zone !== '')}
      value={value || null}
      searchable
      limit={100}
      allowDeselect={false}
      nothingFoundMessage="No time zone of this name"
      onChange={(next) => next !== null && onChange(next)}
    />
  );
}
