/** Where one is logged in; a session that is not one's own can be ended. */
import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { peopleApi } from '../api-people.ts';
import { Failed, Loading } from './states.tsx';
import { Ago } from './time.tsx';

export function SessionsCard() {
  const client = useQueryClient();
  const sessions = useQuery({
    queryKey: ['sessions'],
    queryFn: ({ signal }) => peopleApi.sessions(signal),
  });
  const end = useMutation({
    mutationFn: peopleApi.endSession,
    onSettled: () => client.invalidateQueries({ queryKey: ['sessions'] }),
  });
  return (
    <section className="card" aria-labelledby="sessions">
      <h2 id="sessions">Sessions</h2>
      {sessions.isPending && <Loading what="sessions" />}
      {sessions.isError && <Failed what="The sessions could not be loaded" error={sessions.error} />}
      <ul className="people-list" aria-label="Sessions">
        {sessions.data?.map(({ id, agent, address, createdAt, isCurrent }) => (
          <li key={id}>
            <span className="people-who">
              <strong>{browserName(agent)}</strong>
              <span className="quiet">
                {address ?? 'unknown address'}, since <Ago at={createdAt} />
                {isCurrent && ' (this one)'}
              </span>
            </span>
            {!isCurrent && (
              <Button
                size="xs"
                variant="default"
                className="danger"
                loading={end.isPending && end.variables === id}
                onClick={() => end.mutate(id)}
              >
                End<span className="only-read"> the session of {browserName(agent)}</span>
              </Button>
            )}
          </li>
        ))}
      </ul>
      {end.isError && <Failed what="The session was not ended" error={end.error} />}
    </section>
  );
}

/** "Firefox on Linux", as far as the browser says. */
export function browserName(agent = ''): string {
  const browsers = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari'];
  const systems = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS', 'Linux'];
  const names: Readonly<Record<string, string>> = { Edg: 'Edge', OPR: 'Opera' };
  const browser = browsers.find((name) => agent.includes(`${name}/`));
  const system = systems.find((name) => agent.includes(name));
  if (!browser) return agent.slice(0, 60) || 'Unknown browser';
  return `${names[browser] ?? browser}${system ? ` on ${system}` : ''}`;
}
