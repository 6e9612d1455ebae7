/** The frame of the pages before the login. */
import type { ReactNode } from 'react';
import { useTitle } from './page.tsx';
import { Mark, SchemeToggle } from './shell.tsx';

export function Door({ title, children }: { title: string; children: ReactNode }) {
  useTitle(title);
  return (
    <div className="door">
      <header className="bar">
        <span className="brand">
          <Mark />
          <span>Headcount</span>
        </span>
        <span className="bar-fill" />
        <SchemeToggle />
      </header>
      <main className="door-card">
        <h1>{title}</h1>
        {children}
      </main>
    </div>
  );
}
