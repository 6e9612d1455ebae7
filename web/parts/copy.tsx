/** Text to take away: a line of code with a button that copies it. */
import { Button, Tooltip } from '@mantine/core';
import { useEffect, useState } from 'react';

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState<'no' | 'yes' | 'failed'>('no');
  useEffect(() => {
    if (copied === 'no') return;
    const timer = setTimeout(() => setCopied('no'), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  const words = { no: 'Copy', yes: 'Copied', failed: 'Select and copy by hand' };
  return (
    <Tooltip label={label} openDelay={400}>
      <Button
        size="xs"
        variant="default"
        aria-label={copied === 'no' ? label : words[copied]}
        onClick={async () => setCopied((await toClipboard(text)) ? 'yes' : 'failed')}
      >
        <span aria-live="polite">{words[copied]}</span>
      </Button>
    </Tooltip>
  );
}

export function CodeLine({ code, shown = code, label }: { code: string; shown?: string; label: string }) {
  return (
    <div className="code-line">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className="code" tabIndex={0} aria-label={label}>
        <code>{shown}</code>
      </section>
      <CopyButton text={code} label={`Copy ${label}`} />
    </div>
  );
}

/** The clipboard exists only on https and localhost; over plain http in a private network the old way still works. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = Object.assign(document.createElement('textarea'), { value: text, readOnly: true });
    area.setAttribute('style', 'position:fixed;opacity:0');
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}
