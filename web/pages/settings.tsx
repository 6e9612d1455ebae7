/** The organisation: its name, who is in it with which role, keys of programs, and what was changed by whom. */
import { Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { AuditLog } from '../parts/audit-log.tsx';
import { Keys } from '../parts/keys.tsx';
import { Members } from '../parts/members.tsx';
import { OrganisationName } from '../parts/organisation-name.tsx';
import { Organisations } from '../parts/organisations.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty } from '../parts/states.tsx';
import { queries } from '../queries.ts';

export function SettingsPage() {
  const { data: me } = useQuery(queries.me());
  const { part = 'members' } = useSearch({ from: '/inside/settings' });
  const navigate = useNavigate({ from: '/settings' });
  const organisations = me?.organisations ?? [];
  const [current] = organisations;
  if (!current)
    return (
      <Empty page title="You are in no organisation">
        Ask somebody who is an owner or admin to invite you.
      </Empty>
    );
  const canManage = current.role === 'admin' || current.role === 'owner';
  const show = (next: string | null): void => {
    void navigate({ search: next === 'keys' || next === 'audit' ? { part: next } : {}, replace: true });
  };
  return (
    <>
      <PageHead title={current.name} top beside={<span className="quiet">your role: {current.role}</span>} />
      <Tabs value={canManage ? part : 'members'} onChange={show} keepMounted={false} className="views">
        <Tabs.List>
          <Tabs.Tab value="members">Members</Tabs.Tab>
          {canManage && <Tabs.Tab value="keys">API keys</Tabs.Tab>}
          {canManage && <Tabs.Tab value="audit">Audit log</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="members">
          <div className="people-cards">
            <Members key={`members ${current.id}`} organisation={current} />
            {current.role === 'owner' && (
              <OrganisationName key={`name ${current.id}`} organisation={current} />
            )}
            <Organisations organisations={organisations} />
          </div>
        </Tabs.Panel>
        {canManage && (
          <Tabs.Panel value="keys">
            <Keys key={current.id} organisation={current} />
          </Tabs.Panel>
        )}
        {canManage && (
          <Tabs.Panel value="audit">
            <AuditLog />
          </Tabs.Panel>
        )}
      </Tabs>
    </>
  );
}
