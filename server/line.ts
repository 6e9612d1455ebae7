/** Who touches the same thing waits in one line: each begins when the one before has ended, well or not. */
export type Lines = Map<string, Promise<void>>;

export async function lineUp<T>(lines: Lines, name: string, work: () => Promise<T>): Promise<T> {
  const turn = (lines.get(name) ?? Promise.resolve()).then(work);
  const leave = (): void => {
    if (lines.get(name) === line) lines.delete(name);
  };
  const line: Promise<void> = turn.then(leave, leave);
  lines.set(name, line);
  return await turn;
}
