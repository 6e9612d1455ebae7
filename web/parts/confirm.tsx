/** Asks before what cannot be undone. */
import { Button, Group, Modal } from '@mantine/core';
import type { ReactNode } from 'react';

interface ConfirmProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly yes: string;
  readonly pending: boolean;
  readonly onYes: () => void;
  readonly children: ReactNode;
}

export function Confirm({ opened, onClose, title, yes, pending, onYes, children }: ConfirmProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} centered>
      <div className="stack">
        {children}
        <Group>
          <Button color="red" loading={pending} onClick={onYes}>
            {yes}
          </Button>
          <Button variant="default" data-autofocus onClick={onClose}>
            Cancel
          </Button>
        </Group>
      </div>
    </Modal>
  );
}
