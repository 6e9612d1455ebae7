/** Where people are told of issues and scalings: add, change, try out and remove channels. */
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Channel } from '../../server/api-issues.ts';
import { useMay } from '../may.ts';
import { ChannelDialog } from '../parts/channel-form.tsx';
import { ChannelRow } from '../parts/channel-row.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty, Failed, Loading } from '../parts/states.tsx';
import { queries } from '../queries.ts';

type Editing = { readonly kind: 'new' } | { readonly kind: 'old'; readonly channel: Channel };

export function ChannelsPage() {
  const channels = useQuery(queries.channels());
  const adapters = useQuery(queries.adapters());
  const [editing, setEditing] = useState<Editing>();
  const may = useMay('admin');
  const add = (): void => setEditing({ kind: 'new' });
  return (
    <>
      <PageHead title="Channels" top>
        <Button size="xs" disabled={!adapters.data} onClick={add} {...may}>
          Add a channel
        </Button>
      </PageHead>
      {adapters.isError && (
        <Failed
          what="The forms could not be loaded"
          error={adapters.error}
          retry={() => void adapters.refetch()}
        />
      )}
      {channels.isPending ? (
        <Loading what="channels" />
      ) : !channels.data ? (
        <Failed
          what="The channels could not be loaded"
          error={channels.error}
          retry={() => void channels.refetch()}
        />
      ) : channels.data.length === 0 ? (
        <Empty
          title="Nobody is told"
          action={
            <Button onClick={add} {...may}>
              Add a channel
            </Button>
          }
        >
          Issues are shown here in the dashboard only. A channel tells people where they are: by mail, in a
          chat, on a pager.
        </Empty>
      ) : (
        <ul className="channels" aria-label="Channels">
          {channels.data.map((channel) => (
            <ChannelRow
              key={channel.id}
              channel={channel}
              adapters={adapters.data}
              onEdit={() => setEditing({ kind: 'old', channel })}
            />
          ))}
        </ul>
      )}
      {editing && adapters.data && (
        <ChannelDialog
          channel={editing.kind === 'old' ? editing.channel : undefined}
          notifiers={adapters.data.notifiers}
          onClose={() => setEditing(undefined)}
        />
      )}
    </>
  );
}
