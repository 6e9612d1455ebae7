/** Who is in the organisation with which role, and who is invited. A role above one's own can be neither given nor changed. */
import { Button, NativeSelect, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Member, Organisation, Role } from '../../server/api-people.ts';
import { peopleApi } from '../api-people.ts';
import { queries } from '../queries.ts';
import { Confirm } from './confirm.tsx';
import { Invitations } from './invitations.tsx';
import { Failed, Loading } from './states.tsx';

export const roles: readonly Role[] = ['read-only', 'member', 'admin', 'owner'];

/** Those that somebody of this role may give. */
export function rolesUpTo(own: Role): Role[] {
  return roles.slice(0, roles.indexOf(own) + 1);
}

export function Members({ organisation }: { organisation: Organisation }) {
  const members = useQuery({
    queryKey: ['members', organisation.id],
    queryFn: ({ signal }) => peopleApi.members(organisation.id, signal),
  });
  const canManage = organisation.role === 'admin' || organisation.role === 'owner';
  return (
    <>
      <section className="card" aria-labelledby="members">
        <h2 id="members">Members</h2>
        {members.isPending && <Loading what="members" />}
        {members.isError && <Failed what="The members could not be loaded" error={members.error} />}
        <ul className="people-list" aria-label="Members">
          {members.data?.map((member) => (
            <MemberRow key={member.id} organisation={organisation} member={member} />
          ))}
        </ul>
        <Text size="sm" c="dimmed" className="people-note">
          Read-only: look. Member: also hold, pause and scale. Admin: also apps, managers, channels, keys and
          members. Owner: everything.
        </Text>
      </section>
      {canManage && <Invitations organisation={organisation} />}
    </>
  );
}

function MemberRow({ organisation, member }: { organisation: Organisation; member: Member }) {
  const client = useQueryClient();
  const [removing, setRemoving] = useState(false);
  const change = useMutation({
    mutationFn: (role: Role) => peopleApi.changeMember(organisation.id, member.id, role),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ['members'] }),
        client.invalidateQueries(queries.me()),
      ]),
  });
  const remove = useMutation({
    mutationFn: () => peopleApi.removeMember(organisation.id, member.isYou ? 'me' : member.id),
    onSuccess: () => client.invalidateQueries(),
  });
  const given = rolesUpTo(organisation.role);
  const canChange = given.length > 2 && given.includes(member.role);
  return (
    <li>
      <span className="people-who">
        <strong>{member.name}</strong>
        <span className="quiet">
          {member.email}
          {member.isYou && ' (you)'}
          {member.secondFactor && ', second factor on'}
        </span>
      </span>
      <span className="people-do">
        {canChange ? (
          <NativeSelect
            aria-label={`Role of ${member.name}`}
            size="xs"
            data={given}
            disabled={change.isPending}
            value={member.role}
            onChange={(event) => change.mutate(event.currentTarget.value as Role)}
          />
        ) : (
          <span className="quiet">{member.role}</span>
        )}
        {(canChange || member.isYou) && (
          <Button size="xs" variant="default" className="danger" onClick={() => setRemoving(true)}>
            {member.isYou ? 'Leave…' : 'Remove…'}
            {!member.isYou && <span className="only-read"> {member.name}</span>}
          </Button>
        )}
      </span>
      {change.isError && <Failed what="The role was not changed" error={change.error} />}
      <Confirm
        opened={removing}
        onClose={() => setRemoving(false)}
        title={member.isYou ? `Leave ${organisation.name}?` : `Remove ${member.name}?`}
        yes={member.isYou ? 'Leave' : 'Remove'}
        pending={remove.isPending}
        onYes={() => remove.mutate()}
      >
        <Text size="sm">
          {member.isYou ? 'You see' : `${member.name} sees`} nothing of this organisation any more, at once.
        </Text>
        {remove.isError && <Failed what="Nobody was removed" error={remove.error} />}
      </Confirm>
    </li>
  );
}
